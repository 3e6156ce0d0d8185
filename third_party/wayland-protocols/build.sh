#!/bin/sh
set -eu
mkdir -p "$OUT"
cp -R "$SRC/stable" "$SRC/staging" "$SRC/unstable" "$OUT"
