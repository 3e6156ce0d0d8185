/* Descriptors in flight that nobody can receive any more are closed (man 7 unix, SCM_RIGHTS). */
#include "nacre_test.h"
#include "unix_test.h"
#include <sys/resource.h>

/* The read end tells when every copy of the write end is gone. */
static int witness(int *write_end)
{
    int p[2];
    ASSERT_OK(pipe(p));
    *write_end = p[1];
    return p[0];
}

static void expect_gone(int r)
{
    struct pollfd p = { r, POLLIN, 0 };
    EXPECT_EQ(poll(&p, 1, 600000), 1);
    EXPECT_EQ(p.revents, POLLHUP);
}

static void expect_held(int r)
{
    struct pollfd p = { r, POLLIN, 0 };
    EXPECT_EQ(poll(&p, 1, 50), 0);
}

/* A collection comes with the next close of some socket. */
static void stir(void)
{
    int s[2];
    for (int i = 0; i < 3; i++) {
        pair(SOCK_STREAM, s);
        close(s[0]);
        close(s[1]);
    }
}

static void carry(int through, int fd)
{
    ASSERT_EQ(send_fds(through, "x", 1, &fd, 1), 1);
}

/* proves T11 */
TEST(a_socket_in_its_own_queue_is_collected)
{
    int s[2], w, r = witness(&w);
    pair(SOCK_STREAM, s);
    carry(s[0], s[1]);
    carry(s[0], w);
    close(w);
    close(s[0]);
    expect_held(r);
    close(s[1]);
    stir();
    expect_gone(r);
}

TEST(a_pair_carrying_each_other_is_collected)
{
    int s[2], w, r = witness(&w);
    pair(SOCK_STREAM, s);
    carry(s[0], s[0]);
    carry(s[1], s[1]);
    carry(s[0], w);
    close(w);
    close(s[0]);
    expect_held(r);
    close(s[1]);
    stir();
    expect_gone(r);
}

TEST(a_ring_of_ten_pairs_is_collected)
{
    int s[10][2], w, r = witness(&w);
    for (int i = 0; i < 10; i++)
        pair(SOCK_STREAM, s[i]);
    for (int i = 0; i < 10; i++)
        carry(s[i][0], s[(i + 1) % 10][1]);
    carry(s[0][0], w);
    close(w);
    for (int i = 0; i < 10; i++) {
        close(s[i][0]);
        if (i < 9)
            close(s[i][1]);
    }
    expect_held(r);
    close(s[9][1]);
    stir();
    expect_gone(r);
}

TEST(a_cycle_with_a_way_in_is_kept)
{
    int s[2], t[2], w, r = witness(&w), fds[4], n;
    char c;
    pair(SOCK_STREAM, s);
    pair(SOCK_STREAM, t);
    carry(t[0], s[1]);
    carry(s[0], s[1]);
    carry(s[0], w);
    close(w);
    close(s[0]);
    close(s[1]);
    stir();
    expect_held(r);
    EXPECT_EQ(recv_fds(t[1], &c, 1, fds, 4, &n, 0, NULL), 1);
    EXPECT_EQ(n, 1);
    int inner = fds[0];
    EXPECT_EQ(recv_fds(inner, &c, 1, fds, 4, &n, 0, NULL), 1);
    EXPECT_EQ(n, 1);
    close(fds[0]);
    EXPECT_EQ(recv_fds(inner, &c, 1, fds, 4, &n, 0, NULL), 1);
    EXPECT_EQ(n, 1);
    close(fds[0]);
    expect_gone(r);
}

TEST(a_cycle_shared_by_fork_is_kept_until_the_child_ends)
{
    int s[2], w, r = witness(&w), go[2];
    char c;
    ASSERT_OK(pipe(go));
    pair(SOCK_STREAM, s);
    carry(s[0], s[1]);
    carry(s[0], w);
    close(w);
    pid_t pid = nt_fork();
    if (pid == 0) {
        close(go[1]);
        read(go[0], &c, 1);
        nt_done();
    }
    close(s[0]);
    close(s[1]);
    stir();
    expect_held(r);
    close(go[1]);
    EXPECT_EXIT(pid, 0);
    stir();
    expect_gone(r);
}

TEST(a_connection_not_accepted_carrying_its_listener_is_collected)
{
    int w, r = witness(&w);
    nt_dir();
    int l = listener(SOCK_STREAM, "sock", 4), c = client(SOCK_STREAM, "sock");
    carry(c, l);
    carry(c, w);
    close(w);
    close(c);
    expect_held(r);
    close(l);
    stir();
    expect_gone(r);
}

/* What waited at a connection before it was accepted, and what came after, waits at the connection, not at its listener. */
TEST(accepted_connections_in_circles_are_collected_while_their_listener_lives)
{
    nt_dir();
    int l = listener(SOCK_STREAM, "sock", 4);
    for (int early = 0; early < 2; early++) {
        int w, r = witness(&w), c = client(SOCK_STREAM, "sock");
        if (early)
            carry(c, c);
        int a = ASSERT_OK(accept(l, NULL, NULL));
        carry(early ? a : c, a);
        carry(c, w);
        close(w);
        close(c);
        expect_held(r);
        close(a);
        stir();
        expect_gone(r);
        close(r);
    }
}

TEST(datagrams_in_circles_are_collected)
{
    int s[2], w, r = witness(&w);
    pair(SOCK_DGRAM, s);
    carry(s[0], s[0]);
    carry(s[0], s[1]);
    carry(s[1], s[0]);
    carry(s[1], w);
    close(w);
    close(s[0]);
    close(s[1]);
    stir();
    expect_gone(r);
}

TEST(a_chain_is_closed_from_its_end)
{
    int w, r = witness(&w), held = -1;
    for (int i = 0; i < 300; i++) {
        int s[2];
        pair(SOCK_STREAM, s);
        if (held == -1)
            carry(s[0], w);
        else
            carry(s[0], held), close(held);
        close(s[0]);
        held = s[1];
    }
    close(w);
    expect_held(r);
    close(held);
    stir();
    expect_gone(r);
}

TEST(a_cycle_dies_with_its_process)
{
    int w, r = witness(&w);
    pid_t pid = nt_fork();
    if (pid == 0) {
        int s[2];
        pair(SOCK_STREAM, s);
        carry(s[0], s[0]);
        carry(s[1], s[1]);
        carry(s[0], w);
        kill(getpid(), SIGKILL);
    }
    EXPECT_KILLED(pid, SIGKILL);
    close(w);
    stir();
    expect_gone(r);
}

static long free_memory(void)
{
    char text[4096], *at;
    nt_get("/proc/meminfo", text, sizeof text);
    at = strstr(text, "MemFree:");
    return at ? atol(at + 8) : -1;
}

static void make_cycles(int count)
{
    for (int i = 0; i < count; i++) {
        int s[2];
        pair(SOCK_STREAM, s);
        carry(s[0], s[0]);
        carry(s[1], s[1]);
        close(s[0]);
        close(s[1]);
    }
    stir();
}

/* The memory that is free once no less of it is than that, or it grows no more. */
static long free_at_last(long enough)
{
    long now = free_memory();
    for (int i = 0; i < 100 && now < enough; i++) {
        nt_sleep_ms(50);
        now = free_memory();
    }
    return now;
}

/* 1,000,000 of them by hand: CYCLES=1000000 */
TEST_LIMIT(many_cycles_leave_memory_at_its_baseline, 1200)
{
    int count = getenv("CYCLES") ? atoi(getenv("CYCLES")) : 3000;
    make_cycles(3000);
    nt_sleep_ms(500);
    long before = free_memory();
    make_cycles(count);
    long after = free_at_last(before - 4096);
    if (after < before - 4096)
        nt_say("# %ld KiB free before, %ld after\n", before, after);
    EXPECT_TRUE(after >= before - 4096);
}

TEST(descriptors_received_or_dropped_are_in_flight_no_more)
{
    pid_t pid = nt_fork();
    if (pid == 0) {
        struct rlimit few = { 32, 32 };
        char text[4];
        int s[2], got[4], count = 0;
        pair(SOCK_STREAM, s);
        ASSERT_OK(setrlimit(RLIMIT_NOFILE, &few));
        ASSERT_OK(setuid(54321));
        for (int i = 0; i < 200; i++) {
            ASSERT_EQ(send_fds(s[0], "x", 1, &s[i % 2], 1), 1);
            if (i % 3 == 0) {
                ASSERT_EQ(read(s[1], text, 1), 1);
                continue;
            }
            ASSERT_EQ(recv_fds(s[1], text, 1, got, 4, &count, 0, NULL), 1);
            ASSERT_EQ(count, 1);
            close(got[0]);
        }
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
}
