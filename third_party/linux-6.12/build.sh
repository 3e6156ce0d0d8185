#!/bin/sh
# Unpacks the kernel package; nothing of it is installed on this machine.
set -eu
dpkg-deb -x "$DEB" unpacked
for image in unpacked/boot/vmlinuz-6.12.*; do
	mkdir -p "$OUT"
	# A plain arm64 Image has its magic at byte 56; some builds gzip it.
	if [ "$(dd if="$image" bs=1 skip=56 count=3 2>/dev/null)" = ARM ]; then
		cp "$image" "$OUT/Image"
	else
		gzip -dc < "$image" > "$OUT/Image"
	fi
	cp unpacked/boot/config-6.12.* "$OUT/config"
	basename "$image" | sed 's/^vmlinuz-//' > "$OUT/release"
done
for modules in unpacked/lib/modules unpacked/usr/lib/modules; do
	[ ! -d "$modules" ] || mv "$modules" "$OUT/modules"
done
[ -s "$OUT/Image" ]
