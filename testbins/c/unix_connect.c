/* Connecting, accepting, listening, shutting down, and the two programs that say hello (man 7 unix). */
#include "nacre_test.h"
#include "unix_test.h"

/* proves C8 */
TEST(a_backlog_of_n_takes_n_and_one_more)
{
    static const int backlogs[] = { 0, 1, 5 };
    nt_dir();
    for (int i = 0; i < 3; i++) {
        char path[16];
        snprintf(path, sizeof path, "s%d", i);
        listener(SOCK_STREAM, path, backlogs[i]);
        int n = 0;
        for (;; n++) {
            int c = ASSERT_OK(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0));
            if (connect_path(c, path) == -1)
                break;
        }
        EXPECT_TRUE(errno == EAGAIN);
        EXPECT_EQ(n, backlogs[i] + 1);
    }
}

TEST(a_negative_backlog_is_the_most)
{
    nt_dir();
    listener(SOCK_STREAM, "sock", -1);
    for (int i = 0; i < 200; i++)
        client(SOCK_STREAM, "sock");
}

TEST(listen_again_changes_the_backlog)
{
    nt_dir();
    int l = listener(SOCK_STREAM, "sock", 0);
    client(SOCK_STREAM, "sock");
    int c = ASSERT_OK(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0));
    EXPECT_ERRNO(connect_path(c, "sock"), EAGAIN);
    EXPECT_OK(listen(l, 1));
    EXPECT_OK(connect_path(c, "sock"));
}

TEST(listen_again_with_more_room_wakes_who_waits)
{
    nt_dir();
    int l = listener(SOCK_STREAM, "sock", 0);
    client(SOCK_STREAM, "sock");
    pid_t pid = nt_fork();
    if (pid == 0) {
        client(SOCK_STREAM, "sock");
        nt_done();
    }
    nt_await_state(pid, 'S');
    EXPECT_OK(listen(l, 5));
    EXPECT_EXIT(pid, 0);
}

TEST(connections_are_accepted_in_order)
{
    nt_dir();
    int l = listener(SOCK_STREAM, "sock", 4);
    for (char c = 'a'; c < 'd'; c++)
        EXPECT_EQ(write(client(SOCK_STREAM, "sock"), &c, 1), 1);
    for (char c = 'a'; c < 'd'; c++) {
        char got = 0;
        EXPECT_EQ(read(ASSERT_OK(accept(l, NULL, NULL)), &got, 1), 1);
        EXPECT_EQ(got, c);
    }
}

TEST(connect_twice_is_eisconn)
{
    nt_dir();
    listener(SOCK_STREAM, "sock", 4);
    int c = client(SOCK_STREAM, "sock");
    EXPECT_ERRNO(connect_path(c, "sock"), EISCONN);
    int s[2];
    pair(SOCK_STREAM, s);
    EXPECT_ERRNO(connect_path(s[0], "sock"), EISCONN);
}

TEST(connect_of_a_listener_is_einval)
{
    nt_dir();
    listener(SOCK_STREAM, "a", 4);
    int b = listener(SOCK_STREAM, "b", 4);
    EXPECT_ERRNO(connect_path(b, "a"), EINVAL);
}

TEST(a_listener_can_not_connect_to_itself)
{
    nt_dir();
    int s = named(SOCK_STREAM, "self");
    EXPECT_ERRNO(connect_path(s, "self"), ECONNREFUSED);
    ASSERT_OK(listen(s, 1));
    EXPECT_ERRNO(connect_path(s, "self"), EINVAL);
}

TEST(a_datagram_socket_may_connect_to_itself)
{
    nt_dir();
    int s = named(SOCK_DGRAM, "self");
    char c = 0;
    EXPECT_OK(connect_path(s, "self"));
    EXPECT_EQ(send(s, "x", 1, 0), 1);
    EXPECT_EQ(recv(s, &c, 1, 0), 1);
    EXPECT_EQ(c, 'x');
}

TEST(a_client_may_bind_after_connecting)
{
    nt_dir();
    int l = listener(SOCK_STREAM, "sock", 1), c = client(SOCK_STREAM, "sock");
    EXPECT_OK(bind_path(c, "late"));
    int a = ASSERT_OK(accept(l, NULL, NULL));
    struct sockaddr_un from;
    socklen_t len = sizeof from;
    EXPECT_OK(getpeername(a, (struct sockaddr *)&from, &len));
    EXPECT_EQ(len, 7);
    EXPECT_STREQ(from.sun_path, "late");
}

/* proves C5 */
TEST(a_listeners_transfers_fail)
{
    nt_dir();
    char c;
    int l = listener(SOCK_STREAM, "sock", 1), q = listener(SOCK_SEQPACKET, "seq", 1);
    EXPECT_ERRNO(recv(l, &c, 1, 0), EINVAL);
    EXPECT_ERRNO(send(l, "x", 1, MSG_NOSIGNAL), ENOTCONN);
    EXPECT_ERRNO(recv(q, &c, 1, 0), ENOTCONN);
    EXPECT_ERRNO(send(q, "x", 1, MSG_NOSIGNAL), ENOTCONN);
    int n;
    EXPECT_ERRNO(ioctl(l, FIONREAD, &n), EINVAL);
    EXPECT_OK(ioctl(l, SIOCOUTQ, &n));
}

TEST(sendto_on_connected_kinds)
{
    nt_dir();
    listener(SOCK_SEQPACKET, "seq", 1);
    struct sockaddr_un a;
    socklen_t len = address(&a, "seq", 4);
    int s[2];
    pair(SOCK_STREAM, s);
    EXPECT_ERRNO(sendto(s[0], "x", 1, 0, (struct sockaddr *)&a, len), EISCONN);
    int u = ASSERT_OK(socket(AF_UNIX, SOCK_STREAM, 0));
    EXPECT_ERRNO(sendto(u, "x", 1, 0, (struct sockaddr *)&a, len), EOPNOTSUPP);
    pair(SOCK_SEQPACKET, s);
    EXPECT_EQ(sendto(s[0], "x", 1, 0, (struct sockaddr *)&a, len), 1);
    int q = ASSERT_OK(socket(AF_UNIX, SOCK_SEQPACKET, 0));
    EXPECT_ERRNO(sendto(q, "x", 1, 0, (struct sockaddr *)&a, len), ENOTCONN);
}

TEST(a_datagram_reconnects_and_disconnects)
{
    nt_dir();
    int a = named(SOCK_DGRAM, "a"), b = named(SOCK_DGRAM, "b"), s = client(SOCK_DGRAM, "a");
    char c;
    EXPECT_EQ(send(s, "1", 1, 0), 1);
    EXPECT_OK(connect_path(s, "b"));
    EXPECT_EQ(send(s, "2", 1, 0), 1);
    EXPECT_EQ(recv(a, &c, 1, MSG_DONTWAIT), 1);
    EXPECT_ERRNO(recv(a, &c, 1, MSG_DONTWAIT), EAGAIN);
    EXPECT_EQ(recv(b, &c, 1, MSG_DONTWAIT), 1);
    EXPECT_EQ(c, '2');
    struct sockaddr none = { .sa_family = AF_UNSPEC };
    EXPECT_OK(connect(s, &none, sizeof none));
    EXPECT_ERRNO(send(s, "3", 1, 0), ENOTCONN);
    socklen_t len = sizeof none;
    EXPECT_ERRNO(getpeername(s, &none, &len), ENOTCONN);
}

TEST(messages_of_the_old_peer_are_dropped_at_reconnect)
{
    nt_dir();
    int a = named(SOCK_DGRAM, "a");
    named(SOCK_DGRAM, "b");
    int s = named(SOCK_DGRAM, "s");
    ASSERT_OK(connect_path(s, "a"));
    ASSERT_OK(connect_path(a, "s"));
    char c;
    EXPECT_EQ(send(a, "old", 3, 0), 3);
    EXPECT_OK(connect_path(s, "b"));
    EXPECT_ERRNO(recv(s, &c, 1, MSG_DONTWAIT), EAGAIN);
    EXPECT_ERRNO(send(a, "new", 3, 0), ECONNRESET);
    EXPECT_ERRNO(send(a, "new", 3, 0), EPERM);
}

TEST(a_datagram_filter_lets_the_peer_in_only)
{
    nt_dir();
    int a = named(SOCK_DGRAM, "a"), b = named(SOCK_DGRAM, "b");
    int s = named(SOCK_DGRAM, "s");
    ASSERT_OK(connect_path(s, "a"));
    struct sockaddr_un to;
    socklen_t len = address(&to, "s", 2);
    EXPECT_EQ(sendto(a, "x", 1, 0, (struct sockaddr *)&to, len), 1);
    EXPECT_ERRNO(sendto(b, "x", 1, 0, (struct sockaddr *)&to, len), EPERM);
    EXPECT_ERRNO(connect_path(b, "s"), EPERM);
}

TEST(shutdown_of_a_datagram_receiver_is_epipe_to_senders)
{
    int s[2];
    char c;
    pair(SOCK_DGRAM, s);
    EXPECT_OK(shutdown(s[1], SHUT_RD));
    EXPECT_ERRNO(send(s[0], "x", 1, MSG_NOSIGNAL), EPIPE);
    EXPECT_EQ(recv(s[1], &c, 1, 0), 0);
    EXPECT_ERRNO(recv(s[1], &c, 1, MSG_DONTWAIT), EAGAIN);
    EXPECT_OK(shutdown(s[0], SHUT_WR));
    EXPECT_ERRNO(send(s[0], "x", 1, MSG_NOSIGNAL), EPIPE);
}

TEST(shutdown_wakes_a_blocked_receiver)
{
    int s[2];
    char c;
    pair(SOCK_STREAM, s);
    pid_t pid = nt_fork();
    if (pid == 0) {
        EXPECT_EQ(recv(s[0], &c, 1, 0), 0);
        nt_done();
    }
    nt_await_state(pid, 'S');
    EXPECT_OK(shutdown(s[0], SHUT_RD));
    EXPECT_EXIT(pid, 0);
}

TEST(shutdown_wakes_a_blocked_sender_with_epipe)
{
    int s[2];
    static char big[1 << 20];
    pair(SOCK_STREAM, s);
    pid_t pid = nt_fork();
    if (pid == 0) {
        signal(SIGPIPE, SIG_IGN);
        ssize_t n = write(s[0], big, sizeof big);
        EXPECT_TRUE(n > 0 && n < (ssize_t)sizeof big);
        EXPECT_ERRNO(write(s[0], big, 1), EPIPE);
        nt_done();
    }
    nt_await_state(pid, 'S');
    EXPECT_OK(shutdown(s[1], SHUT_RD));
    EXPECT_EXIT(pid, 0);
}

TEST(shutdown_wakes_a_blocked_accept)
{
    nt_dir();
    int l = listener(SOCK_STREAM, "sock", 1);
    pid_t pid = nt_fork();
    if (pid == 0) {
        EXPECT_ERRNO(accept(l, NULL, NULL), EINVAL);
        nt_done();
    }
    nt_await_state(pid, 'S');
    EXPECT_OK(shutdown(l, SHUT_RD));
    EXPECT_EXIT(pid, 0);
    int c = ASSERT_OK(socket(AF_UNIX, SOCK_STREAM, 0));
    EXPECT_ERRNO(connect_path(c, "sock"), ECONNREFUSED);
}

TEST(accept_has_a_timeout_and_hears_signals)
{
    nt_dir();
    int l = listener(SOCK_STREAM, "sock", 1);
    struct timeval t = { 0, 50000 };
    ASSERT_OK(setsockopt(l, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t));
    EXPECT_ERRNO(accept(l, NULL, NULL), EAGAIN);
    t.tv_usec = 0;
    ASSERT_OK(setsockopt(l, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t));
    catch_alarm(0);
    struct itimerval i = EVERY_50_MS;
    setitimer(ITIMER_REAL, &i, NULL);
    EXPECT_ERRNO(accept(l, NULL, NULL), EINTR);
}

TEST(connect_has_a_timeout_and_hears_signals)
{
    nt_dir();
    listener(SOCK_STREAM, "sock", 0);
    client(SOCK_STREAM, "sock");
    int c = ASSERT_OK(socket(AF_UNIX, SOCK_STREAM, 0));
    struct timeval t = { 0, 50000 };
    ASSERT_OK(setsockopt(c, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t));
    EXPECT_ERRNO(connect_path(c, "sock"), EAGAIN);
    t.tv_usec = 0;
    ASSERT_OK(setsockopt(c, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t));
    catch_alarm(0);
    struct itimerval i = EVERY_50_MS;
    setitimer(ITIMER_REAL, &i, NULL);
    EXPECT_ERRNO(connect_path(c, "sock"), EINTR);
}

/* proves C7 */
TEST(the_client_may_write_and_close_before_accept)
{
    nt_dir();
    int l = listener(SOCK_STREAM, "sock", 1), c = client(SOCK_STREAM, "sock");
    char buf[8] = "";
    EXPECT_EQ(write(c, "early", 5), 5);
    close(c);
    int a = ASSERT_OK(accept(l, NULL, NULL));
    EXPECT_EQ(read(a, buf, 8), 5);
    EXPECT_STREQ(buf, "early");
    EXPECT_EQ(read(a, buf, 8), 0);
}

/* proves C3 C4 */
TEST(connecting_too_early)
{
    nt_dir();
    int c = ASSERT_OK(socket(AF_UNIX, SOCK_STREAM, 0));
    EXPECT_ERRNO(connect_path(c, "sock"), ENOENT);
    int s = named(SOCK_STREAM, "sock");
    EXPECT_ERRNO(connect_path(c, "sock"), ECONNREFUSED);
    ASSERT_OK(listen(s, 1));
    EXPECT_OK(connect_path(c, "sock"));
}

static int greet(int s)
{
    char name[64], reply[80];
    ssize_t n = read(s, name, sizeof name - 1);
    if (n <= 0)
        return -1;
    name[n] = 0;
    name[strcspn(name, "\n")] = 0;
    int len = snprintf(reply, sizeof reply, "Hello, %s", name);
    return write(s, reply, len) == len ? 0 : -1;
}

/* proves C1 */
TEST(hello_over_a_stream)
{
    nt_dir();
    int l = listener(SOCK_STREAM, "hello", 5);
    pid_t pid = nt_fork();
    if (pid == 0) {
        EXPECT_EQ(greet(ASSERT_OK(accept(l, NULL, NULL))), 0);
        nt_done();
    }
    int c = client(SOCK_STREAM, "hello");
    char buf[64] = "";
    EXPECT_EQ(write(c, "Ada\n", 4), 4);
    EXPECT_EQ(read(c, buf, sizeof buf), 10);
    EXPECT_STREQ(buf, "Hello, Ada");
    EXPECT_EXIT(pid, 0);
}

/* proves C11 */
TEST(hello_over_datagrams)
{
    nt_dir();
    int server = named(SOCK_DGRAM, "server"), c = named(SOCK_DGRAM, "client");
    pid_t pid = nt_fork();
    if (pid == 0) {
        char name[64], reply[80];
        struct sockaddr_un from;
        socklen_t len = sizeof from;
        ssize_t n = recvfrom(server, name, sizeof name, 0, (struct sockaddr *)&from, &len);
        int size = snprintf(reply, sizeof reply, "Hello, %.*s", (int)n, name);
        EXPECT_EQ(sendto(server, reply, size, 0, (struct sockaddr *)&from, len), size);
        nt_done();
    }
    char buf[64] = "";
    ASSERT_OK(connect_path(c, "server"));
    EXPECT_EQ(send(c, "Grace", 5, 0), 5);
    EXPECT_EQ(recv(c, buf, sizeof buf, 0), 12);
    EXPECT_STREQ(buf, "Hello, Grace");
    EXPECT_EXIT(pid, 0);
}

/* proves C10 */
TEST(hello_to_a_thousand_in_turn_and_fifty_at_once)
{
    nt_dir();
    int l = listener(SOCK_STREAM, "hello", 64);
    pid_t pid = nt_fork();
    if (pid == 0) {
        for (int i = 0; i < 1050; i++) {
            int a = ASSERT_OK(accept(l, NULL, NULL));
            ASSERT_EQ(greet(a), 0);
            close(a);
        }
        nt_done();
    }
    char buf[64];
    for (int i = 0; i < 1000; i++) {
        int c = client(SOCK_STREAM, "hello");
        ASSERT_EQ(write(c, "Bob", 3), 3);
        ASSERT_EQ(read(c, buf, sizeof buf), 10);
        close(c);
    }
    int clients[50];
    for (int i = 0; i < 50; i++)
        clients[i] = client(SOCK_STREAM, "hello");
    for (int i = 49; i >= 0; i--)
        ASSERT_EQ(write(clients[i], "Eve", 3), 3);
    for (int i = 0; i < 50; i++)
        ASSERT_EQ(read(clients[i], buf, sizeof buf), 10);
    EXPECT_EXIT(pid, 0);
}

/* proves C9 */
TEST(a_writer_sleeps_until_the_server_reads)
{
    nt_dir();
    static char big[1 << 20];
    int l = listener(SOCK_STREAM, "hello", 1);
    pid_t pid = nt_fork();
    if (pid == 0) {
        int c = client(SOCK_STREAM, "hello");
        EXPECT_EQ(write(c, big, sizeof big), (long)sizeof big);
        nt_done();
    }
    int a = ASSERT_OK(accept(l, NULL, NULL));
    nt_await_state(pid, 'S');
    size_t sum = 0;
    for (ssize_t n; (n = read(a, big, 65536)) > 0;)
        sum += n;
    EXPECT_EQ(sum, sizeof big);
    EXPECT_EXIT(pid, 0);
}
