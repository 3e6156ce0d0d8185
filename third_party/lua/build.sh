#!/bin/sh
set -eu
cd "$SRC/src"
make -s -j"$JOBS" CC=aarch64-linux-musl-gcc AR='aarch64-linux-musl-ar rcu' RANLIB=aarch64-linux-musl-ranlib \
	MYCFLAGS=-DLUA_USE_POSIX lua
aarch64-linux-musl-strip lua
mkdir -p "$OUT/bin"
cp lua "$OUT/bin/lua"
