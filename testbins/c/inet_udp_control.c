/* What comes with a UDP message: errors, interface and address, TTL, TOS, time (man 7 ip, man 7 udp). */
#include "nacre_test.h"
#include "inet_test.h"

/* proves the error queue of issue D9 */
TEST(udp_ip_recverr_tells_where_and_what)
{
    char buf[16], control[256];
    struct sockaddr_in to, *offender;
    struct iovec v = { buf, sizeof buf };
    struct msghdr m = { .msg_name = &to, .msg_namelen = sizeof to, .msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
    struct cmsghdr *c;
    struct {
        uint32_t error;
        uint8_t origin, type, code, pad;
        uint32_t info, data;
    } *e;
    int r = udp4("127.0.0.1", 0), port = port_of(r), s = udp_any();
    close(r);
    set_option(s, SOL_IP, IP_RECVERR, 1);
    EXPECT_ERRNO(recvmsg(s, &m, MSG_ERRQUEUE), EAGAIN);
    EXPECT_EQ(send_to(s, "127.0.0.1", port, "abc", 3), 3);
    EXPECT_TRUE(ready(s) & POLLERR);
    EXPECT_EQ(recvmsg(s, &m, MSG_ERRQUEUE), 3);
    EXPECT_TRUE(m.msg_flags & MSG_ERRQUEUE);
    EXPECT_MEMEQ(buf, "abc", 3);
    EXPECT_EQ(ntohs(to.sin_port), port);
    c = CMSG_FIRSTHDR(&m);
    ASSERT_TRUE(c && c->cmsg_level == SOL_IP && c->cmsg_type == IP_RECVERR);
    e = (void *)CMSG_DATA(c);
    EXPECT_EQ(e->error, ECONNREFUSED);
    EXPECT_EQ(e->origin, 2);
    EXPECT_EQ(e->type, 3);
    EXPECT_EQ(e->code, 3);
    offender = (void *)(e + 1);
    EXPECT_EQ(offender->sin_addr.s_addr, htonl(INADDR_LOOPBACK));
    EXPECT_EQ(option(s, SOL_SOCKET, SO_ERROR), 0);
    EXPECT_EQ(ready(s), POLLOUT);
}

/* proves IP_PKTINFO */
TEST(udp_pktinfo_tells_the_interface_and_the_address)
{
    char buf[8], control[64];
    struct iovec v = { buf, sizeof buf };
    struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
    struct cmsghdr *c;
    struct in_pktinfo *info;
    int r = udp4("0.0.0.0", 0), s = udp_any();
    set_option(r, SOL_IP, IP_PKTINFO, 1);
    EXPECT_EQ(option(r, SOL_IP, IP_PKTINFO), 1);
    EXPECT_EQ(send_to(s, "127.0.0.5", port_of(r), "x", 1), 1);
    EXPECT_EQ(recvmsg(r, &m, 0), 1);
    c = CMSG_FIRSTHDR(&m);
    ASSERT_TRUE(c && c->cmsg_level == SOL_IP && c->cmsg_type == IP_PKTINFO);
    EXPECT_EQ(c->cmsg_len, CMSG_LEN(sizeof *info));
    info = (void *)CMSG_DATA(c);
    EXPECT_EQ(info->ipi_ifindex, 1);
    EXPECT_EQ(info->ipi_addr.s_addr, inet_addr("127.0.0.5"));
    EXPECT_EQ(info->ipi_spec_dst.s_addr, inet_addr("127.0.0.5"));
}

TEST(udp_pktinfo_chooses_the_source)
{
    char buf[8], control[CMSG_SPACE(sizeof(struct in_pktinfo))] = { 0 };
    struct sockaddr_in to, from;
    socklen_t n = sizeof from;
    struct iovec v = { "x", 1 };
    struct msghdr m = { .msg_name = &to, .msg_namelen = sizeof to, .msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    struct in_pktinfo info = { 0, { inet_addr("127.0.0.9") }, { 0 } };
    int r = udp4("127.0.0.1", 0), s = udp_any();
    to = at4("127.0.0.1", port_of(r));
    c->cmsg_level = SOL_IP;
    c->cmsg_type = IP_PKTINFO;
    c->cmsg_len = CMSG_LEN(sizeof info);
    memcpy(CMSG_DATA(c), &info, sizeof info);
    EXPECT_EQ(sendmsg(s, &m, 0), 1);
    EXPECT_EQ(recvfrom(r, buf, 8, 0, (struct sockaddr *)&from, &n), 1);
    EXPECT_EQ(from.sin_addr.s_addr, inet_addr("127.0.0.9"));
}

TEST(udp_ttl_and_tos_are_told)
{
    char buf[8], control[128];
    struct iovec v = { buf, sizeof buf };
    struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
    struct cmsghdr *c;
    int r = udp4("127.0.0.1", 0), s = udp_any(), seen = 0;
    set_option(r, SOL_IP, IP_RECVTTL, 1);
    set_option(r, SOL_IP, IP_RECVTOS, 1);
    set_option(s, SOL_IP, IP_TTL, 7);
    set_option(s, SOL_IP, IP_TOS, 0x20);
    EXPECT_EQ(send_to(s, "127.0.0.1", port_of(r), "x", 1), 1);
    EXPECT_EQ(recvmsg(r, &m, 0), 1);
    for (c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
        EXPECT_EQ(c->cmsg_level, SOL_IP);
        if (c->cmsg_type == IP_TTL) {
            EXPECT_EQ(*(int *)CMSG_DATA(c), 7);
            seen |= 1;
        } else if (c->cmsg_type == IP_TOS) {
            EXPECT_EQ(*CMSG_DATA(c), 0x20);
            EXPECT_EQ(c->cmsg_len, CMSG_LEN(1));
            seen |= 2;
        }
    }
    EXPECT_EQ(seen, 3);
}

TEST(udp_so_timestamp_is_told)
{
    char buf[8], control[128];
    struct iovec v = { buf, sizeof buf };
    struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
    struct cmsghdr *c;
    struct timeval t, now;
    int r = udp4("127.0.0.1", 0), s = udp_any();
    set_option(r, SOL_SOCKET, SO_TIMESTAMP, 1);
    EXPECT_EQ(send_to(s, "127.0.0.1", port_of(r), "x", 1), 1);
    EXPECT_EQ(recvmsg(r, &m, 0), 1);
    gettimeofday(&now, NULL);
    c = CMSG_FIRSTHDR(&m);
    ASSERT_TRUE(c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_TIMESTAMP);
    memcpy(&t, CMSG_DATA(c), sizeof t);
    EXPECT_TRUE(t.tv_sec >= now.tv_sec - 5 && t.tv_sec <= now.tv_sec);
    EXPECT_TRUE(t.tv_usec >= 0 && t.tv_usec < 1000000);
}

TEST(udp6_older_programs_are_told_as_they_ask)
{
    enum { OLD_PKTINFO = 2, OLD_HOPLIMIT = 8 };
    char buf[8], control[128];
    struct iovec v = { buf, sizeof buf };
    struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
    int r = ASSERT_OK(socket(AF_INET6, SOCK_DGRAM, 0)), s = ASSERT_OK(socket(AF_INET6, SOCK_DGRAM, 0)), seen = 0;
    ASSERT_OK(bind6(r, "::1", 0));
    set_option(r, SOL_IPV6, OLD_PKTINFO, 1);
    set_option(r, SOL_IPV6, OLD_HOPLIMIT, 1);
    set_option(s, SOL_IPV6, IPV6_UNICAST_HOPS, 9);
    struct sockaddr_in6 to = at6("::1", port_of(r));
    EXPECT_EQ(sendto(s, "x", 1, 0, (struct sockaddr *)&to, sizeof to), 1);
    EXPECT_EQ(recvmsg(r, &m, 0), 1);
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
        if (c->cmsg_level == SOL_IPV6 && c->cmsg_type == OLD_PKTINFO) {
            EXPECT_EQ(((struct in6_pktinfo *)CMSG_DATA(c))->ipi6_ifindex, 1);
            seen |= 1;
        } else if (c->cmsg_level == SOL_IPV6 && c->cmsg_type == OLD_HOPLIMIT) {
            EXPECT_EQ(*(int *)CMSG_DATA(c), 9);
            seen |= 2;
        } else {
            seen |= 4;
        }
    }
    EXPECT_EQ(seen, 3);
}

TEST(udp6_pktinfo_and_hoplimit_are_told)
{
    char buf[8], control[128];
    struct iovec v = { buf, sizeof buf };
    struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
    struct cmsghdr *c;
    struct sockaddr_in6 to;
    int r = ASSERT_OK(socket(AF_INET6, SOCK_DGRAM, 0)), s = ASSERT_OK(socket(AF_INET6, SOCK_DGRAM, 0)), seen = 0;
    ASSERT_OK(bind6(r, "::1", 0));
    set_option(r, SOL_IPV6, IPV6_RECVPKTINFO, 1);
    set_option(r, SOL_IPV6, IPV6_RECVHOPLIMIT, 1);
    set_option(s, SOL_IPV6, IPV6_UNICAST_HOPS, 9);
    to = at6("::1", port_of(r));
    EXPECT_EQ(sendto(s, "x", 1, 0, (struct sockaddr *)&to, sizeof to), 1);
    EXPECT_EQ(recvmsg(r, &m, 0), 1);
    for (c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
        if (c->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo *info = (void *)CMSG_DATA(c);
            EXPECT_TRUE(IN6_IS_ADDR_LOOPBACK(&info->ipi6_addr));
            EXPECT_EQ(info->ipi6_ifindex, 1);
            seen |= 1;
        } else if (c->cmsg_type == IPV6_HOPLIMIT) {
            EXPECT_EQ(*(int *)CMSG_DATA(c), 9);
            seen |= 2;
        }
    }
    EXPECT_EQ(seen, 3);
}
