//! What a program gets, and what it does not.

use std::collections::BTreeMap;

use process::{Limits, Listen, Settings};

use crate::support::{get, is_root, ready, settings};

fn row<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.unwrap_or_else(|| panic!("{name} in {text}")).split_whitespace().collect()
}

#[test]
fn it_gets_its_arguments_and_its_environment_and_nothing_else() {
    let env = BTreeMap::from([("GREETING".to_owned(), "hello there".to_owned())]);
    let process = ready(Settings { env, ..settings(&["serve", "two words"]) });
    assert_eq!(get(&process, "/args").unwrap(), "rogue\nserve\ntwo words\n");
    let folder = get(&process, "/folder").unwrap();
    let env = get(&process, "/env").unwrap();
    let mut env: Vec<_> = env.lines().collect();
    env.sort_unstable();
    let wanted = [
        "GREETING=hello there".to_owned(),
        format!("GREENTIC_SOCKET={folder}/http.sock"),
        format!("TMPDIR={folder}"),
    ];
    let mut wanted: Vec<_> = wanted.iter().map(String::as_str).collect();
    wanted.sort_unstable();
    assert_eq!(env, wanted);
}

#[test]
fn it_may_have_a_port_instead() {
    let process = ready(Settings { listen: Listen::Port, ..settings(&[]) });
    let env = get(&process, "/env").unwrap();
    assert!(env.contains("PORT="), "{env}");
    assert!(!env.contains("GREENTIC_SOCKET"), "{env}");
}

#[test]
fn it_has_no_descriptor_that_it_did_not_open() {
    // Without close-on-exec, as a careless parent would leave it.
    let secret = tempfile::tempfile().unwrap();
    let leaked = rustix::io::dup(&secret).unwrap();
    assert!(rustix::io::fcntl_getfd(&leaked).unwrap().is_empty());
    let process = ready(settings(&[]));
    let open = get(&process, "/descriptors").unwrap();
    let kinds: Vec<_> = open.lines().map(|line| line.split([' ', ':']).nth(1).unwrap()).collect();
    assert_eq!(kinds, ["/dev/null", "pipe", "pipe"], "{open}");
}

#[test]
fn it_is_its_own_user_with_no_way_up() {
    let process = ready(settings(&[]));
    let status = get(&process, "/status").unwrap();
    assert_eq!(row(&status, "NoNewPrivs:"), ["1"]);
    let uids = row(&status, "Uid:");
    let gids = row(&status, "Gid:");
    if is_root() {
        assert_eq!(uids, gids);
        assert!(uids.iter().all(|uid| *uid == uids[0] && uid.len() > 4), "{uids:?}");
        assert!(row(&status, "Groups:").is_empty());
        for set in ["CapInh:", "CapPrm:", "CapEff:", "CapAmb:"] {
            assert_eq!(row(&status, set), ["0000000000000000"], "{set}");
        }
        let other = ready(Settings { name: "other".into(), ..settings(&[]) });
        let others = get(&other, "/status").unwrap();
        assert_ne!(row(&others, "Uid:"), uids);
    } else {
        let own = rustix::process::geteuid().as_raw().to_string();
        assert!(uids.iter().all(|uid| *uid == own));
    }
}

#[test]
fn it_leads_a_session_of_its_own_without_a_terminal() {
    let process = ready(settings(&[]));
    let stat = get(&process, "/stat").unwrap();
    let (head, rest) = stat.rsplit_once(')').unwrap();
    let pid = head.split(' ').next().unwrap();
    let rest: Vec<_> = rest.split_whitespace().collect();
    let (group, session, terminal) = (rest[2], rest[3], rest[4]);
    assert_eq!((group, session, terminal), (pid, pid, "0"));
}

#[test]
fn its_limits_are_the_kernels() {
    let limits = Limits { memory_mb: 64, files: 40, processes: 12 };
    // The kernel counts the processes of a user, and a user goes with a name.
    let process = ready(Settings { limits, name: "limited".into(), ..settings(&[]) });
    let shown = get(&process, "/limits").unwrap();
    let megabytes = (64u64 << 20).to_string();
    assert_eq!(row(&shown, "Max data size")[..2], [&*megabytes, &*megabytes]);
    assert_eq!(row(&shown, "Max open files")[..2], ["40", "40"]);
    assert_eq!(row(&shown, "Max core file size")[..2], ["0", "0"]);
    let opened: u32 = get(&process, "/open").unwrap().parse().unwrap();
    assert!((20..40).contains(&opened), "{opened}");
    if is_root() {
        let threads: u32 = get(&process, "/spawn").unwrap().parse().unwrap();
        assert!((5..12).contains(&threads), "{threads}");
    }
}

#[test]
fn its_folder_is_its_own_and_goes_with_it() {
    use std::os::unix::fs::MetadataExt as _;
    let process = ready(settings(&[]));
    let folder = get(&process, "/folder").unwrap();
    let found = std::fs::metadata(&folder).unwrap();
    assert_eq!(found.mode() & 0o777, 0o700);
    assert_ne!(found.uid(), 0, "a program never runs as root");
    assert!(process.stop(crate::support::PATIENCE));
    assert!(!std::path::Path::new(&folder).exists());
}
