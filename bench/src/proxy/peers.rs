//! The servers behind all proxies, and how each of the others is told to share 99 to 1 between
//! them: over connections that are kept, with one worker, without a log.

use std::fs;
use std::path::Path;
use std::process::{Child, Command};

use super::load::{free_address, run_pinned};
use super::{LOAD_CPU, PROXY_CPU, Proxy, started};
use crate::Bench;

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
    backends: &[String; 2],
) -> Result<Vec<Proxy>, String> {
    type Told = fn(&Bench, &Path, &str, &[String; 2]) -> Result<Command, String>;
    let peers: [(&'static str, Told); 5] = [
        ("HAProxy", haproxy),
        ("nginx", nginx_proxy),
        ("Envoy", envoy),
        ("Traefik", traefik),
        ("Caddy", caddy),
    ];
    let start = |(name, told): (&'static str, Told)| {
        let address = free_address()?;
        let command = told(bench, folder, &address, backends)?;
        started(name, address, run_pinned(PROXY_CPU, &command)?)
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
    at: &str,
    [one, two]: &[String; 2],
) -> Result<Command, String> {
    let text = format!(
        "global\n  nbthread 1\n  maxconn 8000\ndefaults\n  mode http\n  timeout connect 5s\n  \
         timeout client 60s\n  timeout server 60s\n  http-reuse always\n  option forwardfor\n\
         frontend f\n  bind {at}\n  default_backend b\n\
         backend b\n  balance roundrobin\n  server one {one} weight 99\n  server two {two} weight 1\n"
    );
    let mut command = Command::new("haproxy");
    command.args(["-db", "-f", &written(folder, "haproxy.cfg", &text)?]);
    Ok(command)
}

fn nginx_proxy(
    _: &Bench,
    folder: &Path,
    at: &str,
    [one, two]: &[String; 2],
) -> Result<Command, String> {
    let http = format!(
        "upstream b {{ server {one} weight=99; server {two} weight=1; keepalive 1024;
           keepalive_requests 1000000000; }}
         server {{ listen {at} backlog=4096;
           location / {{ proxy_pass http://b; proxy_http_version 1.1;
             proxy_set_header Connection ''; proxy_set_header Host $host;
             proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; }} }}"
    );
    nginx(folder, "nginx", &http)
}

fn envoy(
    bench: &Bench,
    folder: &Path,
    at: &str,
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
    let text = format!(
        "static_resources:\n  listeners:\n  - address: {}\n    filter_chains:\n    - filters:\n      \
         - name: envoy.filters.network.http_connection_manager\n        typed_config:\n          \
         '@type': type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager\n          \
         stat_prefix: p\n          generate_request_id: false\n          \
         http_filters: [{{name: envoy.filters.http.router, typed_config: {{'@type': type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}}}]\n          \
         route_config: {{virtual_hosts: [{{name: v, domains: ['*'], routes: [{{match: {{prefix: /}}, \
         route: {{weighted_clusters: {{clusters: [{{name: one, weight: 99}}, {{name: two, weight: 1}}]}}}}}}]}}]}}\n  \
         clusters:\n{clusters}",
        socket(at)
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
    at: &str,
    [one, two]: &[String; 2],
) -> Result<Command, String> {
    let text = format!(
        "http:\n  routers: {{r: {{rule: 'PathPrefix(`/`)', service: s}}}}\n  services:\n    \
         s: {{weighted: {{services: [{{name: one, weight: 99}}, {{name: two, weight: 1}}]}}}}\n    \
         one: {{loadBalancer: {{servers: [{{url: 'http://{one}'}}]}}}}\n    \
         two: {{loadBalancer: {{servers: [{{url: 'http://{two}'}}]}}}}\n"
    );
    let file = written(folder, "traefik.yaml", &text)?;
    let mut command = Command::new(bench.proxies.join("bin/traefik"));
    command.arg(format!("--entryPoints.web.address={at}"));
    command.arg(format!("--providers.file.filename={file}"));
    command.args(["--log.level=ERROR", "--global.checknewversion=false"]);
    command
        .args(["--global.sendanonymoususage=false", "--serversTransport.maxIdleConnsPerHost=1024"]);
    Ok(command)
}

fn caddy(
    bench: &Bench,
    folder: &Path,
    at: &str,
    [one, two]: &[String; 2],
) -> Result<Command, String> {
    let text = format!(
        "{{\n  admin off\n  auto_https off\n  persist_config off\n}}\nhttp://{at} http://:{} {{\n  \
         reverse_proxy {one} {two} {{\n    lb_policy weighted_round_robin 99 1\n    \
         transport http {{\n      keepalive_idle_conns_per_host 1024\n    }}\n  }}\n}}\n",
        at.rsplit(':').next().unwrap_or_default()
    );
    let file = written(folder, "Caddyfile", &text)?;
    let mut command = Command::new(bench.proxies.join("bin/caddy"));
    command.env("HOME", folder);
    command.args(["run", "--adapter", "caddyfile", "--config", &file]);
    Ok(command)
}
