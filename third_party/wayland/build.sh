#!/bin/sh
# Compiled as its meson.build says, which takes a compiler and nothing else. The scanner runs on this machine; the
# libraries and the tests are for the guest. The tests go into tests/, away from the programs that everybody gets.
set -eu
cd "$SRC"
mkdir build
cat > config.h <<'END'
#define PACKAGE "wayland"
#define PACKAGE_VERSION "1.23.1"
#define HAVE_SYS_PRCTL_H 1
#define HAVE_ACCEPT4 1
#define HAVE_MKOSTEMP 1
#define HAVE_POSIX_FALLOCATE 1
#define HAVE_PRCTL 1
#define HAVE_MEMFD_CREATE 1
#define HAVE_MREMAP 1
#define HAVE_STRNDUP 1
#define HAVE_XUCRED_CR_PID 0
#define HAVE_BROKEN_MSG_CMSG_CLOEXEC 0
END
sed -e 's/@WAYLAND_VERSION_MAJOR@/1/' -e 's/@WAYLAND_VERSION_MINOR@/23/' \
	-e 's/@WAYLAND_VERSION_MICRO@/1/' -e 's/@WAYLAND_VERSION@/1.23.1/' \
	src/wayland-version.h.in > build/wayland-version.h
flags="-std=c99 -O2 -g -D_POSIX_C_SOURCE=200809L -fvisibility=hidden -Ibuild -Isrc -I."

gcc $flags -include config.h -I"$DEPS/expat/include" -o build/wayland-scanner \
	src/scanner.c src/wayland-util.c "$DEPS/expat/lib/libexpat.a" -lm
scan() {
	build/wayland-scanner -s "$@"
}
for side in server client; do
	scan "$side-header" protocol/wayland.xml "build/wayland-$side-protocol.h"
	scan "$side-header" -c protocol/wayland.xml "build/wayland-$side-protocol-core.h"
	scan "$side-header" protocol/tests.xml "build/tests-$side-protocol.h"
done
scan public-code protocol/wayland.xml build/wayland-protocol.c
scan public-code protocol/tests.xml build/tests-protocol.c

flags="$flags -I$DEPS/libffi/include"
# One object a source, as many at a time as there are processors.
objects() {
	printf '%s\n' "$@" | xargs -P "$JOBS" -I '{}' sh -ec \
		'aarch64-linux-musl-gcc '"$flags"' -c "$1" -o "build/$(basename "$1" .c).o"' - '{}'
}
objects src/connection.c src/event-loop.c src/wayland-client.c src/wayland-os.c src/wayland-server.c \
	src/wayland-shm.c src/wayland-util.c build/wayland-protocol.c build/tests-protocol.c \
	tests/test-runner.c tests/test-helpers.c tests/test-compositor.c
mkdir -p "$OUT/lib" "$OUT/include" "$OUT/host" "$OUT/tests"
cd build
common="wayland-protocol.o wayland-util.o connection.o wayland-os.o"
aarch64-linux-musl-ar rcs "$OUT/lib/libwayland-client.a" wayland-client.o $common
aarch64-linux-musl-ar rcs "$OUT/lib/libwayland-server.a" wayland-server.o wayland-shm.o event-loop.o $common
# The tests take from archives what they use: one of them has a main of its own, one a copy of the server's source.
aarch64-linux-musl-ar rcs libtest-runner.a test-runner.o test-helpers.o test-compositor.o wayland-server.o \
	wayland-client.o event-loop.o wayland-shm.o $common
cd ..
cp build/wayland-scanner "$OUT/host"
cp build/wayland-version.h build/wayland-server-protocol.h build/wayland-client-protocol.h src/wayland-util.h \
	src/wayland-server.h src/wayland-server-core.h src/wayland-client.h src/wayland-client-core.h "$OUT/include"

# The runner checks for descriptors that leak, and counts them with a helper it executes.
printf '%s\n' exec-fd-leak-checker array client display connection event-loop fixed interface list map sanity socket \
	queue signal newsignal resources message compositor-introspection protocol-logger headers os-wrappers proxy \
	enum-validator | OUT="$OUT" DEPS="$DEPS" flags="$flags" xargs -P "$JOBS" -I '{}' sh -ec '
	case "$1" in
	exec-fd-leak-checker) name=$1 more= ;;
	display) name=display-test more=build/tests-protocol.o ;;
	headers) name=headers-test more="tests/headers-protocol-test.c tests/headers-protocol-core-test.c" ;;
	newsignal) name=newsignal-test more=src/wayland-server.c ;;
	*) name=$1-test more= ;;
	esac
	aarch64-linux-musl-gcc $flags -static -o "$OUT/tests/$name" "tests/$name.c" $more build/libtest-runner.a \
		"$DEPS/libffi/lib/libffi.a" -lpthread -lm -ldl' - '{}'
aarch64-linux-musl-strip "$OUT"/tests/*
