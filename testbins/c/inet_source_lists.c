/* Whole lists of senders of a group at once, and what /proc/net/mcfilter tells of them. */
/* proves E8, B12 */
#include "nacre_test.h"
#include "inet_test.h"

#define GROUP "239.77.1.9"
#define GROUP6 "ff15::77:9"

struct list4 {
    struct in_addr group, own;
    unsigned mode, count;
    struct in_addr from[12];
};

struct list {
    unsigned index;
    struct sockaddr_storage group;
    unsigned mode, count;
    struct sockaddr_storage from[12];
};

static struct list4 list4(unsigned mode, unsigned count)
{
    struct list4 l = { .mode = mode, .count = count };
    inet_pton(AF_INET, GROUP, &l.group);
    inet_pton(AF_INET, "127.0.0.1", &l.own);
    for (unsigned i = 0; i < 12; i++)
        l.from[i].s_addr = htonl(INADDR_LOOPBACK + 1 + i);
    return l;
}

static int set4(int s, struct list4 *l, size_t len)
{
    return setsockopt(s, IPPROTO_IP, IP_MSFILTER, l, len);
}

static size_t size4(unsigned count)
{
    return 16 + 4 * count;
}

static int join_lo(int s)
{
    struct ip_mreqn m = { .imr_ifindex = 1 };
    inet_pton(AF_INET, GROUP, &m.imr_multiaddr);
    return setsockopt(s, IPPROTO_IP, IP_ADD_MEMBERSHIP, &m, sizeof m);
}

static int member(void)
{
    int s = ASSERT_OK(socket(AF_INET, SOCK_DGRAM, 0));
    ASSERT_OK(join_lo(s));
    return s;
}

/* Bytes of the answer; its kind and how many there are. */
static int get4(int s, unsigned room, struct list4 *l)
{
    socklen_t len = size4(room);
    *l = list4(7, room);
    memset(l->from, 0, sizeof l->from);
    ASSERT_OK(getsockopt(s, IPPROTO_IP, IP_MSFILTER, l, &len));
    return len;
}

TEST(source_lists_are_kept_and_told)
{
    int s = member();
    struct list4 l = list4(MCAST_INCLUDE, 3), got;
    EXPECT_EQ(get4(s, 0, &got), 16);
    EXPECT_EQ(got.mode, MCAST_EXCLUDE);
    EXPECT_EQ(got.count, 0);
    ASSERT_OK(set4(s, &l, size4(3)));
    EXPECT_EQ(get4(s, 12, &got), size4(3));
    EXPECT_EQ(got.mode, MCAST_INCLUDE);
    EXPECT_EQ(got.count, 3);
    EXPECT_EQ(got.from[2].s_addr, l.from[2].s_addr);
    /* Less room: how many there are is told all the same. */
    EXPECT_EQ(get4(s, 2, &got), size4(2));
    EXPECT_EQ(got.count, 3);
    /* Another list takes the place of the first. */
    l = list4(MCAST_EXCLUDE, 1);
    ASSERT_OK(set4(s, &l, size4(1)));
    EXPECT_EQ(get4(s, 12, &got), size4(1));
    EXPECT_EQ(got.mode, MCAST_EXCLUDE);
}

TEST(source_lists_to_hear_nobody_is_to_leave)
{
    int s = member();
    struct list4 l = list4(MCAST_INCLUDE, 0);
    socklen_t len = sizeof l;
    ASSERT_OK(set4(s, &l, size4(0)));
    EXPECT_ERRNO(getsockopt(s, IPPROTO_IP, IP_MSFILTER, &l, &len), EADDRNOTAVAIL);
    EXPECT_OK(join_lo(s));
}

TEST(source_lists_that_are_none)
{
    int s = member();
    struct list4 l = list4(MCAST_INCLUDE, 2);
    EXPECT_ERRNO(set4(s, &l, 15), EINVAL);
    EXPECT_ERRNO(set4(s, &l, size4(1)), EINVAL);
    l = list4(2, 1);
    EXPECT_ERRNO(set4(s, &l, size4(1)), EINVAL);
    l = list4(MCAST_INCLUDE, 11);
    EXPECT_ERRNO(set4(s, &l, size4(11)), ENOBUFS);
    l = list4(MCAST_INCLUDE, 1);
    inet_pton(AF_INET, "10.0.0.1", &l.group);
    EXPECT_ERRNO(set4(s, &l, size4(1)), EINVAL);
    l = list4(MCAST_INCLUDE, 1);
    inet_pton(AF_INET, "203.0.113.9", &l.own);
    EXPECT_ERRNO(set4(s, &l, size4(1)), ENODEV);
    /* Who is no member has no list. */
    l = list4(MCAST_INCLUDE, 1);
    inet_pton(AF_INET, "239.77.1.10", &l.group);
    EXPECT_ERRNO(set4(s, &l, size4(1)), EINVAL);
}

TEST(source_lists_say_who_is_heard)
{
    struct sockaddr_in to;
    char byte;
    struct ip_mreqn lo = { .imr_ifindex = 1 };
    int s = member();
    ASSERT_OK(bind4(s, "0.0.0.0", 0));
    struct list4 l = list4(MCAST_INCLUDE, 2);
    ASSERT_OK(set4(s, &l, size4(2)));
    to = at4(GROUP, port_of(s));
    for (int last = 1; last <= 3; last++) {
        char from[32];
        int c = ASSERT_OK(socket(AF_INET, SOCK_DGRAM, 0));
        snprintf(from, sizeof from, "127.0.0.%d", last);
        ASSERT_OK(bind4(c, from, 0));
        ASSERT_OK(setsockopt(c, IPPROTO_IP, IP_MULTICAST_IF, &lo, sizeof lo));
        byte = '0' + last;
        ASSERT_EQ(sendto(c, &byte, 1, 0, (struct sockaddr *)&to, sizeof to), 1);
        close(c);
    }
    for (int last = 2; last <= 3; last++) {
        ASSERT_EQ(recv(s, &byte, 1, 0), 1);
        EXPECT_EQ(byte, '0' + last);
    }
    EXPECT_ERRNO(recv(s, &byte, 1, MSG_DONTWAIT), EAGAIN);
}

static struct list list6(unsigned mode, unsigned count)
{
    struct list l;
    struct sockaddr_in6 group = at6(GROUP6, 0);
    memset(&l, 0, sizeof l);
    l.index = 1;
    l.mode = mode;
    l.count = count;
    memcpy(&l.group, &group, sizeof group);
    for (unsigned i = 0; i < 12; i++) {
        struct sockaddr_in6 from = at6("fd77::", 0);
        from.sin6_addr.s6_addr[15] = i + 1;
        memcpy(&l.from[i], &from, sizeof from);
    }
    return l;
}

static socklen_t size(unsigned count)
{
    return 144 + 128 * count;
}

static int member6(void)
{
    struct ipv6_mreq m = { .ipv6mr_interface = 1 };
    int s = ASSERT_OK(socket(AF_INET6, SOCK_DGRAM, 0));
    inet_pton(AF_INET6, GROUP6, &m.ipv6mr_multiaddr);
    ASSERT_OK(setsockopt(s, IPPROTO_IPV6, IPV6_JOIN_GROUP, &m, sizeof m));
    return s;
}

TEST(source_lists_of_ipv6)
{
    int s = member6();
    struct list l = list6(MCAST_EXCLUDE, 2), got = list6(7, 5);
    socklen_t len = size(5);
    ASSERT_OK(setsockopt(s, IPPROTO_IPV6, MCAST_MSFILTER, &l, size(2)));
    memset(got.from, 0, sizeof got.from);
    ASSERT_OK(getsockopt(s, IPPROTO_IPV6, MCAST_MSFILTER, &got, &len));
    EXPECT_EQ(len, size(2));
    EXPECT_EQ(got.mode, MCAST_EXCLUDE);
    EXPECT_EQ(got.count, 2);
    EXPECT_MEMEQ(&got.from[1], &l.from[1], sizeof(struct sockaddr_in6));
    EXPECT_ERRNO(setsockopt(s, IPPROTO_IPV6, MCAST_MSFILTER, &l, 143), EINVAL);
    EXPECT_ERRNO(setsockopt(s, IPPROTO_IPV6, MCAST_MSFILTER, &l, size(1)), EINVAL);
    l.count = 65;
    EXPECT_ERRNO(setsockopt(s, IPPROTO_IPV6, MCAST_MSFILTER, &l, sizeof l), ENOBUFS);
    l = list6(2, 1);
    EXPECT_ERRNO(setsockopt(s, IPPROTO_IPV6, MCAST_MSFILTER, &l, size(1)), EINVAL);
    l = list6(MCAST_INCLUDE, 0);
    EXPECT_OK(setsockopt(s, IPPROTO_IPV6, MCAST_MSFILTER, &l, size(0)));
    len = size(5);
    EXPECT_ERRNO(getsockopt(s, IPPROTO_IPV6, MCAST_MSFILTER, &got, &len), EADDRNOTAVAIL);
}

/* Lines of a file that hold a word. */
static int lines(const char *path, const char *word)
{
    char line[256];
    int found = 0;
    FILE *f = fopen(path, "r");
    ASSERT_TRUE(f);
    while (fgets(line, sizeof line, f))
        found += strstr(line, word) != NULL;
    fclose(f);
    return found;
}

/* A list of 64 senders, and one more. */
static struct {
    struct list some;
    struct sockaddr_storage more[64];
} full;

static void full6(unsigned mode)
{
    full.some = list6(mode, 64);
    for (int i = 0; i < 65; i++) {
        struct sockaddr_in6 from = at6("fd77::", 0);
        from.sin6_addr.s6_addr[15] = i + 1;
        memcpy((char *)&full + size(i), &from, sizeof from);
    }
}

/* As many as one membership may name: an option longer than others. */
TEST(source_lists_of_as_many_as_there_may_be)
{
    int s = member6(), other = member();
    full6(MCAST_INCLUDE);
    EXPECT_OK(setsockopt(s, IPPROTO_IPV6, MCAST_MSFILTER, &full, size(64)));
    EXPECT_EQ(lines("/proc/net/mcfilter6", "ff150000000000000000000000770009"), 64);
    EXPECT_EQ(lines("/proc/net/mcfilter6", "fd770000000000000000000000000040      1      0"), 1);
    full.some.count = 65;
    EXPECT_ERRNO(setsockopt(s, IPPROTO_IPV6, MCAST_MSFILTER, &full, size(65)), ENOBUFS);
    full.some.count = 7;
    EXPECT_OK(setsockopt(s, IPPROTO_IPV6, MCAST_MSFILTER, &full, size(7)));
    EXPECT_EQ(lines("/proc/net/mcfilter6", "ff150000000000000000000000770009"), 7);
    struct sockaddr_in group = at4(GROUP, 0);
    memcpy(&full.some.group, &group, sizeof group);
    for (int i = 0; i < 10; i++) {
        struct sockaddr_in from = at4("127.0.0.9", 0);
        from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 10 + i);
        memcpy(&full.some.from[i], &from, sizeof from);
    }
    full.some.count = 10;
    EXPECT_OK(setsockopt(other, IPPROTO_IP, MCAST_MSFILTER, &full, size(10)));
    EXPECT_EQ(lines("/proc/net/mcfilter", "0xef4d0109"), 10);
    full.some.count = 11;
    EXPECT_ERRNO(setsockopt(other, IPPROTO_IP, MCAST_MSFILTER, &full, size(11)), ENOBUFS);
}

/* Senders of many groups on many sockets: all are taken, or it is said that there is no room. */
TEST_LIMIT(source_lists_of_many_sockets, 60)
{
    int sockets = 0, refused = 0;
    for (; sockets < 30 && !refused; sockets++) {
        int s = ASSERT_OK(socket(AF_INET6, SOCK_DGRAM, 0));
        for (int group = 0; group < 20 && !refused; group++) {
            struct ipv6_mreq m = { .ipv6mr_interface = 1 };
            struct sockaddr_in6 at = at6(GROUP6, 0);
            at.sin6_addr.s6_addr[12] = 1;
            at.sin6_addr.s6_addr[14] = sockets;
            at.sin6_addr.s6_addr[15] = group;
            m.ipv6mr_multiaddr = at.sin6_addr;
            ASSERT_OK(setsockopt(s, IPPROTO_IPV6, IPV6_JOIN_GROUP, &m, sizeof m));
            full6(MCAST_INCLUDE);
            memcpy(&full.some.group, &at, sizeof at);
            refused = setsockopt(s, IPPROTO_IPV6, MCAST_MSFILTER, &full, size(64)) == -1;
            EXPECT_TRUE(!refused || errno == ENOBUFS);
        }
    }
    /* A file this long is only begun. */
    char head[4096];
    int fd = ASSERT_OK(open("/proc/net/mcfilter6", O_RDONLY));
    EXPECT_TRUE(read(fd, head, sizeof head) > 1000);
}

TEST(source_lists_stand_in_proc_net_mcfilter)
{
    int s = member(), s6 = member6(), other = member();
    struct list4 l = list4(MCAST_INCLUDE, 2);
    struct list l6 = list6(MCAST_EXCLUDE, 1);
    EXPECT_EQ(lines("/proc/net/mcfilter", "Idx Device        MCA        SRC    INC    EXC"), 1);
    ASSERT_OK(set4(s, &l, size4(2)));
    EXPECT_EQ(lines("/proc/net/mcfilter", "  1     lo 0xef4d0109 0x7f000002      1      0"), 1);
    EXPECT_EQ(lines("/proc/net/mcfilter", "0xef4d0109"), 2);
    l = list4(MCAST_INCLUDE, 1);
    ASSERT_OK(set4(other, &l, size4(1)));
    EXPECT_EQ(lines("/proc/net/mcfilter", "0xef4d0109 0x7f000002      2      0"), 1);
    close(s);
    EXPECT_EQ(lines("/proc/net/mcfilter", "0xef4d0109"), 1);
    close(other);
    EXPECT_EQ(lines("/proc/net/mcfilter", "0xef4d0109"), 0);
    ASSERT_OK(setsockopt(s6, IPPROTO_IPV6, MCAST_MSFILTER, &l6, size(1)));
    EXPECT_EQ(lines("/proc/net/mcfilter6", "  1     lo ff150000000000000000000000770009 "
                                           "fd770000000000000000000000000001      0      1"), 1);
    close(s6);
    EXPECT_EQ(lines("/proc/net/mcfilter6", "ff1500000000000000000000007700"), 0);
}
