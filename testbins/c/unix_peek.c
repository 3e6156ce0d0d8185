/* Looking without taking, lengths, thresholds: MSG_PEEK, SO_PEEK_OFF, MSG_TRUNC, SO_RCVLOWAT, MSG_WAITALL. */
#include "nacre_test.h"
#include "unix_test.h"

static char buf[64];

static int next(int s, int most, int flags)
{
    memset(buf, 0, sizeof buf);
    return recv(s, buf, most, flags | MSG_DONTWAIT);
}

TEST(peek_joins_writes_of_a_stream)
{
    int s[2];
    pair(SOCK_STREAM, s);
    EXPECT_EQ(write(s[0], "ab", 2), 2);
    EXPECT_EQ(write(s[0], "cd", 2), 2);
    EXPECT_EQ(next(s[1], 10, MSG_PEEK), 4);
    EXPECT_EQ(next(s[1], 10, 0), 4);
    EXPECT_STREQ(buf, "abcd");
}

TEST(peek_of_nothing_is_eagain_and_at_the_end_zero)
{
    int s[2];
    pair(SOCK_STREAM, s);
    EXPECT_ERRNO(next(s[1], 10, MSG_PEEK), EAGAIN);
    close(s[0]);
    EXPECT_EQ(next(s[1], 10, MSG_PEEK), 0);
}

TEST(peek_waits_for_bytes)
{
    int s[2];
    pair(SOCK_STREAM, s);
    pid_t pid = nt_fork();
    if (pid == 0) {
        nt_sleep_ms(50);
        EXPECT_EQ(write(s[0], "x", 1), 1);
        nt_done();
    }
    EXPECT_EQ(recv(s[1], buf, 1, MSG_PEEK), 1);
    EXPECT_EXIT(pid, 0);
}

TEST(peek_off_starts_at_minus_one_and_takes_any_number)
{
    int s[2];
    pair(SOCK_STREAM, s);
    EXPECT_EQ(option(s[0], SO_PEEK_OFF), -1);
    set_option(s[0], SO_PEEK_OFF, 5);
    EXPECT_EQ(option(s[0], SO_PEEK_OFF), 5);
    set_option(s[0], SO_PEEK_OFF, -7);
    EXPECT_TRUE(option(s[0], SO_PEEK_OFF) < 0);
}

TEST(peek_off_walks_back_with_each_read)
{
    int s[2];
    pair(SOCK_STREAM, s);
    set_option(s[1], SO_PEEK_OFF, 0);
    EXPECT_EQ(write(s[0], "aaabbbccc", 9), 9);
    EXPECT_EQ(next(s[1], 3, MSG_PEEK), 3);
    EXPECT_EQ(next(s[1], 3, MSG_PEEK), 3);
    EXPECT_STREQ(buf, "bbb");
    EXPECT_EQ(option(s[1], SO_PEEK_OFF), 6);
    EXPECT_EQ(next(s[1], 2, 0), 2);
    EXPECT_STREQ(buf, "aa");
    EXPECT_EQ(option(s[1], SO_PEEK_OFF), 4);
    EXPECT_EQ(next(s[1], 9, MSG_PEEK), 3);
    EXPECT_STREQ(buf, "ccc");
    EXPECT_EQ(next(s[1], 9, 0), 7);
    EXPECT_EQ(option(s[1], SO_PEEK_OFF), 0);
}

TEST(peek_off_past_the_end_is_eagain)
{
    int s[2];
    pair(SOCK_STREAM, s);
    set_option(s[1], SO_PEEK_OFF, 4);
    EXPECT_EQ(write(s[0], "abcd", 4), 4);
    EXPECT_ERRNO(next(s[1], 4, MSG_PEEK), EAGAIN);
    EXPECT_EQ(write(s[0], "e", 1), 1);
    EXPECT_EQ(next(s[1], 4, MSG_PEEK), 1);
    EXPECT_STREQ(buf, "e");
}

TEST(peek_off_in_messages_moves_within_and_on_to_the_next)
{
    int s[2];
    pair(SOCK_DGRAM, s);
    set_option(s[1], SO_PEEK_OFF, 0);
    EXPECT_EQ(write(s[0], "abcd", 4), 4);
    EXPECT_EQ(write(s[0], "efgh", 4), 4);
    EXPECT_EQ(next(s[1], 2, MSG_PEEK), 2);
    EXPECT_STREQ(buf, "ab");
    EXPECT_EQ(next(s[1], 10, MSG_PEEK), 2);
    EXPECT_STREQ(buf, "cd");
    EXPECT_EQ(next(s[1], 10, MSG_PEEK), 4);
    EXPECT_STREQ(buf, "efgh");
    EXPECT_EQ(next(s[1], 10, 0), 4);
    EXPECT_STREQ(buf, "abcd");
    EXPECT_EQ(option(s[1], SO_PEEK_OFF), 4);
}

TEST(peek_off_in_seqpackets)
{
    int s[2];
    pair(SOCK_SEQPACKET, s);
    set_option(s[1], SO_PEEK_OFF, 1);
    EXPECT_EQ(write(s[0], "abc", 3), 3);
    EXPECT_EQ(next(s[1], 10, MSG_PEEK), 2);
    EXPECT_STREQ(buf, "bc");
    EXPECT_EQ(next(s[1], 10, 0), 3);
    EXPECT_EQ(option(s[1], SO_PEEK_OFF), 0);
}

TEST(trunc_tells_a_messages_whole_length)
{
    static const int types[] = { SOCK_DGRAM, SOCK_SEQPACKET };
    for (int i = 0; i < 2; i++) {
        int s[2];
        pair(types[i], s);
        EXPECT_EQ(write(s[0], "abcdef", 6), 6);
        EXPECT_EQ(next(s[1], 2, MSG_PEEK | MSG_TRUNC), 6);
        EXPECT_EQ(next(s[1], 0, MSG_PEEK | MSG_TRUNC), 6);
        EXPECT_EQ(next(s[1], 2, MSG_TRUNC), 6);
        EXPECT_STREQ(buf, "ab");
        EXPECT_ERRNO(next(s[1], 2, 0), EAGAIN);
    }
}

TEST(trunc_on_a_stream_tells_what_was_read)
{
    int s[2];
    pair(SOCK_STREAM, s);
    EXPECT_EQ(write(s[0], "abcdef", 6), 6);
    EXPECT_EQ(next(s[1], 2, MSG_TRUNC), 2);
    EXPECT_EQ(next(s[1], 10, 0), 4);
    EXPECT_STREQ(buf, "cdef");
}

TEST(an_empty_read_of_a_message_takes_it)
{
    int s[2];
    pair(SOCK_DGRAM, s);
    EXPECT_EQ(write(s[0], "abc", 3), 3);
    EXPECT_EQ(next(s[1], 0, 0), 0);
    EXPECT_ERRNO(next(s[1], 10, 0), EAGAIN);
    EXPECT_EQ(write(s[0], "abc", 3), 3);
    EXPECT_EQ(read(s[1], buf, 0), 0);
    EXPECT_EQ(next(s[1], 10, 0), 3);
}

TEST(rcvlowat_makes_a_read_wait_for_so_many)
{
    int s[2];
    pair(SOCK_STREAM, s);
    set_option(s[1], SO_RCVLOWAT, 4);
    EXPECT_EQ(write(s[0], "ab", 2), 2);
    pid_t pid = nt_fork();
    if (pid == 0) {
        nt_sleep_ms(50);
        EXPECT_EQ(write(s[0], "cd", 2), 2);
        nt_done();
    }
    EXPECT_EQ(read(s[1], buf, 10), 4);
    EXPECT_EXIT(pid, 0);
}

TEST(rcvlowat_does_not_hold_a_nonblocking_read)
{
    int s[2];
    pair(SOCK_STREAM, s);
    set_option(s[1], SO_RCVLOWAT, 4);
    EXPECT_EQ(write(s[0], "ab", 2), 2);
    EXPECT_EQ(next(s[1], 10, 0), 2);
}

TEST(waitall_ends_with_a_signal_and_tells_what_came)
{
    int s[2];
    pair(SOCK_STREAM, s);
    catch_alarm(SA_RESTART);
    EXPECT_EQ(write(s[0], "ab", 2), 2);
    struct itimerval t = EVERY_50_MS;
    setitimer(ITIMER_REAL, &t, NULL);
    EXPECT_EQ(recv(s[1], buf, 10, MSG_WAITALL), 2);
}

TEST(waitall_ends_at_the_timeout)
{
    int s[2];
    pair(SOCK_STREAM, s);
    struct timeval t = { 0, 50000 };
    ASSERT_OK(setsockopt(s[1], SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t));
    EXPECT_EQ(write(s[0], "ab", 2), 2);
    EXPECT_EQ(recv(s[1], buf, 10, MSG_WAITALL), 2);
    EXPECT_ERRNO(recv(s[1], buf, 10, MSG_WAITALL), EAGAIN);
}

TEST(waitall_with_peek_does_not_wait_for_all)
{
    int s[2];
    pair(SOCK_STREAM, s);
    EXPECT_EQ(write(s[0], "ab", 2), 2);
    EXPECT_EQ(recv(s[1], buf, 10, MSG_WAITALL | MSG_PEEK), 2);
}

TEST(waitall_on_messages_returns_one)
{
    int s[2];
    pair(SOCK_SEQPACKET, s);
    EXPECT_EQ(write(s[0], "ab", 2), 2);
    EXPECT_EQ(recv(s[1], buf, 10, MSG_WAITALL), 2);
}

TEST(a_send_timeout_is_eagain)
{
    int s[2];
    static char big[1 << 20];
    pair(SOCK_STREAM, s);
    struct timeval t = { 0, 50000 };
    ASSERT_OK(setsockopt(s[0], SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t));
    ssize_t n = send(s[0], big, sizeof big, 0);
    EXPECT_TRUE(n > 100000 && n < (1 << 20));
    EXPECT_ERRNO(send(s[0], big, 1, 0), EAGAIN);
}

TEST(a_signal_ends_a_blocked_send_with_what_went)
{
    int s[2];
    static char big[1 << 20];
    pair(SOCK_STREAM, s);
    catch_alarm(0);
    struct itimerval t = EVERY_50_MS;
    setitimer(ITIMER_REAL, &t, NULL);
    ssize_t n = send(s[0], big, sizeof big, 0);
    EXPECT_TRUE(n > 100000 && n < (1 << 20));
    setitimer(ITIMER_REAL, &t, NULL);
    EXPECT_ERRNO(send(s[0], big, 1, 0), EINTR);
}

TEST(seqpackets_tell_the_end_of_record)
{
    int s[2];
    pair(SOCK_SEQPACKET, s);
    EXPECT_EQ(send(s[0], "ab", 2, MSG_EOR), 2);
    struct iovec v = { buf, 1 };
    struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
    EXPECT_EQ(recvmsg(s[1], &m, 0), 1);
    EXPECT_EQ(m.msg_flags, MSG_TRUNC);
    EXPECT_EQ(send(s[0], "ab", 2, MSG_EOR), 2);
    EXPECT_EQ(recvmsg(s[1], &m, MSG_PEEK | MSG_TRUNC), 2);
    EXPECT_EQ(m.msg_flags & MSG_TRUNC, MSG_TRUNC);
}

/* proves B12 */
TEST(fionread_counts_per_type)
{
    int s[2], n = -1;
    pair(SOCK_DGRAM, s);
    EXPECT_EQ(write(s[0], "abc", 3), 3);
    EXPECT_EQ(write(s[0], "de", 2), 2);
    EXPECT_OK(ioctl(s[1], FIONREAD, &n));
    EXPECT_EQ(n, 3);
    pair(SOCK_SEQPACKET, s);
    EXPECT_EQ(write(s[0], "abc", 3), 3);
    EXPECT_EQ(write(s[0], "de", 2), 2);
    EXPECT_OK(ioctl(s[1], FIONREAD, &n));
    EXPECT_EQ(n, 5);
    EXPECT_OK(ioctl(s[0], SIOCOUTQ, &n));
    EXPECT_TRUE(n > 5);
}

TEST(siocunixfile_opens_the_file_of_the_name)
{
    nt_dir();
    int s = listener(SOCK_STREAM, "sock", 1), fd = ioctl(s, 0x89e0);
    struct stat a, b;
    ASSERT_TRUE(fd >= 0);
    EXPECT_OK(stat("sock", &a));
    EXPECT_OK(fstat(fd, &b));
    EXPECT_EQ(a.st_ino, b.st_ino);
    EXPECT_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
    EXPECT_TRUE(fcntl(fd, F_GETFL) & O_PATH);
    int u = ASSERT_OK(socket(AF_UNIX, SOCK_STREAM, 0));
    EXPECT_ERRNO(ioctl(u, 0x89e0), ENOENT);
    ASSERT_OK(bind(u, (struct sockaddr *)&(struct sockaddr_un){ .sun_family = AF_UNIX, .sun_path = "\0nt-file" }, 10));
    EXPECT_ERRNO(ioctl(u, 0x89e0), ENOENT);
    ASSERT_OK(setuid(65534));
    EXPECT_ERRNO(ioctl(s, 0x89e0), EPERM);
}

TEST(a_peek_fills_pages_that_were_not_there)
{
    int s[2];
    pair(SOCK_STREAM, s);
    char *pages = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_TRUE(pages != MAP_FAILED);
    memset(buf, 'p', sizeof buf);
    EXPECT_EQ(write(s[0], buf, 64), 64);
    EXPECT_EQ(recv(s[1], pages + 4096 - 32, 64, MSG_PEEK), 64);
    EXPECT_MEMEQ(pages + 4096 - 32, buf, 64);
    EXPECT_EQ(recv(s[1], pages + 4096 - 32, 64, 0), 64);
}

TEST(a_peek_with_an_offset_fills_pages_that_were_not_there)
{
    int s[2];
    pair(SOCK_STREAM, s);
    char *pages = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_TRUE(pages != MAP_FAILED);
    memset(buf, 'p', sizeof buf);
    EXPECT_EQ(write(s[0], "skip", 4), 4);
    EXPECT_EQ(write(s[0], buf, 64), 64);
    set_option(s[1], SO_PEEK_OFF, 4);
    EXPECT_EQ(recv(s[1], pages + 4096 - 32, 64, MSG_PEEK), 64);
    EXPECT_MEMEQ(pages + 4096 - 32, buf, 64);
    EXPECT_EQ(option(s[1], SO_PEEK_OFF), 68);
    EXPECT_EQ(recv(s[1], pages + 4096 - 32, 68, 0), 68);
    EXPECT_EQ(option(s[1], SO_PEEK_OFF), 0);
}

TEST(a_peek_with_an_offset_of_a_message_fills_pages_that_were_not_there)
{
    int s[2];
    pair(SOCK_DGRAM, s);
    char *pages = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_TRUE(pages != MAP_FAILED);
    memset(buf, 'p', sizeof buf);
    EXPECT_EQ(write(s[0], buf, 64), 64);
    set_option(s[1], SO_PEEK_OFF, 4);
    EXPECT_EQ(recv(s[1], pages + 4096 - 32, 64, MSG_PEEK), 60);
    EXPECT_MEMEQ(pages + 4096 - 32, buf, 60);
    EXPECT_EQ(option(s[1], SO_PEEK_OFF), 64);
}
