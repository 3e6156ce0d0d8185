#!/bin/sh
# One program with four names. Logins are recorded nowhere: the guest has no utmp.
set -eu
cd "$SRC"
./configure --host=aarch64-linux-musl --enable-static --disable-zlib --disable-lastlog --disable-utmp --disable-utmpx \
	--disable-wtmp --disable-wtmpx --disable-pututline --disable-pututxline --disable-harden \
	CC=aarch64-linux-musl-gcc AR=aarch64-linux-musl-ar RANLIB=aarch64-linux-musl-ranlib CFLAGS=-Os
make -s -j"$JOBS" MULTI=1 PROGRAMS="dropbear dbclient dropbearkey dropbearconvert"
aarch64-linux-musl-strip dropbearmulti
mkdir -p "$OUT/bin"
cp dropbearmulti "$OUT/bin/"
