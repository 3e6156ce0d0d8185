/* What every socket call checks, and in which order (man 2 socket and its kin). */
#include "nacre_test.h"
#include "unix_test.h"

static const struct sockaddr_un nowhere = { .sun_family = AF_UNIX, .sun_path = "/nowhere" };

/* proves B1 */
TEST(calls_tell_a_bad_descriptor_from_one_that_is_no_socket)
{
    struct sockaddr_un a = nowhere;
    struct sockaddr *p = (struct sockaddr *)&a;
    socklen_t len = sizeof a;
    struct msghdr m = { 0 };
    int fds[2] = { -1, ASSERT_OK(open("/", O_RDONLY)) }, errors[2] = { EBADF, ENOTSOCK };
    for (int i = 0; i < 2; i++) {
        int fd = fds[i], e = errors[i];
        EXPECT_TRUE(bind(fd, p, len) == -1 && errno == e);
        EXPECT_TRUE(listen(fd, 1) == -1 && errno == e);
        EXPECT_TRUE(connect(fd, p, len) == -1 && errno == e);
        EXPECT_TRUE(accept(fd, NULL, NULL) == -1 && errno == e);
        EXPECT_TRUE(getsockname(fd, p, &len) == -1 && errno == e);
        EXPECT_TRUE(getpeername(fd, p, &len) == -1 && errno == e);
        EXPECT_TRUE(shutdown(fd, SHUT_RD) == -1 && errno == e);
        EXPECT_TRUE(send(fd, "", 1, 0) == -1 && errno == e);
        EXPECT_TRUE(recv(fd, &a, 1, 0) == -1 && errno == e);
        EXPECT_TRUE(raw_sendmsg(fd, &m, 0) == -1 && errno == e);
        EXPECT_TRUE(raw_recvmsg(fd, &m, 0) == -1 && errno == e);
        EXPECT_TRUE(raw_sendmmsg(fd, NULL, 0, 0) == -1 && errno == e);
        EXPECT_TRUE(raw_recvmmsg(fd, NULL, 0, 0, NULL) == -1 && errno == e);
    }
}

TEST(a_path_descriptor_is_no_socket)
{
    nt_dir();
    int s = listener(SOCK_STREAM, "sock", 1);
    int fd = ASSERT_OK(open("sock", O_PATH));
    EXPECT_ERRNO(listen(fd, 1), EBADF);
    EXPECT_ERRNO(send(fd, "x", 1, 0), EBADF);
    close(s);
}

/* proves A2 */
TEST(a_socket_file_cannot_be_opened)
{
    nt_dir();
    listener(SOCK_STREAM, "sock", 1);
    EXPECT_ERRNO(open("sock", O_RDWR), ENXIO);
    EXPECT_ERRNO(open("sock", O_RDONLY), ENXIO);
    EXPECT_ERRNO(truncate("sock", 0), EINVAL);
}

TEST(socket_checks_type_flags_then_family_then_type)
{
    EXPECT_ERRNO(socket(AF_UNIX, SOCK_STREAM | 0x10000, 0), EINVAL);
    EXPECT_ERRNO(socket(-1, SOCK_STREAM, 0), EAFNOSUPPORT);
    EXPECT_ERRNO(socket(46, SOCK_STREAM, 0), EAFNOSUPPORT);
    EXPECT_ERRNO(socket(AF_UNIX, 11, 0), EINVAL);
    EXPECT_ERRNO(socket(AF_UNIX, 15, 0), EINVAL);
    EXPECT_ERRNO(socket(AF_UNIX, 0, 0), ESOCKTNOSUPPORT);
    EXPECT_ERRNO(socket(AF_UNIX, SOCK_RDM, 0), ESOCKTNOSUPPORT);
    EXPECT_ERRNO(socket(AF_UNIX, 6, 0), ESOCKTNOSUPPORT);
    EXPECT_ERRNO(socket(AF_UNIX, SOCK_STREAM, 2), EPROTONOSUPPORT);
    EXPECT_ERRNO(socket(AF_UNIX, SOCK_RDM, 2), EPROTONOSUPPORT);
}

TEST(socket_takes_the_lowest_number_and_tells_emfile)
{
    int s = ASSERT_OK(socket(AF_UNIX, SOCK_STREAM, 0));
    close(s);
    EXPECT_EQ(socket(AF_UNIX, SOCK_STREAM, 0), s);
    struct rlimit_ { unsigned long cur, max; } limit = { s + 1, s + 1 };
    ASSERT_OK(syscall(SYS_prlimit64, 0, 7, &limit, NULL));
    EXPECT_ERRNO(socket(AF_UNIX, SOCK_STREAM, 0), EMFILE);
    int pairs[2];
    EXPECT_ERRNO(socketpair(AF_UNIX, SOCK_STREAM, 0, pairs), EMFILE);
    EXPECT_ERRNO(socket(AF_UNIX, SOCK_RDM, 0), ESOCKTNOSUPPORT);
}

TEST(socketpair_into_bad_memory_leaks_nothing)
{
    int s = ASSERT_OK(dup(0));
    close(s);
    EXPECT_ERRNO(socketpair(AF_UNIX, SOCK_STREAM, 0, NT_BAD), EFAULT);
    EXPECT_ERRNO(socketpair(AF_UNIX, SOCK_STREAM, 7, (int[2]){ 0 }), EPROTONOSUPPORT);
    EXPECT_ERRNO(socketpair(AF_UNIX, SOCK_RDM, 0, (int[2]){ 0 }), ESOCKTNOSUPPORT);
    EXPECT_EQ(dup(0), s);
}

TEST(socketpair_flags_go_to_both)
{
    int s[2];
    ASSERT_OK(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, s));
    for (int i = 0; i < 2; i++) {
        EXPECT_EQ(fcntl(s[i], F_GETFD), FD_CLOEXEC);
        EXPECT_EQ(fcntl(s[i], F_GETFL) & (O_NONBLOCK | O_ACCMODE), O_NONBLOCK | O_RDWR);
    }
}

/* proves A2 A11 */
TEST(accept4_checks_the_descriptor_then_its_flags)
{
    EXPECT_ERRNO(accept4(-1, NULL, NULL, 1), EBADF);
    int s = ASSERT_OK(socket(AF_UNIX, SOCK_STREAM, 0));
    EXPECT_ERRNO(accept4(s, NULL, NULL, 1), EINVAL);
    EXPECT_ERRNO(accept4(s, NULL, NULL, SOCK_CLOEXEC), EINVAL);
    int d = ASSERT_OK(socket(AF_UNIX, SOCK_DGRAM, 0));
    EXPECT_ERRNO(accept4(d, NULL, NULL, 0), EOPNOTSUPP);
}

TEST(accept_does_not_inherit_nonblock)
{
    nt_dir();
    int s = listener(SOCK_STREAM, "sock", 1);
    fcntl(s, F_SETFL, O_NONBLOCK);
    client(SOCK_STREAM, "sock");
    int a = ASSERT_OK(accept(s, NULL, NULL));
    EXPECT_EQ(fcntl(a, F_GETFL), O_RDWR);
    EXPECT_EQ(fcntl(a, F_GETFD), 0);
    EXPECT_ERRNO(accept(s, NULL, NULL), EAGAIN);
}

TEST(accept_with_bad_memory_takes_the_connection_and_no_descriptor)
{
    nt_dir();
    int s = listener(SOCK_STREAM, "sock", 1);
    int c = client(SOCK_STREAM, "sock");
    socklen_t len = 16;
    EXPECT_ERRNO(accept(s, NT_BAD, &len), EFAULT);
    EXPECT_EQ(dup(0), c + 1);
    EXPECT_TRUE(ready(c) & POLLHUP);
}

TEST(accept_at_the_descriptor_limit_keeps_the_connection)
{
    nt_dir();
    int s = listener(SOCK_STREAM, "sock", 1);
    int c = client(SOCK_STREAM, "sock");
    struct { unsigned long cur, max; } few = { c + 1, 4096 }, many = { 1024, 4096 };
    ASSERT_OK(syscall(SYS_prlimit64, 0, 7, &few, NULL));
    EXPECT_ERRNO(accept(s, NULL, NULL), EMFILE);
    ASSERT_OK(syscall(SYS_prlimit64, 0, 7, &many, NULL));
    EXPECT_OK(accept(s, NULL, NULL));
}

/* proves D1 */
TEST(addresses_are_checked_for_length_and_memory)
{
    int s = ASSERT_OK(socket(AF_UNIX, SOCK_STREAM, 0));
    const struct sockaddr *p = (const struct sockaddr *)&nowhere;
    EXPECT_ERRNO(bind(s, p, -1), EINVAL);
    EXPECT_ERRNO(bind(s, p, 0), EINVAL);
    EXPECT_ERRNO(bind(s, p, 129), EINVAL);
    EXPECT_ERRNO(bind(s, NT_BAD, 16), EFAULT);
    EXPECT_ERRNO(connect(s, p, -1), EINVAL);
    EXPECT_ERRNO(connect(s, p, 129), EINVAL);
    EXPECT_ERRNO(connect(s, NT_BAD, 16), EFAULT);
    EXPECT_ERRNO(connect(s, p, 1), EINVAL);
    EXPECT_ERRNO(connect(s, p, 2), EINVAL);
    EXPECT_ERRNO(connect(s, p, 111), EINVAL);
}

TEST(connect_with_another_family_is_einval)
{
    int s = ASSERT_OK(socket(AF_UNIX, SOCK_STREAM, 0));
    struct sockaddr_un a = { .sun_family = AF_INET, .sun_path = "x" };
    EXPECT_ERRNO(connect(s, (struct sockaddr *)&a, sizeof a), EINVAL);
    EXPECT_ERRNO(bind(s, (struct sockaddr *)&a, sizeof a), EINVAL);
    a.sun_family = AF_UNSPEC;
    EXPECT_ERRNO(connect(s, (struct sockaddr *)&a, sizeof a), EINVAL);
    EXPECT_ERRNO(bind(s, (struct sockaddr *)&a, sizeof a), EINVAL);
}

/* proves E5 */
TEST(names_are_cut_to_the_room_and_told_whole)
{
    nt_dir();
    int s = listener(SOCK_STREAM, "sock", 1);
    char room[32];
    memset(room, 'z', sizeof room);
    socklen_t len = 4;
    EXPECT_OK(getsockname(s, (struct sockaddr *)room, &len));
    EXPECT_EQ(len, 7);
    EXPECT_MEMEQ(room + 2, "sozz", 4);
    len = 0;
    EXPECT_OK(getsockname(s, (struct sockaddr *)NT_BAD, &len));
    EXPECT_EQ(len, 7);
    len = -1;
    EXPECT_ERRNO(getsockname(s, (struct sockaddr *)room, &len), EINVAL);
    len = 7;
    EXPECT_ERRNO(getsockname(s, NT_BAD, &len), EFAULT);
    EXPECT_ERRNO(getsockname(s, (struct sockaddr *)room, NT_BAD), EFAULT);
    EXPECT_ERRNO(getpeername(s, (struct sockaddr *)room, &len), ENOTCONN);
}

TEST(readv_and_writev_scatter_and_gather)
{
    int s[2];
    char a[3] = "", b[8] = "";
    pair(SOCK_STREAM, s);
    struct iovec out[3] = { { "ab", 2 }, { "", 0 }, { "cde", 3 } };
    EXPECT_EQ(writev(s[0], out, 3), 5);
    struct iovec in[2] = { { a, 2 }, { b, 8 } };
    EXPECT_EQ(readv(s[1], in, 2), 5);
    EXPECT_STREQ(a, "ab");
    EXPECT_STREQ(b, "cde");
}

TEST(writev_of_a_message_socket_is_one_message)
{
    int s[2];
    char b[8] = "";
    pair(SOCK_DGRAM, s);
    struct iovec out[2] = { { "ab", 2 }, { "cd", 2 } };
    EXPECT_EQ(writev(s[0], out, 2), 4);
    EXPECT_EQ(write(s[0], "", 0), 0);
    EXPECT_EQ(read(s[1], b, 8), 4);
    EXPECT_EQ(recv(s[1], b, 8, MSG_DONTWAIT), 0);
    EXPECT_ERRNO(recv(s[1], b, 8, MSG_DONTWAIT), EAGAIN);
}

TEST(readv_of_a_message_keeps_its_bounds)
{
    int s[2];
    char a[2], b[2];
    pair(SOCK_SEQPACKET, s);
    EXPECT_EQ(write(s[0], "abcdef", 6), 6);
    EXPECT_EQ(write(s[0], "g", 1), 1);
    struct iovec in[2] = { { a, 2 }, { b, 2 } };
    EXPECT_EQ(readv(s[1], in, 2), 4);
    EXPECT_EQ(read(s[1], a, 2), 1);
    EXPECT_EQ(a[0], 'g');
}

TEST(a_message_takes_1024_pieces_and_not_1025)
{
    static struct iovec out[1025];
    static char in[1100];
    int s[2];
    pair(SOCK_STREAM, s);
    for (int i = 0; i < 1025; i++)
        out[i] = i % 3 ? (struct iovec){ "abc" + i % 3, 1 } : (struct iovec){ NULL, 0 };
    struct msghdr m = { .msg_iov = out, .msg_iovlen = 1024 };
    EXPECT_EQ(raw_sendmsg(s[0], &m, 0), 682);
    EXPECT_EQ(read(s[1], in, sizeof in), 682);
    EXPECT_MEMEQ(in, "bcbcbc", 6);
    m.msg_iovlen = 1025;
    EXPECT_ERRNO(raw_sendmsg(s[0], &m, 0), EMSGSIZE);
    EXPECT_ERRNO(raw_recvmsg(s[1], &m, MSG_DONTWAIT), EMSGSIZE);
    m.msg_iovlen = -1;
    EXPECT_ERRNO(raw_sendmsg(s[0], &m, 0), EMSGSIZE);
}

TEST(a_piece_with_a_negative_length_is_einval)
{
    int s[2];
    pair(SOCK_STREAM, s);
    struct iovec v = { "x", -1 };
    struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
    EXPECT_ERRNO(raw_sendmsg(s[0], &m, 0), EINVAL);
    EXPECT_ERRNO(raw_recvmsg(s[1], &m, MSG_DONTWAIT), EINVAL);
}

TEST(message_headers_in_bad_memory_are_efault)
{
    int s[2];
    pair(SOCK_STREAM, s);
    EXPECT_ERRNO(raw_sendmsg(s[0], NT_BAD, 0), EFAULT);
    EXPECT_ERRNO(raw_recvmsg(s[0], NT_BAD, MSG_DONTWAIT), EFAULT);
    struct msghdr m = { .msg_iov = NT_BAD, .msg_iovlen = 1 };
    EXPECT_ERRNO(raw_sendmsg(s[0], &m, 0), EFAULT);
    struct iovec v = { "x", 1 };
    m = (struct msghdr){ .msg_iov = &v, .msg_iovlen = 1, .msg_control = NT_BAD, .msg_controllen = 20 };
    EXPECT_ERRNO(raw_sendmsg(s[0], &m, 0), EFAULT);
    m = (struct msghdr){ .msg_iov = &v, .msg_iovlen = 1, .msg_name = NT_BAD, .msg_namelen = 20 };
    EXPECT_ERRNO(raw_sendmsg(s[0], &m, 0), EFAULT);
    m = (struct msghdr){ .msg_iov = &v, .msg_iovlen = 1, .msg_name = &v, .msg_namelen = -1 };
    EXPECT_ERRNO(raw_sendmsg(s[0], &m, 0), EINVAL);
}

TEST(a_control_buffer_beyond_the_limit_is_enobufs)
{
    int s[2];
    static char big[1 << 18];
    pair(SOCK_STREAM, s);
    struct iovec v = { "x", 1 };
    struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = big, .msg_controllen = 0x80000000u };
    EXPECT_ERRNO(raw_sendmsg(s[0], &m, 0), ENOBUFS);
    m.msg_controllen = 131073;
    EXPECT_ERRNO(raw_sendmsg(s[0], &m, 0), ENOBUFS);
}

TEST(send_and_receive_with_unknown_flags_go_through)
{
    int s[2];
    char c;
    pair(SOCK_STREAM, s);
    EXPECT_EQ(send(s[0], "x", 1, MSG_MORE | MSG_CONFIRM | MSG_DONTROUTE | 0x400000), 1);
    EXPECT_EQ(recv(s[1], &c, 1, MSG_NOSIGNAL | MSG_CMSG_CLOEXEC), 1);
    struct iovec v = { "x", 1 };
    struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
    EXPECT_ERRNO(raw_sendmsg(s[0], &m, 0x80000000), EINVAL);
    EXPECT_ERRNO(raw_recvmsg(s[0], &m, 0x80000000), EINVAL);
}

TEST(sendmmsg_stops_at_the_first_failure_and_tells_the_done)
{
    int s[2];
    char big[8] = "abcdefg";
    pair(SOCK_DGRAM, s);
    set_option(s[0], SO_SNDBUF, 0);
    static char huge[100000];
    struct iovec v[3] = { { big, 1 }, { huge, sizeof huge }, { big, 2 } };
    struct mmsghdr m[3];
    memset(m, 0, sizeof m);
    for (int i = 0; i < 3; i++)
        m[i].msg_hdr = (struct msghdr){ .msg_iov = &v[i], .msg_iovlen = 1 };
    EXPECT_EQ(raw_sendmmsg(s[0], m, 3, 0), 1);
    EXPECT_EQ(m[0].msg_len, 1);
    EXPECT_EQ(m[1].msg_len, 0);
    EXPECT_ERRNO(raw_sendmmsg(s[0], m + 1, 2, 0), EMSGSIZE);
    EXPECT_EQ(raw_sendmmsg(s[0], m, 0, 0), 0);
}

/* proves A2 */
TEST(recvmmsg_waits_for_one_with_waitforone)
{
    int s[2];
    char a[4], b[4];
    pair(SOCK_DGRAM, s);
    struct iovec v[2] = { { a, 4 }, { b, 4 } };
    struct mmsghdr m[2];
    memset(m, 0, sizeof m);
    for (int i = 0; i < 2; i++)
        m[i].msg_hdr = (struct msghdr){ .msg_iov = &v[i], .msg_iovlen = 1 };
    EXPECT_EQ(write(s[0], "xy", 2), 2);
    EXPECT_EQ(raw_recvmmsg(s[1], m, 2, MSG_WAITFORONE, NULL), 1);
    EXPECT_EQ(m[0].msg_len, 2);
    EXPECT_ERRNO(raw_recvmmsg(s[1], m, 2, MSG_DONTWAIT, NULL), EAGAIN);
}

TEST(recvmmsg_looks_at_its_timeout_after_a_message)
{
    int s[2];
    char a[4], b[4];
    pair(SOCK_DGRAM, s);
    struct iovec v[2] = { { a, 4 }, { b, 4 } };
    struct mmsghdr m[2];
    memset(m, 0, sizeof m);
    for (int i = 0; i < 2; i++)
        m[i].msg_hdr = (struct msghdr){ .msg_iov = &v[i], .msg_iovlen = 1 };
    struct timespec t = { 0, 0 };
    EXPECT_EQ(write(s[0], "x", 1), 1);
    EXPECT_EQ(write(s[0], "y", 1), 1);
    EXPECT_EQ(raw_recvmmsg(s[1], m, 2, 0, &t), 1);
    t = (struct timespec){ 500, 0 };
    EXPECT_EQ(raw_recvmmsg(s[1], m, 1, 0, &t), 1);
    EXPECT_TRUE(t.tv_sec >= 400 && t.tv_sec < 500);
    t = (struct timespec){ 0, 1000000000 };
    EXPECT_ERRNO(raw_recvmmsg(s[1], m, 1, 0, &t), EINVAL);
    t = (struct timespec){ -1, 0 };
    EXPECT_ERRNO(raw_recvmmsg(s[1], m, 1, 0, &t), EINVAL);
    EXPECT_ERRNO(raw_recvmmsg(s[1], m, 1, 0, NT_BAD), EFAULT);
}

TEST(recvmmsg_tells_the_pending_error_first)
{
    int s[2];
    char a[4];
    pair(SOCK_STREAM, s);
    EXPECT_EQ(write(s[1], "q", 1), 1);
    EXPECT_EQ(write(s[0], "x", 1), 1);
    close(s[0]);
    struct iovec v = { a, 4 };
    struct mmsghdr m = { .msg_hdr = { .msg_iov = &v, .msg_iovlen = 1 } };
    EXPECT_ERRNO(raw_recvmmsg(s[1], &m, 1, 0, NULL), ECONNRESET);
    EXPECT_EQ(raw_recvmmsg(s[1], &m, 1, 0, NULL), 1);
    EXPECT_EQ(m.msg_len, 1);
}

TEST(recvfrom_a_stream_tells_the_bound_peer_or_nothing)
{
    nt_dir();
    int s = listener(SOCK_STREAM, "sock", 1), c = client(SOCK_STREAM, "sock"), a = ASSERT_OK(accept(s, NULL, NULL));
    char buf[4];
    struct sockaddr_un from;
    socklen_t len = sizeof from;
    EXPECT_EQ(write(a, "x", 1), 1);
    EXPECT_EQ(recvfrom(c, buf, 4, 0, (struct sockaddr *)&from, &len), 1);
    EXPECT_EQ(len, 7);
    len = sizeof from;
    EXPECT_EQ(write(c, "x", 1), 1);
    EXPECT_EQ(recvfrom(a, buf, 4, 0, (struct sockaddr *)&from, &len), 1);
    EXPECT_EQ(len, 0);
}

/* proves A12 */
TEST(shutdown_checks_how_before_the_descriptors_state)
{
    int s = ASSERT_OK(socket(AF_UNIX, SOCK_STREAM, 0));
    EXPECT_ERRNO(shutdown(s, 3), EINVAL);
    EXPECT_ERRNO(shutdown(-1, 3), EBADF);
    EXPECT_OK(shutdown(s, SHUT_RDWR));
}

TEST(wrong_sockets_for_listen)
{
    nt_dir();
    int s = ASSERT_OK(socket(AF_UNIX, SOCK_STREAM, 0));
    EXPECT_ERRNO(listen(s, 5), EINVAL);
    int p[2];
    pair(SOCK_STREAM, p);
    EXPECT_ERRNO(listen(p[0], 5), EINVAL);
    int d = ASSERT_OK(socket(AF_UNIX, SOCK_DGRAM, 0));
    EXPECT_ERRNO(listen(d, 5), EOPNOTSUPP);
    EXPECT_OK(bind_path(p[0], "named"));
    EXPECT_ERRNO(listen(p[0], 5), EINVAL);
}

/* A control buffer with descriptors and a message of another kind behind them. */
static int send_two(int s, int fd, int kind)
{
    struct {
        struct cmsghdr first;
        int fd, pad;
        struct cmsghdr second;
    } control = { { .cmsg_len = 20, .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS }, fd, 0,
                  { .cmsg_len = 16, .cmsg_level = SOL_SOCKET, .cmsg_type = kind } };
    struct iovec v = { "x", 1 };
    struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control };
    return raw_sendmsg(s, &m, MSG_NOSIGNAL);
}

TEST(control_messages_are_taken_one_after_the_other)
{
    int s[2];
    pair(SOCK_STREAM, s);
    EXPECT_ERRNO(send_two(s[0], 999, 77), EBADF);
    EXPECT_ERRNO(send_two(s[0], 0, 77), EINVAL);
    EXPECT_EQ(ready(s[1]), POLLOUT);
}

TEST(rights_mean_nothing_to_other_families)
{
    int udp = ASSERT_OK(socket(AF_INET, SOCK_DGRAM, 0)), netlink = ASSERT_OK(socket(AF_NETLINK, SOCK_RAW, 0));
    struct sockaddr to = { .sa_family = AF_INET, .sa_data = { 0, 9, 127, 0, 0, 1 } };
    ASSERT_OK(connect(udp, &to, 16));
    EXPECT_EQ(send_fds(udp, "x", 1, (int[]){ 999 }, 1), 1);
    EXPECT_ERRNO(send_fds(netlink, "x", 1, (int[]){ 0 }, 1), EINVAL);
}
