/* What TCP carries between programs of one machine, and how it is received, waited for and held back (man 7 tcp, man 2 recv). */
#include "nacre_test.h"
#include "inet_test.h"

/* proves C7 for TCP */
TEST(tcp_a_client_may_write_before_accept)
{
    char buf[8];
    int port, l = tcp_listener(3, &port), s = tcp_client(port), t;
    EXPECT_EQ(write(s, "early", 5), 5);
    close(s);
    t = ASSERT_OK(accept(l, NULL, NULL));
    EXPECT_EQ(read(t, buf, 8), 5);
    EXPECT_EQ(read(t, buf, 8), 0);
}

TEST(tcp_receive_waits_no_longer_than_so_rcvtimeo)
{
    struct timeval t = { 0, 50000 };
    int s[2];
    char c;
    tcp_pair(s);
    EXPECT_OK(setsockopt(s[0], SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t));
    EXPECT_ERRNO(read(s[0], &c, 1), EAGAIN);
}

/* proves E13 */
TEST(tcp_peek_and_fionread_leave_the_bytes)
{
    int s[2], n = -1;
    char buf[8];
    tcp_pair(s);
    EXPECT_EQ(write(s[0], "abcdef", 6), 6);
    EXPECT_EQ(await(s[1], POLLIN), POLLIN);
    EXPECT_EQ(recv(s[1], buf, 3, MSG_PEEK), 3);
    EXPECT_MEMEQ(buf, "abc", 3);
    EXPECT_OK(ioctl(s[1], FIONREAD, &n));
    EXPECT_EQ(n, 6);
    EXPECT_EQ(read(s[1], buf, 8), 6);
    EXPECT_OK(ioctl(s[1], FIONREAD, &n));
    EXPECT_EQ(n, 0);
}

TEST(tcp_msg_trunc_drops_what_it_counts)
{
    int s[2];
    char buf[8] = "........";
    tcp_pair(s);
    EXPECT_EQ(write(s[0], "abcdef", 6), 6);
    await(s[1], POLLIN);
    EXPECT_EQ(recv(s[1], buf, 4, MSG_TRUNC), 4);
    EXPECT_MEMEQ(buf, "....", 4);
    EXPECT_EQ(read(s[1], buf, 8), 2);
    EXPECT_MEMEQ(buf, "ef", 2);
}

TEST(tcp_msg_waitall_waits_for_all)
{
    int s[2], status;
    char buf[8];
    pid_t child;
    tcp_pair(s);
    child = nt_fork();
    if (child == 0) {
        write(s[0], "1234", 4);
        usleep(30000);
        write(s[0], "5678", 4);
        _exit(0);
    }
    EXPECT_EQ(recv(s[1], buf, 8, MSG_WAITALL), 8);
    EXPECT_MEMEQ(buf, "12345678", 8);
    waitpid(child, &status, 0);
}

TEST(tcp_low_water_mark_counts_for_poll)
{
    int s[2];
    tcp_pair(s);
    set_option(s[1], SOL_SOCKET, SO_RCVLOWAT, 4);
    EXPECT_EQ(write(s[0], "abc", 3), 3);
    usleep(20000);
    EXPECT_EQ(ready(s[1]), POLLOUT);
    EXPECT_EQ(write(s[0], "d", 1), 1);
    EXPECT_EQ(await(s[1], POLLIN), POLLIN);
}

TEST(tcp_gather_and_scatter)
{
    int s[2];
    char a[3], b[5];
    struct iovec out[2] = { { "abc", 3 }, { "defgh", 5 } }, in[2] = { { a, 3 }, { b, 5 } };
    tcp_pair(s);
    EXPECT_EQ(writev(s[0], out, 2), 8);
    EXPECT_EQ(readv(s[1], in, 2), 8);
    EXPECT_MEMEQ(b, "defgh", 5);
}

TEST(tcp_an_address_to_send_to_is_ignored)
{
    int s[2];
    char c;
    struct sockaddr_in a = at4("192.0.2.1", 9);
    tcp_pair(s);
    EXPECT_EQ(sendto(s[0], "x", 1, 0, (struct sockaddr *)&a, sizeof a), 1);
    EXPECT_EQ(read(s[1], &c, 1), 1);
}

TEST(tcp_recvfrom_tells_no_address)
{
    int s[2];
    char c;
    struct sockaddr_in a;
    socklen_t n = sizeof a;
    tcp_pair(s);
    EXPECT_EQ(write(s[0], "x", 1), 1);
    EXPECT_EQ(recvfrom(s[1], &c, 1, 0, (struct sockaddr *)&a, &n), 1);
    EXPECT_EQ(n, 0);
}

/* proves E16 in small */
TEST(tcp_a_full_connection_pushes_back)
{
    static char block[65536];
    int s[2];
    long sent = 0, got = 0, n;
    tcp_pair(s);
    fcntl(s[0], F_SETFL, O_NONBLOCK);
    while ((n = write(s[0], block, sizeof block)) > 0)
        sent += n;
    n = errno;
    EXPECT_EQ(n, EAGAIN);
    EXPECT_TRUE(sent > 65536);
    EXPECT_EQ(ready(s[0]) & POLLOUT, 0);
    shutdown(s[0], SHUT_WR);
    while ((n = read(s[1], block, sizeof block)) > 0)
        got += n;
    EXPECT_EQ(n, 0);
    EXPECT_EQ(got, sent);
}

TEST(tcp_a_blocked_writer_goes_on_when_there_is_room)
{
    static char block[1 << 20];
    int s[2], status;
    long got = 0, n;
    pid_t child;
    tcp_pair(s);
    child = nt_fork();
    if (child == 0) {
        close(s[1]);
        for (int i = 0; i < 10; i++)
            if (write(s[0], block, sizeof block) != sizeof block)
                _exit(1);
        _exit(0);
    }
    close(s[0]);
    while ((n = read(s[1], block, 30000)) > 0)
        got += n;
    EXPECT_EQ(got, 10L << 20);
    EXPECT_OK(waitpid(child, &status, 0));
    EXPECT_EQ(status, 0);
}

TEST(tcp_urgent_receive_without_urgent_bytes)
{
    int s[2];
    char c;
    tcp_pair(s);
    EXPECT_ERRNO(recv(s[0], &c, 1, MSG_OOB), EINVAL);
}

TEST(tcp_epoll_edge_tells_of_each_arrival)
{
    int s[2], e = ASSERT_OK(epoll_create1(0));
    struct epoll_event ev = { EPOLLIN | EPOLLET, { 0 } };
    tcp_pair(s);
    EXPECT_OK(epoll_ctl(e, EPOLL_CTL_ADD, s[1], &ev));
    EXPECT_EQ(epoll_wait(e, &ev, 1, 0), 0);
    EXPECT_EQ(write(s[0], "a", 1), 1);
    EXPECT_EQ(epoll_wait(e, &ev, 1, 600000), 1);
    EXPECT_EQ(epoll_wait(e, &ev, 1, 0), 0);
    EXPECT_EQ(write(s[0], "b", 1), 1);
    EXPECT_EQ(epoll_wait(e, &ev, 1, 600000), 1);
}

TEST(tcp_reading_moves_the_peek_offset_back)
{
    int s[2];
    char c;
    tcp_pair(s);
    EXPECT_EQ(write(s[0], "abcdef", 6), 6);
    EXPECT_EQ(await(s[1], POLLIN), POLLIN);
    set_option(s[1], SOL_SOCKET, SO_PEEK_OFF, 4);
    EXPECT_EQ(read(s[1], (char[2]){ 0 }, 2), 2);
    EXPECT_EQ(option(s[1], SOL_SOCKET, SO_PEEK_OFF), 2);
    EXPECT_EQ(recv(s[1], &c, 1, MSG_PEEK | MSG_DONTWAIT), 1);
    EXPECT_EQ(c, 'e');
}
