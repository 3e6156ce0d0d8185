/* AF_UNIX names: paths, abstract, autobind; bind, listen, connect, accept and their errors. */
#include "nacre_test.h"
#include "unix_test.h"

static socklen_t name_of(int s, struct sockaddr_un *a)
{
    socklen_t len = sizeof *a;
    memset(a, 0xee, sizeof *a);
    EXPECT_OK(getsockname(s, (struct sockaddr *)a, &len));
    return len;
}

/* proves A5 */
TEST(socket_refuses_types_and_protocols_it_does_not_have)
{
    EXPECT_ERRNO(socket(AF_UNIX, 4, 0), ESOCKTNOSUPPORT);
    EXPECT_ERRNO(socket(AF_UNIX, 11, 0), EINVAL);
    EXPECT_ERRNO(socket(AF_UNIX, SOCK_STREAM | 0x100, 0), EINVAL);
    EXPECT_ERRNO(socket(AF_UNIX, SOCK_STREAM, 6), EPROTONOSUPPORT);
    EXPECT_ERRNO(socket(45, SOCK_STREAM, 0), EAFNOSUPPORT);
    EXPECT_ERRNO(socket(46, SOCK_STREAM, 0), EAFNOSUPPORT);
    EXPECT_ERRNO(socket(-1, SOCK_STREAM, 0), EAFNOSUPPORT);
    int s = EXPECT_OK(socket(AF_UNIX, SOCK_RAW, 0));
    EXPECT_EQ(option(s, SO_TYPE), SOCK_DGRAM);
    EXPECT_OK(socket(AF_UNIX, SOCK_STREAM, AF_UNIX));
}

/* proves T13 */
TEST(socketpair_is_for_unix_only)
{
    int s[2];
    EXPECT_ERRNO(socketpair(AF_INET, SOCK_STREAM, 0, s), EOPNOTSUPP);
    EXPECT_ERRNO(socketpair(AF_UNIX, SOCK_STREAM, 0, NT_BAD), EFAULT);
    EXPECT_ERRNO(socketpair(AF_UNIX, 4, 0, s), ESOCKTNOSUPPORT);
}

/* proves A11 */
TEST(type_flags_set_nonblock_and_cloexec)
{
    int s[2];
    ASSERT_OK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, s));
    EXPECT_EQ(fcntl(s[0], F_GETFD), FD_CLOEXEC);
    EXPECT_EQ(fcntl(s[1], F_GETFL), O_RDWR | O_NONBLOCK);
    int t = ASSERT_OK(socket(AF_UNIX, SOCK_STREAM, 0));
    EXPECT_EQ(fcntl(t, F_GETFD), 0);
    EXPECT_EQ(fcntl(t, F_GETFL), O_RDWR);
}

/* proves A3.2 */
TEST(bind_makes_a_socket_file_with_the_umask)
{
    struct stat st;
    nt_dir();
    umask(027);
    int s = ASSERT_OK(socket(AF_UNIX, SOCK_STREAM, 0));
    EXPECT_OK(bind_path(s, "name"));
    EXPECT_OK(stat("name", &st));
    EXPECT_EQ(st.st_mode, S_IFSOCK | 0750);
    EXPECT_ERRNO(open("name", O_RDWR), ENXIO);
}

TEST(bind_refuses_what_is_taken_missing_or_no_directory)
{
    nt_dir();
    int s = ASSERT_OK(socket(AF_UNIX, SOCK_STREAM, 0));
    nt_put("file", "");
    EXPECT_ERRNO(bind_path(s, "file"), EADDRINUSE);
    EXPECT_ERRNO(bind_path(s, "no/such"), ENOENT);
    EXPECT_ERRNO(bind_path(s, "file/x"), ENOTDIR);
    ASSERT_OK(symlink("nowhere", "link"));
    EXPECT_ERRNO(bind_path(s, "link"), EADDRINUSE);
    EXPECT_OK(bind_path(s, "ok"));
    EXPECT_ERRNO(bind_path(s, "again"), EINVAL);
}

TEST(bind_checks_the_address)
{
    struct sockaddr_un a;
    int s = ASSERT_OK(socket(AF_UNIX, SOCK_STREAM, 0));
    address(&a, "x", 2);
    EXPECT_ERRNO(bind(s, (struct sockaddr *)&a, 1), EINVAL);
    EXPECT_ERRNO(bind(s, (struct sockaddr *)&a, 111), EINVAL);
    EXPECT_ERRNO(bind(s, (struct sockaddr *)&a, 129), EINVAL);
    EXPECT_ERRNO(bind(s, (struct sockaddr *)&a, -1), EINVAL);
    EXPECT_ERRNO(bind(s, NT_BAD, 10), EFAULT);
    a.sun_family = AF_INET;
    EXPECT_ERRNO(bind(s, (struct sockaddr *)&a, 4), EINVAL);
    EXPECT_ERRNO(bind(999, (struct sockaddr *)&a, 4), EBADF);
    EXPECT_ERRNO(bind(ASSERT_OK(open("/dev/null", O_RDWR)), (struct sockaddr *)&a, 4), ENOTSOCK);
}

/* proves T10 */
TEST(getsockname_tells_path_with_its_nul_and_unnamed_as_two_bytes)
{
    struct sockaddr_un a;
    nt_dir();
    int s = ASSERT_OK(socket(AF_UNIX, SOCK_STREAM, 0));
    EXPECT_EQ(name_of(s, &a), 2);
    EXPECT_EQ(a.sun_family, AF_UNIX);
    ASSERT_OK(bind_path(s, "abc"));
    EXPECT_EQ(name_of(s, &a), 6);
    EXPECT_STREQ(a.sun_path, "abc");
    socklen_t len = 4;
    memset(&a, 0xee, sizeof a);
    EXPECT_OK(getsockname(s, (struct sockaddr *)&a, &len));
    EXPECT_EQ(len, 6);
    EXPECT_EQ((unsigned char)a.sun_path[2], 0xee);
    len = -1;
    EXPECT_ERRNO(getsockname(s, (struct sockaddr *)&a, &len), EINVAL);
    EXPECT_ERRNO(getsockname(s, (struct sockaddr *)&a, NT_BAD), EFAULT);
    EXPECT_ERRNO(getpeername(s, (struct sockaddr *)&a, &len), ENOTCONN);
}

TEST(a_path_may_fill_all_108_bytes)
{
    struct sockaddr_un a;
    char path[108];
    nt_dir();
    memset(path, '/', sizeof path);
    memcpy(path, "./", 2);
    memset(path + 100, 'x', 8);
    int s = ASSERT_OK(socket(AF_UNIX, SOCK_STREAM, 0));
    EXPECT_OK(bind(s, (struct sockaddr *)&a, address(&a, path, 108)));
    EXPECT_EQ(name_of(s, &a), 111);
    EXPECT_OK(access("xxxxxxxx", F_OK));
}

/* proves A6 */
TEST(abstract_names_go_by_length_and_may_hold_nuls)
{
    struct sockaddr_un a;
    int s = ASSERT_OK(socket(AF_UNIX, SOCK_STREAM, 0)), t = ASSERT_OK(socket(AF_UNIX, SOCK_STREAM, 0));
    int c = ASSERT_OK(socket(AF_UNIX, SOCK_STREAM, 0));
    EXPECT_OK(bind(s, (struct sockaddr *)&a, address(&a, "\0na\0re", 6)));
    EXPECT_EQ(name_of(s, &a), 8);
    EXPECT_ERRNO(bind(t, (struct sockaddr *)&a, address(&a, "\0na\0re", 6)), EADDRINUSE);
    EXPECT_OK(bind(t, (struct sockaddr *)&a, address(&a, "\0na\0re", 7)));
    ASSERT_OK(listen(s, 1));
    EXPECT_ERRNO(connect(c, (struct sockaddr *)&a, address(&a, "\0na\0rf", 6)), ECONNREFUSED);
    EXPECT_ERRNO(connect(c, (struct sockaddr *)&a, address(&a, "\0na\0re", 7)), ECONNREFUSED);
    EXPECT_OK(connect(c, (struct sockaddr *)&a, address(&a, "\0na\0re", 6)));
    close(c);
    close(s);
    s = ASSERT_OK(socket(AF_UNIX, SOCK_STREAM, 0));
    EXPECT_OK(bind(s, (struct sockaddr *)&a, address(&a, "\0na\0re", 6)));
}

TEST(autobind_gives_five_hexadecimal_digits)
{
    struct sockaddr_un a;
    int s = ASSERT_OK(socket(AF_UNIX, SOCK_DGRAM, 0));
    address(&a, "", 0);
    EXPECT_OK(bind(s, (struct sockaddr *)&a, 2));
    EXPECT_EQ(name_of(s, &a), 8);
    EXPECT_EQ(a.sun_path[0], 0);
    for (int i = 1; i < 6; i++)
        EXPECT_TRUE(strchr("0123456789abcdef", a.sun_path[i]) != NULL);
    EXPECT_OK(bind(s, (struct sockaddr *)&a, 2));
}

/* proves T7, C3, C4 */
TEST(connect_tells_missing_stale_and_not_listening_apart)
{
    struct sockaddr_un a;
    nt_dir();
    int c = ASSERT_OK(socket(AF_UNIX, SOCK_STREAM, 0)), s = ASSERT_OK(socket(AF_UNIX, SOCK_STREAM, 0));
    EXPECT_ERRNO(connect_path(c, "none"), ENOENT);
    nt_put("file", "");
    EXPECT_ERRNO(connect_path(c, "file"), ECONNREFUSED);
    ASSERT_OK(bind_path(s, "name"));
    EXPECT_ERRNO(connect_path(c, "name"), ECONNREFUSED);
    close(s);
    EXPECT_ERRNO(connect_path(c, "name"), ECONNREFUSED);
    EXPECT_ERRNO(connect(c, (struct sockaddr *)&a, address(&a, "", 0)), EINVAL);
    EXPECT_ERRNO(connect(c, (struct sockaddr *)&a, 200), EINVAL);
    EXPECT_ERRNO(connect(c, NT_BAD, 10), EFAULT);
}

TEST(connect_refuses_another_type)
{
    nt_dir();
    listener(SOCK_STREAM, "name", 1);
    EXPECT_ERRNO(connect_path(ASSERT_OK(socket(AF_UNIX, SOCK_DGRAM, 0)), "name"), EPROTOTYPE);
    EXPECT_ERRNO(connect_path(ASSERT_OK(socket(AF_UNIX, SOCK_SEQPACKET, 0)), "name"), EPROTOTYPE);
}

/* proves T8 */
TEST(closing_a_listener_leaves_its_file)
{
    nt_dir();
    close(listener(SOCK_STREAM, "name", 1));
    EXPECT_OK(access("name", F_OK));
    int s = ASSERT_OK(socket(AF_UNIX, SOCK_STREAM, 0));
    EXPECT_ERRNO(bind_path(s, "name"), EADDRINUSE);
    ASSERT_OK(unlink("name"));
    EXPECT_OK(bind_path(s, "name"));
}

TEST(the_binding_follows_the_inode_through_rename_link_and_symlink)
{
    nt_dir();
    listener(SOCK_STREAM, "name", 8);
    ASSERT_OK(link("name", "hard"));
    ASSERT_OK(symlink("name", "soft"));
    client(SOCK_STREAM, "hard");
    client(SOCK_STREAM, "soft");
    ASSERT_OK(rename("name", "other"));
    client(SOCK_STREAM, "other");
    ASSERT_OK(unlink("hard"));
    client(SOCK_STREAM, "other");
    EXPECT_ERRNO(connect_path(ASSERT_OK(socket(AF_UNIX, SOCK_STREAM, 0)), "name"), ENOENT);
}

TEST(connect_needs_write_permission_on_the_file)
{
    nt_dir();
    listener(SOCK_STREAM, "name", 8);
    ASSERT_OK(chmod("name", 0755));
    pid_t pid = nt_fork();
    if (pid == 0) {
        ASSERT_OK(setresuid(1000, 1000, 1000));
        int c = ASSERT_OK(socket(AF_UNIX, SOCK_STREAM, 0));
        EXPECT_ERRNO(connect_path(c, "name"), EACCES);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
    ASSERT_OK(chmod("name", 0722));
    if ((pid = nt_fork()) == 0) {
        ASSERT_OK(setresuid(1000, 1000, 1000));
        EXPECT_OK(connect_path(ASSERT_OK(socket(AF_UNIX, SOCK_STREAM, 0)), "name"));
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
}

/* proves D3 */
TEST(listen_needs_a_name_and_a_connection_type)
{
    int s = ASSERT_OK(socket(AF_UNIX, SOCK_STREAM, 0));
    EXPECT_ERRNO(listen(s, 1), EINVAL);
    EXPECT_ERRNO(listen(ASSERT_OK(socket(AF_UNIX, SOCK_DGRAM, 0)), 1), EOPNOTSUPP);
    int p[2];
    pair(SOCK_STREAM, p);
    EXPECT_ERRNO(listen(p[0], 1), EINVAL);
    EXPECT_ERRNO(accept(s, NULL, NULL), EINVAL);
    EXPECT_ERRNO(accept(p[0], NULL, NULL), EINVAL);
    EXPECT_ERRNO(accept(ASSERT_OK(socket(AF_UNIX, SOCK_DGRAM, 0)), NULL, NULL), EOPNOTSUPP);
}

/* proves C5 */
TEST(a_listener_neither_receives_nor_sends)
{
    char c = 'x';
    nt_dir();
    int s = listener(SOCK_STREAM, "name", 1);
    EXPECT_ERRNO(recv(s, &c, 1, MSG_DONTWAIT), EINVAL);
    EXPECT_ERRNO(send(s, &c, 1, MSG_NOSIGNAL), ENOTCONN);
    EXPECT_EQ(option(s, SO_ACCEPTCONN), 1);
    EXPECT_EQ(ready(s), 0);
    EXPECT_OK(listen(s, 5));
    EXPECT_ERRNO(connect_path(s, "name"), EINVAL);
}

/* proves C7 */
TEST(the_client_may_write_before_accept)
{
    char buf[8];
    nt_dir();
    int s = listener(SOCK_STREAM, "name", 1), c = client(SOCK_STREAM, "name");
    EXPECT_EQ(ready(s), POLLIN);
    EXPECT_EQ(write(c, "early", 5), 5);
    int a = ASSERT_OK(accept(s, NULL, NULL));
    EXPECT_EQ(read(a, buf, 8), 5);
    EXPECT_MEMEQ(buf, "early", 5);
    EXPECT_EQ(ready(s), 0);
}

/* proves C8, T6 */
TEST(a_full_backlog_is_eagain_or_waits)
{
    nt_dir();
    int s = listener(SOCK_STREAM, "name", 2);
    for (int i = 0; i < 3; i++)
        client(SOCK_STREAM, "name");
    int c = ASSERT_OK(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0));
    EXPECT_ERRNO(connect_path(c, "name"), EAGAIN);
    pid_t pid = nt_fork();
    if (pid == 0) {
        client(SOCK_STREAM, "name");
        nt_done();
    }
    nt_await_state(pid, 'S');
    ASSERT_OK(accept(s, NULL, NULL));
    EXPECT_EXIT(pid, 0);
}

TEST(closing_the_listener_refuses_those_who_wait_and_resets_those_not_accepted)
{
    char b;
    nt_dir();
    int s = listener(SOCK_STREAM, "name", 0), c = client(SOCK_STREAM, "name");
    pid_t pid = nt_fork();
    if (pid == 0) {
        close(s);
        EXPECT_ERRNO(connect_path(ASSERT_OK(socket(AF_UNIX, SOCK_STREAM, 0)), "name"), ECONNREFUSED);
        nt_done();
    }
    nt_await_state(pid, 'S');
    close(s);
    EXPECT_EXIT(pid, 0);
    EXPECT_ERRNO(read(c, &b, 1), ECONNRESET);
}

/* proves A12 */
TEST(accept_blocks_and_accept4_sets_flags)
{
    struct sockaddr_un a;
    socklen_t len = sizeof a;
    nt_dir();
    int s = listener(SOCK_STREAM, "name", 4);
    pid_t pid = nt_fork();
    if (pid == 0) {
        nt_sleep_ms(30);
        client(SOCK_STREAM, "name");
        client(SOCK_STREAM, "name");
        nt_done();
    }
    int c = ASSERT_OK(accept(s, (struct sockaddr *)&a, &len));
    EXPECT_EQ(len, 2);
    EXPECT_EQ(fcntl(c, F_GETFL), O_RDWR);
    c = ASSERT_OK(accept4(s, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC));
    EXPECT_EQ(fcntl(c, F_GETFL), O_RDWR | O_NONBLOCK);
    EXPECT_EQ(fcntl(c, F_GETFD), FD_CLOEXEC);
    EXPECT_EXIT(pid, 0);
    EXPECT_ERRNO(accept4(s, NULL, NULL, 1), EINVAL);
    EXPECT_OK(fcntl(s, F_SETFL, O_NONBLOCK));
    EXPECT_ERRNO(accept(s, NULL, NULL), EAGAIN);
}

TEST(the_names_of_both_ends_are_told)
{
    struct sockaddr_un a;
    socklen_t len = sizeof a;
    nt_dir();
    int s = listener(SOCK_STREAM, "server", 4), c = ASSERT_OK(socket(AF_UNIX, SOCK_STREAM, 0));
    ASSERT_OK(bind_path(c, "client"));
    ASSERT_OK(connect_path(c, "server"));
    int t = ASSERT_OK(accept(s, (struct sockaddr *)&a, &len));
    EXPECT_EQ(len, 9);
    EXPECT_STREQ(a.sun_path, "client");
    name_of(t, &a);
    EXPECT_STREQ(a.sun_path, "server");
    len = sizeof a;
    EXPECT_OK(getpeername(c, (struct sockaddr *)&a, &len));
    EXPECT_STREQ(a.sun_path, "server");
    EXPECT_ERRNO(connect_path(c, "server"), EISCONN);
}

TEST(shutdown_of_a_listener_ends_its_accepts)
{
    nt_dir();
    int s = listener(SOCK_STREAM, "name", 4);
    pid_t me = getpid(), pid = nt_fork();
    if (pid == 0) {
        nt_await_state(me, 'S');
        EXPECT_OK(shutdown(s, SHUT_RD));
        nt_done();
    }
    EXPECT_ERRNO(accept(s, NULL, NULL), EINVAL);
    EXPECT_EXIT(pid, 0);
    EXPECT_ERRNO(connect_path(ASSERT_OK(socket(AF_UNIX, SOCK_STREAM, 0)), "name"), ECONNREFUSED);
}

/* proves A6 */
TEST(proc_net_unix_lists_names_states_and_inodes)
{
    static char text[65536];
    struct sockaddr_un a;
    struct stat st;
    char want[80];
    nt_dir();
    int s = listener(SOCK_STREAM, "listed", 4), d = ASSERT_OK(socket(AF_UNIX, SOCK_DGRAM, 0));
    ASSERT_OK(bind(d, (struct sockaddr *)&a, address(&a, "\0ab\0c", 5)));
    ASSERT_TRUE(nt_get("/proc/net/unix", text, sizeof text) > 0);
    EXPECT_TRUE(strncmp(text, "Num       RefCount Protocol Flags    Type St Inode Path\n", 56) == 0);
    ASSERT_OK(fstat(s, &st));
    snprintf(want, sizeof want, ": 00000002 00000000 00010000 0001 01 %5lu listed\n", (unsigned long)st.st_ino);
    EXPECT_TRUE(strstr(text, want) != NULL);
    ASSERT_OK(fstat(d, &st));
    snprintf(want, sizeof want, ": 00000002 00000000 00000000 0002 01 %5lu @ab@c\n", (unsigned long)st.st_ino);
    EXPECT_TRUE(strstr(text, want) != NULL);
}
