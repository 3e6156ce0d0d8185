#!/bin/sh
set -eu
cd "$SRC"
./configure --host=aarch64-linux-musl --prefix=/usr --sysconfdir=/etc --localstatedir=/var --with-session-socket-dir=/tmp \
	--disable-shared --enable-static --disable-tests --disable-systemd --disable-selinux --disable-apparmor \
	--disable-xml-docs --disable-doxygen-docs --disable-ducktype-docs --disable-libaudit --without-x \
	--with-dbus-user=root CC=aarch64-linux-musl-gcc AR=aarch64-linux-musl-ar RANLIB=aarch64-linux-musl-ranlib \
	EXPAT_CFLAGS="-I$DEPS/expat-guest/include" EXPAT_LIBS=-lexpat \
	LDFLAGS="-L$DEPS/expat-guest/lib" LIBS=-lexpat > configured
make -s -j"$JOBS" -C dbus
make -s -j"$JOBS" -C bus dbus-daemon
make -s -j"$JOBS" -C tools dbus-send dbus-monitor
mkdir -p "$OUT/bin" "$OUT/share"
for program in bus/dbus-daemon tools/dbus-send tools/dbus-monitor; do
	aarch64-linux-musl-strip "$program"
	cp "$program" "$OUT/bin/"
done
cp bus/session.conf bus/system.conf "$OUT/share/"
