//! The kernel's trace of system calls, picked out of its console while the program runs.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result};

/// What a traced line starts with on the console.
const MARK: &str = "strace: ";

/// How often the console's log is looked at.
const EVERY: Duration = Duration::from_millis(20);

/// A thread that copies traced lines from a log that grows.
pub struct Follower {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Follower {
    /// Copies what is in the log and what comes to it, to `out`.
    pub fn start(log: &Path, mut out: Box<dyn Write + Send>) -> Result<Self> {
        let mut file = File::open(log).with_context(|| log.display().to_string())?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut pending = Vec::new();
            loop {
                // Asked first: what was written before the stop is still read.
                let last = stopped.load(Ordering::Acquire);
                if file.read_to_end(&mut pending).is_err() {
                    return;
                }
                let whole = pending
                    .iter()
                    .rposition(|byte| *byte == b'\n')
                    .map_or(0, |at| at + 1);
                let rest = pending.split_off(whole);
                for line in String::from_utf8_lossy(&pending).lines() {
                    if let Some(call) = traced(line)
                        && writeln!(out, "{call}").is_err()
                    {
                        return;
                    }
                }
                pending = rest;
                if last {
                    return;
                }
                std::thread::sleep(EVERY);
            }
        });
        Ok(Self { stop, thread })
    }

    /// Copies the rest and ends.
    pub fn finish(self) {
        self.stop.store(true, Ordering::Release);
        if self.thread.join().is_err() {
            eprintln!("nacre: the trace's reader failed");
        }
    }
}

/// The call on a line of the console, if it is one: after a time stamp, perhaps.
fn traced(line: &str) -> Option<&str> {
    let line = line.trim_end();
    let plain = match line
        .strip_prefix('[')
        .and_then(|rest| rest.split_once("] "))
    {
        Some((stamp, rest)) if stamp.trim().parse::<f64>().is_ok() => rest,
        _ => line,
    };
    plain.strip_prefix(MARK)
}

#[cfg(test)]
mod tests {
    use super::traced;

    #[test]
    fn traced_lines_are_told_from_others() {
        assert_eq!(
            traced("strace: [7] getpid() = 7\r"),
            Some("[7] getpid() = 7")
        );
        assert_eq!(
            traced("[    1.234567] strace: [7] brk(0) = 0x1000"),
            Some("[7] brk(0) = 0x1000")
        );
        assert_eq!(traced("[    1.234567] Freeing memory"), None);
        assert_eq!(traced("not strace: x"), None);
    }
}
