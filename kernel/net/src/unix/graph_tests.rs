use super::*;
use std::collections::HashSet;

/// A small repeatable generator (xorshift), so that a failure repeats.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }
}

/// What can be received again: start from every socket some program holds, and follow what lies
/// in the queues of sockets that can be reached.
fn reachable(edges: &[(u64, u64)], held: &[usize]) -> HashSet<u64> {
    let mut seen: HashSet<u64> = (0..held.len() as u64)
        .filter(|socket| held[*socket as usize] > 0)
        .collect();
    loop {
        let before = seen.len();
        for (passed, holder) in edges {
            if seen.contains(holder) {
                seen.insert(*passed);
            }
        }
        if seen.len() == before {
            return seen;
        }
    }
}

/// Collects, empties the named queues, and again, as the owner does, until nothing is found;
/// gives back what lost its last reference.
fn collect_all(edges: &mut Vec<(u64, u64)>, held: &[usize]) -> HashSet<u64> {
    let mut graph = Graph::new();
    for (passed, holder) in edges.iter() {
        graph.send(SocketId(*passed), SocketId(*holder)).unwrap();
    }
    let mut gone = HashSet::new();
    // A socket with no reference at all was freed, and its queue with it.
    loop {
        let references = |socket: u64, edges: &Vec<(u64, u64)>| {
            held[socket as usize] + edges.iter().filter(|edge| edge.0 == socket).count()
        };
        let mut drop_queue: Vec<u64> = graph
            .collect(|socket| references(socket.0, edges))
            .map(|socket| socket.0)
            .collect();
        drop_queue.extend(
            (0..held.len() as u64).filter(|s| references(*s, edges) == 0 && !gone.contains(s)),
        );
        if drop_queue.is_empty() {
            return gone;
        }
        for socket in drop_queue {
            gone.insert(socket);
            edges.retain(|(passed, holder)| {
                if *holder == socket {
                    graph.receive(SocketId(*passed), SocketId(*holder));
                }
                *holder != socket
            });
        }
    }
}

#[test]
fn random_graphs_agree_with_a_brute_force_search() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for round in 0..100_000 {
        let sockets = 1 + random.below(7);
        let held: Vec<usize> = (0..sockets)
            .map(|_| usize::from(random.below(4) == 0))
            .collect();
        let mut edges: Vec<(u64, u64)> = (0..random.below(12))
            .map(|_| (random.below(sockets), random.below(sockets)))
            .collect();
        let alive = reachable(&edges, &held);
        let gone = collect_all(&mut edges, &held);
        let expected: HashSet<u64> = (0..sockets).filter(|s| !alive.contains(s)).collect();
        assert_eq!(gone, expected, "round {round}: held {held:?}");
    }
}

#[test]
fn nothing_in_flight_costs_nothing() {
    let mut graph = Graph::new();
    assert!(graph.is_empty());
    assert!(!graph.may_have_cycle());
    let mut dead = graph.collect(|_| unreachable!("asked about a socket"));
    assert_eq!(dead.next(), None);
}

#[test]
fn a_socket_in_its_own_queue_is_garbage_once_closed() {
    let mut graph = Graph::new();
    graph.send(SocketId(1), SocketId(1)).unwrap();
    assert_eq!(graph.collect(|_| 2).count(), 0);
    assert!(graph.collect(|_| 1).eq([SocketId(1)]));
}

#[test]
fn a_live_cycle_is_looked_at_again() {
    let mut graph = Graph::new();
    graph.send(SocketId(1), SocketId(2)).unwrap();
    graph.send(SocketId(2), SocketId(1)).unwrap();
    let dead = graph.collect(|socket| if socket.0 == 1 { 2 } else { 1 });
    assert_eq!(dead.count(), 0);
    assert!(graph.may_have_cycle());
    assert_eq!(graph.collect(|_| 1).count(), 2);
}

#[test]
fn an_edge_out_of_the_component_keeps_it() {
    let mut graph = Graph::new();
    graph.send(SocketId(1), SocketId(2)).unwrap();
    graph.send(SocketId(2), SocketId(1)).unwrap();
    graph.send(SocketId(2), SocketId(3)).unwrap();
    let dead = graph.collect(|socket| if socket.0 == 2 { 2 } else { 1 });
    assert_eq!(dead.count(), 0);
}

#[test]
fn accepting_moves_the_edge_to_the_connection() {
    let mut graph = Graph::new();
    graph.send(SocketId(7), SocketId(1)).unwrap();
    graph.rehome(SocketId(7), SocketId(1), SocketId(9));
    graph.receive(SocketId(7), SocketId(9));
    assert!(graph.is_empty());
}

#[test]
fn a_long_chain_needs_no_deep_stack() {
    let mut graph = Graph::new();
    let length = 200_000;
    for socket in 0..length {
        graph
            .send(SocketId(socket), SocketId((socket + 1) % length))
            .unwrap();
    }
    let dead = graph.collect(|_| 1);
    assert_eq!(dead.count(), length as usize);
}

#[test]
fn several_components_are_named_in_one_row() {
    let mut graph = Graph::new();
    for first in [1, 11, 21] {
        graph.send(SocketId(first), SocketId(first + 1)).unwrap();
        graph.send(SocketId(first + 1), SocketId(first)).unwrap();
    }
    // The second is held.
    let dead = graph.collect(|socket| if socket.0 == 12 { 2 } else { 1 });
    let mut dead: Vec<u64> = dead.map(|socket| socket.0).collect();
    dead.sort_unstable();
    assert_eq!(dead, [1, 2, 21, 22]);
    // And what was written into the vertices is no hindrance to the next time.
    assert_eq!(graph.collect(|_| 1).count(), 6);
}
