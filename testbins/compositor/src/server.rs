//! The loop: clients, devices and the screen.

use std::io;
use std::os::fd::AsFd;
use std::path::Path;
use std::process::{Child, Command};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use wayland_protocols::wp::presentation_time::server::wp_presentation::WpPresentation;
use wayland_protocols::wp::viewporter::server::wp_viewporter::WpViewporter;
use wayland_protocols::xdg::shell::server::xdg_wm_base::XdgWmBase;
use wayland_server::backend::ClientData;
use wayland_server::protocol::wl_compositor::WlCompositor;
use wayland_server::protocol::wl_data_device_manager::WlDataDeviceManager;
use wayland_server::protocol::wl_output::WlOutput;
use wayland_server::protocol::wl_seat::WlSeat;
use wayland_server::protocol::wl_shm::WlShm;
use wayland_server::protocol::wl_subcompositor::WlSubcompositor;
use wayland_server::{Display, ListeningSocket};

use crate::canvas::Image;
use crate::devices::{self, InputDevice};
use crate::extras::Shown;
use crate::options::Options;
use crate::render;
use crate::screen::Screen;
use crate::state::{Owed, State};

/// Nothing is kept about a client as such.
#[derive(Debug)]
struct NoData;

impl ClientData for NoData {}

/// Everything, ready to run.
pub struct Server {
    display: Display<State>,
    state: State,
    socket: ListeningSocket,
    screen: Screen,
    devices: Vec<InputDevice>,
    arrow: Image,
    /// Who is told when the frame on its way is shown; `None` while none is.
    in_flight: Option<Owed>,
    /// When to ask for it, where nothing else says.
    ask_at: Option<Instant>,
    frames: u64,
    counted: (Instant, u64),
}

fn failed(what: &str, error: impl std::fmt::Display) -> io::Error {
    io::Error::other(format!("{what}: {error}"))
}

impl Server {
    /// Opens screen, devices and socket.
    ///
    /// # Errors
    /// When the screen or the socket cannot be had.
    pub fn new(options: &Options) -> io::Result<Self> {
        let (screen, size, refresh) = match options.headless {
            Some((w, h)) => Screen::headless(w, h),
            None => Screen::card(Path::new(&options.card), options.mode)
                .map_err(|error| failed(&options.card, error))?,
        };
        let display = Display::<State>::new().map_err(|error| failed("display", error))?;
        let handle = display.handle();
        handle.create_global::<State, WlCompositor, ()>(5, ());
        handle.create_global::<State, WlSubcompositor, ()>(1, ());
        handle.create_global::<State, WlShm, ()>(1, ());
        handle.create_global::<State, XdgWmBase, ()>(3, ());
        handle.create_global::<State, WlSeat, ()>(7, ());
        handle.create_global::<State, WlOutput, ()>(4, ());
        handle.create_global::<State, WlDataDeviceManager, ()>(3, ());
        handle.create_global::<State, WpViewporter, ()>(1, ());
        handle.create_global::<State, WpPresentation, ()>(1, ());
        let mut state = State::new(handle, size, refresh);
        state.hold_frames = options.hold_frames;
        state.report = options.report;
        let socket =
            ListeningSocket::bind(&options.socket).map_err(|error| failed("socket", error))?;
        let devices = if options.headless.is_some() {
            Vec::new()
        } else {
            devices::open_all()
        };
        for device in &devices {
            state.tell(|| format!("input {}", device.name()));
        }
        state.tell(|| format!("ready {}x{} {}", size.w, size.h, refresh));
        Ok(Self {
            display,
            state,
            socket,
            screen,
            devices,
            arrow: render::arrow(),
            in_flight: None,
            ask_at: None,
            frames: 0,
            counted: (Instant::now(), 0),
        })
    }

    /// Runs until it is told to end, or the client it started has.
    ///
    /// # Errors
    /// When the screen or the socket fails.
    pub fn run(&mut self, options: &Options) -> io::Result<()> {
        let mut client = start(options)?;
        while self.state.running {
            self.frame()?;
            self.display.flush_clients()?;
            let ready = self.wait(client.is_some())?;
            if ready.socket {
                self.accept()?;
            }
            if ready.clients {
                self.display.dispatch_clients(&mut self.state)?;
            }
            self.read_devices(&ready.devices);
            if ready.screen || self.ask_at.is_some_and(|at| Instant::now() >= at) {
                self.ask_at = None;
                if let Some(shown) = self.screen.shown()? {
                    self.shown(shown);
                }
            }
            if let Some(child) = &mut client
                && child.try_wait()?.is_some()
            {
                break;
            }
        }
        Ok(())
    }

    /// Starts a frame if something changed or somebody waits for one, and none is on its way.
    fn frame(&mut self) -> io::Result<()> {
        let idle = self.state.damage.is_empty() && self.state.owed.is_empty();
        // A client may draw without end into a screen that does not follow.
        if idle || self.in_flight.is_some() {
            return Ok(());
        }
        if self.state.hold_frames && self.state.damage.is_empty() {
            return Ok(());
        }
        let damage = self.state.damage.take();
        let (state, arrow) = (&self.state, &self.arrow);
        self.screen.present(&damage, state.screen, |canvas, part| {
            state.paint(canvas, part, arrow)
        })?;
        let mut owed = Owed::default();
        if !self.state.hold_frames {
            owed = std::mem::take(&mut self.state.owed);
        }
        self.in_flight = Some(owed);
        self.ask_at = self.screen.delay().map(|delay| Instant::now() + delay);
        Ok(())
    }

    fn shown(&mut self, shown: Shown) {
        if let Some(owed) = self.in_flight.take() {
            self.state.shown(owed, shown);
        }
        self.frames += 1;
        if self.frames == 1 {
            self.state.tell(|| "first frame".into());
        }
        let (since, before) = self.counted;
        let passed = since.elapsed();
        if passed >= Duration::from_secs(1) {
            let rate = (self.frames - before) as f64 / passed.as_secs_f64();
            self.state
                .tell(|| format!("frames {} rate {rate:.1}", self.frames));
            self.counted = (Instant::now(), self.frames);
        }
    }

    fn accept(&mut self) -> io::Result<()> {
        while let Some(stream) = self.socket.accept()? {
            let inserted = self
                .display
                .handle()
                .insert_client(stream, Arc::new(NoData));
            if let Err(error) = inserted {
                eprintln!("compositor: a client was not let in: {error}");
            }
        }
        Ok(())
    }

    fn read_devices(&mut self, ready: &[bool]) {
        let mut inputs = Vec::new();
        let mut gone = Vec::new();
        for (at, (device, ready)) in self.devices.iter_mut().zip(ready).enumerate() {
            if *ready && device.read(&mut inputs).is_err() {
                gone.push(at);
            }
        }
        for at in gone.into_iter().rev() {
            self.devices.remove(at);
        }
        inputs.into_iter().for_each(|input| self.state.input(input));
    }

    /// Waits until there is something to do.
    fn wait(&self, has_child: bool) -> io::Result<Ready> {
        let clients = self.display.as_fd();
        let mut fds = vec![
            PollFd::from_borrowed_fd(self.socket.as_fd(), PollFlags::IN),
            PollFd::from_borrowed_fd(clients, PollFlags::IN),
        ];
        for device in &self.devices {
            fds.push(PollFd::from_borrowed_fd(device.as_fd(), PollFlags::IN));
        }
        if let Some(screen) = self.screen.fd() {
            fds.push(PollFd::from_borrowed_fd(screen, PollFlags::IN));
        }
        let until_frame = self
            .ask_at
            .map(|at| at.saturating_duration_since(Instant::now()));
        // A child's end is looked for now and then.
        let until_look = has_child.then_some(Duration::from_millis(100));
        let timeout = [until_frame, until_look].into_iter().flatten().min();
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        match poll(&mut fds, timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let set: Vec<bool> = fds.iter().map(|fd| !fd.revents().is_empty()).collect();
        let is_set = |at: usize| set.get(at).copied().unwrap_or(false);
        let count = self.devices.len();
        Ok(Ready {
            socket: is_set(0),
            clients: is_set(1),
            devices: (0..count).map(|at| is_set(at + 2)).collect(),
            screen: is_set(count + 2),
        })
    }
}

/// What there is to do.
struct Ready {
    socket: bool,
    clients: bool,
    devices: Vec<bool>,
    screen: bool,
}

fn start(options: &Options) -> io::Result<Option<Child>> {
    let Some((program, args)) = options.client.split_first() else {
        return Ok(None);
    };
    let child = Command::new(program)
        .args(args)
        .env("WAYLAND_DISPLAY", &options.socket)
        .spawn()
        .map_err(|error| failed(program, error))?;
    Ok(Some(child))
}
