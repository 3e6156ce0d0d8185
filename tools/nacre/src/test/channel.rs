//! Tests of the way in and out: what `nacre run` promises, tried with busybox in the guest.

use std::io::Write;
use std::time::Duration;

use anyhow::{Result, bail};
use channel::{Outcome, Request, Run, Size, Terminals, frame};

use crate::session::{Guest, Input, Lost, Stream};

/// No case takes longer, on any machine.
const PATIENCE: Duration = Duration::from_secs(600);

/// One case.
pub type Case = (&'static str, fn(&Guest) -> Result<()>);

/// All of them.
pub const CASES: [Case; 12] = [
    ("output_and_errors_come_apart", output_and_errors_come_apart),
    ("input_is_binary_clean", input_is_binary_clean),
    ("unread_input_is_forgotten", unread_input_is_forgotten),
    ("exit_status_comes_through", exit_status_comes_through),
    ("fatal_signal_comes_through", fatal_signal_comes_through),
    ("signal_is_delivered", signal_is_delivered),
    ("time_limit_kills", time_limit_kills),
    ("leftovers_are_killed", leftovers_are_killed),
    ("user_is_the_one_asked_for", user_is_the_one_asked_for),
    ("terminal_is_one_with_a_size", terminal_is_one_with_a_size),
    ("terminal_follows_its_size", terminal_follows_its_size),
    (
        "ctrl_c_on_the_terminal_interrupts",
        ctrl_c_on_the_terminal_interrupts,
    ),
];

const SIGINT: u32 = 2;
const SIGTERM: u32 = 15;

/// What a run came to.
#[derive(Debug)]
struct Ran {
    outcome: Outcome,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    terminal: String,
}

/// A shell with this script.
fn shell(script: &str) -> Run {
    let words = |words: &[&str]| {
        words
            .iter()
            .map(|word| word.as_bytes().to_vec())
            .collect::<Vec<_>>()
    };
    Run {
        program: b"/bin/sh".to_vec(),
        argv: words(&["sh", "-c", script]),
        env: words(&["PATH=/bin:/sbin:/usr/bin:/usr/sbin", "TERM=dumb"]),
        cwd: b"/".to_vec(),
        uid: 0,
        gid: 0,
        terminals: Terminals::default(),
        size: Size {
            rows: 30,
            columns: 90,
        },
        limit_ms: 0,
    }
}

fn on_terminal(script: &str) -> Run {
    Run {
        terminals: Terminals {
            stdin: true,
            stdout: true,
            stderr: true,
        },
        ..shell(script)
    }
}

/// Runs it; when the program says `ready`, `then` is done.
fn run(
    guest: &Guest,
    run: &Run,
    input: Input,
    then: &mut dyn FnMut() -> Result<()>,
) -> Result<Ran> {
    let (mut stdout, mut stderr, mut terminal) = (Vec::new(), Vec::new(), Vec::new());
    let mut waiting = true;
    let mut failure = None;
    let ended = guest.run(run, input, Some(PATIENCE), &mut |stream, bytes| {
        let heard = match stream {
            Stream::Stdout => &mut stdout,
            Stream::Stderr => &mut stderr,
            Stream::Terminal => &mut terminal,
        };
        heard.extend_from_slice(bytes);
        if waiting && heard.windows(5).any(|window| window == b"ready") {
            waiting = false;
            failure = then().err();
        }
    });
    let outcome = match ended {
        Ok(outcome) => outcome,
        Err(lost) => return Err(Gone(lost).into()),
    };
    failure.map_or(Ok(()), Err)?;
    let terminal = String::from_utf8_lossy(&terminal).replace('\r', "");
    Ok(Ran {
        outcome,
        stdout,
        stderr,
        terminal,
    })
}

/// The machine went with the case.
#[derive(Debug)]
pub struct Gone(pub Lost);

impl std::fmt::Display for Gone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Lost::Hung => write!(f, "the machine hung"),
            Lost::Died | Lost::Quit => write!(f, "the machine died"),
        }
    }
}

impl std::error::Error for Gone {}

fn plainly(guest: &Guest, what: &Run, input: &[u8]) -> Result<Ran> {
    run(guest, what, Input::Bytes(input.to_vec()), &mut || Ok(()))
}

fn want<T: PartialEq + std::fmt::Debug>(what: &str, got: &T, wanted: &T) -> Result<()> {
    if got != wanted {
        bail!("{what}: expected {wanted:?}, got {got:?}");
    }
    Ok(())
}

fn output_and_errors_come_apart(guest: &Guest) -> Result<()> {
    let ran = plainly(guest, &shell("echo out; echo err >&2; echo more"), b"")?;
    want("standard output", &ran.stdout, &b"out\nmore\n".to_vec())?;
    want("standard error", &ran.stderr, &b"err\n".to_vec())?;
    want("outcome", &ran.outcome, &Outcome::Exited(0))
}

fn input_is_binary_clean(guest: &Guest) -> Result<()> {
    let bytes: Vec<u8> = (0..400_000_u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    let ran = plainly(guest, &shell("cat"), &bytes)?;
    want("length", &ran.stdout.len(), &bytes.len())?;
    want("the bytes are the same", &(ran.stdout == bytes), &true)
}

fn unread_input_is_forgotten(guest: &Guest) -> Result<()> {
    plainly(guest, &shell("exit 0"), &[b'x'; 300_000])?;
    let ran = plainly(guest, &shell("cat"), b"fresh")?;
    want("the next program's input", &ran.stdout, &b"fresh".to_vec())
}

fn exit_status_comes_through(guest: &Guest) -> Result<()> {
    want(
        "exit 42",
        &plainly(guest, &shell("exit 42"), b"")?.outcome,
        &Outcome::Exited(42),
    )?;
    let missing = Run {
        program: b"/no/such/program".to_vec(),
        ..shell("")
    };
    want(
        "a missing program",
        &plainly(guest, &missing, b"")?.outcome,
        &Outcome::Exited(127),
    )
}

fn fatal_signal_comes_through(guest: &Guest) -> Result<()> {
    want(
        "kill -TERM",
        &plainly(guest, &shell("kill -TERM $$"), b"")?.outcome,
        &Outcome::Signaled(SIGTERM),
    )
}

fn signal_is_delivered(guest: &Guest) -> Result<()> {
    let script = "trap 'echo caught; exit 9' INT; echo ready; while :; do sleep 0.05; done";
    let ran = run(guest, &shell(script), Input::Bytes(Vec::new()), &mut || {
        guest.send(&Request::Signal(SIGINT))
    })?;
    want("outcome", &ran.outcome, &Outcome::Exited(9))?;
    want(
        "what the handler said",
        &ran.stdout,
        &b"ready\ncaught\n".to_vec(),
    )
}

fn time_limit_kills(guest: &Guest) -> Result<()> {
    let run = Run {
        limit_ms: 300,
        ..shell("echo begun; sleep 1000")
    };
    let ran = plainly(guest, &run, b"")?;
    want("outcome", &ran.outcome, &Outcome::TimedOut)?;
    want("what it said before", &ran.stdout, &b"begun\n".to_vec())
}

fn leftovers_are_killed(guest: &Guest) -> Result<()> {
    want(
        "outcome",
        &plainly(guest, &shell("sleep 4321 & exit 3"), b"")?.outcome,
        &Outcome::Exited(3),
    )?;
    let ran = plainly(guest, &shell("ps | grep -c '[s]leep 4321'"), b"")?;
    want("leftovers", &ran.stdout, &b"0\n".to_vec())
}

fn user_is_the_one_asked_for(guest: &Guest) -> Result<()> {
    let run = Run {
        uid: 1000,
        gid: 1000,
        ..shell("id -u; id -g; id -G")
    };
    want(
        "ids",
        &plainly(guest, &run, b"")?.stdout,
        &b"1000\n1000\n1000\n".to_vec(),
    )
}

fn terminal_is_one_with_a_size(guest: &Guest) -> Result<()> {
    let ran = run(
        guest,
        &on_terminal("tty; stty size"),
        Input::Elsewhere,
        &mut || Ok(()),
    )?;
    want(
        "terminal and size",
        &ran.terminal.as_str(),
        &"/dev/pts/0\n30 90\n",
    )?;
    guest.send(&Request::StdinEnds(0))
}

fn terminal_follows_its_size(guest: &Guest) -> Result<()> {
    let script = "trap 'stty size; exit' WINCH; echo ready; while :; do sleep 0.05; done";
    let larger = Size {
        rows: 55,
        columns: 123,
    };
    let ran = run(guest, &on_terminal(script), Input::Elsewhere, &mut || {
        guest.send(&Request::Resize(larger))
    })?;
    want("size", &ran.terminal.as_str(), &"ready\n55 123\n")?;
    guest.send(&Request::StdinEnds(0))
}

fn ctrl_c_on_the_terminal_interrupts(guest: &Guest) -> Result<()> {
    let (mut port, _) = guest.stdin()?;
    let mut control = guest.control()?;
    let ran = run(
        guest,
        &on_terminal("echo ready; exec sleep 1000"),
        Input::Elsewhere,
        &mut || {
            port.write_all(b"\x03")?;
            Ok(control.write_all(&frame(&Request::StdinEnds(1).encode()))?)
        },
    )?;
    want("outcome", &ran.outcome, &Outcome::Signaled(SIGINT))?;
    want("echo", &ran.terminal.as_str(), &"ready\n^C")
}
