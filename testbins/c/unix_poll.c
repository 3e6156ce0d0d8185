/* Readiness of AF_UNIX sockets: poll's bits, epoll's modes, wake-ups (man 2 poll, man 7 epoll). */
#include "nacre_test.h"
#include "unix_test.h"

#include <sys/epoll.h>
#include <sys/select.h>

static void fill(int s)
{
    static char block[4096];
    while (send(s, block, sizeof block, MSG_DONTWAIT) > 0)
        ;
    EXPECT_TRUE(errno == EAGAIN);
}

static int watch(int fd, uint32_t events)
{
    int ep = ASSERT_OK(epoll_create1(0));
    struct epoll_event e = { .events = events, .data.fd = fd };
    ASSERT_OK(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e));
    return ep;
}

/* The events of the only watched descriptor, 0 for none. */
static uint32_t events(int ep, int ms)
{
    struct epoll_event e = { 0 };
    int n = EXPECT_OK(epoll_wait(ep, &e, 1, ms));
    return n == 1 ? e.events : 0;
}

TEST(poll_of_a_fresh_stream_is_out_and_hup)
{
    int s = ASSERT_OK(socket(AF_UNIX, SOCK_STREAM, 0));
    EXPECT_EQ(ready(s), POLLOUT | POLLHUP);
    int q = ASSERT_OK(socket(AF_UNIX, SOCK_SEQPACKET, 0));
    EXPECT_EQ(ready(q), POLLOUT | POLLHUP);
}

TEST(poll_of_a_fresh_datagram_socket_is_out)
{
    int s = ASSERT_OK(socket(AF_UNIX, SOCK_DGRAM, 0));
    EXPECT_EQ(ready(s), POLLOUT);
}

TEST(poll_of_a_listener_is_in_with_a_connection_and_nothing_else)
{
    nt_dir();
    int s = listener(SOCK_STREAM, "sock", 1);
    EXPECT_EQ(ready(s), 0);
    client(SOCK_STREAM, "sock");
    EXPECT_EQ(ready(s), POLLIN);
    int a = ASSERT_OK(accept(s, NULL, NULL));
    EXPECT_EQ(ready(s), 0);
    EXPECT_EQ(ready(a), POLLOUT);
}

TEST(poll_of_a_listener_shut_down)
{
    nt_dir();
    int s = listener(SOCK_STREAM, "sock", 1);
    EXPECT_OK(shutdown(s, SHUT_RD));
    EXPECT_EQ(ready(s), POLLIN | POLLRDHUP);
    EXPECT_OK(shutdown(s, SHUT_WR));
    EXPECT_EQ(ready(s), POLLIN | POLLRDHUP | POLLHUP);
}

TEST(poll_of_a_fresh_socket_shut_down)
{
    int s = ASSERT_OK(socket(AF_UNIX, SOCK_DGRAM, 0));
    EXPECT_OK(shutdown(s, SHUT_WR));
    EXPECT_EQ(ready(s), POLLOUT);
    EXPECT_OK(shutdown(s, SHUT_RD));
    EXPECT_EQ(ready(s), POLLIN | POLLOUT | POLLRDHUP | POLLHUP);
}

TEST(poll_tells_normal_and_band_bits)
{
    int s[2];
    pair(SOCK_STREAM, s);
    struct pollfd p = { s[0], POLLRDNORM | POLLWRNORM | POLLRDBAND | POLLWRBAND, 0 };
    EXPECT_EQ(poll(&p, 1, 0), 1);
    EXPECT_EQ(p.revents, POLLWRNORM | POLLWRBAND);
    EXPECT_EQ(write(s[1], "x", 1), 1);
    EXPECT_EQ(poll(&p, 1, 0), 1);
    EXPECT_EQ(p.revents, POLLRDNORM | POLLWRNORM | POLLWRBAND);
}

TEST(poll_reports_hup_unasked)
{
    int s[2];
    pair(SOCK_STREAM, s);
    close(s[1]);
    struct pollfd p = { s[0], 0, 0 };
    EXPECT_EQ(poll(&p, 1, 0), 1);
    EXPECT_EQ(p.revents, POLLHUP);
}

TEST(poll_of_a_datagram_pair_whose_peer_closed)
{
    int s[2];
    pair(SOCK_DGRAM, s);
    close(s[1]);
    EXPECT_EQ(ready(s[0]), POLLOUT);
    EXPECT_ERRNO(send(s[0], "x", 1, 0), ECONNREFUSED);
    EXPECT_EQ(ready(s[0]), POLLOUT);
    EXPECT_ERRNO(send(s[0], "x", 1, 0), ENOTCONN);
}

TEST(poll_of_a_seqpacket_whose_peer_closed)
{
    int s[2];
    pair(SOCK_SEQPACKET, s);
    close(s[1]);
    EXPECT_EQ(ready(s[0]), POLLIN | POLLOUT | POLLHUP | POLLRDHUP);
}

/* proves A7 */
TEST(a_full_stream_is_writable_again_at_a_quarter)
{
    int s[2], n = 0;
    static char block[4096];
    pair(SOCK_STREAM, s);
    fill(s[0]);
    EXPECT_EQ(ready(s[0]), 0);
    int total, left;
    EXPECT_OK(ioctl(s[1], FIONREAD, &total));
    while (!(ready(s[0]) & POLLOUT) && (n = read(s[1], block, sizeof block)) > 0)
        ;
    EXPECT_OK(ioctl(s[1], FIONREAD, &left));
    EXPECT_TRUE(left > total / 8 && left < total / 2);
}

TEST(a_full_datagram_socket_is_not_writable)
{
    int s[2];
    pair(SOCK_DGRAM, s);
    fill(s[0]);
    EXPECT_EQ(ready(s[0]), 0);
    static char block[4096];
    while (recv(s[1], block, sizeof block, MSG_DONTWAIT) > 0)
        ;
    EXPECT_EQ(ready(s[0]), POLLOUT);
}

TEST(a_connected_sender_waits_for_the_receivers_queue)
{
    nt_dir();
    int r = ASSERT_OK(socket(AF_UNIX, SOCK_DGRAM, 0));
    ASSERT_OK(bind_path(r, "r"));
    int a = client(SOCK_DGRAM, "r"), b = client(SOCK_DGRAM, "r");
    for (int i = 0; i < 11; i++)
        EXPECT_EQ(send(a, "x", 1, MSG_DONTWAIT), 1);
    EXPECT_ERRNO(send(b, "x", 1, MSG_DONTWAIT), EAGAIN);
    EXPECT_EQ(ready(b), 0);
    EXPECT_EQ(ready(a), 0);
    int ep = watch(b, EPOLLOUT | EPOLLET);
    EXPECT_EQ(events(ep, 0), 0);
    char c;
    EXPECT_EQ(recv(r, &c, 1, 0), 1);
    EXPECT_EQ(ready(b), POLLOUT);
    EXPECT_EQ(events(ep, 100), EPOLLOUT);
}

TEST(an_unconnected_sender_is_writable_though_the_receiver_is_full)
{
    nt_dir();
    int r = ASSERT_OK(socket(AF_UNIX, SOCK_DGRAM, 0)), u = ASSERT_OK(socket(AF_UNIX, SOCK_DGRAM, 0));
    ASSERT_OK(bind_path(r, "r"));
    struct sockaddr_un to;
    socklen_t len = address(&to, "r", 2);
    for (int i = 0; i < 11; i++)
        EXPECT_EQ(sendto(u, "x", 1, MSG_DONTWAIT, (struct sockaddr *)&to, len), 1);
    EXPECT_ERRNO(sendto(u, "x", 1, MSG_DONTWAIT, (struct sockaddr *)&to, len), EAGAIN);
    EXPECT_EQ(ready(u), POLLOUT);
}

/* proves A8 */
TEST(epoll_level_tells_again_until_it_is_read)
{
    int s[2];
    char c;
    pair(SOCK_STREAM, s);
    int ep = watch(s[0], EPOLLIN);
    EXPECT_EQ(events(ep, 0), 0);
    EXPECT_EQ(write(s[1], "ab", 2), 2);
    EXPECT_EQ(events(ep, 100), EPOLLIN);
    EXPECT_EQ(events(ep, 0), EPOLLIN);
    EXPECT_EQ(read(s[0], &c, 1), 1);
    EXPECT_EQ(events(ep, 0), EPOLLIN);
    EXPECT_EQ(read(s[0], &c, 1), 1);
    EXPECT_EQ(events(ep, 0), 0);
}

/* proves A8 */
TEST(epoll_edge_tells_once_for_each_write)
{
    int s[2];
    char c;
    pair(SOCK_STREAM, s);
    int ep = watch(s[0], EPOLLIN | EPOLLET);
    EXPECT_EQ(write(s[1], "a", 1), 1);
    EXPECT_EQ(events(ep, 100), EPOLLIN);
    EXPECT_EQ(events(ep, 0), 0);
    EXPECT_EQ(write(s[1], "b", 1), 1);
    EXPECT_EQ(events(ep, 100), EPOLLIN);
    EXPECT_EQ(read(s[0], &c, 1), 1);
    EXPECT_EQ(events(ep, 0), 0);
}

TEST(epoll_edge_of_out_comes_when_room_does)
{
    int s[2];
    static char block[65536];
    pair(SOCK_STREAM, s);
    int ep = watch(s[0], EPOLLOUT | EPOLLET);
    EXPECT_EQ(events(ep, 0), EPOLLOUT);
    EXPECT_EQ(events(ep, 0), 0);
    fill(s[0]);
    EXPECT_EQ(events(ep, 0), 0);
    while (recv(s[1], block, sizeof block, MSG_DONTWAIT) > 0)
        ;
    EXPECT_EQ(events(ep, 100), EPOLLOUT);
    EXPECT_EQ(events(ep, 0), 0);
}

/* proves A8 */
TEST(epoll_oneshot_tells_once_until_it_is_armed_again)
{
    int s[2];
    pair(SOCK_STREAM, s);
    int ep = watch(s[0], EPOLLIN | EPOLLONESHOT);
    EXPECT_EQ(write(s[1], "a", 1), 1);
    EXPECT_EQ(events(ep, 100), EPOLLIN);
    EXPECT_EQ(write(s[1], "b", 1), 1);
    EXPECT_EQ(events(ep, 0), 0);
    struct epoll_event e = { .events = EPOLLIN | EPOLLONESHOT };
    EXPECT_OK(epoll_ctl(ep, EPOLL_CTL_MOD, s[0], &e));
    EXPECT_EQ(events(ep, 0), EPOLLIN);
}

/* proves A8 */
TEST(epoll_exclusive_is_for_add_only)
{
    int s[2], ep = ASSERT_OK(epoll_create1(0));
    pair(SOCK_STREAM, s);
    struct epoll_event e = { .events = EPOLLIN | EPOLLEXCLUSIVE };
    EXPECT_OK(epoll_ctl(ep, EPOLL_CTL_ADD, s[0], &e));
    EXPECT_ERRNO(epoll_ctl(ep, EPOLL_CTL_MOD, s[0], &e), EINVAL);
    e.events = EPOLLIN | EPOLLEXCLUSIVE | EPOLLRDHUP;
    EXPECT_ERRNO(epoll_ctl(ep, EPOLL_CTL_ADD, s[1], &e), EINVAL);
    EXPECT_EQ(write(s[1], "a", 1), 1);
    EXPECT_EQ(events(ep, 100), EPOLLIN);
}

/* proves A8 */
TEST(epoll_nests_and_refuses_a_circle)
{
    int s[2];
    pair(SOCK_STREAM, s);
    int inner = watch(s[0], EPOLLIN), outer = watch(inner, EPOLLIN);
    EXPECT_EQ(events(outer, 0), 0);
    EXPECT_EQ(write(s[1], "a", 1), 1);
    EXPECT_EQ(events(outer, 100), EPOLLIN);
    struct epoll_event e = { .events = EPOLLIN };
    EXPECT_ERRNO(epoll_ctl(inner, EPOLL_CTL_ADD, outer, &e), ELOOP);
}

TEST(epoll_tells_rdhup_of_a_half_closed_stream)
{
    int s[2];
    pair(SOCK_STREAM, s);
    int ep = watch(s[0], EPOLLRDHUP | EPOLLET);
    EXPECT_OK(shutdown(s[1], SHUT_WR));
    EXPECT_EQ(events(ep, 100), EPOLLRDHUP);
    close(s[1]);
    EXPECT_EQ(events(ep, 100), EPOLLRDHUP | EPOLLHUP);
}

TEST(epoll_tells_err_and_hup_of_a_reset)
{
    int s[2];
    pair(SOCK_STREAM, s);
    int ep = watch(s[0], 0);
    EXPECT_EQ(write(s[0], "unread", 6), 6);
    EXPECT_EQ(events(ep, 0), 0);
    close(s[1]);
    EXPECT_EQ(events(ep, 100), EPOLLERR | EPOLLHUP);
}

TEST(epoll_forgets_a_closed_socket)
{
    int s[2];
    pair(SOCK_STREAM, s);
    int ep = watch(s[0], EPOLLIN | EPOLLHUP);
    close(s[0]);
    close(s[1]);
    EXPECT_EQ(events(ep, 0), 0);
}

TEST(epoll_keeps_a_duplicated_socket)
{
    int s[2];
    pair(SOCK_STREAM, s);
    int ep = watch(s[0], EPOLLIN), d = ASSERT_OK(dup(s[0]));
    close(s[0]);
    EXPECT_EQ(write(s[1], "x", 1), 1);
    EXPECT_EQ(events(ep, 100), EPOLLIN);
    close(d);
    EXPECT_EQ(events(ep, 0), 0);
}

TEST(epoll_edge_of_a_listener_tells_each_connection)
{
    nt_dir();
    int l = listener(SOCK_STREAM, "sock", 8), ep = watch(l, EPOLLIN | EPOLLET);
    client(SOCK_STREAM, "sock");
    EXPECT_EQ(events(ep, 100), EPOLLIN);
    EXPECT_EQ(events(ep, 0), 0);
    client(SOCK_STREAM, "sock");
    EXPECT_EQ(events(ep, 100), EPOLLIN);
}

TEST(select_tells_three_sets)
{
    int s[2];
    pair(SOCK_STREAM, s);
    EXPECT_EQ(send(s[1], "aX", 2, MSG_OOB), 2);
    fd_set in, out, urgent;
    FD_ZERO(&in);
    FD_ZERO(&out);
    FD_ZERO(&urgent);
    FD_SET(s[0], &in);
    FD_SET(s[0], &out);
    FD_SET(s[0], &urgent);
    struct timeval now = { 0, 0 };
    EXPECT_EQ(select(s[0] + 1, &in, &out, &urgent, &now), 3);
}

TEST(poll_wakes_for_bytes_end_and_room)
{
    int s[2];
    static char block[65536];
    pair(SOCK_STREAM, s);
    for (int round = 0; round < 3; round++) {
        if (round == 2)
            fill(s[0]);
        pid_t pid = nt_fork();
        if (pid == 0) {
            nt_sleep_ms(50);
            if (round == 0)
                EXPECT_EQ(write(s[1], "x", 1), 1);
            else if (round == 1)
                while (recv(s[1], block, sizeof block, MSG_DONTWAIT) > 0)
                    ;
            else
                while (recv(s[1], block, sizeof block, MSG_DONTWAIT) > 0)
                    ;
            nt_done();
        }
        struct pollfd p = { s[0], round == 0 ? POLLIN : POLLOUT, 0 };
        EXPECT_EQ(poll(&p, 1, 600000), 1);
        EXPECT_EXIT(pid, 0);
    }
}

TEST(poll_wakes_for_a_shutdown_by_the_peer)
{
    int s[2];
    pair(SOCK_STREAM, s);
    pid_t pid = nt_fork();
    if (pid == 0) {
        nt_sleep_ms(50);
        shutdown(s[1], SHUT_WR);
        nt_sleep_ms(50);
        nt_done();
    }
    struct pollfd p = { s[0], POLLRDHUP, 0 };
    EXPECT_EQ(poll(&p, 1, 600000), 1);
    EXPECT_EQ(p.revents, POLLRDHUP);
    EXPECT_EXIT(pid, 0);
}

TEST(so_rcvlowat_does_not_hold_poll_back_on_unix)
{
    int s[2];
    pair(SOCK_STREAM, s);
    set_option(s[0], SO_RCVLOWAT, 10);
    EXPECT_EQ(write(s[1], "x", 1), 1);
    EXPECT_EQ(ready(s[0]), POLLIN | POLLOUT);
}
