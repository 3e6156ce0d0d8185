/* Descriptors and credentials in messages: SCM_RIGHTS, SCM_CREDENTIALS, SO_PEERCRED and their limits. */
#include "nacre_test.h"
#include "unix_test.h"
#include <sys/resource.h>

#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD 76
#define SO_PEERPIDFD 77
#endif
#ifndef SCM_PIDFD
#define SCM_PIDFD 4
#endif

struct cred {
    int pid;
    unsigned uid, gid;
};

static int same_file(int a, int b)
{
    struct stat x, y;
    return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_ino == y.st_ino && x.st_dev == y.st_dev;
}

static int open_count(void)
{
    int n = 0;
    for (int fd = 0; fd < 1024; fd++)
        n += fcntl(fd, F_GETFD) != -1;
    return n;
}

/* proves A3.4, A13 */
TEST(a_descriptor_arrives_as_a_new_number_of_the_same_open_file)
{
    int s[2], got[2], n, fd;
    char c;
    nt_dir();
    nt_put("file", "0123456789");
    fd = ASSERT_OK(open("file", O_RDONLY));
    pair(SOCK_STREAM, s);
    EXPECT_EQ(send_fds(s[0], "x", 1, &fd, 1), 1);
    EXPECT_EQ(recv_fds(s[1], &c, 1, got, 2, &n, 0, NULL), 1);
    ASSERT_EQ(n, 1);
    EXPECT_TRUE(got[0] != fd && same_file(got[0], fd));
    EXPECT_EQ(fcntl(got[0], F_GETFD), 0);
    EXPECT_EQ(lseek(fd, 4, SEEK_SET), 4);
    EXPECT_EQ(read(got[0], &c, 1), 1);
    EXPECT_EQ(c, '4');
}

TEST(msg_cmsg_cloexec_is_honoured)
{
    int s[2], got[2], n;
    char c;
    pair(SOCK_DGRAM, s);
    EXPECT_EQ(send_fds(s[0], "x", 1, s, 2), 1);
    EXPECT_EQ(recv_fds(s[1], &c, 1, got, 2, &n, MSG_CMSG_CLOEXEC, NULL), 1);
    ASSERT_EQ(n, 2);
    EXPECT_EQ(fcntl(got[0], F_GETFD), FD_CLOEXEC);
    EXPECT_EQ(fcntl(got[1], F_GETFD), FD_CLOEXEC);
}

TEST(descriptors_outlive_the_senders_close)
{
    int s[2], p[2], got[1], n;
    char c;
    pair(SOCK_STREAM, s);
    ASSERT_OK(pipe(p));
    EXPECT_EQ(send_fds(s[0], "x", 1, &p[1], 1), 1);
    close(p[1]);
    close(s[0]);
    EXPECT_EQ(recv_fds(s[1], &c, 1, got, 1, &n, 0, NULL), 1);
    EXPECT_EQ(write(got[0], "y", 1), 1);
    EXPECT_EQ(read(p[0], &c, 1), 1);
}

/* proves T11 */
TEST(a_stream_read_stops_behind_bytes_with_descriptors)
{
    int s[2], got[2], n;
    char buf[16];
    pair(SOCK_STREAM, s);
    EXPECT_EQ(write(s[0], "ab", 2), 2);
    EXPECT_EQ(send_fds(s[0], "cd", 2, s, 1), 2);
    EXPECT_EQ(write(s[0], "ef", 2), 2);
    EXPECT_EQ(recv_fds(s[1], buf, 16, got, 2, &n, 0, NULL), 4);
    EXPECT_EQ(n, 1);
    EXPECT_EQ(recv_fds(s[1], buf, 16, got, 2, &n, 0, NULL), 2);
    EXPECT_EQ(n, 0);
}

TEST(the_first_byte_of_a_message_carries_its_descriptors)
{
    int s[2], got[2], n;
    char buf[16];
    pair(SOCK_STREAM, s);
    EXPECT_EQ(send_fds(s[0], "cdef", 4, s, 1), 4);
    EXPECT_EQ(recv_fds(s[1], buf, 1, got, 2, &n, 0, NULL), 1);
    EXPECT_EQ(n, 1);
    EXPECT_EQ(recv_fds(s[1], buf, 16, got, 2, &n, 0, NULL), 3);
    EXPECT_EQ(n, 0);
}

TEST(read_drops_descriptors_and_closes_them)
{
    int s[2], p[2];
    char c;
    pair(SOCK_STREAM, s);
    ASSERT_OK(pipe(p));
    EXPECT_EQ(send_fds(s[0], "x", 1, &p[1], 1), 1);
    close(p[1]);
    EXPECT_EQ(read(s[1], &c, 1), 1);
    EXPECT_EQ(read(p[0], &c, 1), 0);
}

TEST(peek_gives_descriptors_of_its_own)
{
    int s[2], got[2], n;
    char c;
    pair(SOCK_STREAM, s);
    EXPECT_EQ(send_fds(s[0], "x", 1, s, 1), 1);
    EXPECT_EQ(recv_fds(s[1], &c, 1, got, 1, &n, MSG_PEEK, NULL), 1);
    EXPECT_EQ(n, 1);
    EXPECT_TRUE(same_file(got[0], s[0]));
    EXPECT_EQ(recv_fds(s[1], &c, 1, got + 1, 1, &n, 0, NULL), 1);
    EXPECT_EQ(n, 1);
    EXPECT_TRUE(got[0] != got[1]);
}

TEST(a_short_control_buffer_truncates_and_leaks_nothing)
{
    int s[2], got[4], n, flags, fds[3];
    char c;
    pair(SOCK_STREAM, s);
    fds[0] = fds[1] = fds[2] = s[0];
    int before = open_count();
    EXPECT_EQ(send_fds(s[0], "x", 1, fds, 3), 1);
    EXPECT_EQ(recv_fds(s[1], &c, 1, got, 1, &n, 0, &flags), 1);
    EXPECT_EQ(n, 1);
    EXPECT_EQ(flags & MSG_CTRUNC, MSG_CTRUNC);
    EXPECT_EQ(open_count(), before + 1);
    EXPECT_EQ(send_fds(s[0], "x", 1, fds, 3), 1);
    EXPECT_EQ(recv_fds(s[1], &c, 1, got, 0, &n, 0, &flags), 1);
    EXPECT_EQ(flags & MSG_CTRUNC, MSG_CTRUNC);
    EXPECT_EQ(open_count(), before + 1);
}

TEST(a_full_table_truncates_at_each_descriptor)
{
    int s[2], got[4], n, flags, fds[3];
    char c;
    pair(SOCK_STREAM, s);
    fds[0] = fds[1] = fds[2] = s[0];
    for (int room = 0; room <= 2; room++) {
        int first = ASSERT_OK(dup(0));
        close(first);
        struct rlimit was, now;
        ASSERT_OK(getrlimit(RLIMIT_NOFILE, &was));
        now = was;
        now.rlim_cur = first + room;
        ASSERT_OK(setrlimit(RLIMIT_NOFILE, &now));
        EXPECT_EQ(send_fds(s[0], "x", 1, fds, 3), 1);
        EXPECT_EQ(recv_fds(s[1], &c, 1, got, 3, &n, 0, &flags), 1);
        EXPECT_EQ(n, room);
        EXPECT_EQ(flags & MSG_CTRUNC, MSG_CTRUNC);
        ASSERT_OK(setrlimit(RLIMIT_NOFILE, &was));
        for (int i = 0; i < n; i++)
            close(got[i]);
    }
}

TEST(a_message_carries_253_descriptors_and_not_254)
{
    int s[2], fds[254], got[254], n;
    char c;
    pair(SOCK_SEQPACKET, s);
    for (int i = 0; i < 254; i++)
        fds[i] = 0;
    EXPECT_EQ(send_fds(s[0], "x", 1, fds, 253), 1);
    EXPECT_EQ(recv_fds(s[1], &c, 1, got, 254, &n, 0, NULL), 1);
    EXPECT_EQ(n, 253);
    EXPECT_ERRNO(send_fds(s[0], "x", 1, fds, 254), EINVAL);
}

TEST(a_bad_descriptor_sends_nothing)
{
    int s[2], fds[2];
    char c;
    pair(SOCK_STREAM, s);
    fds[0] = s[0];
    fds[1] = 999;
    EXPECT_ERRNO(send_fds(s[0], "x", 1, fds, 2), EBADF);
    fds[1] = -1;
    EXPECT_ERRNO(send_fds(s[0], "x", 1, fds, 2), EBADF);
    EXPECT_ERRNO(recv(s[1], &c, 1, MSG_DONTWAIT), EAGAIN);
}

TEST(control_messages_are_checked)
{
    int s[2];
    static union control u;
    struct iovec v = { "x", 1 };
    struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = u.bytes, .msg_controllen = CMSG_SPACE(4) };
    struct cmsghdr *h = &u.align;
    pair(SOCK_STREAM, s);
    h->cmsg_level = SOL_SOCKET;
    h->cmsg_type = SCM_RIGHTS;
    /* musl's sendmsg reads the control buffer itself: the raw call it is. */
    for (size_t bad = 0; bad < 16; bad++) {
        h->cmsg_len = bad;
        EXPECT_ERRNO(syscall(SYS_sendmsg, s[0], &m, 0), EINVAL);
    }
    h->cmsg_len = CMSG_SPACE(4) + 1;
    EXPECT_ERRNO(syscall(SYS_sendmsg, s[0], &m, 0), EINVAL);
    h->cmsg_len = CMSG_LEN(4);
    h->cmsg_type = 77;
    EXPECT_ERRNO(syscall(SYS_sendmsg, s[0], &m, 0), EINVAL);
    h->cmsg_level = 41;
    EXPECT_EQ(syscall(SYS_sendmsg, s[0], &m, 0), 1);
    h->cmsg_level = SOL_SOCKET;
    h->cmsg_type = SCM_RIGHTS;
    h->cmsg_len = CMSG_LEN(0);
    EXPECT_EQ(syscall(SYS_sendmsg, s[0], &m, 0), 1);
    m.msg_controllen = 15;
    EXPECT_EQ(syscall(SYS_sendmsg, s[0], &m, 0), 1);
    m.msg_controllen = 64;
    m.msg_control = NT_BAD;
    EXPECT_ERRNO(syscall(SYS_sendmsg, s[0], &m, 0), EFAULT);
    uint64_t huge = 1UL << 32;
    memcpy((char *)&m + offsetof(struct msghdr, msg_controllen), &huge, sizeof huge);
    EXPECT_ERRNO(syscall(SYS_sendmsg, s[0], &m, 0), ENOBUFS);
}

/* proves T12 */
TEST(peer_credentials_are_those_of_connect_and_listen)
{
    struct cred c;
    socklen_t len = sizeof c;
    int s[2];
    pair(SOCK_STREAM, s);
    EXPECT_OK(getsockopt(s[0], SOL_SOCKET, SO_PEERCRED, &c, &len));
    EXPECT_EQ(len, 12);
    EXPECT_EQ(c.pid, getpid());
    EXPECT_EQ(c.uid, getuid());
    int u = ASSERT_OK(socket(AF_UNIX, SOCK_STREAM, 0));
    EXPECT_OK(getsockopt(u, SOL_SOCKET, SO_PEERCRED, &c, &len));
    EXPECT_EQ(c.pid, 0);
    EXPECT_EQ(c.uid, (unsigned)-1);
    nt_dir();
    int l = listener(SOCK_STREAM, "s", 1);
    ASSERT_OK(chmod("s", 0777));
    pid_t pid = nt_fork();
    if (pid == 0) {
        ASSERT_OK(setresgid(500, 500, 500));
        ASSERT_OK(setresuid(1000, 1000, 1000));
        int x = client(SOCK_STREAM, "s");
        EXPECT_OK(getsockopt(x, SOL_SOCKET, SO_PEERCRED, &c, &len));
        EXPECT_EQ(c.pid, getppid());
        EXPECT_EQ(c.uid, 0);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
    int a = ASSERT_OK(accept(l, NULL, NULL));
    EXPECT_OK(getsockopt(a, SOL_SOCKET, SO_PEERCRED, &c, &len));
    EXPECT_EQ(c.pid, pid);
    EXPECT_EQ(c.uid, 1000);
    EXPECT_EQ(c.gid, 500);
    EXPECT_ERRNO(setsockopt(a, SOL_SOCKET, SO_PEERCRED, &c, len), ENOPROTOOPT);
}

static ssize_t recv_cred(int s, char *buf, size_t size, struct cred *c, int *found, int flags)
{
    static union control u;
    struct iovec v = { buf, size };
    struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = u.bytes, .msg_controllen = 256 };
    ssize_t n = recvmsg(s, &m, flags);
    *found = 0;
    for (struct cmsghdr *h = n >= 0 ? CMSG_FIRSTHDR(&m) : NULL; h; h = CMSG_NXTHDR(&m, h))
        if (h->cmsg_level == SOL_SOCKET && h->cmsg_type == SCM_CREDENTIALS) {
            *found = 1;
            EXPECT_EQ(h->cmsg_len, CMSG_LEN(12));
            memcpy(c, CMSG_DATA(h), sizeof *c);
        }
    return n;
}

static ssize_t send_cred(int s, struct cred c)
{
    static union control u;
    struct iovec v = { "x", 1 };
    struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = u.bytes, .msg_controllen = CMSG_SPACE(12) };
    struct cmsghdr *h = CMSG_FIRSTHDR(&m);
    h->cmsg_level = SOL_SOCKET;
    h->cmsg_type = SCM_CREDENTIALS;
    h->cmsg_len = CMSG_LEN(12);
    memcpy(CMSG_DATA(h), &c, sizeof c);
    return sendmsg(s, &m, MSG_NOSIGNAL);
}

TEST(passcred_tells_who_sent)
{
    int s[2], found;
    char buf[8];
    struct cred c;
    pair(SOCK_DGRAM, s);
    EXPECT_EQ(send(s[0], "x", 1, 0), 1);
    EXPECT_EQ(recv_cred(s[1], buf, 8, &c, &found, 0), 1);
    EXPECT_EQ(found, 0);
    set_option(s[1], SO_PASSCRED, 1);
    EXPECT_EQ(option(s[1], SO_PASSCRED), 1);
    EXPECT_EQ(send(s[0], "x", 1, 0), 1);
    EXPECT_EQ(recv_cred(s[1], buf, 8, &c, &found, 0), 1);
    EXPECT_EQ(found, 1);
    EXPECT_EQ(c.pid, getpid());
    EXPECT_EQ(c.uid, 0);
}

TEST(credentials_sent_without_passcred_are_nobody)
{
    int s[2], found;
    char buf[8];
    struct cred c;
    pair(SOCK_STREAM, s);
    EXPECT_EQ(send(s[0], "x", 1, 0), 1);
    set_option(s[1], SO_PASSCRED, 1);
    EXPECT_EQ(recv_cred(s[1], buf, 8, &c, &found, 0), 1);
    EXPECT_EQ(found, 1);
    EXPECT_EQ(c.pid, 0);
    EXPECT_EQ(c.uid, 65534);
    EXPECT_EQ(c.gid, 65534);
}

TEST(streams_do_not_join_bytes_of_two_senders)
{
    int s[2], found;
    char buf[8];
    struct cred c;
    pair(SOCK_STREAM, s);
    set_option(s[1], SO_PASSCRED, 1);
    EXPECT_EQ(write(s[0], "ab", 2), 2);
    pid_t pid = nt_fork();
    if (pid == 0) {
        EXPECT_EQ(write(s[0], "cd", 2), 2);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
    EXPECT_EQ(recv_cred(s[1], buf, 8, &c, &found, 0), 2);
    EXPECT_EQ(c.pid, getpid());
    EXPECT_EQ(recv_cred(s[1], buf, 8, &c, &found, 0), 2);
    EXPECT_EQ(c.pid, pid);
}

TEST(credentials_cannot_be_forged_without_capability)
{
    int s[2], found;
    char buf[8];
    struct cred c, mine = { getpid(), 0, 0 };
    pair(SOCK_DGRAM, s);
    set_option(s[1], SO_PASSCRED, 1);
    EXPECT_EQ(send_cred(s[0], (struct cred){ 1, 1234, 5678 }), 1);
    EXPECT_EQ(recv_cred(s[1], buf, 8, &c, &found, 0), 1);
    EXPECT_EQ(c.pid, 1);
    EXPECT_EQ(c.uid, 1234);
    EXPECT_EQ(send_cred(s[0], mine), 1);
    EXPECT_ERRNO(send_cred(s[0], (struct cred){ 999999, 0, 0 }), ESRCH);
    pid_t pid = nt_fork();
    if (pid == 0) {
        ASSERT_OK(setresgid(500, 500, 500));
        ASSERT_OK(setresuid(1000, 1000, 1000));
        EXPECT_EQ(send_cred(s[0], (struct cred){ getpid(), 1000, 500 }), 1);
        EXPECT_ERRNO(send_cred(s[0], (struct cred){ getpid(), 0, 500 }), EPERM);
        EXPECT_ERRNO(send_cred(s[0], (struct cred){ getpid(), 1000, 0 }), EPERM);
        EXPECT_ERRNO(send_cred(s[0], (struct cred){ getppid(), 1000, 500 }), EPERM);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
}

TEST(peer_groups_are_told_with_erange_for_short_buffers)
{
    int s[2];
    gid_t groups[3] = { 7, 8, 9 }, got[3];
    socklen_t len = 4;
    ASSERT_EQ(syscall(SYS_setgroups, 3, groups), 0);
    pair(SOCK_STREAM, s);
    EXPECT_ERRNO(getsockopt(s[0], SOL_SOCKET, 59 /* SO_PEERGROUPS */, got, &len), ERANGE);
    EXPECT_EQ(len, 12);
    EXPECT_OK(getsockopt(s[0], SOL_SOCKET, 59, got, &len));
    EXPECT_EQ(got[2], 9);
}

TEST(pidfds_of_peer_and_sender)
{
    int s[2], fd = -1;
    socklen_t len = sizeof fd;
    static union control u;
    char c;
    struct iovec v = { &c, 1 };
    struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = u.bytes, .msg_controllen = 256 };
    pair(SOCK_STREAM, s);
    EXPECT_OK(getsockopt(s[0], SOL_SOCKET, SO_PEERPIDFD, &fd, &len));
    EXPECT_EQ(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0), 0);
    set_option(s[1], SO_PASSPIDFD, 1);
    EXPECT_EQ(send(s[0], "x", 1, 0), 1);
    EXPECT_EQ(recvmsg(s[1], &m, 0), 1);
    struct cmsghdr *h = CMSG_FIRSTHDR(&m);
    ASSERT_TRUE(h != NULL);
    EXPECT_EQ(h->cmsg_type, SCM_PIDFD);
    memcpy(&fd, CMSG_DATA(h), 4);
    EXPECT_EQ(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0), 0);
}

/* What is read into memory that was never touched must not lose what came with it. */
static void into_fresh_pages(int type)
{
    int s[2], got[4], n, sent[2] = { 0, 1 };
    char *fresh = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    pair(type, s);
    EXPECT_EQ(send_fds(s[0], "x", 1, sent, 2), 1);
    EXPECT_EQ(recv_fds(s[1], fresh + 4096, 1, got, 4, &n, 0, NULL), 1);
    EXPECT_EQ(n, 2);
    munmap(fresh, 8192);

    fresh = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_TRUE(fresh != MAP_FAILED);
    fresh[0] = 1;
    EXPECT_EQ(send_fds(s[0], "abcd", 4, sent, 2), 4);
    EXPECT_EQ(send(s[0], "efgh", 4, 0), 4);
    EXPECT_EQ(recv_fds(s[1], fresh + 4094, 8, got, 4, &n, 0, NULL), 4);
    EXPECT_EQ(n, 2);
    EXPECT_TRUE(memcmp(fresh + 4094, "abcd", 4) == 0);
}

TEST(descriptors_arrive_with_bytes_in_pages_never_touched)
{
    into_fresh_pages(SOCK_STREAM);
}

TEST(descriptors_arrive_with_messages_in_pages_never_touched)
{
    into_fresh_pages(SOCK_DGRAM);
    into_fresh_pages(SOCK_SEQPACKET);
}

TEST(unreachable_descriptors_are_collected)
{
    for (int i = 0; i < 3000; i++) {
        int s[2], t[2];
        pair(SOCK_STREAM, s);
        ASSERT_EQ(send_fds(s[0], "x", 1, &s[0], 1), 1);
        ASSERT_EQ(send_fds(s[0], "x", 1, &s[1], 1), 1);
        close(s[0]);
        close(s[1]);
        pair(SOCK_DGRAM, s);
        pair(SOCK_DGRAM, t);
        ASSERT_EQ(send_fds(s[0], "x", 1, t, 2), 1);
        ASSERT_EQ(send_fds(t[0], "x", 1, s, 2), 1);
        close(s[0]), close(s[1]), close(t[0]), close(t[1]);
    }
    int s[2], p[2];
    char c;
    ASSERT_OK(pipe(p));
    pair(SOCK_STREAM, s);
    int both[2] = { s[1], p[1] };
    ASSERT_EQ(send_fds(s[0], "x", 1, both, 2), 1);
    ASSERT_EQ(send_fds(s[1], "x", 1, s, 1), 1);
    close(s[0]), close(s[1]), close(p[1]);
    for (int i = 0; i < 2; i++) {
        pair(SOCK_STREAM, s);
        close(s[0]), close(s[1]);
    }
    EXPECT_EQ(read(p[0], &c, 1), 0);
}

TEST(descriptors_of_a_sender_that_waited_come_with_its_message)
{
    char text[8];
    int got[4], count = 0, p[2], full = 0;
    nt_dir();
    int r = named(SOCK_DGRAM, "r"), s = client(SOCK_DGRAM, "r");
    while (send(s, "x", 1, MSG_DONTWAIT) == 1)
        full++;
    ASSERT_TRUE(full > 0);
    ASSERT_OK(pipe(p));
    pid_t pid = nt_fork();
    if (pid == 0) {
        EXPECT_EQ(send_fds(s, "fd", 2, &p[0], 1), 2);
        nt_done();
    }
    nt_await_state(pid, 'S');
    for (int i = 0; i < full; i++)
        EXPECT_EQ(recv_fds(r, text, sizeof text, got, 4, &count, 0, NULL), 1);
    EXPECT_EQ(count, 0);
    EXPECT_EQ(recv_fds(r, text, sizeof text, got, 4, &count, 0, NULL), 2);
    ASSERT_EQ(count, 1);
    EXPECT_TRUE(same_file(got[0], p[0]));
    EXPECT_EXIT(pid, 0);
}
