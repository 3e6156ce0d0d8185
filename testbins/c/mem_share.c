/* Who shares which page: copy-on-write, shared mappings, files and their mappings, the end of an object. */
#include "nacre_test.h"
#include <setjmp.h>

enum { PAGE = 4096, RW = PROT_READ | PROT_WRITE, ANON = MAP_PRIVATE | MAP_ANONYMOUS };

static sigjmp_buf out;
static volatile int code;
static volatile uintptr_t address;
static void leap(int signo, siginfo_t *info, NT_UNUSED void *context)
{
    code = info->si_code;
    address = (uintptr_t)info->si_addr;
    siglongjmp(out, signo);
}

static int touch(volatile char *at, int writing)
{
    struct sigaction act = { 0 };
    act.sa_sigaction = leap;
    act.sa_flags = SA_SIGINFO;
    sigaction(SIGSEGV, &act, NULL);
    sigaction(SIGBUS, &act, NULL);
    int signo = sigsetjmp(out, 1);
    if (signo)
        return signo;
    if (writing)
        *at = 1;
    else
        (void)*at;
    return 0;
}

static int file(const char *text)
{
    nt_dir();
    nt_put("f", text);
    return ASSERT_OK(open("f", O_RDWR));
}

static char *map(int fd, int length, int flags)
{
    char *at = mmap(NULL, length, RW, flags, fd, 0);
    ASSERT_TRUE(at != MAP_FAILED);
    return at;
}

TEST(private_memory_is_copied_on_write_in_either_process)
{
    int p[2], q[2];
    char c, *at = map(-1, 2 * PAGE, ANON);
    at[0] = at[PAGE] = 'p';
    ASSERT_OK(pipe(p));
    ASSERT_OK(pipe(q));
    pid_t pid = nt_fork();
    if (pid == 0) {
        at[0] = 'c';
        EXPECT_EQ(write(p[1], "x", 1), 1);
        EXPECT_EQ(read(q[0], &c, 1), 1);
        EXPECT_EQ(at[0], 'c');
        EXPECT_EQ(at[PAGE], 'p');
        nt_done();
    }
    EXPECT_EQ(read(p[0], &c, 1), 1);
    EXPECT_EQ(at[0], 'p');
    at[PAGE] = 'P';
    EXPECT_EQ(write(q[1], "x", 1), 1);
    EXPECT_EXIT(pid, 0);
    EXPECT_EQ(at[0], 'p');
}

TEST(shared_anonymous_memory_is_one_across_fork)
{
    volatile char *at = map(-1, PAGE, MAP_SHARED | MAP_ANONYMOUS);
    pid_t pid = nt_fork();
    if (pid == 0) {
        while (at[1] == 0)
            nt_sleep_ms(1);
        at[0] = 'c';
        nt_done();
    }
    at[1] = 1;
    EXPECT_EXIT(pid, 0);
    EXPECT_EQ(at[0], 'c');
}

TEST(grandchildren_each_get_their_own_copy)
{
    char *at = map(-1, PAGE, ANON);
    at[0] = 1;
    pid_t pid = nt_fork();
    if (pid == 0) {
        pid_t inner = nt_fork();
        if (inner == 0) {
            at[0] = 3;
            EXPECT_EQ(at[0], 3);
            nt_done();
        }
        at[0] = 2;
        EXPECT_EXIT(inner, 0);
        EXPECT_EQ(at[0], 2);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
    EXPECT_EQ(at[0], 1);
}

TEST(shared_file_mapping_and_read_write_see_the_same_bytes)
{
    char c;
    int fd = file("abcdef");
    char *at = map(fd, PAGE, MAP_SHARED);
    EXPECT_MEMEQ(at, "abcdef\0", 7);
    at[1] = 'B';
    EXPECT_EQ(pread(fd, &c, 1, 1), 1);
    EXPECT_EQ(c, 'B');
    EXPECT_EQ(pwrite(fd, "C", 1, 2), 1);
    EXPECT_EQ(at[2], 'C');
}

TEST(private_file_mapping_keeps_its_writes_to_itself)
{
    char c;
    int fd = file("abcdef");
    char *at = map(fd, PAGE, MAP_PRIVATE);
    at[1] = 'B';
    EXPECT_EQ(pread(fd, &c, 1, 1), 1);
    EXPECT_EQ(c, 'b');
    char *other = map(fd, PAGE, MAP_PRIVATE);
    EXPECT_EQ(other[1], 'b');
}

TEST(shared_file_mapping_outlives_close_and_unlink)
{
    int fd = file("abc");
    char *at = map(fd, PAGE, MAP_SHARED);
    close(fd);
    ASSERT_OK(unlink("f"));
    at[0] = 'A';
    EXPECT_MEMEQ(at, "Abc", 3);
}

TEST(bytes_after_the_end_in_the_last_page_are_zero_and_not_kept)
{
    char buf[8];
    int fd = file("abc");
    char *at = map(fd, PAGE, MAP_SHARED);
    EXPECT_EQ(at[3] | at[PAGE - 1], 0);
    at[10] = 'z';
    EXPECT_EQ(pread(fd, buf, 8, 0), 3);
    struct stat st;
    EXPECT_OK(fstat(fd, &st));
    EXPECT_EQ(st.st_size, 3);
}

TEST(access_past_the_last_page_is_sigbus_adrerr)
{
    int fd = file("abc");
    char *at = map(fd, 2 * PAGE, MAP_SHARED);
    EXPECT_EQ(touch(at + PAGE + 9, 0), SIGBUS);
    EXPECT_EQ(code, BUS_ADRERR);
    EXPECT_EQ(address, (uintptr_t)at + PAGE + 9);
    EXPECT_OK(ftruncate(fd, 2 * PAGE));
    EXPECT_EQ(touch(at + PAGE + 9, 1), 0);
}

TEST(truncate_takes_mapped_pages_away)
{
    int fd = file("abc");
    ASSERT_OK(ftruncate(fd, 3 * PAGE));
    char *at = map(fd, 3 * PAGE, MAP_SHARED), *mine = map(fd, 3 * PAGE, MAP_PRIVATE);
    at[2 * PAGE] = 'x';
    mine[2 * PAGE + 1] = 'y';
    ASSERT_OK(ftruncate(fd, PAGE));
    EXPECT_EQ(touch(at + 2 * PAGE, 0), SIGBUS);
    EXPECT_EQ(touch(mine + 2 * PAGE, 0), SIGBUS);
    ASSERT_OK(ftruncate(fd, 3 * PAGE));
    EXPECT_EQ(at[2 * PAGE], 0);
}

TEST(system_call_into_a_truncated_mapping_is_efault)
{
    int p[2], fd = file("abc");
    char *at = map(fd, 2 * PAGE, MAP_SHARED);
    ASSERT_OK(pipe(p));
    EXPECT_EQ(write(p[1], "xyz", 3), 3);
    EXPECT_ERRNO(read(p[0], at + PAGE, 3), EFAULT);
    EXPECT_EQ(read(p[0], at, 3), 3);
}

TEST(read_into_a_mapping_of_the_same_file_does_not_deadlock)
{
    int fd = file("abcdef");
    char *at = map(fd, PAGE, MAP_SHARED);
    EXPECT_EQ(pread(fd, at + 3, 3, 0), 3);
    EXPECT_MEMEQ(at, "abcabc", 6);
    EXPECT_EQ(pwrite(fd, at + 3, 3, 6), 3);
    EXPECT_MEMEQ(at, "abcabcabc", 9);
}

TEST(madvise_dontneed_zeroes_private_memory_of_this_process_only)
{
    char *at = map(-1, 2 * PAGE, ANON);
    memset(at, 5, 2 * PAGE);
    pid_t pid = nt_fork();
    if (pid == 0) {
        EXPECT_OK(madvise(at, PAGE, MADV_DONTNEED));
        EXPECT_EQ(at[0], 0);
        EXPECT_EQ(at[PAGE], 5);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
    EXPECT_EQ(at[0], 5);
}

TEST(madvise_dontneed_keeps_shared_bytes_and_refetches_the_file)
{
    int fd = file("abc");
    char *shared = map(-1, PAGE, MAP_SHARED | MAP_ANONYMOUS), *mine = map(fd, PAGE, MAP_PRIVATE);
    shared[0] = 5;
    mine[0] = 'Z';
    EXPECT_OK(madvise(shared, PAGE, MADV_DONTNEED));
    EXPECT_OK(madvise(mine, PAGE, MADV_DONTNEED));
    EXPECT_EQ(shared[0], 5);
    EXPECT_EQ(mine[0], 'a');
}

TEST(madvise_checks_advice_alignment_and_holes)
{
    char *at = map(-1, 3 * PAGE, ANON);
    EXPECT_ERRNO(madvise(at, PAGE, 12345), EINVAL);
    EXPECT_ERRNO(madvise(at + 1, PAGE, MADV_DONTNEED), EINVAL);
    EXPECT_OK(madvise(at, 0, MADV_DONTNEED));
    EXPECT_OK(madvise(at, 3 * PAGE, MADV_WILLNEED));
    EXPECT_OK(madvise(at, 3 * PAGE, MADV_SEQUENTIAL));
    ASSERT_OK(munmap(at + PAGE, PAGE));
    at[2 * PAGE] = 1;
    EXPECT_ERRNO(madvise(at, 3 * PAGE, MADV_DONTNEED), ENOMEM);
    EXPECT_EQ(at[2 * PAGE], 0); /* done all the same */
}

TEST(madvise_dontfork_and_wipeonfork_shape_the_child)
{
    char *gone = map(-1, PAGE, ANON), *wiped = map(-1, PAGE, ANON);
    gone[0] = wiped[0] = 9;
    EXPECT_OK(madvise(gone, PAGE, MADV_DONTFORK));
    EXPECT_OK(madvise(wiped, PAGE, 18 /* MADV_WIPEONFORK */));
    pid_t pid = nt_fork();
    if (pid == 0) {
        EXPECT_EQ(touch(gone, 0), SIGSEGV);
        EXPECT_EQ(wiped[0], 0);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
    EXPECT_EQ(wiped[0], 9);
}

TEST(msync_checks_flags_alignment_and_holes)
{
    int fd = file("abc");
    char *at = map(fd, PAGE, MAP_SHARED), *hole = map(-1, 3 * PAGE, ANON);
    EXPECT_OK(msync(at, PAGE, MS_SYNC));
    EXPECT_OK(msync(at, PAGE, MS_ASYNC | MS_INVALIDATE));
    EXPECT_ERRNO(msync(at, PAGE, MS_SYNC | MS_ASYNC), EINVAL);
    EXPECT_ERRNO(msync(at, PAGE, 0x80), EINVAL);
    EXPECT_ERRNO(msync(at + 1, PAGE, MS_SYNC), EINVAL);
    ASSERT_OK(munmap(hole + PAGE, PAGE));
    EXPECT_ERRNO(msync(hole, 3 * PAGE, MS_SYNC), ENOMEM);
}

TEST(mincore_tells_which_pages_are_in_memory)
{
    unsigned char in[4];
    char *at = map(-1, 4 * PAGE, ANON);
    at[0] = at[2 * PAGE] = 1;
    EXPECT_OK(mincore(at, 4 * PAGE, in));
    EXPECT_EQ(in[0] & 1, 1);
    EXPECT_EQ(in[1] & 1, 0);
    EXPECT_EQ(in[2] & 1, 1);
    EXPECT_ERRNO(mincore(at + 1, PAGE, in), EINVAL);
    EXPECT_ERRNO(mincore(at, PAGE, NT_BAD), EFAULT);
    ASSERT_OK(munmap(at + PAGE, PAGE));
    EXPECT_ERRNO(mincore(at, 4 * PAGE, in), ENOMEM);
}

TEST(mlock_brings_pages_in_and_checks_its_range)
{
    unsigned char in[2];
    char *at = map(-1, 2 * PAGE, ANON);
    EXPECT_OK(mlock(at, 2 * PAGE));
    EXPECT_OK(mincore(at, 2 * PAGE, in));
    EXPECT_EQ(in[0] & in[1] & 1, 1);
    EXPECT_OK(munlock(at, 2 * PAGE));
    ASSERT_OK(munmap(at, 2 * PAGE));
    EXPECT_ERRNO(mlock(at, PAGE), ENOMEM);
    EXPECT_ERRNO(munlock(at, PAGE), ENOMEM);
    EXPECT_ERRNO(mlockall(0), EINVAL);
    EXPECT_OK(mlockall(MCL_CURRENT));
    EXPECT_OK(munlockall());
}

TEST(mlock_beyond_the_limit_is_refused_for_users)
{
    char *at = map(-1, 2 * PAGE, ANON);
    pid_t pid = nt_fork();
    if (pid == 0) {
        struct { unsigned long cur, max; } limit = { PAGE, PAGE };
        ASSERT_OK(syscall(SYS_prlimit64, 0, 8 /* RLIMIT_MEMLOCK */, &limit, NULL));
        ASSERT_OK(setuid(1000));
        EXPECT_ERRNO(mlock(at, 2 * PAGE), ENOMEM);
        EXPECT_OK(mlock(at, PAGE));
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
}

TEST(fault_in_a_copy_made_by_the_kernel_breaks_sharing)
{
    int p[2];
    char *at = map(-1, PAGE, ANON);
    at[0] = 'o';
    ASSERT_OK(pipe(p));
    EXPECT_EQ(write(p[1], "n", 1), 1);
    pid_t pid = nt_fork();
    if (pid == 0) {
        EXPECT_EQ(read(p[0], at, 1), 1);
        EXPECT_EQ(at[0], 'n');
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
    EXPECT_EQ(at[0], 'o');
}

TEST(program_text_is_read_only)
{
    EXPECT_EQ(touch((char *)(uintptr_t)nt_done, 1), SIGSEGV);
    EXPECT_EQ(code, SEGV_ACCERR);
}
