/* mmap, munmap, mprotect, mremap, brk: the shape of an address space. */
#include "nacre_test.h"
#include <setjmp.h>
#include <sys/resource.h>

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif
#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif
enum { PAGE = 4096, RW = PROT_READ | PROT_WRITE, ANON = MAP_PRIVATE | MAP_ANONYMOUS };

static sigjmp_buf out;
static void leap(int signo)
{
    siglongjmp(out, signo);
}

/* The signal a one-byte access raises, or 0. */
static int touch(volatile char *at, int writing)
{
    signal(SIGSEGV, leap);
    signal(SIGBUS, leap);
    int signo = sigsetjmp(out, 1);
    if (signo)
        return signo;
    if (writing)
        *at = 1;
    else
        (void)*at;
    return 0;
}

static char *pages(int n)
{
    char *at = mmap(NULL, n * PAGE, RW, ANON, -1, 0);
    ASSERT_TRUE(at != MAP_FAILED);
    return at;
}

TEST(anonymous_memory_is_zero_and_page_aligned)
{
    char *at = pages(4);
    EXPECT_EQ((uintptr_t)at % PAGE, 0);
    for (int i = 0; i < 4 * PAGE; i++)
        ASSERT_EQ(at[i], 0);
    memset(at, 7, 4 * PAGE);
    EXPECT_EQ(at[4 * PAGE - 1], 7);
}

TEST(mmap_refuses_bad_lengths_flags_and_descriptors)
{
    EXPECT_ERRNO(mmap(NULL, 0, RW, ANON, -1, 0), EINVAL);
    EXPECT_ERRNO(syscall(SYS_mmap, NULL, PAGE, RW, MAP_ANONYMOUS, -1, 0), EINVAL);
    EXPECT_ERRNO(syscall(SYS_mmap, NULL, PAGE, RW, ANON, -1, 100), EINVAL);
    EXPECT_ERRNO(syscall(SYS_mmap, NULL, PAGE, RW, MAP_PRIVATE, -1, 0), EBADF);
    EXPECT_ERRNO(syscall(SYS_mmap, NULL, 1UL << 56, RW, ANON, -1, 0), ENOMEM);
    EXPECT_ERRNO(syscall(SYS_mmap, PAGE + 1, PAGE, RW, ANON | MAP_FIXED, -1, 0), EINVAL);
    EXPECT_ERRNO(syscall(SYS_mmap, NT_WILD, PAGE, RW, ANON | MAP_FIXED, -1, 0), ENOMEM);
}

TEST(mmap_rounds_the_length_up)
{
    char *at = mmap(NULL, 100, RW, ANON, -1, 0);
    ASSERT_TRUE(at != MAP_FAILED);
    at[PAGE - 1] = 1;
    EXPECT_OK(munmap(at, 100));
    EXPECT_EQ(touch(at, 0), SIGSEGV);
}

TEST(mmap_fixed_replaces_what_was_there)
{
    char *at = pages(3);
    memset(at, 9, 3 * PAGE);
    EXPECT_EQ((uintptr_t)mmap(at + PAGE, PAGE, RW, ANON | MAP_FIXED, -1, 0), (uintptr_t)at + PAGE);
    EXPECT_EQ(at[PAGE - 1], 9);
    EXPECT_EQ(at[PAGE], 0);
    EXPECT_EQ(at[2 * PAGE], 9);
}

TEST(mmap_fixed_noreplace_refuses_an_occupied_place)
{
    char *at = pages(2);
    EXPECT_ERRNO(mmap(at, PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0), EEXIST);
    ASSERT_OK(munmap(at, PAGE));
    EXPECT_EQ((uintptr_t)mmap(at, PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0), (uintptr_t)at);
}

TEST(mmap_takes_a_free_hint_and_moves_from_a_taken_one)
{
    char *at = pages(2);
    ASSERT_OK(munmap(at, 2 * PAGE));
    EXPECT_EQ((uintptr_t)mmap(at, PAGE, RW, ANON, -1, 0), (uintptr_t)at);
    char *other = mmap(at, PAGE, RW, ANON, -1, 0);
    EXPECT_TRUE(other != MAP_FAILED && other != at);
}

TEST(mmap_below_the_minimum_address_is_eperm_for_users)
{
    pid_t pid = nt_fork();
    if (pid == 0) {
        ASSERT_OK(setuid(1000));
        EXPECT_ERRNO(mmap(NULL, PAGE, RW, ANON | MAP_FIXED, -1, 0), EPERM);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
}

TEST(munmap_in_the_middle_splits)
{
    char *at = pages(5);
    memset(at, 3, 5 * PAGE);
    EXPECT_OK(munmap(at + 2 * PAGE, PAGE));
    EXPECT_EQ(at[2 * PAGE - 1], 3);
    EXPECT_EQ(at[3 * PAGE], 3);
    EXPECT_EQ(touch(at + 2 * PAGE, 0), SIGSEGV);
    EXPECT_OK(munmap(at, 5 * PAGE));
    EXPECT_EQ(touch(at + 4 * PAGE, 0), SIGSEGV);
}

TEST(munmap_checks_alignment_and_forgives_holes)
{
    char *at = pages(1);
    EXPECT_ERRNO(syscall(SYS_munmap, at + 1, PAGE), EINVAL);
    EXPECT_ERRNO(munmap(at, 0), EINVAL);
    EXPECT_OK(munmap(at, PAGE));
    EXPECT_OK(munmap(at, PAGE));
}

TEST(mprotect_takes_and_gives_back_access)
{
    char *at = pages(3);
    at[PAGE] = 5;
    EXPECT_OK(mprotect(at + PAGE, PAGE, PROT_READ));
    EXPECT_EQ(touch(at + PAGE, 0), 0);
    EXPECT_EQ(touch(at + PAGE, 1), SIGSEGV);
    EXPECT_EQ(touch(at, 1) | touch(at + 2 * PAGE, 1), 0);
    EXPECT_OK(mprotect(at + PAGE, PAGE, PROT_NONE));
    EXPECT_EQ(touch(at + PAGE, 0), SIGSEGV);
    EXPECT_OK(mprotect(at, 3 * PAGE, RW));
    EXPECT_EQ(at[PAGE], 5);
    EXPECT_EQ(touch(at + PAGE, 1), 0);
}

TEST(mprotect_refuses_holes_alignment_and_unknown_bits)
{
    char *at = pages(3);
    ASSERT_OK(munmap(at + PAGE, PAGE));
    EXPECT_ERRNO(mprotect(at, 3 * PAGE, PROT_READ), ENOMEM);
    EXPECT_EQ(touch(at, 1), SIGSEGV); /* the part before the hole changed */
    EXPECT_ERRNO(syscall(SYS_mprotect, at + 1, PAGE, PROT_READ), EINVAL);
    EXPECT_ERRNO(syscall(SYS_mprotect, at, PAGE, 0x1000), EINVAL);
    EXPECT_OK(mprotect(at, 0, PROT_READ));
}

TEST(mprotect_shared_read_only_file_cannot_become_writable)
{
    nt_dir();
    nt_put("f", "text");
    int fd = ASSERT_OK(open("f", O_RDONLY));
    EXPECT_ERRNO(mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0), EACCES);
    char *at = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
    ASSERT_TRUE(at != MAP_FAILED);
    EXPECT_ERRNO(mprotect(at, PAGE, RW), EACCES);
    char *mine = mmap(NULL, PAGE, RW, MAP_PRIVATE, fd, 0);
    ASSERT_TRUE(mine != MAP_FAILED);
    mine[0] = 'T';
    EXPECT_EQ(at[0], 't');
}

TEST(mmap_write_only_file_is_eacces)
{
    nt_dir();
    int fd = ASSERT_OK(open("f", O_WRONLY | O_CREAT, 0600));
    EXPECT_ERRNO(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0), EACCES);
    EXPECT_ERRNO(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0), EACCES);
    int p[2], dir = ASSERT_OK(open(".", O_RDONLY));
    ASSERT_OK(pipe(p));
    EXPECT_ERRNO(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, p[0], 0), ENODEV);
    EXPECT_ERRNO(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, dir, 0), ENODEV);
}

TEST(code_written_to_executable_memory_runs)
{
    uint32_t *code = mmap(NULL, PAGE, RW | PROT_EXEC, ANON, -1, 0);
    ASSERT_TRUE(code != MAP_FAILED);
    for (int value = 1; value < 3; value++) {
        code[0] = 0x52800000 | (value << 5); /* mov w0, #value */
        code[1] = 0xd65f03c0;                /* ret */
        __builtin___clear_cache((char *)code, (char *)(code + 2));
        EXPECT_EQ(((int (*)(void))(uintptr_t)code)(), value);
    }
    EXPECT_OK(mprotect(code, PAGE, PROT_READ | PROT_EXEC));
    EXPECT_EQ(((int (*)(void))(uintptr_t)code)(), 2);
}

TEST(mremap_grows_moves_and_keeps_the_bytes)
{
    char *at = pages(2), *block = pages(4);
    memset(at, 6, 2 * PAGE);
    (void)block;
    char *now = mremap(at, 2 * PAGE, 64 * PAGE, MREMAP_MAYMOVE);
    ASSERT_TRUE(now != MAP_FAILED);
    EXPECT_EQ(now[2 * PAGE - 1], 6);
    EXPECT_EQ(now[2 * PAGE], 0);
    if (now != at)
        EXPECT_EQ(touch(at, 0), SIGSEGV);
}

TEST(mremap_shrinks_in_place)
{
    char *at = pages(4);
    at[0] = 1;
    EXPECT_EQ((uintptr_t)mremap(at, 4 * PAGE, PAGE, 0), (uintptr_t)at);
    EXPECT_EQ(at[0], 1);
    EXPECT_EQ(touch(at + PAGE, 0), SIGSEGV);
}

TEST(mremap_without_room_or_maymove_is_enomem)
{
    char *at = pages(3);
    EXPECT_ERRNO(mremap(at, PAGE, 2 * PAGE, 0), ENOMEM);
    ASSERT_OK(munmap(at + PAGE, PAGE));
    EXPECT_EQ((uintptr_t)mremap(at, PAGE, 2 * PAGE, 0), (uintptr_t)at);
}

TEST(mremap_fixed_goes_to_the_given_place)
{
    char *at = pages(1), *to = pages(2);
    at[0] = 'm';
    to[0] = 'o';
    EXPECT_EQ((uintptr_t)mremap(at, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to), (uintptr_t)to);
    EXPECT_EQ(to[0], 'm');
    EXPECT_EQ(touch(at, 0), SIGSEGV);
}

TEST(mremap_refuses_holes_overlap_and_unknown_flags)
{
    char *at = pages(4);
    EXPECT_ERRNO(mremap(at, PAGE, PAGE, 0x80), EINVAL);
    EXPECT_ERRNO(mremap(at, PAGE, 0, 0), EINVAL);
    EXPECT_ERRNO(mremap(at + 1, PAGE, PAGE, 0), EINVAL);
    EXPECT_ERRNO(mremap(at, 2 * PAGE, 2 * PAGE, MREMAP_FIXED, at + 8 * PAGE), EINVAL);
    EXPECT_ERRNO(mremap(at, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, at + PAGE), EINVAL);
    ASSERT_OK(munmap(at, PAGE));
    EXPECT_ERRNO(mremap(at, PAGE, 2 * PAGE, MREMAP_MAYMOVE), EFAULT);
}

TEST(mremap_dontunmap_leaves_an_empty_mapping_behind)
{
    char *at = pages(2);
    memset(at, 8, 2 * PAGE);
    char *now = mremap(at, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP);
    ASSERT_TRUE(now != MAP_FAILED && now != at);
    EXPECT_EQ(now[PAGE], 8);
    EXPECT_EQ(at[PAGE], 0);
}

TEST(brk_grows_shrinks_and_reports)
{
    char *start = (char *)syscall(SYS_brk, 0);
    EXPECT_EQ(syscall(SYS_brk, start + 10 * PAGE), (long)start + 10 * PAGE);
    memset(start, 4, 10 * PAGE);
    EXPECT_EQ(syscall(SYS_brk, start + PAGE), (long)start + PAGE);
    EXPECT_EQ(syscall(SYS_brk, start + 10 * PAGE), (long)start + 10 * PAGE);
    EXPECT_EQ(start[5 * PAGE], 0);
    EXPECT_EQ(syscall(SYS_brk, 1), (long)start + 10 * PAGE);
    EXPECT_EQ(syscall(SYS_brk, start), (long)start);
}

TEST(brk_obeys_the_data_limit)
{
    pid_t pid = nt_fork();
    if (pid == 0) {
        struct rlimit r = { 1 << 20, 1 << 20 };
        ASSERT_OK(setrlimit(RLIMIT_DATA, &r));
        long start = syscall(SYS_brk, 0);
        EXPECT_EQ(syscall(SYS_brk, start + (8 << 20)), start);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
}

TEST(address_space_limit_is_enomem)
{
    pid_t pid = nt_fork();
    if (pid == 0) {
        struct rlimit r = { 64 << 20, 64 << 20 };
        ASSERT_OK(setrlimit(RLIMIT_AS, &r));
        EXPECT_ERRNO(mmap(NULL, 128 << 20, RW, ANON, -1, 0), ENOMEM);
        EXPECT_TRUE(mmap(NULL, 1 << 20, RW, ANON, -1, 0) != MAP_FAILED);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
}

static int recurse(int depth)
{
    volatile char frame[8192];
    frame[0] = depth;
    return depth == 0 ? frame[0] : recurse(depth - 1) + frame[0] - frame[0];
}

TEST(stack_grows_on_demand)
{
    EXPECT_EQ(recurse(700), 0); /* 5.6 MiB of the 8 MiB default */
}

TEST(mmap_of_huge_pages_when_none_are_set_aside)
{
    int anon = MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB;
    EXPECT_ERRNO((long)mmap(NULL, 2 << 20, PROT_READ, anon, -1, 0), ENOMEM);
    EXPECT_ERRNO((long)mmap(NULL, 2 << 20, PROT_READ, anon | 21 << 26, -1, 0), ENOMEM);
    EXPECT_ERRNO((long)mmap(NULL, 2 << 20, PROT_READ, anon | 13 << 26, -1, 0), EINVAL);
    EXPECT_ERRNO((long)mmap(NULL, 0, PROT_READ, anon, -1, 0), EINVAL);
    int fd = ASSERT_OK(open("/proc/self/exe", O_RDONLY));
    EXPECT_ERRNO((long)mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_HUGETLB, fd, 0), EINVAL);
}

TEST(maps_file_shows_a_new_mapping_with_its_rights)
{
    static char text[65536];
    char want[64];
    char *at = mmap(NULL, 3 * PAGE, PROT_READ, ANON, -1, 0);
    snprintf(want, sizeof want, "%lx-%lx r--p ", (long)at, (long)at + 3 * PAGE);
    ASSERT_TRUE(mprotect(at, 3 * PAGE, PROT_NONE) == 0);
    ASSERT_TRUE(mprotect(at, 3 * PAGE, PROT_READ | PROT_EXEC) == 0);
    snprintf(want, sizeof want, "%lx-%lx r-xp ", (long)at, (long)at + 3 * PAGE);
    EXPECT_TRUE(nt_get("/proc/self/maps", text, sizeof text) > 0);
    EXPECT_TRUE(strstr(text, want) != NULL);
    EXPECT_TRUE(strstr(text, "[stack]") != NULL);
    EXPECT_TRUE(strstr(text, nt_self) != NULL);
}
