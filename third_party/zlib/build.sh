#!/bin/sh
set -eu
cd "$SRC"
files="adler32 compress crc32 deflate inffast inflate inftrees trees uncompr zutil gzclose gzlib gzread gzwrite infback"
printf '%s\n' $files | xargs -P "$JOBS" -I '{}' aarch64-linux-musl-gcc -O2 -DHAVE_UNISTD_H -D_LARGEFILE64_SOURCE=1 -I. -c '{}.c'
mkdir -p "$OUT/include" "$OUT/lib"
aarch64-linux-musl-ar rcs "$OUT/lib/libz.a" *.o
cp zlib.h zconf.h "$OUT/include"
