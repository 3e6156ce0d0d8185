//! Test programs in the guest: they share a boot, and when one brings the machine down, it is named, and the others
//! go on in another.

use std::time::Duration;

use ::channel::{Outcome, Run, Size, Terminals};
use anyhow::{Context, Result};

use super::channel;
use super::programs::{Filter, Program};
use super::report::{Failure, Report};
use super::tap::{Case, Reader, Verdict};
use crate::qemu::Machine;
use crate::session::{Guest, Input, Lost, Stream};
use crate::third_party::ThirdParty;
use crate::workspace::Workspace;
use crate::{initramfs, modules};

/// A program may take this long; its cases have limits of their own. All limits are for hangs: nothing fails because
/// a machine is slow or busy.
const LIMIT: Duration = Duration::from_secs(2400);

/// Beyond that, the machine hangs.
const GRACE: Duration = Duration::from_secs(300);

/// Listing cases takes no time.
const LIST_LIMIT: Duration = Duration::from_secs(300);

/// What the agent says of processes that a SIGKILL does not end.
const UNDYING: &str = "some processes do not die";

/// The name that the channel's own cases go by.
pub const CHANNEL: &str = "channel";

/// A kernel that dies this often is not worth more boots.
const MOST_DEATHS: usize = 25;

/// A suite about to run.
#[derive(Debug)]
pub struct Suite<'a> {
    workspace: &'a Workspace,
    machine: Machine,
    filter: &'a Filter,
    /// How one repeats a single test, up to the filter's argument.
    again: String,
    /// Whether the channel's own cases are run too.
    with_channel: bool,
    initrd: Vec<u8>,
    deaths: usize,
    guest: Option<Guest>,
}

impl<'a> Suite<'a> {
    /// One over these programs on this machine.
    pub fn new(
        workspace: &'a Workspace,
        machine: Machine,
        programs: &[Program],
        filter: &'a Filter,
        again: String,
    ) -> Result<Self> {
        let mut files = initramfs::Files::new();
        for program in programs {
            files.extend(program.files(workspace)?);
        }
        let library = workspace.path("testbins/smoke/tap");
        if library.is_file() {
            files.push((library, "/tests/tap".to_owned()));
        }
        files.extend(modules::files(workspace, &machine)?);
        // The scripts and the channel's tests run in its shell.
        ThirdParty::new(workspace).ensure(&["busybox"])?;
        let initrd = initramfs::agent(workspace, &files, None)?;
        Ok(Self {
            workspace,
            machine,
            filter,
            again,
            initrd,
            deaths: 0,
            guest: None,
            with_channel: true,
        })
    }

    /// Leaves the channel's own cases out.
    pub fn without_channel(mut self) -> Self {
        self.with_channel = false;
        self
    }

    /// Runs the programs one after the other.
    ///
    /// # Errors
    /// When there is no machine to be had: QEMU does not start, or the kernel never reaches its first program.
    pub fn run(&mut self, programs: &[Program], report: &mut Report) -> Result<()> {
        for program in programs {
            let before = report.tally;
            if self.deaths >= MOST_DEATHS {
                self.fail(
                    report,
                    &program.name,
                    "not run: the kernel died too often",
                    String::new(),
                );
                continue;
            }
            self.run_program(program, report)?;
            println!("{:18} {}", program.name, report.tally.since(before));
        }
        if self.with_channel && self.filter.wants(CHANNEL) {
            let before = report.tally;
            self.run_channel(report)?;
            println!("{CHANNEL:18} {}", report.tally.since(before));
        }
        if let Some(guest) = self.guest.take() {
            guest.power_off();
        }
        Ok(())
    }

    /// Runs the cases of a program that are called like this; why one of them failed, if one did.
    ///
    /// # Errors
    /// When there is no machine to be had.
    pub fn show(&mut self, program: &Program, part: &str) -> Result<Result<(), String>> {
        let mut args = Vec::new();
        if !part.is_empty() {
            args = self.list(program)?;
            args.retain(|case| case.contains(part));
            if args.is_empty() {
                return Ok(Err("it has no such case".to_owned()));
            }
        }
        let attempt = self.attempt(program, &args)?;
        let failed = attempt
            .reader
            .cases()
            .iter()
            .find(|case| case.verdict == Verdict::Failed);
        Ok(match (failed, attempt.lost) {
            (_, Some(lost)) => Err(lost.to_owned()),
            (Some(case), None) => Err(format!("{}\n{}", case.name, case.said)),
            (None, None) => attempt.reader.complaint().map_or(Ok(()), Err),
        })
    }

    /// Runs a command; what it printed, and whether it succeeded.
    ///
    /// # Errors
    /// When there is no machine to be had.
    pub fn command(&mut self, program: &Program, args: &[String]) -> Result<(String, bool)> {
        let attempt = self.attempt(program, args)?;
        let ok = attempt.outcome == Some(Outcome::Exited(0));
        Ok((attempt.reader.trailing(), ok))
    }

    /// Switches the machine off.
    pub fn end(&mut self) {
        if let Some(guest) = self.guest.take() {
            guest.power_off();
        }
    }

    /// The cases that are about the channel to the guest itself.
    fn run_channel(&mut self, report: &mut Report) -> Result<()> {
        let all: Vec<String> = channel::CASES
            .iter()
            .map(|(name, _)| (*name).to_owned())
            .collect();
        let wanted = self.filter.cases(CHANNEL, &all).unwrap_or(all);
        for (name, case) in channel::CASES
            .iter()
            .filter(|(name, _)| wanted.iter().any(|its| its == name))
        {
            let guest = self.guest()?;
            let said_before = guest.log().len();
            let Err(error) = case(guest) else {
                report.tally.count(Verdict::Passed);
                continue;
            };
            let log = guest
                .log()
                .get(said_before..)
                .unwrap_or_default()
                .to_owned();
            // Whatever is left of the case must not reach the next one.
            self.guest = None;
            self.fail(
                report,
                &format!("{CHANNEL}/{name}"),
                &format!("{error:#}"),
                log,
            );
        }
        Ok(())
    }

    /// Runs one program; after each death of the machine, what is left of it in another.
    fn run_program(&mut self, program: &Program, report: &mut Report) -> Result<()> {
        let mut args: Vec<String> = Vec::new();
        let mut names = None;
        if self.filter.names_cases_of(&program.name) {
            let all = self.list(program)?;
            args = self.filter.cases(&program.name, &all).unwrap_or_default();
            if args.is_empty() {
                self.fail(report, &program.name, "it has no such case", String::new());
                return Ok(());
            }
            names = Some(args.clone());
        }
        loop {
            let attempt = self.attempt(program, &args)?;
            for case in attempt.reader.cases() {
                self.tell(report, program, case, &attempt.log);
            }
            let Some(lost) = attempt.lost else {
                self.tell_end(report, program, &attempt);
                return Ok(());
            };
            self.deaths += 1;
            let done = attempt.reader.cases().len();
            let all = match names.take() {
                Some(all) => all,
                None => self.list(program).unwrap_or_default(),
            };
            let culprit = all.get(done).cloned().unwrap_or_default();
            let name = if culprit.is_empty() {
                program.name.clone()
            } else {
                format!("{}/{culprit}", program.name)
            };
            let output = format!("{lost}\n{}", attempt.reader.trailing());
            self.fail(report, &name, &output, attempt.log);
            args = all
                .get(done.saturating_add(1)..)
                .unwrap_or_default()
                .to_vec();
            names = Some(args.clone());
            if args.is_empty() {
                return Ok(());
            }
            if self.deaths >= MOST_DEATHS {
                self.fail(
                    report,
                    &program.name,
                    "its other cases were not run: the kernel died too often",
                    String::new(),
                );
                return Ok(());
            }
        }
    }

    /// The names of a program's cases.
    fn list(&mut self, program: &Program) -> Result<Vec<String>> {
        let request = self.request(program, &["-l".to_owned()], LIST_LIMIT);
        let mut text = Vec::new();
        let patience = Some(LIST_LIMIT + GRACE);
        let outcome = self.guest()?.run(
            &request,
            Input::Bytes(Vec::new()),
            patience,
            &mut |stream, bytes| {
                if stream == Stream::Stdout {
                    text.extend_from_slice(bytes);
                }
            },
        );
        if outcome.is_err() {
            self.guest = None;
            anyhow::bail!(
                "{}: the machine died while its cases were listed",
                program.name
            );
        }
        Ok(String::from_utf8_lossy(&text)
            .lines()
            .map(str::to_owned)
            .collect())
    }

    fn guest(&mut self) -> Result<&Guest> {
        if self.guest.is_none() {
            let folder = Guest::folder()?;
            self.machine.initrd = folder.path().join("initrd");
            std::fs::write(&self.machine.initrd, &self.initrd).context("writing the initramfs")?;
            self.guest = Some(Guest::boot(&self.machine, folder)?);
        }
        self.guest.as_ref().context("no guest")
    }

    fn request(&self, program: &Program, args: &[String], limit: Duration) -> Run {
        let bytes = |words: &[&str]| {
            words
                .iter()
                .map(|word| word.as_bytes().to_vec())
                .collect::<Vec<_>>()
        };
        let argv: Vec<Vec<u8>> = program
            .words(args)
            .into_iter()
            .map(String::into_bytes)
            .collect();
        Run {
            program: argv.first().cloned().unwrap_or_default(),
            argv,
            env: bytes(&[
                "PATH=/bin:/sbin:/usr/bin:/usr/sbin",
                "HOME=/root",
                "TERM=dumb",
                "USER=root",
            ]),
            cwd: b"/tmp".to_vec(),
            uid: 0,
            gid: 0,
            terminals: Terminals::default(),
            size: Size {
                rows: 24,
                columns: 80,
            },
            limit_ms: u32::try_from(limit.as_millis()).unwrap_or(u32::MAX),
        }
    }

    fn attempt(&mut self, program: &Program, args: &[String]) -> Result<Attempt> {
        let request = self.request(program, args, LIMIT);
        let mut reader = Reader::default();
        let guest = self.guest()?;
        let said_before = guest.log().len();
        let ended = guest.run(
            &request,
            Input::Bytes(Vec::new()),
            Some(LIMIT + GRACE),
            &mut |stream, bytes| match stream {
                Stream::Stdout => reader.push(bytes),
                Stream::Stderr | Stream::Terminal => reader.push_aside(bytes),
            },
        );
        let (outcome, lost) = match ended {
            Ok(outcome) => (Some(outcome), None),
            Err(lost) => (None, Some(lost)),
        };
        if lost.is_some()
            && let Some(mut guest) = self.guest.take()
        {
            guest.settle();
            let log = guest.log();
            let log = log.get(said_before..).unwrap_or_default().to_owned();
            let lost = match lost {
                Some(Lost::Hung) => "the machine hung",
                _ => "the machine died",
            };
            return Ok(Attempt {
                reader,
                outcome,
                lost: Some(lost),
                log,
            });
        }
        let log = self
            .guest()?
            .log()
            .get(said_before..)
            .unwrap_or_default()
            .to_owned();
        if outcome == Some(Outcome::TimedOut) || log.contains(UNDYING) {
            // What is left of it must not slow the others down.
            self.guest = None;
        }
        Ok(Attempt {
            reader,
            outcome,
            lost: None,
            log,
        })
    }

    fn tell(&self, report: &mut Report, program: &Program, case: &Case, log: &str) {
        if case.verdict == Verdict::Failed {
            self.fail(
                report,
                &format!("{}/{}", program.name, case.name),
                &case.said,
                log.to_owned(),
            );
        } else {
            report.tally.count(case.verdict);
        }
    }

    /// What is wrong with a program beyond its cases.
    fn tell_end(&self, report: &mut Report, program: &Program, attempt: &Attempt) {
        let any_failed = attempt
            .reader
            .cases()
            .iter()
            .any(|case| case.verdict == Verdict::Failed);
        let complaint = match attempt.outcome {
            Some(Outcome::Exited(0)) => attempt.reader.complaint(),
            Some(Outcome::Exited(_)) if any_failed => attempt.reader.complaint(),
            Some(Outcome::Exited(status)) => Some(format!("it exited with status {status}")),
            Some(Outcome::Signaled(number)) => Some(format!("signal {number} killed it")),
            Some(Outcome::TimedOut) => {
                Some(format!("it was still running after {} s", LIMIT.as_secs()))
            }
            Some(Outcome::NotStarted(errno)) => {
                Some(format!("it could not be started (errno {errno})"))
            }
            None => None,
        };
        let undying = || {
            let any = attempt.log.contains(UNDYING);
            any.then(|| "SIGKILL does not end the processes it left".to_owned())
        };
        if let Some(complaint) = complaint.or_else(undying) {
            let output = format!("{complaint}\n{}", attempt.reader.trailing());
            self.fail(report, &program.name, &output, attempt.log.clone());
        }
    }

    /// Says it at once, too: whoever stops us before the end has seen what failed.
    fn fail(&self, report: &mut Report, name: &str, output: &str, kernel_log: String) {
        println!("FAILED {name}: {}", telling(output));
        let root = self.workspace.root().display();
        let command = format!("cd {root} && {} --filter {name}", self.again);
        report.fail(Failure {
            name: name.to_owned(),
            output: output.to_owned(),
            kernel_log,
            command,
        });
    }
}

/// What of an output tells the most, in one line: how it begins (a failed check, a status) and how it ends (the last that
/// a script said).
fn telling(output: &str) -> String {
    let mut lines = output
        .lines()
        .map(|line| line.trim_start_matches('#').trim())
        .filter(|line| !line.is_empty());
    let first = lines.next().unwrap_or_default();
    match lines.next_back() {
        Some(last) => format!("{first}; {last}"),
        None => first.to_owned(),
    }
}

/// One run of a program, or of what is left of it.
struct Attempt {
    reader: Reader,
    outcome: Option<Outcome>,
    lost: Option<&'static str>,
    log: String,
}

#[cfg(test)]
mod tests {
    use super::telling;

    #[test]
    fn a_failure_is_told_by_how_its_output_begins_and_ends() {
        assert_eq!(telling(""), "");
        assert_eq!(telling("# status 1\n"), "status 1");
        assert_eq!(
            telling("# status 6\n# waiting\n# expected 'a', got 'b'\n#\n"),
            "status 6; expected 'a', got 'b'"
        );
    }
}
