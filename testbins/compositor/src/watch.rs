//! What the loop sleeps on: one epoll set with the listening socket, the clients, the devices and the screen.
//!
//! Clients are in it themselves, not the library's own set of them: that one would have to be asked twice for
//! each request, and to look into it costs whoever sends.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::event::{Timespec, epoll};

/// Who has something to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The socket that clients connect to.
    Listener,
    /// The screen.
    Screen,
    /// The client that was started has ended.
    Child,
    /// A device, by its number.
    Device(u32),
    /// A client, by its number.
    Client(u32),
}

impl Source {
    fn word(self) -> u64 {
        let (kind, number) = match self {
            Self::Listener => (0, 0),
            Self::Screen => (1, 0),
            Self::Child => (2, 0),
            Self::Device(number) => (3, number),
            Self::Client(number) => (4, number),
        };
        (kind << 32) | u64::from(number)
    }

    fn of(word: u64) -> Option<Self> {
        let number = u32::try_from(word & u64::from(u32::MAX)).ok()?;
        match word >> 32 {
            0 => Some(Self::Listener),
            1 => Some(Self::Screen),
            2 => Some(Self::Child),
            3 => Some(Self::Device(number)),
            4 => Some(Self::Client(number)),
            _ => None,
        }
    }
}

/// So many are told of at once; the others come next time.
const AT_ONCE: usize = 16;

/// The set.
#[derive(Debug)]
pub struct Watch {
    set: OwnedFd,
}

impl Watch {
    /// One with nothing in it.
    ///
    /// # Errors
    /// When there are too many descriptors.
    pub fn new() -> io::Result<Self> {
        let set = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        Ok(Self { set })
    }

    /// Listens to one more, for as long as it is open.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub fn add(&self, fd: impl AsFd, source: Source) -> io::Result<()> {
        let data = epoll::EventData::new_u64(source.word());
        epoll::add(&self.set, fd, data, epoll::EventFlags::IN)?;
        Ok(())
    }

    /// Sleeps until somebody has something to say or the time is over, and says who.
    ///
    /// # Errors
    /// When the set cannot be asked.
    pub fn wait(&self, timeout: Option<Duration>, ready: &mut Vec<Source>) -> io::Result<()> {
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        let mut room = [const { MaybeUninit::<epoll::Event>::uninit() }; AT_ONCE];
        ready.clear();
        match epoll::wait(&self.set, &mut room[..], timeout.as_ref()) {
            Ok((events, _)) => {
                ready.extend(
                    events
                        .iter()
                        .filter_map(|event| Source::of(event.data.u64())),
                );
                Ok(())
            }
            Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_it_is_comes_back() {
        let all = [
            Source::Listener,
            Source::Screen,
            Source::Child,
            Source::Device(3),
            Source::Client(u32::MAX),
        ];
        for source in all {
            assert_eq!(Source::of(source.word()), Some(source));
        }
        assert_eq!(Source::of(u64::MAX), None);
    }

    #[test]
    fn one_that_has_something_is_told_until_it_is_taken() -> io::Result<()> {
        let watch = Watch::new()?;
        let mut ready = vec![Source::Screen];
        let (theirs, ours) = rustix::pipe::pipe()?;
        watch.add(&theirs, Source::Client(7))?;
        watch.wait(Some(Duration::ZERO), &mut ready)?;
        assert_eq!(ready, []);
        rustix::io::write(&ours, b"x")?;
        for _ in 0..2 {
            watch.wait(None, &mut ready)?;
            assert_eq!(ready, [Source::Client(7)]);
        }
        drop(theirs);
        watch.wait(Some(Duration::ZERO), &mut ready)?;
        assert_eq!(ready, []);
        Ok(())
    }
}
