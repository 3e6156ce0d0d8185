/*
 * unix(7), paragraph by paragraph; what other programs show already is named here and not shown again.
 *
 * DESCRIPTION, types         datagrams_are_reliable_and_in_order, unix_message, unix_stream
 * Address format             three_kinds_of_address, structures_have_the_sizes_of_arm64
 * Pathname sockets           unix_names/a_path_may_fill_all_108_bytes, ..._with_its_nul_..., bind_checks_the_address
 *   ownership, permissions   unix_inode/bind_makes_an_inode_..., connect_needs_search_..., sendto_needs_write_...
 * Abstract sockets           umask_means_nothing_to_abstract_names, unix_inode/an_abstract_name_goes_with_its_socket
 * SO_PASSCRED                passcred_before_connect_binds_automatically, unix_rights/passcred_tells_who_sent
 * SO_PASSSEC, SO_PEERSEC     sock_switches/so_passsec_..., so_peersec_...
 * SO_PEEK_OFF                unix_peek/peek_off_...
 * SO_PEERCRED                peer_credentials_do_not_change, unix_rights/peer_credentials_...
 * Autobind                   autobind_names_come_from_a_million, unix_names/autobind_...
 * Sockets API, MSG_OOB       unix_oob; msg_more_joins_nothing
 * MSG_TRUNC                  unix_peek/trunc_...
 * SO_SNDBUF, SO_RCVBUF       the_send_buffer_bounds_a_datagram, the_receive_buffer_does_not
 * SCM_RIGHTS                 unix_rights, unix_cmsg, unix_collect
 *   RLIMIT_NOFILE            unix_rights/a_full_table_truncates_..., unix_cmsg/too_many_rights_...
 * SCM_CREDENTIALS            unix_rights/credentials_...
 * at least one byte          unix_cmsg/a_stream_write_of_nothing_carries_no_rights, datagrams_and_seqpackets_carry_rights
 * barrier                    unix_cmsg/reads_never_join_two_sets_of_rights, ancillary_data_is_a_barrier
 * SIOCINQ                    unix_peek/fionread_counts_per_type
 * ERRORS                     the_errors_of_the_page; sock_calls
 * NOTES, BUGS                unix_names/closing_a_listener_leaves_its_file, unix_names/a_path_may_fill_all_108_bytes
 */
#include "nacre_test.h"
#include "unix_test.h"

/* proves A5 A10 */
TEST(datagrams_are_reliable_and_in_order)
{
    int s[2];
    pair(SOCK_DGRAM, s);
    pid_t pid = nt_fork();
    if (pid == 0) {
        for (int i = 0; i < 5000; i++)
            ASSERT_EQ(write(s[0], &i, sizeof i), 4);
        nt_done();
    }
    for (int i = 0, got; i < 5000; i++) {
        ASSERT_EQ(read(s[1], &got, sizeof got), 4);
        ASSERT_EQ(got, i);
    }
    EXPECT_EXIT(pid, 0);
}

/* proves A9 A13 T16 */
TEST(structures_have_the_sizes_of_arm64)
{
    struct sockaddr_un a;
    int s[2];
    EXPECT_EQ(sizeof(struct msghdr), 56);
    EXPECT_EQ(sizeof(struct cmsghdr), 16);
    EXPECT_EQ(sizeof(struct ucred), 12);
    EXPECT_EQ(sizeof a, 110);
    EXPECT_EQ(sizeof a.sun_path, 108);
    EXPECT_EQ(sizeof(struct mmsghdr), 64);
    EXPECT_EQ(sizeof(struct iovec), 16);
    pair(SOCK_STREAM, s);
    socklen_t len = 100;
    char peer[100];
    EXPECT_OK(getsockopt(s[0], SOL_SOCKET, SO_PEERCRED, peer, &len));
    EXPECT_EQ(len, 12);
    EXPECT_ERRNO(bind(s[0], (struct sockaddr *)&a, 111), EINVAL);
}

/* proves A6 A10 */
TEST(three_kinds_of_address)
{
    nt_dir();
    struct sockaddr_un a;
    socklen_t len = sizeof a;
    int s = ASSERT_OK(socket(AF_UNIX, SOCK_STREAM, 0));
    EXPECT_OK(getsockname(s, (struct sockaddr *)&a, &len));
    EXPECT_EQ(len, 2);
    ASSERT_OK(bind_path(s, "name"));
    len = sizeof a;
    EXPECT_OK(getsockname(s, (struct sockaddr *)&a, &len));
    EXPECT_EQ(len, 2 + 4 + 1);
    s = ASSERT_OK(socket(AF_UNIX, SOCK_STREAM, 0));
    len = address(&a, "\0nt\0three", 9);
    ASSERT_OK(bind(s, (struct sockaddr *)&a, len));
    len = sizeof a;
    EXPECT_OK(getsockname(s, (struct sockaddr *)&a, &len));
    EXPECT_EQ(len, 2 + 9);
    EXPECT_EQ(a.sun_path[0], 0);
}

/* proves A10 */
TEST(umask_means_nothing_to_abstract_names)
{
    struct sockaddr_un a;
    umask(0777);
    int s = ASSERT_OK(socket(AF_UNIX, SOCK_DGRAM, 0));
    socklen_t len = address(&a, "\0nt-umask", 9);
    ASSERT_OK(bind(s, (struct sockaddr *)&a, len));
    ASSERT_OK(setuid(65534));
    int c = ASSERT_OK(socket(AF_UNIX, SOCK_DGRAM, 0));
    EXPECT_EQ(sendto(c, "x", 1, 0, (struct sockaddr *)&a, len), 1);
}

/* proves A10 */
TEST(passcred_before_connect_binds_automatically)
{
    nt_dir();
    int l = listener(SOCK_STREAM, "sock", 1), c = ASSERT_OK(socket(AF_UNIX, SOCK_STREAM, 0));
    struct sockaddr_un a;
    socklen_t len = sizeof a;
    set_option(c, SO_PASSCRED, 1);
    ASSERT_OK(connect_path(c, "sock"));
    EXPECT_OK(getsockname(c, (struct sockaddr *)&a, &len));
    EXPECT_EQ(len, 8);
    EXPECT_EQ(a.sun_path[0], 0);
    len = sizeof a;
    int n = ASSERT_OK(accept(l, (struct sockaddr *)&a, &len));
    EXPECT_EQ(len, 8);
    close(n);
}

/* proves A10 T12 */
TEST(peer_credentials_do_not_change)
{
    nt_dir();
    ASSERT_OK(chmod(".", 0777));
    int l = listener(SOCK_STREAM, "sock", 1);
    ASSERT_OK(chmod("sock", 0777));
    pid_t pid = nt_fork();
    if (pid == 0) {
        ASSERT_OK(setuid(500));
        int c = client(SOCK_STREAM, "sock");
        char b;
        read(c, &b, 1);
        nt_done();
    }
    int a = ASSERT_OK(accept(l, NULL, NULL));
    for (int i = 0; i < 2; i++) {
        struct ucred who;
        socklen_t len = sizeof who;
        EXPECT_OK(getsockopt(a, SOL_SOCKET, SO_PEERCRED, &who, &len));
        EXPECT_EQ(who.uid, 500);
        EXPECT_EQ(who.pid, pid);
        if (i == 0) {
            EXPECT_EQ(write(a, "x", 1), 1);
            EXPECT_EXIT(pid, 0);
        }
    }
}

/* proves A6 A10 */
TEST(autobind_names_come_from_a_million)
{
    char seen[16][6];
    for (int i = 0; i < 16; i++) {
        struct sockaddr_un a = { .sun_family = AF_UNIX };
        socklen_t len = sizeof a;
        int s = ASSERT_OK(socket(AF_UNIX, SOCK_DGRAM, 0));
        ASSERT_OK(bind(s, (struct sockaddr *)&a, 2));
        ASSERT_OK(getsockname(s, (struct sockaddr *)&a, &len));
        EXPECT_EQ(len, 8);
        for (int j = 1; j < 6; j++)
            EXPECT_TRUE(strchr("0123456789abcdef", a.sun_path[j]) != NULL);
        memcpy(seen[i], a.sun_path, 6);
        for (int j = 0; j < i; j++)
            EXPECT_TRUE(memcmp(seen[i], seen[j], 6) != 0);
    }
}

/* proves A10 */
TEST(msg_more_joins_nothing)
{
    int s[2];
    char buf[8];
    pair(SOCK_DGRAM, s);
    EXPECT_EQ(send(s[0], "a", 1, MSG_MORE), 1);
    EXPECT_EQ(send(s[0], "b", 1, 0), 1);
    EXPECT_EQ(recv(s[1], buf, 8, 0), 1);
    EXPECT_EQ(recv(s[1], buf, 8, 0), 1);
}

/* proves A7 A10 */
TEST(the_send_buffer_bounds_a_datagram)
{
    int s[2];
    static char big[70000];
    pair(SOCK_DGRAM, s);
    set_option(s[0], SO_SNDBUF, 16384);
    EXPECT_EQ(send(s[0], big, 2 * 16384 - 32, 0), 2 * 16384 - 32);
    EXPECT_ERRNO(send(s[0], big, 2 * 16384 - 31, 0), EMSGSIZE);
}

/* proves A7 A10 */
TEST(the_receive_buffer_does_not)
{
    int s[2];
    static char big[70000];
    pair(SOCK_DGRAM, s);
    set_option(s[1], SO_RCVBUF, 1);
    EXPECT_EQ(send(s[0], big, 60000, 0), 60000);
    EXPECT_EQ(recv(s[1], big, sizeof big, 0), 60000);
}

/* proves A10 T11 */
TEST(ancillary_data_is_a_barrier)
{
    int s[2], fd = 0, got[4], n;
    char buf[32];
    pair(SOCK_STREAM, s);
    EXPECT_EQ(send_fds(s[0], "abcd", 4, &fd, 1), 4);
    EXPECT_EQ(write(s[0], "efgh", 4), 4);
    EXPECT_EQ(recv_fds(s[1], buf, 2, got, 4, &n, 0, NULL), 2);
    EXPECT_EQ(n, 1);
    EXPECT_EQ(recv_fds(s[1], buf, 32, got, 4, &n, 0, NULL), 6);
    EXPECT_EQ(n, 0);
}

/* proves A10 */
TEST(the_errors_of_the_page)
{
    nt_dir();
    char c;
    int s = ASSERT_OK(socket(AF_UNIX, SOCK_STREAM, 0)), d = ASSERT_OK(socket(AF_UNIX, SOCK_DGRAM, 0));
    ASSERT_OK(bind_path(d, "d"));
    EXPECT_ERRNO(bind_path(s, "d"), EADDRINUSE);
    EXPECT_ERRNO(connect_path(s, "missing"), ENOENT);
    EXPECT_ERRNO(connect_path(s, "d"), EPROTOTYPE);
    EXPECT_ERRNO(recv(s, &c, 1, 0), EINVAL);
    EXPECT_ERRNO(send(s, "x", 1, 0), ENOTCONN);
    EXPECT_ERRNO(send(d, "x", 1, MSG_OOB), EOPNOTSUPP);
    EXPECT_ERRNO(socket(AF_UNIX, SOCK_STREAM, 99), EPROTONOSUPPORT);
    EXPECT_ERRNO(socket(AF_UNIX, SOCK_RDM, 0), ESOCKTNOSUPPORT);
    EXPECT_ERRNO(bind(s, (struct sockaddr *)NT_BAD, 10), EFAULT);
}
