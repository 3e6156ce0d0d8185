/* Netlink sockets: addresses, ports, groups, options, acknowledgements (man 7 netlink). */
#include "nacre_test.h"
#include "netlink_test.h"
#include <grp.h>

/* proves D13 */
TEST(netlink_types_and_protocols)
{
    EXPECT_OK(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));
    EXPECT_OK(socket(AF_NETLINK, SOCK_DGRAM, NETLINK_ROUTE));
    EXPECT_OK(socket(AF_NETLINK, SOCK_RAW, NETLINK_KOBJECT_UEVENT));
    EXPECT_OK(socket(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG));
    EXPECT_ERRNO(socket(AF_NETLINK, SOCK_STREAM, NETLINK_ROUTE), ESOCKTNOSUPPORT);
    EXPECT_ERRNO(socket(AF_NETLINK, SOCK_RAW, 31), EPROTONOSUPPORT);
    EXPECT_ERRNO(socket(AF_NETLINK, SOCK_RAW, 32), EPROTONOSUPPORT);
}

TEST(netlink_first_socket_gets_the_process_number_as_port)
{
    struct sockaddr_nl a;
    socklen_t n = sizeof a;
    int s = nl_open(NETLINK_ROUTE), t = nl_open(NETLINK_ROUTE);
    EXPECT_OK(getsockname(s, (struct sockaddr *)&a, &n));
    EXPECT_EQ(n, sizeof a);
    EXPECT_EQ(a.nl_family, AF_NETLINK);
    EXPECT_EQ(a.nl_pid, getpid());
    EXPECT_OK(getsockname(t, (struct sockaddr *)&a, &n));
    EXPECT_TRUE(a.nl_pid != (unsigned)getpid() && a.nl_pid != 0);
}

TEST(netlink_unbound_name_is_zero)
{
    struct sockaddr_nl a;
    socklen_t n = sizeof a;
    int s = ASSERT_OK(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));
    EXPECT_OK(getsockname(s, (struct sockaddr *)&a, &n));
    EXPECT_EQ(a.nl_pid, 0);
    EXPECT_EQ(a.nl_groups, 0);
}

TEST(netlink_ports_are_taken_once)
{
    struct sockaddr_nl a = { .nl_family = AF_NETLINK, .nl_pid = 4000000 };
    int s = ASSERT_OK(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));
    int t = ASSERT_OK(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));
    int u = ASSERT_OK(socket(AF_NETLINK, SOCK_RAW, NETLINK_KOBJECT_UEVENT));
    EXPECT_OK(bind(s, (struct sockaddr *)&a, sizeof a));
    EXPECT_ERRNO(bind(t, (struct sockaddr *)&a, sizeof a), EADDRINUSE);
    EXPECT_OK(bind(u, (struct sockaddr *)&a, sizeof a));
    EXPECT_OK(bind(s, (struct sockaddr *)&a, sizeof a));
    a.nl_pid++;
    EXPECT_ERRNO(bind(s, (struct sockaddr *)&a, sizeof a), EINVAL);
    close(s);
    a.nl_pid--;
    EXPECT_OK(bind(t, (struct sockaddr *)&a, sizeof a));
}

TEST(netlink_bad_addresses_are_refused)
{
    struct sockaddr_nl a = { .nl_family = AF_NETLINK };
    int s = ASSERT_OK(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));
    EXPECT_ERRNO(bind(s, (struct sockaddr *)&a, sizeof a - 1), EINVAL);
    a.nl_family = AF_INET;
    EXPECT_ERRNO(bind(s, (struct sockaddr *)&a, sizeof a), EINVAL);
    EXPECT_ERRNO(connect(s, (struct sockaddr *)&a, sizeof a), EINVAL);
    EXPECT_ERRNO(sendto(s, "x", 1, 0, (struct sockaddr *)&a, sizeof a), EINVAL);
    EXPECT_ERRNO(bind(s, (struct sockaddr *)NT_BAD, sizeof a), EFAULT);
}

TEST(netlink_does_not_listen_or_accept)
{
    int s = nl_open(NETLINK_ROUTE), v[2];
    EXPECT_ERRNO(listen(s, 1), EOPNOTSUPP);
    EXPECT_ERRNO(accept(s, NULL, NULL), EOPNOTSUPP);
    EXPECT_ERRNO(shutdown(s, SHUT_RDWR), EOPNOTSUPP);
    EXPECT_ERRNO(socketpair(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE, v), EOPNOTSUPP);
}

TEST(netlink_options_tell_what_was_set)
{
    int s = nl_open(NETLINK_ROUTE), v = 1;
    socklen_t n = sizeof v;
    EXPECT_OK(setsockopt(s, SOL_NETLINK, NETLINK_EXT_ACK, &v, sizeof v));
    v = 0;
    EXPECT_OK(getsockopt(s, SOL_NETLINK, NETLINK_EXT_ACK, &v, &n));
    EXPECT_EQ(v, 1);
    EXPECT_OK(getsockopt(s, SOL_NETLINK, NETLINK_PKTINFO, &v, &n));
    EXPECT_EQ(v, 0);
    EXPECT_ERRNO(setsockopt(s, SOL_NETLINK, 99, &v, sizeof v), ENOPROTOOPT);
    EXPECT_ERRNO(setsockopt(s, IPPROTO_TCP, 1, &v, sizeof v), ENOPROTOOPT);
    EXPECT_OK(getsockopt(s, SOL_SOCKET, SO_DOMAIN, &v, &n));
    EXPECT_EQ(v, AF_NETLINK);
    EXPECT_OK(getsockopt(s, SOL_SOCKET, SO_PROTOCOL, &v, &n));
    EXPECT_EQ(v, NETLINK_ROUTE);
    EXPECT_OK(getsockopt(s, SOL_SOCKET, SO_TYPE, &v, &n));
    EXPECT_EQ(v, SOCK_RAW);
}

TEST(netlink_membership_shows_in_the_name)
{
    struct sockaddr_nl a;
    socklen_t n = sizeof a;
    int s = nl_open(NETLINK_ROUTE), v = RTNLGRP_IPV4_IFADDR;
    EXPECT_OK(setsockopt(s, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &v, sizeof v));
    EXPECT_OK(getsockname(s, (struct sockaddr *)&a, &n));
    EXPECT_EQ(a.nl_groups, RTMGRP_IPV4_IFADDR);
    EXPECT_OK(setsockopt(s, SOL_NETLINK, NETLINK_DROP_MEMBERSHIP, &v, sizeof v));
    EXPECT_OK(getsockname(s, (struct sockaddr *)&a, &n));
    EXPECT_EQ(a.nl_groups, 0);
    v = 0;
    EXPECT_ERRNO(setsockopt(s, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &v, sizeof v), EINVAL);
    v = 2000;
    EXPECT_ERRNO(setsockopt(s, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &v, sizeof v), EINVAL);
}

TEST(netlink_connect_names_the_peer)
{
    struct sockaddr_nl a = { .nl_family = AF_NETLINK, .nl_pid = 0 }, b;
    socklen_t n = sizeof b;
    int s = nl_open(NETLINK_ROUTE);
    EXPECT_OK(connect(s, (struct sockaddr *)&a, sizeof a));
    EXPECT_OK(getpeername(s, (struct sockaddr *)&b, &n));
    EXPECT_EQ(b.nl_pid, 0);
    EXPECT_EQ(b.nl_family, AF_NETLINK);
}

TEST(netlink_programs_can_speak_to_each_other)
{
    struct sockaddr_nl a = { .nl_family = AF_NETLINK }, from;
    socklen_t n = sizeof a;
    char buf[64];
    int s = nl_open(NETLINK_ROUTE), t = nl_open(NETLINK_ROUTE);
    EXPECT_OK(getsockname(t, (struct sockaddr *)&a, &n));
    EXPECT_EQ(sendto(s, "hello", 5, 0, (struct sockaddr *)&a, sizeof a), 5);
    EXPECT_EQ(recvfrom(t, buf, sizeof buf, 0, (struct sockaddr *)&from, &n), 5);
    EXPECT_MEMEQ(buf, "hello", 5);
    EXPECT_EQ(from.nl_pid, getpid());
    a.nl_pid = 3999999;
    EXPECT_ERRNO(sendto(s, "hello", 5, 0, (struct sockaddr *)&a, sizeof a), ECONNREFUSED);
}

TEST(netlink_empty_message_is_refused)
{
    int s = nl_open(NETLINK_ROUTE);
    EXPECT_ERRNO(send(s, "", 0, 0), ENODATA);
    EXPECT_ERRNO(send(s, "x", 1, MSG_OOB), EOPNOTSUPP);
}

TEST(netlink_nothing_waits)
{
    char c;
    int s = nl_open(NETLINK_ROUTE);
    struct pollfd p = { .fd = s, .events = POLLIN | POLLOUT };
    EXPECT_ERRNO(recv(s, &c, 1, MSG_DONTWAIT), EAGAIN);
    EXPECT_EQ(poll(&p, 1, 0), 1);
    EXPECT_EQ(p.revents, POLLOUT);
}

TEST(netlink_acknowledgement_has_the_header_alone)
{
    char buf[4096];
    int s = nl_open(NETLINK_ROUTE);
    struct ifinfomsg i = { .ifi_family = AF_UNSPEC, .ifi_index = 1 };
    struct nl_request r;
    struct nlmsghdr *h = (struct nlmsghdr *)buf;
    struct nlmsgerr *e = NLMSG_DATA(h);
    nl_begin(&r, RTM_SETLINK, NLM_F_ACK, &i, sizeof i);
    r.h.nlmsg_seq = 1234;
    EXPECT_EQ(send(s, &r, r.h.nlmsg_len, 0), r.h.nlmsg_len);
    EXPECT_EQ(recv(s, buf, sizeof buf, 0), 36);
    EXPECT_EQ(h->nlmsg_type, NLMSG_ERROR);
    EXPECT_EQ(h->nlmsg_flags, 0x100);
    EXPECT_EQ(h->nlmsg_seq, 1234);
    EXPECT_EQ(h->nlmsg_pid, getpid());
    EXPECT_EQ(e->error, 0);
    EXPECT_MEMEQ(&e->msg, &r.h, sizeof r.h);
}

TEST(netlink_error_brings_the_request_back)
{
    char buf[4096];
    int v = 1, s = nl_open(NETLINK_ROUTE);
    struct ifinfomsg i = { .ifi_family = AF_UNSPEC, .ifi_index = 9999 };
    struct nl_request r;
    struct nlmsghdr *h = (struct nlmsghdr *)buf;
    struct nlmsgerr *e = NLMSG_DATA(h);
    nl_begin(&r, RTM_GETLINK, 0, &i, sizeof i);
    EXPECT_EQ(send(s, &r, r.h.nlmsg_len, 0), r.h.nlmsg_len);
    EXPECT_EQ(recv(s, buf, sizeof buf, 0), 36 + (int)sizeof i);
    EXPECT_EQ(e->error, -ENODEV);
    EXPECT_EQ(h->nlmsg_flags, 0);
    EXPECT_OK(setsockopt(s, SOL_NETLINK, NETLINK_CAP_ACK, &v, sizeof v));
    EXPECT_EQ(send(s, &r, r.h.nlmsg_len, 0), r.h.nlmsg_len);
    EXPECT_EQ(recv(s, buf, sizeof buf, 0), 36);
    EXPECT_EQ(h->nlmsg_flags, 0x100);
}

TEST(netlink_several_requests_in_one_message)
{
    char buf[4096], two[2 * sizeof(struct nl_request)];
    int s = nl_open(NETLINK_ROUTE);
    struct ifinfomsg i = { .ifi_family = AF_UNSPEC, .ifi_index = 1 };
    struct nl_request r;
    size_t n;
    nl_begin(&r, RTM_GETLINK, 0, &i, sizeof i);
    n = NLMSG_ALIGN(r.h.nlmsg_len);
    memcpy(two, &r, n);
    r.h.nlmsg_seq = 78;
    memcpy(two + n, &r, n);
    EXPECT_EQ(send(s, two, 2 * n, 0), 2 * n);
    EXPECT_TRUE(recv(s, buf, sizeof buf, 0) > 0);
    EXPECT_EQ(((struct nlmsghdr *)buf)->nlmsg_seq, 77);
    EXPECT_TRUE(recv(s, buf, sizeof buf, 0) > 0);
    EXPECT_EQ(((struct nlmsghdr *)buf)->nlmsg_seq, 78);
}

TEST(netlink_garbage_is_passed_over)
{
    char c, junk[64];
    int s = nl_open(NETLINK_ROUTE);
    struct nl_request r;
    struct ifinfomsg i = { .ifi_index = 1 };
    memset(junk, 0xff, sizeof junk);
    EXPECT_EQ(send(s, junk, sizeof junk, 0), sizeof junk);
    memset(junk, 0, sizeof junk);
    EXPECT_EQ(send(s, junk, 5, 0), 5);
    /* Not a request: no answer. */
    nl_begin(&r, RTM_GETLINK, 0, &i, sizeof i);
    r.h.nlmsg_flags = 0;
    EXPECT_EQ(send(s, &r, r.h.nlmsg_len, 0), r.h.nlmsg_len);
    EXPECT_ERRNO(recv(s, &c, 1, MSG_DONTWAIT), EAGAIN);
}

TEST(netlink_unknown_types)
{
    int s = nl_open(NETLINK_ROUTE);
    struct nl_request r;
    struct rtgenmsg g = { .rtgen_family = AF_UNSPEC };
    nl_begin(&r, 200, 0, &g, sizeof g);
    EXPECT_EQ(nl_ask(s, &r), EOPNOTSUPP);
    nl_begin(&r, NLMSG_NOOP, 0, &g, sizeof g);
    EXPECT_EQ(nl_ask(s, &r), 0);
}

TEST(netlink_peek_and_trunc_tell_the_length)
{
    char buf[4096];
    int s = nl_open(NETLINK_ROUTE);
    struct ifinfomsg i = { .ifi_index = 1 };
    struct nl_request r;
    ssize_t n;
    nl_begin(&r, RTM_GETLINK, 0, &i, sizeof i);
    EXPECT_EQ(send(s, &r, r.h.nlmsg_len, 0), r.h.nlmsg_len);
    n = recv(s, buf, 1, MSG_PEEK | MSG_TRUNC);
    EXPECT_TRUE(n > 100);
    EXPECT_EQ(recv(s, buf, sizeof buf, 0), n);
}

TEST(netlink_short_buffer_loses_the_rest)
{
    char buf[20], c;
    struct iovec v = { buf, sizeof buf };
    struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
    int s = nl_open(NETLINK_ROUTE);
    struct ifinfomsg i = { .ifi_index = 1 };
    struct nl_request r;
    nl_begin(&r, RTM_GETLINK, 0, &i, sizeof i);
    EXPECT_EQ(send(s, &r, r.h.nlmsg_len, 0), r.h.nlmsg_len);
    EXPECT_EQ(recvmsg(s, &m, 0), sizeof buf);
    EXPECT_EQ(m.msg_flags & MSG_TRUNC, MSG_TRUNC);
    EXPECT_ERRNO(recv(s, &c, 1, MSG_DONTWAIT), EAGAIN);
}

TEST(netlink_answers_come_from_the_kernel)
{
    char buf[4096];
    struct sockaddr_nl from;
    socklen_t n = sizeof from;
    int s = nl_open(NETLINK_ROUTE);
    struct ifinfomsg i = { .ifi_index = 1 };
    struct nl_request r;
    nl_begin(&r, RTM_GETLINK, 0, &i, sizeof i);
    EXPECT_EQ(send(s, &r, r.h.nlmsg_len, 0), r.h.nlmsg_len);
    EXPECT_TRUE(recvfrom(s, buf, sizeof buf, 0, (struct sockaddr *)&from, &n) > 0);
    EXPECT_EQ(n, sizeof from);
    EXPECT_EQ(from.nl_pid, 0);
    EXPECT_EQ(from.nl_groups, 0);
}

TEST(netlink_pktinfo_tells_the_group)
{
    char buf[4096], control[64];
    struct iovec v = { buf, sizeof buf };
    struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
    int on = 1, s = nl_open(NETLINK_ROUTE);
    struct ifinfomsg i = { .ifi_index = 1 };
    struct nl_request r;
    struct cmsghdr *c;
    EXPECT_OK(setsockopt(s, SOL_NETLINK, NETLINK_PKTINFO, &on, sizeof on));
    nl_begin(&r, RTM_GETLINK, 0, &i, sizeof i);
    EXPECT_EQ(send(s, &r, r.h.nlmsg_len, 0), r.h.nlmsg_len);
    EXPECT_TRUE(recvmsg(s, &m, 0) > 0);
    c = CMSG_FIRSTHDR(&m);
    EXPECT_TRUE(c && c->cmsg_level == SOL_NETLINK && c->cmsg_type == NETLINK_PKTINFO);
    EXPECT_EQ(c->cmsg_len, CMSG_LEN(4));
}

TEST(netlink_the_unprivileged_may_ask_and_not_change)
{
    struct sockaddr_nl a = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK };
    struct ifinfomsg i = { .ifi_index = 1, .ifi_flags = IFF_UP, .ifi_change = IFF_UP };
    struct nl_request r;
    int s;
    ASSERT_OK(setgroups(0, NULL));
    ASSERT_OK(setresgid(1000, 1000, 1000));
    ASSERT_OK(setresuid(1000, 1000, 1000));
    s = ASSERT_OK(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));
    EXPECT_OK(bind(s, (struct sockaddr *)&a, sizeof a));
    nl_begin(&r, RTM_GETLINK, 0, &i, sizeof i);
    EXPECT_EQ(nl_ask(s, &r), 0);
    nl_begin(&r, RTM_SETLINK, 0, &i, sizeof i);
    EXPECT_EQ(nl_ask(s, &r), EPERM);
    a.nl_groups = 0;
    a.nl_pid = 1;
    EXPECT_ERRNO(sendto(s, "x", 1, 0, (struct sockaddr *)&a, sizeof a), EPERM);
}

TEST(netlink_sockets_are_listed_in_proc)
{
    char line[256];
    int found = 0;
    FILE *f;
    nl_open(NETLINK_ROUTE);
    f = fopen("/proc/net/netlink", "r");
    EXPECT_TRUE(f != NULL);
    EXPECT_TRUE(fgets(line, sizeof line, f) != NULL);
    EXPECT_TRUE(strncmp(line, "sk               Eth Pid", 24) == 0);
    while (fgets(line, sizeof line, f)) {
        unsigned long sk;
        int eth;
        unsigned pid;
        if (sscanf(line, "%lx %d %u", &sk, &eth, &pid) == 3 && eth == 0 && pid == (unsigned)getpid())
            found = 1;
    }
    EXPECT_EQ(found, 1);
}
