/* When a message was sent: SO_TIMESTAMP and its kin on AF_UNIX sockets (man 7 socket). */
#include "nacre_test.h"
#include "sock_options.h"

TEST(so_timestamp_and_timestampns_exclude_each_other)
{
    int s = unix_socket(SOCK_DGRAM);
    EXPECT_EQ(option(s, SO_TIMESTAMP), 0);
    set_option(s, SO_TIMESTAMP, 1);
    EXPECT_EQ(option(s, SO_TIMESTAMP), 1);
    EXPECT_EQ(option(s, SO_TIMESTAMPNS), 0);
    set_option(s, SO_TIMESTAMPNS, 1);
    EXPECT_EQ(option(s, SO_TIMESTAMP), 0);
    EXPECT_EQ(option(s, SO_TIMESTAMPNS), 1);
    EXPECT_EQ(option(s, 63), 0);
    EXPECT_EQ(option(s, 64), 0);
    set_option(s, 64, 1);
    EXPECT_EQ(option(s, SO_TIMESTAMPNS), 0);
    EXPECT_EQ(option(s, 64), 1);
    set_option(s, SO_TIMESTAMPNS, 0);
    EXPECT_EQ(option(s, 64), 0);
}

/* The control message of one datagram; its type, or 0 for none. */
static int receive_stamp(int type, int option_name, void *data, size_t size)
{
    int s[2];
    char c;
    union control u;
    pair(type, s);
    set_option(s[1], option_name, 1);
    EXPECT_EQ(send(s[0], "x", 1, 0), 1);
    struct iovec v = { &c, 1 };
    struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = u.bytes, .msg_controllen = sizeof u };
    EXPECT_EQ(recvmsg(s[1], &m, 0), 1);
    struct cmsghdr *h = CMSG_FIRSTHDR(&m);
    if (!h)
        return 0;
    EXPECT_EQ(h->cmsg_level, SOL_SOCKET);
    EXPECT_EQ(h->cmsg_len, CMSG_LEN(size));
    memcpy(data, CMSG_DATA(h), size);
    return h->cmsg_type;
}

TEST(a_datagram_comes_with_its_timestamp)
{
    struct timeval t = { 0, 0 };
    EXPECT_EQ(receive_stamp(SOCK_DGRAM, SO_TIMESTAMP, &t, sizeof t), 29);
    EXPECT_TRUE(labs(t.tv_sec - time(NULL)) < 3);
    EXPECT_TRUE(t.tv_usec >= 0 && t.tv_usec < 1000000);
    EXPECT_EQ(receive_stamp(SOCK_SEQPACKET, SO_TIMESTAMP, &t, sizeof t), 29);
    EXPECT_EQ(receive_stamp(SOCK_DGRAM, 63, &t, sizeof t), 63);
}

TEST(a_datagram_comes_with_its_timestamp_in_nanoseconds)
{
    struct timespec t = { 0, 0 };
    EXPECT_EQ(receive_stamp(SOCK_DGRAM, SO_TIMESTAMPNS, &t, sizeof t), 35);
    EXPECT_TRUE(labs(t.tv_sec - time(NULL)) < 3);
    EXPECT_TRUE(t.tv_nsec >= 0 && t.tv_nsec < 1000000000);
    EXPECT_EQ(receive_stamp(SOCK_DGRAM, 64, &t, sizeof t), 64);
}

TEST(a_stream_tells_no_timestamps)
{
    struct timeval t;
    EXPECT_EQ(receive_stamp(SOCK_STREAM, SO_TIMESTAMP, &t, sizeof t), 0);
}

TEST(the_timestamp_is_of_the_sending)
{
    int s[2];
    char c;
    union control u;
    pair(SOCK_DGRAM, s);
    set_option(s[1], SO_TIMESTAMPNS, 1);
    EXPECT_EQ(send(s[0], "x", 1, 0), 1);
    struct timespec sent, told = { 0, 0 };
    clock_gettime(CLOCK_REALTIME, &sent);
    nt_sleep_ms(50);
    struct iovec v = { &c, 1 };
    struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = u.bytes, .msg_controllen = sizeof u };
    EXPECT_EQ(recvmsg(s[1], &m, 0), 1);
    if (CMSG_FIRSTHDR(&m))
        memcpy(&told, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof told);
    EXPECT_TRUE(told.tv_sec < sent.tv_sec || (told.tv_sec == sent.tv_sec && told.tv_nsec <= sent.tv_nsec));
}

TEST(so_timestamping_keeps_its_mask)
{
    int s = unix_socket(SOCK_DGRAM);
    int value[2] = { -1, -1 };
    socklen_t len = sizeof value;
    EXPECT_OK(getsockopt(s, SOL_SOCKET, SO_TIMESTAMPING, value, &len));
    EXPECT_EQ(len, 8);
    EXPECT_EQ(value[0], 0);
    EXPECT_EQ(value[1], 0);
    set_option(s, SO_TIMESTAMPING, 1 << 3 | 1 << 4);
    EXPECT_EQ(option(s, SO_TIMESTAMPING), 1 << 3 | 1 << 4);
    TRY_SET(s, SO_TIMESTAMPING, 1 << 25, EINVAL);
}
