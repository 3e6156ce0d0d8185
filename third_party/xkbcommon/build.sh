#!/bin/sh
# Keymaps come from the compositor: there is no folder of them.
set -eu
cd "$SRC"
cat > config.h <<'END'
#define _GNU_SOURCE 1
#define DFLT_XKB_CONFIG_ROOT "/usr/share/X11/xkb"
#define DFLT_XKB_CONFIG_EXTRA_PATH "/etc/xkb"
#define XLOCALEDIR "/usr/share/X11/locale"
#define DEFAULT_XKB_RULES "evdev"
#define DEFAULT_XKB_MODEL "pc105"
#define DEFAULT_XKB_LAYOUT "us"
#define DEFAULT_XKB_VARIANT NULL
#define DEFAULT_XKB_OPTIONS NULL
#define LIBXKBCOMMON_VERSION "1.5.0"
#define HAVE_UNISTD_H 1
#define HAVE___BUILTIN_EXPECT 1
#define HAVE_EACCESS 1
#define HAVE_MMAP 1
#define HAVE_MKOSTEMP 1
#define HAVE_POSIX_FALLOCATE 1
#define HAVE_STRNDUP 1
#define HAVE_ASPRINTF 1
#define HAVE_VASPRINTF 1
#define HAVE_SECURE_GETENV 1
END
bison --defines=src/xkbcomp/parser.h -o src/xkbcomp/parser.c -p _xkbcommon_ src/xkbcomp/parser.y 2> /dev/null
ls src/compose/*.c src/xkbcomp/*.c src/atom.c src/context.c src/context-priv.c src/keysym.c src/keysym-utf.c src/keymap.c \
	src/keymap-priv.c src/state.c src/text.c src/utf8.c src/utils.c |
	xargs -P "$JOBS" -I '{}' sh -ec 'aarch64-linux-musl-gcc -std=c11 -O2 -w -include config.h -Iinclude -Isrc -I. -c "$1" \
		-o "$(echo "$1" | tr / -).o"' - '{}'
mkdir -p "$OUT/include" "$OUT/lib"
aarch64-linux-musl-ar rcs "$OUT/lib/libxkbcommon.a" ./*.o
cp -r include/xkbcommon "$OUT/include"
