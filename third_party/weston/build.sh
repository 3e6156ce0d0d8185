#!/bin/sh
# Only the clients that need no toolkit, each straight from its source.
set -eu
cd "$SRC"
mkdir build
cat > build/config.h <<'END'
#define _GNU_SOURCE 1
#define HAVE_MKOSTEMP 1
#define HAVE_STRCHRNUL 1
#define HAVE_INITGROUPS 1
#define HAVE_POSIX_FALLOCATE 1
#define HAVE_MEMFD_CREATE 1
#define PACKAGE_STRING "weston 10.0.1"
#define VERSION "10.0.1"
END
protocol() {
	"$DEPS/wayland/host/wayland-scanner" -s client-header "$2" "build/$1-client-protocol.h"
	"$DEPS/wayland/host/wayland-scanner" -s public-code "$2" "build/$1-protocol.c"
}
from="$DEPS/wayland-protocols"
protocol xdg-shell "$from/stable/xdg-shell/xdg-shell.xml"
protocol viewporter "$from/stable/viewporter/viewporter.xml"
protocol presentation-time "$from/stable/presentation-time/presentation-time.xml"
protocol fullscreen-shell-unstable-v1 "$from/unstable/fullscreen-shell/fullscreen-shell-unstable-v1.xml"
mkdir -p "$OUT/bin" "$OUT/protocol"
cp build/*-protocol.h build/*-protocol.c "$OUT/protocol"
client() {
	name=$1
	shift
	sources=
	for one in "$@"; do sources="$sources build/$one-protocol.c"; done
	# Not -I shared: it has a signal.h of its own.
	aarch64-linux-musl-gcc -std=gnu99 -O2 -static -include build/config.h -Ibuild -I. -Iinclude \
		-I"$DEPS/wayland/include" -o "$OUT/bin/weston-$name" "clients/$name.c" $sources \
		shared/os-compatibility.c shared/xalloc.c \
		"$DEPS/wayland/lib/libwayland-client.a" "$DEPS/libffi/lib/libffi.a" -lpthread -lm
}
client simple-shm xdg-shell fullscreen-shell-unstable-v1
client simple-damage xdg-shell fullscreen-shell-unstable-v1 viewporter
client simple-touch xdg-shell
client multi-resource xdg-shell
client presentation-shm xdg-shell presentation-time
aarch64-linux-musl-strip "$OUT"/bin/*
