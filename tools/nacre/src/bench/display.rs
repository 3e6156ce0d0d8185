//! The display: frames a second, what a round trip costs a client, and how long it takes to the first frame.
//!
//! The same compositor and the same clients run on both kernels, under the same QEMU line.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use channel::Request;

use super::Figure;
use super::cache::Cache;
use crate::commands::wayland::shell;
use crate::progress::Progress;
use crate::qemu::Machine;
use crate::session::{Guest, Input};
use crate::workspace::Workspace;
use crate::{initramfs, modules, wayland};

/// The row with frames a second.
const FRAMES: &str = "shm_frames";
/// The row with what a round trip costs, in instructions.
const ROUND_TRIP: &str = "wayland_roundtrip";
/// The row with the time from QEMU's start to the client's first frame.
const FIRST: &str = "time_to_frame";

/// SIGTERM: what was asked for has been said.
const SIGTERM: u32 = 15;

/// A machine that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(300);

/// The compositor says so often how many frames a second there were; the first is of a machine still busy with itself.
const REPORTS: usize = 7;

/// Boots for the time to the first frame; the middle one counts.
const BOOTS: usize = 3;

/// The compositor, then a client once there is a socket.
fn script(client: &str) -> String {
    format!(
        "compositor --report &\n\
         while [ ! -S $XDG_RUNTIME_DIR/wayland-0 ]; do sleep 0.01; done\n{client} & wait"
    )
}

/// Boots and runs a script until `enough` of what it said; that, and how long it took from QEMU's start.
fn play(
    machine: &Machine,
    initrd: &[u8],
    body: &str,
    enough: &dyn Fn(&str) -> bool,
) -> Result<(String, Duration)> {
    let folder = Guest::folder()?;
    let mut machine = machine.clone();
    machine.initrd = folder.path().join("initrd");
    std::fs::write(&machine.initrd, initrd).context("writing the initramfs")?;
    machine
        .extra
        .extend(wayland::qemu_args(&folder.path().join("qmp")));
    let start = Instant::now();
    let guest = Guest::boot(&machine, folder)?;
    let mut said = String::new();
    let mut took = None;
    let run = shell(body);
    let _ = guest.run(
        &run,
        Input::Bytes(Vec::new()),
        Some(PATIENCE),
        &mut |_, bytes| {
            said.push_str(&String::from_utf8_lossy(bytes));
            if took.is_none() && enough(&said) {
                took = Some(start.elapsed());
                let _ = guest.send(&Request::Signal(SIGTERM));
            }
        },
    );
    guest.power_off();
    match took {
        Some(took) => Ok((said, took)),
        None => bail!("the display's benchmark ended early; it had said:\n{said}"),
    }
}

/// The numbers behind a word, in the order they were said.
fn numbers(said: &str, word: &str) -> Vec<f64> {
    said.lines()
        .filter_map(|line| {
            let (_, rest) = line.split_once(word)?;
            rest.split_whitespace().next()?.parse().ok()
        })
        .collect()
}

fn middle(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

/// Measures a kernel, or takes what was kept of the same before.
pub fn measure(
    workspace: &Workspace,
    name: &str,
    kernel: &Path,
    keep: bool,
) -> Result<Vec<Figure>> {
    let mut machine = Machine::new(kernel.to_path_buf(), "initrd".into());
    super::run::APPEND.clone_into(&mut machine.append);
    machine.cpus = 1;
    let mut files = wayland::files(workspace)?;
    let mut with_display = machine.clone();
    with_display
        .extra
        .extend(wayland::qemu_args(Path::new("qmp")));
    files.extend(modules::files(workspace, &with_display)?);
    let initrd = initramfs::agent(workspace, &files, None)?;
    let cache = Cache::new(
        workspace,
        &with_display,
        &initrd,
        &format!("{name}-display"),
    )?;
    if keep && let Some(figures) = cache.get() {
        return Ok(figures);
    }
    let progress = Progress::start(format!("{name}, display"));
    progress.say("frames a second");
    let many = |said: &str| numbers(said, " rate ").len() >= REPORTS;
    let (said, _) = play(&machine, &initrd, &script("weston-simple-shm"), &many)?;
    let rates = numbers(&said, " rate ").split_off(2);
    let mut figures = vec![Figure {
        name: FRAMES.into(),
        value: middle(rates),
        unit: "frames/s".into(),
    }];
    progress.say("time to the first frame");
    let mut times = Vec::new();
    for _ in 0..BOOTS {
        let is_mapped = |said: &str| said.contains("\nmap ");
        let (_, took) = play(&machine, &initrd, &script("weston-simple-shm"), &is_mapped)?;
        times.push(took.as_secs_f64() * 1000.0);
    }
    figures.push(Figure {
        name: FIRST.into(),
        value: middle(times),
        unit: "ms".into(),
    });
    progress.say("instructions of a round trip");
    machine.icount = true;
    let is_told = |said: &str| !numbers(said, "roundtrip ").is_empty();
    let (said, _) = play(
        &machine,
        &initrd,
        &script("probe --roundtrips 2000"),
        &is_told,
    )?;
    figures.push(Figure {
        name: ROUND_TRIP.into(),
        value: middle(numbers(&said, "roundtrip ")),
        unit: "ns".into(),
    });
    cache.put(&figures)?;
    progress.done();
    Ok(figures)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_behind_their_word() {
        let said = "ready\nframes 60 rate 59.9\nframes 120 rate 60.1\nroundtrip 1234 ns\n";
        assert_eq!(numbers(said, " rate "), [59.9, 60.1]);
        assert_eq!(numbers(said, "roundtrip "), [1234.0]);
        assert_eq!(middle(vec![3.0, 1.0, 2.0]), Some(2.0));
    }
}
