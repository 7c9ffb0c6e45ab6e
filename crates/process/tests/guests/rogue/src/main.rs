//! A program that behaves as it is told: what each argument and each path means stands beside it.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::process::{Command, Stdio, exit};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

unsafe extern "C" {
    fn signal(number: i32, handler: usize) -> usize;
    fn setsid() -> i32;
}

const SIGTERM: i32 = 15;
const IGNORE: usize = 1;

static ASKED: AtomicU32 = AtomicU32::new(0);

/// What was open before anything was opened.
static INHERITED: OnceLock<String> = OnceLock::new();

fn main() {
    INHERITED.get_or_init(descriptors);
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.first().map_or("serve", String::as_str) {
        "serve" => serve(u32::MAX, "127.0.0.1"),
        // For a container, which is reached by an address of its own.
        "serve-all" => serve(u32::MAX, "0.0.0.0"),
        // Ends after so many requests.
        "serve-some" => serve(args[1].parse().unwrap(), "127.0.0.1"),
        "crash" => {
            eprintln!("there is nothing I can do");
            exit(3)
        }
        // Does not listen to SIGTERM, and neither do its children, one in a session of its own.
        "deaf" => {
            ignore_sigterm();
            println!("pid {}", std::process::id());
            for role in ["child", "runaway"] {
                spawn(role);
            }
            serve(u32::MAX, "127.0.0.1")
        }
        // Stays in the process group.
        "child" => {
            println!("grouped {}", std::process::id());
            wait_forever()
        }
        // Leaves the process group, and has a child there.
        "runaway" => {
            unsafe { setsid() };
            spawn("mute");
            wait_forever()
        }
        "mute" => wait_forever(),
        // Has somebody else's socket answer for it.
        "impostor" => {
            std::os::unix::fs::symlink(&args[1], variable("GREENTIC_SOCKET").unwrap()).unwrap();
            wait_forever()
        }
        other => panic!("{other}"),
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn ignore_sigterm() {
    unsafe { signal(SIGTERM, IGNORE) };
}

fn wait_forever() -> ! {
    ignore_sigterm();
    println!("pid {}", std::process::id());
    loop {
        std::thread::park();
    }
}

fn spawn(role: &str) {
    Command::new("/proc/self/exe").arg(role).stdin(Stdio::null()).spawn().unwrap();
}

fn serve(requests: u32, address: &str) -> ! {
    match (variable("GREENTIC_SOCKET"), variable("PORT")) {
        (Some(path), None) => {
            let listener = UnixListener::bind(path).unwrap();
            listener.incoming().for_each(|stream| in_thread(stream.unwrap(), requests));
        }
        (None, Some(port)) => {
            let listener = TcpListener::bind((address, port.parse().unwrap())).unwrap();
            listener.incoming().for_each(|stream| in_thread(stream.unwrap(), requests));
        }
        both => panic!("{both:?}"),
    }
    exit(0)
}

fn in_thread(stream: impl Read + Write + Send + 'static, requests: u32) {
    std::thread::spawn(move || {
        let mut stream = BufReader::new(stream);
        let mut line = String::new();
        if stream.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        let path = line.split(' ').nth(1).unwrap_or("/").to_owned();
        while stream.read_line(&mut line).unwrap_or(0) > 2 {}
        let (status, body) = answer(&path);
        let length = body.len();
        let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\n");
        let _ = write!(stream.get_mut(), "{head}connection: close\r\n\r\n{body}");
        drop(stream);
        if ASKED.fetch_add(1, Ordering::SeqCst) + 1 >= requests {
            exit(7);
        }
    });
}

fn answer(path: &str) -> (u16, String) {
    let text = |path: &str| std::fs::read_to_string(path).unwrap();
    match path.split('?').next().unwrap() {
        "/env" => {
            (200, std::env::vars().map(|(name, value)| format!("{name}={value}\n")).collect())
        }
        "/args" => (200, std::env::args().map(|arg| format!("{arg}\n")).collect()),
        "/status" => (200, text("/proc/self/status")),
        "/stat" => (200, text("/proc/self/stat")),
        "/limits" => (200, text("/proc/self/limits")),
        "/folder" => (200, std::env::current_dir().unwrap().display().to_string()),
        "/descriptors" => (200, INHERITED.get().unwrap().clone()),
        // Not ready for the first two times it is asked.
        "/third-time" if ASKED.load(Ordering::SeqCst) < 2 => (503, String::new()),
        "/die" => exit(9),
        // Where it can write, of these.
        "/writes" => {
            let places = ["/", "/tmp/", "/dev/shm/", "/run/", "/var/tmp/", "/run/greentic/"];
            let file = |place: &&str| std::fs::write(format!("{place}x"), "x").is_ok();
            (200, places.into_iter().filter(file).collect::<Vec<_>>().join(" "))
        }
        "/networks" => {
            let lines = text("/proc/net/dev");
            let names = lines.lines().filter_map(|line| Some(line.split_once(':')?.0.trim()));
            (200, names.collect::<Vec<_>>().join(" "))
        }
        "/print" => {
            for i in 0..200_000 {
                println!("line {i}");
            }
            (200, String::new())
        }
        "/eat" => (200, vec![1u8; 4 << 30].len().to_string()),
        "/open" => {
            let open = || std::fs::File::open("/proc/self/status");
            (200, std::iter::from_fn(|| open().ok()).collect::<Vec<_>>().len().to_string())
        }
        "/spawn" => {
            let begun = || std::thread::Builder::new().spawn(std::thread::park).ok();
            (200, std::iter::from_fn(begun).take(5_000).count().to_string())
        }
        _ => (200, "hello\n".to_owned()),
    }
}

fn descriptors() -> String {
    let mut lines = String::new();
    for fd in 0..1_024 {
        if let Ok(target) = std::fs::read_link(format!("/proc/self/fd/{fd}")) {
            lines += &format!("{fd} {}\n", target.display());
        }
    }
    lines
}
