//! From the scene to pixels.

use crate::canvas::{Canvas, Image, Source, Turn};
use crate::geometry::Rect;
use crate::role::Role;
use crate::seat::Cursor;
use crate::state::{Key, State};

/// The arrow: `#` is its edge, `.` its inside.
const ARROW: [&str; 17] = [
    "#          ",
    "##         ",
    "#.#        ",
    "#..#       ",
    "#...#      ",
    "#....#     ",
    "#.....#    ",
    "#......#   ",
    "#.......#  ",
    "#........# ",
    "#.....#####",
    "#..#..#    ",
    "#.# #..#   ",
    "##  #..#   ",
    "#    #..#  ",
    "     #..#  ",
    "      ##   ",
];

/// The arrow as a picture.
pub fn arrow() -> Image {
    let colour = |byte: u8| match byte {
        b'#' => 0xff10_1820,
        b'.' => 0xffff_ffff,
        _ => 0,
    };
    Image {
        width: 11,
        height: 17,
        opaque: false,
        pixels: ARROW
            .iter()
            .flat_map(|row| row.bytes().map(colour))
            .collect(),
    }
}

/// The background: mother-of-pearl, from blue-grey above to rose below, with a fine grid.
pub fn background(x: i32, y: i32, height: i32) -> u32 {
    let part = y.saturating_mul(255) / height.max(1);
    let mix = |above: i32, below: i32| {
        let value = above
            .saturating_mul(255 - part)
            .saturating_add(below.saturating_mul(part))
            / 255;
        let line = if x % 64 == 0 || y % 64 == 0 { 6 } else { 0 };
        value.saturating_add(line).clamp(0, 255).cast_unsigned()
    };
    0xff00_0000 | mix(52, 122) << 16 | mix(66, 92) << 8 | mix(92, 104)
}

/// One thing to be drawn.
#[derive(Debug, Clone, Copy)]
struct Layer<'a> {
    image: &'a Image,
    place: Rect,
    source: Source,
    turn: Turn,
}

impl State {
    /// Paints a part of the screen: what is lowest first, but nothing that something opaque covers entirely.
    pub fn paint(&self, canvas: &mut Canvas<'_>, part: Rect, arrow: &Image) {
        let mut layers: Vec<Layer<'_>> = self
            .scene()
            .into_iter()
            .filter_map(|(key, place)| self.layer(key, place))
            .collect();
        if let Some(icon) = self.data.icon
            && let Some(layer) = self.layer_at_pointer(icon, (0, 0))
        {
            layers.push(layer);
        }
        layers.extend(self.cursor_layer(arrow));
        let first = layers
            .iter()
            .rposition(|layer| layer.image.opaque && layer.place.covers(part));
        if first.is_none() {
            let height = self.screen.h;
            canvas.fill_with(part, |x, y| background(x, y, height));
        }
        for layer in layers.iter().skip(first.unwrap_or(0)) {
            canvas.draw(layer.image, layer.place, layer.source, layer.turn, part);
        }
    }

    fn layer(&self, key: Key, place: Rect) -> Option<Layer<'_>> {
        let surface = self.surfaces.get(&key)?;
        Some(Layer {
            image: surface.image.as_ref()?,
            place,
            source: surface.source(),
            turn: surface.turn,
        })
    }

    fn layer_at_pointer(&self, key: Key, tip: (i32, i32)) -> Option<Layer<'_>> {
        let (w, h) = self.surfaces.get(&key)?.size();
        let (x, y) = self.seat.point();
        self.layer(
            key,
            Rect::new(x.saturating_sub(tip.0), y.saturating_sub(tip.1), w, h),
        )
    }

    fn cursor_layer<'a>(&'a self, arrow: &'a Image) -> Option<Layer<'a>> {
        if !self.seat.seen {
            return None;
        }
        match self.seat.cursor {
            Cursor::Hidden => None,
            Cursor::Surface(key) => match self.surfaces.get(&key)?.role {
                Role::Cursor(tip) => self.layer_at_pointer(key, tip),
                _ => None,
            },
            Cursor::Arrow => {
                let (x, y) = self.seat.point();
                Some(Layer {
                    image: arrow,
                    place: Rect::new(x, y, arrow.width, arrow.height),
                    source: Source::ALL,
                    turn: Turn::Normal,
                })
            }
        }
    }

    /// Has the pointer's picture, and what it drags, painted again where they are.
    pub fn damage_cursor(&mut self) {
        let (x, y) = self.seat.point();
        let place = match self.seat.cursor {
            Cursor::Hidden => None,
            Cursor::Arrow => Some(Rect::new(x, y, 11, 17)),
            Cursor::Surface(key) => self.surfaces.get(&key).map(|surface| {
                let (w, h) = surface.size();
                let tip = match surface.role {
                    Role::Cursor(tip) => tip,
                    _ => (0, 0),
                };
                Rect::new(x.saturating_sub(tip.0), y.saturating_sub(tip.1), w, h)
            }),
        };
        let icon = self.data.icon.and_then(|icon| {
            let (w, h) = self.surfaces.get(&icon)?.size();
            Some(Rect::new(x, y, w, h))
        });
        [place, icon]
            .into_iter()
            .flatten()
            .for_each(|rect| self.damage(rect));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arrow_is_as_large_as_it_says() {
        let arrow = arrow();
        assert_eq!(arrow.pixels.len(), 11 * 17);
        assert_eq!(arrow.pixels.first(), Some(&0xff10_1820));
    }

    #[test]
    fn the_background_has_no_transparent_pixel() {
        for y in [0, 1, 383, 767] {
            assert_eq!(background(5, y, 768) >> 24, 255);
        }
    }
}
