/* UDP between programs of one machine (man 7 udp, man 7 ip). */
#include "nacre_test.h"
#include "inet_test.h"

/* proves D1 */
TEST(udp_carries_messages_with_their_senders)
{
    struct sockaddr_in a;
    socklen_t n = sizeof a;
    char buf[16];
    int r = udp4("127.0.0.1", 0), s = udp4("127.0.0.1", 0);
    EXPECT_EQ(send_to(s, "127.0.0.1", port_of(r), "one", 3), 3);
    EXPECT_EQ(send_to(s, "127.0.0.1", port_of(r), "three", 5), 5);
    EXPECT_EQ(recvfrom(r, buf, 16, 0, (struct sockaddr *)&a, &n), 3);
    EXPECT_EQ(n, 16);
    EXPECT_EQ(ntohs(a.sin_port), port_of(s));
    EXPECT_EQ(a.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
    EXPECT_EQ(recv(r, buf, 16, 0), 5);
    EXPECT_MEMEQ(buf, "three", 5);
    EXPECT_ERRNO(recv(r, buf, 16, MSG_DONTWAIT), EAGAIN);
}

TEST(udp_empty_messages_are_messages)
{
    char c;
    int r = udp4("127.0.0.1", 0), s = udp_any();
    EXPECT_EQ(send_to(s, "127.0.0.1", port_of(r), "", 0), 0);
    EXPECT_EQ(ready(r), POLLIN | POLLOUT);
    EXPECT_EQ(recv(r, &c, 1, 0), 0);
    EXPECT_EQ(ready(r), POLLOUT);
}

TEST(udp_a_short_buffer_cuts_a_message)
{
    char buf[8];
    struct iovec v = { buf, 2 };
    struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
    int r = udp4("127.0.0.1", 0), s = udp_any();
    for (int i = 0; i < 3; i++)
        EXPECT_EQ(send_to(s, "127.0.0.1", port_of(r), "abcdef", 6), 6);
    EXPECT_EQ(recv(r, buf, 4, 0), 4);
    EXPECT_EQ(recv(r, buf, 4, MSG_TRUNC), 6);
    EXPECT_EQ(recvmsg(r, &m, 0), 2);
    EXPECT_EQ(m.msg_flags, MSG_TRUNC);
}

/* proves E7 */
TEST(udp_65507_bytes_pass_and_one_more_does_not)
{
    static char big[70000], got[70000];
    int r = udp4("127.0.0.1", 0), s = udp_any();
    memset(big, 'x', sizeof big);
    EXPECT_EQ(send_to(s, "127.0.0.1", port_of(r), big, 65507), 65507);
    EXPECT_EQ(recv(r, got, sizeof got, 0), 65507);
    EXPECT_MEMEQ(got, big, 65507);
    EXPECT_ERRNO(send_to(s, "127.0.0.1", port_of(r), big, 65508), EMSGSIZE);
    EXPECT_ERRNO(send_to(s, "127.0.0.1", port_of(r), big, 66000), EMSGSIZE);
}

/* proves D9 */
TEST(udp_nobody_there_is_told_to_the_connected)
{
    char c;
    int r = udp4("127.0.0.1", 0), port = port_of(r), s = udp_any();
    close(r);
    EXPECT_OK(connect4(s, "127.0.0.1", port));
    EXPECT_EQ(send(s, "x", 1, 0), 1);
    EXPECT_TRUE(ready(s) & POLLERR);
    EXPECT_ERRNO(recv(s, &c, 1, 0), ECONNREFUSED);
    EXPECT_EQ(send(s, "x", 1, 0), 1);
    EXPECT_ERRNO(send(s, "x", 1, 0), ECONNREFUSED);
    EXPECT_EQ(send(s, "x", 1, 0), 1);
    EXPECT_EQ(option(s, SOL_SOCKET, SO_ERROR), ECONNREFUSED);
    EXPECT_EQ(option(s, SOL_SOCKET, SO_ERROR), 0);
}

TEST(udp_nobody_there_is_not_told_to_the_unconnected)
{
    char c;
    int r = udp4("127.0.0.1", 0), port = port_of(r), s = udp4("127.0.0.1", 0);
    close(r);
    EXPECT_EQ(send_to(s, "127.0.0.1", port, "x", 1), 1);
    EXPECT_EQ(send_to(s, "127.0.0.1", port, "x", 1), 1);
    EXPECT_ERRNO(recv(s, &c, 1, MSG_DONTWAIT), EAGAIN);
}

TEST(udp_the_connected_hears_its_peer_only)
{
    char buf[8];
    int a = udp4("127.0.0.1", 0), b = udp4("127.0.0.1", 0), c = udp4("127.0.0.1", 0);
    EXPECT_OK(connect4(a, "127.0.0.1", port_of(b)));
    EXPECT_EQ(send_to(c, "127.0.0.1", port_of(a), "no", 2), 2);
    EXPECT_EQ(send_to(b, "127.0.0.1", port_of(a), "yes", 3), 3);
    EXPECT_EQ(recv(a, buf, 8, 0), 3);
    EXPECT_ERRNO(recv(a, buf, 8, MSG_DONTWAIT), EAGAIN);
}

TEST(udp_connect_again_changes_the_peer_and_no_family_ends_it)
{
    struct sockaddr none = { AF_UNSPEC, { 0 } };
    struct sockaddr_in n;
    socklen_t len = sizeof n;
    int a = udp_any(), b = udp4("127.0.0.1", 0), c = udp4("127.0.0.1", 0);
    EXPECT_ERRNO(send(a, "x", 1, 0), EDESTADDRREQ);
    EXPECT_ERRNO(getpeername(a, (struct sockaddr *)&n, &len), ENOTCONN);
    EXPECT_OK(connect4(a, "127.0.0.1", port_of(b)));
    EXPECT_OK(connect4(a, "127.0.0.1", port_of(c)));
    EXPECT_OK(getpeername(a, (struct sockaddr *)&n, &len));
    EXPECT_EQ(ntohs(n.sin_port), port_of(c));
    EXPECT_OK(getsockname(a, (struct sockaddr *)&n, &len));
    EXPECT_EQ(n.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
    EXPECT_OK(connect(a, &none, sizeof none));
    EXPECT_OK(getsockname(a, (struct sockaddr *)&n, &len));
    EXPECT_EQ(n.sin_addr.s_addr, 0);
    EXPECT_EQ(n.sin_port, 0);
    EXPECT_ERRNO(send(a, "x", 1, 0), EDESTADDRREQ);
}

TEST(udp_the_connected_may_send_elsewhere)
{
    char buf[8];
    int a = udp_any(), b = udp4("127.0.0.1", 0), c = udp4("127.0.0.1", 0);
    EXPECT_OK(connect4(a, "127.0.0.1", port_of(b)));
    EXPECT_EQ(send_to(a, "127.0.0.1", port_of(c), "x", 1), 1);
    EXPECT_EQ(recv(c, buf, 8, 0), 1);
}

TEST(udp_addresses_that_are_none)
{
    struct sockaddr_in a = at4("127.0.0.1", 9);
    struct sockaddr_in6 b = at6("::1", 9);
    int s = udp_any();
    EXPECT_ERRNO(sendto(s, "x", 1, 0, (struct sockaddr *)&a, 15), EINVAL);
    EXPECT_ERRNO(sendto(s, "x", 1, 0, (struct sockaddr *)&b, sizeof b), EAFNOSUPPORT);
    a.sin_port = 0;
    EXPECT_ERRNO(sendto(s, "x", 1, 0, (struct sockaddr *)&a, sizeof a), EINVAL);
    EXPECT_ERRNO(sendto(s, NT_BAD, 1, 0, (struct sockaddr *)&(struct sockaddr_in){ AF_INET, htons(9), { htonl(INADDR_LOOPBACK) }, { 0 } }, 16), EFAULT);
    EXPECT_ERRNO(connect(s, (struct sockaddr *)&a, 15), EINVAL);
    EXPECT_ERRNO(connect(s, (struct sockaddr *)&b, sizeof b), EAFNOSUPPORT);
}

TEST(udp_no_streams_things)
{
    char c;
    int s = udp_any();
    EXPECT_ERRNO(listen(s, 1), EOPNOTSUPP);
    EXPECT_ERRNO(accept(s, NULL, NULL), EOPNOTSUPP);
    EXPECT_OK(connect4(s, "127.0.0.1", 9));
    EXPECT_ERRNO(send(s, "x", 1, MSG_OOB), EOPNOTSUPP);
    EXPECT_ERRNO(recv(s, &c, 1, MSG_DONTWAIT), EAGAIN);
}

TEST(udp_everybody_is_reached_with_leave_only)
{
    int s = udp_any();
    EXPECT_ERRNO(send_to(s, "127.255.255.255", 9, "x", 1), EACCES);
    EXPECT_ERRNO(connect4(s, "127.255.255.255", 9), EACCES);
    set_option(s, SOL_SOCKET, SO_BROADCAST, 1);
    EXPECT_EQ(send_to(s, "127.255.255.255", 9, "x", 1), 1);
}

/* proves E7 */
TEST(udp_a_broadcast_reaches_all_on_the_port)
{
    char buf[4];
    int a = udp_any(), b = udp_any(), s = udp_any(), port;
    set_option(a, SOL_SOCKET, SO_REUSEADDR, 1);
    set_option(b, SOL_SOCKET, SO_REUSEADDR, 1);
    ASSERT_OK(bind4(a, "0.0.0.0", 0));
    port = port_of(a);
    ASSERT_OK(bind4(b, "0.0.0.0", port));
    set_option(s, SOL_SOCKET, SO_BROADCAST, 1);
    EXPECT_EQ(send_to(s, "127.255.255.255", port, "hi", 2), 2);
    EXPECT_EQ(await(a, POLLIN), POLLIN);
    EXPECT_EQ(await(b, POLLIN), POLLIN);
    EXPECT_EQ(recv(a, buf, 4, MSG_DONTWAIT), 2);
    EXPECT_EQ(recv(b, buf, 4, MSG_DONTWAIT), 2);
}

/* proves D12 */
TEST(udp_ports_are_shared_if_both_want)
{
    int a = udp4("127.0.0.1", 0), b = udp_any(), port = port_of(a);
    EXPECT_ERRNO(bind4(b, "127.0.0.1", port), EADDRINUSE);
    EXPECT_ERRNO(bind4(b, "0.0.0.0", port), EADDRINUSE);
    set_option(b, SOL_SOCKET, SO_REUSEADDR, 1);
    EXPECT_ERRNO(bind4(b, "127.0.0.1", port), EADDRINUSE);
    set_option(a, SOL_SOCKET, SO_REUSEADDR, 1);
    EXPECT_OK(bind4(b, "127.0.0.1", port));
}

TEST(udp_the_closest_name_receives)
{
    char buf[4];
    int any = udp_any(), own, s = udp_any(), port;
    set_option(any, SOL_SOCKET, SO_REUSEADDR, 1);
    ASSERT_OK(bind4(any, "0.0.0.0", 0));
    port = port_of(any);
    own = udp_any();
    set_option(own, SOL_SOCKET, SO_REUSEADDR, 1);
    ASSERT_OK(bind4(own, "127.0.0.1", port));
    EXPECT_EQ(send_to(s, "127.0.0.1", port, "a", 1), 1);
    EXPECT_EQ(send_to(s, "127.0.0.2", port, "b", 1), 1);
    EXPECT_EQ(recv(own, buf, 4, 0), 1);
    EXPECT_EQ(buf[0], 'a');
    EXPECT_EQ(recv(any, buf, 4, 0), 1);
    EXPECT_EQ(buf[0], 'b');
}

TEST(udp_a_closed_port_is_free_at_once)
{
    int a = udp4("127.0.0.1", 0), port = port_of(a);
    close(a);
    EXPECT_OK(bind4(udp_any(), "127.0.0.1", port));
}

TEST(udp_peek_leaves_the_message)
{
    char buf[8];
    int r = udp4("127.0.0.1", 0), s = udp_any(), n = -1;
    EXPECT_EQ(send_to(s, "127.0.0.1", port_of(r), "abcd", 4), 4);
    EXPECT_EQ(recv(r, buf, 8, MSG_PEEK), 4);
    EXPECT_EQ(recv(r, buf, 1, MSG_PEEK | MSG_TRUNC), 4);
    EXPECT_OK(ioctl(r, FIONREAD, &n));
    EXPECT_EQ(n, 4);
    EXPECT_EQ(recv(r, buf, 8, 0), 4);
}

TEST(udp_more_makes_one_message_of_several)
{
    char buf[16];
    int r = udp4("127.0.0.1", 0), s = udp_any();
    EXPECT_OK(connect4(s, "127.0.0.1", port_of(r)));
    EXPECT_EQ(send(s, "ab", 2, MSG_MORE), 2);
    EXPECT_ERRNO(recv(r, buf, 16, MSG_DONTWAIT), EAGAIN);
    EXPECT_EQ(send(s, "cd", 2, 0), 2);
    EXPECT_EQ(recv(r, buf, 16, 0), 4);
    EXPECT_MEMEQ(buf, "abcd", 4);
    set_option(s, 17, 1, 1);
    EXPECT_EQ(send(s, "ef", 2, 0), 2);
    EXPECT_EQ(send(s, "gh", 2, 0), 2);
    EXPECT_ERRNO(recv(r, buf, 16, MSG_DONTWAIT), EAGAIN);
    set_option(s, 17, 1, 0);
    EXPECT_EQ(recv(r, buf, 16, 0), 4);
}

TEST(udp_a_full_queue_loses_and_the_sender_goes_on)
{
    static char block[1000];
    int r = udp4("127.0.0.1", 0), s = udp_any(), got = 0;
    set_option(r, SOL_SOCKET, SO_RCVBUF, 8192);
    for (int i = 0; i < 200; i++)
        EXPECT_EQ(send_to(s, "127.0.0.1", port_of(r), block, sizeof block), sizeof block);
    while (recv(r, block, sizeof block, MSG_DONTWAIT) > 0)
        got++;
    EXPECT_TRUE(got >= 4 && got < 40);
}

TEST(udp_shutdown_wakes_a_receiver_and_ends_sending)
{
    char c;
    int s = udp_any(), status;
    pid_t child;
    EXPECT_ERRNO(shutdown(s, SHUT_RDWR), ENOTCONN);
    s = udp_any();
    EXPECT_OK(connect4(s, "127.0.0.1", 9));
    child = nt_fork();
    if (child == 0) {
        usleep(30000);
        shutdown(s, SHUT_RD);
        _exit(0);
    }
    EXPECT_EQ(recv(s, &c, 1, 0), 0);
    waitpid(child, &status, 0);
    EXPECT_OK(shutdown(s, SHUT_WR));
    EXPECT_ERRNO(send(s, "x", 1, 0), EPIPE);
    EXPECT_EQ(ready(s), POLLIN | POLLOUT | POLLRDHUP | POLLHUP);
}

TEST(udp_sendmmsg_and_recvmmsg_move_several)
{
    char a[4], b[4];
    struct sockaddr_in to;
    struct iovec out[2] = { { "1", 1 }, { "22", 2 } }, in[2] = { { a, 4 }, { b, 4 } };
    struct mmsghdr o[2] = { { { .msg_name = &to, .msg_namelen = sizeof to, .msg_iov = &out[0], .msg_iovlen = 1 }, 0 }, { { .msg_name = &to, .msg_namelen = sizeof to, .msg_iov = &out[1], .msg_iovlen = 1 }, 0 } };
    struct mmsghdr i[2] = { { { .msg_iov = &in[0], .msg_iovlen = 1 }, 0 }, { { .msg_iov = &in[1], .msg_iovlen = 1 }, 0 } };
    int r = udp4("127.0.0.1", 0), s = udp_any();
    to = at4("127.0.0.1", port_of(r));
    EXPECT_EQ(sendmmsg(s, o, 2, 0), 2);
    EXPECT_EQ(o[1].msg_len, 2);
    EXPECT_EQ(recvmmsg(r, i, 2, 0, NULL), 2);
    EXPECT_EQ(i[0].msg_len, 1);
    EXPECT_EQ(i[1].msg_len, 2);
}

/* proves E8 */
TEST(udp_groups_are_joined_and_left)
{
    char buf[4];
    struct ip_mreq q = { { inet_addr("239.1.2.3") }, { htonl(INADDR_LOOPBACK) } };
    struct in_addr lo = { htonl(INADDR_LOOPBACK) };
    int r = udp4("0.0.0.0", 0), s = udp_any();
    set_option(r, SOL_IP, IP_MULTICAST_ALL, 0);
    EXPECT_OK(setsockopt(s, SOL_IP, IP_MULTICAST_IF, &lo, sizeof lo));
    EXPECT_EQ(send_to(s, "239.1.2.3", port_of(r), "0", 1), 1);
    EXPECT_ERRNO(recv(r, buf, 4, MSG_DONTWAIT), EAGAIN);
    EXPECT_OK(setsockopt(r, SOL_IP, IP_ADD_MEMBERSHIP, &q, sizeof q));
    EXPECT_ERRNO(setsockopt(r, SOL_IP, IP_ADD_MEMBERSHIP, &q, sizeof q), EADDRINUSE);
    EXPECT_EQ(send_to(s, "239.1.2.3", port_of(r), "1", 1), 1);
    EXPECT_EQ(await(r, POLLIN), POLLIN);
    EXPECT_EQ(recv(r, buf, 4, 0), 1);
    EXPECT_OK(setsockopt(r, SOL_IP, IP_DROP_MEMBERSHIP, &q, sizeof q));
    EXPECT_ERRNO(setsockopt(r, SOL_IP, IP_DROP_MEMBERSHIP, &q, sizeof q), EADDRNOTAVAIL);
    q.imr_multiaddr.s_addr = inet_addr("10.0.0.1");
    EXPECT_ERRNO(setsockopt(r, SOL_IP, IP_ADD_MEMBERSHIP, &q, sizeof q), EINVAL);
}

TEST(udp_multicast_options_have_their_values)
{
    int s = udp_any();
    EXPECT_EQ(option(s, SOL_IP, IP_MULTICAST_TTL), 1);
    EXPECT_EQ(option(s, SOL_IP, IP_MULTICAST_LOOP), 1);
    set_option(s, SOL_IP, IP_MULTICAST_TTL, 5);
    EXPECT_EQ(option(s, SOL_IP, IP_MULTICAST_TTL), 5);
    EXPECT_ERRNO(try_option(s, SOL_IP, IP_MULTICAST_TTL, 256), EINVAL);
    set_option(s, SOL_IP, IP_MULTICAST_LOOP, 0);
    EXPECT_EQ(option(s, SOL_IP, IP_MULTICAST_LOOP), 0);
}

TEST(udp_a_row_in_proc_net_udp)
{
    char line[256], want[64];
    int s = udp4("127.0.0.1", 0), found = 0;
    FILE *f = fopen("/proc/net/udp", "r");
    ASSERT_TRUE(f);
    snprintf(want, sizeof want, " 0100007F:%04X 00000000:0000 07 ", port_of(s));
    while (fgets(line, sizeof line, f)) {
        EXPECT_EQ(strlen(line), 128);
        found += !!strstr(line, want);
    }
    EXPECT_EQ(found, 1);
}

/* proves D14 */
TEST(udp6_carries_messages)
{
    struct sockaddr_in6 a, to;
    socklen_t n = sizeof a;
    char buf[8];
    int r = ASSERT_OK(socket(AF_INET6, SOCK_DGRAM, 0)), s = ASSERT_OK(socket(AF_INET6, SOCK_DGRAM, 0));
    ASSERT_OK(bind6(r, "::1", 0));
    to = at6("::1", port_of(r));
    EXPECT_EQ(sendto(s, "six", 3, 0, (struct sockaddr *)&to, sizeof to), 3);
    EXPECT_EQ(recvfrom(r, buf, 8, 0, (struct sockaddr *)&a, &n), 3);
    EXPECT_EQ(n, 28);
    EXPECT_TRUE(IN6_IS_ADDR_LOOPBACK(&a.sin6_addr));
    EXPECT_EQ(ntohs(a.sin6_port), port_of(s));
}

/* proves T17 for UDP */
TEST(udp6_any_takes_ipv4_mapped)
{
    struct sockaddr_in6 a;
    socklen_t n = sizeof a;
    char buf[8];
    int r = ASSERT_OK(socket(AF_INET6, SOCK_DGRAM, 0)), s = udp4("127.0.0.1", 0);
    ASSERT_OK(bind6(r, "::", 0));
    EXPECT_EQ(send_to(s, "127.0.0.1", port_of(r), "four", 4), 4);
    EXPECT_EQ(recvfrom(r, buf, 8, 0, (struct sockaddr *)&a, &n), 4);
    EXPECT_TRUE(IN6_IS_ADDR_V4MAPPED(&a.sin6_addr));
    EXPECT_EQ(sendto(r, "back", 4, 0, (struct sockaddr *)&a, n), 4);
    EXPECT_EQ(recv(s, buf, 8, 0), 4);
}

TEST(udp6_v6only_leaves_ipv4_alone)
{
    int r = ASSERT_OK(socket(AF_INET6, SOCK_DGRAM, 0)), s = udp_any(), port;
    struct sockaddr_in6 to;
    set_option(r, SOL_IPV6, IPV6_V6ONLY, 1);
    ASSERT_OK(bind6(r, "::", 0));
    port = port_of(r);
    EXPECT_ERRNO(try_option(r, SOL_IPV6, IPV6_V6ONLY, 0), EINVAL);
    EXPECT_OK(bind4(s, "0.0.0.0", port));
    to = at6("::ffff:127.0.0.1", port);
    EXPECT_ERRNO(sendto(r, "x", 1, 0, (struct sockaddr *)&to, sizeof to), ENETUNREACH);
}

TEST(udp_a_port_for_a_connection_is_free_when_that_is_over)
{
    struct sockaddr none = { .sa_family = AF_UNSPEC };
    int s = ASSERT_OK(socket(AF_INET, SOCK_DGRAM, 0)), other = ASSERT_OK(socket(AF_INET, SOCK_DGRAM, 0));
    ASSERT_OK(connect4(s, "127.0.0.1", 9));
    int port = port_of(s);
    EXPECT_ERRNO(bind4(other, "127.0.0.1", port), EADDRINUSE);
    ASSERT_OK(connect(s, &none, sizeof none));
    EXPECT_EQ(port_of(s), 0);
    EXPECT_OK(bind4(other, "127.0.0.1", port));
}

TEST(udp_what_is_for_ipv6_only_hears_nothing_of_ipv4)
{
    char c;
    int six = ASSERT_OK(socket(AF_INET6, SOCK_DGRAM, 0)), four = ASSERT_OK(socket(AF_INET, SOCK_DGRAM, 0));
    set_option(six, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    ASSERT_OK(bind6(six, "::", 0));
    ASSERT_OK(connect4(four, "127.0.0.1", port_of(six)));
    EXPECT_EQ(send(four, "x", 1, 0), 1);
    EXPECT_TRUE(await(four, POLLIN) & POLLERR);
    EXPECT_ERRNO(recv(four, &c, 1, MSG_DONTWAIT), ECONNREFUSED);
    EXPECT_ERRNO(recv(six, &c, 1, MSG_DONTWAIT), EAGAIN);
}

TEST(a_privileged_port_is_refused_before_a_strange_ipv6_address)
{
    be_nobody();
    EXPECT_ERRNO(bind6(ASSERT_OK(socket(AF_INET6, SOCK_DGRAM, 0)), "2001:db8::1", 80), EACCES);
    EXPECT_ERRNO(bind4(udp_any(), "192.0.2.1", 80), EADDRNOTAVAIL);
}
