/* Packet sockets: frames on lo, addresses, filters, counts (man 7 packet). */
#include "nacre_test.h"
#include <arpa/inet.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/* A type nobody else speaks (local experimental). */
#define KIND 0x88b5

__attribute__((constructor)) static void lo_up(void)
{
    int fd = open("/sys/class/net/lo/flags", O_WRONLY);
    if (fd >= 0) {
        write(fd, "0x1", 3);
        close(fd);
    }
}

static struct sockaddr_ll at(int index, int kind)
{
    struct sockaddr_ll a = { .sll_family = AF_PACKET, .sll_protocol = htons(kind), .sll_ifindex = index, .sll_halen = 6 };
    return a;
}

static int packet(int type, int kind)
{
    struct timeval patience = { .tv_sec = 600 };
    struct sockaddr_ll a = at(1, kind);
    int s = ASSERT_OK(socket(AF_PACKET, type, 0));
    ASSERT_OK(bind(s, (struct sockaddr *)&a, sizeof a));
    setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    return s;
}

static ssize_t send_kind(int s, int kind, const void *data, size_t len)
{
    struct sockaddr_ll a = at(1, kind);
    return sendto(s, data, len, 0, (struct sockaddr *)&a, sizeof a);
}

/* proves D13 */
TEST(packet_types)
{
    EXPECT_OK(socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL)));
    EXPECT_OK(socket(AF_PACKET, SOCK_DGRAM, htons(ETH_P_IP)));
    EXPECT_ERRNO(socket(AF_PACKET, SOCK_STREAM, 0), ESOCKTNOSUPPORT);
}

TEST(packet_needs_a_privilege)
{
    ASSERT_OK(setgroups(0, NULL));
    ASSERT_OK(setresgid(1000, 1000, 1000));
    ASSERT_OK(setresuid(1000, 1000, 1000));
    EXPECT_ERRNO(socket(AF_PACKET, SOCK_RAW, 0), EPERM);
    EXPECT_ERRNO(socket(AF_PACKET, SOCK_STREAM, 0), EPERM);
}

TEST(packet_name_tells_interface_and_type)
{
    struct sockaddr_ll a;
    socklen_t n = sizeof a;
    int s = packet(SOCK_RAW, KIND);
    EXPECT_OK(getsockname(s, (struct sockaddr *)&a, &n));
    EXPECT_EQ(n, 18);
    EXPECT_EQ(a.sll_family, AF_PACKET);
    EXPECT_EQ(a.sll_protocol, htons(KIND));
    EXPECT_EQ(a.sll_ifindex, 1);
    EXPECT_EQ(a.sll_hatype, 772);
    EXPECT_EQ(a.sll_halen, 6);
    EXPECT_ERRNO(getpeername(s, (struct sockaddr *)&a, &n), EOPNOTSUPP);
}

TEST(packet_bad_binds)
{
    struct sockaddr_ll a = at(9999, KIND);
    int s = ASSERT_OK(socket(AF_PACKET, SOCK_RAW, 0));
    EXPECT_ERRNO(bind(s, (struct sockaddr *)&a, sizeof a), ENODEV);
    a.sll_ifindex = 1;
    EXPECT_ERRNO(bind(s, (struct sockaddr *)&a, sizeof a - 1), EINVAL);
    a.sll_family = AF_INET;
    EXPECT_ERRNO(bind(s, (struct sockaddr *)&a, sizeof a), EINVAL);
}

TEST(packet_does_not_connect_or_listen)
{
    struct sockaddr_ll a = at(1, KIND);
    int s = packet(SOCK_RAW, KIND), v[2];
    EXPECT_ERRNO(connect(s, (struct sockaddr *)&a, sizeof a), EOPNOTSUPP);
    EXPECT_ERRNO(listen(s, 1), EOPNOTSUPP);
    EXPECT_ERRNO(accept(s, NULL, NULL), EOPNOTSUPP);
    EXPECT_ERRNO(shutdown(s, SHUT_RDWR), EOPNOTSUPP);
    EXPECT_ERRNO(socketpair(AF_PACKET, SOCK_RAW, 0, v), EOPNOTSUPP);
}

TEST(packet_datagram_comes_back_on_lo)
{
    char buf[256];
    struct sockaddr_ll from;
    socklen_t n = sizeof from;
    int s = packet(SOCK_DGRAM, KIND), t = packet(SOCK_DGRAM, KIND);
    EXPECT_EQ(send_kind(s, KIND, "hello", 5), 5);
    EXPECT_EQ(recvfrom(t, buf, sizeof buf, 0, (struct sockaddr *)&from, &n), 5);
    EXPECT_MEMEQ(buf, "hello", 5);
    EXPECT_EQ(n, sizeof from);
    EXPECT_EQ(from.sll_family, AF_PACKET);
    EXPECT_EQ(from.sll_protocol, htons(KIND));
    EXPECT_EQ(from.sll_ifindex, 1);
    EXPECT_EQ(from.sll_hatype, 772);
    EXPECT_EQ(from.sll_pkttype, PACKET_HOST);
    EXPECT_EQ(from.sll_halen, 6);
    /* The sender hears what comes back too. */
    EXPECT_EQ(recv(s, buf, sizeof buf, MSG_DONTWAIT), 5);
}

TEST(packet_raw_has_the_header)
{
    char frame[20] = { 0 }, buf[256];
    int s = packet(SOCK_RAW, KIND);
    frame[12] = KIND >> 8;
    frame[13] = KIND & 0xff;
    memcpy(frame + 14, "hello!", 6);
    EXPECT_EQ(send_kind(s, KIND, frame, sizeof frame), sizeof frame);
    EXPECT_EQ(recv(s, buf, sizeof buf, 0), sizeof frame);
    EXPECT_MEMEQ(buf, frame, sizeof frame);
}

TEST(packet_of_all_types_hears_going_out_and_coming_back)
{
    char buf[256];
    struct sockaddr_ll from;
    socklen_t n = sizeof from;
    int s = packet(SOCK_DGRAM, KIND), all = packet(SOCK_DGRAM, ETH_P_ALL), out = 0, in = 0;
    EXPECT_EQ(send_kind(s, KIND, "x", 1), 1);
    while (out + in < 2 && recvfrom(all, buf, sizeof buf, 0, (struct sockaddr *)&from, &n) >= 0)
        if (from.sll_protocol == htons(KIND)) {
            out += from.sll_pkttype == PACKET_OUTGOING;
            in += from.sll_pkttype == PACKET_HOST;
        }
    EXPECT_EQ(out, 1);
    EXPECT_EQ(in, 1);
}

TEST(packet_other_types_are_not_heard)
{
    char c;
    int s = packet(SOCK_DGRAM, KIND + 1);
    EXPECT_EQ(send_kind(s, KIND, "x", 1), 1);
    EXPECT_ERRNO(recv(s, &c, 1, MSG_DONTWAIT), EAGAIN);
}

TEST(packet_of_no_type_hears_nothing)
{
    char c;
    int s = ASSERT_OK(socket(AF_PACKET, SOCK_DGRAM, 0)), t = packet(SOCK_DGRAM, KIND);
    EXPECT_EQ(send_kind(t, KIND, "x", 1), 1);
    EXPECT_ERRNO(recv(s, &c, 1, MSG_DONTWAIT), EAGAIN);
}

TEST(packet_bad_sends)
{
    struct sockaddr_ll a = at(9999, KIND);
    int s = packet(SOCK_RAW, KIND), d = ASSERT_OK(socket(AF_PACKET, SOCK_DGRAM, 0));
    EXPECT_ERRNO(sendto(s, "0123456789abcdef", 16, 0, (struct sockaddr *)&a, sizeof a), ENXIO);
    EXPECT_ERRNO(send_kind(s, KIND, "x", 1), EINVAL);
    a.sll_ifindex = 1;
    EXPECT_ERRNO(sendto(s, "0123456789abcdef", 16, 0, (struct sockaddr *)&a, sizeof a - 9), EINVAL);
    EXPECT_ERRNO(send(d, "x", 1, 0), ENXIO);
}

TEST(packet_counts)
{
    struct tpacket_stats st;
    socklen_t n = sizeof st;
    int s = packet(SOCK_DGRAM, KIND);
    EXPECT_EQ(send_kind(s, KIND, "x", 1), 1);
    EXPECT_EQ(send_kind(s, KIND, "y", 1), 1);
    EXPECT_OK(getsockopt(s, SOL_PACKET, PACKET_STATISTICS, &st, &n));
    EXPECT_EQ(n, sizeof st);
    EXPECT_EQ(st.tp_packets, 2);
    EXPECT_EQ(st.tp_drops, 0);
    EXPECT_OK(getsockopt(s, SOL_PACKET, PACKET_STATISTICS, &st, &n));
    EXPECT_EQ(st.tp_packets, 0);
}

TEST(packet_full_buffer_drops)
{
    struct tpacket_stats st;
    socklen_t n = sizeof st;
    char big[1000] = { 0 };
    int i, small = 1, s = packet(SOCK_DGRAM, KIND);
    EXPECT_OK(setsockopt(s, SOL_SOCKET, SO_RCVBUF, &small, sizeof small));
    for (i = 0; i < 50; i++)
        EXPECT_EQ(send_kind(s, KIND, big, sizeof big), sizeof big);
    EXPECT_OK(getsockopt(s, SOL_PACKET, PACKET_STATISTICS, &st, &n));
    EXPECT_EQ(st.tp_packets, 50);
    EXPECT_TRUE(st.tp_drops > 0 && st.tp_drops < 50);
}

TEST(packet_truncation_and_peek)
{
    char buf[4];
    int s = packet(SOCK_DGRAM, KIND), left = 0;
    EXPECT_EQ(send_kind(s, KIND, "0123456789", 10), 10);
    EXPECT_OK(ioctl(s, FIONREAD, &left));
    EXPECT_EQ(left, 10);
    EXPECT_EQ(recv(s, buf, 4, MSG_PEEK | MSG_TRUNC), 10);
    EXPECT_EQ(recv(s, buf, 4, 0), 4);
    EXPECT_ERRNO(recv(s, buf, 4, MSG_DONTWAIT), EAGAIN);
    EXPECT_ERRNO(recv(s, buf, 4, MSG_OOB), EINVAL);
}

TEST(packet_auxdata_tells_lengths)
{
    char buf[64], control[128];
    struct iovec v = { buf, 5 };
    struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
    struct tpacket_auxdata aux;
    struct cmsghdr *c;
    int on = 1, s = packet(SOCK_DGRAM, KIND);
    EXPECT_OK(setsockopt(s, SOL_PACKET, PACKET_AUXDATA, &on, sizeof on));
    EXPECT_EQ(send_kind(s, KIND, "0123456789", 10), 10);
    EXPECT_EQ(recvmsg(s, &m, 0), 5);
    EXPECT_EQ(m.msg_flags & MSG_TRUNC, MSG_TRUNC);
    c = CMSG_FIRSTHDR(&m);
    EXPECT_TRUE(c && c->cmsg_level == SOL_PACKET && c->cmsg_type == PACKET_AUXDATA);
    EXPECT_EQ(c->cmsg_len, CMSG_LEN(sizeof aux));
    memcpy(&aux, CMSG_DATA(c), sizeof aux);
    EXPECT_EQ(aux.tp_len, 10);
    EXPECT_EQ(aux.tp_snaplen, 10);
    EXPECT_TRUE(aux.tp_status & TP_STATUS_USER);
}

static int attach(int s, struct sock_filter *f, int n)
{
    struct sock_fprog p = { .len = n, .filter = f };
    return setsockopt(s, SOL_SOCKET, SO_ATTACH_FILTER, &p, sizeof p);
}

TEST(packet_filter_chooses_and_cuts)
{
    /* Messages that begin with 'a' pass, three bytes of each. */
    struct sock_filter f[] = { BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 'a', 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 3), BPF_STMT(BPF_RET | BPF_K, 0) };
    char buf[16];
    int s = packet(SOCK_DGRAM, KIND);
    EXPECT_OK(attach(s, f, 4));
    EXPECT_EQ(send_kind(s, KIND, "bcdef", 5), 5);
    EXPECT_EQ(send_kind(s, KIND, "abcdef", 6), 6);
    EXPECT_EQ(recv(s, buf, sizeof buf, 0), 3);
    EXPECT_MEMEQ(buf, "abc", 3);
    EXPECT_ERRNO(recv(s, buf, sizeof buf, MSG_DONTWAIT), EAGAIN);
    EXPECT_OK(setsockopt(s, SOL_SOCKET, SO_DETACH_FILTER, NULL, 0) ? setsockopt(s, SOL_SOCKET, SO_DETACH_FILTER, buf, 4) : 0);
    EXPECT_EQ(send_kind(s, KIND, "bcdef", 5), 5);
    EXPECT_EQ(recv(s, buf, sizeof buf, 0), 5);
}

TEST(packet_filter_sees_the_type_beside)
{
    struct sock_filter f[] = { BPF_STMT(BPF_LD | BPF_W | BPF_ABS, SKF_AD_OFF + SKF_AD_PROTOCOL),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, KIND, 0, 1), BPF_STMT(BPF_RET | BPF_K, 100), BPF_STMT(BPF_RET | BPF_K, 0) };
    char buf[16];
    int s = packet(SOCK_RAW, ETH_P_ALL), t = packet(SOCK_DGRAM, KIND);
    EXPECT_OK(attach(s, f, 4));
    EXPECT_EQ(send_kind(t, KIND + 1, "no", 2), 2);
    EXPECT_EQ(send_kind(t, KIND, "yes", 3), 3);
    EXPECT_EQ(recv(s, buf, sizeof buf, MSG_TRUNC), 17);
}

TEST(packet_bad_filters)
{
    struct sock_filter none[] = { BPF_STMT(BPF_LD | BPF_IMM, 0) };
    struct sock_filter far[] = { BPF_JUMP(BPF_JMP | BPF_JA, 5, 0, 0), BPF_STMT(BPF_RET | BPF_K, 0) };
    struct sock_filter div[] = { BPF_STMT(BPF_ALU | BPF_DIV | BPF_K, 0), BPF_STMT(BPF_RET | BPF_K, 0) };
    struct sock_filter cell[] = { BPF_STMT(BPF_LD | BPF_MEM, 2), BPF_STMT(BPF_RET | BPF_A, 0) };
    struct sock_filter good[] = { BPF_STMT(BPF_RET | BPF_K, 1) };
    int on = 1, s = packet(SOCK_DGRAM, KIND);
    EXPECT_ERRNO(attach(s, none, 1), EINVAL);
    EXPECT_ERRNO(attach(s, far, 2), EINVAL);
    EXPECT_ERRNO(attach(s, div, 2), EINVAL);
    EXPECT_ERRNO(attach(s, cell, 2), EINVAL);
    EXPECT_ERRNO(attach(s, good, 0), EINVAL);
    EXPECT_ERRNO(attach(s, NT_BAD, 1), EFAULT);
    EXPECT_ERRNO(setsockopt(s, SOL_SOCKET, SO_DETACH_FILTER, &on, sizeof on), ENOENT);
    EXPECT_OK(attach(s, good, 1));
    EXPECT_OK(setsockopt(s, SOL_SOCKET, SO_LOCK_FILTER, &on, sizeof on));
    EXPECT_ERRNO(attach(s, good, 1), EPERM);
    EXPECT_ERRNO(setsockopt(s, SOL_SOCKET, SO_DETACH_FILTER, &on, sizeof on), EPERM);
}

TEST(packet_membership)
{
    struct packet_mreq m = { .mr_ifindex = 1, .mr_type = PACKET_MR_PROMISC };
    int s = packet(SOCK_DGRAM, KIND);
    EXPECT_OK(setsockopt(s, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &m, sizeof m));
    EXPECT_OK(setsockopt(s, SOL_PACKET, PACKET_DROP_MEMBERSHIP, &m, sizeof m));
    m.mr_ifindex = 9999;
    EXPECT_ERRNO(setsockopt(s, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &m, sizeof m), ENODEV);
    EXPECT_ERRNO(setsockopt(s, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &m, 8), EINVAL);
    EXPECT_ERRNO(setsockopt(s, SOL_PACKET, 99, &m, sizeof m), ENOPROTOOPT);
}

TEST(packet_poll)
{
    int s = packet(SOCK_DGRAM, KIND);
    struct pollfd p = { .fd = s, .events = POLLIN | POLLOUT };
    EXPECT_EQ(poll(&p, 1, 0), 1);
    EXPECT_EQ(p.revents, POLLOUT);
    EXPECT_EQ(send_kind(s, KIND, "x", 1), 1);
    EXPECT_EQ(poll(&p, 1, 600000), 1);
    EXPECT_EQ(p.revents, POLLIN | POLLOUT);
}
