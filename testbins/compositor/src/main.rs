//! A small Wayland compositor for the guest: it draws with the processor, shows frames on a DRM card and reads input
//! devices through evdev. What it is for is to have real clients, written for other compositors, use sockets,
//! descriptor passing, shared memory, epoll and the display together.
#![forbid(unsafe_code)]

mod canvas;
mod clients;
mod compositor;
mod data;
mod devices;
mod events;
mod extras;
mod geometry;
mod grab;
mod keymap;
mod options;
mod positioner;
mod render;
mod role;
mod screen;
mod seat;
mod server;
mod shell;
mod shm;
mod state;
mod subsurface;
mod surface;
mod toplevel;
mod watch;

use std::process::ExitCode;

fn main() -> ExitCode {
    let options = match options::Options::read(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(message) => {
            eprintln!("compositor: {message}\n{}", options::USAGE);
            return ExitCode::from(2);
        }
    };
    match server::Server::new(&options).and_then(|mut server| server.run(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("compositor: {error}");
            ExitCode::FAILURE
        }
    }
}
