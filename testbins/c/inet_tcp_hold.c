/* TCP that holds on: SO_LINGER with seconds, TCP_CORK and MSG_MORE, TCP_DEFER_ACCEPT.
 * proves B12, D6, D7 */
#include "nacre_test.h"
#include "inet_test.h"

#include <pthread.h>
#include <time.h>

static long now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000L + t.tv_nsec / 1000000;
}

static void set_linger(int s, int on, int seconds)
{
    struct linger l = { on, seconds };
    EXPECT_OK(setsockopt(s, SOL_SOCKET, SO_LINGER, &l, sizeof l));
}

static int queued(int s)
{
    int n = -1;
    EXPECT_OK(ioctl(s, FIONREAD, &n));
    return n;
}

/* Writes until there is no room; how many bytes. */
static long fill(int s)
{
    static char block[65536];
    long total = 0, n;
    while ((n = send(s, block, sizeof block, MSG_DONTWAIT)) > 0)
        total += n;
    EXPECT_ERRNO(send(s, block, 1, MSG_DONTWAIT), EAGAIN);
    return total;
}

static void *drain(void *arg)
{
    static char block[65536];
    long total = 0, n;
    while ((n = read((int)(long)arg, block, sizeof block)) > 0)
        total += n;
    return (void *)total;
}

TEST(linger_with_nothing_to_wait_for_returns)
{
    int s[2];
    char c;
    tcp_pair(s);
    set_linger(s[0], 1, 30);
    ASSERT_EQ(write(s[0], "x", 1), 1);
    long start = now_ms();
    EXPECT_OK(close(s[0]));
    EXPECT_TRUE(now_ms() - start < 20000);
    EXPECT_EQ(read(s[1], &c, 1), 1);
    EXPECT_EQ(read(s[1], &c, 1), 0);
}

TEST(linger_expires_and_the_bytes_still_come)
{
    int s[2];
    tcp_pair(s);
    set_option(s[1], SOL_SOCKET, SO_RCVBUF, 16384);
    set_option(s[0], SOL_SOCKET, SO_SNDBUF, 262144);
    long sent = fill(s[0]);
    set_linger(s[0], 1, 1);
    /* Whether it is non-blocking does not matter. */
    EXPECT_OK(fcntl(s[0], F_SETFL, O_NONBLOCK));
    long start = now_ms();
    EXPECT_OK(close(s[0]));
    EXPECT_TRUE(now_ms() - start >= 990);
    EXPECT_EQ((long)drain((void *)(long)s[1]), sent);
}

TEST(linger_ends_when_everything_is_read)
{
    int s[2];
    pthread_t reader;
    void *got;
    tcp_pair(s);
    set_option(s[1], SOL_SOCKET, SO_RCVBUF, 16384);
    set_option(s[0], SOL_SOCKET, SO_SNDBUF, 262144);
    long sent = fill(s[0]);
    set_linger(s[0], 1, 60);
    ASSERT_EQ(pthread_create(&reader, NULL, drain, (void *)(long)s[1]), 0);
    long start = now_ms();
    EXPECT_OK(close(s[0]));
    EXPECT_TRUE(now_ms() - start < 50000);
    ASSERT_EQ(pthread_join(reader, &got), 0);
    EXPECT_EQ((long)got, sent);
}

static void nothing(int sig)
{
    (void)sig;
}

TEST(a_signal_ends_lingering_and_close_succeeds)
{
    int s[2];
    struct sigaction act = { .sa_handler = nothing };
    struct itimerval soon = { { 0, 100000 }, { 0, 100000 } };
    tcp_pair(s);
    set_option(s[1], SOL_SOCKET, SO_RCVBUF, 16384);
    set_option(s[0], SOL_SOCKET, SO_SNDBUF, 262144);
    fill(s[0]);
    set_linger(s[0], 1, 60);
    ASSERT_OK(sigaction(SIGALRM, &act, NULL));
    ASSERT_OK(setitimer(ITIMER_REAL, &soon, NULL));
    long start = now_ms();
    EXPECT_OK(close(s[0]));
    EXPECT_TRUE(now_ms() - start < 50000);
}

TEST(another_descriptor_does_not_linger)
{
    int s[2];
    tcp_pair(s);
    set_option(s[1], SOL_SOCKET, SO_RCVBUF, 16384);
    fill(s[0]);
    set_linger(s[0], 1, 60);
    int d = ASSERT_OK(dup(s[0]));
    long start = now_ms();
    EXPECT_OK(close(s[0]));
    EXPECT_TRUE(now_ms() - start < 50000);
    set_linger(d, 1, 0);
    EXPECT_OK(close(d));
}

TEST(a_cork_holds_a_small_write_until_it_is_drawn)
{
    int s[2];
    char bytes[8];
    long start, seen = 0;
    /* Where the machine is so busy that 200 ms went by, once more. */
    for (int round = 0; round < 20 && !seen; round++) {
        tcp_pair(s);
        set_option(s[0], SOL_TCP, TCP_CORK, 1);
        start = now_ms();
        ASSERT_EQ(write(s[0], "abc", 3), 3);
        int before = queued(s[1]);
        int early = now_ms() - start < 150;
        set_option(s[0], SOL_TCP, TCP_CORK, 0);
        EXPECT_TRUE(await(s[1], POLLIN) & POLLIN);
        EXPECT_EQ(read(s[1], bytes, sizeof bytes), 3);
        if (early) {
            EXPECT_EQ(before, 0);
            seen = 1;
        }
        close(s[0]);
        close(s[1]);
    }
    EXPECT_TRUE(seen);
}

TEST(a_corked_write_goes_by_itself)
{
    int s[2];
    char bytes[8];
    struct pollfd p;
    tcp_pair(s);
    set_option(s[0], SOL_TCP, TCP_CORK, 1);
    ASSERT_EQ(write(s[0], "abc", 3), 3);
    p = (struct pollfd){ s[1], POLLIN, 0 };
    EXPECT_EQ(poll(&p, 1, 600000), 1);
    EXPECT_EQ(read(s[1], bytes, sizeof bytes), 3);
    /* And again. */
    ASSERT_EQ(write(s[0], "de", 2), 2);
    EXPECT_EQ(poll(&p, 1, 600000), 1);
    EXPECT_EQ(read(s[1], bytes, sizeof bytes), 2);
}

TEST(the_end_draws_the_cork)
{
    int s[2];
    char bytes[8];
    tcp_pair(s);
    set_option(s[0], SOL_TCP, TCP_CORK, 1);
    ASSERT_EQ(write(s[0], "abc", 3), 3);
    EXPECT_OK(shutdown(s[0], SHUT_WR));
    EXPECT_EQ(recv(s[1], bytes, sizeof bytes, MSG_WAITALL), 3);
    EXPECT_EQ(read(s[1], bytes, sizeof bytes), 0);
}

TEST(more_is_a_cork_for_one_write)
{
    int s[2], seen = 0;
    char bytes[16];
    /* Where the machine is so busy that 200 ms went by, once more. */
    for (int round = 0; round < 20 && !seen; round++) {
        tcp_pair(s);
        long start = now_ms();
        ASSERT_EQ(send(s[0], "head", 4, MSG_MORE), 4);
        int before = queued(s[1]);
        ASSERT_EQ(send(s[0], "body", 4, 0), 4);
        int early = now_ms() - start < 150;
        EXPECT_EQ(recv(s[1], bytes, 8, MSG_WAITALL), 8);
        EXPECT_MEMEQ(bytes, "headbody", 8);
        if (early) {
            EXPECT_EQ(before, 0);
            seen = 1;
        }
        close(s[0]);
        close(s[1]);
    }
    EXPECT_TRUE(seen);
}

static int deferring(int seconds, int *port)
{
    int l = tcp_listener(4, port);
    set_option(l, SOL_TCP, TCP_DEFER_ACCEPT, seconds);
    return l;
}

TEST(a_deferred_connection_is_accepted_with_its_first_bytes)
{
    int port, l = deferring(60, &port);
    char c;
    EXPECT_EQ(option(l, SOL_TCP, TCP_DEFER_ACCEPT), 63);
    int s = tcp_client(port);
    EXPECT_EQ(ready(l), 0);
    EXPECT_EQ(ready(s), POLLOUT);
    ASSERT_EQ(write(s, "x", 1), 1);
    EXPECT_TRUE(await(l, POLLIN) & POLLIN);
    int a = ASSERT_OK(accept(l, NULL, NULL));
    EXPECT_EQ(read(a, &c, 1), 1);
    EXPECT_EQ(c, 'x');
}

TEST(a_deferred_connection_is_accepted_with_its_end)
{
    int port, l = deferring(60, &port);
    char c;
    int s = tcp_client(port);
    EXPECT_OK(shutdown(s, SHUT_WR));
    EXPECT_TRUE(await(l, POLLIN) & POLLIN);
    int a = ASSERT_OK(accept(l, NULL, NULL));
    EXPECT_EQ(read(a, &c, 1), 0);
}

TEST(a_deferred_connection_that_is_reset_is_never_seen)
{
    int port, l = deferring(60, &port);
    int s = tcp_client(port);
    set_linger(s, 1, 0);
    close(s);
    /* The next is the first. */
    s = tcp_client(port);
    ASSERT_EQ(write(s, "y", 1), 1);
    EXPECT_TRUE(await(l, POLLIN) & POLLIN);
    int a = ASSERT_OK(accept(l, NULL, NULL));
    char c = 0;
    EXPECT_EQ(read(a, &c, 1), 1);
    EXPECT_EQ(c, 'y');
    EXPECT_OK(fcntl(l, F_SETFL, O_NONBLOCK));
    EXPECT_ERRNO(accept(l, NULL, NULL), EAGAIN);
}

TEST_LIMIT(a_deferred_connection_is_accepted_when_its_time_is_over, 40)
{
    int port, l = deferring(1, &port);
    EXPECT_EQ(option(l, SOL_TCP, TCP_DEFER_ACCEPT), 1);
    long start = now_ms();
    int s = tcp_client(port);
    struct pollfd p = { l, POLLIN, 0 };
    int early = poll(&p, 1, 0);
    EXPECT_TRUE(early == 0 || now_ms() - start >= 900);
    EXPECT_EQ(poll(&p, 1, 600000), 1);
    int a = ASSERT_OK(accept(l, NULL, NULL));
    ASSERT_EQ(write(a, "hello", 5), 5);
    char bytes[8];
    EXPECT_EQ(read(s, bytes, sizeof bytes), 5);
}

TEST(the_listener_of_a_deferred_connection_closes)
{
    int port, l = deferring(60, &port);
    int s = tcp_client(port);
    close(l);
    char c;
    /* It is reset when it is heard of again at the latest. */
    (void)!write(s, "x", 1);
    EXPECT_TRUE(await(s, POLLIN) & (POLLIN | POLLHUP | POLLERR));
    EXPECT_TRUE(read(s, &c, 1) <= 0);
}
