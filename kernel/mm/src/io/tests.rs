//! Bytes moved to and from slices of the kernel and stretches of pages.

use super::*;

#[test]
fn stretches_of_pages_are_taken_in_order_and_taken_back() {
    let frames = [
        UFrame::alloc_zeroed().unwrap(),
        UFrame::alloc_zeroed().unwrap(),
    ];
    frames[0].write(100, b"abcd");
    frames[1].write(0, b"efgh");
    let pieces = [
        UserSlice::new(UserAddr(100), 4),
        UserSlice::new(UserAddr(0), 4),
    ];
    let mut src = IoSrc::frames(&frames, &pieces);
    let mut got = [0; 6];
    let mark = src.mark();
    assert_eq!(src.take(&mut got[..3]), 3);
    src.rewind(mark);
    assert_eq!(src.take(&mut got), 6);
    assert_eq!(&got, b"abcdef");
    // Into one of its own pages.
    assert_eq!(src.take_frame(&frames[1], 10, 9), 2);
    assert_eq!(src.remaining(), 0);
    let mut back = [0; 2];
    frames[1].read(10, &mut back);
    assert_eq!(&back, b"gh");
}

#[test]
fn kernel_slices_fill_and_drain_in_pieces() {
    let mut buf = [0u8; 10];
    let mut dst = IoDst::kernel(&mut buf);
    assert_eq!(dst.put(b"abc"), 3);
    let m = dst.mark();
    assert_eq!(dst.put(b"xx"), 2);
    dst.rewind(m);
    assert_eq!(dst.put_zeros(2), 2);
    dst.limit(4);
    assert_eq!(dst.put(b"defghij"), 4);
    assert_eq!(dst.remaining(), 0);
    assert_eq!(&buf, b"abc\0\0defg\0");

    let mut src = IoSrc::kernel(b"hello");
    let mut two = [0; 2];
    assert_eq!(src.take(&mut two), 2);
    let frame = UFrame::alloc_zeroed().unwrap();
    assert_eq!(src.take_frame(&frame, 4094, 5), 2);
    assert_eq!(src.remaining(), 1);
    let mut got = [0; 2];
    assert_eq!(frame.read(4094, &mut got), 2);
    assert_eq!(&got, b"ll");
}
