//! The events one client has not read yet.

use abi::input::{EV_SYN, InputEvent, SYN_DROPPED, SYN_REPORT};
use alloc::collections::VecDeque;

/// Events up to the last report are readable; those after it wait for theirs.
pub struct EventQueue {
    events: VecDeque<InputEvent>,
    /// How many of them may be read.
    readable: usize,
    capacity: usize,
}

fn is_report(event: &InputEvent) -> bool {
    (event.kind, event.code) == (EV_SYN, SYN_REPORT)
}

impl EventQueue {
    /// Room for one less than `capacity` events, as Linux's ring has it.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        let capacity = capacity.max(4);
        Self {
            events: VecDeque::with_capacity(capacity),
            readable: 0,
            capacity,
        }
    }

    /// Takes an event; whether there is more to read now. Without room, all older ones go and a word of it comes.
    pub fn push(&mut self, event: InputEvent) -> bool {
        // A report of nothing is none.
        if is_report(&event) && self.readable == self.events.len() {
            return false;
        }
        self.events.push_back(event);
        if self.events.len() >= self.capacity {
            self.events.clear();
            self.events.push_back(InputEvent {
                kind: EV_SYN,
                code: SYN_DROPPED,
                value: 0,
                ..event
            });
            self.events.push_back(event);
            self.readable = 0;
        }
        if is_report(&event) {
            self.readable = self.events.len();
            return true;
        }
        false
    }

    /// The next readable event.
    pub fn pop(&mut self) -> Option<InputEvent> {
        if self.readable == 0 {
            return None;
        }
        self.readable -= 1;
        self.events.pop_front()
    }

    /// Back to the front.
    pub fn unpop(&mut self, event: InputEvent) {
        self.readable += 1;
        self.events.push_front(event);
    }

    /// Whether something may be read.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.readable > 0
    }

    /// Forgets everything, with a word of it where there was something, which comes with the next report. `now`
    /// gives the word its time.
    pub fn drop_all(&mut self, now: InputEvent) {
        if self.events.is_empty() {
            return;
        }
        self.events.clear();
        self.events.push_back(InputEvent {
            kind: EV_SYN,
            code: SYN_DROPPED,
            value: 0,
            ..now
        });
        self.readable = 0;
    }

    /// Forgets everything without a word.
    pub fn clear(&mut self) {
        self.events.clear();
        self.readable = 0;
    }

    /// Forgets events of a type, whose state the program reads otherwise, and the reports this leaves empty.
    pub fn forget(&mut self, kind: u16) {
        let mut kept = VecDeque::with_capacity(self.capacity);
        let mut readable = 0;
        // A report that is first of all stays.
        let mut in_packet = 1;
        for (at, event) in self.events.drain(..).enumerate() {
            let was_readable = at < self.readable;
            if event.kind == kind || is_report(&event) && in_packet == 0 {
                continue;
            }
            in_packet = if is_report(&event) { 0 } else { in_packet + 1 };
            kept.push_back(event);
            if was_readable {
                readable = kept.len();
            }
        }
        self.events = kept;
        self.readable = readable;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use abi::input::{EV_KEY, EV_REL};
    use proptest::prelude::*;

    fn event(kind: u16, code: u16) -> InputEvent {
        InputEvent {
            kind,
            code,
            value: 1,
            ..InputEvent::default()
        }
    }

    fn read_all(queue: &mut EventQueue) -> Vec<(u16, u16)> {
        core::iter::from_fn(|| queue.pop())
            .map(|event| (event.kind, event.code))
            .collect()
    }

    #[test]
    fn a_packet_is_readable_when_it_is_whole() {
        let mut queue = EventQueue::new(64);
        assert!(!queue.push(event(EV_SYN, SYN_REPORT)));
        assert!(!queue.push(event(EV_KEY, 30)));
        assert!(!queue.is_ready());
        assert!(queue.push(event(EV_SYN, SYN_REPORT)));
        assert!(!queue.push(event(EV_REL, 0)));
        assert_eq!(read_all(&mut queue), [(EV_KEY, 30), (EV_SYN, SYN_REPORT)]);
        assert!(queue.push(event(EV_SYN, SYN_REPORT)));
        assert_eq!(read_all(&mut queue).len(), 2);
    }

    #[test]
    fn overflow_is_told() {
        let mut queue = EventQueue::new(8);
        for code in 0..3 {
            queue.push(event(EV_KEY, code));
            queue.push(event(EV_SYN, SYN_REPORT));
        }
        queue.push(event(EV_KEY, 3));
        assert_eq!(queue.events.len(), 7);
        // The eighth: only the word and the newest stay.
        assert!(queue.push(event(EV_SYN, SYN_REPORT)));
        assert_eq!(
            read_all(&mut queue),
            [(EV_SYN, SYN_DROPPED), (EV_SYN, SYN_REPORT)]
        );
    }

    #[test]
    fn types_are_forgotten() {
        let mut queue = EventQueue::new(64);
        for (kind, code) in [
            (EV_KEY, 1),
            (EV_SYN, 0),
            (EV_KEY, 2),
            (EV_REL, 0),
            (EV_SYN, 0),
            (EV_KEY, 3),
        ] {
            queue.push(event(kind, code));
        }
        queue.forget(EV_KEY);
        assert_eq!(
            read_all(&mut queue),
            [(EV_SYN, 0), (EV_REL, 0), (EV_SYN, 0)]
        );
        assert!(queue.events.is_empty());
        queue.push(event(EV_KEY, 4));
        queue.drop_all(InputEvent::default());
        assert!(!queue.is_ready());
        queue.push(event(EV_SYN, SYN_REPORT));
        assert_eq!(
            read_all(&mut queue),
            [(EV_SYN, SYN_DROPPED), (EV_SYN, SYN_REPORT)]
        );
    }

    proptest! {
        #[test]
        fn it_never_grows_past_its_room(kinds in proptest::collection::vec(0_u16..3, 0..300)) {
            let mut queue = EventQueue::new(16);
            for kind in kinds {
                queue.push(event(kind, 0));
                prop_assert!(queue.events.len() < 16 && queue.readable <= queue.events.len());
            }
        }
    }
}
