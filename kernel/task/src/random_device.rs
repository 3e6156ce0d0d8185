//! `/dev/random` and `/dev/urandom` (`man 4 random`).

use alloc::sync::Arc;

use abi::random::{
    POOL_BITS, RNDADDENTROPY, RNDADDTOENTCNT, RNDCLEARPOOL, RNDGETENTCNT, RNDRESEEDCRNG,
    RNDZAPENTCNT,
};
use abi::stat::makedev;
use abi::{Errno, Result};
use drivers::node::{self, Node};
use hal::{UserAddr, UserPtr, UserSlice};
use mm::{IoDst, IoSrc};
use sync::{Capability, Events, Pollee};
use vfs::{Caller, CharDevice, FileOps, OpenFile, OpenRequest, Whence};

use crate::random;

const RANDOM: u32 = 8;
const URANDOM: u32 = 9;

/// Most bytes generated or stirred in at a time.
const CHUNK: usize = 256;

/// An open random device; one that `waits` gives nothing before the pool is seeded.
struct RandomFile {
    waits: bool,
}

impl FileOps for RandomFile {
    fn positioned(&self) -> bool {
        true
    }

    fn read(&self, _file: &OpenFile, dst: &mut IoDst<'_>, _pos: &mut u64) -> Result<usize> {
        if self.waits && !random::is_ready() {
            return Err(Errno::EAGAIN);
        }
        let mut bytes = [0; CHUNK];
        let mut done = 0;
        while dst.remaining() > 0 {
            let piece = bytes
                .get_mut(..dst.remaining().min(CHUNK))
                .unwrap_or_default();
            random::fill(piece);
            let put = dst.put(piece);
            done += put;
            if put < piece.len() {
                break;
            }
        }
        Ok(done)
    }

    fn write(&self, _file: &OpenFile, src: &mut IoSrc<'_>, _pos: &mut u64) -> Result<usize> {
        let mut bytes = [0; CHUNK];
        let mut done = 0;
        while src.remaining() > 0 {
            let wanted = src.remaining().min(CHUNK);
            let got = src.take(&mut bytes);
            // Stirred in, but nobody vouches for it.
            random::stir(bytes.get(..got).unwrap_or(&[]), false);
            done += got;
            if got < wanted {
                break;
            }
        }
        Ok(done)
    }

    fn signals(&self) -> bool {
        true
    }

    fn ready(&self, _file: &OpenFile) -> Events {
        match (self.waits, random::is_ready()) {
            (false, _) => Events::READABLE | Events::WRITABLE,
            (true, true) => Events::READABLE,
            (true, false) => Events::WRITABLE,
        }
    }

    fn pollee(&self) -> Option<&Pollee> {
        self.waits.then_some(&random::READY)
    }

    fn seek(&self, _file: &OpenFile, pos: &mut u64, _offset: i64, _whence: Whence) -> Result<u64> {
        Ok(*pos)
    }

    fn ioctl(&self, _file: &OpenFile, cmd: u32, arg: usize, caller: &dyn Caller) -> Result<usize> {
        let int = UserPtr::<i32>::new(UserAddr(arg));
        let admin = || {
            if caller.cred().has(Capability::SYS_ADMIN) {
                Ok(())
            } else {
                Err(Errno::EPERM)
            }
        };
        match cmd {
            RNDGETENTCNT => {
                let bits = if random::is_ready() { POOL_BITS } else { 0 };
                int.write(&bits)?;
            }
            RNDADDTOENTCNT => {
                admin()?;
                let bits = int.read()?;
                if bits < 0 {
                    return Err(Errno::EINVAL);
                }
                random::credit(bits as usize / 8);
            }
            RNDADDENTROPY => {
                admin()?;
                let bits = int.read()?;
                let bytes = int.add(1).read()?;
                let (Ok(bits), Ok(bytes)) = (usize::try_from(bits), usize::try_from(bytes)) else {
                    return Err(Errno::EINVAL);
                };
                stir_user(UserAddr(arg).wrapping_add(8), bytes)?;
                random::credit(bits / 8);
            }
            // There is nothing left to clear: Linux too only looks at the right to.
            RNDZAPENTCNT | RNDCLEARPOOL => admin()?,
            RNDRESEEDCRNG => {
                admin()?;
                if !random::is_ready() {
                    return Err(Errno::ENODATA);
                }
                random::stir(&[], false);
            }
            _ => return Err(Errno::EINVAL),
        }
        Ok(0)
    }
}

fn stir_user(from: UserAddr, len: usize) -> Result<()> {
    let mut bytes = [0; CHUNK];
    let mut done = 0;
    while done < len {
        let piece = bytes.get_mut(..(len - done).min(CHUNK)).unwrap_or_default();
        UserSlice::new(from.wrapping_add(done), piece.len()).read(piece)?;
        random::stir(piece, false);
        done += piece.len();
    }
    Ok(())
}

/// The devices by minor number.
struct Devices;

impl CharDevice for Devices {
    fn open(&self, minor: u32, _request: &OpenRequest<'_>) -> Result<Arc<dyn FileOps>> {
        Ok(Arc::new(RandomFile {
            waits: minor == RANDOM,
        }))
    }
}

/// Makes the devices openable and shows them; called once at start-up.
pub fn register() {
    let major = drivers::memory::MAJOR;
    // At start-up nobody else has the numbers.
    let _ = vfs::register_chrdev(major, RANDOM, 2, "mem", Arc::new(Devices));
    for (name, minor) in [("random", RANDOM), ("urandom", URANDOM)] {
        node::publish(Node::new(name, makedev(major, minor), 0o666, "mem"));
    }
}
