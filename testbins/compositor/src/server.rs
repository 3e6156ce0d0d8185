//! The loop: clients, devices and the screen.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use rustix::process::{Pid, PidfdFlags, pidfd_open};
use wayland_protocols::wp::presentation_time::server::wp_presentation::WpPresentation;
use wayland_protocols::wp::viewporter::server::wp_viewporter::WpViewporter;
use wayland_protocols::xdg::shell::server::xdg_wm_base::XdgWmBase;
use wayland_server::protocol::wl_compositor::WlCompositor;
use wayland_server::protocol::wl_data_device_manager::WlDataDeviceManager;
use wayland_server::protocol::wl_output::WlOutput;
use wayland_server::protocol::wl_seat::WlSeat;
use wayland_server::protocol::wl_shm::WlShm;
use wayland_server::protocol::wl_subcompositor::WlSubcompositor;
use wayland_server::{Display, ListeningSocket};

use crate::canvas::Image;
use crate::clients::Clients;
use crate::devices::{self, InputDevice};
use crate::extras::Shown;
use crate::options::Options;
use crate::render;
use crate::screen::Screen;
use crate::state::{Owed, State};
use crate::watch::{Source, Watch};

/// Everything, ready to run.
pub struct Server {
    display: Display<State>,
    state: State,
    socket: ListeningSocket,
    screen: Screen,
    /// A device's place is its number; one that is gone leaves its place empty.
    devices: Vec<Option<InputDevice>>,
    clients: Clients,
    /// A descriptor for when there are none left.
    spare: Option<File>,
    watch: Watch,
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
        let watch = Watch::new()?;
        watch.add(&socket, Source::Listener)?;
        if let Some(screen) = screen.fd() {
            watch.add(screen, Source::Screen)?;
        }
        for (number, device) in (0..).zip(&devices) {
            watch.add(device, Source::Device(number))?;
            state.tell(|| format!("input {}", device.name()));
        }
        state.tell(|| format!("ready {}x{} {}", size.w, size.h, refresh));
        Ok(Self {
            display,
            state,
            socket,
            screen,
            devices: devices.into_iter().map(Some).collect(),
            clients: Clients::default(),
            spare: spare(),
            watch,
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
        let _told_of_its_end = match &client {
            Some(child) => Some(self.watch_child(child)?),
            None => None,
        };
        let mut ready = Vec::new();
        while self.state.running {
            self.frame()?;
            self.display.flush_clients()?;
            let timeout = self
                .ask_at
                .map(|at| at.saturating_duration_since(Instant::now()));
            self.watch.wait(timeout, &mut ready)?;
            for source in ready.drain(..) {
                match source {
                    Source::Listener => self.accept(),
                    Source::Client(number) => {
                        self.clients
                            .serve(number, &mut self.display, &mut self.state);
                    }
                    Source::Device(number) => self.read_device(number),
                    Source::Screen => self.ask_screen()?,
                    Source::Child => {
                        if let Some(mut child) = client.take() {
                            child.wait()?;
                        }
                        return Ok(());
                    }
                }
            }
            self.clients.let_go(&mut self.display, &mut self.state);
            if self.ask_at.is_some_and(|at| Instant::now() >= at) {
                self.ask_at = None;
                self.ask_screen()?;
            }
        }
        Ok(())
    }

    /// Has the loop told when the client that was started ends.
    fn watch_child(&self, child: &Child) -> io::Result<OwnedFd> {
        let fd = pidfd_open(Pid::from_child(child), PidfdFlags::empty())?;
        self.watch.add(&fd, Source::Child)?;
        Ok(fd)
    }

    fn ask_screen(&mut self) -> io::Result<()> {
        if let Some(shown) = self.screen.shown()? {
            self.shown(shown);
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

    /// Lets in who waits. Where there is no descriptor for one, it is sent away with the spare one: left waiting, it
    /// would wake the loop again and again.
    fn accept(&mut self) {
        loop {
            let failed = match self.socket.accept() {
                Ok(None) => return,
                Ok(Some(stream)) => self.clients.add(stream, &self.display, &self.watch).err(),
                Err(error) => {
                    self.spare = None;
                    let sent_away = self.socket.accept();
                    let nobody = matches!(sent_away, Ok(None) | Err(_));
                    drop(sent_away);
                    self.spare = spare();
                    if nobody {
                        return;
                    }
                    Some(error)
                }
            };
            if let Some(error) = failed {
                let _ = writeln!(io::stderr(), "compositor: a client was not let in: {error}");
            }
        }
    }

    fn read_device(&mut self, number: u32) {
        let place = usize::try_from(number)
            .ok()
            .and_then(|at| self.devices.get_mut(at));
        let Some(place) = place else { return };
        let mut inputs = Vec::new();
        if let Some(device) = place
            && device.read(&mut inputs).is_err()
        {
            *place = None;
        }
        inputs.into_iter().for_each(|input| self.state.input(input));
    }
}

fn spare() -> Option<File> {
    File::open("/dev/null").ok()
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
