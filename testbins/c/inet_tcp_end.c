/* How TCP connections end between programs of one machine: closing, shutting down, resets (man 7 tcp, man 2 shutdown). */
#include "nacre_test.h"
#include "inet_test.h"

/* proves A11 for TCP */
TEST(tcp_end_of_file_after_the_last_byte)
{
    int s[2];
    char buf[8];
    tcp_pair(s);
    EXPECT_EQ(write(s[0], "last", 4), 4);
    close(s[0]);
    EXPECT_EQ(read(s[1], buf, 8), 4);
    EXPECT_EQ(read(s[1], buf, 8), 0);
    EXPECT_EQ(read(s[1], buf, 8), 0);
    EXPECT_EQ(ready(s[1]), POLLIN | POLLOUT | POLLRDHUP);
}

/* proves T14 */
TEST(tcp_close_with_unread_bytes_resets)
{
    int s[2];
    char c;
    tcp_pair(s);
    EXPECT_EQ(write(s[0], "unread", 6), 6);
    EXPECT_EQ(await(s[1], POLLIN), POLLIN);
    close(s[1]);
    EXPECT_TRUE(await(s[0], POLLIN) & POLLERR);
    EXPECT_EQ(ready(s[0]), POLLIN | POLLOUT | POLLRDHUP | POLLERR | POLLHUP);
    EXPECT_ERRNO(read(s[0], &c, 1), ECONNRESET);
    EXPECT_EQ(read(s[0], &c, 1), 0);
    EXPECT_ERRNO(send(s[0], "x", 1, MSG_NOSIGNAL), EPIPE);
}

/* proves E19 */
TEST(tcp_bytes_before_a_reset_can_be_read)
{
    int s[2];
    char buf[8];
    struct linger hard = { 1, 0 };
    tcp_pair(s);
    EXPECT_EQ(write(s[0], "before", 6), 6);
    EXPECT_OK(setsockopt(s[0], SOL_SOCKET, SO_LINGER, &hard, sizeof hard));
    EXPECT_EQ(await(s[1], POLLIN), POLLIN);
    close(s[0]);
    EXPECT_TRUE(await(s[1], POLLHUP) & POLLHUP);
    EXPECT_EQ(read(s[1], buf, 8), 6);
    EXPECT_ERRNO(read(s[1], buf, 8), ECONNRESET);
    EXPECT_EQ(read(s[1], buf, 8), 0);
}

TEST(tcp_a_write_to_the_closed_goes_and_the_next_is_a_broken_pipe)
{
    int s[2];
    char c;
    tcp_pair(s);
    close(s[1]);
    EXPECT_EQ(await(s[0], POLLRDHUP), POLLRDHUP);
    EXPECT_EQ(send(s[0], "x", 1, MSG_NOSIGNAL), 1);
    EXPECT_TRUE(await(s[0], 0) & POLLHUP);
    EXPECT_ERRNO(send(s[0], "x", 1, MSG_NOSIGNAL), EPIPE);
    EXPECT_EQ(read(s[0], &c, 1), 0);
}

TEST(tcp_a_broken_pipe_raises_sigpipe)
{
    int s[2];
    tcp_pair(s);
    close(s[1]);
    EXPECT_EQ(await(s[0], POLLRDHUP), POLLRDHUP);
    EXPECT_EQ(write(s[0], "x", 1), 1);
    EXPECT_TRUE(await(s[0], 0) & POLLHUP);
    signal(SIGPIPE, SIG_IGN);
    EXPECT_ERRNO(write(s[0], "x", 1), EPIPE);
}

/* proves D7 E9 */
TEST(tcp_half_close_leaves_the_other_half)
{
    int s[2];
    char buf[8];
    tcp_pair(s);
    EXPECT_EQ(write(s[0], "ask", 3), 3);
    EXPECT_OK(shutdown(s[0], SHUT_WR));
    EXPECT_ERRNO(send(s[0], "x", 1, MSG_NOSIGNAL), EPIPE);
    EXPECT_EQ(read(s[1], buf, 8), 3);
    EXPECT_EQ(read(s[1], buf, 8), 0);
    EXPECT_EQ(ready(s[1]), POLLIN | POLLOUT | POLLRDHUP);
    EXPECT_EQ(write(s[1], "answer", 6), 6);
    EXPECT_EQ(read(s[0], buf, 8), 6);
    close(s[1]);
    EXPECT_EQ(read(s[0], buf, 8), 0);
    EXPECT_EQ(ready(s[0]), POLLIN | POLLOUT | POLLRDHUP | POLLHUP);
}

TEST(tcp_shutdown_of_reading_reads_the_end_and_what_still_comes)
{
    int s[2];
    char buf[8];
    tcp_pair(s);
    EXPECT_OK(shutdown(s[0], SHUT_RD));
    EXPECT_EQ(read(s[0], buf, 8), 0);
    EXPECT_EQ(write(s[1], "late", 4), 4);
    EXPECT_EQ(await(s[0], POLLIN), POLLIN);
    usleep(10000);
    EXPECT_EQ(read(s[0], buf, 8), 4);
    EXPECT_EQ(read(s[0], buf, 8), 0);
    EXPECT_EQ(write(s[0], "x", 1), 1);
}

TEST(tcp_shutdown_of_nothing_is_invalid)
{
    int s[2];
    tcp_pair(s);
    EXPECT_ERRNO(shutdown(s[0], 3), EINVAL);
    EXPECT_ERRNO(shutdown(s[0], -1), EINVAL);
}

/* proves E4 */
TEST(tcp_shutdown_of_a_listener_ends_accept)
{
    int port = 20102, l = ASSERT_OK(socket(AF_INET, SOCK_STREAM, 0)), status;
    ASSERT_OK(bind4(l, "127.0.0.1", port));
    ASSERT_OK(listen(l, 1));
    pid_t child = nt_fork();
    if (child == 0) {
        usleep(50000);
        shutdown(l, SHUT_RDWR);
        _exit(0);
    }
    EXPECT_ERRNO(accept(l, NULL, NULL), EINVAL);
    EXPECT_OK(waitpid(child, &status, 0));
    EXPECT_ERRNO(connect4(ASSERT_OK(socket(AF_INET, SOCK_STREAM, 0)), "127.0.0.1", port), ECONNREFUSED);
    EXPECT_EQ(option(l, SOL_SOCKET, SO_ACCEPTCONN), 0);
    EXPECT_OK(listen(l, 1));
    EXPECT_EQ(port_of(l), port);
}

TEST(tcp_close_of_a_listener_resets_who_waits)
{
    char c;
    int port, l = tcp_listener(3, &port), s = tcp_client(port);
    close(l);
    EXPECT_TRUE(await(s, POLLIN) & POLLHUP);
    EXPECT_ERRNO(read(s, &c, 1), ECONNRESET);
}

TEST(tcp_a_connection_without_family_is_given_up)
{
    struct sockaddr none = { AF_UNSPEC, { 0 } };
    int s[2], port, l;
    char c;
    tcp_pair(s);
    EXPECT_OK(connect(s[0], &none, sizeof none));
    EXPECT_ERRNO(read(s[1], &c, 1), ECONNRESET);
    EXPECT_ERRNO(send(s[0], "x", 1, MSG_NOSIGNAL), ECONNRESET);
    EXPECT_ERRNO(send(s[0], "x", 1, MSG_NOSIGNAL), EPIPE);
    l = tcp_listener(1, &port);
    EXPECT_OK(connect4(s[0], "127.0.0.1", port));
    EXPECT_OK(accept(l, NULL, NULL));
}

/* proves B7 */
TEST(tcp_shutdown_wakes_a_reader)
{
    int s[2], status;
    char c;
    pid_t child;
    tcp_pair(s);
    child = nt_fork();
    if (child == 0) {
        usleep(30000);
        shutdown(s[0], SHUT_RDWR);
        _exit(0);
    }
    EXPECT_EQ(read(s[0], &c, 1), 0);
    waitpid(child, &status, 0);
}

TEST(tcp_dup_and_fork_keep_the_connection)
{
    int s[2], d, status;
    char c;
    tcp_pair(s);
    d = ASSERT_OK(dup(s[0]));
    close(s[0]);
    pid_t child = nt_fork();
    if (child == 0) {
        close(d);
        _exit(0);
    }
    waitpid(child, &status, 0);
    EXPECT_EQ(write(d, "x", 1), 1);
    EXPECT_EQ(read(s[1], &c, 1), 1);
    close(d);
    EXPECT_EQ(read(s[1], &c, 1), 0);
}

TEST(tcp_the_end_wakes_who_reads_and_who_polls)
{
    for (int polls = 0; polls < 2; polls++) {
        int s[2];
        char c;
        tcp_pair(s);
        pid_t child = nt_fork();
        if (child == 0) {
            struct pollfd p = { s[1], POLLIN, 0 };
            close(s[0]);
            if (polls)
                EXPECT_EQ(poll(&p, 1, 600000), 1);
            EXPECT_EQ(read(s[1], &c, 1), 0);
            nt_done();
        }
        nt_await_state(child, 'S');
        close(s[0]);
        EXPECT_EXIT(child, 0);
        close(s[1]);
    }
}

TEST(tcp_a_port_that_was_only_bound_is_free_after_close)
{
    int s = ASSERT_OK(socket(AF_INET, SOCK_STREAM, 0)), other = ASSERT_OK(socket(AF_INET, SOCK_STREAM, 0));
    ASSERT_OK(bind4(s, "127.0.0.1", 0));
    int port = port_of(s);
    EXPECT_ERRNO(bind4(other, "127.0.0.1", port), EADDRINUSE);
    close(s);
    EXPECT_OK(bind4(other, "127.0.0.1", port));
}
