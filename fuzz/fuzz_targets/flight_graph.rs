//! The collector of descriptors in flight against a search that tries everything.
#![no_main]

use std::collections::BTreeSet;

use libfuzzer_sys::fuzz_target;
use net::unix::graph::{Graph, SocketId};

/// Sockets there are.
const SOCKETS: u8 = 12;

/// What can be received again, from every socket a program holds on.
fn reachable(edges: &[(u8, u8)], held: u16) -> BTreeSet<u8> {
    let mut seen: BTreeSet<u8> = (0..SOCKETS).filter(|one| held >> one & 1 == 1).collect();
    loop {
        let before = seen.len();
        let more = edges.iter().filter(|(_, holder)| seen.contains(holder));
        let more: Vec<u8> = more.map(|(passed, _)| *passed).collect();
        seen.extend(more);
        if seen.len() == before {
            return seen;
        }
    }
}

fuzz_target!(|input: (Vec<(u8, u8, bool)>, u16)| {
    let (steps, held) = input;
    let mut graph = Graph::new();
    let mut edges: Vec<(u8, u8)> = Vec::new();
    for (passed, holder, arrives) in steps {
        let edge = (passed % SOCKETS, holder % SOCKETS);
        let ids = (SocketId(edge.0.into()), SocketId(edge.1.into()));
        if arrives {
            graph.send(ids.0, ids.1).expect("memory");
            edges.push(edge);
        } else if let Some(at) = edges.iter().position(|held| *held == edge) {
            graph.receive(ids.0, ids.1);
            edges.swap_remove(at);
        }
    }
    let alive = reachable(&edges, held);
    let in_flight = |id: SocketId| {
        edges
            .iter()
            .filter(|edge| u64::from(edge.0) == id.0)
            .count()
    };
    for socket in graph.collect(|id| in_flight(id) + usize::from(held >> id.0 & 1)) {
        assert!(
            !alive.contains(&(socket.0 as u8)),
            "{socket:?} can be received"
        );
        assert!(in_flight(socket) > 0, "{socket:?} is not in flight");
    }
});
