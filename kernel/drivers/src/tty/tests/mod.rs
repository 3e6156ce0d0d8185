//! Terminals on the host: a process tree that records what it is asked, and ptys without a devpts.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

mod job_control;
mod master;
mod wires;

use super::jobs::{self, Jobs};
use super::pty::{Master, Pty, PtyName};
use super::*;
use abi::Errno;
use abi::fcntl::OFlags;
use alloc::vec;
use core::any::Any;
use core::sync::atomic::AtomicBool;
use mm::io::{IoDst, IoSrc};
use std::cell::RefCell;
use std::sync::Mutex as StdMutex;
use sync::Credentials;
use vfs::{Caller, CharDevice, FileOps, FsContext, OpenFile, Path};

type Terminal = Arc<dyn Any + Send + Sync>;

/// A process. Groups and sessions of different tests have different numbers.
pub(super) struct Member {
    pub pid: u32,
    pub group: u32,
    pub session: u32,
    pub tty: StdMutex<Option<Terminal>>,
    cred: Arc<Credentials>,
}

impl Member {
    pub fn new(pid: u32, group: u32, session: u32) -> Arc<Self> {
        Arc::new(Self {
            pid,
            group,
            session,
            tty: StdMutex::new(None),
            cred: Arc::new(Credentials::root()),
        })
    }

    /// One that may do nothing special.
    pub fn plain(pid: u32, group: u32, session: u32) -> Arc<Self> {
        let mut cred = Credentials::root();
        cred.effective = sync::CapSet::EMPTY;
        Arc::new(Self {
            pid,
            group,
            session,
            tty: StdMutex::new(None),
            cred: Arc::new(cred),
        })
    }

    /// Runs `f` as this process.
    pub fn run<R>(self: &Arc<Self>, f: impl FnOnce() -> R) -> R {
        RUNNING.set(Some(self.clone()));
        let answer = f();
        RUNNING.set(None);
        answer
    }
}

impl Caller for Member {
    fn cred(&self) -> &Arc<Credentials> {
        &self.cred
    }
    fn fs(&self) -> Arc<FsContext> {
        panic!("no paths here")
    }
    fn process(&self) -> Terminal {
        Arc::new(())
    }
    fn pid(&self) -> u32 {
        self.pid
    }
    fn tid(&self) -> u32 {
        self.pid
    }
    fn pgrp(&self) -> u32 {
        self.group
    }
    fn session(&self) -> u32 {
        self.session
    }
    fn controlling_tty(&self) -> Option<Terminal> {
        self.tty.lock().unwrap().clone()
    }
    fn set_controlling_tty(&self, tty: Option<Terminal>) -> Result<()> {
        *self.tty.lock().unwrap() = tty;
        Ok(())
    }
    fn install(&self, _: Arc<OpenFile>, _: bool) -> Result<usize> {
        Err(Errno::EMFILE)
    }
}

std::thread_local! {
    static RUNNING: RefCell<Option<Arc<Member>>> = const { RefCell::new(None) };
    static SHUNS: RefCell<bool> = const { RefCell::new(false) };
}

static SENT: StdMutex<Vec<(u32, u32)>> = StdMutex::new(Vec::new());
/// Groups nobody could continue.
static ORPHANS: StdMutex<Vec<u32>> = StdMutex::new(Vec::new());
/// Groups and their sessions.
static GROUPS: StdMutex<Vec<(u32, u32)>> = StdMutex::new(Vec::new());

/// The process tree of these tests.
struct Tree;

impl Jobs for Tree {
    fn signal_group(&self, pgrp: u32, signal: u32) {
        SENT.lock().unwrap().push((pgrp, signal));
    }
    fn signal_leader(&self, session: u32, signal: u32) {
        SENT.lock().unwrap().push((session, signal));
    }
    fn group_is_orphaned(&self, pgrp: u32) -> bool {
        ORPHANS.lock().unwrap().contains(&pgrp)
    }
    fn session_of_group(&self, pgrp: u32) -> Option<u32> {
        let groups = GROUPS.lock().unwrap();
        let found = groups.iter().find(|(group, _)| *group == pgrp);
        found.map(|(_, session)| *session)
    }
    fn with_caller(&self, f: &mut dyn FnMut(&dyn Caller)) {
        let running = RUNNING.with_borrow(Clone::clone);
        if let Some(member) = running {
            f(&*member);
        }
    }
    fn caller_shuns(&self, _signal: u32) -> bool {
        SHUNS.with_borrow(|shuns| *shuns)
    }
    fn clear_session_tty(&self, _session: u32) {}
}

/// What was sent to a group, or to the leader of a session, since the last time.
pub(super) fn signals(to: u32) -> Vec<u32> {
    let mut sent = SENT.lock().unwrap();
    let got = sent.iter().filter(|(who, _)| *who == to);
    let got = got.map(|(_, signal)| *signal).collect();
    sent.retain(|(who, _)| *who != to);
    got
}

/// A name nobody sees.
pub(super) struct Nameless {
    pub hidden: AtomicBool,
}

impl PtyName for Nameless {
    fn index(&self) -> u32 {
        3
    }
    fn show(&self, _: u64, _: Arc<dyn CharDevice>, _: &Credentials) -> Result<()> {
        Ok(())
    }
    fn hide(&self) {
        self.hidden.store(true, Ordering::Relaxed);
    }
    fn peer(&self, _: &OpenFile) -> Result<Path> {
        Err(Errno::ENODEV)
    }
}

/// A pair, its slave open once.
pub(super) struct Pair {
    pub pty: Arc<Pty>,
    pub tty: Arc<Tty>,
    pub name: Arc<Nameless>,
    pub master: Arc<OpenFile>,
    pub slave: Option<Arc<OpenFile>>,
}

pub(super) fn opened(ops: Arc<dyn FileOps>) -> Arc<OpenFile> {
    let cred = Arc::new(Credentials::root());
    vfs::anon_file("tty", ops, OFlags::RDWR | OFlags::NONBLOCK, cred)
}

impl Pair {
    pub fn new() -> Self {
        jobs::install_jobs(&Tree);
        let name = Arc::new(Nameless {
            hidden: AtomicBool::new(false),
        });
        let pty = Pty::new(name.clone()).unwrap();
        let tty = Tty::new("pts/3".into(), 0x8803, pty.clone(), Pty::termios());
        let master = opened(Master::new(pty.clone(), tty.clone()));
        assert_eq!(TtyFile::open(&tty, None, false).err(), Some(Errno::EIO));
        pty.set_locked(false);
        let slave = opened(TtyFile::open(&tty, None, false).unwrap());
        Self {
            pty,
            tty,
            name,
            master,
            slave: Some(slave),
        }
    }

    pub fn raw() -> Self {
        let pair = Self::new();
        let mut termios = pair.tty.termios();
        termios.lflag = LocalFlags::empty();
        termios.iflag = abi::termios::InputFlags::empty();
        termios.oflag = abi::termios::OutputFlags::empty();
        pair.tty.set_termios(termios);
        pair
    }

    pub fn slave(&self) -> &OpenFile {
        self.slave.as_deref().unwrap()
    }

    /// Makes the slave the terminal of a new session with this leader and foreground group.
    pub fn control(&self, leader: &Arc<Member>) {
        self.tty.acquire(&**leader, false, true).unwrap();
    }
}

pub(super) fn write(file: &OpenFile, bytes: &[u8]) -> Result<usize> {
    file.write(&mut IoSrc::kernel(bytes), None)
}

pub(super) fn read(file: &OpenFile, room: usize) -> Result<Vec<u8>> {
    let mut bytes = vec![0; room];
    let done = file.read(&mut IoDst::kernel(&mut bytes), None)?;
    bytes.truncate(done);
    Ok(bytes)
}
