/* Resource limits and what they refuse. */
#include "nacre_test.h"
#include <sys/resource.h>

static void limit(int what, rlim_t cur, rlim_t max)
{
    struct rlimit r = { cur, max };
    ASSERT_OK(setrlimit(what, &r));
}

TEST(defaults_are_linux_defaults)
{
    struct rlimit r;
    EXPECT_OK(getrlimit(RLIMIT_NOFILE, &r));
    EXPECT_EQ(r.rlim_cur, 1024);
    EXPECT_EQ(r.rlim_max, 4096);
    EXPECT_OK(getrlimit(RLIMIT_STACK, &r));
    EXPECT_EQ(r.rlim_cur, 8 << 20);
    EXPECT_EQ(r.rlim_max, RLIM_INFINITY);
    EXPECT_OK(getrlimit(RLIMIT_AS, &r));
    EXPECT_EQ(r.rlim_cur, RLIM_INFINITY);
    EXPECT_OK(getrlimit(RLIMIT_CORE, &r));
    EXPECT_EQ(r.rlim_cur, 0);
    EXPECT_OK(getrlimit(RLIMIT_NICE, &r));
    EXPECT_EQ(r.rlim_cur, 0);
}

TEST(limits_are_inherited_and_apart_afterwards)
{
    struct rlimit r;
    limit(RLIMIT_CORE, 5, 10);
    pid_t pid = nt_fork();
    if (pid == 0) {
        EXPECT_OK(getrlimit(RLIMIT_CORE, &r));
        EXPECT_TRUE(r.rlim_cur == 5 && r.rlim_max == 10);
        limit(RLIMIT_CORE, 1, 1);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
    EXPECT_OK(getrlimit(RLIMIT_CORE, &r));
    EXPECT_EQ(r.rlim_cur, 5);
}

TEST(soft_above_hard_is_einval_and_raising_hard_needs_privilege)
{
    struct rlimit r = { 11, 10 };
    EXPECT_ERRNO(setrlimit(RLIMIT_CORE, &r), EINVAL);
    EXPECT_ERRNO(setrlimit(99, &r), EINVAL);
    EXPECT_ERRNO(getrlimit(99, &r), EINVAL);
    pid_t pid = nt_fork();
    if (pid == 0) {
        limit(RLIMIT_CORE, 5, 10);
        ASSERT_OK(setuid(1000));
        r = (struct rlimit){ 10, 10 };
        EXPECT_OK(setrlimit(RLIMIT_CORE, &r));
        r = (struct rlimit){ 10, 11 };
        EXPECT_ERRNO(setrlimit(RLIMIT_CORE, &r), EPERM);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
}

TEST(prlimit64_reads_and_sets_another_process)
{
    struct rlimit old, r = { 12, 34 };
    pid_t pid = nt_fork();
    if (pid == 0) {
        raise(SIGSTOP);
        getrlimit(RLIMIT_CORE, &r);
        _exit(r.rlim_cur == 12 ? 0 : 1);
    }
    EXPECT_EQ(waitpid(pid, NULL, WUNTRACED), pid);
    EXPECT_OK(syscall(SYS_prlimit64, pid, RLIMIT_CORE, &r, &old));
    EXPECT_EQ(old.rlim_cur, 0);
    EXPECT_OK(syscall(SYS_prlimit64, pid, RLIMIT_CORE, NULL, &old));
    EXPECT_EQ(old.rlim_max, 34);
    kill(pid, SIGCONT);
    EXPECT_EXIT(pid, 0);
    EXPECT_ERRNO(syscall(SYS_prlimit64, 0x3ffffff, RLIMIT_CORE, NULL, &old), ESRCH);
    EXPECT_ERRNO(syscall(SYS_prlimit64, 0, RLIMIT_CORE, NT_BAD, NULL), EFAULT);
    pid = nt_fork();
    if (pid == 0) {
        ASSERT_OK(setuid(1000));
        EXPECT_ERRNO(syscall(SYS_prlimit64, getppid(), RLIMIT_CORE, NULL, &old), EPERM);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
}

TEST(nofile_limit_is_emfile)
{
    int p[2];
    limit(RLIMIT_NOFILE, 10, 10);
    while (dup(1) != -1)
        ;
    EXPECT_TRUE(errno == EMFILE);
    EXPECT_ERRNO(open("/dev/null", O_RDONLY), EMFILE);
    EXPECT_ERRNO(pipe(p), EMFILE);
    EXPECT_ERRNO(fcntl(1, F_DUPFD, 10), EINVAL);
    EXPECT_ERRNO(fcntl(1, F_DUPFD, 3), EMFILE);
    EXPECT_ERRNO(dup2(1, 10), EBADF);
    close(9);
    EXPECT_ERRNO(pipe(p), EMFILE);
    EXPECT_EQ(dup(1), 9);
}

TEST(fsize_limit_sends_sigxfsz_and_is_efbig)
{
    nt_dir();
    limit(RLIMIT_FSIZE, 4096, 4096);
    int fd = ASSERT_OK(open("f", O_CREAT | O_RDWR, 0600));
    static char page[8192];
    signal(SIGXFSZ, SIG_IGN);
    EXPECT_EQ(write(fd, page, 8192), 4096);
    EXPECT_ERRNO(write(fd, page, 1), EFBIG);
    EXPECT_ERRNO(ftruncate(fd, 5000), EFBIG);
    EXPECT_ERRNO(fallocate(fd, 0, 0, 5000), EFBIG);
    pid_t pid = nt_fork();
    if (pid == 0) {
        signal(SIGXFSZ, SIG_DFL);
        write(fd, page, 1);
        _exit(0);
    }
    EXPECT_KILLED(pid, SIGXFSZ);
    int p[2];
    ASSERT_OK(pipe(p));
    EXPECT_EQ(write(p[1], page, 8192), 8192);
}

TEST(nproc_limit_is_eagain_for_users_only)
{
    pid_t pid = nt_fork();
    if (pid == 0) {
        limit(RLIMIT_NPROC, 2, 2);
        ASSERT_OK(setuid(7777));
        pid_t a = fork();
        if (a == 0)
            for (;;)
                pause();
        EXPECT_TRUE(a > 0);
        EXPECT_ERRNO(fork(), EAGAIN);
        kill(a, SIGKILL);
        EXPECT_KILLED(a, SIGKILL);
        a = fork();
        if (a == 0)
            _exit(0);
        EXPECT_EXIT(a, 0);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
}

static int recurse(int depth)
{
    volatile char frame[4096];
    frame[0] = 0;
    return depth == 0 ? 0 : recurse(depth - 1) + frame[0];
}

ROLE(recurse)
{
    return recurse(atoi(argv[2]));
}

TEST(stack_limit_holds_at_exec)
{
    pid_t pid = nt_fork();
    if (pid == 0) {
        limit(RLIMIT_STACK, 256 << 10, 256 << 10);
        execl(nt_self, nt_self, "@recurse", "200", NULL);
        _exit(99);
    }
    EXPECT_KILLED(pid, SIGSEGV);
    pid = nt_fork();
    if (pid == 0) {
        limit(RLIMIT_STACK, 2 << 20, 2 << 20);
        execl(nt_self, nt_self, "@recurse", "200", NULL);
        _exit(99);
    }
    EXPECT_EXIT(pid, 0);
}

TEST(stack_limit_lowered_while_running_bounds_growth)
{
    pid_t pid = nt_fork();
    if (pid == 0) {
        limit(RLIMIT_STACK, 512 << 10, 512 << 10);
        _exit(recurse(1000));
    }
    EXPECT_KILLED(pid, SIGSEGV);
}

TEST(cpu_limit_sends_sigxcpu_then_kills)
{
    pid_t pid = nt_fork();
    if (pid == 0) {
        limit(RLIMIT_CPU, 1, 2);
        for (volatile long i = 0;; i++)
            ;
    }
    EXPECT_KILLED(pid, SIGXCPU);
}
