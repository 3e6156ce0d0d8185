//! What an ELF program asks to be mapped, judged before anything believes it.
//!
//! Pure: bytes of an untrusted file go in, a plan comes out. The parser behind it (`xmas-elf`)
//! panics on hostile input, so it only ever sees a buffer put together here: the file header with
//! its `phoff` rewritten, followed by the program headers, all lengths checked.

use alloc::vec::Vec;

use abi::{Errno, Result};
use xmas_elf::ElfFile;
use xmas_elf::program::{ProgramHeader, Type};
use zerocopy::IntoBytes;

/// Bytes of the ELF64 file header.
pub const HEADER_SIZE: usize = 64;
/// Bytes of one program header.
const PHDR_SIZE: usize = 56;
/// Linux takes at most 64 KiB of program headers.
const MAX_PHDRS: usize = 65536 / PHDR_SIZE;
/// First address that is not a program's.
const USER_END: u64 = 1 << 48;
/// Longest interpreter path (`PATH_MAX`).
const MAX_INTERP: u64 = 4096;
const PAGE: u64 = 4096;
const EM_AARCH64: u16 = 183;
const ET_EXEC: u16 = 2;
const ET_DYN: u16 = 3;
/// Says whether the stack is to be executable.
const PT_GNU_STACK: u32 = 0x6474_e551;
/// Where `e_phoff` stands in the header.
const PHOFF_AT: usize = 32;

/// Where the program headers lie in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    bytes: [u8; HEADER_SIZE],
    /// Byte offset of the program headers.
    pub phoff: u64,
    /// Bytes they take.
    pub phsize: usize,
    phnum: usize,
}

/// One stretch to map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// First address the segment names, not page-aligned.
    pub vaddr: u64,
    /// Byte of the file that stands there.
    pub offset: u64,
    /// Bytes from the file.
    pub filesz: u64,
    /// Bytes in memory; those past `filesz` are zero.
    pub memsz: u64,
    /// Readable.
    pub read: bool,
    /// Writable.
    pub write: bool,
    /// Executable.
    pub exec: bool,
}

/// What to map and where to start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Position independent (`ET_DYN`).
    pub relocatable: bool,
    /// First instruction, before the load bias.
    pub entry: u64,
    /// Address of the program headers in memory, before the load bias; 0 if not mapped.
    pub phdr: u64,
    /// Number of program headers.
    pub phnum: usize,
    /// Stretches in ascending order.
    pub segments: Vec<Segment>,
    /// Offset and length of the interpreter's path, its NUL included.
    pub interp: Option<(u64, usize)>,
    /// Whether the stack is to be executable.
    pub exec_stack: bool,
    /// Greatest alignment a segment asks for; a power of two, at least a page.
    pub align: u64,
}

impl Image {
    /// Lowest page address of the image.
    #[must_use]
    pub fn start(&self) -> u64 {
        self.segments
            .first()
            .map_or(0, |first| first.vaddr & !(PAGE - 1))
    }

    /// First byte past the image.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.segments
            .iter()
            .map(|segment| segment.vaddr.saturating_add(segment.memsz))
            .max()
            .unwrap_or(0)
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let field = bytes.get(at..)?.first_chunk::<2>()?;
    Some(u16::from_le_bytes(*field))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    let field = bytes.get(at..)?.first_chunk::<8>()?;
    Some(u64::from_le_bytes(*field))
}

/// Reads the file header. `head` is the file's beginning, at least [`HEADER_SIZE`] bytes of it.
///
/// # Errors
/// `ENOEXEC` for anything that is no AArch64 program.
pub fn header(head: &[u8], file_size: u64) -> Result<Header> {
    let bytes = *head.first_chunk::<HEADER_SIZE>().ok_or(Errno::ENOEXEC)?;
    check_header(&bytes, file_size).ok_or(Errno::ENOEXEC)
}

fn check_header(bytes: &[u8; HEADER_SIZE], file_size: u64) -> Option<Header> {
    // Magic, 64 bits, little endian, version 1.
    if !bytes.starts_with(b"\x7fELF\x02\x01\x01") {
        return None;
    }
    let kind = u16_at(bytes, 16)?;
    let machine = u16_at(bytes, 18)?;
    let phoff = u64_at(bytes, PHOFF_AT)?;
    let phentsize = u16_at(bytes, 54)?;
    let phnum = usize::from(u16_at(bytes, 56)?);
    let phsize = phnum * PHDR_SIZE;
    let fits = phoff
        .checked_add(phsize as u64)
        .is_some_and(|end| end <= file_size);
    let sound = matches!(kind, ET_EXEC | ET_DYN)
        && machine == EM_AARCH64
        && usize::from(phentsize) == PHDR_SIZE
        && (1..=MAX_PHDRS).contains(&phnum)
        && fits;
    sound.then_some(Header {
        bytes: *bytes,
        phoff,
        phsize,
        phnum,
    })
}

/// Judges the program headers and plans the image.
///
/// # Errors
/// `ENOEXEC` when a header names what cannot be mapped, `EINVAL` when nothing is to be mapped,
/// `ENOMEM` without memory for the plan.
pub fn plan(header: &Header, phdrs: &[u8], file_size: u64) -> Result<Image> {
    let phdrs = phdrs.get(..header.phsize).ok_or(Errno::ENOEXEC)?;
    let buffer = assemble(header, phdrs)?;
    let elf = ElfFile::new(buffer.as_bytes()).map_err(|_| Errno::ENOEXEC)?;
    let mut image = Image {
        relocatable: u16_at(&header.bytes, 16) == Some(ET_DYN),
        entry: elf.header.pt2.entry_point(),
        phdr: 0,
        phnum: header.phnum,
        segments: Vec::new(),
        interp: None,
        // A program without PT_GNU_STACK does not get an executable stack on arm64.
        exec_stack: false,
        align: PAGE,
    };
    for phdr in elf.program_iter() {
        add(&mut image, &phdr, file_size)?;
    }
    if image.segments.is_empty() {
        return Err(Errno::EINVAL);
    }
    let covers = |segment: &&Segment| {
        header.phoff >= segment.offset && header.phoff < segment.offset + segment.filesz
    };
    if let Some(segment) = image.segments.iter().find(covers) {
        image.phdr = segment.vaddr + (header.phoff - segment.offset);
    }
    if image.entry >= USER_END {
        return Err(Errno::ENOEXEC);
    }
    Ok(image)
}

/// The buffer the parser sees: 8-aligned, header first, program headers right behind it.
fn assemble(header: &Header, phdrs: &[u8]) -> Result<Vec<u64>> {
    let words = (HEADER_SIZE + phdrs.len()).div_ceil(8);
    let mut buffer = Vec::new();
    buffer.try_reserve_exact(words).map_err(|_| Errno::ENOMEM)?;
    buffer.resize(words, 0u64);
    let bytes = buffer.as_mut_bytes();
    let (head, rest) = bytes
        .split_at_mut_checked(HEADER_SIZE)
        .ok_or(Errno::ENOEXEC)?;
    head.copy_from_slice(&header.bytes);
    if let Some(phoff) = head.get_mut(PHOFF_AT..).and_then(|at| at.first_chunk_mut()) {
        *phoff = (HEADER_SIZE as u64).to_le_bytes();
    }
    // No section headers: the parser is never asked for one.
    if let Some(shoff) = head.get_mut(40..).and_then(|at| at.first_chunk_mut()) {
        *shoff = 0u64.to_le_bytes();
    }
    if let Some(shapes) = head.get_mut(58..).and_then(|at| at.first_chunk_mut::<6>()) {
        *shapes = [0; 6];
    }
    rest.get_mut(..phdrs.len())
        .ok_or(Errno::ENOEXEC)?
        .copy_from_slice(phdrs);
    Ok(buffer)
}

fn add(image: &mut Image, phdr: &ProgramHeader<'_>, file_size: u64) -> Result<()> {
    let in_file = phdr
        .offset()
        .checked_add(phdr.file_size())
        .is_some_and(|end| end <= file_size);
    // The raw type: asking the parser for kinds it does not know is an error, not a panic.
    match phdr.get_type() {
        Ok(Type::Load) => {
            if !in_file {
                return Err(Errno::ENOEXEC);
            }
            add_load(image, phdr)
        }
        Ok(Type::Interp) => {
            let length = phdr.file_size();
            if !in_file || !(2..=MAX_INTERP).contains(&length) {
                return Err(Errno::ENOEXEC);
            }
            if image.interp.is_none() {
                image.interp = Some((phdr.offset(), length as usize));
            }
            Ok(())
        }
        Ok(Type::OsSpecific(PT_GNU_STACK)) => {
            image.exec_stack = phdr.flags().is_execute();
            Ok(())
        }
        _ => Ok(()),
    }
}

fn add_load(image: &mut Image, phdr: &ProgramHeader<'_>) -> Result<()> {
    let (vaddr, memsz, filesz) = (phdr.virtual_addr(), phdr.mem_size(), phdr.file_size());
    if memsz == 0 {
        return Ok(());
    }
    let end = vaddr.checked_add(memsz).ok_or(Errno::ENOEXEC)?;
    let congruent = vaddr % PAGE == phdr.offset() % PAGE;
    if filesz > memsz || end > USER_END || (filesz > 0 && !congruent) {
        return Err(Errno::ENOEXEC);
    }
    // Ascending and on pages of their own or behind one another, as the ELF standard has it.
    if let Some(last) = image.segments.last()
        && vaddr < last.vaddr + last.memsz
    {
        return Err(Errno::ENOEXEC);
    }
    let align = phdr.align();
    if align.is_power_of_two() && align > image.align && align <= 1 << 30 {
        image.align = align;
    }
    image.segments.try_reserve(1).map_err(|_| Errno::ENOMEM)?;
    let flags = phdr.flags();
    image.segments.push(Segment {
        vaddr,
        offset: phdr.offset(),
        filesz,
        memsz,
        read: flags.is_read(),
        write: flags.is_write(),
        exec: flags.is_execute(),
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn phdr(kind: u32, flags: u32, offset: u64, vaddr: u64, filesz: u64, memsz: u64) -> Vec<u8> {
        let mut out = Vec::new();
        out.extend(kind.to_le_bytes());
        out.extend(flags.to_le_bytes());
        for word in [offset, vaddr, vaddr, filesz, memsz, 0x10000] {
            out.extend(word.to_le_bytes());
        }
        out
    }

    fn elf(kind: u16, phdrs: &[Vec<u8>]) -> Vec<u8> {
        let mut out = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
        out.extend(kind.to_le_bytes());
        out.extend(183u16.to_le_bytes());
        out.extend(1u32.to_le_bytes());
        out.extend(0x40_0100u64.to_le_bytes());
        out.extend(64u64.to_le_bytes());
        out.extend(0u64.to_le_bytes());
        out.extend(0u32.to_le_bytes());
        for half in [64u16, 56, phdrs.len() as u16, 64, 0, 0] {
            out.extend(half.to_le_bytes());
        }
        for phdr in phdrs {
            out.extend(phdr);
        }
        out.resize(0x1000, 0);
        out
    }

    fn read(file: &[u8]) -> Result<Image> {
        let head = header(file, file.len() as u64)?;
        let phdrs = file
            .get(head.phoff as usize..head.phoff as usize + head.phsize)
            .ok_or(Errno::ENOEXEC)?;
        plan(&head, phdrs, file.len() as u64)
    }

    #[test]
    fn plans_a_static_program() {
        let file = elf(
            2,
            &[
                phdr(1, 5, 0, 0x40_0000, 0x800, 0x800),
                phdr(1, 6, 0x800, 0x41_0800, 0x100, 0x400),
                phdr(0x6474_e551, 6, 0, 0, 0, 0),
            ],
        );
        let image = read(&file).unwrap();
        assert!(!image.relocatable && !image.exec_stack);
        assert_eq!(image.segments.len(), 2);
        assert_eq!(image.phdr, 0x40_0040);
        assert_eq!((image.start(), image.end()), (0x40_0000, 0x41_0c00));
        assert_eq!(image.align, 0x10000);
    }

    #[test]
    fn refuses_what_cannot_be_mapped() {
        let bad = [
            phdr(1, 5, 0, 0x40_0000, 0x8000, 0x8000),
            phdr(1, 5, 0, 0x40_0000, 0x800, 0x100),
            phdr(1, 5, 0, 0xffff_ffff_ffff_f000, 0x800, 0x2000),
            phdr(1, 5, u64::MAX, 0x40_0000, 2, 2),
            phdr(1, 5, 8, 0x40_0000, 2, 2),
            phdr(3, 4, 0, 0, 1, 1),
        ];
        for phdr in bad {
            assert_eq!(read(&elf(2, &[phdr])).unwrap_err(), Errno::ENOEXEC);
        }
        assert_eq!(read(&elf(1, &[])).unwrap_err(), Errno::ENOEXEC);
        let mut file = elf(2, &[phdr(1, 5, 0, 0x40_0000, 0x800, 0x800)]);
        file[18] = 62;
        assert_eq!(read(&file).unwrap_err(), Errno::ENOEXEC);
    }

    proptest! {
        #[test]
        fn never_panics(edits in proptest::collection::vec((0usize..512, any::<u8>()), 0..40)) {
            let mut file = elf(3, &[
                phdr(1, 5, 0, 0, 0x800, 0x800),
                phdr(1, 6, 0x800, 0x1_0800, 0x100, 0x400),
                phdr(3, 4, 0x900, 0, 20, 20),
            ]);
            for (at, byte) in edits {
                file[at] = byte;
            }
            let _ = read(&file);
        }
    }
}
