//! Pictures: read from QEMU, compared, kept as PNG.

use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::Path;

use anyhow::{Context, Result, bail};

/// Rows of pixels, three bytes each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    bytes: Vec<u8>,
}

/// A part of a picture: left, top, width, height.
pub type Part = (usize, usize, usize, usize);

impl Picture {
    /// Reads a binary PPM (`P6`), as QEMU writes it.
    pub fn from_ppm(file: &[u8]) -> Result<Self> {
        let mut words = Vec::new();
        let mut at = 0;
        while words.len() < 4 {
            let rest = file.get(at..).unwrap_or_default();
            let start = rest.iter().position(|byte| !byte.is_ascii_whitespace());
            let start = start.context("the picture has no header")?;
            let word = rest.get(start..).unwrap_or_default();
            let end = word
                .iter()
                .position(u8::is_ascii_whitespace)
                .context("the picture has no pixels")?;
            words.push(String::from_utf8_lossy(word.get(..end).unwrap_or_default()).into_owned());
            at += start + end;
        }
        let [kind, width, height, depth] = words.as_slice() else {
            bail!("the picture's header is broken");
        };
        if kind != "P6" || depth != "255" {
            bail!("a picture of kind {kind}, {depth}");
        }
        let (width, height) = (width.parse::<usize>()?, height.parse::<usize>()?);
        let bytes = file.get(at + 1..).unwrap_or_default().to_vec();
        if bytes.len() != width * height * 3 {
            bail!("the picture is not as large as it says");
        }
        Ok(Self {
            width,
            height,
            bytes,
        })
    }

    /// Reads a PNG of three bytes a pixel.
    pub fn read(path: &Path) -> Result<Self> {
        let file = File::open(path).with_context(|| path.display().to_string())?;
        let mut reader = png::Decoder::new(BufReader::new(file)).read_info()?;
        let size = reader.output_buffer_size().context("a picture too large")?;
        let mut bytes = vec![0; size];
        let info = reader.next_frame(&mut bytes)?;
        if (info.color_type, info.bit_depth) != (png::ColorType::Rgb, png::BitDepth::Eight) {
            bail!("{}: not three bytes a pixel", path.display());
        }
        bytes.truncate(info.buffer_size());
        Ok(Self {
            width: info.width as usize,
            height: info.height as usize,
            bytes,
        })
    }

    /// Writes a PNG.
    pub fn write(&self, path: &Path) -> Result<()> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let file = File::create(path).with_context(|| path.display().to_string())?;
        let (width, height) = (u32::try_from(self.width)?, u32::try_from(self.height)?);
        let mut encoder = png::Encoder::new(BufWriter::new(file), width, height);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_compression(png::Compression::High);
        encoder.write_header()?.write_image_data(&self.bytes)?;
        Ok(())
    }

    /// A pixel: red, green, blue.
    pub fn pixel(&self, x: usize, y: usize) -> Option<[u8; 3]> {
        if x >= self.width {
            return None;
        }
        let at = (y * self.width + x) * 3;
        self.bytes.get(at..at + 3)?.try_into().ok()
    }

    /// How many pixels of a part differ from another picture's.
    pub fn differences(&self, other: &Self, part: Part) -> usize {
        let (left, top, width, height) = part;
        (top..top + height)
            .flat_map(|y| (left..left + width).map(move |x| (x, y)))
            .filter(|(x, y)| self.pixel(*x, *y) != other.pixel(*x, *y))
            .count()
    }

    /// How many pixels differ at all; `None` if the sizes do.
    pub fn differs(&self, other: &Self) -> Option<usize> {
        let same = (self.width, self.height) == (other.width, other.height);
        same.then(|| self.differences(other, (0, 0, self.width, self.height)))
    }

    /// How many pixels of a part have a colour.
    pub fn count(&self, colour: [u8; 3], part: Part) -> usize {
        let (left, top, width, height) = part;
        (top..top + height)
            .flat_map(|y| (left..left + width).map(move |x| (x, y)))
            .filter(|(x, y)| self.pixel(*x, *y) == Some(colour))
            .count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two_by_one() -> Result<Picture> {
        Picture::from_ppm(b"P6\n2 1\n255\n\x01\x02\x03\x04\x05\x06")
    }

    #[test]
    fn a_ppm_is_read() -> Result<()> {
        let picture = two_by_one()?;
        assert_eq!((picture.width, picture.height), (2, 1));
        assert_eq!(picture.pixel(1, 0), Some([4, 5, 6]));
        assert_eq!(picture.pixel(2, 0), None);
        assert!(Picture::from_ppm(b"P6\n2 1\n255\n\x01").is_err());
        assert!(Picture::from_ppm(b"P5 2 1 255 ").is_err());
        Ok(())
    }

    #[test]
    fn a_png_comes_back_as_it_was() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("x.png");
        let picture = two_by_one()?;
        picture.write(&path)?;
        assert_eq!(Picture::read(&path)?, picture);
        Ok(())
    }

    #[test]
    fn differences_are_counted() -> Result<()> {
        let one = two_by_one()?;
        let other = Picture::from_ppm(b"P6\n2 1\n255\n\x01\x02\x03\x04\x05\x07")?;
        assert_eq!(one.differs(&other), Some(1));
        assert_eq!(one.differences(&other, (0, 0, 1, 1)), 0);
        assert_eq!(one.count([4, 5, 6], (0, 0, 2, 1)), 1);
        Ok(())
    }
}
