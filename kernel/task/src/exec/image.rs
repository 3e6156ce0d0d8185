//! Putting a planned program into an address space.

use alloc::sync::Arc;
use alloc::vec::Vec;

use abi::mman::ProtFlags;
use abi::{Errno, Result};
use hal::{PAGE_SIZE, UserAddr};
use mm::{AddressSpace, Backing, MapName, MapRequest, MemObject, Placement, VmaFlags};
use vfs::Path;

use super::elf::{self, Image, Segment};

/// Where position-independent programs with an interpreter go, and the heap of those without:
/// two thirds up (`ELF_ET_DYN_BASE`).
pub(super) const DYN_BASE: usize = (hal::USER_END / 3 * 2) & !(PAGE_SIZE - 1);

/// A file that programs run from: it cannot be opened for writing as long as this lives.
pub struct Executable(Path);

impl Executable {
    /// Counts one more program.
    ///
    /// # Errors
    /// `ETXTBSY` while the file is open for writing.
    fn new(path: Path) -> Result<Arc<Self>> {
        path.inode().attr().begin_exec()?;
        Ok(Arc::new(Self(path)))
    }

    /// Where it stands.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Executable {
    fn drop(&mut self) {
        self.0.inode().attr().end_exec();
    }
}

/// A program's file, opened for running.
pub struct Binary {
    /// The file.
    pub file: Arc<Executable>,
    /// Its bytes.
    object: Arc<MemObject>,
}

/// Names a mapping by the file behind it.
struct FileName(Path);

impl MapName for FileName {
    fn path(&self) -> Vec<u8> {
        crate::exec::path_text(&self.0)
    }

    fn device_inode(&self) -> (u64, u64) {
        let superblock = self.0.mount().sb();
        (superblock.dev(), self.0.inode().attr().ino())
    }
}

impl Binary {
    /// The file at a place, if it has bytes that can be mapped.
    ///
    /// # Errors
    /// `EACCES` for what cannot be run; `ETXTBSY` for what is open for writing.
    pub fn new(path: Path) -> Result<Self> {
        let object = path.inode().object().cloned().ok_or(Errno::EACCES)?;
        let file = Executable::new(path)?;
        Ok(Self { file, object })
    }

    /// Reads at an offset; how many bytes there were.
    ///
    /// # Errors
    /// `EIO`, `ENOMEM`.
    pub fn read(&self, at: u64, bytes: &mut [u8]) -> Result<usize> {
        self.object.read_bytes(at, bytes)
    }

    /// Reads an exact number of bytes.
    ///
    /// # Errors
    /// `ENOEXEC` when the file ends before.
    pub fn read_vec(&self, at: u64, length: usize) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(length).map_err(|_| Errno::ENOMEM)?;
        bytes.resize(length, 0);
        if self.read(at, &mut bytes)? != length {
            return Err(Errno::ENOEXEC);
        }
        Ok(bytes)
    }

    /// Judges the file as ELF; `head` is its beginning.
    ///
    /// # Errors
    /// `ENOEXEC` when it is none that runs here.
    pub fn plan(&self, head: &[u8]) -> Result<Image> {
        let size = self.object.size();
        let header = elf::header(head, size)?;
        let phdrs = self.read_vec(header.phoff, header.phsize)?;
        elf::plan(&header, &phdrs, size)
    }

    /// The interpreter's path, if the program names one.
    ///
    /// # Errors
    /// `ENOEXEC` when it is not a proper string.
    pub fn interpreter(&self, image: &Image) -> Result<Option<Vec<u8>>> {
        let Some((at, length)) = image.interp else {
            return Ok(None);
        };
        let mut path = self.read_vec(at, length)?;
        if path.pop() != Some(0) {
            return Err(Errno::ENOEXEC);
        }
        let end = path.iter().position(|byte| *byte == 0);
        path.truncate(end.unwrap_or(path.len()));
        Ok(Some(path))
    }

    /// Maps the image; answers the load bias. `base` is where a relocatable image is wanted, 0 for
    /// anywhere.
    ///
    /// # Errors
    /// Those of mmap.
    pub fn map(&self, mm: &AddressSpace, image: &Image, base: usize) -> Result<u64> {
        let bias = if image.relocatable {
            place(mm, image, base)?
        } else {
            0
        };
        let name: Arc<dyn MapName> = Arc::new(FileName(self.file.path().clone()));
        for segment in &image.segments {
            self.map_segment(mm, segment, bias, &name)?;
        }
        Ok(bias)
    }

    fn map_segment(
        &self,
        mm: &AddressSpace,
        segment: &Segment,
        bias: u64,
        name: &Arc<dyn MapName>,
    ) -> Result<()> {
        let page = PAGE_SIZE as u64;
        let at = segment.vaddr.wrapping_add(bias);
        let start = at & !(page - 1);
        let file_end = at + segment.filesz;
        let end = at + segment.memsz;
        let prot = rights(segment);
        let mut mapped = start;
        if segment.filesz > 0 {
            mapped = file_end.next_multiple_of(page);
            let mut request = MapRequest::anon(
                Placement::Fixed(start as usize),
                (mapped - start) as usize,
                prot,
            );
            request.backing = Backing::Object {
                object: self.object.clone(),
                offset: segment.offset & !(page - 1),
            };
            request.name = Some(name.clone());
            mm.map(request)?;
            if end > file_end && segment.write {
                let gap = mapped.min(end.next_multiple_of(page)) - file_end;
                mm.zero_foreign(UserAddr(file_end as usize), gap as usize)?;
            }
        }
        if end > mapped {
            let length = (end - mapped) as usize;
            mm.map(MapRequest::anon(
                Placement::Fixed(mapped as usize),
                length,
                prot,
            ))?;
        }
        Ok(())
    }
}

fn rights(segment: &Segment) -> ProtFlags {
    let mut prot = ProtFlags::empty();
    prot.set(ProtFlags::READ, segment.read);
    prot.set(ProtFlags::WRITE, segment.write);
    prot.set(ProtFlags::EXEC, segment.exec);
    prot
}

/// Finds room for a relocatable image; answers the bias.
fn place(mm: &AddressSpace, image: &Image, base: usize) -> Result<u64> {
    let length = (image.end() - image.start()) as usize;
    let align = image.align as usize;
    let at = if base == 0 {
        // The room is found by mapping it, and given back: nobody else maps here yet.
        let room = length + align;
        let found = mm.map(MapRequest::anon(
            Placement::Anywhere(0),
            room,
            ProtFlags::empty(),
        ))?;
        mm.unmap(found, room)?;
        found.0.next_multiple_of(align)
    } else {
        base & !(align - 1)
    };
    Ok((at as u64).wrapping_sub(image.start()))
}

/// Maps the first stack: `length` bytes below `top`, growing down.
pub(super) fn map_stack(
    mm: &AddressSpace,
    top: usize,
    length: usize,
    executable: bool,
) -> Result<()> {
    let mut prot = ProtFlags::READ | ProtFlags::WRITE;
    prot.set(ProtFlags::EXEC, executable);
    let length = length.next_multiple_of(PAGE_SIZE);
    let mut request = MapRequest::anon(Placement::Fixed(top - length), length, prot);
    request.flags |= VmaFlags::GROWSDOWN;
    mm.map(request).map(|_| ())
}
