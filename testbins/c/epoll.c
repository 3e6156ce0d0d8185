/* epoll: level and edge, one-shot, exclusive, nesting, and what close and dup do to an interest. */
#include "nacre_test.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>

static int ep, p[2];

static void start(void)
{
    ep = ASSERT_OK(epoll_create1(0));
    ASSERT_OK(pipe2(p, O_NONBLOCK));
}

static int add(int fd, uint32_t events)
{
    struct epoll_event e = { events, { .u64 = 0x1234567800000000UL | (unsigned)fd } };
    return epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e);
}

static int mod(int fd, uint32_t events)
{
    struct epoll_event e = { events, { .fd = fd } };
    return epoll_ctl(ep, EPOLL_CTL_MOD, fd, &e);
}

/* The events of one wait without sleeping, 0 when there is none. */
static uint32_t now(void)
{
    struct epoll_event e = { 0, { 0 } };
    return epoll_wait(ep, &e, 1, 0) == 1 ? e.events : 0;
}

static void put(void)
{
    ASSERT_EQ(write(p[1], "x", 1), 1);
}

static void take(void)
{
    char c;
    ASSERT_EQ(read(p[0], &c, 1), 1);
}

// proves T16
TEST(epoll_event_is_16_bytes_and_carries_64_bits_of_data)
{
    struct epoll_event e[2];
    EXPECT_EQ(sizeof e[0], 16);
    start();
    EXPECT_OK(add(p[0], EPOLLIN));
    put();
    EXPECT_EQ(epoll_wait(ep, e, 2, -1), 1);
    EXPECT_EQ(e[0].events, EPOLLIN);
    EXPECT_EQ(e[0].data.u64, 0x1234567800000000UL | (unsigned)p[0]);
}

// proves A8
TEST(level_triggered_repeats_until_drained)
{
    start();
    EXPECT_OK(add(p[0], EPOLLIN));
    put();
    EXPECT_EQ(now(), EPOLLIN);
    EXPECT_EQ(now(), EPOLLIN);
    take();
    EXPECT_EQ(now(), 0);
}

// proves A8
TEST(edge_triggered_tells_once_for_every_new_arrival)
{
    start();
    EXPECT_OK(add(p[0], EPOLLIN | EPOLLET));
    put();
    EXPECT_EQ(now(), EPOLLIN);
    EXPECT_EQ(now(), 0);
    put();
    EXPECT_EQ(now(), EPOLLIN);
    take();
    take();
    EXPECT_EQ(now(), 0);
}

TEST(edge_triggered_output_rearms_after_draining)
{
    static char page[65536];
    start();
    EXPECT_OK(add(p[1], EPOLLOUT | EPOLLET));
    EXPECT_EQ(now(), EPOLLOUT);
    EXPECT_EQ(now(), 0);
    EXPECT_EQ(write(p[1], page, sizeof page), (long)sizeof page);
    EXPECT_EQ(now(), 0);
    EXPECT_EQ(read(p[0], page, sizeof page), (long)sizeof page);
    EXPECT_EQ(now(), EPOLLOUT);
}

TEST(edge_is_told_again_after_mod)
{
    start();
    EXPECT_OK(add(p[0], EPOLLIN | EPOLLET));
    put();
    EXPECT_EQ(now(), EPOLLIN);
    EXPECT_EQ(now(), 0);
    EXPECT_OK(mod(p[0], EPOLLIN | EPOLLET));
    EXPECT_EQ(now(), EPOLLIN);
}

// proves A8
TEST(oneshot_is_disabled_after_one_event_until_mod)
{
    start();
    EXPECT_OK(add(p[0], EPOLLIN | EPOLLONESHOT));
    put();
    EXPECT_EQ(now(), EPOLLIN);
    put();
    EXPECT_EQ(now(), 0);
    EXPECT_OK(mod(p[0], EPOLLIN | EPOLLONESHOT));
    EXPECT_EQ(now(), EPOLLIN);
    EXPECT_EQ(now(), 0);
}

TEST(already_ready_descriptor_is_told_at_once)
{
    start();
    put();
    EXPECT_OK(add(p[0], EPOLLIN | EPOLLET));
    EXPECT_EQ(now(), EPOLLIN);
}

TEST(hangup_and_error_come_unasked)
{
    start();
    EXPECT_OK(add(p[0], 0));
    close(p[1]);
    EXPECT_EQ(now(), EPOLLHUP);
    start();
    EXPECT_OK(add(p[1], 0));
    close(p[0]);
    EXPECT_EQ(now(), EPOLLERR);
}

TEST(ctl_refusals)
{
    struct epoll_event e = { EPOLLIN, { 0 } };
    start();
    EXPECT_OK(add(p[0], EPOLLIN));
    EXPECT_ERRNO(add(p[0], EPOLLIN), EEXIST);
    EXPECT_ERRNO(mod(p[1], EPOLLIN), ENOENT);
    EXPECT_ERRNO(epoll_ctl(ep, EPOLL_CTL_DEL, p[1], NULL), ENOENT);
    EXPECT_ERRNO(epoll_ctl(ep, 9, p[0], &e), EINVAL);
    EXPECT_ERRNO(add(999, EPOLLIN), EBADF);
    EXPECT_ERRNO(epoll_ctl(999, EPOLL_CTL_ADD, p[0], &e), EBADF);
    EXPECT_ERRNO(epoll_ctl(p[0], EPOLL_CTL_ADD, p[1], &e), EINVAL);
    EXPECT_ERRNO(add(ep, EPOLLIN), EINVAL);
    EXPECT_ERRNO(syscall(SYS_epoll_ctl, ep, EPOLL_CTL_ADD, p[1], NT_BAD), EFAULT);
    EXPECT_OK(epoll_ctl(ep, EPOLL_CTL_DEL, p[0], NULL));
    EXPECT_ERRNO(epoll_ctl(ep, EPOLL_CTL_DEL, p[0], NULL), ENOENT);
}

TEST(regular_files_and_directories_are_eperm)
{
    start();
    nt_dir();
    EXPECT_ERRNO(add(ASSERT_OK(open("f", O_CREAT | O_RDWR, 0600)), EPOLLIN), EPERM);
    EXPECT_ERRNO(add(ASSERT_OK(open(".", O_RDONLY)), EPOLLIN), EPERM);
}

TEST(wait_checks_count_pointer_and_descriptor)
{
    struct epoll_event e;
    start();
    EXPECT_ERRNO(epoll_wait(ep, &e, 0, 0), EINVAL);
    EXPECT_ERRNO(epoll_wait(ep, &e, -1, 0), EINVAL);
    EXPECT_ERRNO(epoll_wait(p[0], &e, 1, 0), EINVAL);
    EXPECT_ERRNO(epoll_wait(999, &e, 1, 0), EBADF);
    EXPECT_ERRNO(syscall(SYS_epoll_pwait, ep, NT_KERNEL, 1, 0, NULL, 8), EFAULT);
    EXPECT_ERRNO(syscall(SYS_epoll_pwait, ep, &e, 1, 0, &e, 4), EINVAL);
    EXPECT_ERRNO(syscall(SYS_epoll_create1, 1), EINVAL);
    EXPECT_EQ(fcntl(ASSERT_OK(epoll_create1(EPOLL_CLOEXEC)), F_GETFD), FD_CLOEXEC);
}

TEST(wait_to_a_bad_page_is_efault_and_keeps_the_event)
{
    start();
    EXPECT_OK(add(p[0], EPOLLIN | EPOLLET));
    put();
    EXPECT_ERRNO(epoll_wait(ep, NT_BAD, 1, 0), EFAULT);
    EXPECT_EQ(now(), EPOLLIN);
}

TEST(closing_the_last_descriptor_removes_the_interest)
{
    start();
    int fd = ASSERT_OK(eventfd(1, 0));
    EXPECT_OK(add(fd, EPOLLIN));
    EXPECT_EQ(now(), EPOLLIN);
    close(fd);
    EXPECT_EQ(now(), 0);
    int again = ASSERT_OK(eventfd(1, 0));
    EXPECT_EQ(again, fd);
    EXPECT_OK(add(again, EPOLLIN));
}

TEST(dup_keeps_the_interest_alive_after_close)
{
    start();
    int fd = ASSERT_OK(eventfd(1, 0)), copy = ASSERT_OK(dup(fd));
    EXPECT_OK(add(fd, EPOLLIN));
    close(fd);
    EXPECT_EQ(now(), EPOLLIN);
    EXPECT_ERRNO(epoll_ctl(ep, EPOLL_CTL_DEL, fd, NULL), EBADF);
    close(copy);
    EXPECT_EQ(now(), 0);
}

TEST(same_file_under_two_numbers_is_two_interests)
{
    struct epoll_event e[4];
    start();
    int fd = ASSERT_OK(eventfd(1, 0)), copy = ASSERT_OK(dup(fd));
    EXPECT_OK(add(fd, EPOLLIN));
    EXPECT_OK(add(copy, EPOLLIN));
    EXPECT_EQ(epoll_wait(ep, e, 4, 0), 2);
}

// proves A8
TEST(nested_epoll_is_readable_when_the_inner_has_events)
{
    start();
    int outer = ASSERT_OK(epoll_create1(0));
    struct epoll_event e = { EPOLLIN, { .fd = ep } };
    EXPECT_OK(add(p[0], EPOLLIN));
    EXPECT_OK(epoll_ctl(outer, EPOLL_CTL_ADD, ep, &e));
    EXPECT_EQ(epoll_wait(outer, &e, 1, 0), 0);
    put();
    EXPECT_EQ(epoll_wait(outer, &e, 1, -1), 1);
    EXPECT_EQ(e.data.fd, ep);
    take();
    EXPECT_EQ(epoll_wait(outer, &e, 1, 0), 0);
}

// proves A8
TEST(nested_epoll_cycle_is_eloop)
{
    start();
    int outer = ASSERT_OK(epoll_create1(0));
    struct epoll_event e = { EPOLLIN, { 0 } };
    EXPECT_OK(epoll_ctl(outer, EPOLL_CTL_ADD, ep, &e));
    EXPECT_ERRNO(epoll_ctl(ep, EPOLL_CTL_ADD, outer, &e), ELOOP);
}

TEST(nested_epoll_deeper_than_five_is_einval_or_eloop)
{
    int last = ASSERT_OK(epoll_create1(0));
    struct epoll_event e = { EPOLLIN, { 0 } };
    int depth = 0;
    for (; depth < 10; depth++) {
        int next = ASSERT_OK(epoll_create1(0));
        if (epoll_ctl(next, EPOLL_CTL_ADD, last, &e) == -1)
            break;
        last = next;
    }
    EXPECT_TRUE(errno == ELOOP);
    EXPECT_TRUE(depth == 4 || depth == 5);
}

TEST(poll_of_an_epoll_descriptor)
{
    start();
    EXPECT_OK(add(p[0], EPOLLIN));
    struct pollfd f = { ep, POLLIN, 0 };
    EXPECT_EQ(poll(&f, 1, 0), 0);
    put();
    EXPECT_EQ(poll(&f, 1, -1), 1);
    EXPECT_EQ(f.revents, POLLIN);
}

// proves A8
TEST(exclusive_has_its_own_rules)
{
    start();
    EXPECT_OK(add(p[0], EPOLLIN | EPOLLEXCLUSIVE));
    EXPECT_ERRNO(mod(p[0], EPOLLIN), EINVAL);
    EXPECT_ERRNO(mod(p[0], EPOLLIN | EPOLLEXCLUSIVE), EINVAL);
    EXPECT_ERRNO(add(p[1], EPOLLOUT | EPOLLEXCLUSIVE | EPOLLONESHOT), EINVAL);
    int other = ASSERT_OK(epoll_create1(0));
    EXPECT_ERRNO(add(other, EPOLLIN | EPOLLEXCLUSIVE), EINVAL);
    put();
    EXPECT_EQ(now(), EPOLLIN);
}

TEST(many_ready_descriptors_are_served_in_turn)
{
    enum { N = 20 };
    int seen[N] = { 0 }, fds[N];
    struct epoll_event e[5];
    start();
    for (int i = 0; i < N; i++) {
        fds[i] = ASSERT_OK(eventfd(1, 0));
        struct epoll_event one = { EPOLLIN, { .u32 = i } };
        ASSERT_OK(epoll_ctl(ep, EPOLL_CTL_ADD, fds[i], &one));
    }
    for (int round = 0; round < 4; round++) {
        EXPECT_EQ(epoll_wait(ep, e, 5, 0), 5);
        for (int i = 0; i < 5; i++)
            seen[e[i].data.u32 % N]++;
    }
    for (int i = 0; i < N; i++)
        EXPECT_EQ(seen[i], 1);
}

TEST(wait_sleeps_until_an_event_from_another_process)
{
    struct epoll_event e;
    start();
    EXPECT_OK(add(p[0], EPOLLIN));
    pid_t parent = getpid(), pid = nt_fork();
    if (pid == 0) {
        nt_await_state(parent, 'S');
        put();
        _exit(0);
    }
    EXPECT_EQ(epoll_wait(ep, &e, 1, -1), 1);
    EXPECT_EXIT(pid, 0);
}

TEST(wait_timeouts_are_kept)
{
    struct epoll_event e;
    struct timespec a, b, t = { 0, 15000000 };
    start();
    EXPECT_OK(add(p[0], EPOLLIN));
    clock_gettime(CLOCK_MONOTONIC, &a);
    EXPECT_EQ(epoll_wait(ep, &e, 1, 20), 0);
    EXPECT_EQ(syscall(441 /* epoll_pwait2 */, ep, &e, 1, &t, NULL, 0), 0);
    clock_gettime(CLOCK_MONOTONIC, &b);
    EXPECT_TRUE((b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / 1000000 >= 34);
    t.tv_nsec = -1;
    EXPECT_ERRNO(syscall(441, ep, &e, 1, &t, NULL, 0), EINVAL);
}

TEST(epoll_survives_fork_and_shares_its_set)
{
    start();
    pid_t pid = nt_fork();
    if (pid == 0) {
        EXPECT_OK(add(p[0], EPOLLIN));
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
    put();
    EXPECT_EQ(now(), EPOLLIN);
}

TEST(mod_to_events_that_are_ready_wakes_a_sleeper)
{
    struct epoll_event e;
    start();
    EXPECT_OK(add(p[1], 0));
    pid_t parent = getpid(), pid = nt_fork();
    if (pid == 0) {
        nt_await_state(parent, 'S');
        EXPECT_OK(mod(p[1], EPOLLOUT));
        nt_done();
    }
    EXPECT_EQ(epoll_wait(ep, &e, 1, -1), 1);
    EXPECT_EQ(e.events, EPOLLOUT);
    EXPECT_EXIT(pid, 0);
}
