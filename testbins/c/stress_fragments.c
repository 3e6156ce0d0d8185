/*
 * Memory of which half is free, but nowhere two pages beside each other: who asks for a row of pages is told that there
 * is none, and the machine goes on. A program makes it so that takes nearly all of it and gives every other page back.
 *
 * proves that nothing a program does brings the kernel down: messages and texts longer than a page
 */
#include "nacre_test.h"

#include <linux/filter.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/sysinfo.h>
#include <sys/un.h>

#define PAGE 4096ul

enum { SOCKETS = 400, LONG = 60000 };

/* Takes all but a thirty-second of the memory, and gives every other page back. */
static void break_up(void)
{
    struct sysinfo now;
    unsigned long size = 0, step = 1ul << 20;
    ASSERT_OK(sysinfo(&now));
    char *at = mmap(NULL, now.totalram * now.mem_unit, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    ASSERT_TRUE(at != MAP_FAILED);
    while (now.freeram * now.mem_unit > now.totalram * now.mem_unit / 32 + step) {
        memset(at + size, 1, step);
        size += step;
        ASSERT_OK(sysinfo(&now));
    }
    ASSERT_TRUE(size > 0);
    for (unsigned long page = 0; page < size; page += 2 * PAGE)
        ASSERT_OK(madvise(at + page, PAGE, MADV_DONTNEED));
}

/* It is the first to go when memory is short, and may go. */
static void ends(pid_t pid)
{
    int status = 0;
    ASSERT_EQ(waitpid(pid, &status, 0), pid);
    EXPECT_TRUE(status == 0 || (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL));
}

static void volunteer(void)
{
    struct rlimit many = { 4096, 4096 };
    ASSERT_OK(setrlimit(RLIMIT_NOFILE, &many));
    nt_put("/proc/self/oom_score_adj", "1000");
}

/* Done, or refused for want of memory. */
static int fine(long got)
{
    return got >= 0 || errno == ENOBUFS || errno == ENOMEM || errno == EAGAIN || errno == EMSGSIZE || errno == ENOSPC;
}

TEST_LIMIT(long_messages_find_no_row_of_pages, 120)
{
    static char message[LONG];
    pid_t pid = nt_fork();
    if (pid == 0) {
        volunteer();
        break_up();
        int sender = ASSERT_OK(socket(AF_INET, SOCK_DGRAM, 0));
        for (int i = 0; i < SOCKETS; i++) {
            struct sockaddr_in a = { .sin_family = AF_INET };
            socklen_t len = sizeof a;
            int s = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
            if (s == -1)
                break;
            a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
            ASSERT_OK(bind(s, (struct sockaddr *)&a, sizeof a));
            ASSERT_OK(getsockname(s, (struct sockaddr *)&a, &len));
            for (int k = 0; k < 4; k++)
                EXPECT_TRUE(fine(sendto(sender, message, LONG, MSG_DONTWAIT, (struct sockaddr *)&a, sizeof a)));
        }
        int raw = socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK, IPPROTO_ICMP);
        struct sockaddr_in me = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        message[0] = 8;
        for (int k = 0; raw >= 0 && k < 20; k++)
            EXPECT_TRUE(fine(sendto(raw, message, LONG, MSG_DONTWAIT, (struct sockaddr *)&me, sizeof me)));
        int route = socket(AF_NETLINK, SOCK_RAW, 0), force = 1 << 20;
        setsockopt(route, SOL_SOCKET, SO_SNDBUF, &force, sizeof force);
        for (int k = 0; route >= 0 && k < 20; k++)
            EXPECT_TRUE(fine(send(route, message, LONG, MSG_DONTWAIT)));
        for (int type = SOCK_STREAM; type <= SOCK_DGRAM; type++) {
            int s[2];
            for (int k = 0; k < 100 && socketpair(AF_UNIX, type | SOCK_NONBLOCK, 0, s) == 0; k++)
                EXPECT_TRUE(fine(send(s[0], message, LONG, 0)));
        }
        static struct sock_filter lines[4096];
        for (int i = 0; i < 4096; i++)
            lines[i] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0xffff);
        struct sock_fprog program = { 4096, lines };
        for (int k = 0; k < 8; k++) {
            int s = socket(AF_PACKET, SOCK_RAW, 0);
            EXPECT_TRUE(s < 0 || fine(setsockopt(s, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program)));
        }
        nt_done();
    }
    ends(pid);
}

TEST_LIMIT(long_texts_find_no_row_of_pages, 120)
{
    pid_t pid = nt_fork();
    if (pid == 0) {
        char text[64];
        volunteer();
        char *at = mmap(NULL, 8000 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        ASSERT_TRUE(at != MAP_FAILED);
        for (int i = 0; i < 8000; i += 2)
            mprotect(at + i * PAGE, PAGE, PROT_NONE);
        break_up();
        /* Each open file keeps its text. */
        for (int i = 0; i < 200; i++) {
            int fd = open("/proc/self/maps", O_RDONLY);
            EXPECT_TRUE(fine(fd));
            EXPECT_TRUE(fd < 0 || fine(read(fd, text, sizeof text)));
        }
        pid_t child = fork();
        if (child == 0)
            _exit(0);
        if (child > 0)
            EXPECT_EXIT(child, 0);
        nt_done();
    }
    ends(pid);
}
