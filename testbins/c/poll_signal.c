/* poll and select: signals, times, what is written back, descriptors that are not open. */
#include "nacre_test.h"
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/signalfd.h>

static volatile sig_atomic_t hits;

static void hit(NT_UNUSED int signo)
{
    hits++;
}

/* Blocks SIGUSR1, with one pending; answers a mask that lets it in. */
static sigset_t pending_usr1(void)
{
    sigset_t set;
    signal(SIGUSR1, hit);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    raise(SIGUSR1);
    sigemptyset(&set);
    return set;
}

static int blocked(void)
{
    sigset_t now;
    sigprocmask(SIG_BLOCK, NULL, &now);
    return sigismember(&now, SIGUSR1);
}

TEST(poll_without_time_still_lets_a_signal_in)
{
    struct timespec none = { 0, 0 };
    sigset_t open = pending_usr1();
    EXPECT_ERRNO(syscall(SYS_ppoll, NULL, 0, &none, &open, 8), EINTR);
    EXPECT_EQ(hits, 1);
    EXPECT_EQ(blocked(), 1);
    raise(SIGUSR1);
    struct { const sigset_t *set; size_t size; } arg = { &open, 8 };
    EXPECT_ERRNO(syscall(SYS_pselect6, 0, NULL, NULL, NULL, &none, &arg), EINTR);
    EXPECT_EQ(hits, 2);
    EXPECT_EQ(blocked(), 1);
}

TEST(poll_clears_its_answers_when_a_signal_ends_it_and_select_keeps_its_sets)
{
    int p[2];
    fd_set in;
    sigset_t open = pending_usr1();
    ASSERT_OK(pipe(p));
    struct pollfd f = { p[0], POLLIN, 99 };
    EXPECT_ERRNO(syscall(SYS_ppoll, &f, 1, NULL, &open, 8), EINTR);
    EXPECT_EQ(f.revents, 0);
    raise(SIGUSR1);
    FD_ZERO(&in);
    FD_SET(p[0], &in);
    struct { const sigset_t *set; size_t size; } arg = { &open, 8 };
    EXPECT_ERRNO(syscall(SYS_pselect6, p[0] + 1, &in, NULL, NULL, NULL, &arg), EINTR);
    EXPECT_TRUE(FD_ISSET(p[0], &in));
    EXPECT_EQ(hits, 2);
}

static void *mask_in(size_t size, const void *set)
{
    static struct { const void *set; size_t size; } arg;
    arg.set = set;
    arg.size = size;
    return &arg;
}

TEST(select_masks_and_times_are_checked_in_order)
{
    struct timespec bad = { 0, -1 }, none = { 0, 0 };
    sigset_t set;
    sigemptyset(&set);
    EXPECT_ERRNO(syscall(SYS_pselect6, -1, NULL, NULL, NULL, NT_BAD, NT_BAD), EFAULT);
    EXPECT_ERRNO(syscall(SYS_pselect6, -1, NULL, NULL, NULL, &bad, mask_in(7, &set)), EINVAL);
    EXPECT_ERRNO(syscall(SYS_pselect6, 0, NULL, NULL, NULL, &none, mask_in(7, &set)), EINVAL);
    EXPECT_ERRNO(syscall(SYS_pselect6, 0, NULL, NULL, NULL, &none, mask_in(8, NT_BAD)), EFAULT);
    EXPECT_EQ(syscall(SYS_pselect6, 0, NULL, NULL, NULL, &none, mask_in(7, NULL)), 0);
    EXPECT_ERRNO(syscall(SYS_ppoll, NULL, 0, &none, &set, 16), EINVAL);
    EXPECT_EQ(syscall(SYS_ppoll, NULL, 0, &none, NULL, 16), 0);
}

TEST(times_that_are_left_are_written_and_read_only_ones_are_no_error)
{
    struct timespec *t = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int fd = ASSERT_OK(eventfd(1, 0));
    fd_set in;
    struct pollfd f = { fd, POLLIN, 0 };
    *t = (struct timespec){ 50, 5 };
    FD_ZERO(&in);
    FD_SET(fd, &in);
    EXPECT_EQ(syscall(SYS_pselect6, fd + 1, &in, NULL, NULL, t, NULL), 1);
    EXPECT_TRUE((t->tv_sec >= 10 && t->tv_sec < 50) || (t->tv_sec == 50 && t->tv_nsec < 5));
    *t = (struct timespec){ 0, 20000000 };
    EXPECT_EQ(syscall(SYS_ppoll, NULL, 0, t, NULL, 0), 0);
    EXPECT_EQ(t->tv_sec + t->tv_nsec, 0);
    *t = (struct timespec){ 50, 0 };
    ASSERT_OK(mprotect(t, 4096, PROT_READ));
    EXPECT_EQ(syscall(SYS_ppoll, &f, 1, t, NULL, 0), 1);
    EXPECT_EQ(t->tv_sec, 50);
}

TEST(places_and_closed_descriptors_are_not_open_to_poll)
{
    int place = ASSERT_OK(open("/", O_PATH));
    struct pollfd f[2] = { { place, POLLIN, 0 }, { 900, 0, 0 } };
    EXPECT_EQ(poll(f, 2, -1), 2);
    EXPECT_EQ(f[0].revents, POLLNVAL);
    EXPECT_EQ(f[1].revents, POLLNVAL);
}

TEST(a_place_is_everything_to_select)
{
    int place = ASSERT_OK(open("/", O_PATH));
    fd_set in, out, except;
    FD_ZERO(&in);
    FD_SET(place, &in);
    out = except = in;
    EXPECT_EQ(select(place + 1, &in, &out, &except, NULL), 3);
}

TEST(select_looks_at_hundreds_and_writes_no_further)
{
    enum { HIGH = 700 };
    struct rlimit r = { 1024, 1024 };
    unsigned long in[32], mark = 0x5555555555555555;
    ASSERT_OK(setrlimit(RLIMIT_NOFILE, &r));
    int fd = ASSERT_OK(eventfd(1, 0)), quiet = ASSERT_OK(eventfd(0, 0));
    ASSERT_EQ(dup2(fd, HIGH), HIGH);
    ASSERT_EQ(dup2(quiet, 100), 100);
    for (int i = 0; i < 32; i++)
        in[i] = i * 64 > HIGH ? mark : 0;
    in[HIGH / 64] |= 1UL << HIGH % 64;
    in[100 / 64] |= 1UL << 100 % 64;
    EXPECT_EQ(syscall(SYS_pselect6, HIGH + 1, in, NULL, NULL, NULL, NULL), 1);
    EXPECT_EQ(in[100 / 64], 0);
    EXPECT_EQ(in[HIGH / 64], 1UL << HIGH % 64);
    EXPECT_EQ(in[HIGH / 64 + 1], mark);
    /* What lies behind the number is not looked at, but cleared in the last word. */
    in[0] = 1UL << 63;
    struct timespec none = { 0, 0 };
    EXPECT_EQ(syscall(SYS_pselect6, 60, in, NULL, NULL, &none, NULL), 0);
    EXPECT_EQ(in[0], 0);
}

TEST(select_counts_a_descriptor_once_a_set)
{
    int fd = ASSERT_OK(eventfd(1, 0));
    fd_set in, out;
    FD_ZERO(&in);
    FD_SET(fd, &in);
    out = in;
    EXPECT_EQ(select(fd + 1, &in, &out, NULL, NULL), 2);
}

TEST(all_who_poll_are_woken)
{
    pid_t pid[3];
    int fd = ASSERT_OK(eventfd(0, 0));
    for (int i = 0; i < 3; i++)
        if ((pid[i] = nt_fork()) == 0) {
            struct pollfd f = { fd, POLLIN, 0 };
            EXPECT_EQ(poll(&f, 1, 600000), 1);
            nt_done();
        }
    for (int i = 0; i < 3; i++)
        nt_await_state(pid[i], 'S');
    uint64_t one = 1;
    EXPECT_EQ(write(fd, &one, 8), 8);
    for (int i = 0; i < 3; i++)
        EXPECT_EXIT(pid[i], 0);
}

TEST(poll_bits_of_event_descriptors)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    raise(SIGUSR1);
    short all = POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM | POLLPRI;
    struct pollfd f[2] = { { ASSERT_OK(eventfd(1, 0)), all, 0 }, { ASSERT_OK(signalfd(-1, &set, 0)), all, 0 } };
    EXPECT_EQ(poll(f, 2, 0), 2);
    EXPECT_EQ(f[0].revents, POLLIN | POLLOUT);
    EXPECT_EQ(f[1].revents, POLLIN);
}
