/* Options of SOL_SOCKET, IP, IPv6 and TCP (man 7 socket, man 7 ip, man 7 ipv6, man 7 tcp). */
#include "nacre_test.h"
#include "inet_test.h"

static int tcp(void)
{
    return ASSERT_OK(socket(AF_INET, SOCK_STREAM, 0));
}

static int tcp6(void)
{
    return ASSERT_OK(socket(AF_INET6, SOCK_STREAM, 0));
}

static int udp(void)
{
    return ASSERT_OK(socket(AF_INET, SOCK_DGRAM, 0));
}

/* proves B12 */
TEST(options_on_and_off)
{
    int names[] = { SO_REUSEADDR, SO_KEEPALIVE, SO_BROADCAST, SO_DONTROUTE, SO_OOBINLINE, SO_REUSEPORT };
    int s = tcp();
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        EXPECT_EQ(option(s, SOL_SOCKET, names[i]), 0);
        set_option(s, SOL_SOCKET, names[i], 7);
        EXPECT_EQ(option(s, SOL_SOCKET, names[i]), 1);
        set_option(s, SOL_SOCKET, names[i], 0);
        EXPECT_EQ(option(s, SOL_SOCKET, names[i]), 0);
    }
}

TEST(options_buffers_are_doubled)
{
    int s = udp();
    set_option(s, SOL_SOCKET, SO_SNDBUF, 10000);
    EXPECT_EQ(option(s, SOL_SOCKET, SO_SNDBUF), 20000);
    set_option(s, SOL_SOCKET, SO_RCVBUF, 30000);
    EXPECT_EQ(option(s, SOL_SOCKET, SO_RCVBUF), 60000);
    EXPECT_EQ(option(udp(), SOL_SOCKET, SO_RCVBUF), 212992);
}

TEST(options_buffers_of_tcp_begin_small)
{
    int s = tcp();
    EXPECT_EQ(option(s, SOL_SOCKET, SO_SNDBUF), 16384);
    EXPECT_EQ(option(s, SOL_SOCKET, SO_RCVBUF), 131072);
}

TEST(options_linger)
{
    struct linger l = { 1, 5 }, got = { -1, -1 };
    socklen_t n = sizeof got;
    int s = tcp();
    EXPECT_OK(setsockopt(s, SOL_SOCKET, SO_LINGER, &l, sizeof l));
    EXPECT_OK(getsockopt(s, SOL_SOCKET, SO_LINGER, &got, &n));
    EXPECT_EQ(got.l_onoff, 1);
    EXPECT_EQ(got.l_linger, 5);
    EXPECT_ERRNO(setsockopt(s, SOL_SOCKET, SO_LINGER, &l, 4), EINVAL);
}

/* proves T13 */
TEST(options_there_are_not)
{
    int s = tcp(), v = 0;
    socklen_t n = sizeof v;
    EXPECT_ERRNO(try_option(s, SOL_SOCKET, 9999, 1), ENOPROTOOPT);
    EXPECT_ERRNO(getsockopt(s, SOL_SOCKET, 9999, &v, &n), ENOPROTOOPT);
    EXPECT_ERRNO(try_option(s, IPPROTO_TCP, 9999, 1), ENOPROTOOPT);
    EXPECT_ERRNO(getsockopt(s, IPPROTO_TCP, 9999, &v, &n), ENOPROTOOPT);
    EXPECT_ERRNO(try_option(s, SOL_IP, 9999, 1), ENOPROTOOPT);
    EXPECT_ERRNO(try_option(s, 9999, 1, 1), ENOPROTOOPT);
    EXPECT_ERRNO(try_option(udp(), IPPROTO_TCP, TCP_NODELAY, 1), ENOPROTOOPT);
    EXPECT_ERRNO(try_option(s, SOL_IPV6, IPV6_V6ONLY, 1), ENOPROTOOPT);
}

TEST(options_too_short_or_nowhere)
{
    int s = tcp(), v = 1;
    socklen_t n = 2;
    EXPECT_ERRNO(setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &v, 3), EINVAL);
    EXPECT_ERRNO(setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &v, 3), EINVAL);
    EXPECT_ERRNO(setsockopt(s, IPPROTO_TCP, TCP_NODELAY, NT_BAD, 4), EFAULT);
    EXPECT_ERRNO(getsockopt(s, IPPROTO_TCP, TCP_NODELAY, NT_BAD, &n), EFAULT);
    EXPECT_OK(getsockopt(s, IPPROTO_TCP, TCP_NODELAY, &v, &n));
    EXPECT_EQ(n, 2);
}

/* proves B12 */
TEST(tcp_options_have_linux_defaults)
{
    int s = tcp();
    EXPECT_EQ(option(s, IPPROTO_TCP, TCP_NODELAY), 0);
    EXPECT_EQ(option(s, IPPROTO_TCP, TCP_MAXSEG), 536);
    EXPECT_EQ(option(s, IPPROTO_TCP, TCP_CORK), 0);
    EXPECT_EQ(option(s, IPPROTO_TCP, TCP_KEEPIDLE), 7200);
    EXPECT_EQ(option(s, IPPROTO_TCP, TCP_KEEPINTVL), 75);
    EXPECT_EQ(option(s, IPPROTO_TCP, TCP_KEEPCNT), 9);
    EXPECT_EQ(option(s, IPPROTO_TCP, TCP_SYNCNT), 6);
    EXPECT_EQ(option(s, IPPROTO_TCP, TCP_LINGER2), 60);
    EXPECT_EQ(option(s, IPPROTO_TCP, TCP_DEFER_ACCEPT), 0);
    EXPECT_EQ(option(s, IPPROTO_TCP, TCP_USER_TIMEOUT), 0);
    EXPECT_EQ(option(s, IPPROTO_TCP, TCP_QUICKACK), 1);
}

TEST(tcp_options_keep_what_they_are_given)
{
    int names[] = { TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT, TCP_SYNCNT };
    int s = tcp();
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        set_option(s, IPPROTO_TCP, names[i], 12);
        EXPECT_EQ(option(s, IPPROTO_TCP, names[i]), 12);
        EXPECT_ERRNO(try_option(s, IPPROTO_TCP, names[i], 0), EINVAL);
        EXPECT_ERRNO(try_option(s, IPPROTO_TCP, names[i], 40000), EINVAL);
    }
    set_option(s, IPPROTO_TCP, TCP_USER_TIMEOUT, 1500);
    EXPECT_EQ(option(s, IPPROTO_TCP, TCP_USER_TIMEOUT), 1500);
    EXPECT_ERRNO(try_option(s, IPPROTO_TCP, TCP_USER_TIMEOUT, -1), EINVAL);
    set_option(s, IPPROTO_TCP, TCP_NODELAY, 1);
    EXPECT_EQ(option(s, IPPROTO_TCP, TCP_NODELAY), 1);
}

TEST(tcp_maxseg_has_bounds)
{
    int s = tcp();
    EXPECT_ERRNO(try_option(s, IPPROTO_TCP, TCP_MAXSEG, 87), EINVAL);
    EXPECT_ERRNO(try_option(s, IPPROTO_TCP, TCP_MAXSEG, 32768), EINVAL);
    set_option(s, IPPROTO_TCP, TCP_MAXSEG, 1000);
}

TEST(tcp_defer_accept_is_told_in_whole_retries)
{
    int s = tcp();
    set_option(s, IPPROTO_TCP, TCP_DEFER_ACCEPT, 5);
    EXPECT_EQ(option(s, IPPROTO_TCP, TCP_DEFER_ACCEPT), 7);
    set_option(s, IPPROTO_TCP, TCP_DEFER_ACCEPT, 1);
    EXPECT_EQ(option(s, IPPROTO_TCP, TCP_DEFER_ACCEPT), 1);
}

TEST(tcp_congestion_reno_can_be_chosen_and_nonsense_not)
{
    char name[16];
    socklen_t n = sizeof name;
    int s = tcp();
    EXPECT_OK(setsockopt(s, IPPROTO_TCP, TCP_CONGESTION, "reno", 4));
    EXPECT_OK(getsockopt(s, IPPROTO_TCP, TCP_CONGESTION, name, &n));
    EXPECT_STREQ(name, "reno");
    EXPECT_ERRNO(setsockopt(s, IPPROTO_TCP, TCP_CONGESTION, "nonsense", 8), ENOENT);
}

/* proves TCP_INFO */
TEST(tcp_info_tells_the_state)
{
    struct tcp_info i;
    socklen_t n = sizeof i;
    int s[2], port, l = tcp_listener(3, &port);
    EXPECT_OK(getsockopt(l, IPPROTO_TCP, TCP_INFO, &i, &n));
    EXPECT_EQ(i.tcpi_state, 10);
    EXPECT_EQ(i.tcpi_sacked, 3);
    tcp_pair(s);
    n = sizeof i;
    EXPECT_OK(getsockopt(s[0], IPPROTO_TCP, TCP_INFO, &i, &n));
    EXPECT_EQ(i.tcpi_state, 1);
    shutdown(s[0], SHUT_WR);
    in_state(port_of(s[0]), port_of(s[1]), 5);
    in_state(port_of(s[1]), port_of(s[0]), 8);
    EXPECT_OK(getsockopt(s[0], IPPROTO_TCP, TCP_INFO, &i, &n));
    EXPECT_EQ(i.tcpi_state, 5);
    EXPECT_OK(getsockopt(s[1], IPPROTO_TCP, TCP_INFO, &i, &n));
    EXPECT_EQ(i.tcpi_state, 8);
    n = 1;
    EXPECT_OK(getsockopt(s[1], IPPROTO_TCP, TCP_INFO, &i, &n));
    EXPECT_EQ(n, 1);
}

/* proves D14 */
TEST(ip_tos_ttl_and_priority)
{
    int s = udp();
    EXPECT_EQ(option(s, SOL_IP, IP_TTL), 64);
    EXPECT_EQ(option(s, SOL_IP, IP_TOS), 0);
    set_option(s, SOL_IP, IP_TTL, 3);
    EXPECT_EQ(option(s, SOL_IP, IP_TTL), 3);
    EXPECT_ERRNO(try_option(s, SOL_IP, IP_TTL, 0), EINVAL);
    EXPECT_ERRNO(try_option(s, SOL_IP, IP_TTL, 256), EINVAL);
    set_option(s, SOL_IP, IP_TTL, -1);
    EXPECT_EQ(option(s, SOL_IP, IP_TTL), 64);
    set_option(s, SOL_IP, IP_TOS, 0x10);
    EXPECT_EQ(option(s, SOL_IP, IP_TOS), 0x10);
    set_option(s, SOL_SOCKET, SO_PRIORITY, 4);
    EXPECT_EQ(option(s, SOL_SOCKET, SO_PRIORITY), 4);
}

TEST(ip_options_take_a_byte)
{
    unsigned char v = 9;
    socklen_t n = 1;
    int s = udp();
    EXPECT_OK(setsockopt(s, SOL_IP, IP_TTL, &v, 1));
    v = 0;
    EXPECT_OK(getsockopt(s, SOL_IP, IP_TTL, &v, &n));
    EXPECT_EQ(v, 9);
    EXPECT_EQ(n, 1);
}

TEST(ipv6_options)
{
    int s = tcp6();
    EXPECT_EQ(option(s, SOL_IPV6, IPV6_V6ONLY), 0);
    EXPECT_EQ(option(s, SOL_IPV6, IPV6_UNICAST_HOPS), 64);
    set_option(s, SOL_IPV6, IPV6_UNICAST_HOPS, 5);
    EXPECT_EQ(option(s, SOL_IPV6, IPV6_UNICAST_HOPS), 5);
    EXPECT_ERRNO(try_option(s, SOL_IPV6, IPV6_UNICAST_HOPS, 256), EINVAL);
    set_option(s, SOL_IPV6, IPV6_TCLASS, 8);
    EXPECT_EQ(option(s, SOL_IPV6, IPV6_TCLASS), 8);
    set_option(s, SOL_IPV6, IPV6_V6ONLY, 1);
    EXPECT_EQ(option(s, SOL_IPV6, IPV6_V6ONLY), 1);
}

/* proves E14 */
TEST(mtu_is_of_the_way_to_a_peer)
{
    int s = udp(), s6 = ASSERT_OK(socket(AF_INET6, SOCK_DGRAM, 0)), value;
    socklen_t n = sizeof value;
    EXPECT_ERRNO(getsockopt(s, IPPROTO_IP, IP_MTU, &value, &n), ENOTCONN);
    EXPECT_ERRNO(getsockopt(s6, IPPROTO_IPV6, IPV6_MTU, &value, &n), ENOTCONN);
    EXPECT_ERRNO(getsockopt(tcp(), IPPROTO_IP, IP_MTU, &value, &n), ENOTCONN);
    EXPECT_ERRNO(setsockopt(s, IPPROTO_IP, IP_MTU, &value, n), ENOPROTOOPT);
    ASSERT_OK(connect4(s, "127.0.0.1", 9));
    EXPECT_EQ(option(s, IPPROTO_IP, IP_MTU), 65535);
    ASSERT_OK(connect6(s6, "::1", 9));
    EXPECT_EQ(option(s6, IPPROTO_IPV6, IPV6_MTU), 65536);
    int pair[2];
    tcp_pair(pair);
    EXPECT_EQ(option(pair[0], IPPROTO_IP, IP_MTU), 65535);
    EXPECT_EQ(option(pair[1], IPPROTO_IP, IP_MTU), 65535);
}

TEST(options_of_levels_that_are_not_the_sockets)
{
    int value = 1;
    socklen_t n = sizeof value;
    static const int levels[] = { IPPROTO_SCTP, 999, IPPROTO_RAW, 270 };
    int s6 = ASSERT_OK(socket(AF_INET6, SOCK_DGRAM, 0));
    for (unsigned i = 0; i < sizeof levels / sizeof *levels; i++) {
        /* Reading and setting differ, and IPv6 from IPv4. */
        EXPECT_ERRNO(getsockopt(udp(), levels[i], 1, &value, &n), EOPNOTSUPP);
        EXPECT_ERRNO(getsockopt(tcp(), levels[i], 1, &value, &n), EOPNOTSUPP);
        EXPECT_ERRNO(setsockopt(tcp(), levels[i], 1, &value, n), ENOPROTOOPT);
        EXPECT_ERRNO(getsockopt(s6, levels[i], 1, &value, &n), ENOPROTOOPT);
        EXPECT_ERRNO(getsockopt(tcp6(), levels[i], 1, &value, &n), ENOPROTOOPT);
    }
    EXPECT_ERRNO(getsockopt(tcp(), IPPROTO_IPV6, IPV6_V6ONLY, &value, &n), EOPNOTSUPP);
    EXPECT_ERRNO(setsockopt(tcp(), IPPROTO_IPV6, IPV6_V6ONLY, &value, n), ENOPROTOOPT);
    /* UDP looks at the value before the name, IP at the name before the value. */
    EXPECT_ERRNO(setsockopt(udp(), IPPROTO_UDP, 77, &value, 1), EINVAL);
    EXPECT_ERRNO(setsockopt(udp(), IPPROTO_UDP, 77, &value, 4), ENOPROTOOPT);
    EXPECT_ERRNO(setsockopt(udp(), IPPROTO_IP, 77, &value, 0), ENOPROTOOPT);
    EXPECT_ERRNO(setsockopt(s6, IPPROTO_IPV6, 12, &value, 1), ENOPROTOOPT);
}

TEST(options_of_groups_are_not_a_streams)
{
    struct ip_mreq group = { .imr_multiaddr.s_addr = htonl(0xe0000105) };
    struct ipv6_mreq group6 = { 0 };
    int one = 1;
    EXPECT_ERRNO(setsockopt(tcp(), IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof group), EPROTO);
    EXPECT_ERRNO(setsockopt(tcp(), IPPROTO_IP, IP_DROP_MEMBERSHIP, &group, 0), EPROTO);
    EXPECT_ERRNO(setsockopt(tcp6(), IPPROTO_IPV6, IPV6_JOIN_GROUP, &group6, sizeof group6), EPROTO);
    EXPECT_ERRNO(setsockopt(tcp(), IPPROTO_IP, IP_MULTICAST_TTL, &one, sizeof one), EINVAL);
    EXPECT_ERRNO(setsockopt(tcp6(), IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &one, sizeof one), ENOPROTOOPT);
    EXPECT_ERRNO(setsockopt(tcp(), IPPROTO_IP, IP_HDRINCL, &one, sizeof one), ENOPROTOOPT);
}

TEST(ip_options_of_odd_values)
{
    int value = -1, s = udp(), t = tcp();
    EXPECT_ERRNO(setsockopt(s, IPPROTO_IP, IP_MULTICAST_ALL, &value, 4), EINVAL);
    EXPECT_ERRNO(setsockopt(s, IPPROTO_IP, IP_MULTICAST_LOOP, &value, 0), EINVAL);
    EXPECT_ERRNO(setsockopt(s, IPPROTO_IP, IP_FREEBIND, &value, 0), EINVAL);
    EXPECT_OK(setsockopt(s, IPPROTO_IP, IP_TOS, &value, 0));
    EXPECT_EQ(option(s, IPPROTO_IP, IP_TOS), 0);
    set_option(s, IPPROTO_IP, IP_TRANSPARENT, 1);
    EXPECT_EQ(option(s, IPPROTO_IP, IP_TRANSPARENT), 1);
    EXPECT_EQ(option(s, IPPROTO_IP, IP_FREEBIND), 0);
    /* The bits of congestion are TCP's own. */
    set_option(t, IPPROTO_IP, IP_TOS, 0xff);
    EXPECT_EQ(option(t, IPPROTO_IP, IP_TOS), 0xfc);
    int t6 = tcp6();
    set_option(t6, IPPROTO_IPV6, IPV6_TCLASS, 1);
    EXPECT_EQ(option(t6, IPPROTO_IPV6, IPV6_TCLASS), 0);
}

TEST(so_bindtodevice_names_an_interface)
{
    char name[16];
    socklen_t n = sizeof name;
    int s = udp();
    EXPECT_OK(getsockopt(s, SOL_SOCKET, SO_BINDTODEVICE, name, &n));
    EXPECT_EQ(n, 0);
    EXPECT_OK(setsockopt(s, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3));
    n = sizeof name;
    EXPECT_OK(getsockopt(s, SOL_SOCKET, SO_BINDTODEVICE, name, &n));
    EXPECT_EQ(n, 3);
    EXPECT_STREQ(name, "lo");
    EXPECT_ERRNO(setsockopt(s, SOL_SOCKET, SO_BINDTODEVICE, "none0", 6), ENODEV);
    EXPECT_OK(setsockopt(s, SOL_SOCKET, SO_BINDTODEVICE, "", 0));
}

/* proves T17 */
TEST(tcp6_any_takes_ipv4_too)
{
    struct sockaddr_in6 a;
    socklen_t n = sizeof a;
    int l = tcp6(), c = tcp(), s;
    ASSERT_OK(bind6(l, "::", 0));
    ASSERT_OK(listen(l, 1));
    EXPECT_OK(connect4(c, "127.0.0.1", port_of(l)));
    s = ASSERT_OK(accept(l, (struct sockaddr *)&a, &n));
    EXPECT_EQ(n, 28);
    EXPECT_TRUE(IN6_IS_ADDR_V4MAPPED(&a.sin6_addr));
    EXPECT_OK(getsockname(s, (struct sockaddr *)&a, &n));
    EXPECT_TRUE(IN6_IS_ADDR_V4MAPPED(&a.sin6_addr));
}

TEST(tcp6_v6only_leaves_ipv4_alone)
{
    int l = tcp6(), port, m = tcp();
    set_option(l, SOL_IPV6, IPV6_V6ONLY, 1);
    ASSERT_OK(bind6(l, "::", 0));
    ASSERT_OK(listen(l, 1));
    port = port_of(l);
    EXPECT_ERRNO(connect4(tcp(), "127.0.0.1", port), ECONNREFUSED);
    EXPECT_OK(bind4(m, "0.0.0.0", port));
    EXPECT_ERRNO(connect6(l, "::ffff:127.0.0.1", port), EISCONN);
    EXPECT_ERRNO(try_option(l, SOL_IPV6, IPV6_V6ONLY, 0), EINVAL);
}

TEST(tcp6_carries_bytes)
{
    char buf[4];
    int l = tcp6(), c = tcp6(), s;
    ASSERT_OK(bind6(l, "::1", 0));
    ASSERT_OK(listen(l, 1));
    EXPECT_OK(connect6(c, "::1", port_of(l)));
    s = ASSERT_OK(accept(l, NULL, NULL));
    EXPECT_EQ(write(c, "six", 3), 3);
    EXPECT_EQ(read(s, buf, 4), 3);
    EXPECT_EQ(tcp_state("/proc/net/tcp6", port_of(c), port_of(l)), 1);
}

TEST(tcp6_any_conflicts_with_ipv4)
{
    int l = tcp6(), m = tcp();
    ASSERT_OK(bind6(l, "::", 0));
    EXPECT_ERRNO(bind4(m, "0.0.0.0", port_of(l)), EADDRINUSE);
    EXPECT_ERRNO(bind4(m, "127.0.0.1", port_of(l)), EADDRINUSE);
}

/* proves D12 */
TEST(tcp_a_port_in_time_wait_wants_reuse)
{
    int port, l = tcp_listener(1, &port), c = tcp_client(port), s = ASSERT_OK(accept(l, NULL, NULL)), n;
    char b;
    close(l);
    close(s);
    EXPECT_EQ(read(c, &b, 1), 0);
    close(c);
    in_state(port, 0, 6);
    n = tcp();
    EXPECT_ERRNO(bind4(n, "127.0.0.1", port), EADDRINUSE);
    set_option(n, SOL_SOCKET, SO_REUSEADDR, 1);
    EXPECT_ERRNO(bind4(n, "127.0.0.1", port), EADDRINUSE);
}

TEST(tcp_reuseaddr_servers_start_again)
{
    int l = tcp(), port, c, s, n;
    char b;
    set_option(l, SOL_SOCKET, SO_REUSEADDR, 1);
    ASSERT_OK(bind4(l, "127.0.0.1", 0));
    ASSERT_OK(listen(l, 1));
    port = port_of(l);
    c = tcp_client(port);
    s = ASSERT_OK(accept(l, NULL, NULL));
    close(l);
    close(s);
    EXPECT_EQ(read(c, &b, 1), 0);
    close(c);
    n = tcp();
    set_option(n, SOL_SOCKET, SO_REUSEADDR, 1);
    EXPECT_OK(bind4(n, "127.0.0.1", port));
    EXPECT_OK(listen(n, 1));
}

TEST(tcp_reuseport_shares_a_port)
{
    int a = tcp(), b = tcp(), port;
    set_option(a, SOL_SOCKET, SO_REUSEPORT, 1);
    set_option(b, SOL_SOCKET, SO_REUSEPORT, 1);
    ASSERT_OK(bind4(a, "127.0.0.1", 0));
    port = port_of(a);
    EXPECT_OK(bind4(b, "127.0.0.1", port));
    EXPECT_OK(listen(a, 8));
    EXPECT_OK(listen(b, 8));
    EXPECT_ERRNO(bind4(tcp(), "127.0.0.1", port), EADDRINUSE);
}

TEST(tcp_two_reuseaddr_listeners_are_one_too_many)
{
    int a = tcp(), b = tcp();
    set_option(a, SOL_SOCKET, SO_REUSEADDR, 1);
    set_option(b, SOL_SOCKET, SO_REUSEADDR, 1);
    ASSERT_OK(bind4(a, "127.0.0.1", 0));
    EXPECT_OK(bind4(b, "127.0.0.1", port_of(a)));
    EXPECT_OK(listen(a, 1));
    EXPECT_ERRNO(listen(b, 1), EADDRINUSE);
}

/* proves D8 for those of one machine */
TEST(tcp_states_are_shown)
{
    int s[2], port, l = tcp_listener(1, &port), c = tcp_client(port), a = ASSERT_OK(accept(l, NULL, NULL)), own = port_of(c);
    EXPECT_EQ(tcp_state("/proc/net/tcp", port, own), 1);
    EXPECT_OK(shutdown(c, SHUT_WR));
    in_state(own, port, 5);
    in_state(port, own, 8);
    close(a);
    in_state(own, port, 6);
    in_state(port, own, -1);
    close(c);
    tcp_pair(s);
    own = port_of(s[0]);
    close(s[0]);
    in_state(own, 0, 5);
}

TEST(tcp_rows_of_proc_net_tcp_have_one_length)
{
    char line[512];
    int s[2], port;
    FILE *f;
    tcp_listener(1, &port);
    tcp_pair(s);
    f = fopen("/proc/net/tcp", "r");
    ASSERT_TRUE(f);
    while (fgets(line, sizeof line, f))
        EXPECT_EQ(strlen(line), 150);
    EXPECT_EQ(tcp_state("/proc/net/tcp", port, 0), 10);
}

/* proves E3 */
TEST(tcp_ports_in_use_are_stepped_over)
{
    int first = tcp(), port, s = tcp(), tries = 0;
    ASSERT_OK(bind4(first, "127.0.0.1", 0));
    port = port_of(first);
    while (bind4(s, "127.0.0.1", port + tries) == -1) {
        EXPECT_TRUE(errno == EADDRINUSE);
        tries++;
    }
    EXPECT_TRUE(tries >= 1 && tries < 50);
}

/* proves E2 */
TEST(tcp_511_connects_before_any_accept)
{
    int port, l = tcp_listener(511, &port), status;
    pid_t child = nt_fork();
    if (child == 0) {
        for (int i = 0; i < 511; i++)
            if (connect4(socket(AF_INET, SOCK_STREAM, 0), "127.0.0.1", port))
                _exit(1);
        _exit(0);
    }
    waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
    fcntl(l, F_SETFL, O_NONBLOCK);
    for (int i = 0; i < 511; i++)
        EXPECT_OK(close(accept(l, NULL, NULL)));
    EXPECT_ERRNO(accept(l, NULL, NULL), EAGAIN);
}

/* proves B8 in small: nothing is left of a thousand connections but what waits its time */
TEST(tcp_a_thousand_connections_one_after_another)
{
    int port, l = tcp_listener(8, &port);
    for (int i = 0; i < 1000; i++) {
        int c = tcp_client(port), s = ASSERT_OK(accept(l, NULL, NULL));
        close(c);
        close(s);
    }
}
