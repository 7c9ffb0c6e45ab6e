//! The project's own chores, as `cargo xtask <verb>`.
//!
//! A chore needs nothing but this checkout, cargo and what [`needs`] installs. No product logic
//! lives here: what a chore has to know about the product, it asks `deploy-spec` and `control`.

mod bench;
mod command;
mod demo;
mod desktops;
mod fmt;
mod fuzz;
mod generate;
mod house;
mod idle;
mod image;
mod needs;
mod test;
mod tidy;

use std::process::ExitCode;

use house::House;

const USAGE: &str = "\
cargo xtask <verb>

  demo [--gtc FILE]  builds what is needed and shows a whole rollout; --gtc takes a built binary
  test [--quick]   everything that must hold before a change lands; --quick says what it skips
  bench [NAME …]   pick, verbs, shift, wasm, wasm-start, bundle, proxy: what it costs, as shipped,
                   beside others; results also go to bench/results
  fuzz [--seconds N] [--keep]
                   throws bytes that nobody made at what reads bundles, 60 seconds for each target;
                   --keep adds what reached new code to fuzz/corpus
  chaos [--rounds N]
                   everything at once, 20 rounds unless it is said, of which each takes some seconds
  idle             50 000 connections on which nothing happens, on a kernel of its own that lets them be
  image [--quick]  gtc built static, alone in an OCI image, measured and tried under Podman; --quick
                   builds it as for tests, which is larger
  desktops         whether gtc compiles for macOS, Windows and Linux on ARM; its C is left out
  tidy             the rules of the house: layers, sizes, forbidden words, links, fresh files
  gen [--check]    writes the generated files, or says which are stale
  fmt [--check]    formats all Rust code, the guests' too";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match run(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

fn run(words: &[&str]) -> Result<(), String> {
    match words {
        ["demo"] => demo::run(&House::find()?, None),
        ["demo", "--gtc", binary] => demo::run(&House::find()?, Some(binary)),
        ["test"] => test::run(&House::find()?, test::Extent::Full),
        ["test", "--quick"] => test::run(&House::find()?, test::Extent::Quick),
        ["bench", names @ ..] => bench::run(&House::find()?, names),
        ["fuzz", rest @ ..] => fuzz::run(&House::find()?, rest),
        ["chaos"] => chaos(&House::find()?, "20"),
        ["chaos", "--rounds", rounds] => chaos(&House::find()?, rounds),
        ["idle"] => idle::run(&House::find()?, idle::Asked::Alone),
        ["image"] => image::run(&House::find()?, image::Built::ToShip),
        ["image", "--quick"] => image::run(&House::find()?, image::Built::ToTest),
        ["desktops"] => desktops::run(&House::find()?),
        ["tidy"] => tidy::run(&House::find()?),
        ["gen"] => generate::write(&House::find()?),
        ["gen", "--check"] => generate::check(&House::find()?),
        ["fmt"] => fmt::run(&House::find()?, fmt::Mode::Write),
        ["fmt", "--check"] => fmt::run(&House::find()?, fmt::Mode::Check),
        [] | ["help" | "-h" | "--help"] => {
            println!("{USAGE}");
            Ok(())
        }
        _ => Err(format!("there is no `cargo xtask {}`\n\n{USAGE}", words.join(" "))),
    }
}

/// The test of that name, for as many rounds, with what its clients did.
fn chaos(house: &House, rounds: &str) -> Result<(), String> {
    let rounds = format!("GREENTIC_CHAOS_ROUNDS={rounds}");
    let test = ["cargo", "nextest", "run", "--workspace", "--success-output", "immediate"];
    let which = ["-E", "package(gtc) & test(chaos::)"];
    let words = ["env", &rounds].into_iter().chain(test).chain(which).collect::<Vec<_>>();
    command::run(&house.root, &words)
}
