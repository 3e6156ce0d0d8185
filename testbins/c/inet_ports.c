/* The ports the kernel chooses itself. */
// proves B1/B2
#include "nacre_test.h"
#include "inet_test.h"

#define RANGE "/proc/sys/net/ipv4/ip_local_port_range"
#define REUSE "/proc/sys/net/ipv4/ip_autobind_reuse"

/* Ten ports that nobody is given otherwise, others each time: connections of an earlier case may rest on theirs. */
static int ten_ports(int number)
{
    char text[32];
    int first = 21000 + 10 * number;
    snprintf(text, sizeof text, "%d %d", first, first + 9);
    nt_put(RANGE, text);
    return first;
}

__attribute__((destructor)) static void as_before(void)
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

static void ten_are_all(int number, int option)
{
    int s[10], seen = 0, first = ten_ports(number);
    for (int i = 0; i < 10; i++) {
        s[i] = ASSERT_OK(chosen(SOCK_STREAM, option));
        seen |= 1 << (port_of(s[i]) - first);
    }
    EXPECT_EQ(seen, 0x3ff);
    EXPECT_ERRNO(chosen(SOCK_STREAM, option), EADDRINUSE);
    close(s[3]);
    s[3] = EXPECT_OK(chosen(SOCK_STREAM, option));
    as_before();
}

TEST(no_two_tcp_sockets_get_one_chosen_port)
{
    ten_are_all(0, 0);
}

TEST(reuseaddr_does_not_share_chosen_tcp_ports)
{
    ten_are_all(1, SO_REUSEADDR);
}

TEST(reuseport_does_not_share_chosen_tcp_ports)
{
    ten_are_all(2, SO_REUSEPORT);
}

TEST(autobind_reuse_shares_chosen_tcp_ports_when_none_is_free)
{
    int seen = 0, first = ten_ports(3);
    nt_put(REUSE, "1");
    for (int i = 0; i < 10; i++)
        seen |= 1 << (port_of(ASSERT_OK(chosen(SOCK_STREAM, SO_REUSEADDR))) - first);
    EXPECT_EQ(seen, 0x3ff);
    EXPECT_ERRNO(chosen(SOCK_STREAM, 0), EADDRINUSE);
    EXPECT_OK(chosen(SOCK_STREAM, SO_REUSEADDR));
    as_before();
}

TEST(reuseaddr_shares_chosen_udp_ports)
{
    int first;
    ten_ports(4);
    for (int i = 0; i < 9; i++)
        ASSERT_OK(chosen(SOCK_DGRAM, 0));
    first = ASSERT_OK(chosen(SOCK_DGRAM, SO_REUSEADDR));
    EXPECT_ERRNO(chosen(SOCK_DGRAM, 0), EADDRINUSE);
    EXPECT_EQ(port_of(EXPECT_OK(chosen(SOCK_DGRAM, SO_REUSEADDR))), port_of(first));
    as_before();
}

TEST(listening_without_a_name_takes_a_free_port_alone)
{
    int seen = 0, one = 1, s, first = ten_ports(5);
    for (int i = 0; i < 10; i++) {
        s = ASSERT_OK(socket(AF_INET, SOCK_STREAM, 0));
        ASSERT_OK(setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one));
        ASSERT_OK(listen(s, 1));
        seen |= 1 << (port_of(s) - first);
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
    int first = ten_ports(6);
    for (int i = 0; i < 10; i++) {
        int c = ASSERT_OK(chosen(SOCK_STREAM, SO_REUSEADDR)), s;
        ASSERT_OK(connect(c, (void *)&there, sizeof there));
        seen |= 1 << (port_of(c) - first);
        s = ASSERT_OK(accept(l, NULL, NULL));
        close(c);
        close(s);
    }
    EXPECT_EQ(seen, 0x3ff);
    EXPECT_ERRNO(chosen(SOCK_STREAM, SO_REUSEADDR), EADDRINUSE);
    as_before();
}

/* One that was connected from a port of its own and closed first. */
static int spent_port(int l, int listener_port)
{
    struct sockaddr_in there = at4("127.0.0.1", listener_port);
    int c = ASSERT_OK(chosen(SOCK_STREAM, SO_REUSEADDR)), s, own = port_of(c);
    char b;
    ASSERT_OK(connect(c, (void *)&there, sizeof there));
    s = ASSERT_OK(accept(l, NULL, NULL));
    close(c);
    ASSERT_EQ(read(s, &b, 1), 0);
    close(s);
    return own;
}

TEST(who_has_a_port_connects_from_it_again_while_the_last_connection_rests)
{
    int port, l = tcp_listener(16, &port), own = spent_port(l, port);
    for (int i = 0; i < 3; i++) {
        struct sockaddr_in here = at4("127.0.0.1", own), there = at4("127.0.0.1", port);
        int c = ASSERT_OK(socket(AF_INET, SOCK_STREAM, 0)), s;
        char b = 0;
        set_option(c, SOL_SOCKET, SO_REUSEADDR, 1);
        ASSERT_OK(bind(c, (void *)&here, sizeof here));
        ASSERT_OK(connect(c, (void *)&there, sizeof there));
        s = ASSERT_OK(accept(l, NULL, NULL));
        ASSERT_EQ(write(s, "x", 1), 1);
        ASSERT_EQ(read(c, &b, 1), 1);
        EXPECT_EQ(b, 'x');
        close(c);
        ASSERT_EQ(read(s, &b, 1), 0);
        close(s);
    }
}

TEST(who_is_given_a_port_by_connect_is_not_given_one_that_rests_since_now)
{
    int port, l = tcp_listener(16, &port);
    struct sockaddr_in there = at4("127.0.0.1", port);
    int c, s;
    nt_put(RANGE, "21100 21100");
    EXPECT_EQ(spent_port(l, port), 21100);
    c = ASSERT_OK(socket(AF_INET, SOCK_STREAM, 0));
    EXPECT_ERRNO(connect(c, (void *)&there, sizeof there), EADDRNOTAVAIL);
    nt_put(RANGE, "21100 21101");
    EXPECT_OK(connect(c, (void *)&there, sizeof there));
    EXPECT_EQ(port_of(c), 21101);
    s = ASSERT_OK(accept(l, NULL, NULL));
    close(s);
    as_before();
}
