use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use hal::UFrame;
use sync::Credentials;
use vfs::{FsContext, LookupFlags, Mount, MountFlags, Path, Start, lookup};

use super::{Source, Tree, unpack};
use crate::tmpfs::TmpFs;

/// Builds archives.
#[derive(Default)]
struct Packer(Vec<u8>);

struct Item<'a> {
    name: &'a str,
    mode: u32,
    data: &'a [u8],
    ino: u32,
    nlink: u32,
    rdev: (u32, u32),
}

impl<'a> Item<'a> {
    fn new(name: &'a str, mode: u32, data: &'a [u8]) -> Self {
        Self {
            name,
            mode,
            data,
            ino: 0,
            nlink: 1,
            rdev: (0, 0),
        }
    }
}

impl Packer {
    fn pad(&mut self) {
        while !self.0.len().is_multiple_of(4) {
            self.0.push(0);
        }
    }

    fn add(&mut self, item: &Item<'_>) -> &mut Self {
        let fields = [
            item.ino,
            item.mode,
            3,
            4,
            item.nlink,
            1000,
            item.data.len() as u32,
            8,
            1,
            item.rdev.0,
            item.rdev.1,
            item.name.len() as u32 + 1,
            0,
        ];
        let mut header = String::from("070701");
        for field in fields {
            header += &format!("{field:08X}");
        }
        self.0.extend_from_slice(header.as_bytes());
        self.0.extend_from_slice(item.name.as_bytes());
        self.0.push(0);
        self.pad();
        self.0.extend_from_slice(item.data);
        self.pad();
        self
    }

    fn end(&mut self) -> Vec<u8> {
        self.add(&Item::new("TRAILER!!!", 0, b""));
        core::mem::take(&mut self.0)
    }
}

struct Bytes {
    all: Vec<u8>,
    at: usize,
}

impl Source for Bytes {
    fn bytes(&self) -> &[u8] {
        &self.all[self.at..]
    }

    fn skip(&mut self, count: usize) {
        self.at = (self.at + count).min(self.all.len());
    }

    fn take_page(&mut self) -> Option<UFrame> {
        if !self.at.is_multiple_of(4096) || self.all.len() - self.at < 4096 {
            return None;
        }
        let frame = UFrame::alloc_zeroed()?;
        frame.write(0, &self.all[self.at..self.at + 4096]);
        self.at += 4096;
        Some(frame)
    }
}

fn root() -> (FsContext, Credentials) {
    let sb = TmpFs::super_block("rootfs", b"mode=755,size=64m,nr_inodes=1000", 0).unwrap();
    let dentry = sb.root().clone();
    let mount = Mount::new(
        sb,
        dentry.clone(),
        Arc::from(&b"rootfs"[..]),
        MountFlags::empty(),
    );
    let fs = FsContext::new(Path::new(mount, dentry));
    fs.set_umask(0);
    (fs, Credentials::root())
}

fn find(fs: &FsContext, cred: &Credentials, name: &str) -> abi::Result<Path> {
    lookup(
        &Start {
            fs,
            base: None,
            cred,
        },
        name.as_bytes(),
        LookupFlags::empty(),
    )
}

fn unpacked(bytes: Vec<u8>) -> (FsContext, Credentials, Result<(), &'static str>, u64) {
    let (fs, cred) = root();
    let mut source = Bytes { all: bytes, at: 0 };
    let mut tree = Tree::new(&fs, &cred);
    let result = unpack(&mut source, &mut tree);
    let adopted = tree.counts().1;
    drop(tree);
    (fs, cred, result, adopted)
}

fn content(path: &Path) -> Vec<u8> {
    let object = path.inode().object().unwrap();
    let mut bytes = vec![0; object.size() as usize];
    object.read_bytes(0, &mut bytes).unwrap();
    bytes
}

fn sample() -> Packer {
    let mut packer = Packer::default();
    packer
        .add(&Item::new("bin", 0o040_755, b""))
        .add(&Item::new("bin/sh", 0o100_755, b"program"))
        .add(&Item::new("link", 0o120_777, b"bin/sh"))
        .add(&Item {
            rdev: (5, 1),
            ..Item::new("console", 0o020_600, b"")
        })
        .add(&Item::new("fifo", 0o010_644, b""))
        .add(&Item {
            ino: 9,
            nlink: 2,
            ..Item::new("one", 0o100_644, b"")
        })
        .add(&Item {
            ino: 9,
            nlink: 2,
            ..Item::new("two", 0o100_644, b"shared")
        });
    packer
}

#[test]
fn every_kind_of_entry_is_made() {
    let (fs, cred, result, _) = unpacked(sample().end());
    result.unwrap();
    let sh = find(&fs, &cred, "/bin/sh").unwrap();
    assert_eq!(content(&sh), b"program");
    let data = sh.inode().metadata();
    assert_eq!(
        (data.mode, data.uid, data.gid, data.times.modified.sec),
        (0o100_755, 3, 4, 1000)
    );
    let link = find(&fs, &cred, "/link").unwrap();
    assert_eq!(&*link.inode().readlink(&cred).unwrap(), b"bin/sh");
    let console = find(&fs, &cred, "/console").unwrap().inode().metadata();
    assert_eq!((console.mode, console.rdev), (0o020_600, 0x501));
    assert_eq!(
        find(&fs, &cred, "/fifo").unwrap().inode().metadata().mode,
        0o010_644
    );
    let one = find(&fs, &cred, "/one").unwrap();
    assert_eq!(content(&one), b"shared");
    assert_eq!(one.inode().metadata().nlink, 2);
    assert_eq!(
        find(&fs, &cred, "/bin")
            .unwrap()
            .inode()
            .metadata()
            .times
            .modified
            .sec,
        1000
    );
}

#[test]
fn archives_follow_each_other_plain_and_packed() {
    let mut bytes = sample().end();
    bytes.extend_from_slice(&[0; 512]);
    let second = Packer::default()
        .add(&Item::new("bin/sh", 0o100_700, b"newer"))
        .end();
    bytes.extend_from_slice(&gzip(&second));
    bytes.extend_from_slice(&[0; 8]);
    bytes.extend(
        Packer::default()
            .add(&Item::new("last", 0o100_600, b"x"))
            .end(),
    );
    let (fs, cred, result, _) = unpacked(bytes);
    result.unwrap();
    assert_eq!(content(&find(&fs, &cred, "/bin/sh").unwrap()), b"newer");
    assert_eq!(content(&find(&fs, &cred, "/last").unwrap()), b"x");
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 3];
    out.extend_from_slice(b"name\0");
    out.extend(miniz_oxide::deflate::compress_to_vec(bytes, 6));
    let mut crc = !0u32;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 != 0 {
                0xedb8_8320 ^ (crc >> 1)
            } else {
                crc >> 1
            };
        }
    }
    out.extend_from_slice(&(!crc).to_le_bytes());
    out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    out
}

#[test]
fn a_large_packed_file_is_whole() {
    let data: Vec<u8> = (0..300_000u32).map(|n| (n * 7 % 251) as u8).collect();
    let archive = Packer::default()
        .add(&Item::new("big", 0o100_644, &data))
        .end();
    let (fs, cred, result, _) = unpacked(gzip(&archive));
    result.unwrap();
    assert_eq!(content(&find(&fs, &cred, "/big").unwrap()), data);
}

#[test]
fn aligned_pages_are_adopted_and_the_rest_copied() {
    let data: Vec<u8> = (0..20_000u32).map(|n| (n % 253) as u8).collect();
    // A name of such a length that the data begins on a page.
    let name = "n".repeat(4096 - 110 - 1);
    let mut packer = Packer::default();
    packer.add(&Item::new("short", 0o100_644, b"")).0.clear();
    packer.add(&Item::new(&name, 0o100_644, &data));
    assert_eq!(packer.0.len() - data.len(), 4096);
    // A name that long cannot be made; a path with slashes can.
    let long = format!("{}x", "./".repeat((4096 - 110 - 2) / 2));
    let archive = Packer::default()
        .add(&Item::new(&long, 0o100_644, &data))
        .end();
    let (fs, cred, result, adopted) = unpacked(archive);
    result.unwrap();
    assert_eq!(adopted, 16_384);
    assert_eq!(content(&find(&fs, &cred, "/x").unwrap()), data);
}

#[test]
fn damage_is_told_and_what_came_before_stays() {
    for (damage, reason) in [
        (&b"garbage!"[..], "unknown archive format"),
        (b"0707xx", "archive is cut off"),
    ] {
        let mut bytes = sample().end();
        bytes.extend_from_slice(damage);
        let (fs, cred, result, _) = unpacked(bytes);
        assert_eq!(result, Err(reason));
        assert!(find(&fs, &cred, "/bin/sh").is_ok());
    }
    let mut packed = gzip(&sample().end());
    let at = packed.len() - 6;
    packed[at] ^= 1;
    assert_eq!(unpacked(packed.clone()).2, Err("crc error"));
    packed.truncate(60);
    assert_eq!(unpacked(packed).2, Err("compressed archive is cut off"));
    let mut cut = sample().end();
    cut.truncate(300);
    assert_eq!(unpacked(cut).2, Err("archive is cut off"));
}

#[test]
fn hostile_headers_do_no_harm() {
    // Every byte of a good archive, changed in turn.
    let good = sample().end();
    for at in 0..good.len() {
        for value in [0, b'0', b'f', 0xff] {
            let mut bad = good.clone();
            bad[at] = value;
            let _ = unpacked(bad);
        }
    }
}
