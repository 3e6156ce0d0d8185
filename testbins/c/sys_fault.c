/* Bad pointers in every argument that is one, and arguments meant to hurt. */
#include "nacre_test.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/uio.h>

#define WILD ((long)NT_WILD)
#define KERN ((long)NT_KERNEL)
#define BAD ((long)NT_BAD)

/* Calls whose first pointer is looked at whatever the rest: number, then arguments with the pointer in place. */
static const struct {
    const char *name;
    long number, a, b, c, d;
} calls[] = {
    { "getcwd", SYS_getcwd, BAD, 100, 0, 0 },
    { "pipe2", SYS_pipe2, BAD, 0, 0, 0 },
    { "openat", SYS_openat, AT_FDCWD, BAD, 0, 0 },
    { "mkdirat", SYS_mkdirat, AT_FDCWD, BAD, 0, 0 },
    { "mknodat", SYS_mknodat, AT_FDCWD, BAD, S_IFREG, 0 },
    { "unlinkat", SYS_unlinkat, AT_FDCWD, BAD, 0, 0 },
    { "symlinkat", SYS_symlinkat, (long)"x", AT_FDCWD, BAD, 0 },
    { "linkat", SYS_linkat, AT_FDCWD, BAD, AT_FDCWD, (long)"x" },
    { "renameat2", SYS_renameat2, AT_FDCWD, BAD, AT_FDCWD, (long)"x" },
    { "readlinkat", SYS_readlinkat, AT_FDCWD, BAD, (long)"x", 5 },
    { "newfstatat", SYS_newfstatat, AT_FDCWD, (long)"/", BAD, 0 },
    { "fstat", SYS_fstat, 1, BAD, 0, 0 },
    { "statfs", SYS_statfs, (long)"/", BAD, 0, 0 },
    { "fstatfs", SYS_fstatfs, 1, BAD, 0, 0 },
    { "faccessat", SYS_faccessat, AT_FDCWD, BAD, 0, 0 },
    { "chdir", SYS_chdir, BAD, 0, 0, 0 },
    { "chroot", SYS_chroot, BAD, 0, 0, 0 },
    { "fchmodat", SYS_fchmodat, AT_FDCWD, BAD, 0, 0 },
    { "fchownat", SYS_fchownat, AT_FDCWD, BAD, 0, 0 },
    { "truncate", SYS_truncate, BAD, 0, 0, 0 },
    { "execve", SYS_execve, BAD, 0, 0, 0 },
    { "nanosleep", SYS_nanosleep, BAD, 0, 0, 0 },
    { "clock_gettime", SYS_clock_gettime, 1, BAD, 0, 0 },
    { "clock_getres", SYS_clock_getres, 1, BAD, 0, 0 },
    { "gettimeofday", SYS_gettimeofday, BAD, 0, 0, 0 },
    { "getitimer", SYS_getitimer, 0, BAD, 0, 0 },
    { "times", SYS_times, BAD, 0, 0, 0 },
    { "uname", SYS_uname, BAD, 0, 0, 0 },
    { "sysinfo", SYS_sysinfo, BAD, 0, 0, 0 },
    { "getrusage", SYS_getrusage, 0, BAD, 0, 0 },
    { "prlimit64", SYS_prlimit64, 0, 0, 0, BAD },
    { "getresuid", SYS_getresuid, BAD, BAD, BAD, 0 },
    { "getresgid", SYS_getresgid, BAD, BAD, BAD, 0 },
    { "rt_sigaction", SYS_rt_sigaction, SIGUSR1, BAD, 0, 8 },
    { "rt_sigprocmask", SYS_rt_sigprocmask, 0, BAD, 0, 8 },
    { "rt_sigpending", SYS_rt_sigpending, BAD, 8, 0, 0 },
    { "rt_sigsuspend", SYS_rt_sigsuspend, BAD, 8, 0, 0 },
    { "rt_sigqueueinfo", SYS_rt_sigqueueinfo, 1, SIGUSR1, BAD, 0 },
    { "sigaltstack", SYS_sigaltstack, BAD, 0, 0, 0 },
    { "futex", SYS_futex, BAD, 0, 0, 0 },
    { "get_robust_list", SYS_get_robust_list, 0, BAD, BAD, 0 },
    { "sched_getaffinity", SYS_sched_getaffinity, 0, 128, BAD, 0 },
    { "sched_setaffinity", SYS_sched_setaffinity, 0, 8, BAD, 0 },
    { "sched_getparam", SYS_sched_getparam, 0, BAD, 0, 0 },
    { "sched_rr_get_interval", SYS_sched_rr_get_interval, 0, BAD, 0, 0 },
    { "getcpu", SYS_getcpu, BAD, 0, 0, 0 },
    { "getrandom", SYS_getrandom, BAD, 8, 0, 0 },
    { "ppoll", SYS_ppoll, BAD, 1, 0, 0 },
    { "pselect6", SYS_pselect6, 8, BAD, 0, 0 },
    { "capget", SYS_capget, BAD, 0, 0, 0 },
    { "memfd_create", SYS_memfd_create, BAD, 0, 0, 0 },
    { "inotify_add_watch", SYS_inotify_add_watch, 0, BAD, 1, 0 },
    { "utimensat", SYS_utimensat, AT_FDCWD, BAD, 0, 0 },
    { "setxattr", SYS_setxattr, BAD, (long)"user.a", (long)"x", 1 },
    { "getxattr", SYS_getxattr, BAD, (long)"user.a", 0, 0 },
    { "mount", SYS_mount, 0, BAD, 0, 0 },
    { "umount2", SYS_umount2, BAD, 0, 0, 0 },
    { "sethostname", SYS_sethostname, BAD, 3, 0, 0 },
    { "prctl", SYS_prctl, 15 /* PR_SET_NAME */, BAD, 0, 0 },
    { "clone3", 435, BAD, 88, 0, 0 },
    { "openat2", 437, AT_FDCWD, (long)"/", BAD, 24 },
    { "adjtimex", SYS_adjtimex, BAD, 0, 0, 0 },
    { "timer_create", SYS_timer_create, 0, 0, BAD, 0 },
    { "pivot_root", SYS_pivot_root, BAD, BAD, 0, 0 },
    { "statx", SYS_statx, AT_FDCWD, BAD, 0, 0 },
};

static void try_all(long instead)
{
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        long v[4] = { calls[i].a, calls[i].b, calls[i].c, calls[i].d };
        int pointers = 0;
        for (int k = 0; k < 4; k++)
            if (v[k] == BAD) {
                v[k] = instead;
                pointers++;
            }
        errno = 0;
        if (!pointers || (syscall(calls[i].number, v[0], v[1], v[2], v[3], 0, 0) == -1 && errno == EFAULT))
            continue;
        if (calls[i].number == SYS_inotify_add_watch && errno == EINVAL)
            continue; /* descriptor 0 is no inotify */
        nt_say("# %s with pointer 0x%lx: errno %d (%s)\n", calls[i].name, instead, errno, strerror(errno));
        nt_failures++;
    }
}

TEST(unmapped_pointers_are_efault_everywhere)
{
    try_all(BAD);
}

TEST(kernel_pointers_are_efault_everywhere)
{
    try_all(KERN);
}

TEST(non_canonical_pointers_are_efault_everywhere)
{
    try_all(WILD);
}

TEST(pointers_at_the_very_top_are_efault_everywhere)
{
    try_all(-8);
}

/* The last bytes of a page that is followed by a hole. */
static char *edge(size_t bytes)
{
    char *at = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_TRUE(at != MAP_FAILED);
    ASSERT_OK(munmap(at + 4096, 4096));
    return at + 4096 - bytes;
}

TEST(structures_reaching_into_a_hole_are_efault)
{
    struct pollfd f = { 1, POLLOUT, 0 };
    EXPECT_ERRNO(syscall(SYS_fstat, 1, edge(127)), EFAULT);
    EXPECT_OK(syscall(SYS_fstat, 1, edge(128)));
    EXPECT_ERRNO(syscall(SYS_uname, edge(389)), EFAULT);
    EXPECT_OK(syscall(SYS_uname, edge(390)));
    EXPECT_ERRNO(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, edge(15)), EFAULT);
    EXPECT_OK(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, edge(16)));
    EXPECT_ERRNO(syscall(SYS_pipe2, edge(7), 0), EFAULT);
    EXPECT_OK(syscall(SYS_pipe2, edge(8), 0));
    memcpy(edge(8), &f, 8);
    EXPECT_ERRNO(syscall(SYS_ppoll, edge(8), 2, NULL, NULL, 0), EFAULT);
    EXPECT_ERRNO(syscall(SYS_rt_sigaction, SIGUSR1, NULL, edge(8), 8), EFAULT);
    EXPECT_ERRNO(syscall(SYS_prlimit64, 0, 0, NULL, edge(8)), EFAULT);
}

TEST(iovec_array_reaching_into_a_hole_is_efault)
{
    struct iovec *v = (struct iovec *)edge(16);
    v[0] = (struct iovec){ "x", 1 };
    int null = ASSERT_OK(open("/dev/null", O_WRONLY));
    EXPECT_EQ(syscall(SYS_writev, null, v, 1), 1);
    EXPECT_ERRNO(syscall(SYS_writev, null, v, 2), EFAULT);
}

TEST(tagged_pointers_are_for_programs_not_for_the_kernel)
{
    /* Without the tagged address ABI switched on, a tag makes a pointer bad for the kernel, not for the program. */
    static char byte = 'b';
    char *tagged = (char *)((uintptr_t)&byte | 0x5aUL << 56);
    int p[2];
    ASSERT_OK(pipe(p));
    EXPECT_EQ(*(volatile char *)tagged, 'b');
    EXPECT_ERRNO(write(p[1], tagged, 1), EFAULT);
}

TEST(lengths_that_wrap_the_address_space_are_refused)
{
    char c = 0;
    int zero = ASSERT_OK(open("/dev/zero", O_RDONLY));
    EXPECT_ERRNO(syscall(SYS_read, zero, &c, -1L), EFAULT);
    EXPECT_ERRNO(syscall(SYS_munmap, 0x10000, -1L), EINVAL);
    EXPECT_ERRNO(syscall(SYS_mprotect, 0x10000, -4096L, PROT_READ), ENOMEM);
    EXPECT_ERRNO(syscall(SYS_mmap, NULL, -1L, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), ENOMEM);
    EXPECT_ERRNO(syscall(SYS_madvise, 0x10000, -4096L, 4), EINVAL);
}

TEST(offsets_at_the_limits_are_refused)
{
    char c = 'x';
    nt_dir();
    int fd = ASSERT_OK(open("f", O_CREAT | O_RDWR, 0600));
    EXPECT_EQ(lseek(fd, INT64_MAX, SEEK_SET), INT64_MAX);
    EXPECT_ERRNO(read(fd, &c, 1), EINVAL);
    EXPECT_ERRNO(lseek(fd, 1, SEEK_CUR), EINVAL);
    EXPECT_ERRNO(pwrite(fd, &c, 1, INT64_MAX), EINVAL);
    EXPECT_ERRNO(fallocate(fd, 0, INT64_MAX, 1), EFBIG);
    EXPECT_ERRNO(fallocate(fd, 0, INT64_MAX - 1, 10), EFBIG);
}

TEST(descriptor_numbers_are_32_bits)
{
    int null = ASSERT_OK(open("/dev/null", O_WRONLY));
    EXPECT_EQ(syscall(SYS_write, null | 1L << 40, "x", 1), 1);
    EXPECT_ERRNO(syscall(SYS_write, 0x7fffffff, "x", 1), EBADF);
    EXPECT_ERRNO(syscall(SYS_close, 0xffffffffUL), EBADF);
    EXPECT_ERRNO(syscall(SYS_dup, 0x80000000UL), EBADF);
}

static uint64_t state = 88172645463325252UL;
static uint64_t any(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
}

/* Numbers that would end, stop or change this process or the machine when they succeed by chance. */
static int harmful(long n)
{
    static const long never[] = { SYS_exit, SYS_exit_group, SYS_reboot, SYS_kill, SYS_tkill, SYS_tgkill, SYS_rt_sigreturn,
                                  SYS_clone, 435 /* clone3 */, SYS_setpgid, SYS_setsid };
    for (size_t i = 0; i < sizeof never / sizeof *never; i++)
        if (n == never[i])
            return 1;
    return 0;
}

TEST_LIMIT(random_system_calls_do_not_break_the_kernel, 60)
{
    for (int round = 0; round < 30; round++) {
        uint64_t seed = any();
        pid_t pid = nt_fork();
        if (pid == 0) {
            static const uint64_t odd[] = { 0, 1, 2, 3, -1, -4096, 4096, 0x7fffffff, 0x80000000, 1UL << 63, (uint64_t)KERN,
                                            (uint64_t)WILD, 0xffff };
            state = seed | 1;
            nt_dir();
            ASSERT_OK(setuid(12345));
            int null = ASSERT_OK(open("/dev/null", O_RDWR));
            for (int fd = 0; fd < 3; fd++)
                dup2(null, fd); /* the report's channel is not to be written at random */
            struct itimerval limit = { { 0, 100000 }, { 0, 300000 } };
            signal(SIGALRM, SIG_DFL);
            setitimer(ITIMER_REAL, &limit, NULL);
            for (int i = 0; i < 400; i++) {
                long n = any() % 470, v[6];
                for (int k = 0; k < 6; k++)
                    v[k] = any() % 3 ? odd[any() % 13] : any() % 2 ? (uint64_t)&state : any();
                if (!harmful(n))
                    syscall(n, v[0], v[1], v[2], v[3], v[4], v[5]);
            }
            _exit(0);
        }
        int status;
        EXPECT_TRUE(waitpid(pid, &status, 0) == pid);
    }
}
