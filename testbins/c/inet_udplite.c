/* UDP-Lite: sockets of its own, and what its checksum covers. */
/* proves B12, D9 */
#include "nacre_test.h"
#include "inet_test.h"

#include <netinet/udp.h>

#ifndef IPPROTO_UDPLITE
#define IPPROTO_UDPLITE 136
#endif
#define SEND_CSCOV 10
#define RECV_CSCOV 11

static int lite(int family)
{
    return ASSERT_OK(socket(family, SOCK_DGRAM, IPPROTO_UDPLITE));
}

static int value(int s, int level, int name)
{
    int got = -1;
    socklen_t len = sizeof got;
    ASSERT_OK(getsockopt(s, level, name, &got, &len));
    return got;
}

static int put(int s, int level, int name, int what)
{
    return setsockopt(s, level, name, &what, sizeof what);
}

TEST(udplite_is_a_protocol_of_its_own)
{
    int s = lite(AF_INET), udp = ASSERT_OK(socket(AF_INET, SOCK_DGRAM, 0));
    EXPECT_EQ(value(s, SOL_SOCKET, SO_PROTOCOL), IPPROTO_UDPLITE);
    EXPECT_EQ(value(s, SOL_SOCKET, SO_TYPE), SOCK_DGRAM);
    EXPECT_ERRNO(socket(AF_INET, SOCK_STREAM, IPPROTO_UDPLITE), EPROTONOSUPPORT);
    /* Its ports are not UDP's. */
    ASSERT_OK(bind4(s, "127.0.0.1", 0));
    EXPECT_OK(bind4(udp, "127.0.0.1", port_of(s)));
    EXPECT_ERRNO(bind4(lite(AF_INET), "127.0.0.1", port_of(s)), EADDRINUSE);
}

TEST(udplite_messages_come)
{
    for (int family = AF_INET; family <= AF_INET6; family += AF_INET6 - AF_INET) {
        char buffer[16];
        int a = lite(family), b = lite(family);
        if (family == AF_INET) {
            ASSERT_OK(bind4(a, "127.0.0.1", 0));
            ASSERT_OK(connect4(b, "127.0.0.1", port_of(a)));
        } else {
            ASSERT_OK(bind6(a, "::1", 0));
            ASSERT_OK(connect6(b, "::1", port_of(a)));
        }
        ASSERT_EQ(send(b, "hello", 5, 0), 5);
        EXPECT_EQ(recv(a, buffer, sizeof buffer, 0), 5);
        ASSERT_EQ(send(b, "", 0, 0), 0);
        EXPECT_EQ(recv(a, buffer, sizeof buffer, 0), 0);
        close(a);
        /* Nobody is there any more, and says so. */
        ASSERT_EQ(send(b, "x", 1, 0), 1);
        EXPECT_ERRNO(recv(b, buffer, sizeof buffer, 0), ECONNREFUSED);
        close(b);
    }
}

TEST(udplite_coverage_is_the_header_at_least)
{
    int s = lite(AF_INET), udp = ASSERT_OK(socket(AF_INET, SOCK_DGRAM, 0));
    for (int name = SEND_CSCOV; name <= RECV_CSCOV; name++) {
        EXPECT_EQ(value(s, IPPROTO_UDPLITE, name), 0);
        EXPECT_OK(put(s, IPPROTO_UDPLITE, name, 20));
        EXPECT_EQ(value(s, IPPROTO_UDPLITE, name), 20);
        EXPECT_EQ(value(s, IPPROTO_UDP, name), 20);
        EXPECT_OK(put(s, IPPROTO_UDP, name, 7));
        EXPECT_EQ(value(s, IPPROTO_UDPLITE, name), 8);
        EXPECT_OK(put(s, IPPROTO_UDPLITE, name, -1));
        EXPECT_EQ(value(s, IPPROTO_UDPLITE, name), 8);
        EXPECT_OK(put(s, IPPROTO_UDPLITE, name, 70000));
        EXPECT_EQ(value(s, IPPROTO_UDPLITE, name), 65535);
        EXPECT_OK(put(s, IPPROTO_UDPLITE, name, 0));
        EXPECT_EQ(value(s, IPPROTO_UDPLITE, name), 0);
        EXPECT_ERRNO(put(udp, IPPROTO_UDPLITE, name, 20), ENOPROTOOPT);
        EXPECT_EQ(value(udp, IPPROTO_UDPLITE, name), 0);
    }
    EXPECT_ERRNO(put(s, IPPROTO_UDPLITE, 12, 1), ENOPROTOOPT);
    EXPECT_ERRNO(setsockopt(s, IPPROTO_UDPLITE, SEND_CSCOV, "", 1), EINVAL);
}

TEST(udplite_a_receiver_asks_for_coverage)
{
    char buffer[16];
    int a = lite(AF_INET), b = lite(AF_INET);
    ASSERT_OK(bind4(a, "127.0.0.1", 0));
    ASSERT_OK(connect4(b, "127.0.0.1", port_of(a)));
    ASSERT_OK(put(a, IPPROTO_UDPLITE, RECV_CSCOV, 10));
    /* Ten bytes of twelve are covered, then nine. */
    ASSERT_OK(put(b, IPPROTO_UDPLITE, SEND_CSCOV, 10));
    ASSERT_EQ(send(b, "tens", 4, 0), 4);
    ASSERT_OK(put(b, IPPROTO_UDPLITE, SEND_CSCOV, 9));
    ASSERT_EQ(send(b, "nine", 4, 0), 4);
    /* A message that is covered whole is good, however short. */
    ASSERT_EQ(send(b, "n", 1, 0), 1);
    ASSERT_OK(put(b, IPPROTO_UDPLITE, SEND_CSCOV, 0));
    ASSERT_EQ(send(b, "all", 3, 0), 3);
    EXPECT_EQ(recv(a, buffer, sizeof buffer, 0), 4);
    EXPECT_MEMEQ(buffer, "tens", 4);
    EXPECT_EQ(recv(a, buffer, sizeof buffer, 0), 1);
    EXPECT_EQ(recv(a, buffer, sizeof buffer, 0), 3);
    EXPECT_ERRNO(recv(a, buffer, sizeof buffer, MSG_DONTWAIT), EAGAIN);
}

TEST(udplite_full_coverage_can_be_asked_for)
{
    char buffer[16];
    int a = lite(AF_INET), b = lite(AF_INET);
    ASSERT_OK(bind4(a, "127.0.0.1", 0));
    ASSERT_OK(connect4(b, "127.0.0.1", port_of(a)));
    ASSERT_OK(put(b, IPPROTO_UDPLITE, SEND_CSCOV, 8));
    ASSERT_EQ(send(b, "part", 4, 0), 4);
    EXPECT_EQ(recv(a, buffer, sizeof buffer, 0), 4);
    ASSERT_OK(put(a, IPPROTO_UDPLITE, RECV_CSCOV, 0));
    ASSERT_EQ(send(b, "part", 4, 0), 4);
    ASSERT_EQ(send(b, "", 0, 0), 0);
    EXPECT_EQ(recv(a, buffer, sizeof buffer, 0), 0);
    EXPECT_ERRNO(recv(a, buffer, sizeof buffer, MSG_DONTWAIT), EAGAIN);
}

TEST(udplite_stands_in_proc)
{
    char line[256], want[32];
    int found = 0, s = lite(AF_INET);
    ASSERT_OK(bind4(s, "127.0.0.1", 0));
    snprintf(want, sizeof want, "0100007F:%04X", port_of(s));
    FILE *f = fopen("/proc/net/udplite", "r");
    ASSERT_TRUE(f);
    while (fgets(line, sizeof line, f))
        found += strstr(line, want) != NULL;
    fclose(f);
    EXPECT_EQ(found, 1);
    found = 0;
    f = fopen("/proc/net/udp", "r");
    ASSERT_TRUE(f);
    while (fgets(line, sizeof line, f))
        found += strstr(line, want) != NULL;
    fclose(f);
    EXPECT_EQ(found, 0);
    EXPECT_OK(access("/proc/net/udplite6", R_OK));
}
