//! Address space identifiers: who has which number, and which CPUs may hold its translations.
//!
//! A number is handed out once in a generation. When they run out the generation ends: what is
//! running keeps its number, every CPU flushes all its translations before it next switches, and
//! numbering starts anew. A space that comes to a CPU while nobody else runs it, and that another
//! CPU has seen, gets a new number there: its flushes stay local again, and the old translations
//! are never asked for.
//!
//! Plain logic without registers, so that a model test on the host can drive it.

use crate::cpu::MAX_CPUS;

/// What an address space knows of its number, in one word so that a flush reads all of it at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct State {
    pub(crate) generation: u32,
    pub(crate) asid: u16,
    /// CPUs that may hold translations under this number.
    pub(crate) seen: u8,
    /// CPUs whose table base it is now.
    pub(crate) active: u8,
}

impl State {
    pub(crate) const fn pack(self) -> u64 {
        (self.generation as u64) << 32
            | (self.asid as u64) << 16
            | (self.seen as u64) << 8
            | self.active as u64
    }

    pub(crate) const fn unpack(w: u64) -> State {
        State {
            generation: (w >> 32) as u32,
            asid: (w >> 16) as u16,
            seen: (w >> 8) as u8,
            active: w as u8,
        }
    }

    const fn tag(self) -> u64 {
        (self.generation as u64) << 16 | self.asid as u64
    }
}

/// The numbers of the machine. Number 0 is nobody's: it goes with the empty table.
pub(crate) struct Asids {
    generation: u32,
    next: u32,
    limit: u32,
    /// The tag each CPU switched to in this generation; 0 when it has not.
    running: [u64; MAX_CPUS],
    /// The tag each CPU ran when the last generation ended.
    kept: [u64; MAX_CPUS],
    /// CPUs that have to flush everything before they switch.
    pending: u8,
}

impl Asids {
    /// `limit`: the first number the machine does not have.
    pub(crate) const fn new(limit: u32) -> Self {
        Asids {
            generation: 1,
            next: 1,
            limit,
            running: [0; MAX_CPUS],
            kept: [0; MAX_CPUS],
            pending: 0,
        }
    }

    fn fresh(&mut self) -> State {
        loop {
            if self.next >= self.limit {
                self.roll_over();
            }
            let asid = self.next as u16;
            self.next += 1;
            if !self.kept.iter().any(|&t| t != 0 && t as u16 == asid) {
                return State {
                    generation: self.generation,
                    asid,
                    seen: 0,
                    active: 0,
                };
            }
        }
    }

    fn roll_over(&mut self) {
        self.generation += 1;
        self.next = 1;
        self.pending = u8::MAX;
        for (kept, running) in self.kept.iter_mut().zip(&mut self.running) {
            if *running != 0 {
                *kept = core::mem::take(running);
            }
        }
    }

    /// As [`Asids::switch_in`], of words, with a short way for a space that keeps its number.
    #[inline]
    pub(crate) fn switch_in_word(&mut self, cpu: usize, word: u64) -> (u64, bool) {
        let bit = 1u64 << cpu;
        let (seen, active) = (word >> 8 & 0xff, word & 0xff);
        let stays = seen & !bit == 0 || active & !bit != 0;
        if word >> 32 == u64::from(self.generation) && stays && u64::from(self.pending) & bit == 0 {
            let word = word | bit << 8 | bit;
            self.running[cpu] = word >> 16;
            return (word, false);
        }
        let (state, flush) = self.switch_in(cpu, State::unpack(word));
        (state.pack(), flush)
    }

    /// `cpu` switches to a space whose word is `s`: the new word, and whether the CPU has to flush
    /// everything first. The caller publishes the word, then a full barrier, then the table base.
    pub(crate) fn switch_in(&mut self, cpu: usize, s: State) -> (State, bool) {
        let bit = 1u8 << cpu;
        let mut n = s;
        if s.generation != self.generation {
            let old = s.tag();
            if s.generation != 0 && self.kept.contains(&old) {
                n.generation = self.generation;
                for k in &mut self.kept {
                    if *k == old {
                        *k = n.tag();
                    }
                }
            } else {
                n = State {
                    active: s.active,
                    ..self.fresh()
                };
            }
        } else if s.active & !bit == 0 && s.seen & !bit != 0 {
            n = State {
                active: s.active,
                ..self.fresh()
            };
        }
        let flush = self.pending & bit != 0;
        self.pending &= !bit;
        self.running[cpu] = n.tag();
        n.seen |= bit;
        n.active |= bit;
        (n, flush)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    /// A machine whose translations carry the space and the version of the entry they were read at.
    #[derive(Default)]
    struct Model {
        spaces: Vec<State>,
        versions: Vec<u32>,
        /// (cpu, asid) -> (space, version)
        tlb: HashMap<(usize, u16), (usize, u32)>,
        on: [Option<usize>; MAX_CPUS],
    }

    impl Model {
        fn touch(&mut self, cpu: usize) -> Result<(), TestCaseError> {
            let Some(space) = self.on[cpu] else {
                return Ok(());
            };
            let key = (cpu, self.spaces[space].asid);
            let version = self.versions[space];
            let hit = *self.tlb.entry(key).or_insert((space, version));
            prop_assert_eq!(hit, (space, version), "a stale translation was used");
            Ok(())
        }

        fn flush(&mut self, me: usize, space: usize) {
            let s = self.spaces[space];
            if s.seen == 1 << me {
                self.tlb.remove(&(me, s.asid));
            } else if s.seen != 0 {
                self.tlb.retain(|k, _| k.1 != s.asid);
            }
        }
    }

    proptest! {
        #[test]
        fn no_cpu_ever_uses_a_stale_translation(
            limit in 10u32..14,
            steps in prop::collection::vec((0usize..4, 0usize..24, 0u8..4), 1..600),
        ) {
            let mut asids = Asids::new(limit);
            let mut m = Model { spaces: vec![State::default(); 24], versions: vec![0; 24], ..Model::default() };
            for (cpu, space, op) in steps {
                match op {
                    0 | 1 => {
                        if m.on[cpu] == Some(space) {
                            m.touch(cpu)?;
                            continue;
                        }
                        let (s, flush) = asids.switch_in_word(cpu, m.spaces[space].pack());
                        let s = State::unpack(s);
                        if flush {
                            m.tlb.retain(|k, _| k.0 != cpu);
                        }
                        m.spaces[space] = s;
                        if let Some(old) = m.on[cpu].replace(space) {
                            m.spaces[old].active &= !(1 << cpu);
                        }
                        // Running spaces never share a number.
                        for c in 0..4 {
                            if let Some(o) = m.on[c] {
                                prop_assert!(o == space || m.spaces[o].asid != s.asid);
                            }
                        }
                        m.touch(cpu)?;
                    }
                    2 => m.touch(cpu)?,
                    _ => {
                        m.versions[space] += 1;
                        m.flush(cpu, space);
                        for c in 0..4 {
                            m.touch(c)?;
                        }
                    }
                }
            }
        }
    }
}
