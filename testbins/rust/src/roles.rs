//! What this program does when a case starts it again.

use std::env;
use std::hint::black_box;
use std::io::{self, Read, Write};
use std::process::{self, ExitCode};
use std::thread;
use std::time::Duration;

use crate::unix;

/// Plays a role, named by the first argument.
pub fn run(role: &str, args: &[&str]) -> ExitCode {
    match (role, args) {
        ("@exit", [code]) => code
            .parse::<u8>()
            .map_or(ExitCode::from(99), ExitCode::from),
        ("@echo", words) => {
            println!("{}", words.join("|"));
            ExitCode::SUCCESS
        }
        ("@cat", []) => copy(),
        ("@complain", []) => {
            eprintln!("to standard error");
            ExitCode::SUCCESS
        }
        ("@environment", [name]) => {
            println!("{}", env::var(name).unwrap_or_default());
            ExitCode::from(u8::try_from(env::vars().count()).unwrap_or(255))
        }
        ("@directory", []) => {
            println!("{}", env::current_dir().unwrap_or_default().display());
            ExitCode::SUCCESS
        }
        ("@sleep", []) => loop {
            thread::sleep(Duration::from_secs(60));
        },
        ("@abort", []) => process::abort(),
        ("@overflow", []) => match thread::spawn(|| recurse(0)).join() {
            Ok(_) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        },
        ("@pour", []) => pour(),
        ("@crowd", [path]) => unix::crowd(path),
        _ => ExitCode::from(98),
    }
}

fn copy() -> ExitCode {
    let mut bytes = Vec::new();
    if io::stdin().read_to_end(&mut bytes).is_ok() && io::stdout().write_all(&bytes).is_ok() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Writes until nobody reads; 32 says that the pipe broke, as an error and not as a signal.
fn pour() -> ExitCode {
    let mut out = io::stdout();
    loop {
        match out.write_all(&[b'x'; 4096]) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return ExitCode::from(32),
            Err(_) => return ExitCode::FAILURE,
        }
    }
}

#[expect(unconditional_recursion, reason = "the stack's end is what is tried")]
fn recurse(depth: u64) -> u64 {
    let frame = black_box([depth; 64]);
    recurse(depth + 1) + black_box(frame).iter().sum::<u64>()
}
