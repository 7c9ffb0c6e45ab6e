//! What it prints is heard, and bounded.

use std::sync::Arc;

use process::Output;

use crate::support::{PATIENCE, Told, get, settings, start_told};

#[test]
fn both_outputs_are_heard() {
    let told = Arc::new(Told::default());
    let process = start_told(settings(&["crash"]), &told);
    assert_eq!(told.after("there is nothing I can do", 1), [""]);
    assert!(process.stop(PATIENCE));
    assert_eq!(told.all()[0], (Output::Stderr, "there is nothing I can do".to_owned()));
}

#[test]
fn one_that_prints_too_much_is_heard_in_part_and_goes_on() {
    let told = Arc::new(Told::default());
    let process = start_told(settings(&[]), &told);
    process.wait_until_ready().unwrap();
    assert_eq!(get(&process, "/print").as_deref(), Some(""));
    assert_eq!(get(&process, "/").as_deref(), Some("hello\n"));
    assert!(process.stop(PATIENCE));
    let lines = told.all();
    assert_eq!(lines[0], (Output::Stdout, "line 0".to_owned()));
    assert!((1_000..50_000).contains(&lines.len()), "{}", lines.len());
    assert!(lines.iter().any(|(_, line)| line.ends_with("lines dropped: too many at once]")));
}
