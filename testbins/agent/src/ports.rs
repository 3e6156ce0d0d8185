//! The virtio-serial ports, opened without waiting on any of them.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use channel::port;
use rustix::fs::OFlags;

/// How long a port may take to appear after the start.
const PATIENCE: Duration = Duration::from_secs(10);

/// The four ports of the contract.
#[derive(Debug)]
pub struct Ports {
    /// Frames in both directions.
    pub control: File,
    /// Bytes for the program's standard input.
    pub stdin: File,
    /// Takes the program's standard output.
    pub stdout: File,
    /// Takes the program's standard error.
    pub stderr: File,
}

impl Ports {
    /// Finds and opens them, waiting for the bus to be scanned if need be.
    ///
    /// # Errors
    /// A message naming the port that did not appear or could not be opened.
    pub fn open() -> Result<Self, String> {
        let until = Instant::now() + PATIENCE;
        Ok(Self {
            control: open_port(port::CONTROL, true, true, until)?,
            stdin: open_port(port::STDIN, true, false, until)?,
            stdout: open_port(port::STDOUT, false, true, until)?,
            stderr: open_port(port::STDERR, false, true, until)?,
        })
    }
}

fn open_port(nr: u32, read: bool, write: bool, until: Instant) -> Result<File, String> {
    loop {
        let path = find(nr);
        let flags = OFlags::NONBLOCK.bits().cast_signed();
        match OpenOptions::new()
            .read(read)
            .write(write)
            .custom_flags(flags)
            .open(&path)
        {
            Ok(file) => return Ok(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound && Instant::now() < until => {
                std::thread::sleep(Duration::from_millis(10));
            }
            Err(error) => return Err(format!("{}: {error}", path.display())),
        }
    }
}

/// By its number on the first virtio-serial device; where that is not there, by its name in sysfs.
fn find(nr: u32) -> PathBuf {
    let usual = PathBuf::from(format!("/dev/vport0p{nr}"));
    if usual.exists() {
        return usual;
    }
    let named = fs::read_dir("/sys/class/virtio-ports")
        .into_iter()
        .flatten()
        .flatten()
        .find(|entry| {
            fs::read_to_string(entry.path().join("name"))
                .is_ok_and(|name| name.trim() == port::name(nr))
        });
    named.map_or(usual, |entry| PathBuf::from("/dev").join(entry.file_name()))
}
