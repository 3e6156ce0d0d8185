//! One boot with the benchmark as its payload.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::cache::Cache;
use super::{Figure, Mode};
use crate::cpio::Archive;
use crate::progress::Progress;
use crate::qemu::Machine;
use crate::session;
use crate::testbins;
use crate::workspace::Workspace;

/// Linux with everything off that costs; other kernels are told the same and need not know the words.
pub const APPEND: &str = "quiet console=ttyAMA0 panic=-1 mitigations=off kpti=0 nokaslr init_on_alloc=0 init_on_free=0 \
                      randomize_kstack_offset=off hardened_usercopy=off lsm= audit=0 cgroup_disable=memory \
                      kfence.sample_interval=0 nowatchdog";

/// Linux goes on working for a while after it started process 1; it is let settle, in seconds.
const SETTLE: u32 = 4;

/// A kernel that takes longer hangs.
const LIMIT: Duration = Duration::from_secs(1500);

/// The row of the time from the machine's start to process 1.
pub const BOOT_ROW: &str = "boot_to_init";

/// What is to be measured.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Counting instructions, or wall-clock time.
    pub mode: Mode,
    /// How many processors.
    pub cpus: u32,
    /// Only these rows (a `*` at the end stands for anything); all, if none is named.
    pub rows: Vec<String>,
}

/// The initramfs: process 1, the benchmark, and what to run.
pub fn initrd(workspace: &Workspace, plan: &Plan) -> Result<Vec<u8>> {
    let mut archive = Archive::new();
    for folder in ["dev", "proc", "sys"] {
        archive.folder(folder, 0o755);
    }
    archive
        .folder("tmp", 0o1777)
        .device("dev/console", 0o600, 5, 1);
    for program in testbins::build_bench(workspace)? {
        let name = program
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        archive.file(
            &name,
            0o755,
            std::fs::read(&program).with_context(|| program.display().to_string())?,
        );
    }
    archive.file(
        "payload",
        0o644,
        format!("sleep {SETTLE}\n/ubench -v {}\n", plan.rows.join(" ")),
    );
    Ok(archive.pack())
}

/// The machine that a plan asks for.
pub fn machine(kernel: &Path, plan: &Plan) -> Machine {
    let mut machine = Machine::new(kernel.to_path_buf(), "initrd".into());
    machine.append = APPEND.to_owned();
    machine.memory = "1G".to_owned();
    machine.cpus = plan.cpus;
    machine.icount = plan.mode == Mode::Icount;
    machine
}

/// Measures a kernel, or takes what was kept of the same before.
pub fn measure(
    workspace: &Workspace,
    name: &str,
    kernel: &Path,
    plan: &Plan,
    keep: bool,
) -> Result<Vec<Figure>> {
    let initrd = initrd(workspace, plan)?;
    let mut machine = machine(kernel, plan);
    let cache = Cache::new(
        workspace,
        &machine,
        &initrd,
        &format!("{name}-{}", plan.mode.name()),
    )?;
    if keep && let Some(figures) = cache.get() {
        return Ok(figures);
    }
    let progress = Progress::start(format!("{name}, {}, {} cpu", plan.mode.name(), plan.cpus));
    let folder = tempfile::tempdir().context("a temporary folder")?;
    machine.initrd = folder.path().join("initrd");
    std::fs::write(&machine.initrd, &initrd).context("writing the initramfs")?;
    let (figures, log) = boot(&machine, &progress)?;
    if !figures.iter().any(|figure| figure.name != BOOT_ROW) {
        bail!("{name} measured nothing; {}", session::tail(&log, 30));
    }
    if log.contains("@off ") {
        cache.put(&figures)?;
    } else {
        eprintln!(
            "{name} ended before the benchmark did; {}",
            session::tail(&log, 15)
        );
    }
    progress.done();
    Ok(figures)
}

fn boot(machine: &Machine, progress: &Progress) -> Result<(Vec<Figure>, String)> {
    let mut command = machine.command();
    command.args(["-monitor", "none", "-serial", "stdio"]);
    let mut qemu = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start QEMU")?;
    let console = qemu.stdout.take().context("QEMU's output")?;
    let (lines, arriving) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(console).split(b'\n').map_while(Result::ok) {
            if lines
                .send(String::from_utf8_lossy(&line).trim_end().to_owned())
                .is_err()
            {
                return;
            }
        }
    });
    let until = Instant::now() + LIMIT;
    let (mut figures, mut log) = (Vec::new(), String::new());
    while let Ok(line) = arriving.recv_timeout(until.saturating_duration_since(Instant::now())) {
        progress.say(&line);
        if let Some(boot) = line.strip_prefix("@init cntvct_ns=") {
            let ns = boot
                .split(' ')
                .next()
                .and_then(|number| number.parse().ok());
            figures.extend(ns.map(|ns: f64| Figure::new(BOOT_ROW, ns, "ns")));
        }
        figures.extend(Figure::parse(&line));
        log.push_str(&line);
        log.push('\n');
    }
    // Its console is closed, so it has ended; or it is late.
    if Instant::now() >= until {
        qemu.kill().context("killing QEMU")?;
        log.push_str("(killed: it took too long)\n");
    }
    qemu.wait().context("QEMU")?;
    Ok((figures, log))
}
