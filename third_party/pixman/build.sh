#!/bin/sh
# The plain paths in C, without the assembler ones for this processor.
set -eu
cd "$SRC/pixman"
cat > config.h <<'END'
#define HAVE_PTHREADS 1
#define HAVE_BUILTIN_CLZ 1
#define HAVE_POSIX_MEMALIGN 1
#define PACKAGE "pixman-1"
#define SIZEOF_LONG 8
#define TLS __thread
#define TOOLCHAIN_SUPPORTS_ATTRIBUTE_CONSTRUCTOR 1
END
files="pixman access access-accessors bits-image combine32 combine-float conical-gradient filter x86 mips arm ppc edge
	edge-accessors fast-path glyph general gradient-walker image implementation linear-gradient matrix noop
	radial-gradient region16 region32 solid-fill timer trap utils"
for file in $files; do
	[ "$file" = pixman ] && echo pixman || echo "pixman-$file"
done | xargs -P "$JOBS" -I '{}' aarch64-linux-musl-gcc -O2 -fno-strict-aliasing -DHAVE_CONFIG_H -I. -c '{}.c'
mkdir -p "$OUT/include" "$OUT/lib"
aarch64-linux-musl-ar rcs "$OUT/lib/libpixman.a" *.o
cp pixman.h pixman-version.h "$OUT/include"
