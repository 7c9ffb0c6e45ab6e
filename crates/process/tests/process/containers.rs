//! Containers of a real Podman and a real Docker: as weak as programs, started again as they are, and
//! gone when they should be.

use std::sync::Arc;
use std::time::Duration;

use deploy_spec::Digest;
use process::{Ask, Limits, Listen, Output, Probe, Restart, Settings, State};

use crate::engine::Engine;
use crate::support::{PATIENCE, Told, contain, eventually, get, kill, settings};

/// It has no limit on processes of its own but the one of its control group.
fn limited() -> Settings {
    let limits = Limits { memory_mb: 64, files: 256, processes: 32 };
    Settings { limits, name: "r1/rogue".into(), ..settings(&["serve", "a b"]) }
}

fn nothing_is_left(engine: &Engine) {
    assert_eq!(engine.all(), [""; 0]);
    assert!(engine.noted().is_empty());
}

/// What holds for both engines, over the socket in the folder that is shared.
fn is_kept_over_a_socket(engine: &Engine) {
    let (image, told) = (engine.rogue(), Arc::new(Told::default()));
    let mut settings = limited();
    settings.env.insert("API_KEY".into(), r#" a="b" # 'c' $d \n"#.into());
    let process = contain(&engine.containers, &image, settings, &told);
    process.wait_until_ready().unwrap();
    assert_eq!(engine.all().len(), 1);

    let env = get(&process, "/env").unwrap();
    for line in
        ["API_KEY= a=\"b\" # 'c' $d \\n", "TMPDIR=/tmp", "GREENTIC_SOCKET=/run/greentic/http.sock"]
    {
        assert!(env.lines().any(|it| it == line), "{line}: {env}");
    }
    assert_eq!(get(&process, "/args").unwrap(), "/rogue\nserve\na b\n");
    let status = get(&process, "/status").unwrap();
    for line in ["CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "NoNewPrivs:\t1"] {
        assert!(status.lines().any(|it| it == line), "{line}: {status}");
    }
    assert_eq!(get(&process, "/writes").unwrap(), "/tmp/ /dev/shm/ /run/greentic/");
    assert_eq!(get(&process, "/networks").unwrap(), "lo");
    assert!(get(&process, "/open").unwrap().parse::<u32>().unwrap() < 256);

    let before = process.address();
    assert_eq!(get(&process, "/die"), None);
    eventually("it is ready again", || {
        process.address().is_some_and(|address| Some(&address) != before.as_ref())
    });
    assert_eq!(engine.all().len(), 1, "the first one is gone");
    // The last question: none of these threads ends, so there may be none left to answer by.
    let threads: u32 = get(&process, "/spawn").unwrap().parse().unwrap();
    assert!(threads < 32, "{threads} threads were begun");
    assert!(process.stop(PATIENCE));
    nothing_is_left(engine);
}

#[test]
fn podman_keeps_one_over_a_socket() {
    if let Some(engine) = Engine::podman() {
        is_kept_over_a_socket(&engine);
    }
}

#[test]
fn docker_keeps_one_over_a_socket() {
    if let Some(engine) = Engine::docker() {
        is_kept_over_a_socket(&engine);
    }
}

#[test]
fn one_at_a_port_is_ready_when_it_answers_and_prints_to_the_log() {
    let Some(engine) = Engine::podman() else { return };
    let told = Arc::new(Told::default());
    let probe = Probe { ask: Ask::AnyAnswer, ..Probe::default() };
    let settings = Settings { listen: Listen::Port, probe, ..settings(&["serve-all"]) };
    let process = contain(&engine.containers, &engine.rogue(), settings, &told);
    process.wait_until_ready().unwrap();
    assert!(get(&process, "/env").unwrap().lines().any(|line| line == "PORT=3000"));
    assert_eq!(get(&process, "/print").as_deref(), Some(""));
    told.after("line 99", 1);
    assert!(told.all().iter().any(|line| *line == (Output::Stdout, "line 0".into())));
    assert!(process.stop(PATIENCE));
    nothing_is_left(&engine);
}

#[test]
fn one_that_does_not_listen_behind_its_port_is_not_ready() {
    let Some(engine) = Engine::podman() else { return };
    let probe =
        Probe { ask: Ask::AnyAnswer, deadline: Duration::from_millis(500), ..Probe::default() };
    let settings = Settings { listen: Listen::Port, probe, ..settings(&["mute"]) };
    let process = contain(&engine.containers, &engine.rogue(), settings, &Arc::default());
    let fault = process.wait_until_ready().unwrap_err();
    assert!(fault.message.contains("not ready after 500 ms"), "{}", fault.message);
    assert!(process.stop(PATIENCE));
    nothing_is_left(&engine);
}

#[test]
fn a_link_in_the_shared_folder_leads_nowhere() {
    let Some(engine) = Engine::podman() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("precious.sock");
    let _precious = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let probe = Probe { deadline: Duration::from_secs(2), ..Probe::default() };
    let settings = Settings { probe, ..settings(&["impostor", path.to_str().unwrap()]) };
    let process = contain(&engine.containers, &engine.rogue(), settings, &Arc::default());
    let fault = process.wait_until_ready().unwrap_err();
    assert!(fault.message.ends_with("what is there is not a socket"), "{fault:?}");
    assert!(!matches!(process.state(), State::Ready(_)));
    assert!(process.stop(PATIENCE));
    nothing_is_left(&engine);
}

#[test]
fn one_that_takes_too_much_memory_is_told_so_and_started_again() {
    let Some(engine) = Engine::podman() else { return };
    // It is not looked away from what happened too soon.
    let restart = Restart { first: Duration::from_secs(1), ..Restart::default() };
    let settings = Settings { restart, ..limited() };
    let process = contain(&engine.containers, &engine.rogue(), settings, &Arc::default());
    process.wait_until_ready().unwrap();
    let before = process.address();
    assert_eq!(get(&process, "/eat"), None);
    let ended = "it ended by itself: it was killed, as is what uses more than its memory";
    eventually(ended, || process.state() == State::Waiting { why: ended.into() });
    eventually("it is ready again", || {
        process.address().is_some_and(|address| Some(&address) != before.as_ref())
    });
    assert!(process.stop(PATIENCE));
    nothing_is_left(&engine);
}

#[test]
fn what_cannot_be_made_is_told_in_the_engines_words() {
    let Some(engine) = Engine::podman() else { return };
    let name = format!("a.test/nothing@{}", Digest::of(b"nothing")).parse().unwrap();
    let image = process::Image::named(&name);
    let process = contain(&engine.containers, &image, settings(&[]), &Arc::default());
    let fault = process.wait_until_ready().unwrap_err();
    let begin = "the program failed: it could not be started: ";
    assert!(
        fault.message.starts_with(begin) && fault.message.contains("a.test/nothing"),
        "{fault:?}"
    );
    assert!(process.stop(PATIENCE));
    nothing_is_left(&engine);
    let fault = engine.containers.fetch(&name).unwrap_err();
    assert!(fault.message.contains("cannot be pulled"), "{fault:?}");
}

#[test]
fn a_variable_of_several_lines_is_refused_before_anything_starts() {
    let Some(engine) = Engine::podman() else { return };
    let mut settings = settings(&[]);
    settings.env.insert("KEY".into(), "a\nPATH=b".into());
    let supervisor = crate::support::supervisor().with_containers(Some(engine.containers.clone()));
    let name = format!("a.test/nothing@{}", Digest::of(b"nothing")).parse().unwrap();
    let image = process::Image::named(&name);
    let container = process::Container { image, command: None, port: 1, cpu_milli: None };
    let fault = supervisor.start(container, settings, Arc::<Told>::default()).unwrap_err();
    assert!(fault.message.contains("`KEY` has several lines"), "{fault:?}");
}

#[test]
fn one_whose_shim_is_killed_is_removed_before_the_next_is_made() {
    let Some(engine) = Engine::podman() else { return };
    let process = contain(&engine.containers, &engine.rogue(), limited(), &Arc::default());
    process.wait_until_ready().unwrap();
    let (before, names) = (process.address(), engine.all());
    kill(&engine.noted()[0][0]);
    eventually("it is ready again", || {
        process.address().is_some_and(|address| Some(&address) != before.as_ref())
    });
    let now = engine.all();
    assert!(now.len() == 1 && now != names, "{now:?} after {names:?}");
    assert!(process.stop(PATIENCE));
    nothing_is_left(&engine);
}

/// What another process of this test does until it is killed: it keeps a container.
#[test]
#[expect(clippy::disallowed_methods, reason = "how a test tells a child of itself what to do")]
fn as_another_keeper() {
    let Some(notes) = std::env::var_os("PROCESS_TEST_NOTES") else { return };
    let engine = Engine::podman_for(Some(notes.into())).unwrap();
    let process = contain(&engine.containers, &engine.rogue(), limited(), &Arc::default());
    process.wait_until_ready().unwrap();
    println!("it is ready");
    loop {
        std::thread::park();
    }
}

/// Another process that keeps a container of the same environment.
fn another_keeper(engine: &Engine) -> std::process::Child {
    use std::io::BufRead as _;
    let mut other = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "containers::as_another_keeper", "--nocapture"])
        .env("PROCESS_TEST_NOTES", engine.notes())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = std::io::BufReader::new(other.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("it is ready")));
    other
}

#[test]
fn one_whose_supervisor_is_killed_is_removed_by_its_shim() {
    let Some(engine) = Engine::podman() else { return };
    let mut other = another_keeper(&engine);
    assert_eq!(engine.all().len(), 1);
    other.kill().unwrap();
    other.wait().unwrap();
    eventually("its note is gone", || engine.noted().is_empty());
    nothing_is_left(&engine);
}

#[test]
fn what_is_left_behind_is_removed_and_nothing_else() {
    let Some(engine) = Engine::podman() else { return };
    let mut other = another_keeper(&engine);
    let left = engine.all();
    let [keeper, folder] = engine.noted().remove(0);
    // Both at once, as when the machine loses its power.
    kill(&keeper);
    other.kill().unwrap();
    other.wait().unwrap();
    let process = contain(&engine.containers, &engine.rogue(), limited(), &Arc::default());
    process.wait_until_ready().unwrap();
    let ours = engine.all();
    assert!(ours.len() == 1 && ours != left, "{ours:?} after {left:?}");
    assert!(!std::path::Path::new(&folder).exists(), "{folder} is left");
    // One of somebody's that is called as ours are, and is in the store of the same engine.
    let theirs = format!("{}-theirs", ours[0]);
    let label = format!("greentic.environment={}", engine.notes().display());
    let image = engine.ask(&["inspect", "--format", "{{.Image}}", &ours[0]]).unwrap();
    engine.ask(&["create", "--name", &theirs, "--label", &label, &image]).unwrap();
    engine.containers.clear_up();
    let mut all = engine.all();
    all.sort();
    assert_eq!(all, [ours[0].as_str(), &theirs]);
    engine.ask(&["rm", &theirs]).unwrap();
    assert!(process.stop(PATIENCE));
    nothing_is_left(&engine);
}
