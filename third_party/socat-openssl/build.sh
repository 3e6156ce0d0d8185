#!/bin/sh
# configure runs a program to learn how termios.h shifts these bits; cross-compiled, it must be told.
set -eu
cd "$SRC"
./configure --host=aarch64-linux-musl --enable-openssl-base="$DEPS/openssl" --disable-readline --disable-libwrap \
	sc_cv_sys_crdly_shift=9 sc_cv_sys_tabdly_shift=11 sc_cv_sys_csize_shift=4 \
	CC=aarch64-linux-musl-gcc AR=aarch64-linux-musl-ar RANLIB=aarch64-linux-musl-ranlib \
	CPPFLAGS="-I$DEPS/openssl/include" LDFLAGS="-L$DEPS/openssl/lib" LIBS="-lssl -lcrypto -pthread"
make -s -j"$JOBS" socat
aarch64-linux-musl-strip socat
mkdir -p "$OUT/bin"
# Not the name of the other, which stands in the same folder of programs.
cp socat "$OUT/bin/socat-tls"
