//! What people see: tables with what matters first, colour on a terminal and nowhere else.

use insta::assert_snapshot;

use crate::world::World;

/// Ids, digests, times and durations by what they are.
pub(crate) fn steady() -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"01[0-9A-HJKMNP-TV-Z]{24}", "<ulid>");
    settings.add_filter(r"[0-9a-f]{64}", "<sha256>");
    settings.add_filter(r"\b[0-9a-f]{12}\b", "<digest>");
    settings.add_filter(r"wasmtime-[0-9a-f]{16}", "wasmtime-<hash>");
    settings.add_filter(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "<time>");
    settings.add_filter(r"\S+@\S+(\n|$)", "<who>$1");
    settings.add_filter(r"\d+ bytes", "<n> bytes");
    settings.add_filter(r"\S+ may not", "<user> may not");
    settings.add_filter(r#"User::"[^"]+""#, "User::<user>");
    settings.add_filter(r"/\S+/policy\.cedar", "<root>/policy.cedar");
    settings.add_filter(r"(pass|fail|skipped) +\d+ +", "$1 <ms> ");
    // As wide as the longest of them.
    settings.add_filter(r"status +ms +", "status ms ");
    settings
}

/// What a command shows when asked for tables.
pub(crate) fn shown(world: &World, words: &[&str]) -> String {
    let words = [words, &["-o", "table"]].concat();
    let ended = world.gtc.end(&words, b"").unwrap();
    ended.stdout + &ended.stderr
}

#[test]
fn a_rollout_reads_well() {
    let (world, bundles) = World::with_bundles();
    let _steady = steady().bind_to_scope();
    world.deployed(&bundles, "hello.localhost", "/");
    assert_snapshot!(shown(&world, &["op", "revisions", "warm", "r1"]), @"
    deployment id  <ulid>
    revision id    <ulid>
    lifecycle      ready
    sequence       r1

    gate
    check      status ms detail
    digest     pass <ms> <n> bytes hash to sha256:<sha256>
    signature  pass <ms> key <sha256> vouches for it
    config     pass <ms> the bundle has no config schema
    secrets    pass <ms> 0 needed, none missing
    packs      pass <ms> 2 loaded
    readiness  pass <ms> GET /readyz answered 200
    ");
    assert_snapshot!(shown(&world, &["op", "traffic", "set", "r1=99", "r2=1"]), @"
    deployment id  <ulid>
    generation     0
    has previous   no

    entries
    revision  weight  id
    r1        99 %    <ulid>
    r2        1 %     <ulid>
    ");
    assert_snapshot!(shown(&world, &["op", "traffic", "show"]), @"
    deployment id  <ulid>
    bundle id      hello
    generation     0
    has previous   no
    op             set
    at             <time>
    by             <who>

    entries
    revision  weight  lifecycle  id
    r1        99 %    ready      <ulid>
    r2        1 %     ready      <ulid>
    ");
    assert_snapshot!(shown(&world, &["op", "traffic", "history"]), @"
    deployment id  <ulid>
    truncated      no

    generations
    generation  traffic          op   at                   by
    0           r1 99 %, r2 1 %  set  <time>  <who>
    ");
    assert_snapshot!(shown(&world, &["op", "bundles", "list"]), @"
    deployment count  1

    deployments
    bundle  routes            lifecycle  traffic                                                          customer   staged  deployment
    hello   hello.localhost/  active     <ulid> 99 %, <ulid> 1 %  local-dev  2       <ulid>
    ");
    assert_snapshot!(shown(&world, &["op", "revisions", "list"]), @"
    revisions
    revision  bundle  version  lifecycle  weight  created              digest        id
    r1        hello   1.0.0    ready      99 %    <time>  <digest>  <ulid>
    r2        hello   2.0.0    ready      1 %     <time>  <digest>  <ulid>
    ");
    assert_snapshot!(shown(&world, &["op", "env", "list"]), @"
    environments
    environment  name   deployments  env-packs  generation
    local        Local  1            5          0
    ");
    assert_snapshot!(shown(&world, &["op", "env-packs", "list"]), @"
    bindings
    slot       kind                                   from     generation
    deployer   greentic.deployer.local-process@0.1.0  builtin  0
    secrets    greentic.secrets.dev-store@0.1.0       builtin  0
    telemetry  greentic.telemetry.stdout@0.1.0        builtin  0
    sessions   greentic.sessions.in-memory@0.1.0      builtin  0
    state      greentic.state.in-memory@0.1.0         builtin  0
    ");
}

#[test]
fn a_failure_says_what_to_type_next() {
    let (world, bundles) = World::with_bundles();
    let _steady = steady().bind_to_scope();
    world.deployed(&bundles, "hello.localhost", "/");
    assert_snapshot!(shown(&world, &["op", "traffic", "set", "r1=99", "r3=1"]), @"
    not-found: there is no revision `r3`
      pointer  /entries/1/revision_id
      try  gtc op revisions list
    ");
    assert_snapshot!(shown(&world, &["op", "env", "create", "prod-eu"]), @r#"
    refused: <user> may not `env create` on `prod-eu`: nothing is allowed here until a policy grants it
      policy  default/closed
      smallest grant  permit (principal == User::<user>, action == Action::"env.create", resource == Environment::"prod-eu");
      try  who owns the store may add the smallest grant to <root>/policy.cedar
    "#);
}

#[test]
fn a_terminal_gets_tables_in_colour_and_a_pipe_gets_neither() {
    let (world, bundles) = World::with_bundles();
    world.deployed(&bundles, "hello.localhost", "/");
    let seen = world.on_a_terminal("op revisions list", &[]);
    assert!(seen.contains("\u{1b}[32mready\u{1b}[0m"), "{seen:?}");
    assert!(seen.contains("lifecycle") && !seen.contains('{'), "{seen:?}");
    let refused = world.on_a_terminal("op revisions show r9", &[]);
    assert!(refused.contains("\u{1b}[1m\u{1b}[31mnot-found\u{1b}[0m"), "{refused:?}");
    let piped = shown(&world, &["op", "revisions", "list"]);
    assert!(piped.contains("ready") && !piped.contains('\u{1b}'), "{piped:?}");
}
