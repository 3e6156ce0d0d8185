//! The options of devpts (`Documentation/filesystems/devpts.rst`).

use abi::{Errno, Result};
use core::fmt;

/// Numbers there can be at all.
pub(super) const MAX: u32 = 1 << 20;

/// What `mount -o` said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Options {
    /// Owner of slaves; `None`: who opens the master.
    pub uid: Option<u32>,
    /// Group of slaves, likewise.
    pub gid: Option<u32>,
    /// Permission bits of slaves.
    pub mode: u32,
    /// Permission bits of `ptmx`.
    pub ptmxmode: u32,
    /// Most slaves of this instance.
    pub max: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            uid: None,
            gid: None,
            mode: 0o600,
            ptmxmode: 0,
            max: MAX,
        }
    }
}

fn id(value: &str) -> Result<u32> {
    value
        .parse()
        .ok()
        .filter(|id| *id != u32::MAX)
        .ok_or(Errno::EINVAL)
}

fn bits(value: &str) -> Result<u32> {
    let bits = u32::from_str_radix(value, 8).map_err(|_| Errno::EINVAL)?;
    Ok(bits & 0o7777)
}

impl Options {
    /// Reads `a=b,c=d`; what is not said is the default's.
    ///
    /// # Errors
    /// `EINVAL` for an option or a value that is not known.
    pub(super) fn parse(data: &[u8]) -> Result<Self> {
        let text = core::str::from_utf8(data).map_err(|_| Errno::EINVAL)?;
        let mut options = Self::default();
        for word in text.split(',').filter(|word| !word.is_empty()) {
            match word.split_once('=') {
                // Every mount is an instance of its own.
                None if word == "newinstance" => {}
                Some(("uid", value)) => options.uid = Some(id(value)?),
                Some(("gid", value)) => options.gid = Some(id(value)?),
                Some(("mode", value)) => options.mode = bits(value)?,
                Some(("ptmxmode", value)) => options.ptmxmode = bits(value)?,
                Some(("max", value)) => {
                    let max = value.parse().ok().filter(|max| *max <= MAX);
                    options.max = max.ok_or(Errno::EINVAL)?;
                }
                _ => return Err(Errno::EINVAL),
            }
        }
        Ok(options)
    }

    /// As `/proc/mounts` shows them.
    pub(super) fn show(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        if let Some(uid) = self.uid {
            write!(out, ",uid={uid}")?;
        }
        if let Some(gid) = self.gid {
            write!(out, ",gid={gid}")?;
        }
        write!(
            out,
            ",mode={:03o},ptmxmode={:03o}",
            self.mode, self.ptmxmode
        )?;
        if self.max < MAX {
            write!(out, ",max={}", self.max)?;
        }
        Ok(())
    }
}
