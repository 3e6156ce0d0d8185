/* Groups: who is a member, whom a member hears, what /proc/net tells of it. */
/* proves E8, B12 */
#include "nacre_test.h"
#include "inet_test.h"

#define GROUP "239.77.1.5"

/* A receiver on a port that others may have too. */
static int receiver(int *port)
{
    int s = ASSERT_OK(socket(AF_INET, SOCK_DGRAM, 0));
    set_option(s, SOL_SOCKET, SO_REUSEADDR, 1);
    ASSERT_OK(bind4(s, "0.0.0.0", *port));
    *port = port_of(s);
    return s;
}

static struct ip_mreqn on_lo(const char *group)
{
    struct ip_mreqn m = { .imr_ifindex = 1 };
    inet_pton(AF_INET, group, &m.imr_multiaddr);
    return m;
}

static int join(int s, const char *group)
{
    struct ip_mreqn m = on_lo(group);
    return setsockopt(s, IPPROTO_IP, IP_ADD_MEMBERSHIP, &m, sizeof m);
}

static int leave(int s, const char *group)
{
    struct ip_mreqn m = on_lo(group);
    return setsockopt(s, IPPROTO_IP, IP_DROP_MEMBERSHIP, &m, sizeof m);
}

/* The four options with a sender, on the interface of 127.0.0.1. */
static int source(int s, int name, const char *group, const char *from)
{
    struct ip_mreq_source m;
    inet_pton(AF_INET, group, &m.imr_multiaddr);
    inet_pton(AF_INET, "127.0.0.1", &m.imr_interface);
    inet_pton(AF_INET, from, &m.imr_sourceaddr);
    return setsockopt(s, IPPROTO_IP, name, &m, sizeof m);
}

static int source_by_index(int s, int name, const char *group, const char *from)
{
    struct group_source_req m;
    struct sockaddr_in a = at4(group, 0), b = at4(from, 0);
    memset(&m, 0, sizeof m);
    m.gsr_interface = 1;
    memcpy(&m.gsr_group, &a, sizeof a);
    memcpy(&m.gsr_source, &b, sizeof b);
    return setsockopt(s, IPPROTO_IP, name, &m, sizeof m);
}

/* Sends a byte to the group from an address of the loopback. */
static void send_from(const char *from, int port)
{
    struct sockaddr_in to = at4(GROUP, port);
    struct ip_mreqn m = { .imr_ifindex = 1 };
    int s = ASSERT_OK(socket(AF_INET, SOCK_DGRAM, 0));
    ASSERT_OK(bind4(s, from, 0));
    ASSERT_OK(setsockopt(s, IPPROTO_IP, IP_MULTICAST_IF, &m, sizeof m));
    EXPECT_EQ(sendto(s, "x", 1, 0, (struct sockaddr *)&to, sizeof to), 1);
    close(s);
}

/* How many messages wait. */
static int heard(int s)
{
    char c;
    int n = 0;
    while (recv(s, &c, 1, MSG_DONTWAIT) == 1)
        n++;
    return n;
}

TEST(groups_who_left_hears_no_more)
{
    int port = 0, s = receiver(&port);
    EXPECT_OK(join(s, GROUP));
    send_from("127.0.0.1", port);
    EXPECT_EQ(heard(s), 1);
    EXPECT_OK(leave(s, GROUP));
    send_from("127.0.0.1", port);
    EXPECT_EQ(heard(s), 0);
}

TEST(groups_multicast_all_hears_what_others_joined)
{
    int port = 0, a = receiver(&port), b = receiver(&port);
    EXPECT_OK(join(a, GROUP));
    send_from("127.0.0.1", port);
    EXPECT_EQ(heard(a), 1);
    EXPECT_EQ(heard(b), 1);
    set_option(b, IPPROTO_IP, IP_MULTICAST_ALL, 0);
    send_from("127.0.0.1", port);
    EXPECT_EQ(heard(a), 1);
    EXPECT_EQ(heard(b), 0);
}

TEST(groups_a_member_goes_with_its_socket)
{
    int port = 0, a = receiver(&port), b = receiver(&port);
    EXPECT_OK(join(a, GROUP));
    close(a);
    send_from("127.0.0.1", port);
    EXPECT_EQ(heard(b), 0);
}

TEST(groups_two_members_and_one_leaves)
{
    int port = 0, a = receiver(&port), b = receiver(&port);
    EXPECT_OK(join(a, GROUP));
    EXPECT_OK(join(b, GROUP));
    EXPECT_OK(leave(a, GROUP));
    send_from("127.0.0.1", port);
    EXPECT_EQ(heard(b), 1);
}

TEST(groups_only_the_named_sender_is_heard)
{
    int port = 0, s = receiver(&port);
    EXPECT_OK(source(s, IP_ADD_SOURCE_MEMBERSHIP, GROUP, "127.0.0.1"));
    send_from("127.0.0.1", port);
    send_from("127.0.0.2", port);
    EXPECT_EQ(heard(s), 1);
    EXPECT_OK(source(s, IP_ADD_SOURCE_MEMBERSHIP, GROUP, "127.0.0.2"));
    send_from("127.0.0.2", port);
    EXPECT_EQ(heard(s), 1);
    EXPECT_ERRNO(source(s, IP_ADD_SOURCE_MEMBERSHIP, GROUP, "127.0.0.2"), EADDRNOTAVAIL);
}

TEST(groups_dropping_the_last_sender_leaves)
{
    int port = 0, s = receiver(&port);
    EXPECT_OK(source(s, IP_ADD_SOURCE_MEMBERSHIP, GROUP, "127.0.0.1"));
    EXPECT_ERRNO(source(s, IP_DROP_SOURCE_MEMBERSHIP, GROUP, "127.0.0.2"), EADDRNOTAVAIL);
    EXPECT_OK(source(s, IP_DROP_SOURCE_MEMBERSHIP, GROUP, "127.0.0.1"));
    EXPECT_ERRNO(leave(s, GROUP), EADDRNOTAVAIL);
    EXPECT_ERRNO(source(s, IP_DROP_SOURCE_MEMBERSHIP, GROUP, "127.0.0.1"), EINVAL);
}

TEST(groups_a_blocked_sender_is_not_heard)
{
    int port = 0, s = receiver(&port);
    EXPECT_OK(join(s, GROUP));
    EXPECT_OK(source(s, IP_BLOCK_SOURCE, GROUP, "127.0.0.2"));
    send_from("127.0.0.1", port);
    send_from("127.0.0.2", port);
    EXPECT_EQ(heard(s), 1);
    EXPECT_ERRNO(source(s, IP_BLOCK_SOURCE, GROUP, "127.0.0.2"), EADDRNOTAVAIL);
    EXPECT_OK(source(s, IP_UNBLOCK_SOURCE, GROUP, "127.0.0.2"));
    EXPECT_ERRNO(source(s, IP_UNBLOCK_SOURCE, GROUP, "127.0.0.2"), EADDRNOTAVAIL);
    send_from("127.0.0.2", port);
    EXPECT_EQ(heard(s), 1);
}

TEST(groups_kinds_of_lists_do_not_mix)
{
    int port = 0, s = receiver(&port);
    EXPECT_ERRNO(source(s, IP_BLOCK_SOURCE, GROUP, "127.0.0.2"), EINVAL);
    EXPECT_OK(join(s, GROUP));
    EXPECT_OK(source(s, IP_BLOCK_SOURCE, GROUP, "127.0.0.2"));
    EXPECT_ERRNO(source(s, IP_ADD_SOURCE_MEMBERSHIP, GROUP, "127.0.0.1"), EINVAL);
    /* A list stays what it was, even when nobody is on it any more. */
    EXPECT_OK(source(s, IP_UNBLOCK_SOURCE, GROUP, "127.0.0.2"));
    EXPECT_ERRNO(source(s, IP_ADD_SOURCE_MEMBERSHIP, GROUP, "127.0.0.1"), EINVAL);
    EXPECT_OK(leave(s, GROUP));
    /* A member without a list becomes one of the other kind. */
    EXPECT_OK(join(s, GROUP));
    EXPECT_OK(source(s, IP_ADD_SOURCE_MEMBERSHIP, GROUP, "127.0.0.1"));
    EXPECT_ERRNO(source(s, IP_BLOCK_SOURCE, GROUP, "127.0.0.2"), EINVAL);
}

TEST(groups_lists_end_at_ten)
{
    int port = 0, s = receiver(&port);
    char from[16];
    for (int i = 1; i <= 10; i++) {
        snprintf(from, sizeof from, "10.0.0.%d", i);
        EXPECT_OK(source(s, IP_ADD_SOURCE_MEMBERSHIP, GROUP, from));
    }
    EXPECT_ERRNO(source(s, IP_ADD_SOURCE_MEMBERSHIP, GROUP, "10.0.0.11"), ENOBUFS);
}

TEST(groups_senders_by_interface_number)
{
    int port = 0, s = receiver(&port);
    EXPECT_OK(source_by_index(s, MCAST_JOIN_SOURCE_GROUP, GROUP, "127.0.0.1"));
    send_from("127.0.0.1", port);
    send_from("127.0.0.2", port);
    EXPECT_EQ(heard(s), 1);
    EXPECT_OK(source_by_index(s, MCAST_LEAVE_SOURCE_GROUP, GROUP, "127.0.0.1"));
    EXPECT_ERRNO(leave(s, GROUP), EADDRNOTAVAIL);
    EXPECT_OK(join(s, GROUP));
    EXPECT_OK(source_by_index(s, MCAST_BLOCK_SOURCE, GROUP, "127.0.0.1"));
    EXPECT_OK(source_by_index(s, MCAST_UNBLOCK_SOURCE, GROUP, "127.0.0.1"));
}

TEST(groups_requests_that_are_none)
{
    struct ip_mreq_source m;
    struct group_source_req g;
    int port = 0, s = receiver(&port);
    memset(&m, 0, sizeof m);
    memset(&g, 0, sizeof g);
    EXPECT_ERRNO(setsockopt(s, IPPROTO_IP, IP_ADD_SOURCE_MEMBERSHIP, &m, sizeof m - 1), EINVAL);
    EXPECT_ERRNO(setsockopt(s, IPPROTO_IP, MCAST_JOIN_SOURCE_GROUP, &g, sizeof g - 1), EINVAL);
    EXPECT_ERRNO(setsockopt(s, IPPROTO_IP, MCAST_JOIN_SOURCE_GROUP, &g, sizeof g), EADDRNOTAVAIL);
    EXPECT_ERRNO(source(s, IP_ADD_SOURCE_MEMBERSHIP, "10.0.0.1", "127.0.0.1"), EINVAL);
    EXPECT_ERRNO(source(s, IP_BLOCK_SOURCE, "10.0.0.1", "127.0.0.1"), EINVAL);
}

/* Whether a file has a line with this in it. */
static int tells(const char *file, const char *text)
{
    char line[256];
    int found = 0;
    FILE *f = fopen(file, "r");
    ASSERT_TRUE(f != NULL);
    while (fgets(line, sizeof line, f))
        found |= strstr(line, text) != NULL;
    fclose(f);
    return found;
}

TEST(groups_stand_in_proc_net_igmp)
{
    int port = 0, s = receiver(&port);
    EXPECT_TRUE(tells("/proc/net/igmp", "Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter\n"));
    EXPECT_TRUE(tells("/proc/net/igmp", "1\tlo        : "));
    EXPECT_TRUE(tells("/proc/net/igmp", "\t\t\t\t010000E0     1 0:00000000\t\t0\n"));
    EXPECT_TRUE(!tells("/proc/net/igmp", "05014DEF"));
    EXPECT_OK(join(s, GROUP));
    EXPECT_TRUE(tells("/proc/net/igmp", "\t\t\t\t05014DEF     1 0:"));
    EXPECT_OK(leave(s, GROUP));
    EXPECT_TRUE(!tells("/proc/net/igmp", "05014DEF"));
}

TEST(groups_stand_in_proc_net_igmp6)
{
    struct ipv6_mreq m = { .ipv6mr_interface = 1 };
    int s = ASSERT_OK(socket(AF_INET6, SOCK_DGRAM, 0));
    EXPECT_TRUE(tells("/proc/net/igmp6", "1    lo              ff020000000000000000000000000001     1 0000000C 0\n"));
    inet_pton(AF_INET6, "ff02::4:2", &m.ipv6mr_multiaddr);
    EXPECT_OK(setsockopt(s, IPPROTO_IPV6, IPV6_JOIN_GROUP, &m, sizeof m));
    EXPECT_TRUE(tells("/proc/net/igmp6", "1    lo              ff020000000000000000000000040002     1 "));
    EXPECT_OK(setsockopt(s, IPPROTO_IPV6, IPV6_LEAVE_GROUP, &m, sizeof m));
    EXPECT_TRUE(!tells("/proc/net/igmp6", "ff020000000000000000000000040002"));
}

