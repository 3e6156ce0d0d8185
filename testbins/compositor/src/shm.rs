//! `wl_shm`: clients' memory. It is read with `pread` and never mapped: a client that cuts its file short makes a
//! read come back short, where a mapping would end the compositor with SIGBUS.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use wayland_server::protocol::{wl_buffer, wl_shm, wl_shm_pool};
use wayland_server::{
    Client, DataInit, Dispatch, DisplayHandle, GlobalDispatch, New, Resource, WEnum,
};

use crate::canvas::Image;
use crate::state::State;

/// Bytes a pixel.
const PIXEL: i32 = 4;

/// Pixels of the largest picture taken. What lies in a file with holes costs its client nothing, but the copy costs us.
const MOST_PIXELS: i64 = 4096 * 4096;

/// A pool: the client's file, and how much of it the client says is ours to read.
#[derive(Debug)]
pub struct Pool {
    file: OwnedFd,
    size: AtomicI32,
}

/// A buffer: a picture in a pool.
#[derive(Debug, Clone)]
pub struct Buffer {
    pool: Arc<Pool>,
    offset: i32,
    /// Columns.
    pub width: i32,
    /// Rows.
    pub height: i32,
    stride: i32,
    opaque: bool,
}

impl Buffer {
    /// Whether the numbers describe something that lies in the pool.
    fn is_sound(&self) -> bool {
        let end = i64::from(self.offset) + i64::from(self.stride) * i64::from(self.height);
        self.offset >= 0
            && self.width > 0
            && self.height > 0
            && i64::from(self.stride) >= i64::from(self.width) * i64::from(PIXEL)
            && end <= i64::from(self.pool.size.load(Ordering::Relaxed))
    }

    /// Copies rows `from..to` into an image, which takes this buffer's size; all rows, if it had another.
    ///
    /// # Errors
    /// When the file is shorter than the client said, or cannot be read at a place.
    pub fn read(&self, image: &mut Image, from: i32, to: i32) -> io::Result<()> {
        let end = i64::from(self.offset) + i64::from(self.stride) * i64::from(self.height);
        if rustix::fs::fstat(&self.pool.file)?.st_size < end {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let (mut from, mut to) = (from.clamp(0, self.height), to.clamp(0, self.height));
        image.opaque = self.opaque;
        if (image.width, image.height) != (self.width, self.height) {
            let count = i64::from(self.width) * i64::from(self.height);
            if count > MOST_PIXELS {
                return Err(io::ErrorKind::OutOfMemory.into());
            }
            let count = usize::try_from(count).unwrap_or(0);
            image.pixels = Vec::new();
            image
                .pixels
                .try_reserve_exact(count)
                .map_err(|_| io::ErrorKind::OutOfMemory)?;
            image.pixels.resize(count, 0);
            (image.width, image.height) = (self.width, self.height);
            (from, to) = (0, self.height);
        }
        let width = usize::try_from(self.width).unwrap_or(0);
        let start = usize::try_from(from).unwrap_or(0).saturating_mul(width);
        let stop = usize::try_from(to).unwrap_or(0).saturating_mul(width);
        let Some(pixels) = image.pixels.get_mut(start..stop) else {
            return Ok(());
        };
        let place = |row: i32| {
            u64::try_from(i64::from(self.offset) + i64::from(self.stride) * i64::from(row))
                .unwrap_or(0)
        };
        if self.stride == self.width.saturating_mul(PIXEL) {
            return self.read_at(bytemuck::cast_slice_mut(pixels), place(from));
        }
        for (row, y) in pixels.chunks_exact_mut(width).zip(from..) {
            self.read_at(bytemuck::cast_slice_mut(row), place(y))?;
        }
        Ok(())
    }

    fn read_at(&self, mut bytes: &mut [u8], mut place: u64) -> io::Result<()> {
        while !bytes.is_empty() {
            let count = match rustix::io::pread(&self.pool.file, &mut *bytes, place) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => count,
                Err(rustix::io::Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            };
            place = place.saturating_add(count as u64);
            bytes = bytes.get_mut(count..).unwrap_or_default();
        }
        Ok(())
    }
}

impl GlobalDispatch<wl_shm::WlShm, ()> for State {
    fn bind(
        _: &mut Self,
        _: &DisplayHandle,
        _: &Client,
        resource: New<wl_shm::WlShm>,
        (): &(),
        init: &mut DataInit<'_, Self>,
    ) {
        let shm = init.init(resource, ());
        shm.format(wl_shm::Format::Argb8888);
        shm.format(wl_shm::Format::Xrgb8888);
    }
}

impl Dispatch<wl_shm::WlShm, ()> for State {
    fn request(
        _: &mut Self,
        _: &Client,
        shm: &wl_shm::WlShm,
        request: wl_shm::Request,
        (): &(),
        _: &DisplayHandle,
        init: &mut DataInit<'_, Self>,
    ) {
        if let wl_shm::Request::CreatePool { id, fd, size } = request {
            let pool = Pool {
                file: fd,
                size: AtomicI32::new(size),
            };
            init.init(id, Arc::new(pool));
            if size <= 0 {
                shm.post_error(
                    wl_shm::Error::InvalidStride,
                    format!("invalid size ({size})"),
                );
            }
        }
    }
}

impl Dispatch<wl_shm_pool::WlShmPool, Arc<Pool>> for State {
    fn request(
        _: &mut Self,
        _: &Client,
        resource: &wl_shm_pool::WlShmPool,
        request: wl_shm_pool::Request,
        pool: &Arc<Pool>,
        _: &DisplayHandle,
        init: &mut DataInit<'_, Self>,
    ) {
        match request {
            wl_shm_pool::Request::CreateBuffer {
                id,
                offset,
                width,
                height,
                stride,
                format,
            } => {
                let buffer = Buffer {
                    pool: Arc::clone(pool),
                    offset,
                    width,
                    height,
                    stride,
                    opaque: format == WEnum::Value(wl_shm::Format::Xrgb8888),
                };
                let known = buffer.opaque || format == WEnum::Value(wl_shm::Format::Argb8888);
                let sound = buffer.is_sound();
                init.init(id, buffer);
                if !known {
                    resource.post_error(wl_shm::Error::InvalidFormat, "invalid format");
                } else if !sound {
                    let what =
                        format!("invalid width, height or stride ({width}x{height}, {stride})");
                    resource.post_error(wl_shm::Error::InvalidStride, what);
                }
            }
            wl_shm_pool::Request::Resize { size } => {
                if size < pool.size.load(Ordering::Relaxed) {
                    resource.post_error(wl_shm::Error::InvalidFd, "shrinking pool invalid");
                } else {
                    pool.size.store(size, Ordering::Relaxed);
                }
            }
            _ => {}
        }
    }
}

impl Dispatch<wl_buffer::WlBuffer, Buffer> for State {
    fn request(
        _: &mut Self,
        _: &Client,
        _: &wl_buffer::WlBuffer,
        _: wl_buffer::Request,
        _: &Buffer,
        _: &DisplayHandle,
        _: &mut DataInit<'_, Self>,
    ) {
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{MemfdFlags, ftruncate, memfd_create};

    fn buffer(bytes: &[u8], stride: i32) -> io::Result<Buffer> {
        let file = memfd_create("pool", MemfdFlags::CLOEXEC)?;
        rustix::io::pwrite(&file, bytes, 0)?;
        let size = AtomicI32::new(bytes.len() as i32);
        Ok(Buffer {
            pool: Arc::new(Pool { file, size }),
            offset: 0,
            width: 2,
            height: 2,
            stride,
            opaque: true,
        })
    }

    #[test]
    fn rows_are_read_with_and_without_padding() -> io::Result<()> {
        let bytes: Vec<u8> = (0..24).collect();
        let mut image = Image::default();
        buffer(&bytes, 8)?.read(&mut image, 0, 2)?;
        assert_eq!(
            image.pixels,
            [0x0302_0100, 0x0706_0504, 0x0b0a_0908, 0x0f0e_0d0c]
        );
        let mut image = Image::default();
        buffer(&bytes, 12)?.read(&mut image, 0, 2)?;
        assert_eq!(
            image.pixels,
            [0x0302_0100, 0x0706_0504, 0x0f0e_0d0c, 0x1312_1110]
        );
        Ok(())
    }

    #[test]
    fn a_file_cut_short_is_an_error_and_nothing_worse() -> io::Result<()> {
        let buffer = buffer(&[7; 16], 8)?;
        let mut image = Image::default();
        buffer.read(&mut image, 0, 2)?;
        ftruncate(&buffer.pool.file, 4)?;
        assert!(buffer.read(&mut image, 0, 2).is_err());
        Ok(())
    }

    #[test]
    fn a_picture_of_holes_is_not_copied() -> io::Result<()> {
        let mut buffer = buffer(&[0; 16], 8)?;
        ftruncate(&buffer.pool.file, i32::MAX as u64)?;
        (buffer.width, buffer.height, buffer.stride) = (20_000, 20_000, 80_000);
        let mut image = Image::default();
        assert!(buffer.read(&mut image, 0, 1).is_err());
        assert_eq!(image.pixels.capacity(), 0);
        Ok(())
    }

    #[test]
    fn numbers_that_leave_the_pool_are_unsound() -> io::Result<()> {
        let good = buffer(&[0; 16], 8)?;
        assert!(good.is_sound());
        for (offset, width, height, stride) in [
            (-1, 2, 2, 8),
            (1, 2, 2, 8),
            (0, 0, 2, 8),
            (0, 3, 2, 8),
            (0, 2, i32::MAX, i32::MAX),
        ] {
            let bad = Buffer {
                offset,
                width,
                height,
                stride,
                ..good.clone()
            };
            assert!(!bad.is_sound());
        }
        Ok(())
    }
}
