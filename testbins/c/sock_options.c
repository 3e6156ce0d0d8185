/* What SOL_SOCKET options say and take on AF_UNIX sockets (man 7 socket, man 2 getsockopt). */
#include "nacre_test.h"
#include "sock_options.h"

TEST(so_type_domain_and_protocol_are_told_and_not_set)
{
    static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };
    for (int i = 0; i < 3; i++) {
        int s = unix_socket(types[i]);
        EXPECT_EQ(option(s, SO_TYPE), types[i]);
        EXPECT_EQ(option(s, SO_DOMAIN), AF_UNIX);
        EXPECT_EQ(option(s, SO_PROTOCOL), 0);
        close(s);
    }
    int s = unix_socket(SOCK_STREAM);
    TRY_SET(s, SO_TYPE, 1, ENOPROTOOPT);
    TRY_SET(s, SO_DOMAIN, 1, ENOPROTOOPT);
    TRY_SET(s, SO_PROTOCOL, 0, ENOPROTOOPT);
}

TEST(protocol_af_unix_is_taken_and_told_as_0)
{
    int s = ASSERT_OK(socket(AF_UNIX, SOCK_STREAM, AF_UNIX));
    EXPECT_EQ(option(s, SO_PROTOCOL), 0);
}

/* proves A5 */
TEST(a_raw_socket_is_a_datagram_socket)
{
    int s = unix_socket(SOCK_RAW);
    EXPECT_EQ(option(s, SO_TYPE), SOCK_DGRAM);
}

TEST(so_error_and_so_acceptconn_are_told_and_not_set)
{
    nt_dir();
    int s = listener(SOCK_STREAM, "sock", 1), other = unix_socket(SOCK_STREAM);
    EXPECT_EQ(option(s, SO_ACCEPTCONN), 1);
    EXPECT_EQ(option(other, SO_ACCEPTCONN), 0);
    EXPECT_EQ(option(s, SO_ERROR), 0);
    TRY_SET(s, SO_ERROR, 1, ENOPROTOOPT);
    TRY_SET(s, SO_ACCEPTCONN, 1, ENOPROTOOPT);
}

/* proves A7 */
TEST(so_sndbuf_doubles_and_has_a_least_and_a_most)
{
    int s = unix_socket(SOCK_STREAM);
    EXPECT_EQ(option(s, SO_SNDBUF), 212992);
    set_option(s, SO_SNDBUF, 65536);
    EXPECT_EQ(option(s, SO_SNDBUF), 131072);
    set_option(s, SO_SNDBUF, 0);
    EXPECT_EQ(option(s, SO_SNDBUF), 4608);
    set_option(s, SO_SNDBUF, 2305);
    EXPECT_EQ(option(s, SO_SNDBUF), 4610);
    set_option(s, SO_SNDBUF, 1 << 30);
    EXPECT_EQ(option(s, SO_SNDBUF), 425984);
    set_option(s, SO_SNDBUF, -1);
    EXPECT_EQ(option(s, SO_SNDBUF), 425984);
}

/* proves A7 */
TEST(so_rcvbuf_doubles_and_has_a_least_and_a_most)
{
    int s = unix_socket(SOCK_DGRAM);
    EXPECT_EQ(option(s, SO_RCVBUF), 212992);
    set_option(s, SO_RCVBUF, 65536);
    EXPECT_EQ(option(s, SO_RCVBUF), 131072);
    set_option(s, SO_RCVBUF, 0);
    EXPECT_EQ(option(s, SO_RCVBUF), 2304);
    set_option(s, SO_RCVBUF, 1153);
    EXPECT_EQ(option(s, SO_RCVBUF), 2306);
    set_option(s, SO_RCVBUF, 1 << 30);
    EXPECT_EQ(option(s, SO_RCVBUF), 425984);
    set_option(s, SO_RCVBUF, -1);
    EXPECT_EQ(option(s, SO_RCVBUF), 425984);
}

TEST(forced_buffers_pass_the_limit_with_privilege_only)
{
    int s = unix_socket(SOCK_STREAM);
    set_option(s, SO_SNDBUFFORCE, 1 << 20);
    EXPECT_EQ(option(s, SO_SNDBUF), 2 << 20);
    set_option(s, SO_RCVBUFFORCE, 1 << 20);
    EXPECT_EQ(option(s, SO_RCVBUF), 2 << 20);
    set_option(s, SO_SNDBUFFORCE, -5);
    EXPECT_EQ(option(s, SO_SNDBUF), 4608);
    set_option(s, SO_RCVBUFFORCE, -5);
    EXPECT_EQ(option(s, SO_RCVBUF), 2304);
    TRY_GET(s, SO_SNDBUFFORCE, ENOPROTOOPT);
    TRY_GET(s, SO_RCVBUFFORCE, ENOPROTOOPT);
    become_nobody();
    TRY_SET(s, SO_SNDBUFFORCE, 4096, EPERM);
    TRY_SET(s, SO_RCVBUFFORCE, 4096, EPERM);
}

TEST(so_buf_lock_takes_two_bits_and_a_set_buffer_locks_itself)
{
    int s = unix_socket(SOCK_STREAM);
    EXPECT_EQ(option(s, SO_BUF_LOCK), 0);
    set_option(s, SO_SNDBUF, 8192);
    EXPECT_EQ(option(s, SO_BUF_LOCK), 1);
    set_option(s, SO_RCVBUF, 8192);
    EXPECT_EQ(option(s, SO_BUF_LOCK), 3);
    set_option(s, SO_BUF_LOCK, 2);
    EXPECT_EQ(option(s, SO_BUF_LOCK), 2);
    TRY_SET(s, SO_BUF_LOCK, 4, EINVAL);
}

TEST(so_rcvlowat_keeps_at_least_one_and_so_sndlowat_is_fixed)
{
    int s = unix_socket(SOCK_STREAM);
    EXPECT_EQ(option(s, SO_RCVLOWAT), 1);
    set_option(s, SO_RCVLOWAT, 100);
    EXPECT_EQ(option(s, SO_RCVLOWAT), 100);
    set_option(s, SO_RCVLOWAT, 0);
    EXPECT_EQ(option(s, SO_RCVLOWAT), 1);
    set_option(s, SO_RCVLOWAT, -1);
    EXPECT_EQ(option(s, SO_RCVLOWAT), 0x7fffffff);
    EXPECT_EQ(option(s, SO_SNDLOWAT), 1);
    TRY_SET(s, SO_SNDLOWAT, 5, ENOPROTOOPT);
}

TEST(so_priority_above_six_needs_privilege)
{
    int s = unix_socket(SOCK_STREAM);
    EXPECT_EQ(option(s, SO_PRIORITY), 0);
    set_option(s, SO_PRIORITY, 7);
    EXPECT_EQ(option(s, SO_PRIORITY), 7);
    become_nobody();
    TRY_SET(s, SO_PRIORITY, 7, EPERM);
    TRY_SET(s, SO_PRIORITY, -1, EPERM);
    TRY_SET(s, SO_PRIORITY, 6, 0);
    EXPECT_EQ(option(s, SO_PRIORITY), 6);
}

TEST(so_mark_needs_privilege)
{
    int s = unix_socket(SOCK_STREAM);
    set_option(s, SO_MARK, -2);
    EXPECT_EQ(option(s, SO_MARK), -2);
    become_nobody();
    TRY_SET(s, SO_MARK, 1, EPERM);
}

TEST(so_linger_is_a_pair_and_wants_all_of_it)
{
    int s = unix_socket(SOCK_STREAM);
    struct linger l = { 7, 7 };
    socklen_t len = sizeof l;
    EXPECT_OK(getsockopt(s, SOL_SOCKET, SO_LINGER, &l, &len));
    EXPECT_EQ(len, 8);
    EXPECT_EQ(l.l_onoff, 0);
    EXPECT_EQ(l.l_linger, 0);
    l = (struct linger){ 5, 30 };
    EXPECT_OK(setsockopt(s, SOL_SOCKET, SO_LINGER, &l, sizeof l));
    EXPECT_OK(getsockopt(s, SOL_SOCKET, SO_LINGER, &l, &len));
    EXPECT_EQ(l.l_onoff, 1);
    EXPECT_EQ(l.l_linger, 30);
    l = (struct linger){ 0, 99 };
    EXPECT_OK(setsockopt(s, SOL_SOCKET, SO_LINGER, &l, sizeof l));
    EXPECT_OK(getsockopt(s, SOL_SOCKET, SO_LINGER, &l, &len));
    EXPECT_EQ(l.l_onoff, 0);
    EXPECT_EQ(l.l_linger, 30);
    EXPECT_ERRNO(setsockopt(s, SOL_SOCKET, SO_LINGER, &l, 4), EINVAL);
}

TEST(timeouts_are_told_in_ticks_and_checked)
{
    int s = unix_socket(SOCK_STREAM);
    struct timeval t = { 9, 9 };
    socklen_t len = sizeof t;
    EXPECT_OK(getsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &t, &len));
    EXPECT_EQ(len, 16);
    EXPECT_EQ(t.tv_sec, 0);
    EXPECT_EQ(t.tv_usec, 0);
    t = (struct timeval){ 1, 1 };
    EXPECT_OK(setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t));
    EXPECT_OK(getsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &t, &len));
    EXPECT_EQ(t.tv_sec, 1);
    EXPECT_EQ(t.tv_usec, 4000);
    t = (struct timeval){ -1, 0 };
    EXPECT_OK(setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t));
    EXPECT_OK(getsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &t, &len));
    EXPECT_EQ(t.tv_sec, 0);
    EXPECT_EQ(t.tv_usec, 0);
    t = (struct timeval){ 0, 1000000 };
    EXPECT_ERRNO(setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t), EDOM);
    t = (struct timeval){ 0, -1 };
    EXPECT_ERRNO(setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t), EDOM);
    EXPECT_ERRNO(setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &t, 8), EINVAL);
}

TEST(so_busy_poll_is_kept)
{
    int s = unix_socket(SOCK_STREAM);
    EXPECT_EQ(option(s, SO_BUSY_POLL), 0);
    set_option(s, SO_BUSY_POLL, 50);
    EXPECT_EQ(option(s, SO_BUSY_POLL), 50);
    TRY_SET(s, SO_BUSY_POLL, -1, EINVAL);
    EXPECT_EQ(option(s, SO_BUSY_POLL), 50);
}

TEST(busy_polling_can_be_preferred_by_the_privileged)
{
    int s = unix_socket(SOCK_STREAM);
    EXPECT_EQ(option(s, SO_PREFER_BUSY_POLL), 0);
    set_option(s, SO_PREFER_BUSY_POLL, 1);
    EXPECT_EQ(option(s, SO_PREFER_BUSY_POLL), 1);
    TRY_SET(s, SO_BUSY_POLL_BUDGET, 65536, EINVAL);
    TRY_SET(s, SO_BUSY_POLL_BUDGET, 100, 0);
    become_nobody();
    TRY_SET(s, SO_PREFER_BUSY_POLL, 1, EPERM);
    TRY_SET(s, SO_BUSY_POLL_BUDGET, 101, EPERM);
    TRY_SET(s, SO_BUSY_POLL_BUDGET, 99, 0);
}

TEST(so_max_pacing_rate_is_kept)
{
    int s = unix_socket(SOCK_STREAM);
    EXPECT_EQ(option(s, SO_MAX_PACING_RATE), -1);
    set_option(s, SO_MAX_PACING_RATE, 1000);
    EXPECT_EQ(option(s, SO_MAX_PACING_RATE), 1000);
    unsigned long long wide = 5000000000ull, told = 0;
    socklen_t len = sizeof told;
    EXPECT_OK(setsockopt(s, SOL_SOCKET, SO_MAX_PACING_RATE, &wide, sizeof wide));
    EXPECT_OK(getsockopt(s, SOL_SOCKET, SO_MAX_PACING_RATE, &told, &len));
    EXPECT_EQ(len, 8);
    EXPECT_EQ(told, 5000000000ull);
}

TEST(so_incoming_cpu_is_kept_and_the_napi_id_is_not_set)
{
    int s = unix_socket(SOCK_STREAM);
    EXPECT_EQ(option(s, SO_INCOMING_CPU), -1);
    set_option(s, SO_INCOMING_CPU, 1);
    EXPECT_EQ(option(s, SO_INCOMING_CPU), 1);
    EXPECT_EQ(option(s, SO_INCOMING_NAPI_ID), 0);
    TRY_SET(s, SO_INCOMING_NAPI_ID, 1, ENOPROTOOPT);
}

TEST(so_cnx_advice_is_taken_and_not_told)
{
    int s = unix_socket(SOCK_STREAM);
    TRY_SET(s, SO_CNX_ADVICE, 1, 0);
    TRY_GET(s, SO_CNX_ADVICE, ENOPROTOOPT);
}

TEST(so_cookie_is_a_number_of_its_own)
{
    int s[2];
    uint64_t a = 0, b = 0, again = 0;
    socklen_t len = sizeof a;
    pair(SOCK_STREAM, s);
    EXPECT_OK(getsockopt(s[0], SOL_SOCKET, SO_COOKIE, &a, &len));
    EXPECT_EQ(len, 8);
    EXPECT_OK(getsockopt(s[1], SOL_SOCKET, SO_COOKIE, &b, &len));
    EXPECT_OK(getsockopt(s[0], SOL_SOCKET, SO_COOKIE, &again, &len));
    EXPECT_TRUE(a != 0 && a != b && a == again);
    len = 4;
    EXPECT_ERRNO(getsockopt(s[0], SOL_SOCKET, SO_COOKIE, &a, &len), EINVAL);
    TRY_SET(s[0], SO_COOKIE, 1, ENOPROTOOPT);
}

TEST(so_netns_cookie_is_the_same_for_all)
{
    int s[2];
    uint64_t a = 0, b = 0;
    socklen_t len = sizeof a;
    pair(SOCK_STREAM, s);
    EXPECT_OK(getsockopt(s[0], SOL_SOCKET, SO_NETNS_COOKIE, &a, &len));
    EXPECT_OK(getsockopt(s[1], SOL_SOCKET, SO_NETNS_COOKIE, &b, &len));
    EXPECT_TRUE(a != 0 && a == b);
    len = 4;
    EXPECT_ERRNO(getsockopt(s[0], SOL_SOCKET, SO_NETNS_COOKIE, &a, &len), EINVAL);
}

TEST(so_meminfo_tells_the_buffers)
{
    int s = unix_socket(SOCK_STREAM);
    uint32_t info[9];
    socklen_t len = sizeof info;
    memset(info, 0xff, sizeof info);
    EXPECT_OK(getsockopt(s, SOL_SOCKET, SO_MEMINFO, info, &len));
    EXPECT_EQ(len, 36);
    EXPECT_EQ(info[0], 0);
    EXPECT_EQ(info[1], 212992);
    EXPECT_EQ(info[2], 0);
    EXPECT_EQ(info[3], 212992);
    EXPECT_EQ(info[7], 0);
    EXPECT_EQ(info[8], 0);
    len = 8;
    EXPECT_OK(getsockopt(s, SOL_SOCKET, SO_MEMINFO, info, &len));
    EXPECT_EQ(len, 8);
}

TEST(so_bindtodevice_is_empty_and_refuses_what_is_not_there)
{
    int s = unix_socket(SOCK_STREAM);
    char name[16];
    socklen_t len = sizeof name;
    EXPECT_OK(getsockopt(s, SOL_SOCKET, SO_BINDTODEVICE, name, &len));
    EXPECT_EQ(len, 0);
    EXPECT_ERRNO(setsockopt(s, SOL_SOCKET, SO_BINDTODEVICE, "nosuch0", 8), ENODEV);
    EXPECT_OK(setsockopt(s, SOL_SOCKET, SO_BINDTODEVICE, "", 1));
    EXPECT_EQ(option(s, 62), 0);
    TRY_SET(s, 62, 0, 0);
    TRY_SET(s, 62, -1, EINVAL);
    TRY_SET(s, 62, 12345, 0);
    EXPECT_EQ(option(s, 62), 12345);
    become_nobody();
    TRY_SET(s, 62, 0, EPERM);
}

TEST(filters_can_be_locked_but_none_detached)
{
    int s = unix_socket(SOCK_DGRAM);
    EXPECT_EQ(option(s, SO_LOCK_FILTER), 0);
    TRY_SET(s, SO_DETACH_FILTER, 0, ENOENT);
    set_option(s, SO_LOCK_FILTER, 1);
    EXPECT_EQ(option(s, SO_LOCK_FILTER), 1);
    TRY_SET(s, SO_LOCK_FILTER, 0, EPERM);
    TRY_SET(s, SO_DETACH_FILTER, 0, EPERM);
}

TEST(so_bpf_extensions_are_counted)
{
    int s = unix_socket(SOCK_DGRAM);
    EXPECT_EQ(option(s, SO_BPF_EXTENSIONS), 64);
}

TEST(so_txrehash_is_kept_and_reserve_mem_is_not_for_unix)
{
    int s = unix_socket(SOCK_STREAM);
    EXPECT_EQ(option(s, SO_TXREHASH), 0);
    set_option(s, SO_TXREHASH, -1);
    EXPECT_EQ(option(s, SO_TXREHASH), 1);
    set_option(s, SO_TXREHASH, 0);
    EXPECT_EQ(option(s, SO_TXREHASH), 0);
    TRY_SET(s, SO_RESERVE_MEM, 4096, EOPNOTSUPP);
    TRY_SET(s, SO_TXREHASH, 5, EINVAL);
    EXPECT_EQ(option(s, SO_RESERVE_MEM), 0);
    TRY_SET(s, SO_RESERVE_MEM, -1, EINVAL);
}

/* proves T13 */
TEST(unknown_options_are_enoprotoopt)
{
    int s = unix_socket(SOCK_STREAM);
    TRY_SET(s, 9999, 1, ENOPROTOOPT);
    TRY_GET(s, 9999, ENOPROTOOPT);
    TRY_SET(s, -1, 1, ENOPROTOOPT);
    TRY_GET(s, 0, ENOPROTOOPT);
    TRY_GET(s, 23, ENOPROTOOPT);
    TRY_GET(s, 22, ENOPROTOOPT);
}

TEST(other_levels_are_eopnotsupp)
{
    int s = unix_socket(SOCK_STREAM), value = 1;
    socklen_t len = sizeof value;
    EXPECT_ERRNO(setsockopt(s, 6, 1, &value, sizeof value), EOPNOTSUPP);
    EXPECT_ERRNO(getsockopt(s, 6, 1, &value, &len), EOPNOTSUPP);
    EXPECT_ERRNO(setsockopt(s, 0, 1, &value, sizeof value), EOPNOTSUPP);
    EXPECT_ERRNO(getsockopt(s, -1, 1, &value, &len), EOPNOTSUPP);
}

TEST(setsockopt_checks_length_then_memory)
{
    int s = unix_socket(SOCK_STREAM), value = 1;
    EXPECT_ERRNO(setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &value, 3), EINVAL);
    EXPECT_ERRNO(setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &value, -1), EINVAL);
    EXPECT_ERRNO(setsockopt(s, SOL_SOCKET, SO_REUSEADDR, NT_BAD, 4), EFAULT);
    EXPECT_ERRNO(setsockopt(s, SOL_SOCKET, 9999, NT_BAD, 4), EFAULT);
    EXPECT_ERRNO(setsockopt(s, SOL_SOCKET, 9999, &value, 3), EINVAL);
    EXPECT_OK(setsockopt(s, SOL_SOCKET, SO_REUSEADDR, (int[3]){ 1, 2, 3 }, 12));
    EXPECT_EQ(option(s, SO_REUSEADDR), 1);
}

TEST(getsockopt_cuts_to_the_room_and_tells_what_it_wrote)
{
    int s = unix_socket(SOCK_STREAM);
    unsigned char bytes[8] = { 9, 9, 9, 9, 9, 9, 9, 9 };
    socklen_t len = 2;
    EXPECT_OK(getsockopt(s, SOL_SOCKET, SO_SNDBUF, bytes, &len));
    EXPECT_EQ(len, 2);
    EXPECT_EQ(bytes[0] | bytes[1] << 8, 212992 & 0xffff);
    EXPECT_EQ(bytes[2], 9);
    len = 8;
    EXPECT_OK(getsockopt(s, SOL_SOCKET, SO_SNDBUF, bytes, &len));
    EXPECT_EQ(len, 4);
    EXPECT_EQ(bytes[4], 9);
    len = 0;
    EXPECT_OK(getsockopt(s, SOL_SOCKET, SO_SNDBUF, bytes, &len));
    EXPECT_EQ(len, 0);
    len = -1;
    EXPECT_ERRNO(getsockopt(s, SOL_SOCKET, SO_SNDBUF, bytes, &len), EINVAL);
    len = 4;
    EXPECT_ERRNO(getsockopt(s, SOL_SOCKET, SO_SNDBUF, NT_BAD, &len), EFAULT);
    EXPECT_ERRNO(getsockopt(s, SOL_SOCKET, SO_SNDBUF, bytes, NT_BAD), EFAULT);
}

TEST(options_check_the_descriptor_first)
{
    int value = 1, file = ASSERT_OK(open("/", O_RDONLY));
    socklen_t len = sizeof value;
    EXPECT_ERRNO(setsockopt(-1, SOL_SOCKET, SO_REUSEADDR, NT_BAD, 4), EBADF);
    EXPECT_ERRNO(getsockopt(-1, SOL_SOCKET, SO_REUSEADDR, &value, &len), EBADF);
    EXPECT_ERRNO(setsockopt(file, SOL_SOCKET, SO_REUSEADDR, NT_BAD, 4), ENOTSOCK);
    EXPECT_ERRNO(getsockopt(file, SOL_SOCKET, SO_REUSEADDR, &value, &len), ENOTSOCK);
}

/* proves A13 */
TEST(so_peercred_before_a_peer_is_nobody_and_not_set)
{
    int s = unix_socket(SOCK_STREAM);
    struct { int pid, uid, gid; } who = { 5, 5, 5 };
    socklen_t len = sizeof who;
    EXPECT_OK(getsockopt(s, SOL_SOCKET, SO_PEERCRED, &who, &len));
    EXPECT_EQ(len, 12);
    EXPECT_EQ(who.pid, 0);
    EXPECT_EQ(who.uid, -1);
    EXPECT_EQ(who.gid, -1);
    TRY_SET(s, SO_PEERCRED, 1, ENOPROTOOPT);
    len = 8;
    EXPECT_OK(getsockopt(s, SOL_SOCKET, SO_PEERCRED, &who, &len));
    EXPECT_EQ(len, 8);
}

TEST(so_peername_wants_no_more_room_than_the_name_has)
{
    nt_dir();
    int s = listener(SOCK_STREAM, "sock", 1), c = client(SOCK_STREAM, "sock");
    char name[128];
    socklen_t len = 7;
    EXPECT_OK(getsockopt(c, SOL_SOCKET, SO_PEERNAME, name, &len));
    EXPECT_EQ(len, 7);
    EXPECT_MEMEQ(name + 2, "sock", 5);
    len = 8;
    EXPECT_ERRNO(getsockopt(c, SOL_SOCKET, SO_PEERNAME, name, &len), EINVAL);
    len = 4;
    EXPECT_OK(getsockopt(c, SOL_SOCKET, SO_PEERNAME, name, &len));
    EXPECT_EQ(len, 4);
    TRY_GET(s, SO_PEERNAME, ENOTCONN);
}

TEST(an_accepted_socket_starts_with_defaults)
{
    nt_dir();
    int s = listener(SOCK_STREAM, "sock", 1);
    set_option(s, SO_SNDBUF, 8192);
    set_option(s, SO_PASSCRED, 1);
    set_option(s, SO_KEEPALIVE, 1);
    set_option(s, SO_RCVLOWAT, 10);
    set_option(s, SO_PRIORITY, 3);
    client(SOCK_STREAM, "sock");
    int a = ASSERT_OK(accept(s, NULL, NULL));
    EXPECT_EQ(option(a, SO_SNDBUF), 212992);
    EXPECT_EQ(option(a, SO_KEEPALIVE), 0);
    EXPECT_EQ(option(a, SO_RCVLOWAT), 1);
    EXPECT_EQ(option(a, SO_PRIORITY), 0);
    EXPECT_EQ(option(a, SO_PASSCRED), 1);
    EXPECT_EQ(option(a, SO_ACCEPTCONN), 0);
}

TEST(so_bsdcompat_is_taken_and_forgotten)
{
    int s = unix_socket(SOCK_STREAM);
    TRY_SET(s, 14, 1, 0);
    EXPECT_EQ(option(s, 14), 0);
}
