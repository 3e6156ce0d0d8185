#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

#[cfg(not(feature = "shuttle"))]
mod model;
#[cfg(not(feature = "shuttle"))]
mod rules;
mod wake;

use super::{Collected, Epoll};
use crate::eventfd::EventFd;
use crate::file::OpenFile;
use abi::Errno;
use abi::epoll::EpollEvent;
use alloc::sync::Arc;
use alloc::vec::Vec;
use sync::Credentials;

const IN: u32 = 1;
#[cfg(not(feature = "shuttle"))]
const OUT: u32 = 4;

fn cred() -> Arc<Credentials> {
    Arc::new(Credentials::root())
}

/// A counter in a file.
fn counter(count: u32) -> Arc<OpenFile> {
    EventFd::file(count, 0, cred())
}

fn ops(file: &OpenFile) -> &EventFd {
    file.ops_as().unwrap()
}

fn put(file: &OpenFile) {
    ops(file).add(1).unwrap();
}

fn take(file: &OpenFile) {
    ops(file).take().unwrap();
}

fn event(events: u32, data: u64) -> EpollEvent {
    EpollEvent {
        events,
        pad: 0,
        data,
    }
}

/// Data and events of what is ready, at most `most`.
fn ready(epoll: &Epoll, most: usize) -> Vec<(u64, u32)> {
    let mut got = Vec::new();
    let answer = epoll.collect(most, |event| {
        got.push((event.data, event.events));
        true
    });
    match answer {
        Ok(Collected::Events(count)) => assert_eq!(count, got.len()),
        Ok(Collected::Fault) => panic!("a sink that takes all"),
        Err(error) => assert_eq!((error, got.len()), (Errno::EAGAIN, 0)),
    }
    got
}

fn is_watched(file: &OpenFile) -> bool {
    file.ops().pollee().unwrap().is_observed()
}
