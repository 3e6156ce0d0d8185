#!/bin/sh
set -eu
cd "$SRC/cursor"
: > config.h
for file in wayland-cursor xcursor os-compatibility; do
	aarch64-linux-musl-gcc -std=gnu99 -O2 -w -DHAVE_MEMFD_CREATE -DHAVE_MKOSTEMP -DHAVE_POSIX_FALLOCATE \
		-DICONDIR='"/usr/share/icons"' -I. -I"$DEPS/wayland/include" -c "$file.c"
done
mkdir -p "$OUT/include" "$OUT/lib"
# The compositor's programs bring an os-compatibility.c of their own, with the same names.
aarch64-linux-musl-ld -r -o cursor.o wayland-cursor.o xcursor.o os-compatibility.o
aarch64-linux-musl-objcopy --keep-global-symbol=wl_cursor_theme_load --keep-global-symbol=wl_cursor_theme_destroy \
	--keep-global-symbol=wl_cursor_theme_get_cursor --keep-global-symbol=wl_cursor_image_get_buffer \
	--keep-global-symbol=wl_cursor_frame --keep-global-symbol=wl_cursor_frame_and_duration cursor.o
aarch64-linux-musl-ar rcs "$OUT/lib/libwayland-cursor.a" cursor.o
cp wayland-cursor.h "$OUT/include"
