#!/bin/sh
set -eu
cd "$SRC"
# What the build asks `uname` for, it would learn of this machine.
make -s -j"$JOBS" -C src MALLOC=libc USE_SYSTEMD=no BUILD_TLS=no OPTIMIZATION=-O2 DEBUG= V=1 \
	CC=aarch64-linux-musl-gcc AR=aarch64-linux-musl-ar RANLIB=aarch64-linux-musl-ranlib LD=aarch64-linux-musl-ld \
	uname_S=Linux uname_M=aarch64 redis-server redis-cli redis-benchmark
mkdir -p "$OUT/bin"
for program in redis-server redis-cli redis-benchmark; do
	aarch64-linux-musl-strip "src/$program"
	cp "src/$program" "$OUT/bin/"
done
