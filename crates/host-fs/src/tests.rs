//! What each system has, asked of the one that the tests run on.

use std::fs;
use std::io::{ErrorKind, Write as _};

use super::*;

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn what_is_made_is_for_whom_it_was_meant() {
    let folder = folder();
    let inner = folder.path().join("private");
    private_folder().create(&inner).unwrap();
    let made = |name: &str, mut making: OpenOptions| {
        making.write(true).create_new(true).open(inner.join(name)).unwrap().metadata().unwrap()
    };
    let (private, public) = (made("key", private()), made("key.pub", public()));
    assert!(is_private(&private) && !others_may_write(&public));
    assert_eq!(owner(&private), own_account());
    if cfg!(unix) {
        assert_eq!(mode(&fs::metadata(&inner).unwrap()), Some(0o700));
        assert_eq!((mode(&private), mode(&public)), (Some(0o600), Some(0o644)));
        assert!(!is_private(&public));
    } else {
        assert_eq!((mode(&private), owner(&private)), (None, None));
    }
    let open = File::options().write(true).open(inner.join("key")).unwrap();
    set_mode(&open, 0o622).unwrap();
    let opened = open.metadata().unwrap();
    assert_eq!((others_may_write(&opened), is_private(&opened)), (cfg!(unix), cfg!(windows)));
}

#[test]
fn a_command_is_looked_for_where_nobody_else_puts_one() {
    let folder = folder();
    let [one, other] = ["one", "other"].map(|name| folder.path().join(name));
    let name = format!("tool{}", std::env::consts::EXE_SUFFIX);
    fs::create_dir_all(one.join(&name)).unwrap();
    fs::create_dir(&other).unwrap();
    let file = other.join(&name);
    let path = std::env::join_paths([one, other]).unwrap();
    assert_eq!(find_command(&path, "tool"), None, "a folder is no command");
    fs::write(&file, "#!/bin/sh\n").unwrap();
    if cfg!(unix) {
        assert_eq!(find_command(&path, "tool"), None, "nobody may run it");
        set_mode(&File::open(&file).unwrap(), 0o755).unwrap();
    }
    assert_eq!(find_command(&path, "tool"), Some(file.clone()));
    assert!(is_program(&file, &file.metadata().unwrap()).unwrap());
    fs::write(folder.path().join("text"), "#").unwrap();
    let text = folder.path().join("text");
    assert!(!is_program(&text, &text.metadata().unwrap()).unwrap());
    if cfg!(unix) {
        let relative = format!("{}{}", "../".repeat(64), file.parent().unwrap().display());
        assert!(Path::new(&relative).join("tool").exists());
        assert_eq!(find_command(relative.as_ref(), "tool"), None);
    }
}

#[test]
fn one_file_is_one_by_every_name_until_it_is_another() {
    let folder = folder();
    let [a, b] = ["a", "b"].map(|name| folder.path().join(name));
    fs::write(&a, "0123456789").unwrap();
    fs::hard_link(&a, &b).unwrap();
    let open = |path| open_plain(path).unwrap();
    assert!(is_same(&open(&a), &open(&b)).unwrap());
    let before = Stamp::of(&a.metadata().unwrap());
    assert_eq!(before, Stamp::of(&a.metadata().unwrap()));
    File::options().append(true).open(&a).unwrap().write_all(b"more").unwrap();
    assert_ne!(before, Stamp::of(&a.metadata().unwrap()));
    fs::remove_file(&b).unwrap();
    fs::write(&b, "0123456789").unwrap();
    assert!(!is_same(&open(&a), &open(&b)).unwrap());
    sync(&b).unwrap();
    sync_folder(folder.path()).unwrap();
}

#[test]
fn reads_are_where_they_were_meant_and_no_shorter() {
    let folder = folder();
    let path = folder.path().join("file");
    fs::write(&path, "0123456789").unwrap();
    let file = open_plain(&path).unwrap();
    let mut buffer = [0; 4];
    read_exact_at(&file, &mut buffer, 6).unwrap();
    assert_eq!(&buffer, b"6789");
    assert_eq!(read_at(&file, &mut buffer, 8).unwrap(), 2);
    assert_eq!(read_at(&file, &mut buffer, 10).unwrap(), 0);
    let short = read_exact_at(&file, &mut buffer, 7).unwrap_err();
    assert_eq!(short.kind(), ErrorKind::UnexpectedEof);
    assert_eq!(open_plain(&folder.path().join("none")).unwrap_err().kind(), ErrorKind::NotFound);
}

#[cfg(unix)]
#[test]
fn a_link_is_not_followed_and_a_pipe_not_waited_for() {
    use rustix::fs::{CWD, Mode, mkfifoat};

    let folder = folder();
    let [file, link, pipe] = ["file", "link", "pipe"].map(|name| folder.path().join(name));
    fs::write(&file, "").unwrap();
    std::os::unix::fs::symlink(&file, &link).unwrap();
    assert!(is_link(&open_plain(&link).unwrap_err()));
    assert!(!is_link(&open_plain(&folder.path().join("none")).unwrap_err()));
    mkfifoat(CWD, &pipe, Mode::RUSR | Mode::WUSR).unwrap();
    assert!(!open_plain(&pipe).unwrap().metadata().unwrap().is_file());
}
