//! The servers behind all proxies, and how each of the others is told to share 99 to 1 between
//! them: over connections that are kept, with one worker, without a log.

use std::fs;
use std::path::Path;
use std::process::{Child, Command};

use harness::Issued;

use super::load::{free_address, run_pinned};
use super::{Doors, LOAD_CPU, PROXY_CPU, Proxy, started};
use crate::Bench;

/// One that the others of its kind are compared with where bodies are large, and is else the same.
pub(super) const SPLICING: &str = "HAProxy, splice";

/// An nginx that is two servers.
pub(super) struct Backends {
    child: Child,
    pub(super) addresses: [String; 2],
}

impl Drop for Backends {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(super) fn backends(folder: &Path) -> Result<Backends, String> {
    let files = folder.join("files");
    fs::create_dir_all(&files).map_err(|error| error.to_string())?;
    for (name, size) in [("10k", 10_000), ("1m", 1_000_000)] {
        fs::write(files.join(name), vec![b'x'; size]).map_err(|error| error.to_string())?;
    }
    let addresses = [free_address()?, free_address()?];
    let server = |address: &String| {
        format!(
            "server {{ listen {address} backlog=4096; root {};
             location = /small {{ return 200 'hello\\n'; }} }}\n",
            files.display()
        )
    };
    let servers: String = addresses.iter().map(server).collect();
    let http = format!("open_file_cache max=10; sendfile on; tcp_nopush on;\n{servers}");
    let child = run_pinned(LOAD_CPU, &nginx(folder, "backends", &http)?)?;
    Ok(Backends { child, addresses })
}

fn nginx(folder: &Path, name: &str, http: &str) -> Result<Command, String> {
    let own = folder.join(name);
    fs::create_dir_all(&own).map_err(|error| error.to_string())?;
    let (dir, config) = (own.display(), own.join("nginx.conf"));
    let text = format!(
        "daemon off; master_process off; pid {dir}/pid; error_log stderr crit;
         worker_rlimit_nofile 16384;
         events {{ worker_connections 8192; }}
         http {{ access_log off; keepalive_requests 1000000000; client_body_temp_path {dir}/b;
         proxy_temp_path {dir}/p; fastcgi_temp_path {dir}/f; uwsgi_temp_path {dir}/u;
         scgi_temp_path {dir}/s; {http} }}\n"
    );
    fs::write(&config, text).map_err(|error| error.to_string())?;
    let mut command = Command::new("nginx");
    command.args(["-e", "stderr", "-p"]).arg(own).arg("-c").arg(config);
    Ok(command)
}

/// All of them, answering.
pub(super) fn all(
    bench: &Bench,
    folder: &Path,
    shown: &Issued,
    backends: &[String; 2],
) -> Result<Vec<Proxy>, String> {
    type Told = fn(&Bench, &Path, &Doors, &[String; 2]) -> Result<Command, String>;
    let peers: [(&'static str, Told); 6] = [
        ("HAProxy", haproxy),
        (SPLICING, splicing_haproxy),
        ("nginx", nginx_proxy),
        ("Envoy", envoy),
        ("Traefik", traefik),
        ("Caddy", caddy),
    ];
    let start = |(name, told): (&'static str, Told)| {
        let at = Doors::new(shown)?;
        let command = told(bench, folder, &at, backends)?;
        started(name, at, run_pinned(PROXY_CPU, &command)?)
    };
    peers.into_iter().map(start).collect()
}

/// Writes a configuration and names it.
fn written(folder: &Path, name: &str, text: &str) -> Result<String, String> {
    let file = folder.join(name);
    fs::write(&file, text).map_err(|error| error.to_string())?;
    Ok(file.display().to_string())
}

fn haproxy(
    _: &Bench,
    folder: &Path,
    at: &Doors,
    backends: &[String; 2],
) -> Result<Command, String> {
    haproxy_with(folder, at, backends, "haproxy", "")
}

/// Which moves answers inside the kernel.
fn splicing_haproxy(
    _: &Bench,
    folder: &Path,
    at: &Doors,
    backends: &[String; 2],
) -> Result<Command, String> {
    haproxy_with(folder, at, backends, "splicing", "  option splice-response\n")
}

fn haproxy_with(
    folder: &Path,
    at: &Doors,
    [one, two]: &[String; 2],
    name: &str,
    options: &str,
) -> Result<Command, String> {
    // It wants both in one file.
    let both = [&at.shown.certificate, &at.shown.key].map(fs::read_to_string);
    let [certificate, key] = both.map(|read| read.map_err(|error| error.to_string()));
    let shown = written(folder, &format!("{name}.pem"), &(certificate? + &key?))?;
    let Doors { clear, tls, .. } = at;
    let text = format!(
        "global\n  nbthread 1\n  maxconn 6000\ndefaults\n  mode http\n  timeout connect 5s\n  \
         timeout client 60s\n  timeout server 60s\n  http-reuse always\n  option forwardfor\n{options}\
         frontend f\n  bind {clear}\n  bind {tls} ssl crt {shown} alpn h2,http/1.1\n  \
         default_backend b\n\
         backend b\n  balance roundrobin\n  server one {one} weight 99\n  server two {two} weight 1\n"
    );
    let mut command = Command::new("haproxy");
    command.args(["-db", "-f", &written(folder, &format!("{name}.cfg"), &text)?]);
    Ok(command)
}

fn nginx_proxy(
    _: &Bench,
    folder: &Path,
    at: &Doors,
    [one, two]: &[String; 2],
) -> Result<Command, String> {
    let Doors { clear, tls, shown } = at;
    let (certificate, key) = (shown.certificate.display(), shown.key.display());
    let http = format!(
        "upstream b {{ server {one} weight=99; server {two} weight=1; keepalive 1024;
           keepalive_requests 1000000000; }}
         server {{ listen {clear} backlog=4096; listen {tls} ssl http2 backlog=4096;
           ssl_certificate {certificate}; ssl_certificate_key {key};
           ssl_protocols TLSv1.2 TLSv1.3;
           location / {{ proxy_pass http://b; proxy_http_version 1.1;
             proxy_set_header Connection ''; proxy_set_header Host $host;
             proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; }} }}"
    );
    nginx(folder, "nginx", &http)
}

fn envoy(
    bench: &Bench,
    folder: &Path,
    at: &Doors,
    backends: &[String; 2],
) -> Result<Command, String> {
    let socket = |address: &str| {
        let (host, port) = address.rsplit_once(':').unwrap_or_default();
        format!("{{socket_address: {{address: {host}, port_value: {port}}}}}")
    };
    let cluster = |(name, address): (&str, &String)| {
        format!(
            "  - name: {name}\n    type: STATIC\n    load_assignment: {{cluster_name: {name}, \
             endpoints: [{{lb_endpoints: [{{endpoint: {{address: {}}}}}]}}]}}\n",
            socket(address)
        )
    };
    let clusters: String = ["one", "two"].into_iter().zip(backends).map(cluster).collect();
    let filters = "\
- name: envoy.filters.network.http_connection_manager
        typed_config:
          '@type': type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: p
          generate_request_id: false
          http_filters: [{name: envoy.filters.http.router, typed_config: {'@type': type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}]
          route_config: {virtual_hosts: [{name: v, domains: ['*'], routes: [{match: {prefix: /}, route: {weighted_clusters: {clusters: [{name: one, weight: 99}, {name: two, weight: 1}]}}}]}]}";
    let Doors { clear, tls, shown } = at;
    let (clear, tls) = (socket(clear), socket(tls));
    let (certificate, key) = (shown.certificate.display(), shown.key.display());
    let text = format!(
        "\
static_resources:
  listeners:
  - address: {clear}
    filter_chains:
    - filters:
      {filters}
  - address: {tls}
    filter_chains:
    - transport_socket:
        name: envoy.transport_sockets.tls
        typed_config:
          '@type': type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext
          common_tls_context:
            alpn_protocols: [h2, http/1.1]
            tls_params: {{tls_maximum_protocol_version: TLSv1_3}}
            tls_certificates: [{{certificate_chain: {{filename: {certificate}}}, private_key: {{filename: {key}}}}}]
      filters:
      {filters}
  clusters:
{clusters}"
    );
    let file = written(folder, "envoy.yaml", &text)?;
    let mut command = Command::new(bench.proxies.join("bin/envoy"));
    command.env("PYTHONPATH", &bench.proxies);
    command.args([
        "--concurrency",
        "1",
        "--log-level",
        "off",
        "--use-dynamic-base-id",
        "-c",
        &file,
    ]);
    Ok(command)
}

fn traefik(
    bench: &Bench,
    folder: &Path,
    at: &Doors,
    [one, two]: &[String; 2],
) -> Result<Command, String> {
    let Doors { clear, tls, shown } = at;
    let (certificate, key) = (shown.certificate.display(), shown.key.display());
    let text = format!(
        "tls: {{certificates: [{{certFile: {certificate}, keyFile: {key}}}]}}\n\
         http:\n  routers:\n    r: {{rule: 'PathPrefix(`/`)', service: s, entryPoints: [web]}}\n    \
         t: {{rule: 'PathPrefix(`/`)', service: s, entryPoints: [websecure], tls: {{}}}}\n  services:\n    \
         s: {{weighted: {{services: [{{name: one, weight: 99}}, {{name: two, weight: 1}}]}}}}\n    \
         one: {{loadBalancer: {{servers: [{{url: 'http://{one}'}}]}}}}\n    \
         two: {{loadBalancer: {{servers: [{{url: 'http://{two}'}}]}}}}\n"
    );
    let file = written(folder, "traefik.yaml", &text)?;
    let mut command = Command::new(bench.proxies.join("bin/traefik"));
    command.arg(format!("--entryPoints.web.address={clear}"));
    command.arg(format!("--entryPoints.websecure.address={tls}"));
    command.arg(format!("--providers.file.filename={file}"));
    command.args(["--log.level=ERROR", "--global.checknewversion=false"]);
    command
        .args(["--global.sendanonymoususage=false", "--serversTransport.maxIdleConnsPerHost=1024"]);
    Ok(command)
}

fn caddy(
    bench: &Bench,
    folder: &Path,
    at: &Doors,
    [one, two]: &[String; 2],
) -> Result<Command, String> {
    let Doors { clear, tls, shown } = at;
    let (certificate, key) = (shown.certificate.display(), shown.key.display());
    let port = |address: &str| address.rsplit(':').next().unwrap_or_default().to_owned();
    let text = format!(
        "{{\n  admin off\n  auto_https off\n  persist_config off\n}}\n\
         (s) {{\n  \
         reverse_proxy {one} {two} {{\n    lb_policy weighted_round_robin 99 1\n    \
         transport http {{\n      keepalive_idle_conns_per_host 1024\n    }}\n  }}\n}}\n\
         http://{clear} http://:{} {{\n  import s\n}}\n\
         https://:{} {{\n  tls {certificate} {key}\n  import s\n}}\n",
        port(clear),
        port(tls)
    );
    let file = written(folder, "Caddyfile", &text)?;
    let mut command = Command::new(bench.proxies.join("bin/caddy"));
    command.env("HOME", folder);
    command.args(["run", "--adapter", "caddyfile", "--config", &file]);
    Ok(command)
}
