/* Calls' last corners: what one that fails writes, who may, which thread is meant. */
// proves A1 by single calls of many families
#include "nacre_test.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/fs.h>
#include <pthread.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>

#define PIDFD_THREAD O_EXCL
#define BY_THREAD 1
#define GET_AUXV 0x41555856

static void become_nobody(void)
{
    ASSERT_OK(setresgid(65534, 65534, 65534));
    ASSERT_OK(setresuid(65534, 65534, 65534));
}

TEST(a_waitid_that_fails_clears_what_it_would_have_told)
{
    siginfo_t info;
    memset(&info, 0xff, sizeof info);
    EXPECT_ERRNO(syscall(SYS_waitid, P_ALL, 0, &info, WEXITED, NULL), ECHILD);
    EXPECT_EQ(info.si_signo, 0);
    EXPECT_EQ(info.si_pid, 0);
    EXPECT_ERRNO(syscall(SYS_waitid, P_ALL, 0, (void *)1, WEXITED, NULL), EFAULT);
}

TEST(a_refused_forced_buffer_leaves_no_mark)
{
    pid_t child = nt_fork();
    if (child == 0) {
        int s = ASSERT_OK(socket(AF_UNIX, SOCK_STREAM, 0)), n = 100000;
        socklen_t len = sizeof n;
        become_nobody();
        EXPECT_ERRNO(setsockopt(s, SOL_SOCKET, SO_RCVBUFFORCE, &n, sizeof n), EPERM);
        EXPECT_ERRNO(setsockopt(s, SOL_SOCKET, SO_SNDBUFFORCE, &n, sizeof n), EPERM);
        EXPECT_OK(getsockopt(s, SOL_SOCKET, 72 /* SO_BUF_LOCK */, &n, &len));
        EXPECT_EQ(n, 0);
        EXPECT_OK(setsockopt(s, SOL_SOCKET, SO_RCVBUF, &n, sizeof n));
        EXPECT_OK(getsockopt(s, SOL_SOCKET, 72, &n, &len));
        EXPECT_EQ(n, 2);
        nt_done();
    }
    EXPECT_EXIT(child, 0);
}

TEST(a_strangers_zombie_may_not_be_signalled)
{
    pid_t zombie = nt_fork(), child;
    if (zombie == 0)
        _exit(0);
    nt_await_state(zombie, 'Z');
    child = nt_fork();
    if (child == 0) {
        become_nobody();
        EXPECT_ERRNO(kill(zombie, 0), EPERM);
        EXPECT_ERRNO(kill(zombie, SIGTERM), EPERM);
        nt_done();
    }
    EXPECT_EXIT(child, 0);
    EXPECT_OK(kill(zombie, SIGTERM));
    EXPECT_EXIT(zombie, 0);
}

static volatile sig_atomic_t ticks;

static void tick(int signo)
{
    (void)signo;
    ticks++;
}

TEST(getrandom_gives_a_page_whole_whatever_signals_come)
{
    static char page[4096];
    struct itimerval often = { { 0, 200 }, { 0, 200 } }, never = { 0 };
    signal(SIGALRM, tick);
    ASSERT_OK(setitimer(ITIMER_REAL, &often, NULL));
    for (int i = 0; i < 2000 || ticks < 20; i++)
        if (getrandom(page, sizeof page, 0) != sizeof page) {
            EXPECT_EQ(i, -1);
            break;
        }
    ASSERT_OK(setitimer(ITIMER_REAL, &never, NULL));
}

TEST(what_only_grows_is_not_mapped_to_be_shared_by_who_may_write)
{
    char name[] = "/tmp/grows.XXXXXX";
    int fd = ASSERT_OK(mkstemp(name)), flags = FS_APPEND_FL, ro;
    ASSERT_EQ(write(fd, "abc", 3), 3);
    close(fd);
    ro = ASSERT_OK(open(name, O_RDONLY));
    ASSERT_OK(ioctl(ro, FS_IOC_SETFLAGS, &flags));
    fd = ASSERT_OK(open(name, O_RDWR | O_APPEND));
    EXPECT_TRUE(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED && errno == EACCES);
    EXPECT_TRUE(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0) != MAP_FAILED);
    EXPECT_TRUE(mmap(NULL, 4096, PROT_READ, MAP_SHARED, ro, 0) != MAP_FAILED);
    flags = 0;
    ASSERT_OK(ioctl(ro, FS_IOC_SETFLAGS, &flags));
    unlink(name);
}

TEST(capget_without_data_asks_for_nobody)
{
    struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, -1 };
    struct __user_cap_data_struct data[2];
    EXPECT_OK(syscall(SYS_capget, &head, NULL));
    EXPECT_ERRNO(syscall(SYS_capget, &head, data), EINVAL);
    head.pid = 0x3fffffff;
    EXPECT_OK(syscall(SYS_capget, &head, NULL));
    EXPECT_ERRNO(syscall(SYS_capget, &head, data), ESRCH);
}

TEST(prctl_gives_the_auxiliary_vector)
{
    unsigned long words[60], some[2] = { 0, 0 };
    memset(words, 0xff, sizeof words);
    EXPECT_EQ(prctl(GET_AUXV, words, sizeof words, 0, 0), 400);
    EXPECT_EQ(words[49], 0);
    EXPECT_EQ(words[50], ~0ul);
    EXPECT_EQ(prctl(GET_AUXV, some, 8, 0, 0), 400);
    EXPECT_EQ(some[0], words[0]);
    EXPECT_EQ(some[1], 0);
    EXPECT_EQ(prctl(GET_AUXV, NULL, 0, 0, 0), 400);
    EXPECT_ERRNO(prctl(GET_AUXV, words, sizeof words, 1, 0), EINVAL);
    EXPECT_ERRNO(prctl(GET_AUXV, (void *)1, sizeof words, 0, 0), EFAULT);
}

static void *take_one(void *arg)
{
    int *fds = arg;
    sigset_t set;
    siginfo_t info;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    fds[2] = gettid();
    ASSERT_EQ(write(fds[1], "r", 1), 1);
    fds[3] = sigwaitinfo(&set, &info) == SIGUSR1 ? info.si_code : 0;
    return NULL;
}

TEST(a_pidfd_of_a_thread_signals_that_thread)
{
    int fds[4], pidfd;
    pthread_t thread;
    sigset_t set, pending;
    siginfo_t info;
    struct timespec now = { 0, 0 };
    char c, path[64];
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    ASSERT_OK(sigprocmask(SIG_BLOCK, &set, NULL));
    ASSERT_OK(pipe(fds));
    ASSERT_EQ(pthread_create(&thread, NULL, take_one, fds), 0);
    ASSERT_EQ(read(fds[0], &c, 1), 1);
    pidfd = ASSERT_OK(syscall(SYS_pidfd_open, fds[2], PIDFD_THREAD));
    EXPECT_OK(syscall(SYS_pidfd_send_signal, pidfd, SIGUSR1, NULL, 0));
    ASSERT_EQ(pthread_join(thread, NULL), 0);
    EXPECT_EQ(fds[3], SI_TKILL);
    ASSERT_OK(sigpending(&pending));
    EXPECT_EQ(sigismember(&pending, SIGUSR1), 0);
    snprintf(path, sizeof path, "/proc/self/task/%d", fds[2]);
    while (access(path, F_OK) == 0)
        sched_yield();
    EXPECT_ERRNO(syscall(SYS_pidfd_send_signal, pidfd, SIGUSR1, NULL, 0), ESRCH);
    close(pidfd);
    /* Of a process, by the flag: its first thread. */
    pidfd = ASSERT_OK(syscall(SYS_pidfd_open, getpid(), 0));
    EXPECT_OK(syscall(SYS_pidfd_send_signal, pidfd, SIGUSR1, NULL, BY_THREAD));
    EXPECT_EQ(sigtimedwait(&set, &info, &now), SIGUSR1);
    EXPECT_EQ(info.si_code, SI_TKILL);
    EXPECT_OK(syscall(SYS_pidfd_send_signal, pidfd, SIGUSR1, NULL, 0));
    EXPECT_EQ(sigtimedwait(&set, &info, &now), SIGUSR1);
    EXPECT_EQ(info.si_code, SI_USER);
}

/* call_corners @dumpable: exits with what it is. */
ROLE(dumpable)
{
    return prctl(PR_GET_DUMPABLE);
}

TEST(a_program_that_may_not_be_read_is_not_dumpable)
{
    static char bytes[1 << 16];
    char name[] = "/tmp/unread.XXXXXX";
    int to = ASSERT_OK(mkstemp(name)), from = ASSERT_OK(open("/proc/self/exe", O_RDONLY));
    for (ssize_t n; (n = read(from, bytes, sizeof bytes)) > 0;)
        ASSERT_EQ(write(to, bytes, n), n);
    close(from);
    close(to);
    for (int readable = 0; readable < 2; readable++) {
        pid_t child;
        ASSERT_OK(chmod(name, readable ? 0555 : 0111));
        child = nt_fork();
        if (child == 0) {
            become_nobody();
            execl(name, name, "@dumpable", NULL);
            _exit(99);
        }
        EXPECT_EXIT(child, readable);
    }
    unlink(name);
}
