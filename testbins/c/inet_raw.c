/* Raw sockets on one machine (man 7 raw). */
#include "nacre_test.h"
#include "inet_test.h"

TEST(raw_sockets_want_the_privilege)
{
    EXPECT_OK(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
    be_nobody();
    EXPECT_ERRNO(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP), EPERM);
    EXPECT_ERRNO(socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6), EPERM);
}

/* proves D10 on this machine */
TEST(raw_icmp_echo_is_answered_with_its_header)
{
    unsigned char echo[12] = { 8, 0, 0, 0, 0x12, 0x34, 0, 1, 'p', 'i', 'n', 'g' }, buf[128];
    struct sockaddr_in to = at4("127.0.0.1", 0), from;
    socklen_t n = sizeof from;
    unsigned sum = 0;
    int s = ASSERT_OK(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP)), got;
    for (int i = 0; i < 12; i += 2)
        sum += echo[i] << 8 | echo[i + 1];
    sum = (sum & 0xffff) + (sum >> 16);
    echo[2] = ~sum >> 8;
    echo[3] = ~sum;
    EXPECT_EQ(sendto(s, echo, 12, 0, (struct sockaddr *)&to, sizeof to), 12);
    do
        got = recvfrom(s, buf, sizeof buf, 0, (struct sockaddr *)&from, &n);
    while (got == 32 && buf[20] == 8);
    EXPECT_EQ(got, 32);
    EXPECT_EQ(buf[0], 0x45);
    EXPECT_EQ(buf[9], 1);
    EXPECT_EQ(buf[20], 0);
    EXPECT_MEMEQ(buf + 24, echo + 4, 8);
    EXPECT_EQ(from.sin_port, 0);
}

TEST(raw_protocols_of_ones_own_pass)
{
    char buf[64];
    struct sockaddr_in to = at4("127.0.0.1", 0);
    int r = ASSERT_OK(socket(AF_INET, SOCK_RAW, 253)), s = ASSERT_OK(socket(AF_INET, SOCK_RAW, 253));
    EXPECT_EQ(sendto(s, "own", 3, 0, (struct sockaddr *)&to, sizeof to), 3);
    EXPECT_EQ(recv(r, buf, 64, 0), 23);
    EXPECT_MEMEQ(buf + 20, "own", 3);
}

TEST(raw_hdrincl_takes_the_programs_header)
{
    unsigned char p[23] = { 0x45, 0, 0, 0, 0, 0, 0, 0, 33, 253, 0, 0, 127, 0, 0, 1, 127, 0, 0, 1, 'h', 'd', 'r' }, buf[64];
    struct sockaddr_in to = at4("127.0.0.1", 0);
    int r = ASSERT_OK(socket(AF_INET, SOCK_RAW, 253)), s = ASSERT_OK(socket(AF_INET, SOCK_RAW, IPPROTO_RAW));
    EXPECT_EQ(option(s, SOL_IP, IP_HDRINCL), 1);
    EXPECT_EQ(sendto(s, p, sizeof p, 0, (struct sockaddr *)&to, sizeof to), 23);
    EXPECT_EQ(recv(r, buf, 64, 0), 23);
    EXPECT_EQ(buf[8], 33);
    EXPECT_EQ(buf[3], 23);
}
