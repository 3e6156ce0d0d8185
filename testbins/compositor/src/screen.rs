//! What frames are put on: a DRM card with two buffers that are flipped, or memory that nobody sees.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::time::Duration;

use drm::buffer::{Buffer as _, DrmFourcc};
use drm::control::dumbbuffer::{DumbBuffer, DumbMapping};
use drm::control::{
    Device as ControlDevice, Event, Mode, ModeTypeFlags, PageFlipFlags, connector, crtc,
    framebuffer,
};

use crate::canvas::Canvas;
use crate::extras::Shown;
use crate::geometry::{Damage, Rect};

/// An open card.
#[derive(Debug)]
struct Card(File);

impl AsFd for Card {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl drm::Device for Card {}
impl ControlDevice for Card {}

/// One of the two buffers.
struct Sheet {
    map: DumbMapping<'static>,
    pitch: u32,
    frame: framebuffer::Handle,
    /// What changed since it was painted last.
    behind: Damage,
}

/// A card's screen.
pub struct Display {
    card: Card,
    crtc: crtc::Handle,
    sheets: [Sheet; 2],
    back: usize,
}

/// Memory in place of a screen, with a clock in place of its refresh.
pub struct Headless {
    pixels: Vec<u32>,
    sequence: u64,
}

/// Where frames go.
pub enum Screen {
    /// A card.
    Card(Box<Display>),
    /// Nowhere.
    Headless(Headless),
}

/// Between two frames of a screen that is none.
const HEADLESS_FRAME: Duration = Duration::from_nanos(16_666_667);

fn other(what: &str) -> io::Error {
    io::Error::other(what.to_owned())
}

impl Display {
    /// Opens a card, chooses the first connected screen and its preferred mode, or the one asked for, and lights it.
    fn open(path: &Path, wanted: Option<(i32, i32)>) -> io::Result<(Self, Rect, i32)> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        let card = Card(file);
        let resources = card.resource_handles()?;
        let connector = resources
            .connectors()
            .iter()
            .filter_map(|handle| card.get_connector(*handle, true).ok())
            .find(|its| its.state() == connector::State::Connected && !its.modes().is_empty())
            .ok_or_else(|| other("no screen is connected"))?;
        let mode = choose_mode(connector.modes(), wanted).ok_or_else(|| other("no such mode"))?;
        let crtc = connector
            .encoders()
            .iter()
            .filter_map(|handle| card.get_encoder(*handle).ok())
            .find_map(|encoder| {
                resources
                    .filter_crtcs(encoder.possible_crtcs())
                    .first()
                    .copied()
            })
            .ok_or_else(|| other("nothing drives the screen"))?;
        let (w, h) = mode.size();
        let size = (u32::from(w), u32::from(h));
        let sheets = [Sheet::new(&card, size)?, Sheet::new(&card, size)?];
        let [first, _] = &sheets;
        let frame = first.frame;
        card.set_crtc(crtc, Some(frame), (0, 0), &[connector.handle()], Some(mode))?;
        let screen = Rect::new(0, 0, i32::from(w), i32::from(h));
        let refresh = i32::try_from(mode.vrefresh())
            .unwrap_or(60)
            .saturating_mul(1000);
        let display = Self {
            card,
            crtc,
            sheets,
            back: 1,
        };
        Ok((display, screen, refresh))
    }

    fn present(
        &mut self,
        damage: &Damage,
        screen: Rect,
        paint: impl Fn(&mut Canvas<'_>, Rect),
    ) -> io::Result<()> {
        for sheet in &mut self.sheets {
            sheet.behind.add_all(damage);
        }
        let Some(sheet) = self.sheets.get_mut(self.back) else {
            return Ok(());
        };
        let stride = usize::try_from(sheet.pitch / 4).unwrap_or(0);
        let pixels = bytemuck::try_cast_slice_mut(sheet.map.as_mut())
            .map_err(|_| other("the buffer's memory is not aligned"))?;
        let mut canvas = Canvas::new(pixels, stride, screen.w, screen.h);
        for part in sheet.behind.take().rects() {
            paint(&mut canvas, *part);
        }
        self.card
            .page_flip(self.crtc, sheet.frame, PageFlipFlags::EVENT, None)?;
        self.back ^= 1;
        Ok(())
    }

    fn events(&self) -> io::Result<Option<Shown>> {
        let mut shown = None;
        for event in self.card.receive_events()? {
            if let Event::PageFlip(flip) = event {
                shown = Some(Shown {
                    time: u64::try_from(flip.duration.as_nanos()).unwrap_or(0),
                    sequence: u64::from(flip.frame),
                    by_screen: true,
                });
            }
        }
        Ok(shown)
    }
}

fn choose_mode(modes: &[Mode], wanted: Option<(i32, i32)>) -> Option<Mode> {
    if let Some((w, h)) = wanted {
        let fits = |mode: &&Mode| mode.size() == (w as u16, h as u16);
        return modes.iter().find(fits).copied();
    }
    let preferred = |mode: &&Mode| mode.mode_type().contains(ModeTypeFlags::PREFERRED);
    modes.iter().find(preferred).or(modes.first()).copied()
}

impl Sheet {
    fn new(card: &Card, size: (u32, u32)) -> io::Result<Self> {
        let buffer = card.create_dumb_buffer(size, DrmFourcc::Xrgb8888, 32)?;
        let frame = card.add_framebuffer(&buffer, 24, 32)?;
        let pitch = buffer.pitch();
        // It is mapped for as long as the compositor runs.
        let forever: &'static mut DumbBuffer = Box::leak(Box::new(buffer));
        Ok(Self {
            map: card.map_dumb_buffer(forever)?,
            pitch,
            frame,
            behind: Damage::default(),
        })
    }
}

impl Screen {
    /// Opens a card; also says the screen's size and its refresh rate in thousandths of a hertz.
    ///
    /// # Errors
    /// When there is no card, or no screen at it.
    pub fn card(path: &Path, wanted: Option<(i32, i32)>) -> io::Result<(Self, Rect, i32)> {
        let (display, screen, refresh) = Display::open(path, wanted)?;
        Ok((Self::Card(Box::new(display)), screen, refresh))
    }

    /// One that nobody sees.
    pub fn headless(w: i32, h: i32) -> (Self, Rect, i32) {
        let count = usize::try_from(i64::from(w) * i64::from(h)).unwrap_or(0);
        let headless = Headless {
            pixels: vec![0; count],
            sequence: 0,
        };
        (Self::Headless(headless), Rect::new(0, 0, w, h), 60_000)
    }

    /// Paints what changed and puts it on the screen. `shown` says later that it is there.
    ///
    /// # Errors
    /// When the card refuses the frame.
    pub fn present(
        &mut self,
        damage: &Damage,
        screen: Rect,
        paint: impl Fn(&mut Canvas<'_>, Rect),
    ) -> io::Result<()> {
        match self {
            Self::Card(display) => display.present(damage, screen, paint),
            Self::Headless(headless) => {
                let stride = usize::try_from(screen.w).unwrap_or(0);
                let mut canvas = Canvas::new(&mut headless.pixels, stride, screen.w, screen.h);
                damage
                    .rects()
                    .iter()
                    .for_each(|part| paint(&mut canvas, *part));
                headless.sequence += 1;
                Ok(())
            }
        }
    }

    /// What becomes readable when a frame is shown.
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        match self {
            Self::Card(display) => Some(display.card.as_fd()),
            Self::Headless(_) => None,
        }
    }

    /// How long after `present` to ask `shown`, where no descriptor tells.
    pub fn delay(&self) -> Option<Duration> {
        match self {
            Self::Card(_) => None,
            Self::Headless(_) => Some(HEADLESS_FRAME),
        }
    }

    /// When the frame came onto the screen, if it did.
    ///
    /// # Errors
    /// When the card cannot be read.
    pub fn shown(&mut self) -> io::Result<Option<Shown>> {
        match self {
            Self::Card(display) => display.events(),
            Self::Headless(headless) => {
                let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
                let time = Duration::new(now.tv_sec.cast_unsigned(), now.tv_nsec as u32);
                Ok(Some(Shown {
                    time: u64::try_from(time.as_nanos()).unwrap_or(0),
                    sequence: headless.sequence,
                    by_screen: false,
                }))
            }
        }
    }
}
