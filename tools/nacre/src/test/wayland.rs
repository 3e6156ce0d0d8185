//! Tests with a display: our compositor, real clients, and QEMU's picture of the screen.
// proves A1, A3.5, A13, A14

mod cases;
mod gestures;
mod keyboard;
mod toolkit;
mod upstream;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use channel::Request;

use super::channel::Gone;
use super::report::{Failure, Report};
use super::tap::Verdict;
use crate::commands::wayland::shell;
use crate::qemu::Machine;
use crate::session::{Guest, Input, Lost};
use crate::wayland::picture::Picture;
use crate::wayland::qmp::Qmp;
use crate::wayland::{self, SCREEN};
use crate::workspace::Workspace;
use crate::{initramfs, modules};

/// The name these cases go by.
pub const NAME: &str = "wayland";

/// No case takes longer, on any machine.
const PATIENCE: Duration = Duration::from_secs(900);

/// Nor is anything silent for so long: the compositor tells each thing that happens.
const SILENCE: Duration = Duration::from_secs(150);

/// SIGTERM: the script has done what it was for.
const SIGTERM: u32 = 15;

/// So often is a screen looked at that shall stand still.
const MOST_LOOKS: usize = 2000;

/// Starts the compositor and waits until it serves clients.
pub const START: &str = "rm -f $XDG_RUNTIME_DIR/wayland-0*\n\
     start() { compositor --report \"$@\" & while [ ! -S $XDG_RUNTIME_DIR/wayland-0 ]; do sleep 0.02; done; }\n";

/// A machine with a display.
pub struct Lab {
    guest: Guest,
    qmp: Qmp,
    /// Where pictures are kept that every run must give again.
    golden: PathBuf,
    /// Where those go that differ.
    out: PathBuf,
}

/// How a case ended, if not by failing.
pub enum Ended {
    /// It passed.
    Well,
    /// It cannot be tried here, and why.
    Skipped(String),
}

/// One case.
type Case = (&'static str, fn(&mut Lab) -> Result<Ended>);

impl Lab {
    fn boot(workspace: &Workspace, machine: &Machine) -> Result<Self> {
        let mut machine = machine.clone();
        let folder = Guest::folder()?;
        let socket = folder.path().join("qmp");
        machine.extra.extend(wayland::qemu_args(&socket));
        machine.initrd = folder.path().join("initrd");
        let mut files = wayland::files(workspace)?;
        files.extend(wayland::toolkit(workspace)?);
        files.extend(modules::files(workspace, &machine)?);
        std::fs::write(&machine.initrd, initramfs::agent(workspace, &files, None)?)
            .context("writing the initramfs")?;
        let guest = Guest::boot(&machine, folder)?;
        let qmp = Qmp::connect(&socket)?;
        Ok(Self {
            guest,
            qmp,
            golden: workspace.path("testbins/compositor/golden"),
            out: workspace.out(),
        })
    }

    /// Whether the guest has a file.
    pub fn has(&mut self, path: &str) -> Result<bool> {
        let said = self.play(
            &format!("[ -e {path} ] && echo there; echo end"),
            &["end"],
            &mut |_, _| Ok(()),
        )?;
        Ok(said.contains("there"))
    }

    /// Runs a script. Each time what it says has the next of `markers` in it, `act` is called with that one's number;
    /// after the last, the script has done its part. Returns all that was said.
    pub fn play(
        &mut self,
        body: &str,
        markers: &[&str],
        act: &mut dyn FnMut(usize, &mut Qmp) -> Result<()>,
    ) -> Result<String> {
        let (guest, qmp) = (&self.guest, &mut self.qmp);
        let mut said = String::new();
        let mut looked = 0;
        let mut step = 0;
        let mut failure = None;
        let run = shell(&format!("{START}{body}"));
        let ended = guest.run_while_heard(
            &run,
            Input::Bytes(Vec::new()),
            PATIENCE,
            SILENCE,
            &mut |_, bytes| {
                said.push_str(&String::from_utf8_lossy(bytes));
                while failure.is_none()
                    && let Some(marker) = markers.get(step)
                    && let Some(at) = said.get(looked..).and_then(|rest| rest.find(marker))
                {
                    looked += at + marker.len();
                    failure = act(step, qmp).err();
                    step += 1;
                    if failure.is_some() || step == markers.len() {
                        // What is left of it is killed with it.
                        let _ = guest.send(&Request::Signal(SIGTERM));
                    }
                }
            },
        );
        if let Some(error) = failure {
            return Err(error.context(format!("it had said:\n{said}")));
        }
        if let Err(lost) = ended {
            if let Some(marker) = markers.get(step)
                && matches!(lost, Lost::Hung)
            {
                bail!("waited in vain for \"{marker}\"; it had said:\n{said}");
            }
            return Err(Gone(lost).into());
        }
        match markers.get(step) {
            Some(marker) => bail!("it ended before \"{marker}\":\n{said}"),
            None => Ok(said),
        }
    }
}

/// The screen, once it stands still.
pub fn still(qmp: &mut Qmp) -> Result<Picture> {
    let mut last = qmp.picture()?;
    for _ in 0..MOST_LOOKS {
        std::thread::sleep(Duration::from_millis(150));
        let next = qmp.picture()?;
        if next == last {
            if (next.width, next.height) != SCREEN {
                bail!("a screen of {}x{}", next.width, next.height);
            }
            return Ok(next);
        }
        last = next;
    }
    bail!("the screen does not come to rest")
}

/// Looks at the screen until it is as wanted; the last picture tells what is wrong.
pub fn until(qmp: &mut Qmp, what: &str, wanted: impl Fn(&Picture) -> bool) -> Result<Picture> {
    for _ in 0..MOST_LOOKS {
        let picture = qmp.picture()?;
        if wanted(&picture) {
            return Ok(picture);
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    bail!("the screen never shows {what}")
}

/// All cases.
fn all() -> Vec<Case> {
    let mut all: Vec<Case> = cases::CASES.to_vec();
    all.extend(gestures::CASES);
    all.extend(keyboard::CASES);
    all.extend(toolkit::CASES);
    all.push(("upstream_tests", upstream::run));
    all
}

/// Where cases are tried: a machine with a display, another one after each that failed.
pub struct Stage<'a> {
    workspace: &'a Workspace,
    machine: &'a Machine,
    lab: Option<Lab>,
}

/// What became of a case that was tried, and what the kernel said meanwhile.
struct Tried {
    outcome: Result<Ended>,
    log: String,
}

impl<'a> Stage<'a> {
    /// One on machines like this.
    pub fn new(workspace: &'a Workspace, machine: &'a Machine) -> Self {
        Self {
            workspace,
            machine,
            lab: None,
        }
    }

    fn attempt(&mut self, case: fn(&mut Lab) -> Result<Ended>) -> Result<Tried> {
        let lab = match &mut self.lab {
            Some(lab) => lab,
            None => self.lab.insert(Lab::boot(self.workspace, self.machine)?),
        };
        let before = lab.guest.log().len();
        let outcome = if lab.has("/dev/dri/card0")? {
            case(lab)
        } else {
            Ok(Ended::Skipped("the kernel has no /dev/dri/card0".into()))
        };
        let log = lab.guest.log();
        let log = log.get(before..).unwrap_or_default().to_owned();
        if outcome.is_err() {
            // The next case gets a machine on which nothing is left of this one.
            self.lab = None;
        }
        Ok(Tried { outcome, log })
    }

    /// Tries one case; why it did not pass, if it did not.
    ///
    /// # Errors
    /// When there is no machine to be had.
    pub fn show(&mut self, name: &str) -> Result<Result<(), String>> {
        let Some((_, case)) = all().into_iter().find(|(its, _)| *its == name) else {
            return Ok(Err("there is no such case".to_owned()));
        };
        Ok(match self.attempt(case)?.outcome {
            Ok(Ended::Well) => Ok(()),
            Ok(Ended::Skipped(why)) => Err(why),
            Err(error) => Err(format!("{error:#}")),
        })
    }

    /// Switches the machine off.
    pub fn end(self) {
        if let Some(lab) = self.lab {
            lab.guest.power_off();
        }
    }
}

/// Boots and tries every case that is wanted.
///
/// # Errors
/// When there is no machine to be had.
pub fn run(
    workspace: &Workspace,
    machine: &Machine,
    wanted: impl Fn(&[String]) -> Vec<String>,
    again: &str,
    report: &mut Report,
) -> Result<()> {
    let all = all();
    let names: Vec<String> = all.iter().map(|(name, _)| (*name).to_owned()).collect();
    let wanted = wanted(&names);
    let mut stage = Stage::new(workspace, machine);
    for (name, case) in all
        .iter()
        .filter(|(name, _)| wanted.iter().any(|its| its == name))
    {
        let Tried { outcome, log } = stage.attempt(*case)?;
        match outcome {
            Ok(Ended::Well) => report.tally.count(Verdict::Passed),
            Ok(Ended::Skipped(why)) => {
                println!("skipped {NAME}/{name}: {why}");
                report.tally.count(Verdict::Skipped);
            }
            Err(error) => {
                println!("FAILED {NAME}/{name}: {error}");
                report.fail(Failure {
                    name: format!("{NAME}/{name}"),
                    output: format!("{error:#}"),
                    kernel_log: log,
                    command: format!("{again} --filter {NAME}/{name}"),
                });
            }
        }
    }
    stage.end();
    Ok(())
}
