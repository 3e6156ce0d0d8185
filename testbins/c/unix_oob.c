/* The urgent byte of AF_UNIX streams (man 7 unix, "Sockets API"; MSG_OOB). */
#include "nacre_test.h"
#include "unix_test.h"

#include <sys/epoll.h>

static int mark(int s)
{
    int at = -1;
    EXPECT_OK(ioctl(s, SIOCATMARK, &at));
    return at;
}

static int waiting(int s)
{
    int n = -1;
    EXPECT_OK(ioctl(s, FIONREAD, &n));
    return n;
}

static void put(int s, const char *text, int flags)
{
    EXPECT_EQ(send(s, text, strlen(text), flags), (long)strlen(text));
}

/* Receives up to `most` bytes without waiting and compares; "" for EAGAIN. */
#define GETS(s, most, flags, want) gets_(__FILE__, __LINE__, s, most, flags, want)
static void gets_(const char *file, int line, int s, int most, int flags, const char *want)
{
    char buf[64] = "";
    ssize_t n = recv(s, buf, most, flags | MSG_DONTWAIT);
    buf[n > 0 ? n : 0] = 0;
    if (n == -1)
        snprintf(buf, sizeof buf, "%s", strerror(errno));
    nt_check_str(file, line, "received", buf, want);
}

#define AGAIN strerror(EAGAIN)
#define INVALID strerror(EINVAL)

static void oob_pair(int s[2])
{
    pair(SOCK_STREAM, s);
}

TEST(oob_the_last_byte_of_the_write_is_urgent)
{
    int s[2];
    oob_pair(s);
    put(s[0], "hello", MSG_OOB);
    GETS(s[1], 1, MSG_OOB, "o");
    GETS(s[1], 10, 0, "hell");
    GETS(s[1], 10, 0, AGAIN);
}

TEST(oob_a_second_urgent_byte_makes_the_first_ordinary)
{
    int s[2];
    oob_pair(s);
    put(s[0], "ab", MSG_OOB);
    put(s[0], "cd", MSG_OOB);
    GETS(s[1], 1, MSG_OOB, "d");
    GETS(s[1], 10, 0, "abc");
}

TEST(oob_a_read_stops_before_the_urgent_byte)
{
    int s[2];
    oob_pair(s);
    put(s[0], "abX", MSG_OOB);
    put(s[0], "cd", 0);
    GETS(s[1], 10, 0, "ab");
    EXPECT_EQ(mark(s[1]), 1);
    GETS(s[1], 10, 0, "cd");
    EXPECT_EQ(mark(s[1]), 0);
    GETS(s[1], 1, MSG_OOB, INVALID);
}

TEST(oob_a_read_at_the_mark_passes_over_the_urgent_byte)
{
    int s[2];
    oob_pair(s);
    put(s[0], "X", MSG_OOB);
    EXPECT_EQ(mark(s[1]), 1);
    put(s[0], "ab", 0);
    GETS(s[1], 10, 0, "ab");
    GETS(s[1], 1, MSG_OOB, INVALID);
}

TEST(oob_a_read_that_finds_nothing_else_drops_a_lone_urgent_byte)
{
    int s[2];
    oob_pair(s);
    put(s[0], "X", MSG_OOB);
    GETS(s[1], 10, 0, AGAIN);
    GETS(s[1], 1, MSG_OOB, INVALID);
}

TEST(oob_can_be_received_once)
{
    int s[2];
    oob_pair(s);
    put(s[0], "aX", MSG_OOB);
    GETS(s[1], 1, MSG_OOB, "X");
    GETS(s[1], 1, MSG_OOB, INVALID);
    GETS(s[1], 10, 0, "a");
}

TEST(oob_peek_leaves_the_urgent_byte)
{
    int s[2];
    oob_pair(s);
    put(s[0], "aX", MSG_OOB);
    GETS(s[1], 1, MSG_OOB | MSG_PEEK, "X");
    GETS(s[1], 1, MSG_OOB | MSG_PEEK, "X");
    GETS(s[1], 1, MSG_OOB, "X");
    GETS(s[1], 1, MSG_OOB | MSG_PEEK, INVALID);
}

TEST(oob_peek_of_the_stream_stops_at_the_mark)
{
    int s[2];
    oob_pair(s);
    put(s[0], "abX", MSG_OOB);
    put(s[0], "cd", 0);
    GETS(s[1], 10, MSG_PEEK, "ab");
    GETS(s[1], 10, 0, "ab");
    GETS(s[1], 10, MSG_PEEK, "cd");
    GETS(s[1], 10, 0, "cd");
}

TEST(oob_receive_without_one_is_einval)
{
    int s[2];
    oob_pair(s);
    GETS(s[1], 1, MSG_OOB, INVALID);
    put(s[0], "ab", 0);
    GETS(s[1], 1, MSG_OOB, INVALID);
}

TEST(oob_receive_inline_is_einval)
{
    int s[2];
    oob_pair(s);
    set_option(s[1], SO_OOBINLINE, 1);
    put(s[0], "aX", MSG_OOB);
    GETS(s[1], 1, MSG_OOB, INVALID);
    GETS(s[1], 10, 0, "a");
    EXPECT_EQ(mark(s[1]), 1);
    GETS(s[1], 10, 0, "X");
    EXPECT_EQ(mark(s[1]), 0);
}

TEST(oob_inline_reads_stop_before_and_go_on_behind_the_mark)
{
    int s[2];
    oob_pair(s);
    set_option(s[1], SO_OOBINLINE, 1);
    put(s[0], "abX", MSG_OOB);
    put(s[0], "cd", 0);
    GETS(s[1], 10, 0, "ab");
    GETS(s[1], 10, 0, "Xcd");
}

TEST(oob_inline_with_two_urgent_bytes)
{
    int s[2];
    oob_pair(s);
    set_option(s[1], SO_OOBINLINE, 1);
    put(s[0], "aX", MSG_OOB);
    put(s[0], "bY", MSG_OOB);
    GETS(s[1], 10, 0, "aXb");
    EXPECT_EQ(mark(s[1]), 1);
    GETS(s[1], 10, 0, "Y");
}

TEST(oob_the_mark_stays_behind_a_received_byte)
{
    int s[2];
    oob_pair(s);
    put(s[0], "aX", MSG_OOB);
    GETS(s[1], 1, MSG_OOB, "X");
    EXPECT_EQ(mark(s[1]), 0);
    GETS(s[1], 1, 0, "a");
    EXPECT_EQ(mark(s[1]), 1);
    put(s[0], "b", 0);
    EXPECT_EQ(mark(s[1]), 1);
    GETS(s[1], 1, 0, "b");
    EXPECT_EQ(mark(s[1]), 0);
}

TEST(oob_reads_stop_at_the_place_of_a_received_byte)
{
    int s[2];
    oob_pair(s);
    put(s[0], "abX", MSG_OOB);
    put(s[0], "cd", 0);
    GETS(s[1], 1, MSG_OOB, "X");
    GETS(s[1], 10, 0, "ab");
    GETS(s[1], 10, 0, "cd");
}

TEST(oob_a_new_urgent_byte_behind_a_received_one)
{
    int s[2];
    oob_pair(s);
    put(s[0], "aX", MSG_OOB);
    GETS(s[1], 1, MSG_OOB, "X");
    put(s[0], "bY", MSG_OOB);
    GETS(s[1], 10, 0, "ab");
    EXPECT_EQ(mark(s[1]), 1);
    GETS(s[1], 1, MSG_OOB, "Y");
}

TEST(oob_sets_pollpri_until_it_is_received)
{
    int s[2];
    oob_pair(s);
    EXPECT_EQ(ready(s[1]), POLLOUT);
    put(s[0], "aX", MSG_OOB);
    EXPECT_EQ(ready(s[1]), POLLIN | POLLPRI | POLLOUT);
    GETS(s[1], 1, MSG_OOB, "X");
    EXPECT_EQ(ready(s[1]), POLLIN | POLLOUT);
    GETS(s[1], 1, 0, "a");
    EXPECT_EQ(ready(s[1]), POLLIN | POLLOUT);
    GETS(s[1], 1, 0, AGAIN);
    EXPECT_EQ(ready(s[1]), POLLOUT);
}

TEST(oob_alone_is_pollin_and_pollpri)
{
    int s[2];
    oob_pair(s);
    put(s[0], "X", MSG_OOB);
    EXPECT_EQ(ready(s[1]), POLLIN | POLLPRI | POLLOUT);
    GETS(s[1], 1, MSG_OOB, "X");
    EXPECT_EQ(ready(s[1]), POLLIN | POLLOUT);
    GETS(s[1], 1, 0, AGAIN);
    EXPECT_EQ(ready(s[1]), POLLOUT);
}

TEST(oob_raises_epollpri_edges)
{
    int s[2], ep = ASSERT_OK(epoll_create1(0));
    oob_pair(s);
    struct epoll_event e = { .events = EPOLLPRI | EPOLLET }, got;
    ASSERT_OK(epoll_ctl(ep, EPOLL_CTL_ADD, s[1], &e));
    EXPECT_EQ(epoll_wait(ep, &got, 1, 0), 0);
    put(s[0], "X", MSG_OOB);
    EXPECT_EQ(epoll_wait(ep, &got, 1, 600000), 1);
    EXPECT_EQ(got.events, EPOLLPRI);
    EXPECT_EQ(epoll_wait(ep, &got, 1, 0), 0);
}

static volatile sig_atomic_t urgent;
static void on_urgent(NT_UNUSED int signo)
{
    urgent++;
}

TEST(oob_sends_sigurg_to_the_owner)
{
    int s[2];
    oob_pair(s);
    signal(SIGURG, on_urgent);
    ASSERT_OK(fcntl(s[1], F_SETOWN, getpid()));
    put(s[0], "a", 0);
    EXPECT_EQ(urgent, 0);
    put(s[0], "X", MSG_OOB);
    EXPECT_EQ(urgent, 1);
}

TEST(oob_counts_as_a_waiting_byte_until_it_is_received)
{
    int s[2];
    oob_pair(s);
    put(s[0], "abX", MSG_OOB);
    EXPECT_EQ(waiting(s[1]), 3);
    GETS(s[1], 1, MSG_OOB, "X");
    EXPECT_EQ(waiting(s[1]), 2);
    GETS(s[1], 10, 0, "ab");
    EXPECT_EQ(waiting(s[1]), 0);
}

TEST(oob_of_nothing_is_eopnotsupp)
{
    int s[2];
    oob_pair(s);
    EXPECT_ERRNO(send(s[0], "", 0, MSG_OOB), EOPNOTSUPP);
}

TEST(oob_is_not_for_messages)
{
    int s[2];
    char c;
    pair(SOCK_DGRAM, s);
    EXPECT_ERRNO(send(s[0], "x", 1, MSG_OOB), EOPNOTSUPP);
    EXPECT_ERRNO(recv(s[1], &c, 1, MSG_OOB | MSG_DONTWAIT), EOPNOTSUPP);
    pair(SOCK_SEQPACKET, s);
    EXPECT_ERRNO(send(s[0], "x", 1, MSG_OOB), EOPNOTSUPP);
    EXPECT_ERRNO(recv(s[1], &c, 1, MSG_OOB | MSG_DONTWAIT), EOPNOTSUPP);
}

TEST(oob_siocatmark_is_for_streams)
{
    int s[2], at = -1;
    pair(SOCK_DGRAM, s);
    EXPECT_ERRNO(ioctl(s[0], SIOCATMARK, &at), EOPNOTSUPP);
    pair(SOCK_SEQPACKET, s);
    EXPECT_ERRNO(ioctl(s[0], SIOCATMARK, &at), EOPNOTSUPP);
}

TEST(oob_does_not_wait)
{
    int s[2];
    char c;
    oob_pair(s);
    EXPECT_ERRNO(recv(s[1], &c, 1, MSG_OOB), EINVAL);
}

TEST(oob_tells_msg_oob_in_the_flags)
{
    int s[2];
    char c;
    oob_pair(s);
    put(s[0], "aX", MSG_OOB);
    struct iovec v = { &c, 1 };
    struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
    EXPECT_EQ(recvmsg(s[1], &m, MSG_OOB), 1);
    EXPECT_EQ(m.msg_flags, MSG_OOB);
    EXPECT_EQ(c, 'X');
}

TEST(oob_to_a_closed_peer_is_epipe)
{
    int s[2];
    oob_pair(s);
    close(s[1]);
    EXPECT_ERRNO(send(s[0], "X", 1, MSG_OOB | MSG_NOSIGNAL), EPIPE);
}

TEST(oob_can_be_received_after_the_peer_closed)
{
    int s[2];
    oob_pair(s);
    put(s[0], "aX", MSG_OOB);
    close(s[0]);
    GETS(s[1], 1, MSG_OOB, "X");
    GETS(s[1], 10, 0, "a");
    GETS(s[1], 10, 0, "");
}

TEST(oob_unread_at_close_resets_the_peer)
{
    int s[2];
    char c;
    oob_pair(s);
    put(s[0], "X", MSG_OOB);
    close(s[1]);
    EXPECT_ERRNO(recv(s[0], &c, 1, 0), ECONNRESET);
}

TEST(oob_received_before_close_does_not_reset)
{
    int s[2];
    char c;
    oob_pair(s);
    put(s[0], "X", MSG_OOB);
    GETS(s[1], 1, MSG_OOB, "X");
    close(s[1]);
    EXPECT_EQ(recv(s[0], &c, 1, 0), 0);
}

TEST(oob_into_no_room_is_taken)
{
    int s[2];
    char c;
    oob_pair(s);
    put(s[0], "aX", MSG_OOB);
    EXPECT_EQ(recv(s[1], &c, 0, MSG_OOB), 1);
    GETS(s[1], 1, MSG_OOB, INVALID);
}

TEST(oob_bytes_behind_it_come_with_waitall)
{
    int s[2];
    char buf[8];
    oob_pair(s);
    put(s[0], "abX", MSG_OOB);
    put(s[0], "cd", 0);
    EXPECT_EQ(recv(s[1], buf, 4, MSG_WAITALL), 2);
    EXPECT_EQ(recv(s[1], buf, 2, MSG_WAITALL), 2);
    EXPECT_MEMEQ(buf, "cd", 2);
}
