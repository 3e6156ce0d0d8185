/*
 * What goes wrong between AF_UNIX sockets: memory that is not there in mid-message, descriptors there is no number for,
 * filters that refuse, partners that are killed. Nothing is half done, nothing is lost, nobody waits for ever.
 */
#include "nacre_test.h"
#include "unix_test.h"
#include <linux/filter.h>
#include <linux/net_tstamp.h>
#include <sys/resource.h>

/* Two pages of which the second is not there. */
static char *page_before_nothing(void)
{
    char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_TRUE(p != MAP_FAILED);
    memset(p, 'z', 4096);
    ASSERT_OK(munmap(p + 4096, 4096));
    return p;
}

static void nothing_is_sent(int type)
{
    int s[2];
    char buf[16], *p = page_before_nothing();
    pair(type, s);
    struct iovec v[2] = { { (char *)"head", 4 }, { NT_BAD, 4 } }, w[3] = { { (char *)"head", 4 }, { p + 4000, 200 }, { p, 1 } };
    EXPECT_ERRNO(writev(s[0], v, 2), EFAULT);
    EXPECT_ERRNO(writev(s[0], w, 3), EFAULT);
    EXPECT_ERRNO(write(s[0], p + 4000, 97), EFAULT);
    EXPECT_ERRNO(recv(s[1], buf, sizeof buf, MSG_DONTWAIT), EAGAIN);
    EXPECT_EQ(write(s[0], p + 4000, 96), 96);
}

TEST(a_stream_sends_nothing_of_a_write_that_faults)
{
    nothing_is_sent(SOCK_STREAM);
}

TEST(a_message_that_faults_is_not_sent)
{
    nothing_is_sent(SOCK_DGRAM);
    nothing_is_sent(SOCK_SEQPACKET);
}

TEST(a_long_write_that_faults_sends_whole_buffers)
{
    enum { PAGES = 32 };
    int s[2], rights[2];
    char *p = mmap(NULL, (PAGES + 1) * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    static char buf[PAGES * 4096];
    ASSERT_TRUE(p != MAP_FAILED);
    for (int i = 0; i < PAGES * 4096; i++)
        p[i] = i % 251;
    ASSERT_OK(munmap(p + PAGES * 4096, 4096));
    ASSERT_OK(pipe(rights));
    pair(SOCK_STREAM, s);
    ssize_t n = write(s[0], p, PAGES * 4096 + 1);
    EXPECT_TRUE(n > 0 && n < PAGES * 4096);
    EXPECT_EQ(recv(s[1], buf, sizeof buf, MSG_DONTWAIT), n);
    EXPECT_MEMEQ(buf, p, n);
    EXPECT_ERRNO(recv(s[1], buf, sizeof buf, MSG_DONTWAIT), EAGAIN);
}

TEST(pages_that_are_only_not_there_yet_make_no_difference)
{
    enum { PAGES = 32 };
    int s[2];
    static char buf[PAGES * 4096];
    char *p = mmap(NULL, PAGES * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_TRUE(p != MAP_FAILED);
    for (int i = 0; i < PAGES; i += 3)
        p[i * 4096 + 7] = i + 1;
    pair(SOCK_STREAM, s);
    EXPECT_EQ(write(s[0], p, PAGES * 4096), PAGES * 4096);
    EXPECT_EQ(recv(s[1], buf, sizeof buf, MSG_WAITALL), PAGES * 4096);
    EXPECT_MEMEQ(buf, p, PAGES * 4096);
}

static int open_count(void)
{
    int n = 0;
    for (int fd = 0; fd < 100; fd++)
        n += fcntl(fd, F_GETFD) != -1;
    return n;
}

static int inherited;

static void room_for(int more)
{
    struct rlimit limit = { inherited + more, 1000 };
    ASSERT_OK(setrlimit(RLIMIT_NOFILE, &limit));
}

/* Each number of free descriptors from none to all: what has room comes, the rest is gone for good. */
static void without_numbers(int type)
{
    enum { FDS = 5 };
    for (int room = 0; room <= FDS; room++) {
        int s[2], p[FDS][2];
        char byte = 'x', control[CMSG_SPACE(FDS * sizeof(int))] = { 0 };
        struct iovec v = { &byte, 1 };
        struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
        room_for(100);
        pair(type, s);
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(FDS * sizeof(int));
        for (int i = 0; i < FDS; i++) {
            ASSERT_OK(pipe(p[i]));
            memcpy(CMSG_DATA(c) + i * sizeof(int), &p[i][1], sizeof(int));
        }
        EXPECT_EQ(raw_sendmsg(s[0], &m, 0), 1);
        for (int i = 0; i < FDS; i++)
            close(p[i][1]);
        /* The lowest numbers are taken, so that those that are free lie below the limit. */
        int before = open_count(), highest = 0;
        for (int fd = 0; fd < 100; fd++)
            if (fcntl(fd, F_GETFD) != -1)
                highest = fd;
        int fill[100], filled = 0;
        for (int fd; (fd = dup(0)) >= 0 && fd < highest; filled++)
            fill[filled] = fd;
        if (filled < highest)
            close(highest + 1);
        inherited = highest + 1;
        room_for(room);
        memset(control, 0, sizeof control);
        m.msg_control = control;
        m.msg_controllen = sizeof control;
        EXPECT_EQ(raw_recvmsg(s[1], &m, 0), 1);
        EXPECT_EQ(m.msg_flags & MSG_CTRUNC, room < FDS ? MSG_CTRUNC : 0);
        c = CMSG_FIRSTHDR(&m);
        int got = room ? (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int)) : 0;
        EXPECT_EQ(got, room);
        EXPECT_EQ(open_count(), before + filled + room);
        for (int i = 0; i < got; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
            close(fd);
        }
        inherited = 0;
        room_for(100);
        /* Nobody holds any of them: every pipe is at its end. */
        for (int i = 0; i < FDS; i++) {
            EXPECT_EQ(read(p[i][0], &byte, 1), 0);
            close(p[i][0]);
        }
        for (int i = 0; i < filled; i++)
            close(fill[i]);
        close(s[0]);
        close(s[1]);
    }
}

TEST(descriptors_without_a_number_are_lost_and_closed)
{
    without_numbers(SOCK_STREAM);
    without_numbers(SOCK_DGRAM);
    without_numbers(SOCK_SEQPACKET);
}

static int attach(int s, struct sock_filter *f, int n)
{
    struct sock_fprog p = { .len = n, .filter = f };
    return setsockopt(s, SOL_SOCKET, SO_ATTACH_FILTER, &p, sizeof p);
}

/* Messages that begin with 'a' pass, three bytes of each. */
static struct sock_filter three_of_a[] = { BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 'a', 0, 1), BPF_STMT(BPF_RET | BPF_K, 3), BPF_STMT(BPF_RET | BPF_K, 0) };

static void filtered(int type)
{
    int s[2], p[2], zero = 0;
    char buf[16];
    pair(type, s);
    ASSERT_OK(pipe(p));
    EXPECT_OK(attach(s[1], three_of_a, 4));
    EXPECT_EQ(send(s[0], "bcdef", 5, 0), 5);
    EXPECT_EQ(send(s[0], "abcdef", 6, 0), 6);
    EXPECT_EQ(recv(s[1], buf, sizeof buf, MSG_DONTWAIT | MSG_TRUNC), 3);
    EXPECT_MEMEQ(buf, "abc", 3);
    EXPECT_ERRNO(recv(s[1], buf, sizeof buf, MSG_DONTWAIT), EAGAIN);
    /* The other direction has none. */
    EXPECT_EQ(send(s[1], "bcdef", 5, 0), 5);
    EXPECT_EQ(recv(s[0], buf, sizeof buf, MSG_DONTWAIT), 5);
    /* Descriptors go with the message that is refused. */
    EXPECT_EQ(send_fds(s[0], "b", 1, &p[1], 1), 1);
    close(p[1]);
    EXPECT_EQ(read(p[0], buf, 1), 0);
    EXPECT_OK(setsockopt(s[1], SOL_SOCKET, SO_DETACH_FILTER, &zero, sizeof zero));
    EXPECT_EQ(send(s[0], "bcdef", 5, 0), 5);
    EXPECT_EQ(recv(s[1], buf, sizeof buf, MSG_DONTWAIT), 5);
}

TEST(a_filter_chooses_and_cuts_messages)
{
    filtered(SOCK_DGRAM);
    filtered(SOCK_SEQPACKET);
}

TEST(a_stream_takes_a_filter_and_never_asks_it)
{
    int s[2];
    char buf[16];
    pair(SOCK_STREAM, s);
    EXPECT_OK(attach(s[1], three_of_a, 4));
    EXPECT_EQ(send(s[0], "bcdef", 5, 0), 5);
    EXPECT_EQ(recv(s[1], buf, sizeof buf, MSG_DONTWAIT), 5);
}

TEST(a_filter_that_is_none_is_refused)
{
    struct sock_filter endless[] = { BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0) };
    int s = ASSERT_OK(socket(AF_UNIX, SOCK_DGRAM, 0)), one = 1;
    EXPECT_ERRNO(attach(s, endless, 1), EINVAL);
    EXPECT_ERRNO(attach(s, NT_BAD, 1), EFAULT);
    EXPECT_ERRNO(attach(s, three_of_a, 0), EINVAL);
    EXPECT_OK(attach(s, three_of_a, 4));
    EXPECT_OK(setsockopt(s, SOL_SOCKET, SO_LOCK_FILTER, &one, sizeof one));
    EXPECT_ERRNO(attach(s, three_of_a, 4), EPERM);
    EXPECT_ERRNO(setsockopt(s, SOL_SOCKET, SO_DETACH_FILTER, &one, sizeof one), EPERM);
}

/* SO_TIMESTAMPING by itself tells nothing here: no device stamps these messages. */
TEST(timestamping_alone_brings_no_message)
{
    int s[2], flags = SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE;
    char byte, control[256];
    struct iovec v = { &byte, 1 };
    struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
    pair(SOCK_DGRAM, s);
    for (int i = 0; i < 2; i++)
        EXPECT_OK(setsockopt(s[i], SOL_SOCKET, SO_TIMESTAMPING, &flags, sizeof flags));
    EXPECT_EQ(send(s[0], "x", 1, 0), 1);
    EXPECT_EQ(raw_recvmsg(s[1], &m, MSG_DONTWAIT), 1);
    EXPECT_EQ(m.msg_controllen, 0);
    m.msg_controllen = sizeof control;
    EXPECT_ERRNO(raw_recvmsg(s[0], &m, MSG_ERRQUEUE | MSG_DONTWAIT), EAGAIN);
}

/* What waited at a socket is closed when the close of the socket returns, be it sockets with sockets in them. */
TEST(a_close_closes_what_waited_before_it_returns)
{
    for (int i = 0; i < 400; i++) {
        int p[2], depth = i % 2 ? 1 : 30, held;
        char byte;
        ASSERT_OK(pipe2(p, O_NONBLOCK));
        held = p[1];
        for (int n = 0; n < depth; n++) {
            int s[2];
            pair(n % 3 ? SOCK_STREAM : SOCK_DGRAM, s);
            ASSERT_EQ(send_fds(s[0], "x", 1, &held, 1), 1);
            close(held);
            close(s[0]);
            held = s[1];
        }
        ASSERT_EQ(read(p[0], &byte, 1), -1);
        ASSERT_EQ(close(held), 0);
        ASSERT_EQ(read(p[0], &byte, 1), 0);
        close(p[0]);
    }
}

/* A partner killed in the midst of a transfer: the other hears of it, what was sent before is there. */
TEST_LIMIT(a_partner_killed_in_mid_transfer_ends_the_transfer, 120)
{
    static char block[100000];
    for (int i = 0; i < 60; i++) {
        int s[2], type = i % 3 == 0 ? SOCK_STREAM : i % 3 == 1 ? SOCK_SEQPACKET : SOCK_STREAM;
        pair(type, s);
        pid_t partner = nt_fork();
        if (partner == 0) {
            close(s[0]);
            for (;;)
                if (i % 2 ? write(s[1], block, sizeof block) < 0 : read(s[1], block, 7777) <= 0)
                    pause();
        }
        close(s[1]);
        long moved = 0;
        signal(SIGPIPE, SIG_IGN);
        for (int n = 0;; n++) {
            ssize_t now = i % 2 ? read(s[0], block, 5000) : write(s[0], block, 50000);
            if (now <= 0) {
                EXPECT_TRUE(i % 2 ? now == 0 || errno == ECONNRESET : errno == EPIPE || errno == ECONNRESET);
                break;
            }
            moved += now;
            if (n == i / 2)
                kill(partner, SIGKILL);
        }
        EXPECT_TRUE(moved > 0);
        EXPECT_KILLED(partner, SIGKILL);
        close(s[0]);
    }
}

/* Fills a stream and writes once more, waiting; exits with the error, or dies by SIGPIPE. Reads then say `after`. */
static _Noreturn void write_in_want_of_room(int s, int after)
{
    static char block[4096];
    char byte;
    signal(SIGPIPE, SIG_DFL);
    while (send(s, block, sizeof block, MSG_DONTWAIT) > 0)
        ;
    ssize_t sent = write(s, block, 1);
    int error = sent == -1 ? errno : 0;
    ssize_t got = recv(s, &byte, 1, MSG_DONTWAIT);
    _exit((got == -1 ? errno : (int)got) == after ? error : 255);
}

TEST(a_writer_that_waits_hears_of_a_reset_without_a_signal)
{
    int s[2];
    pair(SOCK_STREAM, s);
    pid_t writer = nt_fork();
    if (writer == 0) {
        close(s[0]);
        write_in_want_of_room(s[1], 0);
    }
    close(s[1]);
    nt_await_state(writer, 'S');
    close(s[0]);
    EXPECT_EXIT(writer, ECONNRESET);
}

TEST(a_writer_that_waits_hears_of_the_end_of_reading_without_a_signal)
{
    int s[2];
    pair(SOCK_STREAM, s);
    pid_t writer = nt_fork();
    if (writer == 0)
        write_in_want_of_room(s[1], EAGAIN);
    nt_await_state(writer, 'S');
    EXPECT_OK(shutdown(s[0], SHUT_RD));
    EXPECT_EXIT(writer, EPIPE);
}
