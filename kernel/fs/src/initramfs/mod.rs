//! The initramfs: archives, plain or gzip'd, several in a row, unpacked into the first root.
//!
//! Memory is not held twice: file data that lies on page boundaries of a plain archive is adopted frame
//! by frame, everything else is copied once, and what has been read is freed as reading goes on.

pub mod cpio;
pub mod gzip;
#[cfg(test)]
mod tests;
mod tree;

use alloc::boxed::Box;
use alloc::vec::Vec;
use hal::UFrame;
use hal::frame::Reserved;
use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress, inflate_flags};

use cpio::{Event, Parser};
pub use tree::Tree;

/// The archives in memory, read from front to back.
pub trait Source {
    /// What is left.
    fn bytes(&self) -> &[u8];
    /// Lets go of the first `count` bytes.
    fn skip(&mut self, count: usize);
    /// Takes the first page out as a frame, when the rest begins on a page boundary.
    fn take_page(&mut self) -> Option<UFrame>;
}

impl Source for Reserved {
    fn bytes(&self) -> &[u8] {
        Self::bytes(self)
    }

    fn skip(&mut self, count: usize) {
        Self::skip(self, count);
    }

    fn take_page(&mut self) -> Option<UFrame> {
        Self::take_page(self)
    }
}

/// Bytes of a page.
const PAGE: u32 = hal::PAGE_SIZE as u32;

/// Unpacks all archives of `source`. What was unpacked before an error stays.
///
/// # Errors
/// A reason, for the log.
pub fn unpack(source: &mut dyn Source, tree: &mut Tree<'_>) -> Result<(), &'static str> {
    let mut parser = Parser::new();
    loop {
        if source.bytes().is_empty() {
            return if parser.may_end() {
                Ok(())
            } else {
                Err("archive is cut off")
            };
        }
        if plain_step(source, &mut parser, tree)? == Found::Foreign {
            if source.bytes().get(..2) != Some(&[0x1f, 0x8b]) {
                return Err("unknown archive format");
            }
            unpack_gzip(source, tree)?;
            // What follows a compressed archive is counted anew.
            parser = Parser::new();
        }
    }
}

#[derive(PartialEq, Eq)]
enum Found {
    Cpio,
    Foreign,
}

/// Reads a plain archive on by one event.
fn plain_step(
    source: &mut dyn Source,
    parser: &mut Parser,
    tree: &mut Tree<'_>,
) -> Result<Found, &'static str> {
    let (used, event) = parser
        .push(source.bytes())
        .map_err(cpio::BadArchive::reason)?;
    source.skip(used);
    if event == Event::Foreign {
        return Ok(Found::Foreign);
    }
    if let Event::Data(count) = event {
        while parser.may_skip_data() && parser.data_left() >= PAGE && tree.wants_data() {
            let Some(frame) = source.take_page() else {
                break;
            };
            tree.page(frame);
            parser.data_taken(PAGE);
        }
        let left = count.min(parser.data_left() as usize);
        // Up to the next page boundary, where frames may be adopted again.
        let data = source.bytes().get(..left).unwrap_or_default();
        let piece = data
            .len()
            .min(hal::PAGE_SIZE - source.bytes().as_ptr().addr() % hal::PAGE_SIZE);
        let data = data.get(..piece).unwrap_or_default();
        tree.data(data);
        parser.data_read(data);
        source.skip(piece);
    } else {
        apply(event, tree);
    }
    Ok(Found::Cpio)
}

fn apply(event: Event, tree: &mut Tree<'_>) {
    match event {
        Event::Entry(entry) => tree.begin(entry),
        Event::EndOfEntry => tree.end(),
        Event::EndOfArchive => tree.end_of_archive(),
        Event::Starved | Event::Foreign | Event::Data(_) => {}
    }
}

/// Made in a frame of its own: it is 10 KiB before it stands in the heap.
#[inline(never)]
fn decompressor() -> Box<DecompressorOxide> {
    Box::default()
}

/// Unpacks one gzip member.
#[inline(never)]
fn unpack_gzip(source: &mut dyn Source, tree: &mut Tree<'_>) -> Result<(), &'static str> {
    const WINDOW: usize = 32 * 1024;
    let header = gzip::header_len(source.bytes())?;
    source.skip(header);
    let mut inflate = decompressor();
    let mut window: Vec<u8> = alloc::vec![0; WINDOW];
    let mut check = gzip::Check::default();
    let mut parser = Parser::new();
    let mut at = 0;
    loop {
        // The decompressor sees a part at a time, so that what it has read can be freed.
        let all = source.bytes();
        let part = all.get(..all.len().min(4 * WINDOW)).unwrap_or_default();
        let more = part.len() < all.len();
        let flags = if more {
            inflate_flags::TINFL_FLAG_HAS_MORE_INPUT
        } else {
            0
        };
        let (status, used, made) = decompress(&mut inflate, part, &mut window, at, flags);
        source.skip(used);
        let piece = window.get(at..at + made).unwrap_or_default();
        check.add(piece);
        push_all(piece, &mut parser, tree)?;
        at = (at + made) % WINDOW;
        match status {
            TINFLStatus::Done => break,
            TINFLStatus::HasMoreOutput => {}
            TINFLStatus::NeedsMoreInput if more && used > 0 => {}
            TINFLStatus::NeedsMoreInput | TINFLStatus::FailedCannotMakeProgress => {
                return Err("compressed archive is cut off");
            }
            _ => return Err("compressed archive is damaged"),
        }
    }
    check.verify(source.bytes())?;
    source.skip(8);
    if parser.may_end() {
        Ok(())
    } else {
        Err("archive is cut off")
    }
}

fn push_all(bytes: &[u8], parser: &mut Parser, tree: &mut Tree<'_>) -> Result<(), &'static str> {
    let mut rest = bytes;
    loop {
        let (used, event) = parser.push(rest).map_err(cpio::BadArchive::reason)?;
        rest = rest.get(used..).unwrap_or_default();
        match event {
            Event::Starved => return Ok(()),
            Event::Foreign => return Err("junk within compressed archive"),
            Event::Data(count) => {
                let data = rest.get(..count).unwrap_or_default();
                tree.data(data);
                parser.data_read(data);
                rest = rest.get(count..).unwrap_or_default();
            }
            other => apply(other, tree),
        }
    }
}
