/* poll, ppoll, select, pselect. */
#include "nacre_test.h"
#include <poll.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/select.h>

static void pair(int p[2])
{
    ASSERT_OK(pipe(p));
}

static long elapsed_ms(struct timespec since)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (now.tv_sec - since.tv_sec) * 1000 + (now.tv_nsec - since.tv_nsec) / 1000000;
}

TEST(poll_counts_ready_entries_and_clears_revents)
{
    int p[2], q[2];
    pair(p);
    pair(q);
    write(p[1], "x", 1);
    struct pollfd f[3] = { { p[0], POLLIN, 99 }, { q[0], POLLIN, 99 }, { q[1], POLLOUT, 99 } };
    EXPECT_EQ(poll(f, 3, 0), 2);
    EXPECT_EQ(f[0].revents, POLLIN);
    EXPECT_EQ(f[1].revents, 0);
    EXPECT_EQ(f[2].revents, POLLOUT);
}

TEST(poll_closed_descriptor_is_pollnval_and_negative_is_skipped)
{
    struct pollfd f[2] = { { 999, POLLIN, 0 }, { -1, POLLIN, 99 } };
    EXPECT_EQ(poll(f, 2, -1), 1);
    EXPECT_EQ(f[0].revents, POLLNVAL);
    EXPECT_EQ(f[1].revents, 0);
}

TEST(poll_regular_file_is_always_ready)
{
    nt_dir();
    int fd = ASSERT_OK(open("f", O_CREAT | O_RDWR, 0600));
    struct pollfd f = { fd, POLLIN | POLLOUT, 0 };
    EXPECT_EQ(poll(&f, 1, -1), 1);
    EXPECT_EQ(f.revents, POLLIN | POLLOUT);
}

TEST(poll_asks_only_for_what_is_wanted_plus_errors)
{
    int p[2];
    pair(p);
    struct pollfd f = { p[1], 0, 0 };
    EXPECT_EQ(poll(&f, 1, 0), 0);
    close(p[0]);
    EXPECT_EQ(poll(&f, 1, 0), 1);
    EXPECT_EQ(f.revents, POLLERR);
}

TEST(poll_waits_no_shorter_than_its_timeout)
{
    int p[2];
    struct timespec start;
    pair(p);
    struct pollfd f = { p[0], POLLIN, 0 };
    clock_gettime(CLOCK_MONOTONIC, &start);
    EXPECT_EQ(poll(&f, 1, 30), 0);
    EXPECT_TRUE(elapsed_ms(start) >= 29);
    EXPECT_EQ(poll(NULL, 0, 1), 0);
}

TEST(poll_wakes_when_another_process_writes)
{
    int p[2];
    pair(p);
    pid_t parent = getpid(), pid = nt_fork();
    if (pid == 0) {
        nt_await_state(parent, 'S');
        write(p[1], "x", 1);
        _exit(0);
    }
    struct pollfd f = { p[0], POLLIN, 0 };
    EXPECT_EQ(poll(&f, 1, -1), 1);
    EXPECT_EXIT(pid, 0);
}

TEST(poll_same_descriptor_twice_is_told_twice)
{
    int p[2];
    pair(p);
    write(p[1], "x", 1);
    struct pollfd f[2] = { { p[0], POLLIN, 0 }, { p[0], POLLIN, 0 } };
    EXPECT_EQ(poll(f, 2, -1), 2);
}

TEST(poll_checks_count_and_pointer)
{
    struct pollfd f = { 0, 0, 0 };
    struct rlimit r = { 10, 1024 };
    EXPECT_ERRNO(syscall(SYS_ppoll, NT_BAD, 1, NULL, NULL, 0), EFAULT);
    ASSERT_OK(setrlimit(RLIMIT_NOFILE, &r));
    EXPECT_ERRNO(syscall(SYS_ppoll, &f, 11, NULL, NULL, 0), EINVAL);
    struct timespec bad = { 0, -1 };
    EXPECT_ERRNO(syscall(SYS_ppoll, &f, 1, &bad, NULL, 0), EINVAL);
    EXPECT_ERRNO(syscall(SYS_ppoll, &f, 0, NULL, &f, 4), EINVAL);
}

TEST(ppoll_system_call_writes_back_the_time_left)
{
    int p[2];
    struct timespec t = { 20, 0 };
    pair(p);
    write(p[1], "x", 1);
    struct pollfd f = { p[0], POLLIN, 0 };
    EXPECT_EQ(syscall(SYS_ppoll, &f, 1, &t, NULL, 0), 1);
    EXPECT_TRUE(t.tv_sec == 19 || (t.tv_sec == 20 && t.tv_nsec == 0));
}

TEST(poll_many_descriptors_at_once)
{
    enum { N = 200 };
    static struct pollfd f[N];
    int p[2];
    for (int i = 0; i < N; i++) {
        pair(p);
        f[i] = (struct pollfd){ p[0], POLLIN, 0 };
        if (i == 150)
            write(p[1], "x", 1);
    }
    EXPECT_EQ(poll(f, N, -1), 1);
    EXPECT_EQ(f[150].revents, POLLIN);
}

TEST(select_leaves_only_ready_bits)
{
    int p[2], q[2];
    fd_set in, out;
    pair(p);
    pair(q);
    write(p[1], "x", 1);
    FD_ZERO(&in);
    FD_ZERO(&out);
    FD_SET(p[0], &in);
    FD_SET(q[0], &in);
    FD_SET(q[1], &out);
    EXPECT_EQ(select(q[1] + 1, &in, &out, NULL, NULL), 2);
    EXPECT_TRUE(FD_ISSET(p[0], &in) && !FD_ISSET(q[0], &in) && FD_ISSET(q[1], &out));
}

TEST(select_end_of_file_and_errors_count_as_readable_and_writable)
{
    int p[2], q[2];
    fd_set in, out, except;
    pair(p);
    pair(q);
    close(p[1]);
    close(q[0]);
    FD_ZERO(&in);
    FD_ZERO(&out);
    FD_ZERO(&except);
    FD_SET(p[0], &in);
    FD_SET(q[1], &out);
    FD_SET(p[0], &except);
    EXPECT_EQ(select(q[1] + 1, &in, &out, &except, NULL), 2);
    EXPECT_TRUE(!FD_ISSET(p[0], &except));
}

TEST(select_closed_descriptor_is_ebadf)
{
    fd_set in;
    FD_ZERO(&in);
    FD_SET(30, &in);
    EXPECT_ERRNO(select(31, &in, NULL, NULL, NULL), EBADF);
    struct timespec t = { 0, 0 };
    EXPECT_EQ(syscall(SYS_pselect6, 30, &in, NULL, NULL, &t, NULL), 0);
}

TEST(select_checks_count_timeout_and_pointers)
{
    struct timespec bad = { -1, 0 }, none = { 0, 0 };
    EXPECT_ERRNO(syscall(SYS_pselect6, -1, NULL, NULL, NULL, NULL, NULL), EINVAL);
    EXPECT_ERRNO(syscall(SYS_pselect6, 0, NULL, NULL, NULL, &bad, NULL), EINVAL);
    EXPECT_ERRNO(syscall(SYS_pselect6, 8, NT_BAD, NULL, NULL, &none, NULL), EFAULT);
    EXPECT_EQ(syscall(SYS_pselect6, 0, NULL, NULL, NULL, &none, NULL), 0);
}

TEST(pselect_times_out_with_empty_sets)
{
    int p[2];
    fd_set in;
    struct timespec start, t = { 0, 20000000 };
    pair(p);
    FD_ZERO(&in);
    FD_SET(p[0], &in);
    clock_gettime(CLOCK_MONOTONIC, &start);
    EXPECT_EQ(pselect(p[0] + 1, &in, NULL, NULL, &t, NULL), 0);
    EXPECT_TRUE(elapsed_ms(start) >= 19);
    EXPECT_TRUE(!FD_ISSET(p[0], &in));
}

struct sleeper {
    int fd, how, answer, events;
    volatile pid_t tid;
};

static void *sleep_on_it(void *arg)
{
    struct sleeper *s = arg;
    struct pollfd f = { s->fd, POLLIN, 0 };
    fd_set set;
    FD_ZERO(&set);
    FD_SET(s->fd, &set);
    s->tid = syscall(SYS_gettid);
    if (s->how == 0) {
        s->answer = poll(&f, 1, -1);
        s->events = f.revents;
    } else if (s->how == 1) {
        s->answer = select(s->fd + 1, &set, NULL, NULL, NULL);
        s->events = FD_ISSET(s->fd, &set) ? POLLIN : 0;
    } else {
        char byte;
        s->answer = read(s->fd, &byte, 1);
        s->events = POLLIN;
    }
    return NULL;
}

/* Who sleeps on a descriptor that another thread closes goes on sleeping on its file, which lives as long. Poll and
 * select then look the number up again: there is nothing any more, which select takes for readable. */
TEST(a_descriptor_closed_meanwhile_is_waited_for_all_the_same)
{
    for (int how = 0; how < 3; how++) {
        int p[2];
        pthread_t thread;
        pair(p);
        struct sleeper s = { .fd = p[0], .how = how };
        ASSERT_EQ(pthread_create(&thread, NULL, sleep_on_it, &s), 0);
        while (!s.tid)
            ;
        nt_await_state(s.tid, 'S');
        close(p[0]);
        EXPECT_EQ(write(p[1], "x", 1), 1);
        pthread_join(thread, NULL);
        EXPECT_EQ(s.answer, 1);
        EXPECT_EQ(s.events, how == 0 ? POLLNVAL : POLLIN);
        signal(SIGPIPE, SIG_IGN);
        EXPECT_ERRNO(write(p[1], "x", 1), EPIPE);
        close(p[1]);
    }
}
