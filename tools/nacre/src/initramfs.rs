//! The two initramfs archives: the one with a shell for people, and the one with the agent for programs.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use flate2::{Compression, GzBuilder};

use crate::cargo::{self, GUEST_TARGET, Package};
use crate::cpio::Archive;
use crate::kernel::write_if_changed;
use crate::third_party::ThirdParty;
use crate::workspace::Workspace;

const INITTAB: &str = include_str!("etc/inittab");
const RCS: &str = include_str!("etc/rcS");
const PROFILE: &str = include_str!("etc/profile");
const SESSION: &str = include_str!("etc/session");
const WINSIZE: &str = include_str!("etc/winsize");
const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\nuser:x:1000:1000:user:/home/user:/bin/sh\n";
const GROUP: &str = "root:x:0:\ntty:x:5:\nnogroup:x:65534:\nuser:x:1000:\n";
const UDHCPC: &str = include_str!("etc/udhcpc");
const PAGE: &str = include_str!("etc/index.html");
/// The name server of QEMU's user network.
const RESOLV: &str = "nameserver 10.0.2.3\n";
const HOSTS: &str = "127.0.0.1\tlocalhost\n::1\tlocalhost\n";

/// Where a program of the host is put in the guest.
pub const PROGRAM_FOLDER: &str = "/program";

/// The shell's archive, plain and compressed.
#[derive(Debug)]
pub struct ShellArchive {
    /// Plain: its pages can be adopted.
    pub plain: PathBuf,
    /// Compressed.
    pub gzip: PathBuf,
}

/// Builds the archive that boots to a busybox shell.
pub fn shell(workspace: &Workspace) -> Result<ShellArchive> {
    let mut archive = base();
    add_busybox(workspace, &mut archive)?;
    archive
        .folder("public", 0o755)
        .file("/public/index.html", 0o644, PAGE);
    archive
        .link("/init", "sbin/init")
        .file("/etc/inittab", 0o644, INITTAB)
        .file("/etc/init.d/rcS", 0o755, RCS);
    archive
        .file("/etc/profile", 0o644, PROFILE)
        .file("/etc/init.d/session", 0o755, SESSION)
        .file("/etc/init.d/winsize", 0o755, WINSIZE);
    let bytes = archive.pack();
    let plain = workspace.out().join("initramfs.cpio");
    let gzip = workspace.out().join("initramfs.cpio.gz");
    fs::create_dir_all(workspace.out()).context("the output folder")?;
    write_if_changed(&plain, &bytes)?;
    // A fixed time and name: the same archive gives the same file.
    let mut encoder = GzBuilder::new()
        .mtime(0)
        .write(Vec::new(), Compression::best());
    encoder.write_all(&bytes).context("compressing")?;
    write_if_changed(&gzip, &encoder.finish().context("compressing")?)?;
    Ok(ShellArchive { plain, gzip })
}

/// What to put beside the agent: files of the host under names in the guest.
pub type Files = Vec<(PathBuf, String)>;

/// Packs the agent, busybox if it is there, and some files. Behind `before`, if given, whose files it overrides.
pub fn agent(workspace: &Workspace, files: &Files, before: Option<&Path>) -> Result<Vec<u8>> {
    agent_with(workspace, files, &[], before)
}

/// As [`agent`], with more files whose bytes are at hand.
pub fn agent_with(
    workspace: &Workspace,
    files: &Files,
    more: &[(String, Vec<u8>)],
    before: Option<&Path>,
) -> Result<Vec<u8>> {
    let agent = cargo::build(
        workspace,
        Package {
            name: "nacre-agent",
            target: GUEST_TARGET,
            profile: "guest",
        },
    )?;
    let mut archive = base();
    archive.file("/init", 0o755, read(&agent)?);
    if workspace.busybox().exists() {
        add_busybox(workspace, &mut archive)?;
    }
    archive.folder(PROGRAM_FOLDER, 0o755);
    for (source, name) in files {
        let mode = if is_executable(source) { 0o755 } else { 0o644 };
        archive.file(name, mode, read(source)?);
    }
    for (name, bytes) in more {
        archive.file(name, 0o644, bytes.clone());
    }
    let mut bytes = before.map(read).transpose()?.unwrap_or_default();
    // Archives may follow one another; zeros between them are skipped, and ours keeps its pages aligned.
    bytes.resize(bytes.len().next_multiple_of(4096), 0);
    bytes.extend(archive.pack());
    Ok(bytes)
}

/// Checks that a file is something the guest can execute.
///
/// # Errors
/// Says what is wrong with it: not there, not ELF, another machine's, dynamically linked.
pub fn check_program(path: &Path) -> Result<()> {
    let bytes = read(path)?;
    if bytes.starts_with(b"#!") {
        return Ok(());
    }
    if !bytes.starts_with(b"\x7fELF\x02\x01") {
        bail!("{}: not a 64-bit little-endian ELF program", path.display());
    }
    if bytes.get(18..20) != Some(&[183, 0]) {
        bail!("{}: not an AArch64 program", path.display());
    }
    let file = object::read::elf::ElfFile64::<object::Endianness>::parse(bytes.as_slice())
        .with_context(|| format!("{}: a broken ELF file", path.display()))?;
    use object::read::elf::ProgramHeader as _;
    let interpreted = file
        .elf_program_headers()
        .iter()
        .any(|header| header.p_type(file.endian()) == object::elf::PT_INTERP);
    if interpreted {
        bail!("{}: dynamically linked; build it static", path.display());
    }
    Ok(())
}

/// The folders and the console that every archive has.
fn base() -> Archive {
    let mut archive = Archive::new();
    for folder in [
        "bin", "sbin", "dev", "etc", "proc", "sys", "run", "usr/bin", "usr/sbin", "var/log",
        "home", "mnt",
    ] {
        archive.folder(folder, 0o755);
    }
    archive
        .folder("tmp", 0o1777)
        .folder("root", 0o700)
        .folder("home/user", 0o755);
    archive
        .device("/dev/console", 0o600, 5, 1)
        .device("/dev/null", 0o666, 1, 3);
    archive
        .file("/etc/passwd", 0o644, PASSWD)
        .file("/etc/group", 0o644, GROUP)
        .file("/etc/hosts", 0o644, HOSTS);
    archive
        .file("/etc/hostname", 0o644, "nacre\n")
        .file("/etc/resolv.conf", 0o644, RESOLV);
    archive.folder("usr/share", 0o755).folder("lib", 0o755);
    archive
        .folder("usr/share/udhcpc", 0o755)
        .folder("lib/modules", 0o755)
        .folder("lib/modules/boot", 0o755);
    archive.file("/usr/share/udhcpc/default.script", 0o755, UDHCPC);
    archive
}

fn add_busybox(workspace: &Workspace, archive: &mut Archive) -> Result<()> {
    ThirdParty::new(workspace).ensure(&["busybox"])?;
    archive.file("/bin/busybox", 0o755, read(&workspace.busybox())?);
    let links = workspace.third_party().join("busybox/busybox.links");
    let links = fs::read_to_string(&links).with_context(|| links.display().to_string())?;
    for applet in links.lines().filter(|line| line.starts_with('/')) {
        archive.link(applet, "/bin/busybox");
    }
    Ok(())
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| path.display().to_string())
}

fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).is_ok_and(|meta| meta.permissions().mode() & 0o111 != 0)
}
