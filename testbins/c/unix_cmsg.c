/* Control messages: how they are checked, laid out, cut, and what travels in them (man 3 cmsg, man 7 unix). */
#include "nacre_test.h"
#include "unix_test.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>

/* Sends one byte with these control bytes; 0 or the errno. */
static int send_raw(int s, const void *control, size_t len)
{
    struct iovec v = { "x", 1 };
    struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = (void *)control, .msg_controllen = len };
    return raw_sendmsg(s, &m, MSG_DONTWAIT) == -1 ? errno : 0;
}

struct message {
    struct cmsghdr h;
    int data[4];
};

static int send_one(int s, size_t cmsg_len, int level, int type, int a, int b, size_t controllen)
{
    struct message m = { { .cmsg_len = cmsg_len, .cmsg_level = level, .cmsg_type = type }, { a, b, a, b } };
    return send_raw(s, &m, controllen);
}

static void drop(int s)
{
    char buf[64];
    while (recv(s, buf, sizeof buf, MSG_DONTWAIT) > 0)
        ;
}

static int descriptors(void)
{
    int n = 0;
    DIR *d = opendir("/proc/self/fd");
    while (d && readdir(d))
        n++;
    if (d)
        closedir(d);
    return n;
}

TEST(cmsg_len_is_checked_at_each_byte)
{
    int s[2];
    pair(SOCK_STREAM, s);
    for (size_t len = 0; len < 16; len++)
        EXPECT_EQ(send_one(s[0], len, SOL_SOCKET, SCM_RIGHTS, 0, 0, 24), EINVAL);
    for (size_t len = 25; len < 33; len++)
        EXPECT_EQ(send_one(s[0], len, SOL_SOCKET, SCM_RIGHTS, 0, 0, 24), EINVAL);
    EXPECT_EQ(send_one(s[0], -1, SOL_SOCKET, SCM_RIGHTS, 0, 0, 24), EINVAL);
}

TEST(cmsg_rights_ignore_an_odd_tail)
{
    int s[2], fds[4], n;
    char c;
    pair(SOCK_STREAM, s);
    for (size_t len = 16; len <= 24; len++) {
        EXPECT_EQ(send_one(s[0], len, SOL_SOCKET, SCM_RIGHTS, 0, 1, 24), 0);
        EXPECT_EQ(recv_fds(s[1], &c, 1, fds, 4, &n, 0, NULL), 1);
        EXPECT_EQ(n, (int)(len - 16) / 4);
        for (int i = 0; i < n; i++)
            close(fds[i]);
    }
}

TEST(cmsg_a_control_buffer_without_room_for_a_header_is_ignored)
{
    int s[2];
    pair(SOCK_STREAM, s);
    for (size_t len = 1; len < 16; len++)
        EXPECT_EQ(send_one(s[0], 0, SOL_SOCKET, SCM_RIGHTS, 99, 99, len), 0);
}

TEST(cmsg_of_other_levels_is_passed_over)
{
    int s[2];
    pair(SOCK_STREAM, s);
    EXPECT_EQ(send_one(s[0], 24, 41, SCM_RIGHTS, 99, 99, 24), 0);
    EXPECT_EQ(send_one(s[0], 24, 0, 77, 99, 99, 24), 0);
    EXPECT_EQ(send_one(s[0], 25, 0, 77, 99, 99, 24), EINVAL);
}

TEST(cmsg_of_unknown_types_is_einval)
{
    int s[2];
    pair(SOCK_DGRAM, s);
    EXPECT_EQ(send_one(s[0], 20, SOL_SOCKET, 0, 1, 1, 24), EINVAL);
    EXPECT_EQ(send_one(s[0], 20, SOL_SOCKET, 3, 1, 1, 24), EINVAL);
    EXPECT_EQ(send_one(s[0], 20, SOL_SOCKET, 4, 1, 1, 24), EINVAL);
    EXPECT_EQ(send_one(s[0], 20, SOL_SOCKET, 37, 1, 1, 24), EINVAL);
}

TEST(cmsg_bad_descriptors_send_nothing_and_keep_nothing)
{
    int s[2], before = descriptors();
    pair(SOCK_STREAM, s);
    EXPECT_EQ(send_one(s[0], 24, SOL_SOCKET, SCM_RIGHTS, 0, 99, 24), EBADF);
    EXPECT_EQ(send_one(s[0], 24, SOL_SOCKET, SCM_RIGHTS, -1, 0, 24), EBADF);
    char c;
    EXPECT_ERRNO(recv(s[1], &c, 1, MSG_DONTWAIT), EAGAIN);
    EXPECT_EQ(descriptors(), before + 2);
}

TEST(cmsg_a_path_descriptor_travels)
{
    int s[2], fd = ASSERT_OK(open("/tmp", O_PATH)), n;
    char c;
    pair(SOCK_STREAM, s);
    EXPECT_EQ(send_one(s[0], 20, SOL_SOCKET, SCM_RIGHTS, fd, 0, 24), 0);
    EXPECT_EQ(recv_fds(s[1], &c, 1, &fd, 1, &n, 0, NULL), 1);
    EXPECT_TRUE(fcntl(fd, F_GETFL) & O_PATH);
    EXPECT_OK(openat(fd, "..", O_RDONLY));
}

TEST(cmsg_credentials_of_another_size_are_einval)
{
    int s[2];
    pair(SOCK_STREAM, s);
    for (size_t len = 16; len < 32; len++)
        EXPECT_EQ(send_one(s[0], len, SOL_SOCKET, SCM_CREDENTIALS, 0, 0, 32) == EINVAL, len != 28);
}

TEST(cmsg_two_rights_messages_add_up)
{
    int s[2], fds[8], n;
    char c;
    pair(SOCK_STREAM, s);
    struct message m[2];
    memset(m, 0, sizeof m);
    for (int i = 0; i < 2; i++)
        m[i] = (struct message){ { .cmsg_len = 32, .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS }, { 0, 1, 0, 1 } };
    EXPECT_EQ(send_raw(s[0], m, sizeof m), 0);
    EXPECT_EQ(recv_fds(s[1], &c, 1, fds, 8, &n, 0, NULL), 1);
    EXPECT_EQ(n, 8);
}

TEST(cmsg_last_credentials_win)
{
    int s[2];
    pair(SOCK_STREAM, s);
    set_option(s[1], SO_PASSCRED, 1);
    struct { struct cmsghdr h; int id[3], pad; } m[2];
    memset(m, 0, sizeof m);
    for (int i = 0; i < 2; i++) {
        m[i].h = (struct cmsghdr){ .cmsg_len = 28, .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_CREDENTIALS };
        m[i].id[0] = getpid();
        m[i].id[1] = 10 + i;
        m[i].id[2] = 20 + i;
    }
    EXPECT_EQ(send_raw(s[0], m, sizeof m), 0);
    char c;
    union control u;
    struct iovec v = { &c, 1 };
    struct msghdr r = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = u.bytes, .msg_controllen = sizeof u };
    EXPECT_EQ(recvmsg(s[1], &r, 0), 1);
    int id[3];
    memcpy(id, CMSG_DATA(&u.align), sizeof id);
    EXPECT_EQ(id[1], 11);
    EXPECT_EQ(id[2], 21);
}

TEST(cmsg_a_claimed_process_must_exist)
{
    int s[2];
    pair(SOCK_STREAM, s);
    EXPECT_EQ(send_one(s[0], 28, SOL_SOCKET, SCM_CREDENTIALS, 999999, 0, 32), ESRCH);
    EXPECT_EQ(send_one(s[0], 28, SOL_SOCKET, SCM_CREDENTIALS, 1, 0, 32), 0);
}

/* Receives with `room` bytes of control; what is written of them and the flags. */
static size_t receive(int s, size_t room, int *flags, union control *u)
{
    char c;
    struct iovec v = { &c, 1 };
    struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = u->bytes, .msg_controllen = room };
    memset(u, 0xee, sizeof *u);
    EXPECT_EQ(raw_recvmsg(s, &m, 0), 1);
    *flags = m.msg_flags;
    return m.msg_controllen;
}

/* proves A13 */
TEST(cmsg_room_for_rights_is_cut_to_whole_descriptors)
{
    int s[2], flags, two[2] = { 0, 1 };
    union control u;
    pair(SOCK_STREAM, s);
    for (size_t room = 0; room <= 32; room++) {
        int before = descriptors();
        EXPECT_EQ(send_fds(s[0], "x", 1, two, 2), 1);
        size_t len = receive(s[1], room, &flags, &u);
        int n = room < 20 ? 0 : room < 24 ? 1 : 2;
        EXPECT_EQ(flags & MSG_CTRUNC, n < 2 ? MSG_CTRUNC : 0);
        EXPECT_EQ(descriptors(), before + n);
        if (n) {
            EXPECT_EQ(u.align.cmsg_len, (size_t)CMSG_LEN(n * 4));
            size_t want = CMSG_SPACE(n * 4) < room ? CMSG_SPACE(n * 4) : room;
            EXPECT_EQ(len, want);
            for (int i = 0; i < n; i++)
                close(((int *)CMSG_DATA(&u.align))[i]);
        } else {
            EXPECT_EQ(len, 0);
        }
    }
}

TEST(cmsg_room_for_credentials_is_cut_at_each_byte)
{
    int s[2], flags;
    union control u;
    pair(SOCK_STREAM, s);
    set_option(s[1], SO_PASSCRED, 1);
    for (size_t room = 0; room <= 40; room++) {
        EXPECT_EQ(send(s[0], "x", 1, 0), 1);
        size_t len = receive(s[1], room, &flags, &u);
        EXPECT_EQ(flags & MSG_CTRUNC, room < 28 ? MSG_CTRUNC : 0);
        EXPECT_EQ(len, room < 16 ? 0 : room < 32 ? room : 32);
        if (room >= 16)
            EXPECT_EQ(u.align.cmsg_len, room < 28 ? room : 28);
    }
}

TEST(cmsg_credentials_come_before_rights)
{
    int s[2], flags, one[1] = { 0 };
    union control u;
    pair(SOCK_STREAM, s);
    set_option(s[1], SO_PASSCRED, 1);
    EXPECT_EQ(send_fds(s[0], "x", 1, one, 1), 1);
    EXPECT_EQ(receive(s[1], sizeof u, &flags, &u), 32 + 24);
    EXPECT_EQ(u.align.cmsg_type, SCM_CREDENTIALS);
    EXPECT_EQ(((struct cmsghdr *)(u.bytes + 32))->cmsg_type, SCM_RIGHTS);
}

TEST(cmsg_a_pidfd_comes_last)
{
    int s[2], flags, one[1] = { 0 };
    union control u;
    pair(SOCK_STREAM, s);
    set_option(s[1], 76, 1);
    set_option(s[1], SO_PASSCRED, 1);
    EXPECT_EQ(send_fds(s[0], "x", 1, one, 1), 1);
    size_t len = receive(s[1], sizeof u, &flags, &u);
    EXPECT_EQ(len, 32 + 24 + 24);
    EXPECT_EQ(u.align.cmsg_type, SCM_CREDENTIALS);
    int types[2] = { ((struct cmsghdr *)(u.bytes + 32))->cmsg_type, ((struct cmsghdr *)(u.bytes + 56))->cmsg_type };
    EXPECT_EQ(types[0] + types[1], SCM_RIGHTS + 4);
    EXPECT_EQ(types[0], SCM_RIGHTS);
}

TEST(cmsg_without_a_buffer_rights_are_dropped)
{
    int s[2], one[1] = { 0 }, before = descriptors();
    char c;
    pair(SOCK_STREAM, s);
    EXPECT_EQ(send_fds(s[0], "x", 1, one, 1), 1);
    struct iovec v = { &c, 1 };
    struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_controllen = 100 };
    EXPECT_EQ(raw_recvmsg(s[1], &m, 0), 1);
    EXPECT_EQ(m.msg_flags, MSG_CTRUNC);
    EXPECT_EQ(descriptors(), before + 2);
}

TEST(cmsg_into_bad_memory_loses_the_rights)
{
    int s[2], one[1] = { 0 }, before = descriptors();
    char c;
    pair(SOCK_STREAM, s);
    EXPECT_EQ(send_fds(s[0], "x", 1, one, 1), 1);
    struct iovec v = { &c, 1 };
    struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = NT_BAD, .msg_controllen = 100 };
    EXPECT_EQ(raw_recvmsg(s[1], &m, 0), 1);
    EXPECT_EQ(m.msg_controllen, 0);
    EXPECT_EQ(descriptors(), before + 2);
}

static int passed(int fd)
{
    int s[2], got[2] = { -1, -1 }, n;
    char c;
    pair(SOCK_STREAM, s);
    EXPECT_EQ(send_fds(s[0], "x", 1, &fd, 1), 1);
    EXPECT_EQ(recv_fds(s[1], &c, 1, got, 1, &n, 0, NULL), 1);
    EXPECT_EQ(n, 1);
    close(s[0]);
    close(s[1]);
    return got[0];
}

/* proves A3.4 */
TEST(a_passed_file_shares_its_position_and_flags)
{
    nt_dir();
    nt_put("f", "0123456789");
    int fd = ASSERT_OK(open("f", O_RDONLY)), got = passed(fd);
    char c;
    EXPECT_EQ(read(got, &c, 1), 1);
    EXPECT_EQ(lseek(fd, 0, SEEK_CUR), 1);
    EXPECT_OK(fcntl(got, F_SETFL, O_NONBLOCK));
    EXPECT_EQ(fcntl(fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
    EXPECT_EQ(fcntl(got, F_GETFD), 0);
}

/* proves A14 */
TEST(a_passed_memfd_shows_the_same_pages_in_another_process)
{
    int s[2], fd = ASSERT_OK(memfd_create("shared", MFD_ALLOW_SEALING));
    pair(SOCK_STREAM, s);
    ASSERT_OK(ftruncate(fd, 8192));
    char *here = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    ASSERT_TRUE(here != MAP_FAILED);
    strcpy(here + 5000, "from the parent");
    pid_t pid = nt_fork();
    if (pid == 0) {
        int got, n;
        char c;
        munmap(here, 8192);
        close(fd);
        EXPECT_EQ(recv_fds(s[1], &c, 1, &got, 1, &n, 0, NULL), 1);
        char *there = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, got, 0);
        ASSERT_TRUE(there != MAP_FAILED);
        EXPECT_STREQ(there + 5000, "from the parent");
        strcpy(there, "from the child");
        nt_done();
    }
    EXPECT_EQ(send_fds(s[0], "x", 1, &fd, 1), 1);
    EXPECT_EXIT(pid, 0);
    EXPECT_STREQ(here, "from the child");
    EXPECT_OK(fallocate(fd, 0, 8192, 4096));
    EXPECT_OK(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW));
    EXPECT_EQ(fcntl(fd, F_GET_SEALS), F_SEAL_SHRINK | F_SEAL_GROW);
    EXPECT_ERRNO(ftruncate(fd, 1), EPERM);
}

TEST(a_passed_pipe_socket_eventfd_and_epoll_work)
{
    int p[2], s[2];
    char c;
    ASSERT_OK(pipe(p));
    int r = passed(p[0]);
    EXPECT_EQ(write(p[1], "x", 1), 1);
    EXPECT_EQ(read(r, &c, 1), 1);
    pair(SOCK_DGRAM, s);
    int t = passed(s[0]);
    EXPECT_EQ(write(t, "y", 1), 1);
    EXPECT_EQ(read(s[1], &c, 1), 1);
    int e = ASSERT_OK(eventfd(3, 0)), f = passed(e);
    uint64_t value = 0;
    EXPECT_EQ(read(f, &value, 8), 8);
    EXPECT_EQ(value, 3);
    int ep = ASSERT_OK(epoll_create1(0)), eq = passed(ep);
    struct epoll_event ev = { .events = EPOLLOUT };
    EXPECT_OK(epoll_ctl(eq, EPOLL_CTL_ADD, s[0], &ev));
    EXPECT_EQ(epoll_wait(ep, &ev, 1, 0), 1);
}

TEST(a_passed_listener_accepts)
{
    nt_dir();
    int l = listener(SOCK_STREAM, "sock", 1), got = passed(l);
    close(l);
    int c = client(SOCK_STREAM, "sock");
    EXPECT_EQ(write(c, "x", 1), 1);
    char b;
    EXPECT_EQ(read(ASSERT_OK(accept(got, NULL, NULL)), &b, 1), 1);
}

TEST(a_socket_may_carry_itself)
{
    int s[2];
    pair(SOCK_STREAM, s);
    EXPECT_EQ(send_fds(s[0], "x", 1, &s[0], 1), 1);
    EXPECT_EQ(send_fds(s[0], "x", 1, &s[1], 1), 1);
    close(s[0]);
    char c;
    int fds[2], n;
    EXPECT_EQ(recv_fds(s[1], &c, 1, fds, 2, &n, 0, NULL), 1);
    EXPECT_EQ(n, 1);
    EXPECT_EQ(write(fds[0], "alive", 5), 5);
}

TEST(datagrams_and_seqpackets_carry_rights)
{
    static const int types[] = { SOCK_DGRAM, SOCK_SEQPACKET };
    for (int i = 0; i < 2; i++) {
        int s[2], fds[2] = { 0, 1 }, got[2], n, flags;
        char buf[4];
        pair(types[i], s);
        EXPECT_EQ(send_fds(s[0], "", 0, fds, 2), 0);
        EXPECT_EQ(send_fds(s[0], "ab", 2, fds, 1), 2);
        EXPECT_EQ(recv_fds(s[1], buf, 4, got, 2, &n, MSG_PEEK, &flags), 0);
        EXPECT_EQ(n, 2);
        EXPECT_EQ(recv_fds(s[1], buf, 4, got, 2, &n, 0, &flags), 0);
        EXPECT_EQ(n, 2);
        EXPECT_EQ(recv_fds(s[1], buf, 1, got, 2, &n, 0, &flags), 1);
        EXPECT_EQ(n, 1);
        EXPECT_EQ(flags & MSG_TRUNC, MSG_TRUNC);
    }
}

TEST(a_stream_write_of_nothing_carries_no_rights)
{
    int s[2], zero = 0;
    pair(SOCK_STREAM, s);
    EXPECT_EQ(send_fds(s[0], "", 0, &zero, 1), 0);
    char c;
    EXPECT_ERRNO(recv(s[1], &c, 1, MSG_DONTWAIT), EAGAIN);
}

TEST(rights_of_a_failed_send_are_released)
{
    int s[2], p[2];
    char c;
    ASSERT_OK(pipe(p));
    pair(SOCK_STREAM, s);
    close(s[1]);
    EXPECT_ERRNO(send_fds(s[0], "x", 1, &p[1], 1), EPIPE);
    close(p[1]);
    EXPECT_EQ(read(p[0], &c, 1), 0);
}

/* proves T11 */
TEST(rights_of_an_unread_message_close_with_the_receiver)
{
    int s[2], p[2];
    char c;
    ASSERT_OK(pipe(p));
    pair(SOCK_STREAM, s);
    EXPECT_EQ(send_fds(s[0], "x", 1, &p[1], 1), 1);
    close(p[1]);
    struct pollfd poller = { p[0], POLLIN, 0 };
    EXPECT_EQ(poll(&poller, 1, 0), 0);
    close(s[1]);
    EXPECT_EQ(poll(&poller, 1, 600000), 1);
    EXPECT_EQ(read(p[0], &c, 1), 0);
}

TEST(too_many_rights_in_flight_are_etoomanyrefs)
{
    int s[2], zero = 0, i;
    struct { unsigned long cur, max; } few = { 20, 20 };
    ASSERT_OK(setuid(4711));
    pair(SOCK_DGRAM, s);
    ASSERT_OK(syscall(SYS_prlimit64, 0, 7, &few, NULL));
    int more[2][2];
    pair(SOCK_STREAM, more[0]);
    for (i = 0; i < 40 && send_fds(more[0][0], "x", 1, &zero, 1) == 1; i++)
        ;
    EXPECT_TRUE(errno == ETOOMANYREFS);
    EXPECT_EQ(i, 21);
    drop(more[0][1]);
    EXPECT_EQ(send_fds(more[0][0], "x", 1, &zero, 1), 1);
}

/* proves T11 */
TEST(reads_never_join_two_sets_of_rights)
{
    int s[2], a = 0, fds[4], n;
    char buf[16];
    pair(SOCK_STREAM, s);
    EXPECT_EQ(write(s[0], "aa", 2), 2);
    EXPECT_EQ(send_fds(s[0], "bb", 2, &a, 1), 2);
    EXPECT_EQ(send_fds(s[0], "cc", 2, &a, 1), 2);
    EXPECT_EQ(write(s[0], "dd", 2), 2);
    EXPECT_EQ(recv_fds(s[1], buf, 16, fds, 4, &n, 0, NULL), 4);
    EXPECT_EQ(n, 1);
    EXPECT_EQ(recv_fds(s[1], buf, 16, fds, 4, &n, 0, NULL), 2);
    EXPECT_EQ(n, 1);
    EXPECT_MEMEQ(buf, "cc", 2);
    EXPECT_EQ(recv_fds(s[1], buf, 16, fds, 4, &n, 0, NULL), 2);
    EXPECT_EQ(n, 0);
}
