//! What the Rust programs among the tests share: cases with names, each run in a process of its own under a time
//! limit, and TAP.
//!
//! The command line and the output are those of the C tests: no arguments run everything, names run only these,
//! `-l` lists; TAP goes to standard output.

#![forbid(unsafe_code)]

use std::error::Error;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

/// What a case gives: nothing, or why it failed.
pub type Outcome = Result<(), Box<dyn Error>>;

/// A case and its name.
pub type Case = (&'static str, fn() -> Outcome);

/// A case may take this long.
const LIMIT: Duration = Duration::from_secs(300);

/// Names functions as cases.
#[macro_export]
macro_rules! cases {
    ($($name:ident),* $(,)?) => {
        /// The cases of this file.
        pub const CASES: &[$crate::Case] = &[$((stringify!($name), $name)),*];
    };
}

/// Ends the case unless two values are equal.
#[macro_export]
macro_rules! expect_eq {
    ($got:expr, $want:expr $(,)?) => {
        match ($got, $want) {
            (got, want) => {
                if got != want {
                    return Err(format!(
                        "{}:{}: {}: expected {want:?}, got {got:?}",
                        file!(),
                        line!(),
                        stringify!($got)
                    )
                    .into());
                }
            }
        }
    };
}

/// Ends the case unless the condition holds.
#[macro_export]
macro_rules! expect {
    ($condition:expr) => {
        if !$condition {
            return Err(format!(
                "{}:{}: expected {}",
                file!(),
                line!(),
                stringify!($condition)
            )
            .into());
        }
    };
}

fn names<'a>(all: &'a [&'a [Case]]) -> impl Iterator<Item = &'static str> + 'a {
    all.iter().copied().flatten().map(|(name, _)| *name)
}

/// Runs one case in this process.
fn run_here(all: &[&[Case]], name: &str) -> ExitCode {
    let Some((_, case)) = all
        .iter()
        .copied()
        .flatten()
        .find(|(known, _)| *known == name)
    else {
        return ExitCode::from(2);
    };
    match case() {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            println!("# {why}");
            ExitCode::FAILURE
        }
    }
}

/// Runs one case in a process of its own and says how it ended.
fn run_apart(name: &str) -> Outcome {
    let mut child = Command::new(std::env::current_exe()?)
        .args(["@case", name])
        .stdin(Stdio::null())
        .process_group(0)
        .spawn()?;
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return match (status.code(), status.signal()) {
                (Some(0), _) => Ok(()),
                (Some(code), _) => Err(format!("exit status {code}").into()),
                (_, signal) => Err(format!("killed by signal {}", signal.unwrap_or(0)).into()),
            };
        }
        if start.elapsed() > LIMIT {
            child.kill()?;
            child.wait()?;
            return Err(format!("still running after {} s", LIMIT.as_secs()).into());
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Does what the command line says with these cases; a first word that begins with `@` is a role, which a case gives
/// to this program when it starts it again.
pub fn run(all: &[&[Case]], play: fn(&str, &[&str]) -> ExitCode) -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["@case", name] => return run_here(all, name),
        [name, rest @ ..] if name.starts_with('@') => return play(name, rest),
        ["-l"] => {
            names(all).for_each(|name| println!("{name}"));
            return ExitCode::SUCCESS;
        }
        _ => {}
    }
    let wanted: Vec<&str> = names(all)
        .filter(|name| words.is_empty() || words.contains(name))
        .collect();
    println!("1..{}", wanted.len());
    let mut failed = false;
    for (index, name) in wanted.iter().enumerate() {
        let number = index + 1;
        match run_apart(name) {
            Ok(()) => println!("ok {number} - {name}"),
            Err(why) => {
                println!("# {why}\nnot ok {number} - {name}");
                failed = true;
            }
        }
    }
    if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}
