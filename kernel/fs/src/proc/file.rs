//! Files whose text is made when it is read.

use abi::{Errno, Result};
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use mm::{IoDst, IoSrc, MemObject};
use sync::{Credentials, Pollee, SpinLock, rank};
use vfs::{
    Abilities, Access, Attributes, FileOps, FileType, Inode, Metadata, MmapRequest, OpenFile,
    OpenRequest, SetAttr, Whence, perm, seek,
};

use super::text::Text;

/// The most one write hands on.
const WRITE_MAX: usize = hal::PAGE_SIZE - 1;

/// Whose an entry is, and what may be changed about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// The machine's: root's, there for good.
    Machine,
    /// A setting below `/proc/sys`: root's, and not even root's mode or owner of it may change.
    Setting,
    /// A process's, with user and group.
    Process(u32, u32),
}

impl Owner {
    pub(super) fn attributes(self, ino: u64, mode: u32) -> Attributes {
        let (uid, gid) = match self {
            Self::Machine | Self::Setting => (0, 0),
            Self::Process(uid, gid) => (uid, gid),
        };
        Attributes::new(ino, mode, uid, gid, 0)
    }

    pub(super) fn is_lasting(self) -> bool {
        matches!(self, Self::Machine | Self::Setting)
    }

    pub(super) fn change(self, attr: &Attributes, change: &SetAttr) -> Result<()> {
        let ids = change.uid.is_some() || change.gid.is_some();
        match self {
            Self::Setting if change.mode.is_some() || ids => return Err(Errno::EPERM),
            Self::Process(..) if change.mode.is_some() => return Err(Errno::EPERM),
            _ => {}
        }
        vfs::apply_attr(attr, change);
        Ok(())
    }
}

/// What `stat` shows of any entry here.
pub(super) fn metadata(attr: &Attributes) -> Metadata {
    Metadata {
        blksize: 1024,
        has_birth: false,
        ..attr.metadata(0, 0)
    }
}

/// Told of nothing: no text here says when it changes.
static QUIET: Pollee = Pollee::new();

/// What kind of file Linux makes of a text, which shows in the calls a file of it refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// One of the machine's.
    Machine,
    /// One below `/proc/sys`.
    Setting,
    /// One of a process: read in order, and not written at a place.
    Sequence {
        /// It can be written.
        written: bool,
    },
    /// One of a process without such an order.
    Plain {
        /// It can be written.
        written: bool,
    },
}

impl Style {
    fn abilities(self) -> Abilities {
        let writing = |written: bool| {
            if written {
                Abilities::WRITE
            } else {
                Abilities::empty()
            }
        };
        match self {
            Self::Machine => {
                Abilities::READ | Abilities::WRITE | Abilities::READ_FLAGS | Abilities::SPLICE_FROM
            }
            Self::Setting => Abilities::USUAL,
            Self::Sequence { written } => Abilities::READ | writing(written),
            Self::Plain { written } => Abilities::READ | Abilities::WRITE_AT | writing(written),
        }
    }
}

/// What is in a file.
pub trait Content: Send + Sync + 'static {
    /// Writes the text down.
    ///
    /// # Errors
    /// `ESRCH` when what it shows is gone.
    fn show(&self, out: &mut Text) -> Result<()>;

    /// Takes what a program writes, at most a page less one byte at a time, at `at`; how much was used.
    ///
    /// # Errors
    /// `EIO` where nothing can be written, `EINVAL` for what makes no sense.
    fn write(&self, _bytes: &[u8], _at: u64, _open: &OpenFile) -> Result<usize> {
        Err(Errno::EIO)
    }

    /// What writing is refused with, whatever is written.
    fn refusal(&self) -> Option<Errno> {
        None
    }

    /// Opens the file; `this` is the content itself.
    ///
    /// # Errors
    /// `EACCES` when who opens may not look at the thing shown.
    fn open(
        &self,
        this: &Arc<dyn Content>,
        _request: &OpenRequest<'_>,
    ) -> Result<Arc<dyn FileOps>> {
        Ok(Opened::new(this.clone()))
    }

    /// What kind of file it is.
    fn style(&self) -> Style {
        Style::Machine
    }

    /// Whether the text is given at its beginning only: a read at any other position finds the end.
    fn at_start_only(&self) -> bool {
        false
    }

    /// Whether positions may be counted from the end (which is 0, as the size is).
    fn has_end(&self) -> bool {
        false
    }
}

impl<F> Content for F
where
    F: Fn(&mut Text) -> core::fmt::Result + Send + Sync + 'static,
{
    fn show(&self, out: &mut Text) -> Result<()> {
        // Text does not fail before its end: what is shown could not be collected.
        self(out).map_err(|_| Errno::ENOMEM)
    }

    fn refusal(&self) -> Option<Errno> {
        Some(Errno::EIO)
    }
}

/// A file.
pub struct File {
    attr: Attributes,
    owner: Owner,
    content: Arc<dyn Content>,
}

impl File {
    /// A regular file with mode `permissions`.
    pub fn new(ino: u64, permissions: u32, owner: Owner, content: impl Content) -> Arc<Self> {
        Self::shared(ino, permissions, owner, Arc::new(content))
    }

    /// As [`File::new`], of content that is shared.
    pub fn shared(
        ino: u64,
        permissions: u32,
        owner: Owner,
        content: Arc<dyn Content>,
    ) -> Arc<Self> {
        let mode = FileType::Regular.mode_bits() | permissions;
        Arc::new(Self {
            attr: owner.attributes(ino, mode),
            owner,
            content,
        })
    }
}

/// Linux's rule for settings (`sysctl_perm`): who is not named by the mode may not, root neither.
pub(super) fn setting_permission(
    attr: &Attributes,
    cred: &Credentials,
    access: Access,
) -> Result<()> {
    let mode = if cred.euid == 0 {
        attr.mode() >> 6
    } else if cred.in_effective_group(0) {
        attr.mode() >> 3
    } else {
        attr.mode()
    };
    if access.bits() & !mode & 0o7 == 0 {
        Ok(())
    } else {
        Err(Errno::EACCES)
    }
}

impl Inode for File {
    fn attr(&self) -> &Attributes {
        &self.attr
    }

    fn metadata(&self) -> Metadata {
        metadata(&self.attr)
    }

    fn permission(&self, cred: &Credentials, access: Access) -> Result<()> {
        match self.owner {
            Owner::Setting => setting_permission(&self.attr, cred, access),
            _ => perm::check(&self.attr, cred, access),
        }
    }

    fn set_attr(&self, change: &SetAttr) -> Result<()> {
        self.owner.change(&self.attr, change)
    }

    fn truncate(&self, _size: u64) -> Result<()> {
        // `echo > file` opens with O_TRUNC; Linux cuts nothing and says nothing.
        Ok(())
    }

    fn lasting(&self) -> bool {
        self.owner.is_lasting()
    }

    fn open(self: Arc<Self>, request: &OpenRequest<'_>) -> Result<Arc<dyn FileOps>> {
        self.content.open(&self.content, request)
    }
}

/// An open file, with the text it has shown last.
pub struct Opened {
    content: Arc<dyn Content>,
    text: SpinLock<Option<Arc<Vec<u8>>>, { rank::LEAF }>,
}

impl Opened {
    /// An open file of `content`.
    #[must_use]
    pub fn new(content: Arc<dyn Content>) -> Arc<Self> {
        Arc::new(Self {
            content,
            text: SpinLock::new(None),
        })
    }

    /// The text that a read at `pos` sees: made anew at the beginning.
    fn text(&self, pos: u64) -> Result<Arc<Vec<u8>>> {
        if pos != 0
            && let Some(text) = self.text.lock().clone()
        {
            return Ok(text);
        }
        let mut out = Text::default();
        self.content.show(&mut out)?;
        let text = Arc::new(out.finish()?);
        let old = self.text.lock().replace(text.clone());
        drop(old);
        Ok(text)
    }
}

impl FileOps for Opened {
    fn abilities(&self) -> Abilities {
        self.content.style().abilities()
    }

    fn pollee(&self) -> Option<&Pollee> {
        let told = matches!(self.content.style(), Style::Machine | Style::Setting);
        told.then_some(&QUIET)
    }

    fn mmap(&self, _open: &OpenFile, _request: &MmapRequest) -> Result<Arc<MemObject>> {
        Err(match self.content.style() {
            Style::Machine => Errno::EIO,
            _ => Errno::ENODEV,
        })
    }

    fn positioned(&self) -> bool {
        true
    }

    fn read(&self, _open: &OpenFile, dst: &mut IoDst<'_>, pos: &mut u64) -> Result<usize> {
        if *pos != 0 && self.content.at_start_only() {
            return Ok(0);
        }
        let text = self.text(*pos)?;
        let rest = usize::try_from(*pos).ok().and_then(|at| text.get(at..));
        let done = dst.put(rest.unwrap_or_default());
        *pos += done as u64;
        Ok(done)
    }

    fn write(&self, open: &OpenFile, src: &mut IoSrc<'_>, pos: &mut u64) -> Result<usize> {
        if let Some(refusal) = self.content.refusal() {
            return Err(refusal);
        }
        let size = src.remaining().min(WRITE_MAX);
        let mut bytes = Box::<[u8]>::from([0; WRITE_MAX]);
        let bytes = bytes.get_mut(..size).unwrap_or_default();
        let mark = src.mark();
        if src.take(bytes) < size {
            // A page is not there: nothing has happened, and the caller comes again with it.
            src.rewind(mark);
            return Ok(0);
        }
        match self.content.write(bytes, *pos, open) {
            Ok(used) => {
                *pos += used as u64;
                Ok(used)
            }
            Err(error) => {
                src.rewind(mark);
                Err(error)
            }
        }
    }

    fn seek(&self, _open: &OpenFile, pos: &mut u64, offset: i64, whence: Whence) -> Result<u64> {
        match whence {
            Whence::Set | Whence::Cur => seek::within(0, pos, offset, whence),
            Whence::End
                if self.content.has_end()
                    || matches!(self.content.style(), Style::Plain { .. }) =>
            {
                seek::within(0, pos, offset, whence)
            }
            _ => Err(Errno::EINVAL),
        }
    }
}
