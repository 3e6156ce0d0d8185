#!/bin/sh
# What configure would find out for this one target, said outright: no autotools needed.
set -eu
cd "$SRC"
sed -e 's/@VERSION@/3.4.8/' -e 's/@TARGET@/AARCH64/' -e 's/@HAVE_LONG_DOUBLE@/1/' \
	-e 's/@FFI_EXEC_TRAMPOLINE_TABLE@/0/' -e 's/@FFI_VERSION_STRING@/3.4.8/' \
	-e 's/@FFI_VERSION_NUMBER@/30408/' include/ffi.h.in > include/ffi.h
cp src/aarch64/ffitarget.h include
cat > include/fficonfig.h <<'END'
#define EH_FRAME_FLAGS "a"
#define FFI_MMAP_EXEC_WRIT 1
#define HAVE_ALLOCA_H 1
#define HAVE_AS_CFI_PSEUDO_OP 1
#define HAVE_HIDDEN_VISIBILITY_ATTRIBUTE 1
#define HAVE_LONG_DOUBLE 1
#define HAVE_MEMCPY 1
#define HAVE_MEMFD_CREATE 1
#define HAVE_MKOSTEMP 1
#define SIZEOF_DOUBLE 8
#define SIZEOF_LONG_DOUBLE 16
#define SIZEOF_SIZE_T 8
#define STDC_HEADERS 1
#ifdef LIBFFI_ASM
#define FFI_HIDDEN(name) .hidden name
#else
#define FFI_HIDDEN __attribute__ ((visibility ("hidden")))
#endif
END
mkdir -p "$OUT/include" "$OUT/lib"
for file in src/prep_cif.c src/types.c src/raw_api.c src/closures.c src/tramp.c \
	src/aarch64/ffi.c src/aarch64/sysv.S; do
	aarch64-linux-musl-gcc -O2 -D_GNU_SOURCE -DHAVE_CONFIG_H -Iinclude -Isrc -c "$file" -o "$(basename "$file").o"
done
aarch64-linux-musl-ar rcs "$OUT/lib/libffi.a" ./*.o
cp include/ffi.h include/ffitarget.h "$OUT/include"
