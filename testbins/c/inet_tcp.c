/* TCP between programs of one machine: connecting, listening, accepting, addresses (man 7 tcp, man 2 connect). */
#include "nacre_test.h"
#include "inet_test.h"

/* proves B1 D1 */
TEST(tcp_carries_bytes_both_ways)
{
    int s[2];
    char buf[16];
    tcp_pair(s);
    EXPECT_EQ(write(s[0], "ping", 4), 4);
    EXPECT_EQ(read(s[1], buf, sizeof buf), 4);
    EXPECT_MEMEQ(buf, "ping", 4);
    EXPECT_EQ(send(s[1], "pong!", 5, 0), 5);
    EXPECT_EQ(recv(s[0], buf, sizeof buf, 0), 5);
    EXPECT_MEMEQ(buf, "pong!", 5);
}

TEST(tcp_names_of_both_ends_mirror_each_other)
{
    struct sockaddr_in a, b;
    socklen_t n = sizeof a;
    int s[2];
    tcp_pair(s);
    EXPECT_OK(getsockname(s[0], (struct sockaddr *)&a, &n));
    EXPECT_EQ(n, sizeof a);
    EXPECT_OK(getpeername(s[1], (struct sockaddr *)&b, &n));
    EXPECT_MEMEQ(&a, &b, sizeof a);
    EXPECT_OK(getpeername(s[0], (struct sockaddr *)&a, &n));
    EXPECT_OK(getsockname(s[1], (struct sockaddr *)&b, &n));
    EXPECT_MEMEQ(&a, &b, sizeof a);
    EXPECT_EQ(a.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
}

TEST(tcp_accept_tells_the_client)
{
    struct sockaddr_in a;
    socklen_t n = sizeof a;
    int port, l = tcp_listener(1, &port), c = tcp_client(port);
    EXPECT_OK(accept(l, (struct sockaddr *)&a, &n));
    EXPECT_EQ(n, 16);
    EXPECT_EQ(ntohs(a.sin_port), port_of(c));
}

/* proves D4 */
TEST(tcp_nobody_there_is_refused)
{
    int port, l = tcp_listener(1, &port), s = ASSERT_OK(socket(AF_INET, SOCK_STREAM, 0));
    close(l);
    EXPECT_ERRNO(connect4(s, "127.0.0.1", port), ECONNREFUSED);
    EXPECT_EQ(option(s, SOL_SOCKET, SO_ERROR), 0);
}

TEST(tcp_refused_socket_can_connect_again)
{
    int port, l = tcp_listener(1, &port), s = ASSERT_OK(socket(AF_INET, SOCK_STREAM, 0));
    int other, l2;
    close(l);
    EXPECT_ERRNO(connect4(s, "127.0.0.1", port), ECONNREFUSED);
    l2 = tcp_listener(1, &other);
    EXPECT_OK(connect4(s, "127.0.0.1", other));
    EXPECT_OK(accept(l2, NULL, NULL));
}

TEST(tcp_refused_socket_keeps_a_bound_port)
{
    int port, l = tcp_listener(1, &port), s = ASSERT_OK(socket(AF_INET, SOCK_STREAM, 0)), own;
    close(l);
    ASSERT_OK(bind4(s, "127.0.0.1", own = 20101));
    EXPECT_ERRNO(connect4(s, "127.0.0.1", port), ECONNREFUSED);
    EXPECT_EQ(port_of(s), own);
    EXPECT_ERRNO(bind4(s, "127.0.0.1", 0), EINVAL);
    s = ASSERT_OK(socket(AF_INET, SOCK_STREAM, 0));
    ASSERT_OK(bind4(s, "127.0.0.1", 0));
    EXPECT_ERRNO(connect4(s, "127.0.0.1", port), ECONNREFUSED);
    EXPECT_OK(bind4(s, "127.0.0.1", 0));
}

/* proves T15 */
TEST(tcp_nonblocking_connect_is_in_progress_then_done_then_connected)
{
    int port, l = tcp_listener(1, &port);
    int s = ASSERT_OK(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
    EXPECT_ERRNO(connect4(s, "127.0.0.1", port), EINPROGRESS);
    EXPECT_EQ(await(s, POLLOUT), POLLOUT);
    EXPECT_EQ(option(s, SOL_SOCKET, SO_ERROR), 0);
    EXPECT_OK(connect4(s, "127.0.0.1", port));
    EXPECT_ERRNO(connect4(s, "127.0.0.1", port), EISCONN);
    EXPECT_OK(accept(l, NULL, NULL));
}

TEST(tcp_nonblocking_connect_tells_a_refusal_by_so_error)
{
    int port, l = tcp_listener(1, &port);
    int s = ASSERT_OK(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
    close(l);
    EXPECT_ERRNO(connect4(s, "127.0.0.1", port), EINPROGRESS);
    EXPECT_TRUE(await(s, POLLOUT) & POLLERR);
    EXPECT_EQ(option(s, SOL_SOCKET, SO_ERROR), ECONNREFUSED);
    EXPECT_EQ(option(s, SOL_SOCKET, SO_ERROR), 0);
}

TEST(tcp_nonblocking_connect_tells_a_refusal_by_connect)
{
    int port, l = tcp_listener(1, &port);
    int s = ASSERT_OK(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
    close(l);
    EXPECT_ERRNO(connect4(s, "127.0.0.1", port), EINPROGRESS);
    await(s, POLLOUT);
    EXPECT_ERRNO(connect4(s, "127.0.0.1", port), ECONNREFUSED);
    EXPECT_ERRNO(connect4(s, "127.0.0.1", port), EINPROGRESS);
}

TEST(tcp_a_blocking_connect_of_the_connected_is_eisconn)
{
    int port, l = tcp_listener(1, &port), s = tcp_client(port);
    EXPECT_ERRNO(connect4(s, "127.0.0.1", port), EISCONN);
    EXPECT_OK(accept(l, NULL, NULL));
}

/* proves D2 */
TEST(tcp_addresses_that_are_none)
{
    struct sockaddr_in a = at4("127.0.0.1", 0);
    struct sockaddr_in6 b = at6("::1", 0);
    int s = ASSERT_OK(socket(AF_INET, SOCK_STREAM, 0));
    EXPECT_ERRNO(bind(s, (struct sockaddr *)&a, 15), EINVAL);
    EXPECT_ERRNO(bind(s, (struct sockaddr *)&b, sizeof b), EAFNOSUPPORT);
    EXPECT_ERRNO(bind(s, NT_BAD, 16), EFAULT);
    EXPECT_ERRNO(bind(s, (struct sockaddr *)&a, 129), EINVAL);
    EXPECT_ERRNO(connect(s, (struct sockaddr *)&a, 15), EINVAL);
    EXPECT_ERRNO(connect(s, (struct sockaddr *)&a, 1), EINVAL);
    EXPECT_ERRNO(connect(s, (struct sockaddr *)&b, sizeof b), EAFNOSUPPORT);
    EXPECT_ERRNO(connect(s, NT_BAD, 16), EFAULT);
}

TEST(tcp_addresses_that_are_none_v6)
{
    struct sockaddr_in a = at4("127.0.0.1", 0);
    struct sockaddr_in6 b = at6("::1", 0);
    int s = ASSERT_OK(socket(AF_INET6, SOCK_STREAM, 0));
    EXPECT_ERRNO(bind(s, (struct sockaddr *)&b, 23), EINVAL);
    EXPECT_ERRNO(bind(s, (struct sockaddr *)&a, sizeof a), EINVAL);
    a.sin_family = AF_INET;
    EXPECT_ERRNO(connect(s, (struct sockaddr *)&a, sizeof a), EINVAL);
    b.sin6_family = AF_INET;
    EXPECT_ERRNO(bind(s, (struct sockaddr *)&b, sizeof b), EAFNOSUPPORT);
    b.sin6_family = AF_INET6;
    EXPECT_OK(bind(s, (struct sockaddr *)&b, 24));
}

TEST(tcp_bind_of_no_family_is_any_address_only)
{
    struct sockaddr_in a = at4("0.0.0.0", 0);
    int s = ASSERT_OK(socket(AF_INET, SOCK_STREAM, 0));
    a.sin_family = AF_UNSPEC;
    inet_pton(AF_INET, "127.0.0.1", &a.sin_addr);
    EXPECT_ERRNO(bind(s, (struct sockaddr *)&a, sizeof a), EAFNOSUPPORT);
    a.sin_addr.s_addr = 0;
    EXPECT_OK(bind(s, (struct sockaddr *)&a, sizeof a));
}

/* proves E6 */
TEST(tcp_bind_false_cases)
{
    int port, l = tcp_listener(1, &port), s = ASSERT_OK(socket(AF_INET, SOCK_STREAM, 0));
    EXPECT_ERRNO(bind4(s, "127.0.0.1", port), EADDRINUSE);
    EXPECT_ERRNO(bind4(s, "0.0.0.0", port), EADDRINUSE);
    EXPECT_ERRNO(bind4(s, "192.0.2.77", 0), EADDRNOTAVAIL);
    EXPECT_OK(bind4(s, "127.0.0.1", 0));
    EXPECT_ERRNO(bind4(s, "127.0.0.1", 0), EINVAL);
    close(l);
}

TEST(tcp_privileged_ports_want_the_privilege)
{
    int s = ASSERT_OK(socket(AF_INET, SOCK_STREAM, 0)), t;
    EXPECT_OK(bind4(s, "127.0.0.1", 80));
    be_nobody();
    t = ASSERT_OK(socket(AF_INET, SOCK_STREAM, 0));
    EXPECT_ERRNO(bind4(t, "127.0.0.1", 81), EACCES);
    EXPECT_ERRNO(bind4(t, "127.0.0.1", 1023), EACCES);
    EXPECT_OK(bind4(t, "127.0.0.1", 1024));
}

TEST(tcp_other_loopback_addresses_are_their_own)
{
    int port, l = tcp_listener(1, &port), s = ASSERT_OK(socket(AF_INET, SOCK_STREAM, 0)), t;
    EXPECT_OK(bind4(s, "127.0.0.2", port));
    t = ASSERT_OK(socket(AF_INET, SOCK_STREAM, 0));
    EXPECT_ERRNO(connect4(t, "127.0.0.2", port), ECONNREFUSED);
    EXPECT_OK(connect4(t, "127.0.0.1", port));
    close(l);
}

/* proves D3 */
TEST(tcp_listen_binds_the_unbound)
{
    int s = ASSERT_OK(socket(AF_INET, SOCK_STREAM, 0)), port;
    EXPECT_OK(listen(s, 1));
    port = port_of(s);
    EXPECT_TRUE(port >= 32768 && port <= 60999);
    EXPECT_OK(connect4(ASSERT_OK(socket(AF_INET, SOCK_STREAM, 0)), "127.0.0.1", port));
}

TEST(tcp_listen_of_the_connected_is_refused)
{
    int s[2];
    tcp_pair(s);
    EXPECT_ERRNO(listen(s[0], 1), EINVAL);
    EXPECT_ERRNO(listen(s[1], 1), EINVAL);
}

TEST(tcp_listener_can_be_told_to_listen_again)
{
    int port, l = tcp_listener(1, &port);
    EXPECT_OK(listen(l, 5));
    EXPECT_EQ(option(l, SOL_SOCKET, SO_ACCEPTCONN), 1);
}

TEST(tcp_accept_of_no_listener)
{
    int s[2];
    EXPECT_ERRNO(accept(ASSERT_OK(socket(AF_INET, SOCK_STREAM, 0)), NULL, NULL), EINVAL);
    tcp_pair(s);
    EXPECT_ERRNO(accept(s[0], NULL, NULL), EINVAL);
}

TEST(tcp_accept_without_anybody_waits_or_says_so)
{
    int port, l = tcp_listener(1, &port);
    EXPECT_EQ(ready(l), 0);
    fcntl(l, F_SETFL, O_NONBLOCK);
    EXPECT_ERRNO(accept(l, NULL, NULL), EAGAIN);
    tcp_client(port);
    EXPECT_EQ(ready(l), POLLIN);
    EXPECT_OK(accept(l, NULL, NULL));
}

TEST(tcp_accept_sets_the_flags_it_is_given)
{
    int port, l = tcp_listener(1, &port), s;
    tcp_client(port);
    s = ASSERT_OK(accept4(l, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC));
    EXPECT_EQ(fcntl(s, F_GETFD), FD_CLOEXEC);
    EXPECT_TRUE(fcntl(s, F_GETFL) & O_NONBLOCK);
    EXPECT_ERRNO(accept4(l, NULL, NULL, 1), EINVAL);
}

/* proves C5 for TCP */
TEST(tcp_a_listener_neither_sends_nor_receives)
{
    char c;
    int port, l = tcp_listener(1, &port);
    EXPECT_ERRNO(recv(l, &c, 1, 0), ENOTCONN);
    EXPECT_ERRNO(send(l, "x", 1, MSG_NOSIGNAL), EPIPE);
}

TEST(tcp_the_unconnected_neither_sends_nor_receives)
{
    char c;
    struct sockaddr_in a;
    socklen_t n = sizeof a;
    int s = ASSERT_OK(socket(AF_INET, SOCK_STREAM, 0));
    EXPECT_ERRNO(recv(s, &c, 1, 0), ENOTCONN);
    EXPECT_ERRNO(send(s, "x", 1, MSG_NOSIGNAL), EPIPE);
    EXPECT_ERRNO(getpeername(s, (struct sockaddr *)&a, &n), ENOTCONN);
    EXPECT_EQ(ready(s), POLLOUT | POLLHUP);
    EXPECT_ERRNO(shutdown(s, SHUT_RDWR), ENOTCONN);
    EXPECT_EQ(ready(s), POLLIN | POLLOUT | POLLHUP | POLLRDHUP);
}

TEST(tcp_a_name_without_port_is_zeros)
{
    struct sockaddr_in a;
    socklen_t n = sizeof a;
    int s = ASSERT_OK(socket(AF_INET, SOCK_STREAM, 0));
    EXPECT_OK(getsockname(s, (struct sockaddr *)&a, &n));
    EXPECT_EQ(n, 16);
    EXPECT_EQ(a.sin_family, AF_INET);
    EXPECT_EQ(a.sin_port, 0);
    EXPECT_EQ(a.sin_addr.s_addr, 0);
}

TEST(tcp_accept_gives_connections_in_order)
{
    struct sockaddr_in a;
    socklen_t n = sizeof a;
    int port, l = tcp_listener(8, &port), s[5];
    for (int i = 0; i < 5; i++)
        s[i] = tcp_client(port);
    for (int i = 0; i < 5; i++) {
        EXPECT_OK(accept(l, (struct sockaddr *)&a, &n));
        EXPECT_EQ(ntohs(a.sin_port), port_of(s[i]));
    }
}

/* proves E2 in small */
TEST(tcp_a_full_queue_leaves_the_next_in_progress)
{
    int port, l = tcp_listener(2, &port), s[4];
    for (int i = 0; i < 3; i++)
        tcp_client(port);
    for (int i = 0; i < 2; i++) {
        s[i] = ASSERT_OK(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
        EXPECT_ERRNO(connect4(s[i], "127.0.0.1", port), EINPROGRESS);
    }
    usleep(50000);
    EXPECT_EQ(ready(s[0]), 0);
    EXPECT_ERRNO(connect4(s[0], "127.0.0.1", port), EALREADY);
    EXPECT_OK(accept(l, NULL, NULL));
    EXPECT_OK(accept(l, NULL, NULL));
    struct pollfd p = { s[0], POLLOUT, 0 };
    EXPECT_EQ(poll(&p, 1, 600000), 1);
    EXPECT_EQ(p.revents, POLLOUT);
}

TEST(tcp_a_connect_in_progress_neither_sends_nor_receives_yet)
{
    char c;
    int port, s;
    tcp_listener(0, &port);
    tcp_client(port);
    s = ASSERT_OK(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
    EXPECT_ERRNO(connect4(s, "127.0.0.1", port), EINPROGRESS);
    usleep(20000);
    EXPECT_ERRNO(send(s, "x", 1, MSG_NOSIGNAL), EAGAIN);
    EXPECT_ERRNO(recv(s, &c, 1, 0), EAGAIN);
    EXPECT_EQ(tcp_state("/proc/net/tcp", port_of(s), port), 2);
}

/* proves E14 */
TEST(tcp_connect_waits_no_longer_than_so_sndtimeo)
{
    struct timeval t = { 0, 100000 };
    int port, s;
    tcp_listener(0, &port);
    tcp_client(port);
    s = ASSERT_OK(socket(AF_INET, SOCK_STREAM, 0));
    EXPECT_OK(setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t));
    EXPECT_ERRNO(connect4(s, "127.0.0.1", port), EINPROGRESS);
    EXPECT_ERRNO(connect4(s, "127.0.0.1", port), EALREADY);
}

TEST(tcp_a_socket_may_connect_to_itself)
{
    char buf[4];
    int s = ASSERT_OK(socket(AF_INET, SOCK_STREAM, 0));
    ASSERT_OK(bind4(s, "127.0.0.1", 0));
    EXPECT_OK(connect4(s, "127.0.0.1", port_of(s)));
    EXPECT_EQ(write(s, "me", 2), 2);
    EXPECT_EQ(read(s, buf, 4), 2);
    EXPECT_MEMEQ(buf, "me", 2);
}

TEST(tcp_to_nowhere_is_to_here)
{
    int port, l = tcp_listener(1, &port), s = ASSERT_OK(socket(AF_INET, SOCK_STREAM, 0));
    struct sockaddr_in a;
    socklen_t n = sizeof a;
    EXPECT_OK(connect4(s, "0.0.0.0", port));
    EXPECT_OK(getpeername(s, (struct sockaddr *)&a, &n));
    EXPECT_EQ(a.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
    close(l);
}

TEST(tcp_to_many_is_to_nobody)
{
    int s = ASSERT_OK(socket(AF_INET, SOCK_STREAM, 0));
    EXPECT_ERRNO(connect4(s, "224.0.0.1", 80), ENETUNREACH);
    EXPECT_ERRNO(connect4(s, "255.255.255.255", 80), ENETUNREACH);
}

/* proves T13 */
TEST(tcp_no_pairs_of_ip)
{
    int s[2];
    EXPECT_ERRNO(socketpair(AF_INET, SOCK_STREAM, 0, s), EOPNOTSUPP);
    EXPECT_ERRNO(socketpair(AF_INET6, SOCK_STREAM, 0, s), EOPNOTSUPP);
}

TEST(tcp_sockets_there_are_not)
{
    EXPECT_ERRNO(socket(AF_INET, SOCK_STREAM, IPPROTO_UDP), EPROTONOSUPPORT);
    EXPECT_ERRNO(socket(AF_INET, SOCK_DGRAM, IPPROTO_TCP), EPROTONOSUPPORT);
    EXPECT_ERRNO(socket(AF_INET, SOCK_SEQPACKET, 0), ESOCKTNOSUPPORT);
    EXPECT_ERRNO(socket(AF_INET, SOCK_RAW, 0), EPROTONOSUPPORT);
    EXPECT_ERRNO(socket(AF_INET, SOCK_STREAM, -1), EINVAL);
    EXPECT_ERRNO(socket(AF_INET, SOCK_STREAM, 263), EINVAL);
    EXPECT_ERRNO(socket(AF_INET, 11, 0), EINVAL);
}

TEST(tcp_what_a_socket_is)
{
    int s = ASSERT_OK(socket(AF_INET6, SOCK_STREAM, 0));
    EXPECT_EQ(option(s, SOL_SOCKET, SO_TYPE), SOCK_STREAM);
    EXPECT_EQ(option(s, SOL_SOCKET, SO_DOMAIN), AF_INET6);
    EXPECT_EQ(option(s, SOL_SOCKET, SO_PROTOCOL), IPPROTO_TCP);
}
