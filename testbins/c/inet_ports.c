/* The ports the kernel chooses itself. */
// proves B1/B2
#include "nacre_test.h"
#include "inet_test.h"

#define RANGE "/proc/sys/net/ipv4/ip_local_port_range"
#define REUSE "/proc/sys/net/ipv4/ip_autobind_reuse"

static void ten_ports(void)
{
    nt_put(RANGE, "41000 41009");
}

static void as_before(void)
{
    nt_put(RANGE, "32768 60999");
    nt_put(REUSE, "0");
}

static int chosen(int kind, int option)
{
    struct sockaddr_in any = at4("127.0.0.1", 0);
    int s = ASSERT_OK(socket(AF_INET, kind, 0)), one = 1;
    if (option)
        ASSERT_OK(setsockopt(s, SOL_SOCKET, option, &one, sizeof one));
    if (bind(s, (void *)&any, sizeof any) == -1) {
        int error = errno;
        close(s);
        errno = error;
        return -1;
    }
    return s;
}

static void ten_are_all(int option)
{
    int s[10], seen = 0;
    ten_ports();
    for (int i = 0; i < 10; i++) {
        s[i] = ASSERT_OK(chosen(SOCK_STREAM, option));
        seen |= 1 << (port_of(s[i]) - 41000);
    }
    EXPECT_EQ(seen, 0x3ff);
    EXPECT_ERRNO(chosen(SOCK_STREAM, option), EADDRINUSE);
    close(s[3]);
    s[3] = EXPECT_OK(chosen(SOCK_STREAM, option));
    as_before();
}

TEST(no_two_tcp_sockets_get_one_chosen_port)
{
    ten_are_all(0);
}

TEST(reuseaddr_does_not_share_chosen_tcp_ports)
{
    ten_are_all(SO_REUSEADDR);
}

TEST(reuseport_does_not_share_chosen_tcp_ports)
{
    ten_are_all(SO_REUSEPORT);
}

TEST(autobind_reuse_shares_chosen_tcp_ports_when_none_is_free)
{
    int seen = 0;
    ten_ports();
    nt_put(REUSE, "1");
    for (int i = 0; i < 10; i++)
        seen |= 1 << (port_of(ASSERT_OK(chosen(SOCK_STREAM, SO_REUSEADDR))) - 41000);
    EXPECT_EQ(seen, 0x3ff);
    EXPECT_ERRNO(chosen(SOCK_STREAM, 0), EADDRINUSE);
    EXPECT_OK(chosen(SOCK_STREAM, SO_REUSEADDR));
    as_before();
}

TEST(reuseaddr_shares_chosen_udp_ports)
{
    int first;
    ten_ports();
    for (int i = 0; i < 9; i++)
        ASSERT_OK(chosen(SOCK_DGRAM, 0));
    first = ASSERT_OK(chosen(SOCK_DGRAM, SO_REUSEADDR));
    EXPECT_ERRNO(chosen(SOCK_DGRAM, 0), EADDRINUSE);
    EXPECT_EQ(port_of(EXPECT_OK(chosen(SOCK_DGRAM, SO_REUSEADDR))), port_of(first));
    as_before();
}

TEST(listening_without_a_name_takes_a_free_port_alone)
{
    int seen = 0, one = 1, s;
    ten_ports();
    for (int i = 0; i < 10; i++) {
        s = ASSERT_OK(socket(AF_INET, SOCK_STREAM, 0));
        ASSERT_OK(setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one));
        ASSERT_OK(listen(s, 1));
        seen |= 1 << (port_of(s) - 41000);
    }
    EXPECT_EQ(seen, 0x3ff);
    s = ASSERT_OK(socket(AF_INET, SOCK_STREAM, 0));
    ASSERT_OK(setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one));
    EXPECT_ERRNO(listen(s, 1), EADDRINUSE);
    as_before();
}

/* A port that a connection rests on is not chosen either: it could not connect to the same end. */
TEST(a_chosen_port_is_not_one_that_only_rests)
{
    int port, l = tcp_listener(16, &port), seen = 0;
    struct sockaddr_in there = at4("127.0.0.1", port);
    ten_ports();
    for (int i = 0; i < 10; i++) {
        int c = ASSERT_OK(chosen(SOCK_STREAM, SO_REUSEADDR)), s;
        ASSERT_OK(connect(c, (void *)&there, sizeof there));
        seen |= 1 << (port_of(c) - 41000);
        s = ASSERT_OK(accept(l, NULL, NULL));
        close(c);
        close(s);
    }
    EXPECT_EQ(seen, 0x3ff);
    EXPECT_ERRNO(chosen(SOCK_STREAM, SO_REUSEADDR), EADDRINUSE);
    as_before();
}
