//! `nacre wayland`.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use channel::{Run, Size, Terminals};

use super::run::MachineArgs;
use crate::session::{Guest, Input, Lost};
use crate::wayland::qmp::Qmp;
use crate::{initramfs, kernel, modules, wayland, workspace::Workspace};

/// Boot with a display, start the compositor and Wayland clients, and show the screen.
///
/// In a window with --gui, until it is closed; else as a PNG, and the machine ends.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    machine: MachineArgs,
    /// Show a window
    #[arg(long)]
    gui: bool,
    /// The clients (weston-simple-shm, weston-simple-damage, weston-multi-resource, ...), with their arguments
    #[arg(long, value_name = "NAME", default_value = "weston-simple-shm")]
    client: Vec<String>,
    /// Where the PNG goes
    #[arg(long, value_name = "F", default_value = "target/nacre/wayland.png")]
    picture: PathBuf,
    /// Let the clients draw for so long before the picture is taken
    #[arg(long, value_name = "S", default_value_t = 2)]
    seconds: u64,
    /// The kernel's cargo profile
    #[arg(long, default_value = kernel::SHIPPED)]
    profile: String,
}

impl Args {
    pub fn run(self, workspace: &Workspace) -> Result<ExitCode> {
        let mut machine = self.machine.machine(workspace, &self.profile)?;
        let mut files = wayland::files(workspace)?;
        let is_there = |client: &String| {
            let name = client.split_whitespace().next().unwrap_or(client);
            files
                .iter()
                .any(|(_, at)| at.ends_with(&format!("/{name}")))
        };
        if !self.client.iter().all(is_there) {
            files.extend(wayland::toolkit(workspace)?);
        }
        let folder = Guest::folder()?;
        let socket = folder.path().join("qmp");
        machine.extra.extend(wayland::qemu_args(&socket));
        if self.gui {
            machine.extra.extend(["-display", "gtk"].map(Into::into));
        }
        files.extend(modules::files(workspace, &machine)?);
        machine.initrd = folder.path().join("initrd");
        std::fs::write(&machine.initrd, initramfs::agent(workspace, &files, None)?)
            .context("writing the initramfs")?;
        let started = Instant::now();
        let guest = Guest::boot(&machine, folder)?;
        let mut qmp = Qmp::connect(&socket)?;
        let mut heard = Vec::new();
        let mut picture = None;
        let (gui, seconds) = (self.gui, self.seconds);
        let patience = (!gui).then(|| Duration::from_secs(60 + seconds));
        let ended = guest.run(
            &self.request(),
            Input::Bytes(Vec::new()),
            patience,
            &mut |_, bytes| {
                let first = !contains(&heard, b"\nmap ");
                heard.extend_from_slice(bytes);
                let _ = std::io::stdout().write_all(bytes);
                if first && contains(&heard, b"\nmap ") {
                    println!(
                        "a window {} ms after QEMU was started",
                        started.elapsed().as_millis()
                    );
                    if !gui {
                        std::thread::sleep(Duration::from_secs(seconds));
                        picture = Some(qmp.picture());
                        let _ = guest.send(&channel::Request::Signal(15));
                    }
                }
            },
        );
        if matches!(ended, Err(Lost::Hung)) {
            eprintln!("nacre: no client drew anything; {}", guest.log_tail());
        }
        let Some(picture) = picture else {
            guest.power_off();
            return Ok(if gui {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            });
        };
        picture?.write(&self.picture)?;
        println!("{}", self.picture.display());
        guest.power_off();
        Ok(ExitCode::SUCCESS)
    }

    fn request(&self) -> Run {
        let clients: String = self
            .client
            .iter()
            .map(|client| format!("{client} &\n"))
            .collect();
        let body = format!(
            "compositor --report &\n\
             while [ ! -S $XDG_RUNTIME_DIR/wayland-0 ]; do sleep 0.01; done\n{clients}wait"
        );
        shell(&body)
    }
}

fn contains(heard: &[u8], what: &[u8]) -> bool {
    heard.windows(what.len()).any(|window| window == what)
}

/// A shell script to be run in the guest.
pub fn shell(body: &str) -> Run {
    let words = |words: &[&str]| words.iter().map(|word| word.as_bytes().to_vec()).collect();
    Run {
        program: b"/bin/sh".to_vec(),
        argv: words(&["sh", "-c", &wayland::script(body)]),
        env: words(&[
            "PATH=/bin:/sbin:/usr/bin:/usr/sbin",
            "HOME=/root",
            "TERM=dumb",
        ]),
        cwd: b"/".to_vec(),
        uid: 0,
        gid: 0,
        terminals: Terminals::default(),
        size: Size {
            rows: 24,
            columns: 80,
        },
        limit_ms: 0,
    }
}
