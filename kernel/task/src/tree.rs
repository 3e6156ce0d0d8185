//! Who is there and who belongs to whom: the table of identities, parents and children, process
//! groups and sessions. One lock guards it all; nothing is dropped under it, and nobody woken but the
//! taker of a signal that belongs to a change (an end, a new parent).
//!
//! Relations are kept by number, so that there are no cycles of references and the rules below can be
//! read as tables. A number is free again when no thread, process, group or session uses it.

use alloc::sync::Arc;
use alloc::vec::Vec;

use abi::{Errno, Result};
use hashbrown::{DefaultHashBuilder, HashMap};
use sync::{SpinLock, SpinLockGuard, rank};

use crate::process::Process;
use crate::thread::Thread;

/// After a wrap, numbers start here: those below are left to the first processes.
const RESERVED: u32 = 300;
/// First number past those given out, as Linux sets it for up to 32 CPUs.
pub const PID_MAX: u32 = 32768;

/// Where a process stands in its life, as its parent sees it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Life {
    /// It has threads.
    Alive,
    /// Ended, not waited for.
    Zombie,
    /// Waited for; no node says so, as there is none any more.
    Gone,
}

/// A process's relations.
pub struct Node {
    /// The process itself.
    pub process: Arc<Process>,
    /// Its parent's number; 0 for process 1.
    pub parent: u32,
    /// The thread of the parent it belongs to (`__WNOTHREAD`, `PR_SET_PDEATHSIG`).
    pub forker: u32,
    /// Its children's numbers, oldest first.
    pub children: Vec<u32>,
    /// Its process group.
    pub group: u32,
    /// Its session.
    pub session: u32,
    /// Alive or not.
    pub life: Life,
    /// Whether it has called exec since its parent forked it (`setpgid` then fails).
    pub has_execed: bool,
    /// Signal to the parent at its end; 0 for none.
    pub exit_signal: i32,
}

/// A process group.
struct Group {
    session: u32,
    members: Vec<u32>,
}

/// What a number stands for.
#[derive(Default)]
struct Id {
    thread: Option<Arc<Thread>>,
    node: Option<Node>,
    group: Option<Group>,
    /// Processes in the session of this number.
    session: usize,
}

impl Id {
    fn is_free(&self) -> bool {
        self.thread.is_none() && self.node.is_none() && self.group.is_none() && self.session == 0
    }
}

/// The table.
pub struct Tree {
    ids: HashMap<u32, Id, DefaultHashBuilder>,
    last: u32,
    max: u32,
    threads: usize,
    forks: u64,
}

static TREE: SpinLock<Option<Tree>, { rank::PROCESS }> = SpinLock::new(None);

/// The locked table.
pub struct TreeGuard(SpinLockGuard<'static, Option<Tree>, { rank::PROCESS }>);

impl core::ops::Deref for TreeGuard {
    type Target = Tree;
    fn deref(&self) -> &Tree {
        match &*self.0 {
            Some(tree) => tree,
            // `lock` has just made it.
            None => unreachable!("the tree is made before it is seen"),
        }
    }
}

impl core::ops::DerefMut for TreeGuard {
    fn deref_mut(&mut self) -> &mut Tree {
        self.0.get_or_insert_with(Tree::new)
    }
}

/// Locks the table.
pub fn lock() -> TreeGuard {
    let mut guard = TREE.lock();
    guard.get_or_insert_with(Tree::new);
    TreeGuard(guard)
}

impl Tree {
    fn new() -> Self {
        Self {
            ids: HashMap::with_hasher(DefaultHashBuilder::default()),
            last: 0,
            max: PID_MAX,
            threads: 0,
            forks: 0,
        }
    }

    /// Takes the next free number.
    ///
    /// # Errors
    /// `EAGAIN` when all are taken, `ENOMEM` without memory.
    pub fn allocate(&mut self) -> Result<u32> {
        self.ids.try_reserve(1).map_err(|_| Errno::ENOMEM)?;
        for _ in 0..self.max {
            self.last += 1;
            if self.last >= self.max {
                self.last = RESERVED;
            }
            if !self.ids.contains_key(&self.last) {
                self.ids.insert(self.last, Id::default());
                self.forks += 1;
                return Ok(self.last);
            }
        }
        Err(Errno::EAGAIN)
    }

    /// Takes a given number (`set_tid`).
    ///
    /// # Errors
    /// `EINVAL` out of range, `EEXIST` when it is taken.
    pub fn allocate_exact(&mut self, number: u32) -> Result<u32> {
        if number < 1 || number >= self.max || (number != 1 && !self.ids.contains_key(&1)) {
            return Err(Errno::EINVAL);
        }
        if self.ids.contains_key(&number) {
            return Err(Errno::EEXIST);
        }
        self.ids.try_reserve(1).map_err(|_| Errno::ENOMEM)?;
        self.ids.insert(number, Id::default());
        self.forks += 1;
        Ok(number)
    }

    /// Gives an unused number back.
    pub fn release(&mut self, number: u32) {
        if self.ids.get(&number).is_some_and(Id::is_free) {
            self.ids.remove(&number);
        }
    }

    /// Enters a thread under its number.
    pub fn add_thread(&mut self, thread: &Arc<Thread>) {
        self.ids.entry(thread.tid()).or_default().thread = Some(thread.clone());
        self.threads += 1;
    }

    /// Takes a thread out; the caller drops it after unlocking.
    #[must_use = "drop it after unlocking"]
    pub fn remove_thread(&mut self, tid: u32) -> Option<Arc<Thread>> {
        let thread = self.ids.get_mut(&tid)?.thread.take();
        if thread.is_some() {
            self.threads -= 1;
        }
        self.release(tid);
        thread
    }

    /// Enters a process that `maker` made, in its group and session, as a child of `parent`'s thread `forker`.
    pub fn add_process(
        &mut self,
        process: &Arc<Process>,
        maker: u32,
        parent: u32,
        forker: u32,
        exit_signal: i32,
    ) {
        let pid = process.pid();
        let (group, session) = self
            .node(maker)
            .map_or((0, 0), |node| (node.group, node.session));
        self.ids.entry(pid).or_default().node = Some(Node {
            process: process.clone(),
            parent,
            forker,
            children: Vec::new(),
            group: 0,
            session: 0,
            life: Life::Alive,
            has_execed: false,
            exit_signal,
        });
        if let Some(parent) = self.node_mut(parent) {
            parent.children.push(pid);
        }
        process.set_parent_pid(parent);
        self.enter_session(pid, session);
        self.enter_group(pid, group);
    }

    /// A process has no threads any more and waits for its parent.
    pub fn end_process(&mut self, pid: u32) {
        if let Some(node) = self.node_mut(pid) {
            node.life = Life::Zombie;
            node.process.set_life(Life::Zombie);
        }
    }

    /// Takes a process out for good; the caller drops it after unlocking, and tells its `exit_events`.
    #[must_use = "drop it after unlocking"]
    pub fn remove_process(&mut self, pid: u32) -> Option<Arc<Process>> {
        self.leave_group(pid);
        self.leave_session(pid);
        let node = self.ids.get_mut(&pid)?.node.take()?;
        if let Some(parent) = self.node_mut(node.parent) {
            parent.children.retain(|child| *child != pid);
        }
        self.release(pid);
        node.process.leave_user();
        node.process.set_life(Life::Gone);
        Some(node.process)
    }

    /// A process's relations.
    pub fn node(&self, pid: u32) -> Option<&Node> {
        self.ids.get(&pid)?.node.as_ref()
    }

    /// A process's relations, to change.
    pub fn node_mut(&mut self, pid: u32) -> Option<&mut Node> {
        self.ids.get_mut(&pid)?.node.as_mut()
    }

    /// The thread of a number.
    pub fn thread(&self, tid: u32) -> Option<Arc<Thread>> {
        self.ids.get(&tid)?.thread.clone()
    }

    /// The process of a number.
    pub fn process(&self, pid: u32) -> Option<Arc<Process>> {
        self.node(pid).map(|node| node.process.clone())
    }

    /// The process a number names as `kill` sees it: of that number, or whose thread has it.
    pub fn process_of_any(&self, number: u32) -> Option<Arc<Process>> {
        self.process(number)
            .or_else(|| Some(self.thread(number)?.process().clone()))
    }

    /// Every process, zombies too, in no order.
    pub fn processes(&self) -> impl Iterator<Item = &Node> {
        self.ids.values().filter_map(|id| id.node.as_ref())
    }

    /// Every thread, in no order.
    pub fn threads(&self) -> impl Iterator<Item = &Arc<Thread>> {
        self.ids.values().filter_map(|id| id.thread.as_ref())
    }

    /// How many threads there are.
    pub fn thread_count(&self) -> usize {
        self.threads
    }

    /// How many numbers were given out since the start (`processes` of `/proc/stat`).
    pub fn fork_count(&self) -> u64 {
        self.forks
    }

    /// The number given out last (`/proc/loadavg`).
    pub fn last_pid(&self) -> u32 {
        self.last
    }

    /// One past the greatest number given out.
    pub fn pid_max(&self) -> u32 {
        self.max
    }

    /// Sets one past the greatest number (`/proc/sys/kernel/pid_max`).
    pub fn set_pid_max(&mut self, max: u32) {
        self.max = max;
    }

    /// The processes of a group; `None` when there is no such group.
    pub fn group_members(&self, group: u32) -> Option<&[u32]> {
        let group = self.ids.get(&group)?.group.as_ref()?;
        Some(&group.members)
    }

    /// The session a group belongs to.
    pub fn group_session(&self, group: u32) -> Option<u32> {
        Some(self.ids.get(&group)?.group.as_ref()?.session)
    }

    fn enter_session(&mut self, pid: u32, session: u32) {
        self.leave_session(pid);
        if session == 0 {
            return;
        }
        self.ids.entry(session).or_default().session += 1;
        if let Some(node) = self.node_mut(pid) {
            node.session = session;
            node.process.set_session(session);
        }
    }

    fn leave_session(&mut self, pid: u32) {
        let Some(node) = self.node_mut(pid) else {
            return;
        };
        let session = core::mem::take(&mut node.session);
        if let Some(id) = self.ids.get_mut(&session) {
            id.session = id.session.saturating_sub(1);
        }
        self.release(session);
    }

    /// Moves a process to a group of its session, making the group when there is none.
    pub fn enter_group(&mut self, pid: u32, group: u32) {
        self.leave_group(pid);
        let session = self.node(pid).map_or(0, |node| node.session);
        if group == 0 {
            return;
        }
        let id = self.ids.entry(group).or_default();
        id.group
            .get_or_insert_with(|| Group {
                session,
                members: Vec::new(),
            })
            .members
            .push(pid);
        if let Some(node) = self.node_mut(pid) {
            node.group = group;
            node.process.set_group(group);
        }
    }

    fn leave_group(&mut self, pid: u32) {
        let Some(node) = self.node_mut(pid) else {
            return;
        };
        let group = core::mem::take(&mut node.group);
        let Some(id) = self.ids.get_mut(&group) else {
            return;
        };
        if let Some(members) = id.group.as_mut() {
            members.members.retain(|member| *member != pid);
            if members.members.is_empty() {
                id.group = None;
            }
        }
        self.release(group);
    }

    /// Makes a process the leader of a new session and group (`setsid`).
    ///
    /// # Errors
    /// `EPERM` when it leads a group, or a group of its number is there.
    pub fn new_session(&mut self, pid: u32) -> Result<()> {
        if self.ids.get(&pid).is_some_and(|id| id.group.is_some()) {
            return Err(Errno::EPERM);
        }
        // The old group goes first: a group never outlives its session's last member.
        self.leave_group(pid);
        self.enter_session(pid, pid);
        self.enter_group(pid, pid);
        Ok(())
    }

    /// Whether nobody in a group has a parent in another group of the same session, who could
    /// continue it (`man 7 credentials`: orphaned process group). `leaving` does not count.
    pub fn is_orphaned(&self, group: u32, leaving: Option<u32>) -> bool {
        let Some(members) = self.group_members(group) else {
            return false;
        };
        !members.iter().any(|member| {
            if leaving == Some(*member) {
                return false;
            }
            let Some(node) = self.node(*member) else {
                return false;
            };
            if node.life == Life::Zombie || node.parent <= 1 {
                return false;
            }
            self.node(node.parent)
                .is_some_and(|parent| parent.group != node.group && parent.session == node.session)
        })
    }

    /// Gives a child to another parent.
    pub fn reparent(&mut self, child: u32, parent: u32, forker: u32) {
        let Some(node) = self.node_mut(child) else {
            return;
        };
        let old = core::mem::replace(&mut node.parent, parent);
        node.forker = forker;
        node.process.set_parent_pid(parent);
        if old == parent {
            return;
        }
        if let Some(old) = self.node_mut(old) {
            old.children.retain(|pid| *pid != child);
        }
        if let Some(new) = self.node_mut(parent) {
            new.children.push(child);
        }
    }

    /// Who adopts the children of an ending process: its nearest ancestor that is a subreaper and
    /// still has threads, else process 1.
    pub fn reaper_of(&self, pid: u32) -> u32 {
        let mut at = self.node(pid).map_or(1, |node| node.parent);
        while at > 1 {
            let Some(node) = self.node(at) else {
                return 1;
            };
            if node.life == Life::Alive && node.process.is_subreaper() && !node.process.is_ending()
            {
                return at;
            }
            at = node.parent;
        }
        1
    }

    /// Whether `pid` descends from `ancestor`.
    pub fn descends(&self, pid: u32, ancestor: u32) -> bool {
        let mut at = pid;
        while let Some(node) = self.node(at) {
            if node.parent == ancestor {
                return true;
            }
            at = node.parent;
        }
        false
    }
}
