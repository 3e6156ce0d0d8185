//! One program of the host, run in the guest like a local command.

use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use channel::{Outcome, Request, Run, Size, frame};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH};
use signal_hook::iterator::Signals;

use super::Args;
use super::trace::Follower;
use crate::session::{Event, Guest, Input, Lost, Stream};
use crate::terminal::{self, Escape, Restore};
use crate::workspace::Workspace;
use crate::{initramfs, kernel, modules};

/// Exit statuses of our own: as `timeout(1)`, a shell, and nobody else uses them.
const TIMED_OUT: u8 = 124;
const MACHINE_DIED: u8 = 125;
const NOT_STARTED: u8 = 126;

/// Beyond the program's own limit, so much for the machine to say that it is over.
const GRACE: Duration = Duration::from_secs(30);

/// So many Ctrl-C that nobody answers are a wish to leave.
const IMPATIENCE: u32 = 3;

/// A program's environment where nothing else is said.
const ENVIRONMENT: [&str; 4] = [
    "PATH=/bin:/sbin:/usr/bin:/usr/sbin",
    "HOME=/root",
    "USER=root",
    "LANG=C.UTF-8",
];

/// Runs it and passes its end on.
pub fn run(workspace: &Workspace, args: &Args) -> Result<ExitCode> {
    let (mut files, program) = files(args)?;
    let mut machine = args.machine.machine(workspace, kernel::SHIPPED)?;
    files.extend(modules::files(workspace, &machine)?);
    if args.machine.trace {
        let name = program
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        machine.append.push_str(&format!(" trace={name}"));
    }
    args.connect(&mut machine, &args.net)?;
    let modules = if args.is_linux() {
        args.net.modules(workspace)?
    } else {
        Vec::new()
    };
    let folder = Guest::folder()?;
    machine.initrd = folder.path().join("initrd");
    let initrd = initramfs::agent_with(workspace, &files, &modules, args.initrd.as_deref())?;
    std::fs::write(&machine.initrd, initrd).context("writing the initramfs")?;
    let mut guest = Guest::boot(&machine, folder)?;
    let request = request(args, &program);
    // Raw only while the program has the terminal: before, Ctrl-C is ours.
    let restore = if request.terminals.stdin {
        Some(Restore::raw().context("the terminal")?)
    } else {
        None
    };
    pass_signals(&guest, request.terminals.stdin)?;
    pass_stdin(&guest, request.terminals.stdin)?;
    let patience = args
        .timeout
        .map(|seconds| Duration::from_secs(seconds) + GRACE);
    let follower = if args.machine.trace {
        Some(follow(&guest, args)?)
    } else {
        None
    };
    let ended = guest.run(&request, Input::Elsewhere, patience, &mut say);
    drop(restore);
    if let Some(follower) = follower {
        follower.finish();
    }
    if let Some(path) = &args.log {
        guest.settle_log(path)?;
    }
    let status = match ended {
        Ok(Outcome::Exited(status)) => u8::try_from(status & 0xff).unwrap_or(u8::MAX),
        Ok(Outcome::Signaled(number)) => u8::try_from(128 + (number & 0x7f)).unwrap_or(u8::MAX),
        Ok(Outcome::TimedOut) => TIMED_OUT,
        Ok(Outcome::NotStarted(errno)) => {
            eprintln!("nacre: {}: not started (errno {errno})", program.display());
            NOT_STARTED
        }
        Err(Lost::Quit) => return Ok(ExitCode::from(MACHINE_DIED)),
        Err(lost) => {
            guest.settle();
            let what = if matches!(lost, Lost::Hung) {
                "the machine hangs"
            } else {
                "the machine died"
            };
            eprintln!("nacre: {what}; {}", guest.log_tail());
            return Ok(ExitCode::from(MACHINE_DIED));
        }
    };
    guest.power_off();
    Ok(ExitCode::from(status))
}

fn follow(guest: &Guest, args: &Args) -> Result<Follower> {
    let out: Box<dyn Write + Send> = match &args.trace_to {
        None => Box::new(std::io::stderr()),
        Some(path) => {
            Box::new(std::fs::File::create(path).with_context(|| path.display().to_string())?)
        }
    };
    Follower::start(&guest.log_path(), out)
}

/// The files that go into the guest, and the program's place there.
fn files(args: &Args) -> Result<(initramfs::Files, PathBuf)> {
    let Some(program) = args.program.first().map(Path::new) else {
        bail!("no program")
    };
    initramfs::check_program(program)?;
    let name = program.file_name().context("a program has a name")?;
    let place = Path::new(initramfs::PROGRAM_FOLDER).join(name);
    let mut files = vec![(program.to_path_buf(), place.to_string_lossy().into_owned())];
    for file in &args.file {
        let (host, guest) = file.split_once(':').unwrap_or((file, file));
        files.push((PathBuf::from(host), guest.to_owned()));
    }
    Ok((files, place))
}

fn request(args: &Args, program: &Path) -> Run {
    let mut env: Vec<Vec<u8>> = ENVIRONMENT
        .iter()
        .map(|variable| variable.as_bytes().to_vec())
        .collect();
    if let Some(terminal) = std::env::var_os("TERM") {
        env.push([b"TERM=", terminal.as_bytes()].concat());
    }
    env.extend(args.env.iter().map(|variable| variable.as_bytes().to_vec()));
    let mut argv = vec![program.as_os_str().as_bytes().to_vec()];
    argv.extend(
        args.program
            .iter()
            .skip(1)
            .map(|arg| arg.as_bytes().to_vec()),
    );
    let limit = args.timeout.unwrap_or(0).saturating_mul(1000);
    Run {
        program: program.as_os_str().as_bytes().to_vec(),
        argv,
        env,
        cwd: if args.uid == 0 {
            b"/root".to_vec()
        } else {
            b"/".to_vec()
        },
        uid: args.uid,
        gid: args.uid,
        terminals: terminal::ours(),
        size: terminal::size().unwrap_or(Size {
            rows: 24,
            columns: 80,
        }),
        limit_ms: u32::try_from(limit).unwrap_or(u32::MAX),
    }
}

/// Writes what the program says where it belongs. When nobody reads it any more, there is nothing left to do.
fn say(stream: Stream, bytes: &[u8]) {
    let to_stderr = match stream {
        Stream::Stdout => false,
        Stream::Stderr => true,
        Stream::Terminal => !terminal::ours().stdout,
    };
    let written = if to_stderr {
        std::io::stderr().lock().write_all(bytes)
    } else {
        let mut out = std::io::stdout().lock();
        out.write_all(bytes).and_then(|()| out.flush())
    };
    if written.is_err() {
        std::process::exit(128 + 13);
    }
}

/// Passes signals on to the program. With a raw terminal the keys themselves go to the guest's terminal.
fn pass_signals(guest: &Guest, raw: bool) -> Result<()> {
    let mut control = guest.control()?;
    let (_, events) = guest.stdin()?;
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH])?;
    std::thread::spawn(move || {
        let mut interrupts = 0;
        for signal in signals.forever() {
            let request = match (signal, terminal::size()) {
                (SIGWINCH, Some(size)) => Request::Resize(size),
                (SIGWINCH, None) => continue,
                _ => Request::Signal(signal.cast_unsigned()),
            };
            interrupts += u32::from(matches!(signal, SIGINT | SIGTERM | SIGHUP));
            let told = control.write_all(&frame(&request.encode()));
            if told.is_err() || interrupts >= IMPATIENCE || (raw && signal == SIGHUP) {
                let _ = events.send(Event::Quit);
                return;
            }
        }
    });
    Ok(())
}

/// Passes standard input on, then its end.
fn pass_stdin(guest: &Guest, raw: bool) -> Result<()> {
    let (mut port, events) = guest.stdin()?;
    let mut control = guest.control()?;
    std::thread::spawn(move || {
        let mut escape = Escape::default();
        let mut space = vec![0; 64 * 1024];
        let mut total = 0_u64;
        let mut stdin = std::io::stdin().lock();
        while let Ok(count @ 1..) = stdin.read(&mut space) {
            let bytes = space.get(..count).unwrap_or_default();
            let (pass, quit) = if raw {
                escape.filter(bytes)
            } else {
                (bytes.to_vec(), false)
            };
            total = total.saturating_add(pass.len() as u64);
            if port.write_all(&pass).is_err() {
                return;
            }
            if quit {
                let _ = events.send(Event::Quit);
                return;
            }
        }
        let _ = control.write_all(&frame(&Request::StdinEnds(total).encode()));
    });
    Ok(())
}
