#!/bin/sh
# Builds musl static and wraps the cross compiler as aarch64-linux-musl-gcc.
set -eu
cd "$SRC"
./configure --target=aarch64-linux-gnu --prefix="$PREFIX" --disable-shared \
	--enable-wrapper=gcc CC=aarch64-linux-gnu-gcc CROSS_COMPILE=aarch64-linux-gnu-
make -s -j"$JOBS"
make -s install DESTDIR="$WORK/stage"
mkdir -p "$OUT"
cp -a "$WORK/stage$PREFIX/." "$OUT/"

for dir in "$DEPS"/linux-headers/include/*; do
	# musl has a scsi folder of its own, which stands before the kernel's.
	[ -d "$OUT/include/${dir##*/}" ] ||
		ln -s "../../linux-headers/include/${dir##*/}" "$OUT/include/${dir##*/}"
done
[ -f "$DEPS/linux-headers/include/linux/types.h" ]

# musl's specs know dynamic and plain static programs; these are for static-PIE.
sed -e 's/Scrt1\.o/rcrt1.o/' \
	-e 's/^-dynamic-linker .*/-static -pie --no-dynamic-linker -z text -nostdlib/' \
	"$OUT/lib/musl-gcc.specs" > "$OUT/lib/static-pie.specs"

rm -f "$OUT"/bin/*
cat > "$OUT/bin/aarch64-linux-musl-gcc" <<EOF
#!/bin/sh
# There is no shared libc here: what is linked is static, or static-PIE if asked.
for arg; do
	case \$arg in
	-static-pie) exec aarch64-linux-gnu-gcc -specs "$PREFIX/lib/static-pie.specs" -fPIE "\$@" ;;
	esac
done
exec aarch64-linux-gnu-gcc -specs "$PREFIX/lib/musl-gcc.specs" -static "\$@"
EOF
chmod +x "$OUT/bin/aarch64-linux-musl-gcc"
ln -s aarch64-linux-musl-gcc "$OUT/bin/aarch64-linux-musl-cc"
for tool in ar ranlib strip nm objcopy objdump ld as readelf size; do
	real=$(command -v "aarch64-linux-gnu-$tool")
	ln -s "$real" "$OUT/bin/aarch64-linux-musl-$tool"
done
