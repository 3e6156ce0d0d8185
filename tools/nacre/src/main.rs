//! The host tool: everything that `make` does, and the way to run a program of the host under Nacre like a local
//! command. `nacre help` says what there is.
#![forbid(unsafe_code)]

mod apt;
mod bench;
mod cargo;
mod commands;
mod cpio;
mod doctor;
mod initramfs;
mod kernel;
mod modules;
mod net;
mod progress;
mod qemu;
mod session;
mod symbols;
mod terminal;
mod test;
mod testbins;
mod third_party;
mod tour;
mod wayland;
mod workspace;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match commands::Cli::parse().run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("nacre: {error:#}");
            ExitCode::FAILURE
        }
    }
}
