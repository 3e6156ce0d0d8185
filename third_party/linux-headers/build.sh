#!/bin/sh
# Lays the arm64 UAPI headers out as one include folder.
set -eu
dpkg-deb -x "$DEB" unpacked
include=unpacked/usr/include
mkdir -p "$OUT/include"
for dir in linux asm-generic mtd rdma sound video xen misc drm scsi; do
	[ ! -d "$include/$dir" ] || cp -r "$include/$dir" "$OUT/include/$dir"
done
# The per-architecture folder has moved between releases of the package.
for asm in unpacked/usr/lib/linux/uapi/arm64/asm "$include/aarch64-linux-gnu/asm"; do
	if [ -d "$asm" ] && [ ! -d "$OUT/include/asm" ]; then
		cp -rL "$asm" "$OUT/include/asm"
	fi
done
[ -f "$OUT/include/asm/unistd.h" ]
