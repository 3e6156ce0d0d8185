//! proves A13: a console device that lies.

use super::super::lies::{faults, listen, until};
use super::*;
use hal::virtio::Kind;
use hal::virtio::fake::{Remote, Request, device};
use proptest::prelude::*;

/// The host's side: what it was told, and the room it has for what it says.
struct Host {
    remote: Remote,
    room: Vec<Request>,
    /// What it was told and has not been asked about.
    heard: Vec<Vec<u8>>,
}

impl Host {
    fn new(ports: u32) -> (Arc<Console>, Self) {
        listen();
        let mut config = vec![0; 4];
        config.extend(ports.to_le_bytes());
        let (device, remote) = device(Kind::Console, MULTIPORT.bits(), &config);
        let console = start(device).unwrap();
        let mut host = Self {
            remote,
            room: Vec::new(),
            heard: Vec::new(),
        };
        host.hears(control::device_ready());
        (console, host)
    }

    /// Takes what the driver said.
    fn listens(&mut self) {
        for request in self.remote.requests(CONTROL_OUT) {
            self.remote.give_back(CONTROL_OUT, request.id.into(), 0);
            self.heard.push(request.bytes);
        }
    }

    /// Waits for a message of the driver's; others may come before it and with it.
    fn hears(&mut self, message: [u8; 8]) {
        until(|| {
            self.listens();
            self.remote.interrupt(true, false);
            let at = self.heard.iter().position(|heard| *heard == message)?;
            Some(self.heard.remove(at))
        });
    }

    fn says(&mut self, bytes: &[u8]) {
        while self.room.is_empty() {
            self.room = self.remote.requests(CONTROL_IN);
            // What the driver says meanwhile must not fill the queue.
            self.listens();
            std::thread::yield_now();
        }
        let request = self.room.remove(0);
        self.remote.answer(CONTROL_IN, &request, bytes);
        self.remote.interrupt(true, false);
    }
}

fn message(id: u32, event: u16, value: u16) -> Vec<u8> {
    let mut bytes = id.to_le_bytes().to_vec();
    bytes.extend(event.to_le_bytes());
    bytes.extend(value.to_le_bytes());
    bytes
}

const ADD: u16 = 1;
const REMOVE: u16 = 2;

#[test]
fn ports_beyond_those_there_are_are_refused() {
    let (console, mut host) = Host::new(4);
    for id in [4, 5, 511, 32_766, 32_767, 65_536, u32::MAX] {
        host.says(&message(id, ADD, 1));
        host.hears(control::port_ready(id, false));
    }
    host.says(&message(3, ADD, 1));
    host.hears(control::port_ready(3, true));
    // Twice is once; taken away and added again, its queues are not new ones.
    host.says(&message(3, ADD, 1));
    host.says(&message(3, REMOVE, 1));
    host.says(&message(3, REMOVE, 1));
    host.says(&message(3, ADD, 1));
    host.hears(control::port_ready(3, false));
    assert_eq!(console.ports.lock().len(), 0);
    assert_eq!(faults(&host.remote), []);
}

#[test]
fn a_port_survives_what_its_queues_say() {
    let (console, mut host) = Host::new(4);
    host.says(&message(1, ADD, 1));
    host.hears(control::port_ready(1, true));
    host.says(&message(1, 6, 1));
    let port = console.ports.lock().get(&1).cloned().unwrap();
    until(|| port.can_send().then_some(()));
    // Nothing written, more than there was room for.
    let remote = &host.remote;
    let lent = remote.requests(4);
    remote.give_back(4, lent[0].id.into(), 0);
    remote.give_back(4, lent[1].id.into(), u32::MAX);
    remote.interrupt(true, false);
    let mut got = 0;
    until(|| {
        got += port.drain(&mut |bytes| bytes.len());
        (got == lent[1].room).then_some(())
    });
    // Lost count on the way out: nothing more goes, and nobody waits for it.
    assert_eq!(port.send(3, |bytes| bytes.len()), Ok(3));
    remote.give_back(5, 31, 0);
    assert_eq!(port.send(3, |bytes| bytes.len()), Err(Errno::EIO));
    assert_eq!(faults(remote).len(), 1);
    // The rest of the device works.
    host.says(&message(2, ADD, 1));
    host.hears(control::port_ready(2, true));
}

#[test]
fn a_control_queue_that_lost_count_ends_quietly() {
    let (console, mut host) = Host::new(4);
    host.says(&message(1, ADD, 1));
    host.hears(control::port_ready(1, true));
    let port = console.ports.lock().get(&1).cloned().unwrap();
    host.remote.give_back(CONTROL_OUT, 30, 0);
    // Both tell the host, or would.
    drop(port.open().unwrap());
    drop(port.open().unwrap());
    host.remote.give_back(CONTROL_IN, 0x7fff, 0);
    host.remote.interrupt(true, false);
    until(|| (faults(&host.remote).len() == 2).then_some(()));
    host.remote.interrupt(true, false);
    assert_eq!(faults(&host.remote).len(), 2);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn any_messages_may_come(said in proptest::collection::vec(
        (prop_oneof![0..6_u32, any::<u32>()], 0..9_u16, 0..2_u16, proptest::collection::vec(any::<u8>(), 0..40)),
        0..40,
    )) {
        let (_console, mut host) = Host::new(4);
        for (id, event, value, rest) in said {
            let mut bytes = message(id, event, value);
            bytes.extend(&rest);
            // Short ones too.
            bytes.truncate(rest.len());
            host.says(&bytes);
        }
        host.says(&message(600, ADD, 1));
        host.hears(control::port_ready(600, false));
        prop_assert_eq!(faults(&host.remote), []);
    }
}
