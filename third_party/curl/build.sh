#!/bin/sh
set -eu
cd "$SRC"
./configure --host=aarch64-linux-musl --disable-shared --enable-static --with-openssl="$DEPS/openssl" --without-zlib \
	--without-brotli --without-zstd --without-libpsl --without-libidn2 --without-nghttp2 --without-libssh2 --without-ca-bundle \
	--without-ca-path --disable-docs --disable-manual --disable-ldap --disable-rtsp --disable-dict --disable-telnet \
	--disable-tftp --disable-pop3 --disable-imap --disable-smb --disable-smtp --disable-gopher --disable-mqtt --disable-ntlm \
	--disable-doh --disable-alt-svc --disable-hsts --disable-ipfs --disable-websockets --disable-aws --disable-libcurl-option \
	--enable-unix-sockets --disable-dependency-tracking \
	CC=aarch64-linux-musl-gcc AR=aarch64-linux-musl-ar RANLIB=aarch64-linux-musl-ranlib CFLAGS="-O1 -static" LDFLAGS=-static > /dev/null
make -s -j"$JOBS" -C lib
make -s -j"$JOBS" -C src LDFLAGS="-static -all-static" curl
aarch64-linux-musl-strip src/curl
mkdir -p "$OUT/bin"
cp src/curl "$OUT/bin/"
