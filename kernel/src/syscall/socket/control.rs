//! Control messages to and from user memory.

use abi::socket::{CmsgHdr, MsgFlags, SCM_MAX_FD, SOL_SOCKET, scm};
use abi::{Errno, Result};
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::Ordering::Relaxed;
use hal::UserAddr;
use hal::ucopy::UserSlice;
use net::control::{self, HEADER};
use net::files::Files;
use net::options::Flags;
use net::socket::{Received, Socket};
use net::unix::sender::Sender;
use vfs::OpenFile;
use zerocopy::IntoBytes;

use super::super::Cx;

/// Control bytes that take no memory but the stack, in words as their headers are: a few descriptors, or credentials.
const FEW: usize = 64;

/// A sender's control buffer. Read where it stands: it is not small.
pub struct Given {
    few: [u64; FEW / 8],
    /// All of it, when it is more than a little.
    many: Option<Box<[u8]>>,
    len: usize,
}

impl Given {
    /// Nothing.
    pub const fn new() -> Self {
        Self {
            few: [0; FEW / 8],
            many: None,
            len: 0,
        }
    }

    /// Reads it.
    ///
    /// # Errors
    /// `ENOBUFS`: longer than Linux allows. `EFAULT`.
    pub fn read(&mut self, address: u64, len: u64) -> Result<()> {
        if len > u64::from(net::settings::CONTROL_MAX.load(Relaxed)) {
            return Err(Errno::ENOBUFS);
        }
        let range = UserSlice::new(UserAddr::from(address), len as usize);
        self.len = range.len;
        match self.few.as_mut_bytes().get_mut(..range.len) {
            Some([]) => {}
            Some(few) => range.read(few)?,
            None => self.many = Some(range.read_vec()?.into_boxed_slice()),
        }
        Ok(())
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        match &self.many {
            Some(many) => many,
            None => self.few.as_bytes().get(..self.len).unwrap_or_default(),
        }
    }
}

/// Files of the sender that go along (`man 7 unix`, `SCM_RIGHTS`).
///
/// # Errors
/// `EINVAL`: more than 253 in all. `EBADF`, `ENOMEM`.
pub fn take_files(cx: &Cx<'_>, fds: &[[u8; 4]], files: &mut Files) -> Result<()> {
    if files.len() + fds.len() > SCM_MAX_FD {
        return Err(Errno::EINVAL);
    }
    for fd in fds {
        files.push(cx.holdings.files.get(i32::from_ne_bytes(*fd))?)?;
    }
    Ok(())
}

/// A receiver's control buffer while it is filled.
pub struct Writer {
    address: UserAddr,
    room: usize,
    written: usize,
    /// `MSG_CTRUNC` when something did not fit.
    pub flags: MsgFlags,
}

impl Writer {
    pub fn new(address: u64, len: u64) -> Self {
        let address = UserAddr::from(address);
        let room = if address.is_null() {
            0
        } else {
            usize::try_from(len).unwrap_or(usize::MAX)
        };
        Self {
            address,
            room,
            written: 0,
            flags: MsgFlags::empty(),
        }
    }

    /// Bytes filled.
    pub fn written(&self) -> usize {
        self.written
    }

    /// Adds one message; what does not fit is cut.
    fn put(&mut self, kind: i32, data: &[u8]) {
        self.put_level(SOL_SOCKET, kind, data);
    }

    fn put_level(&mut self, level: i32, kind: i32, data: &[u8]) {
        let Some(slot) = control::place(self.room, data.len()) else {
            self.flags |= MsgFlags::CTRUNC;
            return;
        };
        if slot.truncated {
            self.flags |= MsgFlags::CTRUNC;
        }
        let header = CmsgHdr {
            len: slot.len as u64,
            level,
            kind,
        };
        let data = data.get(..slot.len - HEADER).unwrap_or(data);
        let mut bytes = Vec::with_capacity(slot.len);
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend_from_slice(data);
        // A control buffer that cannot be written is left out, as Linux does.
        if UserSlice::new(self.address, bytes.len())
            .write(&bytes)
            .is_ok()
        {
            self.advance(slot.advance);
        }
    }

    fn advance(&mut self, bytes: usize) {
        self.address = self.address.wrapping_add(bytes);
        self.room -= bytes;
        self.written += bytes;
    }

    /// Installs files one by one, as many as fit the buffer and the table: reserve, copy out, commit.
    fn put_rights(&mut self, cx: &Cx<'_>, rights: &[Arc<OpenFile>], cloexec: bool) {
        let fit = control::rights_that_fit(self.room, rights.len());
        let files = &cx.holdings.files;
        let limit = cx.descriptor_limit();
        let mut count = 0;
        for file in rights.iter().take(fit) {
            let Ok(reserved) = files.reserve(0, limit, cloexec) else {
                break;
            };
            let at = self.address.wrapping_add(HEADER + count * size_of::<i32>());
            if UserSlice::new(at, size_of::<i32>())
                .write(reserved.fd().as_bytes())
                .is_err()
            {
                break;
            }
            reserved.install(file.clone());
            count += 1;
        }
        if count < rights.len() {
            self.flags |= MsgFlags::CTRUNC;
        }
        if count == 0 {
            return;
        }
        let data = count * size_of::<i32>();
        let header = CmsgHdr {
            len: (HEADER + data) as u64,
            level: SOL_SOCKET,
            kind: scm::RIGHTS,
        };
        if UserSlice::new(self.address, HEADER)
            .write(header.as_bytes())
            .is_ok()
            && let Some(slot) = control::place(self.room, data)
        {
            self.advance(slot.advance);
        }
    }

    /// Everything that came with a message, in Linux's order.
    pub fn put_received(
        &mut self,
        cx: &Cx<'_>,
        socket: &dyn Socket,
        received: &Received,
        cloexec: bool,
    ) {
        for message in received.control.iter() {
            self.put_level(message.level, message.kind, &message.data);
        }
        let pass = socket.options().flags();
        if pass.contains(Flags::PASSCRED) {
            let ucred = received
                .sender
                .as_ref()
                .map_or_else(Sender::nobody, |sender| sender.ucred);
            self.put(scm::CREDENTIALS, ucred.as_bytes());
        }
        if !received.rights.is_empty() {
            self.put_rights(cx, &received.rights, cloexec);
        }
        if pass.contains(Flags::PASSPIDFD) {
            self.put_pidfd(cx, received.sender.as_ref());
        }
    }

    fn put_pidfd(&mut self, cx: &Cx<'_>, sender: Option<&Sender>) {
        let data = size_of::<i32>();
        if control::place(self.room, data).is_none_or(|slot| slot.truncated) {
            self.flags |= MsgFlags::CTRUNC;
            return;
        }
        let process = sender.and_then(|sender| sender.process.clone());
        let fd = match process.map(|process| super::options::pidfd(cx, &process)) {
            Some(Ok(fd)) => fd,
            Some(Err(error)) => -error.number(),
            None => -Errno::ESRCH.number(),
        };
        self.put(scm::PIDFD, fd.as_bytes());
    }
}
