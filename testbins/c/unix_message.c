/* AF_UNIX datagrams and packet sequences: boundaries, addresses, filters, queues. */
#include "nacre_test.h"
#include "unix_test.h"

static int bound(int type, const char *path)
{
    int s = ASSERT_OK(socket(AF_UNIX, type, 0));
    ASSERT_OK(bind_path(s, path));
    return s;
}

static ssize_t send_path(int s, const char *text, const char *path)
{
    struct sockaddr_un a;
    socklen_t len = address(&a, path, strlen(path) + 1);
    return sendto(s, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT, (struct sockaddr *)&a, len);
}

static int dissolve(int s)
{
    struct sockaddr a = { .sa_family = AF_UNSPEC };
    return connect(s, &a, sizeof a);
}

/* proves A5 */
TEST(datagrams_keep_their_boundaries_and_truncate)
{
    int s[2], more;
    char buf[8];
    pair(SOCK_DGRAM, s);
    EXPECT_EQ(send(s[0], "abcdef", 6, 0), 6);
    EXPECT_EQ(send(s[0], "gh", 2, 0), 2);
    EXPECT_OK(ioctl(s[1], FIONREAD, &more));
    EXPECT_EQ(more, 6);
    EXPECT_EQ(recv(s[1], buf, 3, 0), 3);
    EXPECT_MEMEQ(buf, "abc", 3);
    EXPECT_EQ(recv(s[1], buf, 8, 0), 2);
    EXPECT_EQ(send(s[0], "abcdef", 6, 0), 6);
    EXPECT_EQ(recv(s[1], buf, 3, MSG_TRUNC), 6);
    EXPECT_ERRNO(recv(s[1], buf, 3, MSG_DONTWAIT), EAGAIN);
}

TEST(an_empty_datagram_is_a_message)
{
    int s[2];
    char buf[8];
    pair(SOCK_DGRAM, s);
    EXPECT_EQ(send(s[0], "", 0, 0), 0);
    EXPECT_EQ(ready(s[1]), POLLIN | POLLOUT);
    EXPECT_EQ(recv(s[1], buf, 8, MSG_DONTWAIT), 0);
    EXPECT_EQ(write(s[0], "", 0), 0);
    EXPECT_EQ(recv(s[1], buf, 8, MSG_DONTWAIT), 0);
    EXPECT_ERRNO(recv(s[1], buf, 8, MSG_DONTWAIT), EAGAIN);
}

TEST(msg_trunc_is_told_in_the_flags)
{
    int s[2], fds[1], n, flags;
    char buf[4];
    pair(SOCK_SEQPACKET, s);
    EXPECT_EQ(send(s[0], "abcdef", 6, 0), 6);
    EXPECT_EQ(recv_fds(s[1], buf, 4, fds, 0, &n, MSG_PEEK, &flags), 4);
    EXPECT_EQ(flags & MSG_TRUNC, MSG_TRUNC);
    EXPECT_EQ(recv_fds(s[1], buf, 4, fds, 0, &n, MSG_TRUNC, &flags), 6);
    EXPECT_EQ(flags & MSG_TRUNC, MSG_TRUNC);
    EXPECT_EQ(send(s[0], "abcd", 4, MSG_EOR), 4);
    EXPECT_EQ(recv_fds(s[1], buf, 4, fds, 0, &n, 0, &flags), 4);
    EXPECT_EQ(flags & MSG_TRUNC, 0);
}

/* proves C11 */
TEST(sendto_reaches_a_path_and_recvfrom_tells_the_sender)
{
    struct sockaddr_un a;
    socklen_t len = sizeof a;
    char buf[8];
    nt_dir();
    int s = bound(SOCK_DGRAM, "server"), c = bound(SOCK_DGRAM, "client");
    EXPECT_EQ(send_path(c, "hello", "server"), 5);
    EXPECT_EQ(recvfrom(s, buf, 8, 0, (struct sockaddr *)&a, &len), 5);
    EXPECT_EQ(len, 9);
    EXPECT_STREQ(a.sun_path, "client");
    int anonymous = ASSERT_OK(socket(AF_UNIX, SOCK_DGRAM, 0));
    EXPECT_EQ(send_path(anonymous, "x", "server"), 1);
    len = sizeof a;
    EXPECT_EQ(recvfrom(s, buf, 8, 0, (struct sockaddr *)&a, &len), 1);
    EXPECT_EQ(len, 0);
}

TEST(sendto_errors_name_the_cause)
{
    nt_dir();
    int c = ASSERT_OK(socket(AF_UNIX, SOCK_DGRAM, 0));
    EXPECT_ERRNO(send(c, "x", 1, MSG_NOSIGNAL), ENOTCONN);
    EXPECT_ERRNO(send_path(c, "x", "none"), ENOENT);
    close(bound(SOCK_DGRAM, "stale"));
    EXPECT_ERRNO(send_path(c, "x", "stale"), ECONNREFUSED);
    listener(SOCK_STREAM, "stream", 1);
    EXPECT_ERRNO(send_path(c, "x", "stream"), EPROTOTYPE);
    EXPECT_ERRNO(send(c, "x", 1, MSG_OOB), EOPNOTSUPP);
    char b;
    EXPECT_ERRNO(recv(c, &b, 1, MSG_OOB), EOPNOTSUPP);
}

TEST(sendto_on_connected_sockets)
{
    int s[2];
    nt_dir();
    bound(SOCK_DGRAM, "other");
    pair(SOCK_STREAM, s);
    EXPECT_ERRNO(send_path(s[0], "x", "other"), EISCONN);
    EXPECT_ERRNO(send_path(ASSERT_OK(socket(AF_UNIX, SOCK_STREAM, 0)), "x", "other"), EOPNOTSUPP);
    pair(SOCK_DGRAM, s);
    EXPECT_EQ(send_path(s[0], "x", "other"), 1);
    pair(SOCK_SEQPACKET, s);
    EXPECT_EQ(send_path(s[0], "x", "other"), 1);
    char b;
    EXPECT_EQ(recv(s[1], &b, 1, MSG_DONTWAIT), 1);
}

TEST(a_connected_datagram_socket_hears_its_peer_only)
{
    char b;
    nt_dir();
    int s = bound(SOCK_DGRAM, "s"), t = bound(SOCK_DGRAM, "t"), u = bound(SOCK_DGRAM, "u");
    ASSERT_OK(connect_path(s, "t"));
    EXPECT_ERRNO(send_path(u, "x", "s"), EPERM);
    EXPECT_ERRNO(connect_path(u, "s"), EPERM);
    EXPECT_EQ(send_path(t, "y", "s"), 1);
    EXPECT_EQ(recv(s, &b, 1, MSG_DONTWAIT), 1);
    EXPECT_EQ(send(s, "z", 1, 0), 1);
    EXPECT_EQ(recv(t, &b, 1, MSG_DONTWAIT), 1);
    ASSERT_OK(connect_path(s, "u"));
    EXPECT_ERRNO(send_path(t, "y", "s"), EPERM);
    EXPECT_EQ(send_path(u, "y", "s"), 1);
    EXPECT_OK(dissolve(s));
    EXPECT_ERRNO(send(s, "z", 1, 0), ENOTCONN);
    EXPECT_EQ(send_path(t, "y", "s"), 1);
}

TEST(a_datagram_peer_that_closes_refuses)
{
    char b;
    int s[2];
    pair(SOCK_DGRAM, s);
    close(s[1]);
    EXPECT_ERRNO(send(s[0], "x", 1, MSG_NOSIGNAL), ECONNREFUSED);
    EXPECT_ERRNO(send(s[0], "x", 1, MSG_NOSIGNAL), ENOTCONN);
    EXPECT_ERRNO(recv(s[0], &b, 1, MSG_DONTWAIT), EAGAIN);
}

TEST(a_datagram_peer_closed_with_unread_messages_resets)
{
    char b;
    int s[2];
    pair(SOCK_DGRAM, s);
    EXPECT_EQ(send(s[0], "x", 1, 0), 1);
    close(s[1]);
    EXPECT_EQ(ready(s[0]) & POLLERR, 0);
    EXPECT_ERRNO(recv(s[0], &b, 1, MSG_DONTWAIT), EAGAIN);
}

/* proves C9 */
TEST(the_receiver_queue_bounds_datagrams)
{
    int n = 0;
    char b;
    nt_dir();
    int s = bound(SOCK_DGRAM, "s"), c = ASSERT_OK(socket(AF_UNIX, SOCK_DGRAM, 0));
    ASSERT_OK(connect_path(c, "s"));
    while (send(c, "x", 1, MSG_DONTWAIT) == 1)
        n++;
    EXPECT_ERRNO(send(c, "x", 1, MSG_DONTWAIT), EAGAIN);
    EXPECT_EQ(n, 11);
    EXPECT_EQ(ready(c), 0);
    EXPECT_EQ(recv(s, &b, 1, 0), 1);
    EXPECT_EQ(ready(c), POLLOUT);
    EXPECT_EQ(send(c, "x", 1, MSG_DONTWAIT), 1);
}

TEST(a_datagram_larger_than_the_send_buffer_is_emsgsize)
{
    int s[2];
    static char big[300000];
    pair(SOCK_DGRAM, s);
    set_option(s[0], SO_SNDBUF, 4608 / 2);
    EXPECT_ERRNO(send(s[0], big, 8192, 0), EMSGSIZE);
    EXPECT_EQ(send(s[0], big, 1024, 0), 1024);
    pair(SOCK_SEQPACKET, s);
    EXPECT_ERRNO(send(s[0], big, sizeof big, 0), EMSGSIZE);
    EXPECT_EQ(send(s[0], big, 200000, 0), 200000);
    EXPECT_EQ(recv(s[1], big, sizeof big, 0), 200000);
}

TEST(seqpacket_connects_listens_and_keeps_records)
{
    char buf[8];
    nt_dir();
    int s = listener(SOCK_SEQPACKET, "s", 2), c = client(SOCK_SEQPACKET, "s"), a = ASSERT_OK(accept(s, NULL, NULL));
    EXPECT_EQ(write(c, "one", 3), 3);
    EXPECT_EQ(write(c, "two!", 4), 4);
    EXPECT_EQ(read(a, buf, 8), 3);
    EXPECT_EQ(read(a, buf, 8), 4);
    close(c);
    EXPECT_EQ(read(a, buf, 8), 0);
    EXPECT_ERRNO(send(a, "x", 1, MSG_NOSIGNAL), EPIPE);
    EXPECT_EQ(ready(a), POLLIN | POLLOUT | POLLHUP | POLLRDHUP);
}

TEST(seqpacket_unconnected_and_closed_with_unread)
{
    int s[2], u = ASSERT_OK(socket(AF_UNIX, SOCK_SEQPACKET, 0));
    char b;
    EXPECT_ERRNO(recv(u, &b, 1, MSG_DONTWAIT), ENOTCONN);
    EXPECT_ERRNO(send(u, &b, 1, MSG_NOSIGNAL), ENOTCONN);
    pair(SOCK_SEQPACKET, s);
    EXPECT_EQ(send(s[0], "x", 1, 0), 1);
    close(s[1]);
    EXPECT_ERRNO(recv(s[0], &b, 1, 0), ECONNRESET);
    EXPECT_EQ(recv(s[0], &b, 1, 0), 0);
}

TEST(shutdown_of_message_sockets)
{
    int s[2];
    char b;
    pair(SOCK_DGRAM, s);
    EXPECT_EQ(send(s[1], "x", 1, 0), 1);
    EXPECT_OK(shutdown(s[0], SHUT_RD));
    EXPECT_EQ(recv(s[0], &b, 1, 0), 1);
    EXPECT_EQ(recv(s[0], &b, 1, 0), 0);
    EXPECT_ERRNO(send(s[1], "x", 1, MSG_NOSIGNAL), EPIPE);
    pair(SOCK_SEQPACKET, s);
    EXPECT_OK(shutdown(s[0], SHUT_WR));
    EXPECT_ERRNO(send(s[0], "x", 1, MSG_NOSIGNAL), EPIPE);
    EXPECT_EQ(recv(s[1], &b, 1, 0), 0);
}

TEST(peek_on_messages_and_peek_offset)
{
    int s[2], off = 1;
    char buf[8];
    pair(SOCK_DGRAM, s);
    EXPECT_EQ(send(s[0], "abc", 3, 0), 3);
    EXPECT_EQ(recv(s[1], buf, 8, MSG_PEEK), 3);
    EXPECT_EQ(recv(s[1], buf, 1, MSG_PEEK | MSG_TRUNC), 3);
    EXPECT_OK(setsockopt(s[1], SOL_SOCKET, SO_PEEK_OFF, &off, sizeof off));
    EXPECT_EQ(recv(s[1], buf, 8, MSG_PEEK), 2);
    EXPECT_MEMEQ(buf, "bc", 2);
    EXPECT_EQ(recv(s[1], buf, 8, 0), 3);
    EXPECT_MEMEQ(buf, "abc", 3);
}

TEST(sendmmsg_and_recvmmsg_move_several)
{
    int s[2];
    char in[3][8];
    struct iovec ov[3] = { { "a", 1 }, { "bb", 2 }, { "ccc", 3 } }, iv[3];
    struct mmsghdr out[3], got[3];
    struct timespec soon = { 0, 50000000 };
    memset(out, 0, sizeof out);
    memset(got, 0, sizeof got);
    pair(SOCK_DGRAM, s);
    for (int i = 0; i < 3; i++) {
        out[i].msg_hdr.msg_iov = &ov[i];
        out[i].msg_hdr.msg_iovlen = 1;
        iv[i].iov_base = in[i];
        iv[i].iov_len = 8;
        got[i].msg_hdr.msg_iov = &iv[i];
        got[i].msg_hdr.msg_iovlen = 1;
    }
    EXPECT_EQ(syscall(SYS_sendmmsg, s[0], out, 3, 0), 3);
    EXPECT_EQ(out[2].msg_len, 3);
    EXPECT_EQ(syscall(SYS_recvmmsg, s[1], got, 2, 0, NULL), 2);
    EXPECT_EQ(got[1].msg_len, 2);
    EXPECT_EQ(syscall(SYS_recvmmsg, s[1], got, 3, MSG_WAITFORONE, NULL), 1);
    EXPECT_EQ(got[0].msg_len, 3);
    EXPECT_ERRNO(syscall(SYS_recvmmsg, s[1], got, 3, MSG_DONTWAIT, NULL), EAGAIN);
    EXPECT_EQ(send(s[0], "late", 4, 0), 4);
    EXPECT_EQ(send(s[0], "later", 5, 0), 5);
    EXPECT_EQ(syscall(SYS_recvmmsg, s[1], got, 2, 0, &soon), 2);
    EXPECT_EQ(got[0].msg_len, 4);
    EXPECT_ERRNO(syscall(SYS_sendmmsg, s[0], NT_BAD, 1, 0), EFAULT);
    close(s[1]);
    EXPECT_ERRNO(syscall(SYS_sendmmsg, s[0], out, 3, MSG_NOSIGNAL), ECONNREFUSED);
}

TEST(iovecs_are_checked)
{
    int s[2];
    char buf[8];
    static struct iovec many[1025];
    struct msghdr m = { .msg_iov = many, .msg_iovlen = 1025 };
    pair(SOCK_DGRAM, s);
    EXPECT_ERRNO(sendmsg(s[0], &m, 0), EMSGSIZE);
    EXPECT_ERRNO(recvmsg(s[0], &m, MSG_DONTWAIT), EMSGSIZE);
    EXPECT_ERRNO(syscall(SYS_sendmsg, s[0], NT_BAD, 0), EFAULT);
    m.msg_iov = NT_BAD;
    m.msg_iovlen = 1;
    EXPECT_ERRNO(sendmsg(s[0], &m, 0), EFAULT);
    for (int i = 0; i < 1024; i++)
        many[i] = (struct iovec){ i % 3 ? NULL : "z", i % 3 ? 0 : 1 };
    m.msg_iov = many;
    m.msg_iovlen = 1024;
    EXPECT_EQ(sendmsg(s[0], &m, 0), 342);
    EXPECT_EQ(recv(s[1], buf, 8, MSG_TRUNC), 342);
    many[0].iov_len = -1;
    EXPECT_ERRNO(sendmsg(s[0], &m, 0), EINVAL);
}
