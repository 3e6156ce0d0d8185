//! `nacre test`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Result, bail};

use super::run::MachineArgs;
use crate::kernel;
use crate::qemu::Machine;
use crate::test::front_door;
use crate::test::guest::{CHANNEL, Suite};
use crate::test::host;
use crate::test::programs::{self, Filter};
use crate::test::report::Report;
use crate::test::wayland;
use crate::test::{bad_link, raw_peer};

use crate::workspace::Workspace;

/// Run the tests; the last line says how many passed, failed and were skipped.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    machine: MachineArgs,
    /// Only programs whose name has this in it; PROGRAM/CASE for single cases
    #[arg(long, value_name = "S")]
    filter: Vec<String>,
    /// Only the tests in the guest
    #[arg(long)]
    no_host: bool,
    /// Only the host's tests
    #[arg(long, conflicts_with = "no_host")]
    no_guest: bool,
    /// List the programs and run nothing
    #[arg(long)]
    list: bool,
    /// Run the guest's tests so many times, or until one fails
    #[arg(long, value_name = "N", default_value_t = 1)]
    repeat: u32,
    /// The kernel of the machine that asks in bad_link, if another; `linux` is Debian's 6.12
    #[arg(long, value_name = "IMAGE")]
    peer: Option<PathBuf>,
    /// The kernel's cargo profile
    #[arg(long, default_value = kernel::CHECKED)]
    profile: String,
}

/// Families of programs that want a display, a keyboard and a tablet.
const DISPLAY_FAMILIES: [&str; 3] = ["drm", "evdev", "fb"];

/// Those devices, as QEMU's arguments.
const DISPLAY_DEVICES: [&str; 3] = ["virtio-gpu-pci", "virtio-keyboard-pci", "virtio-tablet-pci"];

fn wants_display(program: &str) -> bool {
    let family = program.split('_').next().unwrap_or(program);
    DISPLAY_FAMILIES.contains(&family)
}

fn with_display(mut machine: Machine) -> Machine {
    for device in DISPLAY_DEVICES {
        machine.extra.extend(["-device".into(), device.into()]);
    }
    machine
}

impl Args {
    pub fn run(self, workspace: &Workspace) -> Result<ExitCode> {
        let filter = Filter(self.filter.clone());
        let mut report = Report::default();
        if !self.no_host && self.filter.is_empty() && !self.list {
            host::run(workspace, &mut report)?;
        }
        if !self.no_guest {
            self.run_guest(workspace, &filter, &mut report)?;
        }
        if !self.list {
            report.print();
        }
        Ok(if report.failures.is_empty() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }

    fn run_guest(&self, workspace: &Workspace, filter: &Filter, report: &mut Report) -> Result<()> {
        let mut programs = programs::collect(workspace)?;
        let linked = programs
            .iter()
            .find(|program| program.name == bad_link::PROGRAM)
            .cloned();
        programs.retain(|program| {
            let wanted = filter.wants(&program.name);
            wanted && (!program.on_request || self.list || filter.names(&program.name))
        });
        if programs.is_empty()
            && !filter.wants(CHANNEL)
            && !filter.wants(front_door::NAME)
            && !filter.wants(wayland::NAME)
            && !filter.wants(bad_link::NAME)
            && !filter.wants(raw_peer::NAME)
        {
            bail!("no test program is called like {}", self.filter.join(", "));
        }
        if self.list {
            programs
                .iter()
                .for_each(|program| println!("{}", program.name));
            println!(
                "{CHANNEL}\n{}\n{}\n{}\n{}",
                front_door::NAME,
                wayland::NAME,
                bad_link::NAME,
                raw_peer::NAME
            );
            return Ok(());
        }
        let machine = self.machine.machine(workspace, &self.profile)?;
        let again = self.command_line();
        let (shown, plain): (Vec<_>, Vec<_>) = programs
            .into_iter()
            .partition(|program| wants_display(&program.name));
        for round in 1..=self.repeat {
            if self.repeat > 1 {
                println!("pass {round} of {}", self.repeat);
            }
            if !plain.is_empty() || filter.wants(CHANNEL) {
                Suite::new(workspace, machine.clone(), &plain, filter, again.clone())?
                    .run(&plain, report)?;
            }
            if !shown.is_empty() {
                let machine = with_display(machine.clone());
                Suite::new(workspace, machine, &shown, filter, again.clone())?
                    .without_channel()
                    .run(&shown, report)?;
            }
            if filter.wants(front_door::NAME) {
                let wanted = |all: &[String]| {
                    let named = filter.cases(front_door::NAME, all);
                    named.unwrap_or_else(|| all.to_vec())
                };
                let before = report.tally;
                front_door::run(&machine.kernel, wanted, &again, report)?;
                println!("{:18} {}", front_door::NAME, report.tally.since(before));
            }
            if filter.wants(wayland::NAME) {
                let wanted = |all: &[String]| {
                    let named = filter.cases(wayland::NAME, all);
                    named.unwrap_or_else(|| all.to_vec())
                };
                let before = report.tally;
                wayland::run(workspace, &machine, wanted, &again, report)?;
                println!("{:18} {}", wayland::NAME, report.tally.since(before));
            }
            // A kernel of the distribution needs its modules, which go by its name.
            let kernel = match &self.machine.kernel {
                Some(name) if name == Path::new("linux") => name,
                _ => &machine.kernel,
            };
            if let Some(program) = linked.as_ref().filter(|_| filter.wants(raw_peer::NAME)) {
                let named = filter.cases(raw_peer::NAME, &raw_peer::names());
                let wanted = named.unwrap_or_else(raw_peer::names);
                let before = report.tally;
                raw_peer::run(kernel, program, &wanted, &again, report)?;
                println!("{:18} {}", raw_peer::NAME, report.tally.since(before));
            }
            if let Some(program) = linked.as_ref().filter(|_| filter.wants(bad_link::NAME)) {
                let named = filter.cases(bad_link::NAME, &bad_link::names());
                let wanted = named.unwrap_or_else(bad_link::names);
                let before = report.tally;
                bad_link::run(
                    kernel,
                    self.peer.as_deref(),
                    program,
                    &wanted,
                    &again,
                    report,
                )?;
                println!("{:18} {}", bad_link::NAME, report.tally.since(before));
            }
            if !report.failures.is_empty() {
                break;
            }
        }
        Ok(())
    }

    /// How to run a part of the same again.
    fn command_line(&self) -> String {
        let mut words = vec!["target/release/nacre test --no-host".to_owned()];
        if let Some(kernel) = &self.machine.kernel {
            words.push(format!("--kernel {}", kernel.display()));
        }
        words.push(format!("--cpus {}", self.machine.cpus));
        if self.profile != kernel::CHECKED {
            words.push(format!("--profile {}", self.profile));
        }
        words.join(" ")
    }
}
