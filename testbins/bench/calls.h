/* Machine speed, plain system calls, files. */
#ifndef CALLS_H
#define CALLS_H

#include "base.h"

/* ---- machine speed ---------------------------------------------------- */

static volatile uint64_t sink;

static uint64_t b_cpu_loop(long n)
{
	uint64_t t0 = now_ns(), x = 88172645463325252ull;
	for (long i = 0; i < n * 1000; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
	}
	sink = x;
	return now_ns() - t0;
}

static char *copy_dst;

static void s_memcpy(void)
{
	/* Not a power of two apart: an emulator's direct-mapped TLB, or a
	 * cache, must not see the two streams collide. */
	touch_block();
	copy_dst = (char *)map_anon(MIB + BLOCK, MAP_PRIVATE);
	memset(copy_dst, 2, MIB + BLOCK);
	if (((uintptr_t)copy_dst ^ (uintptr_t)block) % (4 * BLOCK) == 0)
		copy_dst += BLOCK;
}

LOOP(b_memcpy, ,
	memcpy(copy_dst, block, MIB);
	__asm__ volatile("" : : "r"(copy_dst) : "memory");)

/* ---- system calls ----------------------------------------------------- */

LOOP(b_syscall_null, , syscall(SYS_getppid);)

LOOP(b_clock_gettime, struct timespec ts;,
	clock_gettime(CLOCK_MONOTONIC, &ts);)

LOOP(b_clock_gettime_sys, struct timespec ts;,
	syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &ts);)

static int rx = -1, tx = -1;            /* descriptors of this measure */

static void s_read_zero(void)
{
	rx = (int)ok(open("/dev/zero", O_RDONLY), "/dev/zero");
}

LOOP(b_read1, char c;,
	if (read(rx, &c, 1) != 1)
		fail("read");)

static void s_write_null(void)
{
	tx = (int)ok(open("/dev/null", O_WRONLY), "/dev/null");
}

LOOP(b_write1, char c = 0;,
	if (write(tx, &c, 1) != 1)
		fail("write");)

/* ---- files ------------------------------------------------------------ */

static void s_file(void)
{
	set_path();
	touch_block();
	tx = (int)ok(open(path, O_RDWR | O_CREAT | O_TRUNC, 0600), "create");
	for (int i = 0; i < MIB / BLOCK; i++)
		if (write(tx, block, BLOCK) != BLOCK)
			fail("write");
}

LOOP(b_stat, struct stat st;, ok(stat(path, &st), "stat");)
LOOP(b_open_close, , close((int)ok(open(path, O_RDONLY), "open"));)

LOOP(b_create_unlink, ,
	close((int)ok(open(path, O_RDWR | O_CREAT | O_EXCL, 0600),
		      "create"));
	ok(unlink(path), "unlink");)

LOOP(b_file_write, ,
	ok(ftruncate(tx, 0), "ftruncate");
	for (int i = 0; i < MIB / BLOCK; i++)
		if (pwrite(tx, block, BLOCK, i * BLOCK) != BLOCK)
			fail("pwrite");)

LOOP(b_file_read, ,
	for (int i = 0; i < MIB / BLOCK; i++)
		if (pread(tx, block, BLOCK, i * BLOCK) != BLOCK)
			fail("pread");)

static uint64_t b_fsync4k(long n)
{
	uint64_t t0 = now_ns();
	for (long i = 0; i < n; i++) {
		if (pwrite(tx, block, 4096, (i % 256) * 4096) != 4096)
			fail("pwrite");
		ok(fsync(tx), "fsync");
	}
	return now_ns() - t0;
}

#endif
