/* Mappings, page faults, protection. */
#ifndef MEMORY_H
#define MEMORY_H

#include "base.h"

static size_t page;

static void s_page(void) { page = (size_t)sysconf(_SC_PAGESIZE); }

static void touch_pages(char *p, size_t pages)
{
	for (size_t i = 0; i < pages; i++)
		((volatile char *)p)[i * page] = 1;
}

static char *map_small_pages(size_t pages)
{
	char *p = map_anon(pages * page, MAP_PRIVATE);
	madvise(p, pages * page, MADV_NOHUGEPAGE);      /* best effort */
	return p;
}

LOOP(b_mmap_64p, ,
	char *p = map_anon(64 * page, MAP_PRIVATE);
	touch_pages(p, 64);
	ok(munmap(p, 64 * page), "munmap");)

static uint64_t b_page_fault(long n)
{
	uint64_t sum = 0;
	while (n > 0) {
		size_t k = n < 1024 ? (size_t)n : 1024;
		char *p = map_small_pages(k);
		uint64_t t0 = now_ns();
		touch_pages(p, k);
		sum += now_ns() - t0;
		ok(munmap(p, k * page), "munmap");
		n -= (long)k;
	}
	return sum;
}

static uint64_t b_page_fault_cow(long n)
{
	volatile uint64_t *took = map_anon(page, MAP_SHARED);
	uint64_t sum = 0;
	while (n > 0) {
		size_t k = n < 256 ? (size_t)n : 256;
		char *p = map_small_pages(k);
		touch_pages(p, k);
		if (fork_partner() == 0) {
			uint64_t t0 = now_ns();
			touch_pages(p, k);
			*took = now_ns() - t0;
			_exit(0);
		}
		ok(waitpid(partner, NULL, 0), "waitpid");
		partner = 0;
		sum += *took;
		ok(munmap(p, k * page), "munmap");
		n -= (long)k;
	}
	munmap((void *)took, page);
	return sum;
}

static char *prot_page;

static void s_mprotect(void)
{
	s_page();
	prot_page = map_small_pages(1);
	touch_pages(prot_page, 1);
}

LOOP(b_mprotect, ,
	ok(mprotect(prot_page, page, PROT_READ), "mprotect");
	ok(mprotect(prot_page, page, PROT_READ | PROT_WRITE),
	   "mprotect");)

#endif
