//! The "newc" archive format (`man 5 cpio`), read piece by piece. Pure: bytes in, entries out.
//!
//! An archive may follow another; between them stand zeroes. Every header begins on a multiple of 4
//! from the start of the stream.

use alloc::vec::Vec;

/// Bytes of a header.
const HEADER: usize = 110;
/// Longest name, with its NUL; a longer one is skipped with its data, as Linux does.
const PATH_MAX: u32 = 4096;
/// What the last entry of an archive is called.
const TRAILER: &[u8] = b"TRAILER!!!";

/// What an entry's header says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// Inode number in the archive.
    pub ino: u32,
    /// Type and permissions.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Number of names.
    pub nlink: u32,
    /// Time of last change, seconds since 1970.
    pub mtime: u32,
    /// Bytes of data.
    pub size: u32,
    /// Device of the archived file system.
    pub dev: (u32, u32),
    /// Device a special file stands for.
    pub rdev: (u32, u32),
    /// Sum of the data's bytes, in archives that have one.
    pub checksum: Option<u32>,
    /// The name, without its NUL.
    pub name: Vec<u8>,
}

/// Why an archive cannot be read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadArchive {
    /// No header where one must be.
    NoMagic,
    /// A header's field is no hexadecimal number.
    BadHeader,
    /// Zeroes that do not end on a multiple of 4.
    BrokenPadding,
    /// The data's sum is not what the header says.
    BadChecksum,
}

impl BadArchive {
    /// What went wrong, for the log.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::NoMagic => "no cpio magic",
            Self::BadHeader => "malformed cpio header",
            Self::BrokenPadding => "broken padding",
            Self::BadChecksum => "bad data checksum",
        }
    }
}

/// What [`Parser::push`] found.
#[derive(Debug, PartialEq, Eq)]
pub enum Event {
    /// All bytes are used up.
    Starved,
    /// An entry begins; its data follows, if it has any.
    Entry(Entry),
    /// So many of the bytes after the ones used before are data of the entry.
    Data(usize),
    /// The entry's data is complete.
    EndOfEntry,
    /// The end of an archive: links reach no further.
    EndOfArchive,
    /// Where a header or zeroes could be, something else begins.
    Foreign,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    /// Between archives and entries.
    Start,
    Header,
    Name {
        /// Bytes of the name still to come, its NUL included.
        left: u32,
    },
    Body {
        left: u32,
    },
    /// Data or a name nobody wants.
    Skip {
        left: u32,
    },
    /// Up to the next multiple of 4, then on to what comes.
    Pad {
        next: Next,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Start,
    Body,
    Skip(u32),
}

/// Reads a stream of archives.
#[derive(Debug)]
pub struct Parser {
    state: State,
    /// Bytes of the stream so far.
    offset: u64,
    collected: Vec<u8>,
    entry: Entry,
    sum: u32,
}

impl Default for Parser {
    fn default() -> Self {
        Self::new()
    }
}

impl Parser {
    /// At the start of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self {
            state: State::Start,
            offset: 0,
            collected: Vec::new(),
            entry: Entry::default(),
            sum: 0,
        }
    }

    /// Whether the stream may end here.
    #[must_use]
    pub fn may_end(&self) -> bool {
        matches!(self.state, State::Start | State::Pad { next: Next::Start })
    }

    /// Whether whoever reads the data need not have it summed up.
    #[must_use]
    pub fn may_skip_data(&self) -> bool {
        self.entry.checksum.is_none()
    }

    /// Bytes of the entry's data still to come.
    #[must_use]
    pub fn data_left(&self) -> u32 {
        match self.state {
            State::Body { left } => left,
            _ => 0,
        }
    }

    /// `count` bytes of data were taken past the parser.
    pub fn data_taken(&mut self, count: u32) {
        if let State::Body { left } = &mut self.state {
            let count = count.min(*left);
            *left -= count;
            self.offset += u64::from(count);
        }
    }

    /// Reads on in `bytes`; how many were used, and what they gave. Data is reported, not used: the
    /// caller reads it from the bytes after the used ones and says so by [`Self::data_read`].
    ///
    /// # Errors
    /// See [`BadArchive`].
    pub fn push(&mut self, bytes: &[u8]) -> Result<(usize, Event), BadArchive> {
        let mut used = 0;
        loop {
            let rest = bytes.get(used..).unwrap_or_default();
            // A body without data ends without another byte.
            if rest.is_empty() && self.state != (State::Body { left: 0 }) {
                return Ok((used, Event::Starved));
            }
            let (step, event) = self.step(rest)?;
            used += step;
            self.offset += step as u64;
            if let Some(event) = event {
                return Ok((used, event));
            }
        }
    }

    /// `data`, reported by [`Event::Data`], was read.
    ///
    /// # Errors
    /// Never now; the sum is judged at the end of the entry.
    pub fn data_read(&mut self, data: &[u8]) {
        if self.entry.checksum.is_some() {
            self.sum = data
                .iter()
                .fold(self.sum, |sum, byte| sum.wrapping_add(u32::from(*byte)));
        }
        self.data_taken(u32::try_from(data.len()).unwrap_or(u32::MAX));
    }

    fn step(&mut self, rest: &[u8]) -> Result<(usize, Option<Event>), BadArchive> {
        match self.state {
            State::Start => self.start(rest),
            State::Header => {
                let took = self.collect(rest, HEADER);
                if self.collected.len() == HEADER {
                    self.header()?;
                }
                Ok((took, None))
            }
            State::Name { left } => {
                let took = rest.len().min(left as usize);
                self.collected
                    .extend_from_slice(rest.get(..took).unwrap_or_default());
                let left = left - took as u32;
                self.state = State::Name { left };
                Ok((took, if left == 0 { self.named() } else { None }))
            }
            State::Body { left: 0 } => {
                self.state = State::Pad { next: Next::Start };
                match self.entry.checksum {
                    Some(sum) if sum != self.sum => Err(BadArchive::BadChecksum),
                    _ => Ok((0, Some(Event::EndOfEntry))),
                }
            }
            State::Body { left } => Ok((0, Some(Event::Data(rest.len().min(left as usize))))),
            State::Skip { left } => {
                let took = rest.len().min(left as usize);
                let left = left - took as u32;
                self.state = if left == 0 {
                    State::Pad { next: Next::Start }
                } else {
                    State::Skip { left }
                };
                Ok((took, None))
            }
            State::Pad { next } => {
                if !self.offset.is_multiple_of(4) {
                    return Ok((1, None));
                }
                self.state = match next {
                    Next::Start => State::Start,
                    Next::Body => State::Body {
                        left: self.entry.size,
                    },
                    Next::Skip(left) => State::Skip { left },
                };
                Ok((0, None))
            }
        }
    }

    fn start(&mut self, rest: &[u8]) -> Result<(usize, Option<Event>), BadArchive> {
        let zeroes = rest.iter().take_while(|byte| **byte == 0).count();
        if zeroes > 0 {
            return Ok((zeroes, None));
        }
        if !self.offset.is_multiple_of(4) {
            return Err(BadArchive::BrokenPadding);
        }
        if rest.first() != Some(&b'0') {
            return Ok((0, Some(Event::Foreign)));
        }
        self.collected.clear();
        self.state = State::Header;
        Ok((0, None))
    }

    fn collect(&mut self, rest: &[u8], want: usize) -> usize {
        let took = rest.len().min(want.saturating_sub(self.collected.len()));
        self.collected
            .extend_from_slice(rest.get(..took).unwrap_or_default());
        took
    }

    fn header(&mut self) -> Result<(), BadArchive> {
        let (magic, fields) = self
            .collected
            .split_at_checked(6)
            .ok_or(BadArchive::BadHeader)?;
        let summed = match magic {
            b"070701" => false,
            b"070702" => true,
            _ => return Err(BadArchive::NoMagic),
        };
        let mut numbers = [0u32; 13];
        for (number, field) in numbers.iter_mut().zip(fields.chunks(8)) {
            let text = core::str::from_utf8(field).map_err(|_| BadArchive::BadHeader)?;
            // `from_str_radix` would take a sign.
            if !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                return Err(BadArchive::BadHeader);
            }
            *number = u32::from_str_radix(text, 16).map_err(|_| BadArchive::BadHeader)?;
        }
        let [
            ino,
            mode,
            uid,
            gid,
            nlink,
            mtime,
            size,
            dev_major,
            dev_minor,
            major,
            minor,
            name,
            checksum,
        ] = numbers;
        self.entry = Entry {
            ino,
            mode,
            uid,
            gid,
            nlink,
            mtime,
            size,
            dev: (dev_major, dev_minor),
            rdev: (major, minor),
            checksum: summed.then_some(checksum),
            name: Vec::new(),
        };
        self.sum = 0;
        self.collected.clear();
        self.state = if name == 0 || name > PATH_MAX {
            // Name and data are padded apart: skip the name, then the data.
            State::Skip { left: name }
        } else {
            State::Name { left: name }
        };
        if let State::Skip { left } = self.state {
            let pad = (4 - (HEADER as u32 + left % 4) % 4) % 4;
            let total = u64::from(left) + u64::from(pad) + u64::from(size);
            self.state = match u32::try_from(total) {
                Ok(0) => State::Pad { next: Next::Start },
                Ok(left) => State::Skip { left },
                Err(_) => return Err(BadArchive::BadHeader),
            };
        }
        Ok(())
    }

    fn named(&mut self) -> Option<Event> {
        // The text ends at its first NUL.
        let end = self
            .collected
            .iter()
            .position(|byte| *byte == 0)
            .unwrap_or(self.collected.len());
        let name = self.collected.get(..end).unwrap_or_default().to_vec();
        self.collected.clear();
        if name == TRAILER {
            let left = self.entry.size;
            self.state = State::Pad {
                next: if left == 0 {
                    Next::Start
                } else {
                    Next::Skip(left)
                },
            };
            return Some(Event::EndOfArchive);
        }
        self.state = State::Pad { next: Next::Body };
        self.entry.name = name;
        Some(Event::Entry(self.entry.clone()))
    }
}
