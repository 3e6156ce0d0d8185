//! Painting: whole pixels of 32 bits, colours premultiplied by their alpha.

use crate::geometry::Rect;

/// A picture that a client committed, copied out of its memory.
#[derive(Debug, Clone, Default)]
pub struct Image {
    /// Columns.
    pub width: i32,
    /// Rows.
    pub height: i32,
    /// Whether nothing shines through.
    pub opaque: bool,
    /// Row after row, `width * height` of them.
    pub pixels: Vec<u32>,
}

impl Image {
    /// One row.
    pub fn row(&self, y: i32) -> Option<&[u32]> {
        let width = usize::try_from(self.width).ok()?;
        let start = usize::try_from(y).ok()?.checked_mul(width)?;
        self.pixels.get(start..start.checked_add(width)?)
    }

    fn pixel(&self, x: i32, y: i32) -> u32 {
        let x = x.clamp(0, self.width.saturating_sub(1));
        let y = y.clamp(0, self.height.saturating_sub(1));
        let row = self.row(y).unwrap_or_default();
        usize::try_from(x)
            .ok()
            .and_then(|x| row.get(x).copied())
            .unwrap_or(0)
    }
}

/// How the pixels of a buffer lie on a surface: turned counter-clockwise, perhaps flipped before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Turn {
    /// As they are.
    #[default]
    Normal,
    /// By 90 degrees.
    By90,
    /// By 180 degrees.
    By180,
    /// By 270 degrees.
    By270,
    /// Flipped left to right.
    Flipped,
    /// Flipped, then by 90 degrees.
    Flipped90,
    /// Flipped, then by 180 degrees.
    Flipped180,
    /// Flipped, then by 270 degrees.
    Flipped270,
}

impl Turn {
    /// Whether width and height change places.
    pub fn swaps(self) -> bool {
        matches!(
            self,
            Self::By90 | Self::By270 | Self::Flipped90 | Self::Flipped270
        )
    }

    /// Where in the buffer a point of the surface is, both as fractions of their sides.
    fn to_buffer(self, x: f64, y: f64) -> (f64, f64) {
        match self {
            Self::Normal => (x, y),
            Self::By90 => (y, 1.0 - x),
            Self::By180 => (1.0 - x, 1.0 - y),
            Self::By270 => (1.0 - y, x),
            Self::Flipped => (1.0 - x, y),
            Self::Flipped90 => (y, x),
            Self::Flipped180 => (x, 1.0 - y),
            Self::Flipped270 => (1.0 - y, 1.0 - x),
        }
    }
}

/// Which part of a surface is shown, as fractions of its sides.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Source {
    /// Left edge.
    pub x: f64,
    /// Upper edge.
    pub y: f64,
    /// Width.
    pub w: f64,
    /// Height.
    pub h: f64,
}

impl Source {
    /// All of it.
    pub const ALL: Self = Self {
        x: 0.0,
        y: 0.0,
        w: 1.0,
        h: 1.0,
    };
}

/// Where pixels are put.
#[derive(Debug)]
pub struct Canvas<'a> {
    pixels: &'a mut [u32],
    stride: usize,
    bounds: Rect,
}

impl<'a> Canvas<'a> {
    /// One over rows of `stride` pixels.
    pub fn new(pixels: &'a mut [u32], stride: usize, width: i32, height: i32) -> Self {
        Self {
            pixels,
            stride,
            bounds: Rect::new(0, 0, width, height),
        }
    }

    /// The pixels of a row from `x`, `count` of them; `None` where there are none such.
    fn span(&mut self, x: i32, y: i32, count: i32) -> Option<&mut [u32]> {
        let x = usize::try_from(x).ok()?;
        let start = usize::try_from(y)
            .ok()?
            .checked_mul(self.stride)?
            .checked_add(x)?;
        let end = start.checked_add(usize::try_from(count).ok()?)?;
        self.pixels.get_mut(start..end)
    }

    /// Fills a rectangle, each pixel by a function of its place.
    pub fn fill_with(&mut self, rect: Rect, colour: impl Fn(i32, i32) -> u32) {
        let rect = rect.intersect(self.bounds);
        for y in rect.y..rect.bottom() {
            if let Some(span) = self.span(rect.x, y, rect.w) {
                for (pixel, x) in span.iter_mut().zip(rect.x..) {
                    *pixel = colour(x, y);
                }
            }
        }
    }

    /// Draws a picture into `to`, as far as `clip` allows.
    pub fn draw(&mut self, image: &Image, to: Rect, source: Source, turn: Turn, clip: Rect) {
        let part = to.intersect(clip).intersect(self.bounds);
        if part.is_empty() || image.width <= 0 || image.height <= 0 {
            return;
        }
        let plain = turn == Turn::Normal
            && source == Source::ALL
            && to.w == image.width
            && to.h == image.height;
        if plain {
            self.draw_plain(image, to, part);
        } else {
            self.draw_mapped(image, to, source, turn, part);
        }
    }

    fn draw_plain(&mut self, image: &Image, to: Rect, part: Rect) {
        let skip = usize::try_from(part.x.saturating_sub(to.x)).unwrap_or(0);
        for y in part.y..part.bottom() {
            let Some(from) = image
                .row(y.saturating_sub(to.y))
                .and_then(|row| row.get(skip..))
            else {
                continue;
            };
            let Some(span) = self.span(part.x, y, part.w) else {
                continue;
            };
            let Some(from) = from.get(..span.len()) else {
                continue;
            };
            if image.opaque {
                span.copy_from_slice(from);
            } else {
                for (under, over) in span.iter_mut().zip(from) {
                    *under = blend(*under, *over);
                }
            }
        }
    }

    fn draw_mapped(&mut self, image: &Image, to: Rect, source: Source, turn: Turn, part: Rect) {
        let fraction = |at: i32, from: i32, size: i32| {
            (f64::from(at.saturating_sub(from)) + 0.5) / f64::from(size)
        };
        for y in part.y..part.bottom() {
            let v = source.y + fraction(y, to.y, to.h) * source.h;
            let Some(span) = self.span(part.x, y, part.w) else {
                continue;
            };
            for (under, x) in span.iter_mut().zip(part.x..) {
                let u = source.x + fraction(x, to.x, to.w) * source.w;
                let (u, v) = turn.to_buffer(u, v);
                let at = |part: f64, size: i32| (part * f64::from(size)).floor() as i32;
                let over = image.pixel(at(u, image.width), at(v, image.height));
                *under = if image.opaque {
                    over
                } else {
                    blend(*under, over)
                };
            }
        }
    }
}

/// One premultiplied colour over another. Two channels at a time, with the usual exact-enough division by 255.
pub fn blend(under: u32, over: u32) -> u32 {
    let alpha = over >> 24;
    match alpha {
        255 => over,
        0 if over == 0 => under,
        _ => {
            let rest = 255 - alpha;
            let scale = |pair: u32| {
                let product = (pair & 0x00ff_00ff)
                    .wrapping_mul(rest)
                    .wrapping_add(0x0080_0080);
                (product.wrapping_add((product >> 8) & 0x00ff_00ff) >> 8) & 0x00ff_00ff
            };
            let low = scale(under);
            let high = scale(under >> 8) << 8;
            // Each channel is at most 255: a colour brighter than its alpha must not spill into its neighbour.
            saturating_channels(low | high, over)
        }
    }
}

fn saturating_channels(a: u32, b: u32) -> u32 {
    let [a0, a1, a2, a3] = a.to_le_bytes();
    let [b0, b1, b2, b3] = b.to_le_bytes();
    u32::from_le_bytes([
        a0.saturating_add(b0),
        a1.saturating_add(b1),
        a2.saturating_add(b2),
        a3.saturating_add(b3),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered(width: i32, height: i32) -> Image {
        let pixels = (0..width * height)
            .map(|i| 0xff00_0000 | i.cast_unsigned())
            .collect();
        Image {
            width,
            height,
            opaque: true,
            pixels,
        }
    }

    fn drawn(image: &Image, to: Rect, source: Source, turn: Turn, size: (i32, i32)) -> Vec<u32> {
        let mut pixels = vec![0; (size.0 * size.1) as usize];
        let mut canvas = Canvas::new(&mut pixels, size.0 as usize, size.0, size.1);
        let all = canvas.bounds;
        canvas.draw(image, to, source, turn, all);
        pixels.iter().map(|pixel| pixel & 0xff_ffff).collect()
    }

    #[test]
    fn blending_is_premultiplied_over() {
        assert_eq!(blend(0xff12_3456, 0), 0xff12_3456);
        assert_eq!(blend(0xff12_3456, 0xffab_cdef), 0xffab_cdef);
        assert_eq!(blend(0xff00_00ff, 0x8080_0000), 0xff80_007f);
        assert_eq!(blend(0xffff_ffff, 0x01ff_ffff), 0xffff_ffff);
    }

    #[test]
    fn what_hangs_over_the_edge_is_cut() {
        let got = drawn(
            &numbered(2, 2),
            Rect::new(-1, -1, 2, 2),
            Source::ALL,
            Turn::Normal,
            (2, 2),
        );
        assert_eq!(got, [3, 0, 0, 0]);
        let got = drawn(
            &numbered(2, 2),
            Rect::new(1, 1, 2, 2),
            Source::ALL,
            Turn::Normal,
            (2, 2),
        );
        assert_eq!(got, [0, 0, 0, 0]);
    }

    #[test]
    fn a_turn_is_counter_clockwise() {
        // 0 1     A client that turned its picture by 90 degrees drew it so that we turn it back.
        // 2 3
        let turned = |turn| {
            drawn(
                &numbered(2, 2),
                Rect::new(0, 0, 2, 2),
                Source::ALL,
                turn,
                (2, 2),
            )
        };
        assert_eq!(turned(Turn::Normal), [0, 1, 2, 3]);
        assert_eq!(turned(Turn::By90), [2, 0, 3, 1]);
        assert_eq!(turned(Turn::By180), [3, 2, 1, 0]);
        assert_eq!(turned(Turn::By270), [1, 3, 0, 2]);
        assert_eq!(turned(Turn::Flipped), [1, 0, 3, 2]);
    }

    #[test]
    fn a_viewport_scales_a_part() {
        let right = Source {
            x: 0.5,
            y: 0.0,
            w: 0.5,
            h: 1.0,
        };
        let got = drawn(
            &numbered(2, 1),
            Rect::new(0, 0, 4, 1),
            right,
            Turn::Normal,
            (4, 1),
        );
        assert_eq!(got, [1, 1, 1, 1]);
        let got = drawn(
            &numbered(2, 1),
            Rect::new(0, 0, 4, 1),
            Source::ALL,
            Turn::Normal,
            (4, 1),
        );
        assert_eq!(got, [0, 0, 1, 1]);
    }

    #[test]
    fn an_image_that_lies_about_its_size_paints_nothing() {
        let image = Image {
            width: 100,
            height: 100,
            opaque: true,
            pixels: vec![1; 5],
        };
        let got = drawn(
            &image,
            Rect::new(0, 0, 100, 100),
            Source::ALL,
            Turn::Normal,
            (2, 2),
        );
        assert_eq!(got, [0, 0, 0, 0]);
    }
}
