#!/bin/sh
# TLS 1.2 and 1.3 with what peers agree on, and no more: an algorithm that is left out takes no time here.
set -eu
cd "$SRC"
perl ./Configure linux-aarch64 --cross-compile-prefix=aarch64-linux-musl- --prefix=/usr --openssldir=/etc/ssl --libdir=lib \
	no-shared no-tests no-docs no-module no-engine no-async no-legacy no-dso \
	no-aria no-argon2 no-bf no-blake2 no-camellia no-cast no-cmp no-cms no-comp no-ct no-des no-dsa no-dtls no-ec2m \
	no-gost no-http no-idea no-md4 no-mdc2 no-ml-dsa no-ml-kem no-multiblock no-ocb no-psk no-quic no-rc2 no-rc4 no-rfc3779 \
	no-rmd160 no-scrypt no-seed no-siphash no-siv no-slh-dsa no-sm2 no-sm3 no-sm4 no-srp no-srtp no-ssl-trace no-ts no-whirlpool \
	-static -O1
make -s build_generated
make -s -j"$JOBS" libcrypto.a libssl.a apps/openssl
mkdir -p "$OUT/bin" "$OUT/lib" "$OUT/include" "$OUT/share"
aarch64-linux-musl-strip apps/openssl
cp apps/openssl "$OUT/bin/"
cp apps/openssl.cnf "$OUT/share/"
cp libcrypto.a libssl.a "$OUT/lib/"
cp -r include/openssl "$OUT/include/"
