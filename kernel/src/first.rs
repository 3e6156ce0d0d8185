//! The first process: the root is filled, then its program is run.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use abi::fcntl::OFlags;
use abi::{Errno, Result};
use core::time::Duration;
use drivers::tty::console;
use fs::initramfs::{self, Tree};
use hal::UserContext;
use hal::boot::BootInfo;
use mm::AddressSpace;
use sync::{Credentials, Limits};
use task::Thread;
use task::clone::first_process;
use task::cmdline::CommandLine;
use task::exec::stack::Strings;
use task::exec::{Request, exec};
use task::thread::Resources;
use vfs::ops::create::create;
use vfs::{FdTable, FsContext, LookupFlags, Mount, MountFlags, NewNode, Start};

use crate::{console_log, devices, proc, terminals, user};

/// How long the first process waits for a console the command line names.
const CONSOLE_PATIENCE: Duration = Duration::from_secs(1);

/// What Linux tries when the command line names no program.
const FALLBACKS: [&str; 4] = ["/sbin/init", "/etc/init", "/bin/init", "/bin/sh"];

/// Becomes process 1. Its steps keep frames of their own: this one stays on the stack for good.
pub fn run(line: CommandLine, info: BootInfo) {
    start_devices(&line, &info);
    if let Some(word) = &line.ip {
        set_up_network(word);
    }
    for refused in &line.unsupported {
        log::warn!("{}={} is not supported yet", refused.key, refused.value);
    }
    if let Err(error) = mount_root()
        .and_then(|()| first_names())
        .and_then(|()| unpack(info))
    {
        log::error!("no root: {error}");
    }
    match become_first(&line) {
        Ok((thread, regs)) => user::live(thread, regs),
        Err(error) => no_init(&line, error),
    }
}

#[allow(
    clippy::panic,
    reason = "a machine without process 1 has nothing to do"
)]
fn no_init(line: &CommandLine, error: Errno) {
    if let Some(root) = line.unsupported.iter().find(|word| word.key == "root") {
        panic!(
            "VFS: Unable to mount root fs on \"{}\": block devices are not supported yet",
            root.value
        );
    }
    panic!("No working init found ({error}). Try passing rdinit= option to kernel.");
}

/// Starts what moves bytes; the last `console=` that is there becomes `/dev/console`.
#[inline(never)]
fn start_devices(line: &CommandLine, info: &BootInfo) {
    proc::install(&info.command_line);
    devices::install(info.cpus);
    inet::link::start();
    inet::start();
    terminals::install();
    console::want(&line.consoles);
    console_log::start(&line.consoles);
    vfs::pipe::install();
    net::file::install_caller(task::caller::with);
    inet::install_random(task::random::fill);
    if let Some(rtc) = info.devices.rtc {
        drivers::rtc::start(rtc);
    }
    for (index, device) in (0..).zip(&info.devices.serial) {
        if drivers::serial::start(index, device).is_none() {
            log::warn!("serial port {index} does not work");
        }
    }
    drivers::virtio::start(&info.devices, |bytes| task::random::stir(bytes, true));
}

/// Does what `ip=` asks.
#[inline(never)]
fn set_up_network(word: &str) {
    use inet::link::boot;
    let wanted = match boot::parse(word) {
        Ok(wanted) => wanted,
        Err(error) => return log::warn!("IP-Config: ip={word}: {error}"),
    };
    if let Some(host) = &wanted.host {
        crate::syscall::sysinfo::set_host(host.as_bytes());
    }
    let got = match boot::apply(&wanted) {
        Ok(got) => got,
        Err(error) => return log::warn!("IP-Config: ip={word}: {error}"),
    };
    match (got.address, wanted.method.as_deref()) {
        (Some(address), _) => log::info!("IP-Config: {address}"),
        (None, Some("off" | "none")) => {}
        (None, _) => log::warn!("IP-Config: Auto-configuration of network failed"),
    }
    if let (None, Some(host)) = (&wanted.host, &got.host) {
        crate::syscall::sysinfo::set_host(host.as_bytes());
    }
    if let Some(domain) = &got.domain {
        crate::syscall::sysinfo::set_domain(domain.as_bytes());
    }
}

/// The root as Linux has it before any archive: `/dev`, `/dev/console`, `/root`.
#[inline(never)]
fn first_names() -> Result<()> {
    let fs = FsContext::new(vfs::mount::root()?);
    fs.set_umask(0);
    let cred = Credentials::root();
    let start = Start {
        fs: &fs,
        base: None,
        cred: &cred,
    };
    let console = NewNode::Char(abi::stat::makedev(5, 1));
    create(&start, b"/dev", NewNode::Directory, 0o755)?;
    create(&start, b"/dev/console", console, 0o600)?;
    create(&start, b"/root", NewNode::Directory, 0o700)?;
    Ok(())
}

#[inline(never)]
fn mount_root() -> Result<()> {
    let sb = fs::tmpfs::TmpFs::super_block("rootfs", b"", 0)?;
    let root = sb.root().clone();
    let mount = Mount::new(sb, root, Arc::from(&b"rootfs"[..]), MountFlags::empty());
    vfs::mount::set_root(&mount);
    Ok(())
}

#[inline(never)]
fn unpack(info: BootInfo) -> Result<()> {
    let Some(mut initrd) = info.initrd else {
        log::warn!("no initial ramdisk");
        return Ok(());
    };
    let size = initrd.bytes().len();
    let fs = FsContext::new(vfs::mount::root()?);
    fs.set_umask(0);
    let cred = Credentials::root();
    let mut tree = Tree::new(&fs, &cred);
    let done = initramfs::unpack(&mut initrd, &mut tree);
    let (entries, adopted) = tree.counts();
    match done {
        Ok(()) => log::info!(
            "initramfs: {} KiB, {entries} entries, {} KiB adopted in place",
            size / 1024,
            adopted / 1024
        ),
        Err(why) => log::error!("Initramfs unpacking failed: {why}"),
    }
    Ok(())
}

/// Makes the calling kernel thread the first thread of process 1.
#[inline(never)]
fn become_first(line: &CommandLine) -> Result<(Arc<Thread>, UserContext)> {
    let root = vfs::mount::root()?;
    let resources = Resources {
        files: Arc::new(FdTable::new()),
        fs: Arc::new(FsContext::new(root)),
        mm: Arc::new(AddressSpace::new()?),
    };
    let limits = Limits::first(task::machine::max_threads() as u64 / 2);
    let traced = line.trace.iter().any(|word| word == "all");
    let thread = first_process(resources, limits, traced)?;
    let task = sync::current();
    thread.set_task(&task);
    task.set_payload(thread.clone());
    open_console(&thread);
    let mut regs = UserContext::new();
    let named = line.rdinit.as_deref().or(line.init.as_deref());
    let wanted = named.unwrap_or("/init");
    let mut result = run_program(&thread, &mut regs, wanted, line);
    if named.is_none() {
        for fallback in FALLBACKS {
            if result.is_ok() {
                break;
            }
            result = run_program(&thread, &mut regs, fallback, line);
        }
    }
    result.map(|()| (thread, regs))
}

/// Descriptors 0, 1 and 2.
#[inline(never)]
fn open_console(thread: &Thread) {
    console::await_console(CONSOLE_PATIENCE);
    let open = || {
        let (fs, cred) = (thread.fs()?, thread.cred());
        let start = Start {
            fs: &fs,
            base: None,
            cred: &cred,
        };
        let how = vfs::ops::open::OpenHow {
            flags: OFlags::RDWR,
            mode: 0,
            resolve: LookupFlags::empty(),
            cred: &cred,
            caller: None,
        };
        let file = vfs::ops::open::open(&start, b"/dev/console", &how)?;
        let files = thread.files()?;
        for _ in 0..3 {
            files.install(file.clone(), 3, false)?;
        }
        Ok::<(), Errno>(())
    };
    if let Err(error) = open() {
        log::warn!("Warning: unable to open an initial console ({error}).");
    }
}

fn run_program(
    thread: &Arc<Thread>,
    regs: &mut UserContext,
    name: &str,
    line: &CommandLine,
) -> Result<()> {
    let mut args = Strings::default();
    let mut env = Strings::default();
    args.push(name.as_bytes())?;
    for word in &line.args {
        args.push(word.as_bytes())?;
    }
    let mut words: Vec<String> = Vec::new();
    for default in ["HOME=/", "TERM=linux"] {
        let key = default.split_inclusive('=').next().unwrap_or(default);
        if !line.env.iter().any(|word| word.starts_with(key)) {
            words.push(default.into());
        }
    }
    for word in words.iter().chain(&line.env) {
        env.push(word.as_bytes())?;
    }
    let (fs, cred) = (thread.fs()?, thread.cred());
    let start = Start {
        fs: &fs,
        base: None,
        cred: &cred,
    };
    let path = vfs::lookup(&start, name.as_bytes(), LookupFlags::FOLLOW)?;
    log::info!("Run {name} as init process");
    exec(
        thread,
        regs,
        Request {
            path,
            name: name.as_bytes().to_vec(),
            inaccessible: false,
            args,
            env,
        },
    )
    .inspect_err(|error| log::error!("Failed to execute {name} ({error})"))
}
