use super::*;
use abi::fcntl::OFlags;
use vfs::{FileOps, Mount};

/// A slave nobody opens.
struct Nothing;

impl CharDevice for Nothing {
    fn open(&self, _minor: u32, _request: &OpenRequest<'_>) -> Result<Arc<dyn FileOps>> {
        Err(Errno::EIO)
    }
}

fn mounted(data: &[u8]) -> Path {
    let sb = DevPtsType.mount(b"devpts", data, 0).unwrap();
    let root = sb.root().clone();
    Path::new(Mount::internal(sb), root)
}

fn allot_at(root: &Path) -> Result<Entry> {
    let ptmx = Path::new(root.mount().clone(), root.dentry().lookup(b"ptmx")?);
    allot(&OpenRequest {
        flags: OFlags::RDWR,
        cred: &Arc::new(Credentials::root()),
        caller: None,
        path: &ptmx,
    })
}

#[test]
fn options_are_read_and_shown() {
    let options = Options::parse(b"newinstance,gid=5,mode=620,ptmxmode=666,max=10").unwrap();
    let mut text = alloc::string::String::new();
    options.show(&mut text).unwrap();
    assert_eq!(text, ",gid=5,mode=620,ptmxmode=666,max=10");
    let mut text = alloc::string::String::new();
    Options::default().show(&mut text).unwrap();
    assert_eq!(text, ",mode=600,ptmxmode=000");
    for bad in [&b"mode=9"[..], b"gid=x", b"max=1048577", b"new", b"mode"] {
        assert_eq!(Options::parse(bad), Err(Errno::EINVAL));
    }
}

#[test]
fn a_slave_has_the_lowest_free_number_and_a_name_while_its_master_lives() {
    let root = mounted(b"gid=5,mode=620");
    assert!(root.dentry().lookup(b"0").is_err());
    let first = allot_at(&root).unwrap();
    let second = allot_at(&root).unwrap();
    assert_eq!((first.index(), second.index()), (0, 1));
    let owner = Credentials {
        fsuid: 7,
        fsgid: 8,
        ..Credentials::root()
    };
    first.show(1234, Arc::new(Nothing), &owner).unwrap();
    let dentry = root.dentry().lookup(b"0").unwrap();
    let attr = dentry.inode().attr();
    assert_eq!((attr.uid(), attr.gid(), attr.rdev()), (7, 5, 1234));
    assert_eq!(attr.mode() & 0o7777, 0o620);
    assert!(root.dentry().lookup(b"00").is_err());
    let ptmx = Path::new(root.mount().clone(), root.dentry().lookup(b"ptmx").unwrap());
    let peer = first.peer(&ptmx).unwrap();
    assert!(Arc::ptr_eq(peer.dentry(), &dentry));
    first.hide();
    assert!(dentry.is_unlinked());
    assert!(root.dentry().lookup(b"0").is_err());
    assert_eq!(allot_at(&root).unwrap().index(), 2);
    drop(first);
    assert_eq!(allot_at(&root).unwrap().index(), 0);
}

#[test]
fn instances_count_for_themselves_up_to_their_limits() {
    let (one, other) = (mounted(b"max=1"), mounted(b""));
    let first = allot_at(&one).unwrap();
    assert_eq!(allot_at(&one).err(), Some(Errno::ENOSPC));
    assert_eq!(allot_at(&other).unwrap().index(), 0);
    assert_eq!(first.index(), 0);
}
