#!/bin/sh
# Pictures in memory and PNGs. Letters are those that cairo brings itself: no font files.
set -eu
cd "$SRC/src"
cat > config.h <<'END'
#define _GNU_SOURCE 1
#define HAVE_STDINT_H 1
#define HAVE_INTTYPES_H 1
#define HAVE_UINT64_T 1
#define HAVE_UNISTD_H 1
#define HAVE_SYS_TYPES_H 1
#define HAVE_SYS_STAT_H 1
#define HAVE_FCNTL_H 1
#define HAVE_FENV_H 1
#define HAVE_LOCALE_H 1
#define HAVE_STRNDUP 1
#define HAVE_CTIME_R 1
#define HAVE_RAISE 1
#define HAVE_CXX11_ATOMIC_PRIMITIVES 1
#define CAIRO_HAS_PTHREAD 1
#define CAIRO_HAS_REAL_PTHREAD 1
#define SIZEOF_INT 4
#define SIZEOF_LONG 8
#define SIZEOF_LONG_LONG 8
#define SIZEOF_SIZE_T 8
#define SIZEOF_VOID_P 8
END
cat > cairo-features.h <<'END'
#ifndef CAIRO_FEATURES_H
#define CAIRO_FEATURES_H
#define CAIRO_HAS_IMAGE_SURFACE 1
#define CAIRO_HAS_MIME_SURFACE 1
#define CAIRO_HAS_OBSERVER_SURFACE 1
#define CAIRO_HAS_RECORDING_SURFACE 1
#define CAIRO_HAS_USER_FONT 1
#define CAIRO_HAS_PNG_FUNCTIONS 1
#endif
END
sed -n '/^cairo_sources = /,/[^\\]$/p' Makefile.sources | grep -o '[a-z0-9-]*\.c\>' > files
echo cairo-png.c >> files
xargs -P "$JOBS" -I '{}' aarch64-linux-musl-gcc -O2 -w -fno-strict-aliasing -DHAVE_CONFIG_H -I. -I.. \
	-I"$DEPS/pixman/include" -I"$DEPS/libpng/include" -I"$DEPS/zlib/include" -c '{}' < files
mkdir -p "$OUT/include" "$OUT/lib"
aarch64-linux-musl-ar rcs "$OUT/lib/libcairo.a" *.o
cp cairo.h cairo-features.h cairo-deprecated.h "$OUT/include"
# src/cairo-version.h only points to this one.
cp ../cairo-version.h "$OUT/include"
