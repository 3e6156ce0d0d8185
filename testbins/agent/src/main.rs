//! Process 1 of the boots that the host tool drives. It mounts what programs expect, takes requests on the control
//! port and runs one program at a time, with its standard streams on ports of their own.
//!
//! It is an ordinary static program and asks little of a kernel: one thread, `ppoll`, pipes, `wait4`, and a pty when
//! a program wants a terminal.
#![forbid(unsafe_code)]

mod child;
mod job;
mod ports;
mod pump;
mod server;
mod setup;

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut args = std::env::args_os();
    if args.next().is_some_and(|name| name == child::NAME) {
        return child::enter(args);
    }
    setup::mount_all();
    setup::raise_loopback();
    setup::load_modules();
    match ports::Ports::open().and_then(|ports| server::Server::new(ports).serve()) {
        Ok(()) => {}
        Err(error) => eprintln!("agent: {error}"),
    }
    rustix::fs::sync();
    if let Err(error) = rustix::system::reboot(rustix::system::RebootCommand::PowerOff) {
        eprintln!("agent: power off: {error}");
    }
    ExitCode::FAILURE
}
