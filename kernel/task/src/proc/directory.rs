//! The directory of a process or thread: which entries there are, and who is behind each.

use abi::{Errno, Result};
use alloc::sync::Arc;
use fs::proc::{Content, Dir, Entry, File, Hide, Link, Names, Owner, Rules, Style, Target, Text};
use sync::Credentials;
use vfs::{Access, Attributes, FileOps, FileType, Inode, OpenFile, OpenRequest, perm};

use crate::process::Process;

use super::subject::Subject;
use super::{
    fd, limits, links, maps, memory, mounts, namespaces, score, smaps, stat, status, threads,
};

/// Writes a file's text down.
type Show = fn(&Subject, &mut Text) -> Result<()>;

/// Takes what was written to a file.
type Set = fn(&Subject, &[u8]) -> Result<()>;

/// What is behind an entry.
enum Kind {
    /// Text for everybody the mode lets.
    Text(Show),
    /// Text that may be written, too.
    Written(Show, Set),
    /// A file with its own rules of opening.
    File(fn(Subject) -> Arc<dyn Content>),
    /// A directory.
    Dir(fn(Subject) -> Arc<dyn Names>),
    /// A magic link.
    Link(fn(Subject) -> Arc<dyn Target>),
    /// The network's directory, the same for all.
    Net,
}

struct Item {
    name: &'static str,
    permissions: u32,
    kind: Kind,
    /// In the directories of which subjects.
    of: Whose,
    /// What kind of file it is, when it can be written.
    style: Style,
}

/// In which directories an entry is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Whose {
    Both,
    Process,
    Thread,
}

const fn item(name: &'static str, permissions: u32, kind: Kind) -> Item {
    Item {
        name,
        permissions,
        kind,
        of: Whose::Both,
        style: Style::Sequence { written: true },
    }
}

const ITEMS: &[Item] = &[
    Item {
        of: Whose::Process,
        ..item("task", 0o555, Kind::Dir(threads::names))
    },
    Item {
        of: Whose::Thread,
        ..item("children", 0o444, Kind::Text(threads::show_children))
    },
    item("fd", 0o500, Kind::Dir(fd::links)),
    item("fdinfo", 0o555, Kind::Dir(fd::infos)),
    item("ns", 0o511, Kind::Dir(namespaces::names)),
    item("net", 0o555, Kind::Net),
    item("environ", 0o400, Kind::File(memory::environ)),
    item("auxv", 0o400, Kind::File(memory::auxv)),
    item("status", 0o444, Kind::Text(status::show)),
    item("personality", 0o400, Kind::File(score::personality)),
    item("limits", 0o444, Kind::Text(limits::show)),
    item(
        "comm",
        0o644,
        Kind::Written(status::show_comm, status::set_comm),
    ),
    item("cmdline", 0o444, Kind::Text(memory::show_cmdline)),
    item("stat", 0o444, Kind::Text(stat::show)),
    item("statm", 0o444, Kind::Text(stat::show_statm)),
    item("maps", 0o444, Kind::File(maps::content)),
    item("smaps", 0o444, Kind::File(smaps::content)),
    item("smaps_rollup", 0o444, Kind::File(smaps::rollup)),
    item("mem", 0o600, Kind::File(memory::mem)),
    item("cwd", 0o777, Kind::Link(links::cwd)),
    item("root", 0o777, Kind::Link(links::root)),
    item("exe", 0o777, Kind::Link(links::exe)),
    item("mounts", 0o444, Kind::File(mounts::mounts)),
    item("mountinfo", 0o444, Kind::File(mounts::mountinfo)),
    item("mountstats", 0o400, Kind::File(mounts::mountstats)),
    Item {
        style: Style::Plain { written: true },
        ..item(
            "oom_adj",
            0o644,
            Kind::Written(score::show_old_adjustment, score::set_old_adjustment),
        )
    },
    item("io", 0o400, Kind::Text(stat::show_io)),
    item("wchan", 0o444, Kind::Text(stat::show_wchan)),
    item("oom_score", 0o444, Kind::Text(score::show)),
    Item {
        style: Style::Plain { written: true },
        ..item(
            "oom_score_adj",
            0o644,
            Kind::Written(score::show_adjustment, score::set_adjustment),
        )
    },
    Item {
        of: Whose::Process,
        ..item(
            "timerslack_ns",
            0o666,
            Kind::Written(score::show_slack, score::set_slack),
        )
    },
    item("syscalls", 0o400, Kind::File(score::calls)),
];

/// The number of a directory's own inode.
pub(super) fn ino(subject: &Subject) -> u64 {
    subject.ino(0, 0)
}

/// The directory of a process, as a mount with `rules` shows it.
pub(super) fn of_process(subject: Subject, rules: &Arc<Rules>) -> Arc<dyn Inode> {
    make(subject, Some(rules.clone()))
}

/// The directory of a thread.
pub(super) fn of_thread(subject: Subject) -> Arc<dyn Inode> {
    make(subject, None)
}

fn make(subject: Subject, rules: Option<Arc<Rules>>) -> Arc<dyn Inode> {
    let (ino, owner) = (ino(&subject), subject.owner(true));
    Dir::new(ino, 0o555, owner, Directory { subject, rules })
}

/// The process whose directory an open file is.
pub fn process_of(file: &OpenFile) -> Option<Arc<Process>> {
    let directory = fs::proc::names_of::<Directory>(&**file.inode())?;
    let whole = directory.subject.is_whole();
    whole.then(|| directory.subject.process().clone())
}

struct Directory {
    subject: Subject,
    rules: Option<Arc<Rules>>,
}

impl Directory {
    fn items(&self) -> impl Iterator<Item = (u8, &'static Item)> {
        let own = if self.subject.is_whole() {
            Whose::Process
        } else {
            Whose::Thread
        };
        (1..)
            .zip(ITEMS)
            .filter(move |(_, item)| item.of == Whose::Both || item.of == own)
    }
}

impl Names for Directory {
    fn find(&self, name: &[u8]) -> Result<Arc<dyn Inode>> {
        self.subject.alive().map_err(|_| Errno::ENOENT)?;
        let (entry, item) = self
            .items()
            .find(|(_, item)| item.name.as_bytes() == name)
            .ok_or(Errno::ENOENT)?;
        Ok(item.inode(&self.subject, entry))
    }

    fn list(&self, from: u64, take: &mut dyn FnMut(&Entry<'_>) -> bool) -> Result<()> {
        self.subject.alive().map_err(|_| Errno::ENOENT)?;
        for (entry, item) in self.items().filter(|(entry, _)| u64::from(*entry) > from) {
            let listed = Entry {
                name: item.name.as_bytes(),
                ino: match item.kind {
                    Kind::Net => fs::proc::net().attr().ino(),
                    _ => self.subject.ino(entry, 0),
                },
                kind: item.file_type(),
                next: u64::from(entry),
            };
            if !take(&listed) {
                break;
            }
        }
        Ok(())
    }

    fn permission(&self, attr: &Attributes, cred: &Credentials, access: Access) -> Result<()> {
        if let Some(rules) = &self.rules {
            self.subject.alive()?;
            if !super::may_see(&self.subject, rules, Hide::NoAccess) {
                return Err(match rules.hide() {
                    Hide::Invisible => Errno::ENOENT,
                    _ => Errno::EPERM,
                });
            }
        }
        perm::check(attr, cred, access)
    }

    fn directories(&self) -> u32 {
        self.items()
            .filter(|(_, item)| item.file_type() == FileType::Directory)
            .count() as u32
    }
}

impl Item {
    fn file_type(&self) -> FileType {
        match self.kind {
            Kind::Text(_) | Kind::Written(..) | Kind::File(_) => FileType::Regular,
            Kind::Dir(_) | Kind::Net => FileType::Directory,
            Kind::Link(_) => FileType::Symlink,
        }
    }

    fn inode(&self, subject: &Subject, entry: u8) -> Arc<dyn Inode> {
        let ino = subject.ino(entry, 0);
        let everybody = matches!(self.kind, Kind::Dir(_)) && self.permissions == 0o555;
        let owner = subject.owner(everybody);
        let of = subject.clone();
        match self.kind {
            Kind::Text(show) => self.file(
                ino,
                owner,
                Shown {
                    of,
                    show,
                    set: None,
                    style: Style::Sequence { written: false },
                },
            ),
            Kind::Written(show, set) => self.file(
                ino,
                owner,
                Shown {
                    of,
                    show,
                    set: Some(set),
                    style: self.style,
                },
            ),
            Kind::File(content) => File::shared(ino, self.permissions, owner, content(of)),
            Kind::Dir(names) => Dir::shared(ino, self.permissions, owner, names(of)),
            Kind::Link(target) => Link::shared(ino, self.permissions, owner, target(of)),
            Kind::Net => fs::proc::net(),
        }
    }

    fn file(&self, ino: u64, owner: Owner, content: impl Content) -> Arc<dyn Inode> {
        File::new(ino, self.permissions, owner, content)
    }
}

/// A file of text about a subject.
struct Shown {
    of: Subject,
    show: Show,
    set: Option<Set>,
    style: Style,
}

impl Content for Shown {
    fn style(&self) -> Style {
        self.style
    }

    fn show(&self, out: &mut Text) -> Result<()> {
        self.of.alive()?;
        (self.show)(&self.of, out)
    }

    fn write(&self, bytes: &[u8], _at: u64, _open: &OpenFile) -> Result<usize> {
        let set = self.set.ok_or(Errno::EINVAL)?;
        self.of.alive()?;
        set(&self.of, bytes)?;
        Ok(bytes.len())
    }
}

/// A file of text for who may look into the subject, asked when it is opened.
pub(super) struct Guarded {
    pub(super) of: Subject,
    pub(super) show: Show,
    /// What who may not is told.
    pub(super) refusal: Errno,
    /// Whether it is about memory, which a zombie has not got.
    pub(super) of_memory: bool,
    pub(super) style: Style,
}

impl Content for Guarded {
    fn style(&self) -> Style {
        self.style
    }

    fn show(&self, out: &mut Text) -> Result<()> {
        self.of.alive()?;
        (self.show)(&self.of, out)
    }

    fn write(&self, _bytes: &[u8], _at: u64, _open: &OpenFile) -> Result<usize> {
        Err(Errno::EINVAL)
    }

    fn open(
        &self,
        this: &Arc<dyn Content>,
        _request: &OpenRequest<'_>,
    ) -> Result<Arc<dyn FileOps>> {
        self.of.alive()?;
        if !self.of.may_be_seen() {
            return Err(self.refusal);
        }
        if self.of_memory && self.of.mm().is_none() {
            return Err(Errno::ESRCH);
        }
        Ok(fs::proc::Opened::new(this.clone()))
    }
}
