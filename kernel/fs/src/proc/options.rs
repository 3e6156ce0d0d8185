//! Options of a mount: who sees which processes.

use abi::{Errno, Result};
use core::fmt;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// How much of others' processes is hidden (`hidepid=`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u32)]
pub enum Hide {
    /// Nothing.
    Off = 0,
    /// What is in their directories.
    NoAccess = 1,
    /// That they are there.
    Invisible = 2,
    /// All that the reader may not trace, to members of the group too.
    Ptraceable = 4,
}

/// The rules of one mount.
#[derive(Default)]
pub struct Rules {
    hide: AtomicU32,
    /// Who is in this group sees everything.
    gid: AtomicU32,
    only_processes: AtomicBool,
}

impl Rules {
    /// How much is hidden.
    #[must_use]
    pub fn hide(&self) -> Hide {
        match self.hide.load(Ordering::Relaxed) {
            0 => Hide::Off,
            1 => Hide::NoAccess,
            2 => Hide::Invisible,
            _ => Hide::Ptraceable,
        }
    }

    /// The group that sees everything.
    #[must_use]
    pub fn gid(&self) -> u32 {
        self.gid.load(Ordering::Relaxed)
    }

    /// Whether the machine's files are left out (`subset=pid`).
    #[must_use]
    pub fn only_processes(&self) -> bool {
        self.only_processes.load(Ordering::Relaxed)
    }

    /// Takes the options in `data`; what it does not name stays.
    ///
    /// # Errors
    /// `EINVAL` for an option that is not known.
    pub fn change(&self, data: &[u8]) -> Result<()> {
        let text = core::str::from_utf8(data).map_err(|_| Errno::EINVAL)?;
        let (mut hide, mut gid, mut only) = (None, None, None);
        for option in text.split(',').filter(|option| !option.is_empty()) {
            match option.split_once('=') {
                Some(("hidepid", value)) => hide = Some(parse_hide(value)?),
                Some(("gid", value)) => {
                    gid = Some(value.parse::<u32>().map_err(|_| Errno::EINVAL)?);
                }
                Some(("subset", "pid")) => only = Some(true),
                _ => return Err(Errno::EINVAL),
            }
        }
        if let Some(hide) = hide {
            self.hide.store(hide as u32, Ordering::Relaxed);
        }
        if let Some(gid) = gid {
            self.gid.store(gid, Ordering::Relaxed);
        }
        if let Some(only) = only {
            self.only_processes.store(only, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Shows the options as `/proc/mounts` does.
    ///
    /// # Errors
    /// As the writer.
    pub fn show(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        if self.gid() != 0 {
            write!(out, ",gid={}", self.gid())?;
        }
        match self.hide() {
            Hide::Off => {}
            Hide::NoAccess => out.write_str(",hidepid=noaccess")?,
            Hide::Invisible => out.write_str(",hidepid=invisible")?,
            Hide::Ptraceable => out.write_str(",hidepid=ptraceable")?,
        }
        if self.only_processes() {
            out.write_str(",subset=pid")?;
        }
        Ok(())
    }
}

fn parse_hide(value: &str) -> Result<Hide> {
    Ok(match value {
        "0" | "off" => Hide::Off,
        "1" | "noaccess" => Hide::NoAccess,
        "2" | "invisible" => Hide::Invisible,
        "4" | "ptraceable" => Hide::Ptraceable,
        _ => return Err(Errno::EINVAL),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_taken_whole_or_not_at_all() {
        let rules = Rules::default();
        assert_eq!(rules.change(b"hidepid=2,gid=7"), Ok(()));
        assert_eq!((rules.hide(), rules.gid()), (Hide::Invisible, 7));
        assert_eq!(rules.change(b"hidepid=1,nothing"), Err(Errno::EINVAL));
        assert_eq!(rules.change(b"hidepid=3"), Err(Errno::EINVAL));
        let mut text = alloc::string::String::new();
        rules.show(&mut text).unwrap();
        assert_eq!(text, ",gid=7,hidepid=invisible");
    }
}
