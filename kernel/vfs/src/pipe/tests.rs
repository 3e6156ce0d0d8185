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

use super::{Pipe, PipeEnd, pair};
use crate::file::OpenFile;
use abi::fcntl::OFlags;
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use mm::io::{IoDst, IoSrc};
use sync::Credentials;

fn cred() -> Arc<Credentials> {
    Arc::new(Credentials::root())
}

/// Reading and writing end.
fn pipe() -> (Arc<OpenFile>, Arc<OpenFile>) {
    pair(OFlags::empty(), &cred()).unwrap()
}

fn put(file: &OpenFile, bytes: &[u8]) -> Result<usize> {
    file.write(&mut IoSrc::kernel(bytes), None)
}

fn get(file: &OpenFile, most: usize) -> Result<Vec<u8>> {
    let mut bytes = alloc::vec![0; most];
    let done = file.read(&mut IoDst::kernel(&mut bytes), None)?;
    bytes.truncate(done);
    Ok(bytes)
}

fn of(file: &OpenFile) -> &Arc<Pipe> {
    file.ops_as::<PipeEnd>().unwrap().pipe()
}
