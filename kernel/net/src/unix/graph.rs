//! Descriptors in flight as a graph, and which of them nobody can reach any more.
//!
//! A socket whose descriptor sits in some socket's receive queue is *in flight*. Vertices are
//! the sockets in flight; an edge runs from the socket that was sent (`passed`) to the socket in
//! whose queue it waits (`holder`; for a connection nobody has accepted yet, the listener).
//! When the last descriptor of a group is closed while its members lie in each other's queues,
//! no program can receive them again: a strongly connected component all of whose references are
//! in flight, and none of whose edges leaves it, is garbage.
//!
//! Pure values in, pure values out: no locks, no files. The owner serialises calls (one lock),
//! takes that lock before a peek clones a file in flight, and drops what [`Graph::collect`] named
//! outside all locks. Cost: nothing while nothing is in flight, O(vertices + edges) a collection,
//! and a collection only when an edge may have closed a cycle.

use alloc::collections::{BTreeMap, TryReserveError};
use alloc::vec::Vec;
use core::ops::Bound::{Excluded, Unbounded};

/// A socket, by a number that is never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SocketId(pub u64);

/// What is known of one socket in flight.
#[derive(Debug, Default)]
struct Vertex {
    /// The holders of its descriptors, one entry a descriptor.
    holders: Vec<SocketId>,
    visit: Visit,
}

/// Where a collection is with a vertex. It stands here so that collecting takes no memory: what is
/// needed most when there is none must not ask for any.
#[derive(Debug, Default)]
struct Visit {
    /// The order of discovery, from 1; 0: not found yet.
    index: u32,
    /// The earliest vertex found that it leads to.
    low: u32,
    /// Edges followed.
    followed: u32,
    /// The number of its component; 0: it is on the stack yet.
    component: u32,
    /// From where it was found.
    parent: Option<SocketId>,
    /// What lies below it on the stack, and later the next of those that are dead.
    below: Option<SocketId>,
}

/// The sockets in flight. See the module's page.
#[derive(Debug, Default)]
pub struct Graph {
    vertices: BTreeMap<SocketId, Vertex>,
    /// How many descriptors of sockets wait with each holder.
    waiting: BTreeMap<SocketId, usize>,
    /// An edge that may have closed a cycle came since the last collection that found none.
    suspect: bool,
}

impl Graph {
    /// An empty graph.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            vertices: BTreeMap::new(),
            waiting: BTreeMap::new(),
            suspect: false,
        }
    }

    /// Sockets in flight.
    #[must_use]
    pub fn len(&self) -> usize {
        self.vertices.len()
    }

    /// True while nothing is in flight.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.vertices.is_empty()
    }

    /// True when a collection may find something.
    #[must_use]
    pub fn may_have_cycle(&self) -> bool {
        self.suspect && !self.vertices.is_empty()
    }

    /// How many descriptors of `socket` are in flight.
    #[must_use]
    pub fn in_flight(&self, socket: SocketId) -> usize {
        self.vertices
            .get(&socket)
            .map_or(0, |vertex| vertex.holders.len())
    }

    /// A descriptor of `passed` goes into `holder`'s queue.
    ///
    /// # Errors
    /// No memory for one more; nothing has changed.
    pub fn send(&mut self, passed: SocketId, holder: SocketId) -> Result<(), TryReserveError> {
        if let Some(vertex) = self.vertices.get_mut(&passed) {
            vertex.holders.try_reserve(1)?;
        }
        self.vertices
            .entry(passed)
            .or_default()
            .holders
            .push(holder);
        *self.waiting.entry(holder).or_default() += 1;
        self.suspect |= self.may_close_cycle(passed, holder);
        Ok(())
    }

    /// A cycle through an edge goes on from its holder, which must be in flight, and comes back
    /// to the socket passed, with which something must wait.
    fn may_close_cycle(&self, passed: SocketId, holder: SocketId) -> bool {
        self.vertices.contains_key(&holder) && self.waiting.contains_key(&passed)
    }

    fn leave(&mut self, holder: SocketId) {
        if let Some(count) = self.waiting.get_mut(&holder) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.waiting.remove(&holder);
            }
        }
    }

    /// A descriptor of `passed` left `holder`'s queue, received or dropped.
    pub fn receive(&mut self, passed: SocketId, holder: SocketId) {
        let Some(vertex) = self.vertices.get_mut(&passed) else {
            return;
        };
        if let Some(at) = vertex.holders.iter().position(|held| *held == holder) {
            vertex.holders.swap_remove(at);
            if vertex.holders.is_empty() {
                self.vertices.remove(&passed);
            }
            self.leave(holder);
        }
    }

    /// One descriptor of `passed` that waited with `from` now waits with `to`: the connection
    /// `to` was accepted from the listener `from`.
    pub fn rehome(&mut self, passed: SocketId, from: SocketId, to: SocketId) {
        if let Some(vertex) = self.vertices.get_mut(&passed)
            && let Some(held) = vertex.holders.iter_mut().find(|held| **held == from)
        {
            *held = to;
            self.leave(from);
            *self.waiting.entry(to).or_default() += 1;
            self.suspect |= self.may_close_cycle(passed, to);
        }
    }

    /// The sockets nobody can reach any more. `references` tells how many references to a socket's
    /// open file exist in all, those in flight included.
    ///
    /// The graph keeps its edges: the owner empties the named sockets' queues, which calls
    /// [`Graph::receive`] for each descriptor. Takes no memory.
    pub fn collect(&mut self, references: impl Fn(SocketId) -> usize) -> Dead<'_> {
        let mut dead = None;
        if self.may_have_cycle() {
            let mut search = Search::new(&mut self.vertices, &references);
            search.run();
            // A live cycle may die later by a close, which adds no edge.
            (self.suspect, dead) = (search.cyclic, search.dead);
        }
        Dead {
            graph: self,
            next: dead,
        }
    }
}

/// The sockets a collection found, one after the other.
#[derive(Debug)]
pub struct Dead<'a> {
    graph: &'a Graph,
    next: Option<SocketId>,
}

impl Iterator for Dead<'_> {
    type Item = SocketId;

    fn next(&mut self) -> Option<SocketId> {
        let this = self.next.take()?;
        let vertex = self.graph.vertices.get(&this);
        self.next = vertex.and_then(|vertex| vertex.visit.below);
        Some(this)
    }
}

/// Tarjan's strongly connected components, without recursion: a chain of a million sockets must
/// not need a deep stack. Its stacks are rows through the vertices.
struct Search<'a, R> {
    vertices: &'a mut BTreeMap<SocketId, Vertex>,
    references: &'a R,
    /// Vertices found.
    found: u32,
    /// Components found.
    components: u32,
    /// The top of those whose component is not known yet.
    open: Option<SocketId>,
    /// There is a cycle, dead or not.
    cyclic: bool,
    /// The first of the dead.
    dead: Option<SocketId>,
}

impl<'a, R: Fn(SocketId) -> usize> Search<'a, R> {
    fn new(vertices: &'a mut BTreeMap<SocketId, Vertex>, references: &'a R) -> Self {
        for vertex in vertices.values_mut() {
            vertex.visit = Visit::default();
        }
        Self {
            vertices,
            references,
            found: 0,
            components: 0,
            open: None,
            cyclic: false,
            dead: None,
        }
    }

    fn run(&mut self) {
        let mut last = Unbounded;
        while let Some((root, vertex)) = self.vertices.range((last, Unbounded)).next() {
            let (root, new) = (*root, vertex.visit.index == 0);
            if new {
                self.visit(root);
            }
            last = Excluded(root);
        }
    }

    fn enter(&mut self, socket: SocketId, parent: Option<SocketId>) {
        self.found += 1;
        if let Some(vertex) = self.vertices.get_mut(&socket) {
            vertex.visit = Visit {
                index: self.found,
                low: self.found,
                parent,
                below: self.open,
                ..Visit::default()
            };
            self.open = Some(socket);
        }
    }

    fn lower(&mut self, socket: SocketId, low: u32) {
        if let Some(vertex) = self.vertices.get_mut(&socket) {
            vertex.visit.low = vertex.visit.low.min(low);
        }
    }

    fn visit(&mut self, root: SocketId) {
        self.enter(root, None);
        let mut here = Some(root);
        while let Some(socket) = here {
            let Some(vertex) = self.vertices.get_mut(&socket) else {
                return;
            };
            let visit = &mut vertex.visit;
            let Some(holder) = vertex.holders.get(visit.followed as usize).copied() else {
                let (low, parent) = (visit.low, visit.parent);
                if low == visit.index {
                    self.close(socket);
                }
                if let Some(parent) = parent {
                    self.lower(parent, low);
                }
                here = parent;
                continue;
            };
            visit.followed += 1;
            match self.vertices.get(&holder).map(|vertex| &vertex.visit) {
                Some(Visit { index: 0, .. }) => {
                    self.enter(holder, Some(socket));
                    here = Some(holder);
                }
                Some(Visit {
                    index,
                    component: 0,
                    ..
                }) => {
                    let index = *index;
                    self.lower(socket, index);
                }
                // Known to be of another component, or not in flight itself.
                Some(_) | None => {}
            }
        }
    }

    /// `root` closes a component: everything above it on the stack belongs to it.
    fn close(&mut self, root: SocketId) {
        self.components += 1;
        let (top, number) = (self.open, self.components);
        let mut at = top;
        while let Some(vertex) = at.and_then(|socket| self.vertices.get_mut(&socket)) {
            vertex.visit.component = number;
            if at == Some(root) {
                self.open = vertex.visit.below.take();
                break;
            }
            at = vertex.visit.below;
        }
        // More than one member, or one that waits in its own queue.
        let alone = top == Some(root);
        let cycle = !alone
            || self
                .vertices
                .get(&root)
                .is_some_and(|vertex| vertex.holders.contains(&root));
        self.cyclic |= cycle;
        if cycle
            && self.is_dead(top, number)
            && let Some(vertex) = self.vertices.get_mut(&root)
        {
            vertex.visit.below = self.dead;
            self.dead = top;
        }
    }

    /// Every reference in flight, and every edge inside.
    fn is_dead(&self, top: Option<SocketId>, number: u32) -> bool {
        let mut at = top;
        while let Some(socket) = at {
            let Some(vertex) = self.vertices.get(&socket) else {
                return false;
            };
            let inside = |holder: &SocketId| {
                let holder = self.vertices.get(holder);
                holder.is_some_and(|holder| holder.visit.component == number)
            };
            if (self.references)(socket) != vertex.holders.len()
                || !vertex.holders.iter().all(inside)
            {
                return false;
            }
            at = vertex.visit.below;
        }
        true
    }
}

#[cfg(test)]
#[path = "graph_tests.rs"]
mod tests;
