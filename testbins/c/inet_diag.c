/* What tools are told of IP sockets: NETLINK_SOCK_DIAG, and the counts in /proc/net/snmp. */
/* proves D13, B12 */
#include "nacre_test.h"
#include "inet_test.h"
#include "netlink_test.h"
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>

static struct inet_diag_req_v2 wanted(int family, int protocol)
{
    struct inet_diag_req_v2 r;
    memset(&r, 0, sizeof r);
    r.sdiag_family = family;
    r.sdiag_protocol = protocol;
    r.idiag_states = -1;
    return r;
}

static char answer[65536];

/* Sends a request and reads one answer; its length. */
static int ask(int s, int flags, const struct inet_diag_req_v2 *r)
{
    struct nl_request q;
    nl_begin(&q, SOCK_DIAG_BY_FAMILY, flags, r, sizeof *r);
    ASSERT_OK(send(s, &q, q.h.nlmsg_len, 0));
    return ASSERT_OK(recv(s, answer, sizeof answer, 0));
}

/* The error a request is answered with. */
static int refused(int s, int flags, const struct inet_diag_req_v2 *r)
{
    struct nlmsghdr *h = (void *)answer;
    ask(s, flags, r);
    ASSERT_EQ(h->nlmsg_type, NLMSG_ERROR);
    return -((struct nlmsgerr *)NLMSG_DATA(h))->error;
}

/* A socket to ask with. Linux has the answers in modules, which not every boot loads. */
static int diag_open(void)
{
    int s = nl_open(NETLINK_SOCK_DIAG);
    struct inet_diag_req_v2 r = wanted(AF_INET, IPPROTO_TCP);
    struct nlmsghdr *h = (void *)answer;
    struct nlmsgerr *e = NLMSG_DATA(h);
    r.idiag_states = 0;
    ask(s, NLM_F_DUMP, &r);
    if (h->nlmsg_type == NLMSG_ERROR && e->error == -ENOENT)
        SKIP("no inet_diag");
    return s;
}

/* The socket with this port of its own in a dump; copied. */
static int find(int s, const struct inet_diag_req_v2 *r, int port, struct inet_diag_msg *found)
{
    int n = ask(s, NLM_F_DUMP, r), seen = 0, done = 0;
    while (!done) {
        for (struct nlmsghdr *h = (void *)answer; NLMSG_OK(h, (unsigned)n); h = NLMSG_NEXT(h, n)) {
            struct inet_diag_msg *m = NLMSG_DATA(h);
            if (h->nlmsg_type == NLMSG_DONE) {
                done = 1;
                break;
            }
            ASSERT_EQ(h->nlmsg_type, SOCK_DIAG_BY_FAMILY);
            if (ntohs(m->id.idiag_sport) == port) {
                *found = *m;
                seen++;
            }
        }
        if (!done)
            n = ASSERT_OK(recv(s, answer, sizeof answer, 0));
    }
    return seen;
}

TEST(diag_sizes_are_linuxs)
{
    EXPECT_EQ(sizeof(struct inet_diag_req_v2), 56);
    EXPECT_EQ(sizeof(struct inet_diag_msg), 72);
}

TEST(diag_a_listener_is_told)
{
    int port, l = tcp_listener(7, &port), s = diag_open();
    struct inet_diag_req_v2 r = wanted(AF_INET, IPPROTO_TCP);
    struct inet_diag_msg m;
    struct stat st;
    ASSERT_EQ(find(s, &r, port, &m), 1);
    EXPECT_OK(fstat(l, &st));
    EXPECT_EQ(m.idiag_family, AF_INET);
    EXPECT_EQ(m.idiag_state, 10);
    EXPECT_EQ(m.id.idiag_src[0], htonl(INADDR_LOOPBACK));
    EXPECT_EQ(m.id.idiag_dport, 0);
    EXPECT_EQ(m.idiag_inode, st.st_ino);
    EXPECT_EQ(m.idiag_rqueue, 0);
    EXPECT_EQ(m.idiag_wqueue, 7);
    r.idiag_states = 1 << 1;
    EXPECT_EQ(find(s, &r, port, &m), 0);
}

TEST(diag_a_dump_is_whole_in_a_small_buffer)
{
    int port = 0, last = 0, small = 1, s = diag_open();
    struct inet_diag_req_v2 r = wanted(AF_INET, IPPROTO_TCP);
    struct inet_diag_msg m;
    for (int i = 0; i < 200; i++) {
        tcp_listener(7, &port);
        last = port;
    }
    ASSERT_OK(setsockopt(s, SOL_SOCKET, SO_RCVBUF, &small, sizeof small));
    EXPECT_EQ(find(s, &r, last, &m), 1);
    /* Whole again: nothing of the first is left, and nothing was lost. */
    EXPECT_EQ(find(s, &r, last, &m), 1);
}

TEST(diag_a_connection_is_told_at_both_ends)
{
    int port, l = tcp_listener(7, &port), s = diag_open();
    int c = ASSERT_OK(socket(AF_INET, SOCK_STREAM, 0)), a;
    struct inet_diag_req_v2 r = wanted(AF_INET, IPPROTO_TCP);
    struct inet_diag_msg m;
    ASSERT_OK(connect4(c, "127.0.0.1", port));
    a = ASSERT_OK(accept(l, NULL, NULL));
    EXPECT_EQ(send(a, "four", 4, 0), 4);
    ASSERT_EQ(find(s, &r, port_of(c), &m), 1);
    EXPECT_EQ(m.idiag_state, 1);
    EXPECT_EQ(ntohs(m.id.idiag_dport), port);
    EXPECT_EQ(m.idiag_rqueue, 4);
    EXPECT_EQ(m.idiag_uid, 0);
    /* By its port and by that of its peer. */
    r.id.idiag_dport = htons(port);
    EXPECT_EQ(find(s, &r, port_of(c), &m), 1);
    EXPECT_EQ(find(s, &r, port, &m), 0);
}

TEST(diag_udp_sockets_are_told)
{
    int u = ASSERT_OK(socket(AF_INET, SOCK_DGRAM, 0)), s = diag_open();
    struct inet_diag_req_v2 r = wanted(AF_INET, IPPROTO_UDP);
    struct inet_diag_msg m;
    ASSERT_OK(bind4(u, "127.0.0.1", 0));
    ASSERT_EQ(find(s, &r, port_of(u), &m), 1);
    EXPECT_EQ(m.idiag_state, 7);
    ASSERT_OK(connect4(u, "127.0.0.1", 9));
    ASSERT_EQ(find(s, &r, port_of(u), &m), 1);
    EXPECT_EQ(m.idiag_state, 1);
    EXPECT_EQ(ntohs(m.id.idiag_dport), 9);
}

TEST(diag_ipv6_sockets_are_told_apart)
{
    int l = ASSERT_OK(socket(AF_INET6, SOCK_STREAM, 0)), s = diag_open();
    struct inet_diag_req_v2 r = wanted(AF_INET6, IPPROTO_TCP);
    struct inet_diag_msg m;
    ASSERT_OK(bind6(l, "::1", 0));
    ASSERT_OK(listen(l, 1));
    ASSERT_EQ(find(s, &r, port_of(l), &m), 1);
    EXPECT_EQ(m.idiag_family, AF_INET6);
    EXPECT_EQ(m.id.idiag_src[3], htonl(1));
    r.sdiag_family = AF_INET;
    EXPECT_EQ(find(s, &r, port_of(l), &m), 0);
}

TEST(diag_one_socket_by_its_ends)
{
    int port, l = tcp_listener(7, &port), s = diag_open();
    struct inet_diag_req_v2 r = wanted(AF_INET, IPPROTO_TCP);
    struct nlmsghdr *h = (void *)answer;
    struct inet_diag_msg *m = NLMSG_DATA(h);
    r.id.idiag_sport = htons(port);
    r.id.idiag_src[0] = htonl(INADDR_LOOPBACK);
    r.id.idiag_cookie[0] = r.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
    ask(s, 0, &r);
    EXPECT_EQ(h->nlmsg_type, SOCK_DIAG_BY_FAMILY);
    EXPECT_EQ(m->idiag_state, 10);
    r.id.idiag_cookie[0] = m->id.idiag_cookie[0] + 1;
    EXPECT_EQ(refused(s, 0, &r), ENOENT);
    close(l);
    r.id.idiag_cookie[0] = INET_DIAG_NOCOOKIE;
    EXPECT_EQ(refused(s, 0, &r), ENOENT);
}

TEST(diag_what_nobody_tells_of)
{
    int s = diag_open();
    struct inet_diag_req_v2 r = wanted(AF_INET, 99);
    /* A dump says so at its end. */
    EXPECT_TRUE(ask(s, NLM_F_DUMP, &r) >= NLMSG_LENGTH(4));
    EXPECT_EQ(((struct nlmsghdr *)answer)->nlmsg_type, NLMSG_DONE);
    EXPECT_EQ(*(int *)NLMSG_DATA((struct nlmsghdr *)answer), -ENOENT);
    EXPECT_EQ(refused(s, 0, &r), ENOENT);
    r = wanted(77, IPPROTO_TCP);
    EXPECT_EQ(refused(s, NLM_F_DUMP, &r), EINVAL);
}

/* A figure of /proc/net/snmp: the group's word in the column of this name. */
static long figure(const char *group, const char *column)
{
    char names[4096], values[4096], *n, *v, *ns, *vs;
    long found = -1;
    size_t len = strlen(group);
    FILE *f = fopen("/proc/net/snmp", "r");
    ASSERT_TRUE(f != NULL);
    while (fgets(names, sizeof names, f) && fgets(values, sizeof values, f)) {
        if (strncmp(names, group, len) != 0 || names[len] != ':')
            continue;
        n = strtok_r(names, " \n", &ns);
        v = strtok_r(values, " \n", &vs);
        while (n && v) {
            if (strcmp(n, column) == 0)
                found = atol(v);
            n = strtok_r(NULL, " \n", &ns);
            v = strtok_r(NULL, " \n", &vs);
        }
    }
    fclose(f);
    return found;
}

TEST(snmp_counts_datagrams)
{
    int s = ASSERT_OK(socket(AF_INET, SOCK_DGRAM, 0));
    struct sockaddr_in nobody = at4("127.0.0.1", 1), self;
    long in = figure("Udp", "InDatagrams"), out = figure("Udp", "OutDatagrams"), none = figure("Udp", "NoPorts");
    char c;
    ASSERT_OK(bind4(s, "127.0.0.1", 0));
    self = at4("127.0.0.1", port_of(s));
    EXPECT_EQ(sendto(s, "x", 1, 0, (struct sockaddr *)&self, sizeof self), 1);
    EXPECT_EQ(recv(s, &c, 1, 0), 1);
    EXPECT_EQ(sendto(s, "x", 1, 0, (struct sockaddr *)&nobody, sizeof nobody), 1);
    EXPECT_TRUE(figure("Udp", "OutDatagrams") >= out + 2);
    EXPECT_TRUE(figure("Udp", "InDatagrams") >= in + 1);
    EXPECT_TRUE(figure("Udp", "NoPorts") >= none + 1);
}

TEST(snmp_counts_connections)
{
    long opens = figure("Tcp", "ActiveOpens"), taken = figure("Tcp", "PassiveOpens");
    int port, l = tcp_listener(1, &port), c = ASSERT_OK(socket(AF_INET, SOCK_STREAM, 0));
    ASSERT_OK(connect4(c, "127.0.0.1", port));
    ASSERT_OK(accept(l, NULL, NULL));
    EXPECT_TRUE(figure("Tcp", "ActiveOpens") >= opens + 1);
    EXPECT_TRUE(figure("Tcp", "PassiveOpens") >= taken + 1);
    EXPECT_TRUE(figure("Tcp", "CurrEstab") >= 2);
    EXPECT_TRUE(figure("Ip", "DefaultTTL") == 64);
}

TEST(snmp_counts_echoes)
{
    struct sockaddr_in to = at4("127.0.0.1", 0);
    char echo[8] = { 8, 0, 0xf7, 0xff, 0, 0, 0, 0 };
    int s = ASSERT_OK(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
    long in = figure("Icmp", "InEchos"), out = figure("Icmp", "OutEchoReps");
    EXPECT_EQ(sendto(s, echo, 8, 0, (struct sockaddr *)&to, sizeof to), 8);
    EXPECT_TRUE(await(s, POLLIN) & POLLIN);
    EXPECT_TRUE(figure("Icmp", "InEchos") >= in + 1);
    EXPECT_TRUE(figure("Icmp", "OutEchoReps") >= out + 1);
}
