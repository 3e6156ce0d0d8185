//! Running a program: what its file asks for, the stack it starts with, and the change from one
//! program to another.
//!
//! Everything that can fail happens in a new address space beside the old one; only then do the
//! other threads end and the old program goes.

pub mod elf;
pub mod script;
pub mod stack;

mod image;
mod replace;

use alloc::sync::Arc;
use alloc::vec::Vec;

use abi::stat::{S_ISGID, S_ISUID};
use abi::{Errno, Result, auxv};
use hal::{PAGE_SIZE, UserAddr, UserContext};
use mm::{AddressLimits, AddressSpace, Layout};
use sync::{Capability, Credentials, Limits, Resource};
use vfs::{Access, FileType, LookupFlags, MountFlags, Path, Start};

use self::elf::Image;
pub use self::image::Executable;
use self::image::{Binary, DYN_BASE, map_stack};
use self::stack::Strings;
use crate::cred::{self, ExecRights};
use crate::process::Program;
use crate::thread::Thread;
use crate::{random, vdso};

/// Scripts that run scripts, at most.
const MAX_DEPTH: usize = 5;
/// What the first stack has below its contents.
const STACK_ROOM: usize = 128 * 1024;
/// `ADDR_NO_RANDOMIZE` of `personality(2)`.
const NO_RANDOMIZE: u32 = 0x004_0000;
/// Personality bits a program with more rights than its caller does not inherit.
const PER_CLEAR_ON_SETID: u32 = 0x010_0000 | 0x040_0000 | NO_RANDOMIZE | 0x020_0000;
/// `MINSIGSTKSZ` as the kernel computes it: a signal frame, its frame record and alignment.
const SIGNAL_STACK: u64 = abi::signal::RT_SIGFRAME_SIZE as u64 + 32;

/// What exec is asked for.
pub struct Request {
    /// The file.
    pub path: Path,
    /// Its name as the program sees it (`AT_EXECFN`).
    pub name: Vec<u8>,
    /// Whether an interpreter could not open that name: the descriptor goes at exec.
    pub inaccessible: bool,
    /// Arguments.
    pub args: Strings,
    /// Environment.
    pub env: Strings,
}

/// A program ready to take over.
struct Prepared {
    mm: Arc<AddressSpace>,
    program: Program,
    rights: ExecRights,
    entry: u64,
    sp: u64,
    comm: Vec<u8>,
    secure: bool,
    personality: u32,
    /// Who runs it may read it, and its interpreter.
    readable: bool,
}

/// The path of a place seen from the real root, as `/proc` shows it.
pub fn path_text(path: &Path) -> Vec<u8> {
    match vfs::mount::root() {
        Ok(root) => path.display(&root),
        Err(_) => b"/".to_vec(),
    }
}

/// Replaces the calling thread's program. On success the registers are those of the new one.
///
/// # Errors
/// As `man 2 execve` says; the old program goes on then.
pub fn exec(thread: &Arc<Thread>, regs: &mut UserContext, request: Request) -> Result<()> {
    let prepared = prepare(thread, request)?;
    replace::replace(thread, regs, prepared)
}

/// Whether a file may be run.
fn check(path: &Path, cred: &Credentials) -> Result<()> {
    let inode = path.inode();
    if inode.attr().file_type() != FileType::Regular
        || path.mount().flags().contains(MountFlags::NOEXEC)
    {
        return Err(Errno::EACCES);
    }
    inode.permission(cred, Access::EXEC)
}

fn prepare(thread: &Arc<Thread>, mut request: Request) -> Result<Prepared> {
    let cred = thread.cred();
    let limits = thread.process().limits();
    check_size(limits, &request)?;
    if request.args.count() == 0 {
        // Programs index argv[0]; since 5.18 Linux gives them an empty one.
        request.args.push(b"")?;
    }
    let comm = base_name(&request.name);
    let mut path = request.path.clone();
    let mut script_name = request.name.clone();
    let mut depth = 0;
    let (binary, image) = loop {
        check(&path, &cred)?;
        let binary = Binary::new(path.clone())?;
        let mut head = [0u8; script::HEAD_SIZE];
        let length = binary.read(0, &mut head)?;
        let Some(script) = script::parse(&head)? else {
            let image = binary.plan(head.get(..length).ok_or(Errno::ENOEXEC)?)?;
            break (binary, image);
        };
        depth += 1;
        if depth > MAX_DEPTH {
            return Err(Errno::ELOOP);
        }
        if request.inaccessible {
            return Err(Errno::ENOENT);
        }
        let mut words = Vec::new();
        words.push(script.interpreter);
        words.extend(script.argument);
        words.push(&script_name);
        request.args.replace_first(&words)?;
        check_size(limits, &request)?;
        if script.interpreter.is_empty() {
            // To Linux the directory it stands in, which cannot be run.
            return Err(Errno::EACCES);
        }
        path = find(thread, &cred, script.interpreter)?;
        script_name = script.interpreter.to_vec();
    };
    let interpreter = match binary.interpreter(&image)? {
        None => None,
        Some(name) => Some(open_interpreter(thread, &cred, &name)?),
    };
    let may_read = |path: &Path| path.inode().permission(&cred, Access::READ).is_ok();
    let readable = may_read(&path)
        && interpreter
            .as_ref()
            .is_none_or(|(binary, _)| may_read(binary.file.path()));
    let rights = rights_of(&path, &cred);
    let mut prepared = build(thread, request, comm, &binary, &image, interpreter, rights)?;
    prepared.readable = readable;
    Ok(prepared)
}

/// The last component of a name, which becomes the thread's.
fn base_name(name: &[u8]) -> Vec<u8> {
    let last = name.rsplit(|byte| *byte == b'/').next();
    last.unwrap_or(name).to_vec()
}

fn check_size(limits: &Limits, request: &Request) -> Result<()> {
    let (args, env) = (&request.args, &request.env);
    let room = stack::string_limit(limits.soft(Resource::Stack), args.count(), env.count())?;
    let size = args.size() + env.size() + request.name.len() + 1;
    if size as u64 > room {
        return Err(Errno::E2BIG);
    }
    Ok(())
}

fn find(thread: &Thread, cred: &Credentials, name: &[u8]) -> Result<Path> {
    let fs = thread.fs()?;
    let start = Start {
        fs: &fs,
        base: None,
        cred,
    };
    vfs::lookup(&start, name, LookupFlags::FOLLOW)
}

fn open_interpreter(thread: &Thread, cred: &Credentials, name: &[u8]) -> Result<(Binary, Image)> {
    let path = find(thread, cred, name)?;
    check(&path, cred)?;
    let binary = Binary::new(path)?;
    let mut head = [0u8; elf::HEADER_SIZE];
    let length = binary.read(0, &mut head)?;
    let bad = |error| match error {
        // What is no ELF cannot interpret one (ELIBBAD).
        Errno::ENOEXEC => Errno::ELIBBAD,
        other => other,
    };
    let image = binary
        .plan(head.get(..length).unwrap_or(&[]))
        .map_err(bad)?;
    Ok((binary, image))
}

/// What the file's set-id bits make of the caller's rights.
fn rights_of(path: &Path, old: &Credentials) -> ExecRights {
    let metadata = path.inode().metadata();
    let honoured = !path.mount().flags().contains(MountFlags::NOSUID);
    let set_uid = (honoured && metadata.mode & S_ISUID != 0).then_some(metadata.uid);
    /// Without it, set-group-ID marks mandatory locking.
    const GROUP_EXEC: u32 = 0o010;
    let set_gid = (honoured && metadata.mode & S_ISGID != 0 && metadata.mode & GROUP_EXEC != 0)
        .then_some(metadata.gid);
    cred::exec(old, set_uid, set_gid)
}

fn build(
    thread: &Arc<Thread>,
    request: Request,
    comm: Vec<u8>,
    binary: &Binary,
    image: &Image,
    interpreter: Option<(Binary, Image)>,
    rights: ExecRights,
) -> Result<Prepared> {
    let process = thread.process();
    let limits = process.limits();
    let mut personality = process.personality();
    if rights.secure {
        personality &= !PER_CLEAR_ON_SETID;
    }
    let randomize = personality & NO_RANDOMIZE == 0 && crate::machine::randomizes();
    let dice = |bits: u32| {
        if randomize {
            random::word() & ((1 << bits) - 1)
        } else {
            0
        }
    };
    let mm = AddressSpace::new()?;
    mm.set_limits(address_limits(limits, &rights.cred));
    if let Ok(old) = thread.mm() {
        mm.inherit_habits(&old);
    }
    let mut layout = Layout {
        mmap_base: Layout::mmap_base(limits.soft(Resource::Stack), dice(18)),
        ..Layout::default()
    };
    mm.set_layout(layout);

    let top = Layout::stack_top(dice(18));
    let strings = request.args.size() + request.env.size() + request.name.len();
    let pointers = (request.args.count() + request.env.count() + 64) * 8;
    map_stack(
        &mm,
        top,
        strings + pointers + 8192 + STACK_ROOM,
        image.exec_stack,
    )?;
    let base = match &interpreter {
        Some(_) => DYN_BASE + dice(18) as usize * PAGE_SIZE,
        None => 0,
    };
    let bias = binary.map(&mm, image, base)?;
    let entry = image.entry.wrapping_add(bias);
    let (start, interpreter_base) = match &interpreter {
        Some((file, plan)) => {
            let at = file.map(&mm, plan, 0)?;
            (plan.entry.wrapping_add(at), at)
        }
        None => (entry, 0),
    };
    let vdso = vdso::map(&mm)?;
    layout.vdso = vdso.unwrap_or(0) as usize;

    let aux = auxiliary(&Auxiliary {
        image,
        bias,
        entry,
        interpreter_base,
        vdso,
        rights: &rights,
    });
    let stack = stack::build(&stack::Layout {
        top: top as u64,
        shift: dice(13) & !15,
        file_name: &request.name,
        args: &request.args,
        env: &request.env,
        random: random::bytes(),
        aux: &aux,
    })?;
    write(&mm, stack.arg_start, request.args.bytes())?;
    write(&mm, stack.arg_end, request.env.bytes())?;
    write(&mm, stack.env_end, &request.name)?;
    write(&mm, stack.sp, &stack.tables)?;

    let text = image.segments.iter().filter(|segment| segment.exec);
    let data = image.segments.iter().filter(|segment| segment.write);
    let span = |segments: &mut dyn Iterator<Item = &elf::Segment>| {
        segments.fold(None, |span: Option<(u64, u64)>, segment| {
            // What the file fills: zeroed data is no part of it.
            let (from, to) = (segment.vaddr, segment.vaddr + segment.filesz);
            Some(span.map_or((from, to), |(low, high)| (low.min(from), high.max(to))))
        })
    };
    let place = |span: Option<(u64, u64)>| {
        span.map_or((0, 0), |(from, to)| {
            (
                from.wrapping_add(bias) as usize,
                to.wrapping_add(bias) as usize,
            )
        })
    };
    layout.code = place(span(&mut text.into_iter()));
    layout.data = place(span(&mut data.into_iter()));
    let heap = if image.relocatable && interpreter.is_none() {
        // Between a program placed among the mappings and them there is no room to grow.
        DYN_BASE
    } else {
        image.end().wrapping_add(bias) as usize
    };
    layout.brk = heap.next_multiple_of(PAGE_SIZE) + dice(18) as usize * PAGE_SIZE;
    layout.stack = stack.sp as usize;
    layout.args = (stack.arg_start as usize, stack.arg_end as usize);
    layout.env = (stack.arg_end as usize, stack.env_end as usize);
    mm.set_layout(layout);

    Ok(Prepared {
        mm: Arc::new(mm),
        program: Program {
            exe: Some(binary.file.clone()),
            auxv: stack.auxv.into(),
        },
        secure: rights.secure,
        rights,
        entry: start,
        sp: stack.sp,
        comm,
        personality,
        readable: true,
    })
}

fn write(mm: &AddressSpace, at: u64, bytes: &[u8]) -> Result<()> {
    if mm.write_foreign(UserAddr(at as usize), bytes) == bytes.len() {
        Ok(())
    } else {
        Err(Errno::ENOMEM)
    }
}

/// The part of a process's limits that memory looks at.
pub fn address_limits(limits: &Limits, cred: &Credentials) -> AddressLimits {
    AddressLimits {
        address_space: limits.soft(Resource::AddressSpace),
        data: limits.soft(Resource::Data),
        stack: limits.soft(Resource::Stack),
        locked: if cred.has(Capability::IPC_LOCK) {
            u64::MAX
        } else {
            limits.soft(Resource::LockedMemory)
        },
        low: cred.has(Capability::SYS_RAWIO),
    }
}

struct Auxiliary<'a> {
    image: &'a Image,
    bias: u64,
    entry: u64,
    interpreter_base: u64,
    vdso: Option<u64>,
    rights: &'a ExecRights,
}

/// The vector in Linux's order, up to what the stack layout adds.
fn auxiliary(from: &Auxiliary<'_>) -> Vec<(u64, u64)> {
    let cred = &from.rights.cred;
    let mut out = Vec::with_capacity(20);
    if let Some(vdso) = from.vdso {
        out.push((auxv::AT_SYSINFO_EHDR, vdso));
    }
    let phdr = match from.image.phdr {
        0 => 0,
        at => at.wrapping_add(from.bias),
    };
    out.extend([
        (auxv::AT_MINSIGSTKSZ, SIGNAL_STACK),
        (auxv::AT_HWCAP, hal::cpu::hwcap()),
        (auxv::AT_PAGESZ, PAGE_SIZE as u64),
        (auxv::AT_CLKTCK, 100),
        (auxv::AT_PHDR, phdr),
        (auxv::AT_PHENT, 56),
        (auxv::AT_PHNUM, from.image.phnum as u64),
        (auxv::AT_BASE, from.interpreter_base),
        (auxv::AT_FLAGS, 0),
        (auxv::AT_ENTRY, from.entry),
        (auxv::AT_UID, u64::from(cred.uid)),
        (auxv::AT_EUID, u64::from(cred.euid)),
        (auxv::AT_GID, u64::from(cred.gid)),
        (auxv::AT_EGID, u64::from(cred.egid)),
        (auxv::AT_SECURE, u64::from(from.rights.secure)),
        (auxv::AT_HWCAP2, hal::cpu::hwcap2()),
        (auxv::AT_RSEQ_FEATURE_SIZE, u64::from(crate::rseq::FIELDS)),
        (auxv::AT_RSEQ_ALIGN, u64::from(crate::rseq::ALIGN)),
    ]);
    out
}
