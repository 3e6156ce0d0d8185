#!/bin/sh
# The toolkit once, then each client with it. What they draw their windows' frames with goes into share/.
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
#define HAVE_XKBCOMMON_COMPOSE 1
#define PACKAGE_STRING "weston 10.0.1"
#define VERSION "10.0.1"
#define DATADIR "/wayland/share"
END
protocol() {
	"$DEPS/wayland/host/wayland-scanner" -s client-header "$2" "build/$1-client-protocol.h"
	"$DEPS/wayland/host/wayland-scanner" -s public-code "$2" "build/$1-protocol.c"
}
from="$DEPS/wayland-protocols"
protocol xdg-shell "$from/stable/xdg-shell/xdg-shell.xml"
protocol viewporter "$from/stable/viewporter/viewporter.xml"
protocol relative-pointer-unstable-v1 "$from/unstable/relative-pointer/relative-pointer-unstable-v1.xml"
protocol pointer-constraints-unstable-v1 "$from/unstable/pointer-constraints/pointer-constraints-unstable-v1.xml"
protocol fullscreen-shell-unstable-v1 "$from/unstable/fullscreen-shell/fullscreen-shell-unstable-v1.xml"
protocol text-cursor-position protocol/text-cursor-position.xml
protocol ivi-application protocol/ivi-application.xml

# Not -I shared: it has a signal.h of its own.
flags="-std=gnu99 -O2 -w -include build/config.h -Ibuild -I. -Iinclude -Iclients"
for dep in wayland wayland-cursor pixman cairo libpng zlib xkbcommon; do
	flags="$flags -I$DEPS/$dep/include"
done
export flags
objects="clients/window.c shared/frame.c shared/cairo-util.c shared/image-loader.c shared/option-parser.c
	shared/config-parser.c shared/file-util.c shared/os-compatibility.c shared/xalloc.c shared/matrix.c"
ls $objects build/*-protocol.c | xargs -P "$JOBS" -I '{}' sh -ec \
	'aarch64-linux-musl-gcc $flags -c "$1" -o "build/$(basename "$1" .c).o"' - '{}'
aarch64-linux-musl-ar rcs build/libtoytoolkit.a build/*.o
libraries="build/libtoytoolkit.a"
for library in wayland-cursor/lib/libwayland-cursor wayland/lib/libwayland-client cairo/lib/libcairo \
	pixman/lib/libpixman libpng/lib/libpng zlib/lib/libz xkbcommon/lib/libxkbcommon libffi/lib/libffi; do
	libraries="$libraries $DEPS/$library.a"
done
export libraries
mkdir -p "$OUT/bin" "$OUT/share/weston"
printf '%s\n' clickdot confine dnd eventdemo flower fullscreen image resizor scaler smoke stacking terminal transformed |
	xargs -P "$JOBS" -I '{}' sh -ec 'aarch64-linux-musl-gcc $flags -static -o "$OUT/bin/weston-$1" "clients/$1.c" \
		$libraries -lpthread -lm -lutil' - '{}'
aarch64-linux-musl-strip "$OUT"/bin/*
cp data/icon_window.png data/sign_close.png data/sign_maximize.png data/sign_minimize.png data/border.png \
	data/icon_flower.png data/icon_terminal.png "$OUT/share/weston"
