//! The options of tmpfs.

use abi::{Errno, Result};

use super::PAGE;

/// What `mount -o` said; `None`: nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    /// `size=` or `nr_blocks=`, in pages; `u64::MAX` for 0, which means no limit.
    pub pages: Option<u64>,
    /// `nr_inodes=`, likewise.
    pub inodes: Option<u64>,
    /// `mode=` of the root.
    pub mode: Option<u32>,
    /// `uid=` of the root.
    pub uid: Option<u32>,
    /// `gid=` of the root.
    pub gid: Option<u32>,
}

/// Half of the memory, in pages: the limit of pages and of inodes unless told otherwise.
pub(crate) fn default_pages() -> u64 {
    hal::frame::total() as u64 / 2
}

/// A number with one of the suffixes `k`, `m`, `g`, `t`.
fn number(text: &str) -> Result<u64> {
    let shift = match text.bytes().last() {
        Some(b'k' | b'K') => 10,
        Some(b'm' | b'M') => 20,
        Some(b'g' | b'G') => 30,
        Some(b't' | b'T') => 40,
        _ => 0,
    };
    let digits = if shift > 0 {
        text.get(..text.len() - 1).unwrap_or_default()
    } else {
        text
    };
    let value = match digits.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16),
        None => digits.parse(),
    };
    value
        .ok()
        .and_then(|value| value.checked_mul(1 << shift))
        .ok_or(Errno::EINVAL)
}

fn limit(count: u64) -> u64 {
    if count == 0 { u64::MAX } else { count }
}

fn size(text: &str) -> Result<u64> {
    if let Some(percent) = text.strip_suffix('%') {
        let percent: u64 = percent.parse().map_err(|_| Errno::EINVAL)?;
        let total = hal::frame::total() as u64;
        return Ok(limit(
            total.checked_mul(percent).ok_or(Errno::EINVAL)? / 100,
        ));
    }
    Ok(limit(number(text)?.div_ceil(PAGE)))
}

impl Options {
    /// Reads `a=b,c=d`.
    ///
    /// # Errors
    /// `EINVAL` for an option or a value that is not known.
    pub(crate) fn parse(data: &[u8]) -> Result<Self> {
        let text = core::str::from_utf8(data).map_err(|_| Errno::EINVAL)?;
        let mut options = Self::default();
        for word in text.split(',').filter(|word| !word.is_empty()) {
            let (key, value) = word.split_once('=').unwrap_or((word, ""));
            match key {
                "size" => options.pages = Some(size(value)?),
                "nr_blocks" => options.pages = Some(limit(number(value)?)),
                "nr_inodes" => options.inodes = Some(limit(number(value)?)),
                "mode" => {
                    let mode = u32::from_str_radix(value, 8).map_err(|_| Errno::EINVAL)?;
                    options.mode = Some(mode & 0o7777);
                }
                "uid" => options.uid = Some(value.parse().map_err(|_| Errno::EINVAL)?),
                "gid" => options.gid = Some(value.parse().map_err(|_| Errno::EINVAL)?),
                // Numbers are 64 bits wide anyway, nothing is swapped, and no page is huge.
                "inode64" | "noswap" => {}
                "huge" if matches!(value, "never" | "0") => {}
                _ => return Err(Errno::EINVAL),
            }
        }
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_sizes_modes_and_owners() {
        let options = Options::parse(b"size=64k,nr_inodes=10,mode=0755,uid=5,gid=6").unwrap();
        assert_eq!(options.pages, Some(16));
        assert_eq!(options.inodes, Some(10));
        assert_eq!(
            (options.mode, options.uid, options.gid),
            (Some(0o755), Some(5), Some(6))
        );
        assert_eq!(Options::parse(b"size=0").unwrap().pages, Some(u64::MAX));
        assert_eq!(Options::parse(b"size=1").unwrap().pages, Some(1));
        assert_eq!(Options::parse(b"").unwrap(), Options::default());
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        for bad in [
            &b"color=red"[..],
            b"size=x",
            b"mode=9",
            b"size=99999999999t",
            b"uid=-1",
            b"\xff",
        ] {
            assert_eq!(Options::parse(bad), Err(Errno::EINVAL));
        }
    }
}
