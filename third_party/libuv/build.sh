#!/bin/sh
# The library and its test runner, compiled without upstream's autotools, which a machine may lack: for Linux the
# sources are those that CMakeLists.txt names, the tests all that are there.
set -eu
cd "$SRC"
CC=aarch64-linux-musl-gcc
FLAGS="-O2 -g0 -pthread -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -D_LARGEFILE_SOURCE -Iinclude -Isrc"
LIBRARY="fs-poll idna inet random strscpy strtok thread-common threadpool timer uv-common uv-data-getter-setters version
	unix/async unix/core unix/dl unix/fs unix/getaddrinfo unix/getnameinfo unix/linux unix/loop unix/loop-watcher
	unix/pipe unix/poll unix/process unix/procfs-exepath unix/proctitle unix/random-devurandom unix/random-getrandom
	unix/random-sysctl-linux unix/signal unix/stream unix/tcp unix/thread unix/tty unix/udp"
mkdir -p objects/library objects/test
for name in $LIBRARY; do
	echo "$CC $FLAGS -c src/$name.c -o objects/library/$(echo "$name" | tr / -).o"
done > work
for file in test/test-*.c test/runner.c test/runner-unix.c test/run-tests.c test/blackhole-server.c test/echo-server.c; do
	echo "$CC $FLAGS -c $file -o objects/test/$(basename "$file" .c).o"
done >> work
xargs -P "$JOBS" -I{} sh -c '{}' < work
aarch64-linux-musl-ar rcs objects/libuv.a objects/library/*.o
mkdir -p "$OUT/bin" "$OUT/share/libuv"
$CC -pthread -o "$OUT/bin/uv-run-tests" objects/test/*.o objects/libuv.a
aarch64-linux-musl-strip "$OUT/bin/uv-run-tests"
# Files that some tests read, by names relative to the folder they are started in.
mkdir -p "$OUT/share/libuv/test"
cp -r test/fixtures "$OUT/share/libuv/test/fixtures"
