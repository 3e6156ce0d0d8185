//! A packer for initramfs archives (newc). The same entries give the same bytes: names are sorted, times are fixed,
//! everything belongs to root. File data of a page and more starts on a page, so that a kernel may adopt the pages
//! where they are; any kernel that reads newc can read the result.

use std::collections::BTreeMap;

/// Data is aligned to this.
const PAGE: usize = 4096;

/// The longest name Linux reads, its NULs included.
const LONGEST_NAME: usize = 4096;

const HEADER: usize = 110;

const S_IFDIR: u32 = 0o040_000;
const S_IFCHR: u32 = 0o020_000;
const S_IFREG: u32 = 0o100_000;
const S_IFLNK: u32 = 0o120_000;

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Entry {
    Folder(u32),
    File(u32, Vec<u8>),
    Link(Vec<u8>),
    Device { mode: u32, major: u32, minor: u32 },
}

/// An archive being put together.
#[derive(Debug, Clone, Default)]
pub struct Archive {
    entries: BTreeMap<String, Entry>,
}

impl Archive {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a folder (and those it is in).
    pub fn folder(&mut self, path: &str, mode: u32) -> &mut Self {
        self.put(path, Entry::Folder(mode))
    }

    /// Adds a file, in place of one that has the name already.
    pub fn file(&mut self, path: &str, mode: u32, data: impl Into<Vec<u8>>) -> &mut Self {
        self.put(path, Entry::File(mode, data.into()))
    }

    /// Adds a symbolic link.
    pub fn link(&mut self, path: &str, target: &str) -> &mut Self {
        self.put(path, Entry::Link(target.as_bytes().to_vec()))
    }

    /// Adds a character device.
    pub fn device(&mut self, path: &str, mode: u32, major: u32, minor: u32) -> &mut Self {
        self.put(path, Entry::Device { mode, major, minor })
    }

    fn put(&mut self, path: &str, entry: Entry) -> &mut Self {
        let path = path.trim_matches('/');
        for (at, _) in path.match_indices('/') {
            let folder = path.get(..at).unwrap_or_default();
            self.entries
                .entry(folder.to_owned())
                .or_insert(Entry::Folder(0o755));
        }
        self.entries.insert(path.to_owned(), entry);
        self
    }

    /// The archive's bytes.
    pub fn pack(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let mut inode = 1;
        for (name, entry) in &self.entries {
            let (mode, data, device): (u32, &[u8], _) = match entry {
                Entry::Folder(mode) => (S_IFDIR | mode, &[], (0, 0)),
                Entry::File(mode, data) => (S_IFREG | mode, data, (0, 0)),
                Entry::Link(target) => (S_IFLNK | 0o777, target, (0, 0)),
                Entry::Device { mode, major, minor } => (S_IFCHR | mode, &[], (*major, *minor)),
            };
            let mut name_size = name.len().saturating_add(1);
            if matches!(entry, Entry::File(..)) && data.len() >= PAGE {
                name_size = align_data(&mut out, &mut inode, name_size);
            }
            write_entry(
                &mut out,
                &Header {
                    name,
                    name_size,
                    inode,
                    mode,
                    device,
                    size: data.len(),
                },
            );
            out.extend_from_slice(data);
            pad(&mut out, 4);
            inode += 1;
        }
        write_entry(
            &mut out,
            &Header {
                name: "TRAILER!!!",
                name_size: 11,
                inode: 0,
                mode: 0,
                device: (0, 0),
                size: 0,
            },
        );
        pad(&mut out, 512);
        out
    }
}

struct Header<'a> {
    name: &'a str,
    /// The name's length with all NULs after it.
    name_size: usize,
    inode: u32,
    mode: u32,
    device: (u32, u32),
    size: usize,
}

/// How many NULs a name takes so that the data behind it starts on a page. Where they would make the name longer
/// than Linux reads, an entry for the root folder, with a long tail of NULs, is put before it.
fn align_data(out: &mut Vec<u8>, inode: &mut u32, name_size: usize) -> usize {
    let needed = |at: usize| {
        let data = at.saturating_add(HEADER).saturating_add(name_size);
        name_size.saturating_add(data.next_multiple_of(PAGE).saturating_sub(data))
    };
    if needed(out.len()) > LONGEST_NAME {
        let header = Header {
            name: ".",
            name_size: PAGE / 2,
            inode: *inode,
            mode: S_IFDIR | 0o755,
            device: (0, 0),
            size: 0,
        };
        write_entry(out, &header);
        *inode += 1;
    }
    needed(out.len())
}

fn write_entry(out: &mut Vec<u8>, header: &Header<'_>) {
    let links = if header.mode & S_IFDIR == S_IFDIR {
        2
    } else {
        1
    };
    let (major, minor) = header.device;
    let size = u32::try_from(header.size).unwrap_or(u32::MAX);
    let name_size = u32::try_from(header.name_size).unwrap_or(u32::MAX);
    out.extend_from_slice(b"070701");
    // inode, mode, uid, gid, links, mtime, size, device, special device, name size, checksum
    let fields = [
        header.inode,
        header.mode,
        0,
        0,
        links,
        0,
        size,
        0,
        0,
        major,
        minor,
        name_size,
        0,
    ];
    for field in fields {
        out.extend_from_slice(format!("{field:08x}").as_bytes());
    }
    let end = out.len().saturating_add(header.name_size);
    out.extend_from_slice(header.name.as_bytes());
    out.resize(end, 0);
    pad(out, 4);
}

fn pad(out: &mut Vec<u8>, to: usize) {
    out.resize(out.len().next_multiple_of(to), 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads an archive back: (name, mode, data, where the data starts).
    fn read(bytes: &[u8]) -> Vec<(String, u32, Vec<u8>, usize)> {
        let mut found = Vec::new();
        let mut at = 0;
        let field = |at: usize, nr: usize| {
            let start = at + 6 + 8 * nr;
            let text = std::str::from_utf8(bytes.get(start..start + 8).unwrap_or_default())
                .unwrap_or_default();
            u32::from_str_radix(text, 16).unwrap_or(u32::MAX)
        };
        while bytes.get(at..at + 6) == Some(b"070701") {
            let (mode, size, name_size) =
                (field(at, 1), field(at, 6) as usize, field(at, 11) as usize);
            assert!(name_size <= LONGEST_NAME);
            let name = bytes
                .get(at + HEADER..at + HEADER + name_size)
                .unwrap_or_default();
            assert_eq!(name.last(), Some(&0));
            let name: Vec<u8> = name.iter().copied().take_while(|byte| *byte != 0).collect();
            let data_at = (at + HEADER + name_size).next_multiple_of(4);
            let data = bytes
                .get(data_at..data_at + size)
                .unwrap_or_default()
                .to_vec();
            assert_eq!(data.len(), size);
            found.push((
                String::from_utf8_lossy(&name).into_owned(),
                mode,
                data,
                data_at,
            ));
            at = (data_at + size).next_multiple_of(4);
        }
        found
    }

    #[test]
    fn an_archive_reads_back_with_its_pages_aligned() {
        for extra in [0, 1, 100, 1000, 2000, 3000, 3900, 4000, 4050, 4090] {
            let mut archive = Archive::new();
            archive.file("/bin/first", 0o755, vec![b'x'; 10 + extra]);
            archive.file("/bin/second", 0o755, vec![b'y'; 10_000]);
            archive
                .link("/bin/sh", "first")
                .device("/dev/console", 0o600, 5, 1);
            let bytes = archive.pack();
            let entries = read(&bytes);
            let names: Vec<&str> = entries
                .iter()
                .map(|(name, ..)| name.as_str())
                .filter(|name| *name != ".")
                .collect();
            let wanted = [
                "bin",
                "bin/first",
                "bin/second",
                "bin/sh",
                "dev",
                "dev/console",
                "TRAILER!!!",
            ];
            assert_eq!(names, wanted);
            for (name, mode, data, at) in &entries {
                match name.as_str() {
                    "bin/second" => {
                        assert_eq!((at % PAGE, data.len(), *mode), (0, 10_000, 0o100_755))
                    }
                    "bin/sh" => assert_eq!((data.as_slice(), *mode), (&b"first"[..], 0o120_777)),
                    "dev/console" => assert_eq!(*mode, 0o020_600),
                    _ => {}
                }
            }
            assert_eq!(bytes.len() % 512, 0);
        }
    }

    #[test]
    fn the_order_of_adding_does_not_matter() {
        let mut one = Archive::new();
        one.file("a", 0o644, "a")
            .file("b/c", 0o644, "c")
            .folder("b", 0o700);
        let mut two = Archive::new();
        two.folder("b", 0o700)
            .file("b/c", 0o644, "c")
            .file("a", 0o644, "a");
        assert_eq!(one.pack(), two.pack());
    }
}
