use super::*;
use abi::fcntl::OFlags;
use alloc::string::String;
use alloc::vec;
use core::fmt::Write as _;
use core::sync::atomic::{AtomicI64, Ordering::Relaxed};
use mm::{IoDst, IoSrc};
use sync::Credentials;
use vfs::ops::open::{OpenHow, open};
use vfs::{
    DirSink, FileType, FsContext, LookupFlags, Mount, MountFlags, NewNode, OpenFile, Path, Start,
    Whence, lookup,
};

/// Processes 1 and 7; 7 is the one that asks.
struct Two;

struct Empty;

impl Names for Empty {
    fn find(&self, _name: &[u8]) -> Result<Arc<dyn Inode>> {
        Err(Errno::ENOENT)
    }

    fn list(&self, _from: u64, _take: &mut dyn FnMut(&Entry<'_>) -> bool) -> Result<()> {
        Ok(())
    }
}

impl Processes for Two {
    fn process(&self, pid: u32, rules: &Arc<Rules>) -> Option<Arc<dyn Inode>> {
        self.listed(pid, rules)?;
        Some(Dir::new(u64::from(pid), 0o555, Owner::Process(0, 0), Empty))
    }

    fn numbers(&self, from: u32) -> Vec<u32> {
        [1, 7].into_iter().filter(|pid| *pid >= from).collect()
    }

    fn listed(&self, pid: u32, rules: &Rules) -> Option<u64> {
        let seen = pid == 7 || pid == 1 && rules.hide() == Hide::Off;
        seen.then_some(u64::from(pid))
    }

    fn current(&self) -> Option<(u32, u32)> {
        Some((7, 8))
    }

    fn count(&self) -> usize {
        2
    }
}

static KNOB: AtomicI64 = AtomicI64::new(3);
static MADE: AtomicI64 = AtomicI64::new(0);

fn mounted(data: &[u8]) -> FsContext {
    install(&Two);
    show("made", |out: &mut Text| {
        writeln!(out, "{} times", MADE.fetch_add(1, Relaxed) + 1)
    });
    setting::settable(
        "sys/test/knob",
        0..=9,
        || KNOB.load(Relaxed),
        |new| {
            KNOB.store(new, Relaxed);
            Ok(())
        },
    );
    let sb = ProcFsType.mount(b"proc", data, 0).unwrap();
    let root = sb.root().clone();
    let mount = Mount::new(
        sb,
        root.clone(),
        Arc::from(&b"proc"[..]),
        MountFlags::empty(),
    );
    FsContext::new(Path::new(mount, root))
}

fn opened(fs: &FsContext, path: &str, flags: OFlags) -> Result<Arc<OpenFile>> {
    let cred = Arc::new(Credentials::root());
    let start = Start {
        fs,
        base: None,
        cred: &cred,
    };
    let how = OpenHow {
        flags,
        mode: 0o600,
        resolve: LookupFlags::empty(),
        cred: &cred,
        caller: None,
    };
    open(&start, path.as_bytes(), &how)
}

fn read(file: &OpenFile, size: usize) -> String {
    let mut bytes = vec![0; size];
    let mut dst = IoDst::kernel(&mut bytes);
    let done = file.read(&mut dst, None).unwrap();
    String::from_utf8(bytes[..done].to_vec()).unwrap()
}

struct Listed(Vec<String>, usize);

impl DirSink for Listed {
    fn entry(&mut self, name: &[u8], _ino: u64, _kind: FileType, _next: u64) -> bool {
        if self.0.len() == self.1 {
            return false;
        }
        self.0.push(String::from_utf8_lossy(name).into_owned());
        true
    }
}

#[test]
fn a_text_is_made_at_the_beginning_and_kept() {
    let fs = mounted(b"");
    let file = opened(&fs, "/made", OFlags::RDONLY).unwrap();
    let (first, rest) = (read(&file, 1), read(&file, 100));
    assert_eq!(rest, " times\n");
    assert_eq!(read(&file, 100), "");
    file.ops()
        .seek(&file, &mut file.position(), 0, Whence::Set)
        .unwrap();
    assert_ne!(read(&file, 1), first);
}

#[test]
fn settings_are_set_within_their_range() {
    let fs = mounted(b"");
    let file = opened(&fs, "/sys/test/knob", OFlags::RDWR).unwrap();
    let write = |text: &str| {
        let mut src = IoSrc::kernel(text.as_bytes());
        file.write(&mut src, Some(&mut 0))
    };
    assert_eq!(write("5 \n"), Ok(3));
    assert_eq!(read(&file, 100), "5\n");
    assert_eq!(read(&file, 100), "");
    assert_eq!(write("10"), Err(Errno::EINVAL));
    assert_eq!(write("x"), Err(Errno::EINVAL));
    assert_eq!(KNOB.load(Relaxed), 5);
}

#[test]
fn names_are_found_made_by_nobody_and_listed_in_pieces() {
    let fs = mounted(b"");
    let cred = Credentials::root();
    let start = Start {
        fs: &fs,
        base: None,
        cred: &cred,
    };
    for there in ["/1", "/7", "/self", "/sys/test", "/filesystems"] {
        assert!(lookup(&start, there.as_bytes(), LookupFlags::empty()).is_ok());
    }
    for absent in ["/2", "/01", "/sys/none"] {
        let found = lookup(&start, absent.as_bytes(), LookupFlags::empty());
        assert_eq!(found.err(), Some(Errno::ENOENT));
    }
    let made = opened(&fs, "/new", OFlags::RDWR | OFlags::CREAT);
    assert_eq!(made.err(), Some(Errno::ENOENT));
    let made = vfs::ops::create::create(&start, b"/new", NewNode::Directory, 0o755);
    assert_eq!(made.err(), Some(Errno::ENOENT));

    let dir = opened(&fs, "/", OFlags::RDONLY | OFlags::DIRECTORY).unwrap();
    let (mut all, mut pos) = (Vec::new(), 0);
    loop {
        let mut piece = Listed(Vec::new(), 3);
        dir.ops().readdir(&dir, &mut pos, &mut piece).unwrap();
        if piece.0.is_empty() {
            break;
        }
        all.extend(piece.0);
    }
    assert_eq!(all[..2], [".", ".."]);
    assert_eq!(all[all.len() - 4..], ["self", "thread-self", "1", "7"]);
    let mut unique = all.clone();
    unique.sort();
    unique.dedup();
    assert_eq!(unique.len(), all.len());
}

#[test]
fn lasting_names_are_cached_and_processes_are_not() {
    let fs = mounted(b"");
    let root = fs.root().dentry().clone();
    let lookup = |name: &[u8]| root.lookup(name).unwrap();
    assert!(Arc::ptr_eq(&lookup(b"sys"), &lookup(b"sys")));
    assert!(!Arc::ptr_eq(&lookup(b"7"), &lookup(b"7")));
    assert_eq!(lookup(b"7").inode().attr().ino(), 7);
}

#[test]
fn each_mount_has_rules_of_its_own() {
    let (open_to_all, hidden) = (mounted(b""), mounted(b"hidepid=2,subset=pid"));
    let names = |fs: &FsContext| {
        let dir = opened(fs, "/", OFlags::RDONLY | OFlags::DIRECTORY).unwrap();
        let mut all = Listed(Vec::new(), 1000);
        dir.ops().readdir(&dir, &mut 0, &mut all).unwrap();
        all.0
    };
    assert!(names(&open_to_all).iter().any(|name| name == "1"));
    assert_eq!(names(&hidden), [".", "..", "self", "thread-self", "7"]);
    assert!(opened(&hidden, "/1", OFlags::RDONLY).is_err());
    assert!(opened(&hidden, "/filesystems", OFlags::RDONLY).is_err());
}

#[test]
fn numbers_are_plain() {
    assert_eq!(number(b"0"), Ok(0));
    assert_eq!(number(b"4294967295"), Ok(u32::MAX));
    for other in [&b""[..], b"01", b"1a", b"-1", b"4294967296", b"00"] {
        assert_eq!(number(other), Err(Errno::ENOENT));
    }
}
