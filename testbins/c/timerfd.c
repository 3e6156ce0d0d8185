/* timerfd: when it is armed again, what setting the clock does to it, what it shows. */
#include "nacre_test.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>

enum { MS = 1000000 };

static int made(int clock, int flags)
{
    return ASSERT_OK(timerfd_create(clock, TFD_NONBLOCK | flags));
}

static short bits(int fd)
{
    struct pollfd p = { fd, POLLIN | POLLRDNORM | POLLOUT | POLLPRI, 0 };
    EXPECT_OK(poll(&p, 1, 0));
    return p.revents;
}

/* Waits until it is readable. */
static void expired(int fd)
{
    struct pollfd p = { fd, POLLIN, 0 };
    EXPECT_EQ(poll(&p, 1, 600000), 1);
}

static void set(int fd, int flags, long sec, long nsec, long interval)
{
    struct itimerspec t = { { 0, interval }, { sec, nsec } };
    EXPECT_OK(timerfd_settime(fd, flags, &t, NULL));
}

static long now_of(int clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return t.tv_sec;
}

TEST(timerfd_is_readable_in_one_bit)
{
    int fd = made(CLOCK_MONOTONIC, 0);
    EXPECT_EQ(bits(fd), 0);
    set(fd, TFD_TIMER_ABSTIME, 0, 1, 0);
    expired(fd);
    EXPECT_EQ(bits(fd), POLLIN);
}

TEST(timerfd_rests_after_an_expiration_until_it_is_read)
{
    struct epoll_event e = { EPOLLIN | EPOLLET, { 0 } };
    uint64_t v;
    int fd = made(CLOCK_MONOTONIC, 0), ep = ASSERT_OK(epoll_create1(0));
    ASSERT_OK(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e));
    set(fd, 0, 0, 20 * MS, 20 * MS);
    EXPECT_EQ(epoll_wait(ep, &e, 1, -1), 1);
    EXPECT_EQ(epoll_wait(ep, &e, 1, 100), 0);
    EXPECT_EQ(read(fd, &v, 8), 8);
    EXPECT_TRUE(v >= 5);
    EXPECT_EQ(epoll_wait(ep, &e, 1, -1), 1);
}

TEST(timerfd_gettime_sets_an_expired_one_going_and_keeps_the_count)
{
    struct itimerspec t;
    uint64_t v;
    int fd = made(CLOCK_MONOTONIC, 0);
    set(fd, 0, 0, 10 * MS, 10 * MS);
    expired(fd);
    nt_sleep_ms(40);
    EXPECT_OK(timerfd_gettime(fd, &t));
    EXPECT_TRUE(t.it_value.tv_sec == 0 && t.it_value.tv_nsec <= 10 * MS);
    EXPECT_EQ(bits(fd), POLLIN);
    EXPECT_EQ(read(fd, &v, 8), 8);
    EXPECT_TRUE(v >= 4);
}

TEST(timerfd_set_anew_forgets_what_has_expired)
{
    uint64_t v;
    int fd = made(CLOCK_MONOTONIC, 0);
    set(fd, 0, 0, 1, 0);
    expired(fd);
    EXPECT_EQ(bits(fd), POLLIN);
    set(fd, 0, 100, 0, 0);
    EXPECT_EQ(bits(fd), 0);
    EXPECT_ERRNO(read(fd, &v, 8), EAGAIN);
}

TEST(timerfd_is_shared_with_a_child)
{
    uint64_t v;
    int fd = made(CLOCK_MONOTONIC, 0);
    pid_t pid = nt_fork();
    if (pid == 0) {
        set(fd, 0, 0, 1, 0);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
    expired(fd);
    EXPECT_EQ(read(fd, &v, 8), 8);
    EXPECT_EQ(v, 1);
}

TEST(timerfd_checks_in_order)
{
    struct itimerspec t = { { 0, 0 }, { 0, 0 } };
    int fd = made(CLOCK_MONOTONIC, 0);
    EXPECT_ERRNO(syscall(SYS_timerfd_settime, 999, 0x80, NT_BAD, NULL), EFAULT);
    EXPECT_ERRNO(timerfd_settime(999, 0x80, &t, NULL), EINVAL);
    t.it_interval.tv_nsec = -1;
    EXPECT_ERRNO(timerfd_settime(fd, 0, &t, NULL), EINVAL);
    t.it_interval.tv_nsec = 0;
    t.it_value.tv_sec = -1;
    EXPECT_ERRNO(timerfd_settime(fd, 0, &t, NULL), EINVAL);
    EXPECT_ERRNO(timerfd_gettime(999, &t), EBADF);
    EXPECT_ERRNO(timerfd_gettime(0, &t), EINVAL);
    EXPECT_ERRNO(syscall(SYS_timerfd_gettime, fd, NT_BAD), EFAULT);
    t.it_value.tv_sec = 100;
    EXPECT_ERRNO(syscall(SYS_timerfd_settime, fd, 0, &t, NT_BAD), EFAULT);
    EXPECT_OK(timerfd_gettime(fd, &t));
    EXPECT_TRUE(t.it_value.tv_sec >= 50);
    EXPECT_EQ(lseek(fd, 7, SEEK_SET), 0);
}

TEST(timerfd_alarm_clocks_need_a_right)
{
    close(made(CLOCK_BOOTTIME_ALARM, 0));
    int fd = made(CLOCK_REALTIME_ALARM, 0);
    struct itimerspec t = { { 0, 0 }, { 100, 0 } };
    ASSERT_OK(setuid(1000));
    EXPECT_ERRNO(timerfd_create(CLOCK_REALTIME_ALARM, 0), EPERM);
    EXPECT_ERRNO(timerfd_create(CLOCK_BOOTTIME_ALARM, 0), EPERM);
    EXPECT_ERRNO(timerfd_settime(fd, 0, &t, NULL), EPERM);
    EXPECT_OK(timerfd_gettime(fd, &t));
}

/* Moves the wall clock by so many seconds. */
static void shift(long sec)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    t.tv_sec += sec;
    ASSERT_OK(clock_settime(CLOCK_REALTIME, &t));
}

TEST(timerfd_follows_the_wall_clock_when_it_is_set)
{
    uint64_t v;
    long then = now_of(CLOCK_REALTIME) + 3000;
    int moment = made(CLOCK_REALTIME, 0), span = made(CLOCK_REALTIME, 0);
    set(moment, TFD_TIMER_ABSTIME, then, 0, 0);
    set(span, 0, 3000, 0, 0);
    shift(7200);
    struct pollfd p = { moment, POLLIN, 0 };
    EXPECT_EQ(poll(&p, 1, 600000), 1);
    EXPECT_EQ(read(moment, &v, 8), 8);
    EXPECT_EQ(v, 1);
    EXPECT_ERRNO(read(span, &v, 8), EAGAIN);
    shift(-7200);
}

TEST(timerfd_is_cancelled_when_the_wall_clock_is_set)
{
    uint64_t v;
    long far = now_of(CLOCK_REALTIME) + 30000;
    int flags = TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET;
    int fd = made(CLOCK_REALTIME, 0), span = made(CLOCK_REALTIME, 0), other = made(CLOCK_MONOTONIC, 0);
    set(fd, flags, far, 0, 0);
    set(span, TFD_TIMER_CANCEL_ON_SET, 30000, 0, 0);
    set(other, flags, now_of(CLOCK_MONOTONIC) + 30000, 0, 0);
    EXPECT_EQ(bits(fd), 0);
    shift(100);
    EXPECT_EQ(bits(fd), POLLIN);
    EXPECT_ERRNO(read(fd, &v, 8), ECANCELED);
    EXPECT_EQ(bits(fd), 0);
    EXPECT_ERRNO(read(fd, &v, 8), EAGAIN);
    EXPECT_EQ(bits(span), 0);
    EXPECT_EQ(bits(other), 0);
    shift(-100);
    struct itimerspec t = { { 0, 0 }, { far, 0 } };
    EXPECT_ERRNO(timerfd_settime(fd, flags, &t, NULL), ECANCELED);
    EXPECT_OK(timerfd_settime(fd, flags, &t, NULL));
    EXPECT_OK(timerfd_gettime(fd, &t));
    EXPECT_TRUE(t.it_value.tv_sec > 29000);
}

TEST(timerfd_blocked_reader_is_told_of_the_cancellation)
{
    uint64_t v;
    int fd = ASSERT_OK(timerfd_create(CLOCK_REALTIME, 0));
    set(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, now_of(CLOCK_REALTIME) + 30000, 0, 0);
    pid_t pid = nt_fork();
    if (pid == 0) {
        EXPECT_ERRNO(read(fd, &v, 8), ECANCELED);
        nt_done();
    }
    nt_await_state(pid, 'S');
    shift(100);
    EXPECT_EXIT(pid, 0);
    shift(-100);
}

TEST(timerfd_shows_itself_in_fdinfo)
{
    char path[64], text[1024];
    int fd = made(CLOCK_BOOTTIME, 0);
    set(fd, TFD_TIMER_ABSTIME, 0, 1, 3);
    expired(fd);
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
    ASSERT_TRUE(nt_get(path, text, sizeof text) > 0);
    const char *own = strstr(text, "clockid:");
    EXPECT_STREQ(own, "clockid: 7\nticks: 1\nsettime flags: 01\nit_value: (0, 0)\nit_interval: (0, 3)\n");
}
