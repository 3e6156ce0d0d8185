//! Figures of the busybox boot: time to the prompt, memory in use there, the least memory it takes, the image's size.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::Figure;
use super::cache::Cache;
use crate::initramfs;
use crate::progress::Progress;
use crate::qemu::{BASE_APPEND, LINUX_APPEND, Machine};
use crate::workspace::Workspace;

/// What the shell's prompt ends in.
const PROMPT: &[u8] = b":~# ";

/// A kernel that has shown no prompt by then shows none.
const LIMIT: Duration = Duration::from_secs(40);

/// The sizes tried, in MiB, smallest first.
const SIZES: [u32; 8] = [16, 24, 32, 48, 64, 80, 96, 128];

/// So many boots are timed; the middle one counts.
const TIMED: usize = 3;

/// Measures a kernel, or takes what was kept of the same before.
pub fn measure(
    workspace: &Workspace,
    name: &str,
    kernel: &Path,
    keep: bool,
) -> Result<Vec<Figure>> {
    let archive = initramfs::shell(workspace)?;
    let mut machine = Machine::new(kernel.to_path_buf(), archive.plain.clone());
    machine.append = format!("{BASE_APPEND} quiet {LINUX_APPEND} LINES=24 COLUMNS=80");
    machine.memory = "1G".to_owned();
    machine.cpus = 1;
    let initrd = std::fs::read(&archive.plain).context("the shell's initramfs")?;
    let cache = Cache::new(workspace, &machine, &initrd, &format!("{name}-shell"))?;
    if keep && let Some(figures) = cache.get() {
        return Ok(figures);
    }
    let progress = Progress::start(format!("{name}: the boot to a shell"));
    let size = std::fs::metadata(kernel)
        .with_context(|| kernel.display().to_string())?
        .len();
    let mut figures = vec![Figure::new("image_size", mib(size), "MiB")];
    let mut times = Vec::new();
    for _ in 0..TIMED {
        times.extend(Console::to_prompt(&machine)?.map(|(_, took)| took.as_secs_f64() * 1000.0));
    }
    times.sort_by(f64::total_cmp);
    let middle = times.get(times.len() / 2).copied();
    figures.push(Figure {
        name: "time_to_prompt".into(),
        value: middle,
        unit: "ms".into(),
    });
    progress.say("memory in use");
    figures.push(Figure {
        name: "memory_in_use".into(),
        value: memory_in_use(&machine)?,
        unit: "MiB".into(),
    });
    let mut least = None;
    for size in SIZES {
        progress.say(&format!("-m {size}M"));
        machine.memory = format!("{size}M");
        if Console::to_prompt(&machine)?.is_some() {
            least = Some(f64::from(size));
            break;
        }
    }
    figures.push(Figure {
        name: "least_memory".into(),
        value: least,
        unit: "MiB".into(),
    });
    cache.put(&figures)?;
    progress.done();
    Ok(figures)
}

/// What the machine has less what the kernel says is free.
fn memory_in_use(machine: &Machine) -> Result<Option<f64>> {
    let Some((mut console, _)) = Console::to_prompt(machine)? else {
        return Ok(None);
    };
    console
        .stdin
        .write_all(b"grep MemFree /proc/meminfo\n")
        .context("the console")?;
    let said = console.until(b" kB")?.unwrap_or_default();
    let text = String::from_utf8_lossy(&said).into_owned();
    let free = text
        .split("MemFree:")
        .nth(1)
        .and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    Ok(free.map(|kib| 1024.0 - mib(kib * 1024)))
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// A machine whose console is ours.
struct Console {
    qemu: Child,
    stdin: std::process::ChildStdin,
    bytes: Receiver<Vec<u8>>,
}

impl Console {
    /// Boots as far as the prompt; `None` if it never comes. Also how long that took from QEMU's start.
    fn to_prompt(machine: &Machine) -> Result<Option<(Self, Duration)>> {
        let mut command = machine.command();
        command.args(["-monitor", "none", "-serial", "stdio"]);
        let start = Instant::now();
        let mut qemu = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start QEMU")?;
        let stdin = qemu.stdin.take().context("QEMU's input")?;
        let mut stdout = qemu.stdout.take().context("QEMU's output")?;
        let (sender, bytes) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let mut space = [0; 4096];
            while let Ok(count @ 1..) = stdout.read(&mut space) {
                if sender
                    .send(space.get(..count).unwrap_or_default().to_vec())
                    .is_err()
                {
                    return;
                }
            }
        });
        let mut console = Self { qemu, stdin, bytes };
        Ok(console.until(PROMPT)?.map(|_| (console, start.elapsed())))
    }

    /// Reads until something was said; `None` if the machine ends or time is over before.
    fn until(&mut self, what: &[u8]) -> Result<Option<Vec<u8>>> {
        let end = Instant::now() + LIMIT;
        let mut said = Vec::new();
        loop {
            match self
                .bytes
                .recv_timeout(end.saturating_duration_since(Instant::now()))
            {
                Ok(bytes) => said.extend(bytes),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return Ok(None),
            }
            if said.windows(what.len()).any(|window| window == what) {
                return Ok(Some(said));
            }
        }
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        let _ = self.qemu.kill();
        let _ = self.qemu.wait();
    }
}
