//! What a program expects to find in a running system.

use std::ffi::CStr;
use std::fs;

use rustix::mount::{MountFlags, mount};

/// Mounts the usual file systems. One that this kernel lacks is named on the console; programs that need it fail for
/// themselves.
pub fn mount_all() {
    let plain = MountFlags::NOSUID | MountFlags::NODEV;
    mount_one("proc", "/proc", plain, None);
    mount_one("sysfs", "/sys", plain, None);
    mount_one("devtmpfs", "/dev", MountFlags::NOSUID, None);
    mount_one(
        "devpts",
        "/dev/pts",
        MountFlags::NOSUID,
        Some(c"mode=0620,gid=5,ptmxmode=0666"),
    );
    mount_one("tmpfs", "/dev/shm", plain, Some(c"mode=1777"));
    // Set-user-ID files and devices work here: tests make some.
    mount_one("tmpfs", "/tmp", MountFlags::empty(), Some(c"mode=1777"));
    for (link, target) in [
        ("/dev/fd", "/proc/self/fd"),
        ("/dev/stdin", "/proc/self/fd/0"),
        ("/dev/stdout", "/proc/self/fd/1"),
        ("/dev/stderr", "/proc/self/fd/2"),
    ] {
        if fs::symlink_metadata(link).is_err()
            && let Err(error) = std::os::unix::fs::symlink(target, link)
        {
            eprintln!("agent: {link}: {error}");
        }
    }
}

/// Raises the loopback, as every running system has it.
pub fn raise_loopback() {
    const UP: &str = "0x1";
    let flags = "/sys/class/net/lo/flags";
    // A kernel without networking has no such file, and no need of it.
    if fs::metadata(flags).is_ok()
        && let Err(error) = fs::write(flags, UP)
    {
        eprintln!("agent: {flags}: {error}");
    }
}

/// Where the host tool puts modules that this kernel needs, in the order of their names.
const MODULES: &str = "/lib/modules/boot";

/// The kernel unpacks the module itself.
const COMPRESSED_FILE: i32 = 4;

/// Loads modules, on kernels that have some.
pub fn load_modules() {
    let Ok(folder) = fs::read_dir(MODULES) else {
        return;
    };
    let mut paths: Vec<_> = folder.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let loads = !paths.is_empty();
    for path in paths {
        let packed = path.extension().is_some_and(|end| end == "xz");
        let flags = if packed { COMPRESSED_FILE } else { 0 };
        let loaded = fs::File::open(&path)
            .map_err(|_| rustix::io::Errno::NOENT)
            .and_then(|file| rustix::system::finit_module(&file, c"", flags));
        if let Err(error) = loaded {
            eprintln!("agent: {}: {error}", path.display());
        }
    }
    // Debian's kernel does not read `ip=`.
    if loads && fs::metadata("/sys/class/net/eth0").is_ok() {
        for words in [
            &["ip", "link", "set", "eth0", "up"][..],
            &[
                "ip",
                "address",
                "add",
                "10.0.2.15/24",
                "broadcast",
                "10.0.2.255",
                "dev",
                "eth0",
            ],
            &["ip", "route", "add", "default", "via", "10.0.2.2"],
        ] {
            let done = std::process::Command::new("/bin/busybox")
                .args(words)
                .status();
            if !done.is_ok_and(|status| status.success()) {
                eprintln!("agent: {}: failed", words.join(" "));
            }
        }
    }
}

fn mount_one(kind: &str, target: &str, flags: MountFlags, data: Option<&CStr>) {
    if let Err(error) = fs::create_dir_all(target) {
        eprintln!("agent: {target}: {error}");
    }
    match mount(kind, target, kind, flags, data) {
        // Linux may have mounted devtmpfs itself.
        Ok(()) | Err(rustix::io::Errno::BUSY) => {}
        Err(error) => eprintln!("agent: mount {kind} on {target}: {error}"),
    }
}
