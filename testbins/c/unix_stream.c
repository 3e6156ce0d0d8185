/* AF_UNIX streams: order, ends, errors, readiness (man 7 unix, man 7 socket). */
#include "nacre_test.h"
#include "unix_test.h"

/* proves A3.1 */
TEST(socketpair_carries_bytes_both_ways)
{
    int s[2];
    char buf[16];
    pair(SOCK_STREAM, s);
    EXPECT_EQ(write(s[0], "ping", 4), 4);
    EXPECT_EQ(read(s[1], buf, sizeof buf), 4);
    EXPECT_MEMEQ(buf, "ping", 4);
    EXPECT_EQ(send(s[1], "pong!", 5, 0), 5);
    EXPECT_EQ(recv(s[0], buf, sizeof buf, 0), 5);
    EXPECT_MEMEQ(buf, "pong!", 5);
}

/* proves A5 */
TEST(stream_reads_join_and_split_writes)
{
    int s[2];
    char buf[16];
    pair(SOCK_STREAM, s);
    EXPECT_EQ(write(s[0], "abc", 3), 3);
    EXPECT_EQ(write(s[0], "defg", 4), 4);
    EXPECT_EQ(read(s[1], buf, 5), 5);
    EXPECT_MEMEQ(buf, "abcde", 5);
    EXPECT_EQ(read(s[1], buf, 16), 2);
    EXPECT_MEMEQ(buf, "fg", 2);
}

TEST(stream_write_of_nothing_is_no_message)
{
    int s[2];
    char c;
    pair(SOCK_STREAM, s);
    EXPECT_EQ(write(s[0], "", 0), 0);
    EXPECT_EQ(send(s[0], "", 0, 0), 0);
    EXPECT_ERRNO(recv(s[1], &c, 1, MSG_DONTWAIT), EAGAIN);
}

TEST(stream_read_of_nothing_waits_for_nothing)
{
    int s[2];
    char c;
    pair(SOCK_STREAM, s);
    EXPECT_EQ(read(s[1], &c, 0), 0);
    EXPECT_ERRNO(recv(s[1], &c, 0, MSG_DONTWAIT), EAGAIN);
    EXPECT_EQ(write(s[0], "x", 1), 1);
    EXPECT_EQ(recv(s[1], &c, 0, 0), 0);
    EXPECT_EQ(recv(s[1], &c, 1, 0), 1);
}

/* proves A11 */
TEST(stream_end_of_file_after_the_last_byte)
{
    int s[2];
    char buf[8];
    pair(SOCK_STREAM, s);
    EXPECT_EQ(write(s[0], "bye", 3), 3);
    close(s[0]);
    EXPECT_EQ(read(s[1], buf, 8), 3);
    EXPECT_EQ(read(s[1], buf, 8), 0);
    EXPECT_EQ(read(s[1], buf, 8), 0);
}

TEST(stream_write_to_a_closed_peer_is_epipe_and_sigpipe)
{
    int s[2];
    pair(SOCK_STREAM, s);
    close(s[1]);
    EXPECT_ERRNO(send(s[0], "x", 1, MSG_NOSIGNAL), EPIPE);
    pid_t pid = nt_fork();
    if (pid == 0) {
        write(s[0], "x", 1);
        nt_done();
    }
    EXPECT_KILLED(pid, SIGPIPE);
}

/* proves T14 */
TEST(stream_closed_with_unread_data_resets_the_peer_once)
{
    int s[2];
    char c;
    pair(SOCK_STREAM, s);
    EXPECT_EQ(write(s[0], "unread", 6), 6);
    close(s[1]);
    EXPECT_ERRNO(read(s[0], &c, 1), ECONNRESET);
    EXPECT_EQ(read(s[0], &c, 1), 0);
    EXPECT_ERRNO(send(s[0], "x", 1, MSG_NOSIGNAL), EPIPE);
}

TEST(stream_reset_shows_in_so_error_and_poll)
{
    int s[2];
    pair(SOCK_STREAM, s);
    EXPECT_EQ(write(s[0], "unread", 6), 6);
    close(s[1]);
    EXPECT_EQ(ready(s[0]), POLLIN | POLLOUT | POLLERR | POLLHUP | POLLRDHUP);
    EXPECT_EQ(option(s[0], SO_ERROR), ECONNRESET);
    EXPECT_EQ(option(s[0], SO_ERROR), 0);
    EXPECT_EQ(ready(s[0]), POLLIN | POLLOUT | POLLHUP | POLLRDHUP);
}

/* proves A12 */
TEST(shutdown_write_ends_the_peers_reads_and_keeps_the_other_way)
{
    int s[2];
    char c;
    pair(SOCK_STREAM, s);
    EXPECT_EQ(write(s[0], "a", 1), 1);
    EXPECT_OK(shutdown(s[0], SHUT_WR));
    EXPECT_ERRNO(send(s[0], "b", 1, MSG_NOSIGNAL), EPIPE);
    EXPECT_EQ(read(s[1], &c, 1), 1);
    EXPECT_EQ(read(s[1], &c, 1), 0);
    EXPECT_EQ(write(s[1], "c", 1), 1);
    EXPECT_EQ(read(s[0], &c, 1), 1);
    EXPECT_EQ(ready(s[1]), POLLIN | POLLOUT | POLLRDHUP);
    EXPECT_EQ(ready(s[0]), POLLOUT);
}

TEST(shutdown_read_keeps_what_waits_and_breaks_the_peers_writes)
{
    int s[2];
    char c;
    pair(SOCK_STREAM, s);
    EXPECT_EQ(write(s[0], "a", 1), 1);
    EXPECT_OK(shutdown(s[1], SHUT_RD));
    EXPECT_ERRNO(send(s[0], "b", 1, MSG_NOSIGNAL), EPIPE);
    EXPECT_EQ(read(s[1], &c, 1), 1);
    EXPECT_EQ(read(s[1], &c, 1), 0);
}

TEST(shutdown_both_hangs_up_both_sides)
{
    int s[2];
    pair(SOCK_STREAM, s);
    EXPECT_OK(shutdown(s[0], SHUT_RDWR));
    EXPECT_EQ(ready(s[0]), POLLIN | POLLOUT | POLLHUP | POLLRDHUP);
    EXPECT_EQ(ready(s[1]), POLLIN | POLLOUT | POLLHUP | POLLRDHUP);
    EXPECT_OK(shutdown(s[0], SHUT_RDWR));
    EXPECT_ERRNO(shutdown(s[0], 3), EINVAL);
    EXPECT_ERRNO(shutdown(s[0], -1), EINVAL);
}

TEST(shutdown_of_an_unconnected_stream_is_quietly_done)
{
    int s = ASSERT_OK(socket(AF_UNIX, SOCK_STREAM, 0));
    char c;
    EXPECT_OK(shutdown(s, SHUT_RDWR));
    EXPECT_ERRNO(read(s, &c, 1), EINVAL);
}

TEST(unconnected_stream_refuses_reads_and_writes)
{
    int s = ASSERT_OK(socket(AF_UNIX, SOCK_STREAM, 0));
    char c = 'x';
    EXPECT_ERRNO(read(s, &c, 1), EINVAL);
    EXPECT_ERRNO(recv(s, &c, 1, MSG_DONTWAIT), EINVAL);
    EXPECT_ERRNO(send(s, &c, 1, MSG_NOSIGNAL), ENOTCONN);
    EXPECT_EQ(ready(s), POLLOUT | POLLHUP);
}

TEST(poll_shows_bytes_room_and_the_peer)
{
    int s[2];
    pair(SOCK_STREAM, s);
    EXPECT_EQ(ready(s[0]), POLLOUT);
    EXPECT_EQ(write(s[1], "x", 1), 1);
    EXPECT_EQ(ready(s[0]), POLLIN | POLLOUT);
    close(s[1]);
    EXPECT_EQ(ready(s[0]), POLLIN | POLLOUT | POLLHUP | POLLRDHUP);
}

/* proves A7 */
TEST(a_full_stream_gives_eagain_and_then_partial_writes)
{
    int s[2];
    static char block[65536];
    long total = 0, n;
    pair(SOCK_STREAM, s);
    while ((n = send(s[0], block, sizeof block, MSG_DONTWAIT)) > 0)
        total += n;
    EXPECT_ERRNO(send(s[0], block, sizeof block, MSG_DONTWAIT), EAGAIN);
    EXPECT_TRUE(total >= 131072 && total <= 4 * 212992);
    EXPECT_EQ(ready(s[0]) & POLLOUT, 0);
    long left = total;
    while (left > 0 && (n = read(s[1], block, sizeof block)) > 0)
        left -= n;
    EXPECT_EQ(left, 0);
    EXPECT_EQ(ready(s[0]), POLLOUT);
}

TEST(a_blocked_writer_goes_on_when_the_reader_reads)
{
    int s[2];
    enum { TOTAL = 3 << 20 };
    static char block[TOTAL];
    pair(SOCK_STREAM, s);
    for (int i = 0; i < TOTAL; i++)
        block[i] = (char)(i * 31 + (i >> 12));
    pid_t pid = nt_fork();
    if (pid == 0) {
        close(s[1]);
        EXPECT_EQ(write(s[0], block, TOTAL), TOTAL);
        nt_done();
    }
    close(s[0]);
    static char got[TOTAL];
    long n, at = 0;
    while ((n = read(s[1], got + at, TOTAL - at)) > 0)
        at += n;
    EXPECT_EQ(at, TOTAL);
    EXPECT_MEMEQ(got, block, TOTAL);
    EXPECT_EXIT(pid, 0);
}

TEST(recv_waitall_gathers_what_was_asked)
{
    int s[2];
    char buf[8];
    pair(SOCK_STREAM, s);
    pid_t pid = nt_fork();
    if (pid == 0) {
        EXPECT_EQ(write(s[0], "abc", 3), 3);
        nt_sleep_ms(50);
        EXPECT_EQ(write(s[0], "defg", 4), 4);
        nt_done();
    }
    EXPECT_EQ(recv(s[1], buf, 7, MSG_WAITALL), 7);
    EXPECT_MEMEQ(buf, "abcdefg", 7);
    EXPECT_EXIT(pid, 0);
    close(s[0]);
    EXPECT_EQ(recv(s[1], buf, 7, MSG_WAITALL), 0);
}

TEST(recv_waitall_ends_short_at_end_of_file)
{
    int s[2];
    char buf[8];
    pair(SOCK_STREAM, s);
    EXPECT_EQ(write(s[0], "abc", 3), 3);
    close(s[0]);
    EXPECT_EQ(recv(s[1], buf, 7, MSG_WAITALL), 3);
}

/* proves E13 */
TEST(peek_leaves_the_bytes)
{
    int s[2];
    char buf[8];
    pair(SOCK_STREAM, s);
    EXPECT_EQ(write(s[0], "abcdef", 6), 6);
    EXPECT_EQ(recv(s[1], buf, 3, MSG_PEEK), 3);
    EXPECT_MEMEQ(buf, "abc", 3);
    EXPECT_EQ(recv(s[1], buf, 8, MSG_PEEK), 6);
    EXPECT_EQ(recv(s[1], buf, 8, 0), 6);
    EXPECT_ERRNO(recv(s[1], buf, 8, MSG_PEEK | MSG_DONTWAIT), EAGAIN);
}

TEST(peek_offset_walks_the_stream)
{
    int s[2], off = 2;
    char buf[8];
    pair(SOCK_STREAM, s);
    EXPECT_EQ(option(s[1], SO_PEEK_OFF), -1);
    EXPECT_OK(setsockopt(s[1], SOL_SOCKET, SO_PEEK_OFF, &off, sizeof off));
    EXPECT_EQ(write(s[0], "abcdefgh", 8), 8);
    EXPECT_EQ(recv(s[1], buf, 3, MSG_PEEK), 3);
    EXPECT_MEMEQ(buf, "cde", 3);
    EXPECT_EQ(option(s[1], SO_PEEK_OFF), 5);
    EXPECT_EQ(recv(s[1], buf, 2, MSG_PEEK), 2);
    EXPECT_MEMEQ(buf, "fg", 2);
    EXPECT_EQ(recv(s[1], buf, 4, 0), 4);
    EXPECT_MEMEQ(buf, "abcd", 4);
    EXPECT_EQ(option(s[1], SO_PEEK_OFF), 3);
}

TEST(inq_and_outq_count_waiting_bytes)
{
    int s[2], n = -1;
    char buf[8];
    pair(SOCK_STREAM, s);
    EXPECT_OK(ioctl(s[1], FIONREAD, &n));
    EXPECT_EQ(n, 0);
    EXPECT_EQ(write(s[0], "abcde", 5), 5);
    EXPECT_OK(ioctl(s[1], FIONREAD, &n));
    EXPECT_EQ(n, 5);
    EXPECT_OK(ioctl(s[0], SIOCOUTQ, &n));
    EXPECT_TRUE(n > 0);
    EXPECT_EQ(read(s[1], buf, 8), 5);
    EXPECT_OK(ioctl(s[0], SIOCOUTQ, &n));
    EXPECT_EQ(n, 0);
    EXPECT_ERRNO(ioctl(s[0], 0x5401 /* TCGETS */, buf), ENOTTY);
}

TEST(urgent_byte_is_read_apart_and_marks_the_stream)
{
    int s[2], mark = -1;
    char buf[8];
    pair(SOCK_STREAM, s);
    EXPECT_ERRNO(recv(s[1], buf, 1, MSG_OOB), EINVAL);
    EXPECT_EQ(send(s[0], "ab", 2, 0), 2);
    EXPECT_EQ(send(s[0], "cd!", 3, MSG_OOB), 3);
    EXPECT_EQ(send(s[0], "ef", 2, 0), 2);
    EXPECT_EQ(ready(s[1]) & POLLPRI, POLLPRI);
    EXPECT_EQ(recv(s[1], buf, 8, 0), 4);
    EXPECT_MEMEQ(buf, "abcd", 4);
    EXPECT_OK(ioctl(s[1], SIOCATMARK, &mark));
    EXPECT_EQ(mark, 1);
    EXPECT_EQ(recv(s[1], buf, 1, MSG_OOB), 1);
    EXPECT_EQ(buf[0], '!');
    EXPECT_ERRNO(recv(s[1], buf, 1, MSG_OOB), EINVAL);
    EXPECT_EQ(recv(s[1], buf, 8, 0), 2);
    EXPECT_MEMEQ(buf, "ef", 2);
}

TEST(urgent_byte_inline_stays_in_its_place)
{
    int s[2];
    char buf[8];
    pair(SOCK_STREAM, s);
    set_option(s[1], SO_OOBINLINE, 1);
    EXPECT_EQ(send(s[0], "ab", 2, 0), 2);
    EXPECT_EQ(send(s[0], "!", 1, MSG_OOB), 1);
    EXPECT_ERRNO(recv(s[1], buf, 1, MSG_OOB), EINVAL);
    EXPECT_EQ(recv(s[1], buf, 8, 0), 2);
    EXPECT_EQ(recv(s[1], buf, 8, 0), 1);
    EXPECT_EQ(buf[0], '!');
}

/* proves A4 */
TEST(a_socket_is_a_file)
{
    int s[2];
    struct stat st;
    char buf[64], want[64], link[64];
    struct iovec v[2] = { { "ab", 2 }, { "cd", 2 } };
    pair(SOCK_STREAM, s);
    EXPECT_ERRNO(lseek(s[0], 0, SEEK_SET), ESPIPE);
    EXPECT_ERRNO(pread(s[0], buf, 1, 0), ESPIPE);
    EXPECT_OK(fstat(s[0], &st));
    EXPECT_EQ(st.st_mode, S_IFSOCK | 0777);
    EXPECT_EQ(st.st_size, 0);
    snprintf(want, sizeof want, "socket:[%lu]", (unsigned long)st.st_ino);
    snprintf(link, sizeof link, "/proc/self/fd/%d", s[0]);
    ssize_t n = readlink(link, buf, sizeof buf - 1);
    buf[n > 0 ? n : 0] = 0;
    EXPECT_STREQ(buf, want);
    EXPECT_EQ(writev(s[0], v, 2), 4);
    v[0].iov_base = buf;
    v[1].iov_base = buf + 8;
    EXPECT_EQ(readv(s[1], v, 2), 4);
    EXPECT_MEMEQ(buf, "ab", 2);
    EXPECT_MEMEQ(buf + 8, "cd", 2);
    EXPECT_ERRNO(fsync(s[0]), EINVAL);
    EXPECT_ERRNO(ftruncate(s[0], 0), EINVAL);
    EXPECT_TRUE(mmap(NULL, 4096, PROT_READ, MAP_SHARED, s[0], 0) == MAP_FAILED && errno == ENODEV);
    EXPECT_ERRNO(open(link, O_RDWR), ENXIO);
}

TEST(dup_and_fork_keep_the_connection)
{
    int s[2];
    char c;
    pair(SOCK_STREAM, s);
    int d = ASSERT_OK(dup(s[0]));
    close(s[0]);
    EXPECT_EQ(write(d, "x", 1), 1);
    EXPECT_EQ(read(s[1], &c, 1), 1);
    pid_t pid = nt_fork();
    if (pid == 0) {
        nt_sleep_ms(30);
        EXPECT_EQ(write(d, "y", 1), 1);
        nt_done();
    }
    close(d);
    EXPECT_EQ(read(s[1], &c, 1), 1);
    EXPECT_EXIT(pid, 0);
    EXPECT_EQ(read(s[1], &c, 1), 0);
}

TEST(a_signal_interrupts_a_blocked_receive)
{
    int s[2];
    char c;
    pair(SOCK_STREAM, s);
    pid_t me = getpid(), pid;
    catch_alarm(0);
    if ((pid = nt_fork()) == 0) {
        nt_await_state(me, 'S');
        kill(me, SIGALRM);
        nt_done();
    }
    EXPECT_ERRNO(read(s[1], &c, 1), EINTR);
    EXPECT_EXIT(pid, 0);
}

TEST(a_receive_timeout_is_eagain_and_never_restarts)
{
    int s[2];
    char c;
    struct timeval tv = { 0, 30000 }, got;
    socklen_t len = sizeof got;
    pair(SOCK_STREAM, s);
    EXPECT_OK(setsockopt(s[1], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv));
    EXPECT_OK(getsockopt(s[1], SOL_SOCKET, SO_RCVTIMEO, &got, &len));
    EXPECT_TRUE(got.tv_sec == 0 && got.tv_usec >= 30000 && got.tv_usec <= 40000);
    EXPECT_ERRNO(read(s[1], &c, 1), EAGAIN);
    tv.tv_sec = 20;
    EXPECT_OK(setsockopt(s[1], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv));
    pid_t me = getpid(), pid;
    catch_alarm(SA_RESTART);
    if ((pid = nt_fork()) == 0) {
        nt_await_state(me, 'S');
        kill(me, SIGALRM);
        nt_done();
    }
    EXPECT_ERRNO(read(s[1], &c, 1), EINTR);
    EXPECT_EXIT(pid, 0);
}

TEST(a_bad_last_page_returns_the_bytes_before_it)
{
    int s[2];
    pair(SOCK_STREAM, s);
    char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_TRUE(p != MAP_FAILED);
    memset(p, 'z', 8192);
    ASSERT_OK(munmap(p + 4096, 4096));
    EXPECT_ERRNO(write(s[0], NT_BAD, 1), EFAULT);
    EXPECT_EQ(write(s[0], "abcdefgh", 8), 8);
    EXPECT_ERRNO(read(s[1], NT_BAD, 8), EFAULT);
    struct iovec v[2] = { { p, 4 }, { NT_BAD, 4 } };
    long n = readv(s[1], v, 2);
    EXPECT_TRUE(n == -1 || n == 4);
}

TEST(an_address_of_no_length_is_none)
{
    int s[2], d[2];
    struct sockaddr_un a;
    pair(SOCK_STREAM, s);
    pair(SOCK_DGRAM, d);
    address(&a, "/nowhere", 8);
    EXPECT_EQ(sendto(s[0], "x", 1, 0, (struct sockaddr *)&a, 0), 1);
    EXPECT_EQ(sendto(d[0], "x", 1, 0, (struct sockaddr *)&a, 0), 1);
    EXPECT_ERRNO(sendto(s[0], "x", 1, 0, (struct sockaddr *)&a, 11), EISCONN);
    EXPECT_ERRNO(sendto(d[0], "x", 1, 0, (struct sockaddr *)&a, -1), EINVAL);
}
