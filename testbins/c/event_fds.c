/* eventfd, timerfd, signalfd. */
#include "nacre_test.h"
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

static short events_of(int fd)
{
    struct pollfd p = { fd, POLLIN | POLLOUT, 0 };
    EXPECT_OK(poll(&p, 1, 0));
    return p.revents;
}

static uint64_t value_of(int fd)
{
    uint64_t v = 0;
    EXPECT_EQ(read(fd, &v, 8), 8);
    return v;
}

static void give(int fd, uint64_t v)
{
    EXPECT_EQ(write(fd, &v, 8), 8);
}

TEST(eventfd_adds_and_reads_to_zero)
{
    int fd = ASSERT_OK(eventfd(3, 0));
    give(fd, 4);
    EXPECT_EQ(value_of(fd), 7);
    EXPECT_EQ(events_of(fd), POLLOUT);
}

TEST(eventfd_semaphore_reads_one_at_a_time)
{
    int fd = ASSERT_OK(eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK));
    uint64_t v;
    EXPECT_EQ(value_of(fd), 1);
    EXPECT_EQ(value_of(fd), 1);
    EXPECT_ERRNO(read(fd, &v, 8), EAGAIN);
}

TEST(eventfd_is_full_at_two_below_the_top)
{
    int fd = ASSERT_OK(eventfd(0, EFD_NONBLOCK));
    uint64_t v = 0xfffffffffffffffeUL, one = 1, all = ~0UL;
    EXPECT_ERRNO(write(fd, &all, 8), EINVAL);
    EXPECT_EQ(write(fd, &v, 8), 8);
    EXPECT_ERRNO(write(fd, &one, 8), EAGAIN);
    EXPECT_EQ(events_of(fd), POLLIN);
    EXPECT_EQ(value_of(fd), 0xfffffffffffffffeUL);
}

TEST(eventfd_checks_sizes_flags_and_pointers)
{
    int fd = ASSERT_OK(eventfd(1, 0));
    uint64_t v = 1;
    EXPECT_ERRNO(read(fd, &v, 4), EINVAL);
    EXPECT_ERRNO(write(fd, &v, 4), EINVAL);
    EXPECT_ERRNO(write(fd, NT_BAD, 8), EFAULT);
    EXPECT_ERRNO(syscall(SYS_eventfd2, 0, 0x40000000), EINVAL);
    EXPECT_EQ(lseek(fd, 5, SEEK_SET), 0);
    EXPECT_ERRNO(pread(fd, &v, 8, 0), ESPIPE);
    EXPECT_EQ(fcntl(ASSERT_OK(eventfd(0, EFD_CLOEXEC)), F_GETFD), FD_CLOEXEC);
}

TEST(eventfd_read_blocks_until_a_write)
{
    int fd = ASSERT_OK(eventfd(0, 0));
    pid_t pid = nt_fork();
    if (pid == 0) {
        EXPECT_EQ(value_of(fd), 5);
        nt_done();
    }
    nt_await_state(pid, 'S');
    give(fd, 5);
    EXPECT_EXIT(pid, 0);
}

TEST(timerfd_fires_once_and_counts)
{
    struct itimerspec t = { { 0, 0 }, { 0, 10000000 } };
    int fd = ASSERT_OK(timerfd_create(CLOCK_MONOTONIC, 0));
    EXPECT_EQ(events_of(fd), 0);
    EXPECT_OK(timerfd_settime(fd, 0, &t, NULL));
    EXPECT_EQ(value_of(fd), 1);
    EXPECT_OK(timerfd_gettime(fd, &t));
    EXPECT_EQ(t.it_value.tv_sec + t.it_value.tv_nsec, 0);
}

TEST(timerfd_interval_counts_missed_ticks)
{
    struct itimerspec t = { { 0, 5000000 }, { 0, 5000000 } };
    int fd = ASSERT_OK(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK));
    uint64_t v;
    EXPECT_ERRNO(read(fd, &v, 8), EAGAIN);
    EXPECT_OK(timerfd_settime(fd, 0, &t, NULL));
    struct pollfd p = { fd, POLLIN, 0 };
    EXPECT_EQ(poll(&p, 1, 600000), 1);
    nt_sleep_ms(60);
    EXPECT_EQ(events_of(fd), POLLIN);
    EXPECT_TRUE(value_of(fd) >= 10);
    EXPECT_OK(timerfd_gettime(fd, &t));
    EXPECT_EQ(t.it_interval.tv_nsec, 5000000);
}

TEST(timerfd_settime_returns_the_old_value_and_zero_disarms)
{
    struct itimerspec t = { { 1, 0 }, { 100, 0 } }, old, off = { { 0, 0 }, { 0, 0 } };
    int fd = ASSERT_OK(timerfd_create(CLOCK_MONOTONIC, 0));
    EXPECT_OK(timerfd_settime(fd, 0, &t, NULL));
    EXPECT_OK(timerfd_settime(fd, 0, &off, &old));
    EXPECT_TRUE(old.it_value.tv_sec >= 50 && old.it_value.tv_sec <= 100);
    EXPECT_EQ(old.it_interval.tv_sec, 1);
    EXPECT_OK(timerfd_gettime(fd, &t));
    EXPECT_EQ(t.it_value.tv_sec, 0);
}

TEST(timerfd_absolute_time_in_the_past_fires_at_once)
{
    struct itimerspec t = { { 0, 0 }, { 1, 0 } };
    int fd = ASSERT_OK(timerfd_create(CLOCK_REALTIME, 0));
    EXPECT_OK(timerfd_settime(fd, TFD_TIMER_ABSTIME, &t, NULL));
    EXPECT_EQ(value_of(fd), 1);
    fd = ASSERT_OK(timerfd_create(CLOCK_BOOTTIME, 0));
    t.it_value = (struct timespec){ 0, 1 };
    EXPECT_OK(timerfd_settime(fd, TFD_TIMER_ABSTIME, &t, NULL));
    EXPECT_EQ(value_of(fd), 1);
}

TEST(timerfd_refusals)
{
    struct itimerspec t = { { 0, 0 }, { 0, 1000000000 } };
    int p[2], fd = ASSERT_OK(timerfd_create(CLOCK_MONOTONIC, 0));
    uint64_t v = 1;
    ASSERT_OK(pipe(p));
    EXPECT_ERRNO(timerfd_create(99, 0), EINVAL);
    EXPECT_ERRNO(timerfd_create(CLOCK_PROCESS_CPUTIME_ID, 0), EINVAL);
    EXPECT_ERRNO(timerfd_create(CLOCK_MONOTONIC, 1), EINVAL);
    EXPECT_ERRNO(timerfd_settime(fd, 0, &t, NULL), EINVAL);
    t.it_value.tv_nsec = 0;
    EXPECT_ERRNO(timerfd_settime(fd, 0x80, &t, NULL), EINVAL);
    EXPECT_ERRNO(timerfd_settime(p[0], 0, &t, NULL), EINVAL);
    EXPECT_ERRNO(timerfd_settime(999, 0, &t, NULL), EBADF);
    EXPECT_ERRNO(syscall(SYS_timerfd_settime, fd, 0, NT_BAD, NULL), EFAULT);
    EXPECT_ERRNO(write(fd, &v, 8), EINVAL);
    EXPECT_ERRNO(read(fd, &v, 4), EINVAL);
}

static int signal_fd(int a, int b, int flags)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, a);
    if (b)
        sigaddset(&set, b);
    ASSERT_OK(sigprocmask(SIG_BLOCK, &set, NULL));
    return ASSERT_OK(signalfd(-1, &set, flags));
}

TEST(signalfd_reads_pending_signals_as_records)
{
    struct signalfd_siginfo info[2];
    int fd = signal_fd(SIGUSR1, SIGUSR2, 0);
    EXPECT_EQ(sizeof info[0], 128);
    EXPECT_EQ(events_of(fd), 0);
    kill(getpid(), SIGUSR2);
    sigqueue(getpid(), SIGUSR1, (union sigval){ .sival_int = 77 });
    EXPECT_EQ(events_of(fd), POLLIN);
    EXPECT_EQ(read(fd, info, sizeof info), (long)sizeof info);
    EXPECT_EQ(info[0].ssi_signo, SIGUSR1);
    EXPECT_EQ(info[0].ssi_int, 77);
    EXPECT_EQ(info[0].ssi_code, SI_QUEUE);
    EXPECT_EQ(info[1].ssi_signo, SIGUSR2);
    EXPECT_EQ(info[1].ssi_pid, (unsigned)getpid());
    EXPECT_EQ(events_of(fd), 0);
}

TEST(signalfd_blocks_or_is_eagain_without_signals)
{
    struct signalfd_siginfo info;
    int fd = signal_fd(SIGUSR1, 0, SFD_NONBLOCK);
    EXPECT_ERRNO(read(fd, &info, sizeof info), EAGAIN);
    EXPECT_ERRNO(read(fd, &info, 100), EINVAL);
    EXPECT_OK(fcntl(fd, F_SETFL, 0));
    pid_t parent = getpid(), pid = nt_fork();
    if (pid == 0) {
        nt_await_state(parent, 'S');
        kill(parent, SIGUSR1);
        _exit(0);
    }
    EXPECT_EQ(read(fd, &info, sizeof info), (long)sizeof info);
    EXPECT_EQ(info.ssi_pid, (unsigned)pid);
    EXPECT_EXIT(pid, 0);
}

/* 64 bytes before the end of a page, both pages not there yet. */
static char *fresh_pages(void)
{
    char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_TRUE(p != MAP_FAILED);
    return p + 4096 - 64;
}

TEST(signalfd_loses_nothing_to_pages_that_are_not_there_yet)
{
    struct signalfd_siginfo *info;
    int fd = signal_fd(SIGUSR1, SIGUSR2, SFD_NONBLOCK);
    for (int i = 0; i < 2; i++) {
        kill(getpid(), SIGUSR1);
        info = (void *)(fresh_pages() + 64 * i);
        EXPECT_EQ(read(fd, info, sizeof *info), (long)sizeof *info);
        EXPECT_EQ(info->ssi_signo, SIGUSR1);
    }
    kill(getpid(), SIGUSR1);
    kill(getpid(), SIGUSR2);
    info = (void *)fresh_pages();
    EXPECT_EQ(read(fd, info, 2 * sizeof *info), (long)(2 * sizeof *info));
    EXPECT_EQ(info[0].ssi_signo, SIGUSR1);
    EXPECT_EQ(info[1].ssi_signo, SIGUSR2);
}

TEST(signalfd_mask_can_be_changed)
{
    sigset_t other;
    struct signalfd_siginfo info;
    int fd = signal_fd(SIGUSR1, SIGUSR2, SFD_NONBLOCK);
    sigemptyset(&other);
    sigaddset(&other, SIGUSR2);
    EXPECT_EQ(signalfd(fd, &other, 0), fd);
    kill(getpid(), SIGUSR1);
    EXPECT_ERRNO(read(fd, &info, sizeof info), EAGAIN);
    kill(getpid(), SIGUSR2);
    EXPECT_EQ(read(fd, &info, sizeof info), (long)sizeof info);
    EXPECT_EQ(info.ssi_signo, SIGUSR2);
}

TEST(signalfd_refusals)
{
    uint64_t set = 1;
    int p[2];
    ASSERT_OK(pipe(p));
    EXPECT_ERRNO(syscall(SYS_signalfd4, -1, &set, 4, 0), EINVAL);
    EXPECT_ERRNO(syscall(SYS_signalfd4, -1, &set, 8, 0x1), EINVAL);
    EXPECT_ERRNO(syscall(SYS_signalfd4, p[0], &set, 8, 0), EINVAL);
    EXPECT_ERRNO(syscall(SYS_signalfd4, 999, &set, 8, 0), EBADF);
    EXPECT_ERRNO(syscall(SYS_signalfd4, -1, NT_BAD, 8, 0), EFAULT);
}

TEST(event_descriptors_name_themselves_in_proc)
{
    char path[64], target[64];
    const struct {
        int fd;
        const char *name;
    } all[] = { { eventfd(0, 0), "anon_inode:[eventfd]" },
                { timerfd_create(CLOCK_MONOTONIC, 0), "anon_inode:[timerfd]" },
                { signal_fd(SIGUSR1, 0, 0), "anon_inode:[signalfd]" } };
    for (int i = 0; i < 3; i++) {
        memset(target, 0, sizeof target);
        snprintf(path, sizeof path, "/proc/self/fd/%d", all[i].fd);
        EXPECT_OK(readlink(path, target, sizeof target - 1));
        EXPECT_STREQ(target, all[i].name);
    }
}
