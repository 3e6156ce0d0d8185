//! The host's own tests: every crate's, through cargo.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use anyhow::{Context, Result};

use super::report::{Failure, Report};
use super::tap::Verdict;
use crate::cargo;
use crate::progress::Progress;
use crate::workspace::Workspace;

/// Every test, and those of lost wake-ups once more over shuttle, which tries interleavings.
const RUNS: [(&str, &[&str]); 2] = [
    ("host tests", &["--workspace", "--no-fail-fast"]),
    (
        "interleavings",
        &[
            "-p",
            "nacre-vfs",
            "-p",
            "nacre-net",
            "--lib",
            "--features",
            "shuttle",
            "wake::",
        ],
    ),
];

/// Runs them all.
pub fn run(workspace: &Workspace, report: &mut Report) -> Result<()> {
    RUNS.iter()
        .try_for_each(|(what, arguments)| run_some(workspace, report, what, arguments))
}

fn run_some(
    workspace: &Workspace,
    report: &mut Report,
    what: &str,
    arguments: &[&str],
) -> Result<()> {
    let line = format!("cargo test {}", arguments.join(" "));
    let progress = Progress::start(format!("{what} ({line})"));
    let (reader, writer) = std::io::pipe().context("pipe")?;
    let mut command = cargo::command(workspace);
    command
        .arg("test")
        .args(arguments)
        .env("CARGO_TERM_COLOR", "never");
    command
        .stdin(Stdio::null())
        .stdout(writer.try_clone()?)
        .stderr(writer);
    let mut child = command.spawn().context("cannot start cargo")?;
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut output = String::new();
    let mut counts = Counts::default();
    for line in BufReader::new(reader).lines() {
        let line = line.unwrap_or_else(|_| String::from("(not text)"));
        progress.say(&line);
        counts.line(&line);
        output.push_str(&line);
        output.push('\n');
    }
    let status = child.wait().context("cargo")?;
    progress.done();
    report.tally.passed += counts.passed;
    report.tally.skipped += counts.skipped;
    for name in &counts.failed {
        report.fail(Failure {
            name: format!("host: {name}"),
            output: about(&output, name),
            kernel_log: String::new(),
            command: format!("{line} -- {name}"),
        });
    }
    if !status.success() && counts.failed.is_empty() {
        let lines: Vec<&str> = output.lines().collect();
        let tail = lines
            .get(lines.len().saturating_sub(40)..)
            .unwrap_or_default()
            .join("\n");
        report.fail(Failure {
            name: "host: cargo test".to_owned(),
            output: tail,
            kernel_log: String::new(),
            command: line,
        });
    }
    println!(
        "{what}: {} passed, {} failed",
        counts.passed,
        counts.failed.len()
    );
    Ok(())
}

/// What cargo's lines add up to.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    passed: usize,
    skipped: usize,
    failed: Vec<String>,
}

impl Counts {
    fn line(&mut self, line: &str) {
        let Some((name, verdict)) = line
            .strip_prefix("test ")
            .and_then(|rest| rest.rsplit_once(" ... "))
        else {
            return;
        };
        match self.verdict(verdict) {
            Some(Verdict::Passed) => self.passed += 1,
            Some(Verdict::Skipped) => self.skipped += 1,
            Some(Verdict::Failed) => self.failed.push(name.to_owned()),
            None => {}
        }
    }

    fn verdict(&self, word: &str) -> Option<Verdict> {
        match word {
            "ok" => Some(Verdict::Passed),
            "FAILED" => Some(Verdict::Failed),
            _ if word.starts_with("ignored") => Some(Verdict::Skipped),
            _ => None,
        }
    }
}

/// The part of cargo's output that tells of one test.
fn about(output: &str, name: &str) -> String {
    let heading = format!("---- {name} stdout ----");
    let mut lines = output.lines().skip_while(|line| *line != heading);
    lines.next();
    lines
        .take_while(|line| !line.starts_with("---- ") && *line != "failures:")
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargos_lines_are_counted() {
        let mut counts = Counts::default();
        let text = "running 3 tests\ntest a::b ... ok\ntest c - should panic ... FAILED\ntest d ... ignored, slow\n\
                    test result: FAILED. 1 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out\n";
        text.lines().for_each(|line| counts.line(line));
        assert_eq!(
            counts,
            Counts {
                passed: 1,
                skipped: 1,
                failed: vec!["c - should panic".to_owned()]
            }
        );
    }

    #[test]
    fn a_failures_words_are_found() {
        let output = "x\n---- one stdout ----\nwhy one\n\n---- two stdout ----\nwhy two\n\nfailures:\n    one\n";
        assert_eq!(about(output, "two").trim(), "why two");
    }
}
