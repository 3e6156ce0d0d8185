//! Files without a place in the tree: pipes, sockets, eventfds.

use abi::fcntl::OFlags;
use abi::mount::{ANON_INODE_FS_MAGIC, DMA_BUF_MAGIC, PIPEFS_MAGIC, SOCKFS_MAGIC};
use abi::stat::{S_IFDIR, Statfs};
use abi::{Errno, Result};
use alloc::boxed::Box;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicU64, Ordering};
use sync::{Credentials, Once};

use crate::attr::{Attributes, FileType, Metadata};
use crate::dentry::{AnonName, Dentry};
use crate::file::OpenFile;
use crate::file_ops::FileOps;
use crate::inode::{Inode, OpenRequest};
use crate::mount::Mount;
use crate::path::Path;
use crate::special;
use crate::superblock::{FileSystem, SuperBlock};

static NEXT_INO: AtomicU64 = AtomicU64::new(1);

/// A number for an inode without a file system of its own.
#[must_use]
pub fn next_ino() -> u64 {
    NEXT_INO.fetch_add(1, Ordering::Relaxed)
}

/// The inode of a pipe, a socket or an anonymous object.
pub struct AnonInode {
    attr: Attributes,
}

impl AnonInode {
    /// An inode of type `kind` (a FIFO has mode 0600, a socket 0777) owned by `cred`.
    #[must_use]
    pub fn new(kind: FileType, cred: &Credentials) -> Arc<Self> {
        let permissions = if kind == FileType::Socket {
            0o777
        } else {
            0o600
        };
        let attr = Attributes::new(
            next_ino(),
            kind.mode_bits() | permissions,
            cred.fsuid,
            cred.fsgid,
            0,
        );
        Arc::new(Self { attr })
    }
}

impl Inode for AnonInode {
    fn attr(&self) -> &Attributes {
        &self.attr
    }

    fn metadata(&self) -> Metadata {
        Metadata {
            has_birth: false,
            ..self.attr.metadata(0, 0)
        }
    }

    fn open(self: Arc<Self>, request: &OpenRequest<'_>) -> Result<Arc<dyn FileOps>> {
        special::open(&self.attr, request)
    }
}

/// The one inode of eventfds and their kin: it has no type.
struct Nameless {
    attr: Attributes,
}

impl Inode for Nameless {
    fn attr(&self) -> &Attributes {
        &self.attr
    }

    fn open(self: Arc<Self>, _request: &OpenRequest<'_>) -> Result<Arc<dyn FileOps>> {
        Err(Errno::ENXIO)
    }
}

struct AnonFs {
    magic: i64,
    root: Arc<dyn Inode>,
}

impl FileSystem for AnonFs {
    fn root(&self) -> Arc<dyn Inode> {
        self.root.clone()
    }

    fn statfs(&self) -> Result<Statfs> {
        Ok(Statfs {
            f_type: self.magic,
            f_bsize: 4096,
            f_frsize: 4096,
            f_namelen: 255,
            ..Statfs::default()
        })
    }
}

/// A mount of objects of one kind, which have no place in the tree.
#[must_use]
pub fn internal_mount(kind: &'static str, magic: i64) -> Arc<Mount> {
    let attr = Attributes::new(next_ino(), S_IFDIR | 0o755, 0, 0, 0);
    let fs = AnonFs {
        magic,
        root: Arc::new(Nameless { attr }),
    };
    Mount::internal(SuperBlock::new(kind, Box::new(fs), 0))
}

static PIPES: Once<Arc<Mount>> = Once::new();
static SOCKETS: Once<Arc<Mount>> = Once::new();
static DMA_BUFS: Once<Arc<Mount>> = Once::new();
static OTHERS: Once<(Arc<Mount>, Arc<dyn Inode>)> = Once::new();

fn others() -> &'static (Arc<Mount>, Arc<dyn Inode>) {
    OTHERS.get_or_init(|| {
        let attr = Attributes::new(next_ino(), 0o600, 0, 0, 0);
        (
            internal_mount("anon_inodefs", ANON_INODE_FS_MAGIC),
            Arc::new(Nameless { attr }),
        )
    })
}

/// An open file of a pipe's end. Both ends share `inode`.
#[must_use]
pub fn pipe_file(
    inode: Arc<dyn Inode>,
    ops: Arc<dyn FileOps>,
    flags: OFlags,
    cred: Arc<Credentials>,
) -> Arc<OpenFile> {
    let mount = PIPES
        .get_or_init(|| internal_mount("pipefs", PIPEFS_MAGIC))
        .clone();
    let path = Path::new(mount, Dentry::anon(inode, AnonName::Pipe));
    OpenFile::new(ops, path, flags, cred, false)
}

/// An open file of a socket.
#[must_use]
pub fn socket_file(
    inode: Arc<dyn Inode>,
    ops: Arc<dyn FileOps>,
    flags: OFlags,
    cred: Arc<Credentials>,
) -> Arc<OpenFile> {
    let mount = SOCKETS
        .get_or_init(|| internal_mount("sockfs", SOCKFS_MAGIC))
        .clone();
    let path = Path::new(mount, Dentry::anon(inode, AnonName::Socket));
    OpenFile::new(ops, path, flags, cred, false)
}

/// An open file of a buffer that devices share.
#[must_use]
pub fn dma_buf_file(
    inode: Arc<dyn Inode>,
    ops: Arc<dyn FileOps>,
    flags: OFlags,
    cred: Arc<Credentials>,
) -> Arc<OpenFile> {
    let mount = DMA_BUFS
        .get_or_init(|| internal_mount("dmabuf", DMA_BUF_MAGIC))
        .clone();
    let path = Path::new(mount, Dentry::anon(inode, AnonName::DmaBuf));
    OpenFile::new(ops, path, flags, cred, false)
}

/// An open file of anything else, shown as `anon_inode:name` (give `"[eventfd]"` with its brackets).
#[must_use]
pub fn anon_file(
    name: &'static str,
    ops: Arc<dyn FileOps>,
    flags: OFlags,
    cred: Arc<Credentials>,
) -> Arc<OpenFile> {
    let (mount, inode) = others();
    let path = Path::new(
        mount.clone(),
        Dentry::anon(inode.clone(), AnonName::AnonInode(name)),
    );
    OpenFile::new(ops, path, flags, cred, false)
}
