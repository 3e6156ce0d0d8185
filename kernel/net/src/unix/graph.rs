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

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// A socket, by a number that is never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SocketId(pub u64);

/// What is known of one socket in flight.
#[derive(Debug, Default)]
struct Vertex {
    /// The holders of its descriptors, one entry a descriptor.
    holders: Vec<SocketId>,
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
    pub fn send(&mut self, passed: SocketId, holder: SocketId) {
        self.vertices
            .entry(passed)
            .or_default()
            .holders
            .push(holder);
        *self.waiting.entry(holder).or_default() += 1;
        self.suspect |= self.may_close_cycle(passed, holder);
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

    /// The components nobody can reach any more. `references` tells how many references to a
    /// socket's open file exist in all, those in flight included.
    ///
    /// The graph keeps its edges: the owner empties the named sockets' queues, which calls
    /// [`Graph::receive`] for each descriptor.
    pub fn collect(&mut self, references: impl Fn(SocketId) -> usize) -> Vec<Vec<SocketId>> {
        if !self.may_have_cycle() {
            return Vec::new();
        }
        let components = Components::of(&self.vertices);
        let mut cyclic = false;
        let mut dead = Vec::new();
        for component in components {
            if !self.is_cycle(&component) {
                continue;
            }
            cyclic = true;
            if self.is_dead(&component, &references) {
                dead.push(component);
            }
        }
        // A live cycle may die later by a close, which adds no edge.
        self.suspect = cyclic;
        dead
    }

    /// More than one member, or one that waits in its own queue.
    fn is_cycle(&self, component: &[SocketId]) -> bool {
        match component {
            [only] => self
                .vertices
                .get(only)
                .is_some_and(|vertex| vertex.holders.contains(only)),
            _ => true,
        }
    }

    /// Every reference in flight, and every edge inside.
    fn is_dead(&self, component: &[SocketId], references: &impl Fn(SocketId) -> usize) -> bool {
        component.iter().all(|socket| {
            self.vertices.get(socket).is_some_and(|vertex| {
                references(*socket) == vertex.holders.len()
                    && vertex
                        .holders
                        .iter()
                        .all(|holder| component.binary_search(holder).is_ok())
            })
        })
    }
}

/// Tarjan's strongly connected components, without recursion: a chain of a million sockets must
/// not need a deep stack.
struct Components<'a> {
    vertices: &'a BTreeMap<SocketId, Vertex>,
    state: BTreeMap<SocketId, Visit>,
    next_index: usize,
    open: Vec<SocketId>,
    found: Vec<Vec<SocketId>>,
}

#[derive(Clone, Copy)]
struct Visit {
    index: usize,
    low: usize,
    on_stack: bool,
}

impl<'a> Components<'a> {
    /// The components, each sorted.
    fn of(vertices: &'a BTreeMap<SocketId, Vertex>) -> Vec<Vec<SocketId>> {
        let mut search = Self {
            vertices,
            state: BTreeMap::new(),
            next_index: 0,
            open: Vec::new(),
            found: Vec::new(),
        };
        for root in vertices.keys() {
            if !search.state.contains_key(root) {
                search.visit(*root);
            }
        }
        search.found
    }

    fn enter(&mut self, socket: SocketId) {
        let index = self.next_index;
        self.next_index += 1;
        self.state.insert(
            socket,
            Visit {
                index,
                low: index,
                on_stack: true,
            },
        );
        self.open.push(socket);
    }

    fn lower(&mut self, socket: SocketId, low: usize) {
        if let Some(visit) = self.state.get_mut(&socket) {
            visit.low = visit.low.min(low);
        }
    }

    fn visit(&mut self, root: SocketId) {
        // The path from the root, each with the number of edges already followed.
        let mut path = Vec::new();
        self.enter(root);
        path.push((root, 0_usize));
        while let Some((socket, followed)) = path.last_mut() {
            let socket = *socket;
            let next = self
                .vertices
                .get(&socket)
                .and_then(|v| v.holders.get(*followed))
                .copied();
            if let Some(holder) = next {
                *followed += 1;
                if !self.vertices.contains_key(&holder) {
                    continue;
                }
                match self.state.get(&holder).copied() {
                    None => {
                        self.enter(holder);
                        path.push((holder, 0));
                    }
                    Some(seen) if seen.on_stack => self.lower(socket, seen.index),
                    Some(_) => {}
                }
                continue;
            }
            path.pop();
            let Some(done) = self.state.get(&socket).copied() else {
                continue;
            };
            if let Some((parent, _)) = path.last() {
                self.lower(*parent, done.low);
            }
            if done.low == done.index {
                self.close(socket);
            }
        }
    }

    /// `root` closes a component: everything above it on the stack belongs to it.
    fn close(&mut self, root: SocketId) {
        let mut component = Vec::new();
        while let Some(socket) = self.open.pop() {
            if let Some(visit) = self.state.get_mut(&socket) {
                visit.on_stack = false;
            }
            component.push(socket);
            if socket == root {
                break;
            }
        }
        sync::order::sort(&mut component);
        self.found.push(component);
    }
}

#[cfg(test)]
#[path = "graph_tests.rs"]
mod tests;
