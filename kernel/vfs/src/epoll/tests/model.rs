//! Random calls against a few lines that say what they should do.

use super::*;
use abi::epoll::{EPOLLET, EPOLLONESHOT};
use alloc::collections::BTreeMap;
use proptest::prelude::*;

const FILES: usize = 4;

#[derive(Clone, Copy, Debug)]
enum Call {
    Add(usize, u32),
    Modify(usize, u32),
    Remove(usize),
    Put(usize),
    Take(usize),
    Collect,
    Reopen(usize),
}

fn call() -> impl Strategy<Value = Call> {
    let events = (0u32..4, 0u32..4).prop_map(|(events, how)| {
        let events = [0, IN, OUT, IN | OUT][events as usize];
        let how = [0, EPOLLET, EPOLLONESHOT, EPOLLET | EPOLLONESHOT][how as usize];
        events | how
    });
    let file = 0..FILES;
    prop_oneof![
        (file.clone(), events.clone()).prop_map(|(file, events)| Call::Add(file, events)),
        (file.clone(), events).prop_map(|(file, events)| Call::Modify(file, events)),
        file.clone().prop_map(Call::Remove),
        file.clone().prop_map(Call::Put),
        file.clone().prop_map(Call::Take),
        Just(Call::Collect),
        Just(Call::Collect),
        file.prop_map(Call::Reopen),
    ]
}

/// An interest as it should be.
struct Wanted {
    mask: u32,
    /// Something came since it was told last.
    news: bool,
    enabled: bool,
}

impl Wanted {
    fn new(mask: u32) -> Self {
        Self {
            mask,
            news: true,
            enabled: true,
        }
    }

    fn hear(&mut self, events: u32) {
        self.news |= self.mask & events != 0;
    }

    fn tell(&mut self, count: u64) -> Option<u32> {
        let now = if count > 0 { IN | OUT } else { OUT };
        let events = now & self.mask;
        let told = self.enabled && self.news && events != 0;
        if !self.enabled || self.mask & EPOLLET != 0 || events == 0 {
            self.news = false;
        }
        if told && self.mask & EPOLLONESHOT != 0 {
            self.enabled = false;
        }
        told.then_some(events)
    }
}

proptest! {
    #[test]
    fn calls_do_what_a_few_lines_say(calls in prop::collection::vec(call(), 1..80)) {
        let epoll = Epoll::new(0);
        let mut files: Vec<_> = (0..FILES).map(|_| counter(0)).collect();
        let mut counts = [0u64; FILES];
        let mut wanted = BTreeMap::<usize, Wanted>::new();
        for call in calls {
            match call {
                Call::Add(file, mask) => {
                    let answer = epoll.add(&files[file], file as i32, &event(mask, file as u64));
                    prop_assert_eq!(answer.is_ok(), !wanted.contains_key(&file));
                    wanted.entry(file).or_insert_with(|| Wanted::new(mask));
                }
                Call::Modify(file, mask) => {
                    let answer = epoll.modify(&files[file], file as i32, &event(mask, file as u64));
                    prop_assert_eq!(answer.is_ok(), wanted.contains_key(&file));
                    if answer.is_ok() {
                        wanted.insert(file, Wanted::new(mask));
                    }
                }
                Call::Remove(file) => {
                    let answer = epoll.remove(&files[file], file as i32);
                    prop_assert_eq!(answer.is_ok(), wanted.remove(&file).is_some());
                }
                Call::Put(file) => {
                    put(&files[file]);
                    counts[file] += 1;
                    wanted.entry(file).and_modify(|wanted| wanted.hear(IN));
                }
                Call::Take(file) => {
                    if counts[file] > 0 {
                        take(&files[file]);
                        counts[file] = 0;
                        wanted.entry(file).and_modify(|wanted| wanted.hear(OUT));
                    }
                }
                Call::Collect => {
                    let mut got = ready(&epoll, 99);
                    got.sort_unstable();
                    let mut right = Vec::new();
                    for (file, wanted) in &mut wanted {
                        if let Some(events) = wanted.tell(counts[*file]) {
                            right.push((*file as u64, events));
                        }
                    }
                    prop_assert_eq!(got, right);
                }
                Call::Reopen(file) => {
                    files[file] = counter(0);
                    counts[file] = 0;
                    wanted.remove(&file);
                }
            }
        }
        for (file, wanted) in (0..).zip(&files) {
            prop_assert!(Arc::strong_count(wanted) == 1, "file {file} is held");
        }
    }
}
