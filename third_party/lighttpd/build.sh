#!/bin/sh
# Compiled without upstream's autotools or meson, which a machine may lack: the sources and modules are those that
# src/meson.build names for a static build, without TLS, compression and databases.
set -eu
cd "$SRC/src"
gcc -O1 -w -o "$WORK/lemon" lemon.c
"$WORK/lemon" -q -Tlempar.c configparser.y
cat > config.h <<'END'
#define _GNU_SOURCE 1
#define LIGHTTPD_STATIC
#define LIGHTTPD_VERSION_ID 0x1044f
#define PACKAGE_NAME "lighttpd"
#define PACKAGE_VERSION "1.4.79"
#define LIBRARY_DIR "/lib/lighttpd"
#define HAVE_GETOPT_H
#define HAVE_INTTYPES_H
#define HAVE_LINUX_RANDOM_H
#define HAVE_POLL_H
#define HAVE_PWD_H
#define HAVE_STDINT_H
#define HAVE_STDLIB_H
#define HAVE_STRINGS_H
#define HAVE_SYSLOG_H
#define HAVE_SYS_EPOLL_H
#define HAVE_SYS_MMAN_H
#define HAVE_SYS_POLL_H
#define HAVE_SYS_PRCTL_H
#define HAVE_SYS_RESOURCE_H
#define HAVE_SYS_SENDFILE_H
#define HAVE_SYS_SELECT_H
#define HAVE_SYS_TYPES_H
#define HAVE_SYS_UIO_H
#define HAVE_SYS_UN_H
#define HAVE_SYS_WAIT_H
#define HAVE_SYS_TIME_H
#define HAVE_UNISTD_H
#define HAVE_IPV6
#define HAVE_STRUCT_TM_GMTOFF
#define HAVE_INOTIFY_INIT
#define HAVE_SYS_INOTIFY_H
#define HAVE_SOCKLEN_T
#define SIZEOF_LONG 8
#define SIZEOF_OFF_T 8
#define HAVE_CHROOT
#define HAVE_CLOCK_GETTIME
#define HAVE_EPOLL_CTL
#define HAVE_EPOLL_CREATE1
#define HAVE_FORK
#define HAVE_GETENTROPY
#define HAVE_GETLOADAVG
#define HAVE_GETRANDOM
#define HAVE_GETRLIMIT
#define HAVE_GETUID
#define HAVE_GMTIME_R
#define HAVE_INET_ATON
#define HAVE_INET_PTON
#define HAVE_ISSETUGID
#define HAVE_LOCALTIME_R
#define HAVE_LSTAT
#define HAVE_MEMSET
#define HAVE_MKOSTEMP
#define HAVE_MMAP
#define HAVE_PIPE2
#define HAVE_POLL
#define HAVE_PREAD
#define HAVE_PREADV
#define HAVE_PWRITE
#define HAVE_PWRITEV
#define HAVE_SELECT
#define HAVE_SENDFILE
#define HAVE_SEND_FILE
#define HAVE_SIGACTION
#define HAVE_SIGNAL
#define HAVE_SPLICE
#define HAVE_STRPTIME
#define HAVE_SYSLOG
#define HAVE_TIMEGM
#define HAVE_WRITEV
#define HAVE_ACCEPT4
#define HAVE_COPY_FILE_RANGE
END
MODULES="rewrite redirect access alias indexfile staticfile setenv expire simple_vhost evhost fastcgi scgi accesslog
	auth authn_file cgi dirlisting proxy status"
for name in $MODULES; do echo "PLUGIN_INIT(mod_$name)"; done > plugin-static.h
SOURCES="algo_md5 algo_sha1 algo_splaytree algo_xxhash array base64 buffer burl chunk ck configfile configfile-glue configparser
	connections data_config fdevent fdevent_fdnode fdevent_impl fdlog fdlog_maint gw_backend h1 http-header-glue http_cgi
	http_chunk http_date http_etag http_header http_kv http_range keyvalue log mod_auth_api network network_write plugin
	rand reqpool request response server sock_addr sock_addr_cache stat_cache sys-setjmp"
for name in $SOURCES $(for one in $MODULES; do echo "mod_$one"; done); do
	echo "aarch64-linux-musl-gcc -O1 -w -DHAVE_CONFIG_H -D_FILE_OFFSET_BITS=64 -I. -c $name.c -o $name.o"
done | xargs -P "$JOBS" -I{} sh -c '{}'
mkdir -p "$OUT/bin"
aarch64-linux-musl-gcc -static -s -o "$OUT/bin/lighttpd" ./*.o -lcrypt
