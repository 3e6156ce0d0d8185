//! Two machines and a bad Ethernet link between them: what one sends the other, both ways at once, by IPv4 and IPv6,
//! arrives whole, whatever the link does.

mod wire;

use std::ffi::OsString;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use wire::{Mood, Wire};

use super::programs::Program;
use super::report::{Failure, Report};
use super::tap::Verdict;

/// The name these cases go by.
pub const NAME: &str = "bad_link";

/// The program both machines run.
pub const PROGRAM: &str = "inet_link";

/// No case takes longer, on any machine.
const PATIENCE: Duration = Duration::from_secs(1600);

/// A case: its name, the bytes each machine sends, what the link does to a hundred frames.
type Case = (&'static str, u64, Mood);

const CASES: [Case; 5] = [
    ("a_good_link", 2_000_000, Mood::GOOD),
    (
        "five_percent_are_lost",
        1_048_576,
        Mood {
            drops: 5,
            ..Mood::GOOD
        },
    ),
    (
        "frames_come_twice_late_and_in_disorder",
        500_000,
        Mood {
            repeats: 10,
            delays: 20,
            ..Mood::GOOD
        },
    ),
    (
        "a_tenth_is_corrupted",
        300_000,
        Mood {
            corrupts: 10,
            ..Mood::GOOD
        },
    ),
    (
        "everything_at_once",
        200_000,
        Mood {
            drops: 20,
            repeats: 5,
            delays: 10,
            corrupts: 5,
        },
    ),
];

/// The cases' names.
pub fn names() -> Vec<String> {
    CASES.iter().map(|(name, ..)| (*name).to_owned()).collect()
}

/// Runs them. `peer`: the kernel of the machine that asks, if it is another.
///
/// # Errors
/// When the link cannot be laid.
pub fn run(
    kernel: &Path,
    peer: Option<&Path>,
    program: &Program,
    wanted: &[String],
    again: &str,
    report: &mut Report,
) -> Result<()> {
    let peer = peer.unwrap_or(kernel);
    for (seed, (name, length, mood)) in CASES.iter().enumerate() {
        if !wanted.iter().any(|its| its == name) {
            continue;
        }
        match transfer(
            [kernel, peer],
            &program.host,
            *length,
            *mood,
            seed as u64 + 1,
        ) {
            Ok(()) => report.tally.count(Verdict::Passed),
            Err(error) => {
                report.tally.count(Verdict::Failed);
                report.failures.push(Failure {
                    name: format!("{NAME}/{name}"),
                    output: format!("{error:#}"),
                    kernel_log: String::new(),
                    command: format!("{again} --filter {NAME}/{name}"),
                });
            }
        }
    }
    Ok(())
}

fn transfer(
    [kernel, peer]: [&Path; 2],
    program: &Path,
    length: u64,
    mood: Mood,
    seed: u64,
) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut wire = Wire::lay(folder.path(), mood, seed)?;
    let mut machines = Vec::new();
    for (index, role) in ["@server", "@client"].iter().enumerate() {
        let words = [*role, &length.to_string()].map(OsString::from);
        let kernel = if index == 0 { kernel } else { peer };
        let link = wire.link(index);
        machines.push(boot(kernel, program, &words, &link, folder.path(), index)?);
    }
    let end = Instant::now() + PATIENCE;
    // Each stays on until both have said so: the other may not have heard its last answer.
    loop {
        let mut whole = 0;
        for (index, machine) in machines.iter_mut().enumerate() {
            let said = std::fs::read_to_string(folder.path().join(format!("said{index}")))?;
            if said.contains("WHOLE") {
                whole += 1;
            } else if let Some(status) = machine.0.try_wait()? {
                bail!("machine {index}: {status}: {said}; {}", wire.tally());
            } else if said.contains("BAD") || Instant::now() > end {
                bail!("machine {index} is not done: {said}; {}", wire.tally());
            }
        }
        if whole == machines.len() {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    drop(machines);
    wire.cut();
    Ok(())
}

/// A machine, which ends with this.
pub struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may be over.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Boots a machine on a link; what it says is kept in `folder`.
///
/// # Errors
/// When it cannot be started.
pub fn boot(
    kernel: &Path,
    program: &Path,
    words: &[OsString],
    link: &str,
    folder: &Path,
    index: usize,
) -> Result<Running> {
    let said = std::fs::File::create(folder.join(format!("said{index}")))?;
    let own = std::env::current_exe()?;
    let child = Command::new(own)
        .args(["run", "--mem", "256M", "--timeout"])
        .arg(PATIENCE.as_secs().to_string())
        .args(["--link", link, "--kernel"])
        .arg(kernel)
        .arg("--")
        .arg(program)
        .args(words)
        .stdin(Stdio::null())
        .stdout(said.try_clone()?)
        .stderr(said)
        .spawn()
        .context("nacre run")?;
    Ok(Running(child))
}
