//! The step between fork and the program: the agent executes itself under another name, so that making a session,
//! taking a terminal and changing the user need no code between fork and exec.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode, Stdio};

use channel::Run;
use rustix::fs::{Gid, Uid};

/// The name under which the agent knows that it is to become a program.
pub const NAME: &str = "nacre-exec";

/// Where the agent's own file is.
const SELF: &str = "/init";

/// A shell's words for a program that cannot be executed, and one that is not there.
const CANNOT_EXECUTE: u8 = 126;
const NOT_FOUND: u8 = 127;

/// The streams a program starts with.
#[derive(Debug)]
pub struct Streams {
    /// Standard input.
    pub stdin: File,
    /// Standard output.
    pub stdout: File,
    /// Standard error.
    pub stderr: File,
}

/// Starts a program; returns its process number.
///
/// # Errors
/// When this system can make no further process.
pub fn start(run: &Run, streams: Streams) -> io::Result<u32> {
    let text = |bytes: &[u8]| OsString::from_vec(bytes.to_vec());
    let mut command = Command::new(SELF);
    command
        .arg0(NAME)
        .arg(run.uid.to_string())
        .arg(run.gid.to_string());
    // Which stream is the terminal that becomes the controlling one; 3 is none.
    let terminal = [
        run.terminals.stdin,
        run.terminals.stdout,
        run.terminals.stderr,
    ];
    command.arg(terminal.iter().position(|is| *is).unwrap_or(3).to_string());
    command.arg(text(&run.cwd)).arg(text(&run.program));
    command.args(run.argv.iter().map(|arg| text(arg)));
    command.env_clear();
    for variable in &run.env {
        let mut parts = variable.splitn(2, |byte| *byte == b'=');
        if let (Some(name), Some(value)) = (parts.next(), parts.next())
            && !name.is_empty()
        {
            command.env(
                std::ffi::OsStr::from_bytes(name),
                std::ffi::OsStr::from_bytes(value),
            );
        }
    }
    command.stdin(Stdio::from(streams.stdin));
    command.stdout(Stdio::from(streams.stdout));
    command.stderr(Stdio::from(streams.stderr));
    Ok(command.spawn()?.id())
}

/// Becomes the program; returns only when that fails.
pub fn enter(mut args: impl Iterator<Item = OsString>) -> ExitCode {
    let mut number = || {
        args.next()
            .and_then(|arg| arg.to_str()?.parse::<u32>().ok())
    };
    let (Some(uid), Some(gid), Some(terminal)) = (number(), number(), number()) else {
        eprintln!("{NAME}: bad arguments");
        return ExitCode::from(CANNOT_EXECUTE);
    };
    let (Some(cwd), Some(program), Some(name)) = (args.next(), args.next(), args.next()) else {
        eprintln!("{NAME}: bad arguments");
        return ExitCode::from(CANNOT_EXECUTE);
    };
    if let Err(error) = prepare(uid, gid, terminal, &cwd) {
        eprintln!("{NAME}: {error}");
        return ExitCode::from(CANNOT_EXECUTE);
    }
    let error = Command::new(&program).arg0(name).args(args).exec();
    eprintln!("nacre: {}: {error}", program.display());
    let missing = error.kind() == io::ErrorKind::NotFound;
    ExitCode::from(if missing { NOT_FOUND } else { CANNOT_EXECUTE })
}

fn prepare(uid: u32, gid: u32, terminal: u32, cwd: &std::ffi::OsStr) -> io::Result<()> {
    rustix::process::setsid()?;
    match terminal {
        0 => rustix::process::ioctl_tiocsctty(rustix::stdio::stdin())?,
        1 => rustix::process::ioctl_tiocsctty(rustix::stdio::stdout())?,
        2 => rustix::process::ioctl_tiocsctty(rustix::stdio::stderr())?,
        _ => {}
    }
    // As root: the user may not be able to reach the folder, and need not.
    std::env::set_current_dir(cwd)?;
    if (uid, gid) != (0, 0) {
        rustix::thread::set_thread_groups(&[])?;
        rustix::thread::set_thread_gid(Gid::from_raw(gid))?;
        rustix::thread::set_thread_uid(Uid::from_raw(uid))?;
    }
    Ok(())
}
