/* rtnetlink: interfaces, addresses, routes, neighbours, rules, and news of them (man 7 rtnetlink). All on lo. */
#include "nacre_test.h"
#include "netlink_test.h"
#include <ifaddrs.h>
#include <linux/fib_rules.h>
#include <linux/neighbour.h>

static int sock;

__attribute__((constructor)) static void lo_up(void)
{
    int fd = open("/sys/class/net/lo/flags", O_WRONLY);
    if (fd >= 0) {
        write(fd, "0x1", 3);
        close(fd);
    }
}

static int change_addr(int type, int flags, const char *ip, int len)
{
    struct ifaddrmsg a = { .ifa_family = AF_INET, .ifa_prefixlen = len, .ifa_index = 1 };
    struct nl_request r;
    nl_begin(&r, type, flags, &a, sizeof a);
    nl_add_ip(&r, IFA_LOCAL, ip);
    nl_add_ip(&r, IFA_ADDRESS, ip);
    return nl_ask(sock, &r);
}

static int add_addr(const char *ip, int len)
{
    return change_addr(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, ip, len);
}

static int change_route(int type, int flags, const char *to, int len, const char *via, int dev, int metric)
{
    struct rtmsg m = { .rtm_family = AF_INET, .rtm_dst_len = len, .rtm_table = RT_TABLE_MAIN,
        .rtm_protocol = RTPROT_BOOT, .rtm_scope = via ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK, .rtm_type = RTN_UNICAST };
    struct nl_request r;
    if (type == RTM_DELROUTE)
        m.rtm_scope = RT_SCOPE_NOWHERE, m.rtm_type = 0, m.rtm_protocol = 0;
    nl_begin(&r, type, flags, &m, sizeof m);
    if (to)
        nl_add_ip(&r, RTA_DST, to);
    if (via)
        nl_add_ip(&r, RTA_GATEWAY, via);
    if (dev)
        nl_add_u32(&r, RTA_OIF, dev);
    if (metric)
        nl_add_u32(&r, RTA_PRIORITY, metric);
    return nl_ask(sock, &r);
}

struct wanted {
    const char *ip;
    int len, table, type, dev, metric;
};

static int is_route(struct nlmsghdr *h, void *with)
{
    struct wanted *w = with;
    struct rtmsg *m = NLMSG_DATA(h);
    struct rtattr *dst = nl_find(h, sizeof *m, RTA_DST), *oif = nl_find(h, sizeof *m, RTA_OIF);
    struct rtattr *metric = nl_find(h, sizeof *m, RTA_PRIORITY);
    struct in_addr a;
    inet_pton(AF_INET, w->ip, &a);
    return m->rtm_family == AF_INET && m->rtm_dst_len == w->len && m->rtm_table == w->table &&
           (!w->type || m->rtm_type == w->type) && (w->len ? dst && !memcmp(RTA_DATA(dst), &a, 4) : !dst) &&
           (!w->dev || (oif && *(int *)RTA_DATA(oif) == w->dev)) &&
           (!w->metric || (metric && *(int *)RTA_DATA(metric) == w->metric));
}

static int routes(const char *ip, int len, int table, int type)
{
    struct wanted w = { ip, len, table, type, 0, 0 };
    struct rtmsg m = { .rtm_family = AF_INET };
    struct nl_request r;
    nl_begin(&r, RTM_GETROUTE, 0, &m, sizeof m);
    return nl_dump(sock, &r, is_route, &w);
}

static int is_addr(struct nlmsghdr *h, void *with)
{
    struct ifaddrmsg *m = NLMSG_DATA(h);
    struct rtattr *local = nl_find(h, sizeof *m, IFA_LOCAL);
    struct in_addr a;
    inet_pton(AF_INET, with, &a);
    return m->ifa_family == AF_INET && local && !memcmp(RTA_DATA(local), &a, 4);
}

static int addrs(const char *ip)
{
    struct ifaddrmsg m = { .ifa_family = AF_INET };
    struct nl_request r;
    nl_begin(&r, RTM_GETADDR, 0, &m, sizeof m);
    return nl_dump(sock, &r, is_addr, (void *)ip);
}

/* Cases share lo: what they leave behind is taken away. */
static void start(void)
{
    sock = nl_open(NETLINK_ROUTE);
    change_addr(RTM_DELADDR, 0, "10.77.0.1", 24);
    change_addr(RTM_DELADDR, 0, "10.77.0.2", 24);
}

static int is_lo(struct nlmsghdr *h, void *with)
{
    struct ifinfomsg *m = NLMSG_DATA(h);
    struct rtattr *name = nl_find(h, sizeof *m, IFLA_IFNAME);
    (void)with;
    return h->nlmsg_type == RTM_NEWLINK && (h->nlmsg_flags & NLM_F_MULTI) && m->ifi_index == 1 && m->ifi_type == 772 &&
           name && !strcmp(RTA_DATA(name), "lo") && (m->ifi_flags & IFF_LOOPBACK);
}

/* proves E11 D13 */
TEST(rtnl_link_dump_has_lo)
{
    struct ifinfomsg i = { .ifi_family = AF_UNSPEC };
    struct nl_request r;
    start();
    nl_begin(&r, RTM_GETLINK, 0, &i, sizeof i);
    EXPECT_EQ(nl_dump(sock, &r, is_lo, NULL), 1);
}

TEST(rtnl_link_has_what_tools_read)
{
    char buf[8192];
    struct ifinfomsg i = { .ifi_family = AF_UNSPEC, .ifi_index = 1 };
    struct nl_request r;
    struct nlmsghdr *h = (struct nlmsghdr *)buf;
    struct rtattr *a;
    start();
    nl_begin(&r, RTM_GETLINK, 0, &i, sizeof i);
    send(sock, &r, r.h.nlmsg_len, 0);
    EXPECT_TRUE(recv(sock, buf, sizeof buf, 0) > 0);
    EXPECT_EQ(h->nlmsg_type, RTM_NEWLINK);
    EXPECT_EQ(h->nlmsg_flags, 0);
    a = nl_find(h, sizeof i, IFLA_MTU);
    EXPECT_TRUE(a && *(int *)RTA_DATA(a) == 65536);
    a = nl_find(h, sizeof i, IFLA_ADDRESS);
    EXPECT_TRUE(a && RTA_PAYLOAD(a) == 6);
    a = nl_find(h, sizeof i, IFLA_TXQLEN);
    EXPECT_TRUE(a && *(int *)RTA_DATA(a) == 1000);
    a = nl_find(h, sizeof i, IFLA_OPERSTATE);
    EXPECT_TRUE(a && *(char *)RTA_DATA(a) == 0);
    a = nl_find(h, sizeof i, IFLA_QDISC);
    EXPECT_TRUE(a && !strcmp(RTA_DATA(a), "noqueue"));
    a = nl_find(h, sizeof i, IFLA_STATS);
    EXPECT_TRUE(a && RTA_PAYLOAD(a) == 96);
    a = nl_find(h, sizeof i, IFLA_STATS64);
    EXPECT_TRUE(a && RTA_PAYLOAD(a) == 200);
}

TEST(rtnl_link_by_name_and_unknown)
{
    struct ifinfomsg i = { .ifi_family = AF_UNSPEC };
    struct nl_request r;
    start();
    nl_begin(&r, RTM_GETLINK, 0, &i, sizeof i);
    EXPECT_EQ(nl_ask(sock, &r), EINVAL);
    nl_add(&r, IFLA_IFNAME, "lo", 3);
    EXPECT_EQ(nl_ask(sock, &r), 0);
    nl_begin(&r, RTM_GETLINK, 0, &i, sizeof i);
    nl_add(&r, IFLA_IFNAME, "nix9", 5);
    EXPECT_EQ(nl_ask(sock, &r), ENODEV);
    i.ifi_index = -1;
    nl_begin(&r, RTM_GETLINK, 0, &i, sizeof i);
    EXPECT_EQ(nl_ask(sock, &r), EINVAL);
}

TEST(rtnl_link_mtu_is_set_and_told)
{
    char buf[8192];
    struct ifinfomsg i = { .ifi_family = AF_UNSPEC, .ifi_index = 1 };
    struct nl_request r;
    int listener, group = RTNLGRP_LINK;
    struct nlmsghdr *h = (struct nlmsghdr *)buf;
    struct sockaddr_nl from;
    socklen_t n = sizeof from;
    struct rtattr *a;
    start();
    listener = nl_open(NETLINK_ROUTE);
    setsockopt(listener, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group);
    nl_begin(&r, RTM_SETLINK, 0, &i, sizeof i);
    nl_add_u32(&r, IFLA_MTU, 5000);
    EXPECT_EQ(nl_ask(sock, &r), 0);
    EXPECT_TRUE(recvfrom(listener, buf, sizeof buf, 0, (struct sockaddr *)&from, &n) > 0);
    EXPECT_EQ(h->nlmsg_type, RTM_NEWLINK);
    EXPECT_EQ(from.nl_groups, RTMGRP_LINK);
    a = nl_find(h, sizeof i, IFLA_MTU);
    EXPECT_TRUE(a && *(int *)RTA_DATA(a) == 5000);
    nl_begin(&r, RTM_SETLINK, 0, &i, sizeof i);
    nl_add_u32(&r, IFLA_MTU, 65536);
    EXPECT_EQ(nl_ask(sock, &r), 0);
}

TEST(rtnl_loopback_has_its_addresses)
{
    start();
    EXPECT_EQ(addrs("127.0.0.1"), 1);
    EXPECT_EQ(routes("127.0.0.0", 8, RT_TABLE_LOCAL, RTN_LOCAL), 1);
    EXPECT_EQ(routes("127.0.0.1", 32, RT_TABLE_LOCAL, RTN_LOCAL), 1);
    EXPECT_EQ(routes("127.255.255.255", 32, RT_TABLE_LOCAL, RTN_BROADCAST), 1);
}

TEST(rtnl_address_comes_with_its_routes)
{
    start();
    EXPECT_EQ(add_addr("10.77.0.1", 24), 0);
    EXPECT_EQ(addrs("10.77.0.1"), 1);
    EXPECT_EQ(routes("10.77.0.1", 32, RT_TABLE_LOCAL, RTN_LOCAL), 1);
    EXPECT_EQ(routes("10.77.0.0", 24, RT_TABLE_LOCAL, RTN_LOCAL), 1);
    EXPECT_EQ(routes("10.77.0.255", 32, RT_TABLE_LOCAL, RTN_BROADCAST), 1);
    EXPECT_EQ(change_addr(RTM_DELADDR, 0, "10.77.0.1", 24), 0);
    EXPECT_EQ(addrs("10.77.0.1"), 0);
    EXPECT_EQ(routes("10.77.0.1", 32, RT_TABLE_LOCAL, 0), 0);
    EXPECT_EQ(routes("10.77.0.0", 24, RT_TABLE_LOCAL, 0), 0);
}

TEST(rtnl_address_errors)
{
    struct ifaddrmsg a = { .ifa_family = AF_INET, .ifa_prefixlen = 24, .ifa_index = 99 };
    struct nl_request r;
    start();
    EXPECT_EQ(add_addr("10.77.0.1", 24), 0);
    EXPECT_EQ(add_addr("10.77.0.1", 24), EEXIST);
    EXPECT_EQ(change_addr(RTM_DELADDR, 0, "10.77.0.1", 24), 0);
    EXPECT_EQ(change_addr(RTM_DELADDR, 0, "10.77.0.1", 24), EADDRNOTAVAIL);
    EXPECT_EQ(add_addr("10.77.0.1", 33), EINVAL);
    nl_begin(&r, RTM_NEWADDR, NLM_F_CREATE, &a, sizeof a);
    EXPECT_EQ(nl_ask(sock, &r), EINVAL);
    nl_add_ip(&r, IFA_LOCAL, "10.77.0.1");
    EXPECT_EQ(nl_ask(sock, &r), ENODEV);
}

TEST(rtnl_second_address_goes_with_the_first)
{
    start();
    EXPECT_EQ(add_addr("10.77.0.1", 24), 0);
    EXPECT_EQ(add_addr("10.77.0.2", 24), 0);
    EXPECT_EQ(addrs("10.77.0.2"), 1);
    EXPECT_EQ(change_addr(RTM_DELADDR, 0, "10.77.0.1", 24), 0);
    EXPECT_EQ(addrs("10.77.0.2"), 0);
}

TEST(rtnl_address_news)
{
    char buf[8192];
    struct nlmsghdr *h = (struct nlmsghdr *)buf;
    struct ifaddrmsg *m = NLMSG_DATA(h);
    int listener, group = RTNLGRP_IPV4_IFADDR;
    struct rtattr *label;
    start();
    listener = nl_open(NETLINK_ROUTE);
    setsockopt(listener, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group);
    EXPECT_EQ(add_addr("10.77.0.1", 24), 0);
    EXPECT_TRUE(recv(listener, buf, sizeof buf, 0) > 0);
    EXPECT_EQ(h->nlmsg_type, RTM_NEWADDR);
    EXPECT_EQ(h->nlmsg_seq, 77);
    EXPECT_EQ(h->nlmsg_pid, getpid());
    EXPECT_EQ(m->ifa_prefixlen, 24);
    EXPECT_EQ(m->ifa_flags, IFA_F_PERMANENT);
    label = nl_find(h, sizeof *m, IFA_LABEL);
    EXPECT_TRUE(label && !strcmp(RTA_DATA(label), "lo"));
    EXPECT_EQ(change_addr(RTM_DELADDR, 0, "10.77.0.1", 24), 0);
    EXPECT_TRUE(recv(listener, buf, sizeof buf, 0) > 0);
    EXPECT_EQ(h->nlmsg_type, RTM_DELADDR);
}

TEST(rtnl_route_comes_and_goes)
{
    start();
    EXPECT_EQ(change_route(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, "10.78.0.0", 16, NULL, 1, 0), 0);
    EXPECT_EQ(routes("10.78.0.0", 16, RT_TABLE_MAIN, RTN_UNICAST), 1);
    EXPECT_EQ(change_route(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, "10.78.0.0", 16, NULL, 1, 0), EEXIST);
    EXPECT_EQ(change_route(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, "10.78.0.0", 16, NULL, 1, 5), 0);
    EXPECT_EQ(routes("10.78.0.0", 16, RT_TABLE_MAIN, RTN_UNICAST), 2);
    EXPECT_EQ(change_route(RTM_DELROUTE, 0, "10.78.0.0", 16, NULL, 0, 0), 0);
    EXPECT_EQ(change_route(RTM_DELROUTE, 0, "10.78.0.0", 16, NULL, 0, 0), 0);
    EXPECT_EQ(change_route(RTM_DELROUTE, 0, "10.78.0.0", 16, NULL, 0, 0), ESRCH);
}

TEST(rtnl_route_errors)
{
    start();
    EXPECT_EQ(change_route(RTM_NEWROUTE, NLM_F_CREATE, "10.79.0.1", 16, NULL, 1, 0), EINVAL);
    EXPECT_EQ(change_route(RTM_NEWROUTE, NLM_F_CREATE, "10.79.0.0", 33, NULL, 1, 0), EINVAL);
    EXPECT_EQ(change_route(RTM_NEWROUTE, NLM_F_CREATE, "10.79.0.0", 16, NULL, 99, 0), ENODEV);
    EXPECT_EQ(change_route(RTM_NEWROUTE, NLM_F_CREATE, "10.79.0.0", 16, "10.99.9.9", 0, 0), ENETUNREACH);
    EXPECT_EQ(change_route(RTM_NEWROUTE, 0, "10.79.0.0", 16, NULL, 1, 0), ENOENT);
    EXPECT_EQ(change_route(RTM_DELROUTE, 0, "10.79.0.0", 16, NULL, 0, 0), ESRCH);
}

TEST(rtnl_route_replace_takes_the_place)
{
    start();
    EXPECT_EQ(change_route(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, "10.80.0.0", 16, NULL, 1, 0), 0);
    EXPECT_EQ(change_route(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, "10.80.0.0", 16, NULL, 1, 0), 0);
    EXPECT_EQ(routes("10.80.0.0", 16, RT_TABLE_MAIN, 0), 1);
    EXPECT_EQ(change_route(RTM_DELROUTE, 0, "10.80.0.0", 16, NULL, 0, 0), 0);
}

TEST(rtnl_way_to_the_loopback)
{
    char buf[8192];
    struct rtmsg m = { .rtm_family = AF_INET, .rtm_dst_len = 32 };
    struct nl_request r;
    struct nlmsghdr *h = (struct nlmsghdr *)buf;
    struct rtmsg *got = NLMSG_DATA(h);
    struct rtattr *a;
    start();
    nl_begin(&r, RTM_GETROUTE, 0, &m, sizeof m);
    nl_add_ip(&r, RTA_DST, "127.0.0.9");
    send(sock, &r, r.h.nlmsg_len, 0);
    EXPECT_TRUE(recv(sock, buf, sizeof buf, 0) > 0);
    EXPECT_EQ(h->nlmsg_type, RTM_NEWROUTE);
    EXPECT_EQ(got->rtm_type, RTN_LOCAL);
    EXPECT_EQ(got->rtm_table, RT_TABLE_MAIN);
    a = nl_find(h, sizeof m, RTA_OIF);
    EXPECT_TRUE(a && *(int *)RTA_DATA(a) == 1);
    a = nl_find(h, sizeof m, RTA_PREFSRC);
    EXPECT_TRUE(a && *(unsigned *)RTA_DATA(a) == htonl(INADDR_LOOPBACK));
}

TEST(rtnl_no_way_there)
{
    struct rtmsg m = { .rtm_family = AF_INET, .rtm_dst_len = 32 };
    struct nl_request r;
    start();
    nl_begin(&r, RTM_GETROUTE, 0, &m, sizeof m);
    nl_add_ip(&r, RTA_DST, "203.0.113.7");
    EXPECT_EQ(nl_ask(sock, &r), ENETUNREACH);
}

TEST(rtnl_unreachable_route_says_so)
{
    struct rtmsg m = { .rtm_family = AF_INET, .rtm_dst_len = 32, .rtm_table = RT_TABLE_MAIN,
        .rtm_protocol = RTPROT_BOOT, .rtm_type = RTN_UNREACHABLE };
    struct rtmsg q = { .rtm_family = AF_INET, .rtm_dst_len = 32 };
    struct nl_request r;
    start();
    nl_begin(&r, RTM_NEWROUTE, NLM_F_CREATE, &m, sizeof m);
    nl_add_ip(&r, RTA_DST, "203.0.113.8");
    EXPECT_EQ(nl_ask(sock, &r), 0);
    nl_begin(&r, RTM_GETROUTE, 0, &q, sizeof q);
    nl_add_ip(&r, RTA_DST, "203.0.113.8");
    EXPECT_EQ(nl_ask(sock, &r), EHOSTUNREACH);
    m.rtm_scope = RT_SCOPE_NOWHERE;
    nl_begin(&r, RTM_DELROUTE, 0, &m, sizeof m);
    nl_add_ip(&r, RTA_DST, "203.0.113.8");
    EXPECT_EQ(nl_ask(sock, &r), 0);
}

static int is_rule(struct nlmsghdr *h, void *with)
{
    struct fib_rule_hdr *m = NLMSG_DATA(h);
    (void)with;
    return h->nlmsg_type == RTM_NEWRULE && m->family == AF_INET && m->action == FR_ACT_TO_TBL;
}

TEST(rtnl_rules_are_the_three)
{
    struct fib_rule_hdr f = { .family = AF_INET };
    struct nl_request r;
    start();
    nl_begin(&r, RTM_GETRULE, 0, &f, sizeof f);
    EXPECT_EQ(nl_dump(sock, &r, is_rule, NULL), 3);
}

TEST(rtnl_neighbour_errors)
{
    struct ndmsg m = { .ndm_family = AF_INET, .ndm_ifindex = 99, .ndm_state = NUD_PERMANENT };
    struct nl_request r;
    start();
    nl_begin(&r, RTM_NEWNEIGH, NLM_F_CREATE, &m, sizeof m);
    EXPECT_EQ(nl_ask(sock, &r), EINVAL);
    nl_add_ip(&r, NDA_DST, "10.77.0.9");
    EXPECT_EQ(nl_ask(sock, &r), ENODEV);
}

TEST(rtnl_ipv6_address_on_lo)
{
    struct ifaddrmsg a = { .ifa_family = AF_INET6, .ifa_prefixlen = 64, .ifa_index = 1 };
    struct in6_addr ip;
    struct nl_request r;
    start();
    inet_pton(AF_INET6, "fd77::1", &ip);
    nl_begin(&r, RTM_DELADDR, 0, &a, sizeof a);
    nl_add(&r, IFA_LOCAL, &ip, 16);
    nl_ask(sock, &r);
    nl_begin(&r, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &a, sizeof a);
    nl_add(&r, IFA_LOCAL, &ip, 16);
    EXPECT_EQ(nl_ask(sock, &r), 0);
    EXPECT_EQ(nl_ask(sock, &r), EEXIST);
    nl_begin(&r, RTM_DELADDR, 0, &a, sizeof a);
    nl_add(&r, IFA_LOCAL, &ip, 16);
    EXPECT_EQ(nl_ask(sock, &r), 0);
    EXPECT_EQ(nl_ask(sock, &r), EADDRNOTAVAIL);
}

/* proves E11 */
TEST(rtnl_getifaddrs_finds_lo)
{
    struct ifaddrs *all, *one;
    int packet = 0, inet = 0, inet6 = 0;
    EXPECT_OK(getifaddrs(&all));
    for (one = all; one; one = one->ifa_next) {
        if (strcmp(one->ifa_name, "lo") || !one->ifa_addr)
            continue;
        EXPECT_TRUE(one->ifa_flags & IFF_LOOPBACK);
        packet += one->ifa_addr->sa_family == AF_PACKET;
        if (one->ifa_addr->sa_family == AF_INET) {
            struct sockaddr_in *a = (void *)one->ifa_addr, *m = (void *)one->ifa_netmask;
            inet += a->sin_addr.s_addr == htonl(INADDR_LOOPBACK) && m->sin_addr.s_addr == htonl(0xff000000);
        }
        inet6 += one->ifa_addr->sa_family == AF_INET6;
    }
    freeifaddrs(all);
    EXPECT_EQ(packet, 1);
    EXPECT_EQ(inet, 1);
    EXPECT_EQ(inet6, 1);
}

TEST(rtnl_if_nameindex_and_back)
{
    char name[IF_NAMESIZE];
    struct if_nameindex *all = if_nameindex(), *one;
    int lo = 0;
    EXPECT_TRUE(all != NULL);
    for (one = all; one && one->if_name; one++)
        lo += one->if_index == 1 && !strcmp(one->if_name, "lo");
    EXPECT_EQ(lo, 1);
    EXPECT_EQ(if_nametoindex("lo"), 1);
    EXPECT_EQ(if_nametoindex("nix9"), 0);
    EXPECT_TRUE(if_indextoname(1, name) && !strcmp(name, "lo"));
    EXPECT_TRUE(!if_indextoname(9999, name) && errno == ENXIO);
}

TEST(rtnl_dump_ends_with_done)
{
    char buf[65536];
    struct ifinfomsg i = { .ifi_family = AF_UNSPEC };
    struct nl_request r;
    struct nlmsghdr *h = (struct nlmsghdr *)buf;
    ssize_t n;
    int done = 0;
    start();
    nl_begin(&r, RTM_GETLINK, NLM_F_DUMP, &i, sizeof i);
    send(sock, &r, r.h.nlmsg_len, 0);
    while (!done && (n = recv(sock, buf, sizeof buf, 0)) > 0)
        for (h = (struct nlmsghdr *)buf; NLMSG_OK(h, (size_t)n); h = NLMSG_NEXT(h, n))
            if (h->nlmsg_type == NLMSG_DONE) {
                EXPECT_EQ(h->nlmsg_len, NLMSG_LENGTH(4));
                EXPECT_EQ(h->nlmsg_flags, NLM_F_MULTI);
                EXPECT_EQ(h->nlmsg_seq, 77);
                done = 1;
            }
    EXPECT_EQ(done, 1);
    EXPECT_ERRNO(recv(sock, buf, sizeof buf, MSG_DONTWAIT), EAGAIN);
}

/* Who can be made to write to a socket lends no rights to who made it. */
TEST(rtnl_rights_are_the_makers_too)
{
    ASSERT_OK(seteuid(65534));
    sock = nl_open(NETLINK_ROUTE);
    ASSERT_OK(seteuid(0));
    EXPECT_EQ(add_addr("10.78.0.1", 24), EPERM);
    /* Who names the kernel knows what he writes to. */
    struct ifaddrmsg a = { .ifa_family = AF_INET, .ifa_prefixlen = 24, .ifa_index = 1 };
    struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
    struct nl_request r;
    struct { struct nlmsghdr h; struct nlmsgerr e; char rest[512]; } answer;
    nl_begin(&r, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, &a, sizeof a);
    nl_add_ip(&r, IFA_LOCAL, "10.78.0.1");
    EXPECT_EQ(sendto(sock, &r, r.h.nlmsg_len, 0, (struct sockaddr *)&kernel, sizeof kernel), (ssize_t)r.h.nlmsg_len);
    EXPECT_TRUE(recv(sock, &answer, sizeof answer, 0) >= (ssize_t)sizeof(struct nlmsgerr));
    EXPECT_EQ(answer.h.nlmsg_type, NLMSG_ERROR);
    EXPECT_EQ(answer.e.error, 0);
    close(sock);
    sock = nl_open(NETLINK_ROUTE);
    EXPECT_EQ(change_addr(RTM_DELADDR, 0, "10.78.0.1", 24), 0);
}
