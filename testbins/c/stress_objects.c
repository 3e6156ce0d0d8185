/*
 * Programs that have the kernel make small objects until there is no memory for more: the program ends, the machine
 * goes on, and has its memory back.
 */
#include "nacre_test.h"
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

/* The first to go when memory is short. */
static void volunteer(void)
{
    int fd = open("/proc/self/oom_score_adj", O_WRONLY);
    if (fd < 0 || write(fd, "1000", 4) != 4)
        _exit(2);
    close(fd);
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static void messages(void)
{
    for (int s[2]; socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, s) == 0;)
        while (send(s[0], "", 0, 0) == 0)
            ;
}

static void sockets(void)
{
    for (int s[2]; socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0;)
        ;
}

/* A descriptor goes into the queue of a socket nobody keeps: more are in flight than a table has numbers. */
static void descriptors(void)
{
    for (int first[2], s[2];;) {
        char control[CMSG_SPACE(2 * sizeof(int))] = { 0 };
        struct iovec v = { "x", 1 };
        struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(2 * sizeof(int));
        if (socketpair(AF_UNIX, SOCK_STREAM, 0, first) < 0)
            return;
        for (int depth = 0; depth < 1000; depth++) {
            if (socketpair(AF_UNIX, SOCK_STREAM, 0, s) < 0)
                return;
            memcpy(CMSG_DATA(c), first, sizeof first);
            if (sendmsg(s[0], &m, 0) < 0)
                return;
            close(first[0]);
            close(first[1]);
            memcpy(first, s, sizeof s);
        }
    }
}

static void watches(void)
{
    int s[2], e;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, s) < 0)
        return;
    while ((e = epoll_create1(0)) >= 0) {
        struct epoll_event event = { .events = EPOLLIN };
        if (epoll_ctl(e, EPOLL_CTL_ADD, s[0], &event) < 0)
            return;
    }
}

static long meminfo(const char *what)
{
    char line[128], format[64];
    long value = -1;
    snprintf(format, sizeof format, "%s: %%ld", what);
    FILE *f = fopen("/proc/meminfo", "r");
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, format, &value) == 1)
            break;
    if (f)
        fclose(f);
    return value;
}

/* Memory the machine keeps, so that it is short after some seconds and not after minutes. */
enum { LEFT_KIB = 48 << 10 };

/* Holds most of the memory, and is the last to go, until the pipe is closed. */
static pid_t hog(int hold[2])
{
    int ready[2];
    char c;
    ASSERT_OK(pipe(hold));
    ASSERT_OK(pipe(ready));
    pid_t child = ASSERT_OK(fork());
    if (child == 0) {
        int fd = open("/proc/self/oom_score_adj", O_WRONLY);
        long kib = meminfo("MemAvailable") - LEFT_KIB;
        close(hold[1]);
        if (fd < 0 || write(fd, "-1000", 5) != 5)
            _exit(2);
        if (kib > 0) {
            char *at = mmap(NULL, kib << 10, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            if (at == MAP_FAILED)
                _exit(3);
            for (long page = 0; page < kib / 4; page++)
                at[page << 12] = 1;
        }
        _exit(write(ready[1], "r", 1) == 1 && read(hold[0], &c, 1) == 0 ? 0 : 4);
    }
    close(hold[0]);
    close(ready[1]);
    ASSERT_EQ(read(ready[0], &c, 1), 1);
    close(ready[0]);
    return child;
}

static void until_there_is_no_memory(void (*make)(void))
{
    int status;
    pid_t child = ASSERT_OK(fork());
    if (child == 0) {
        volunteer();
        make();
        _exit(1);
    }
    ASSERT_EQ(waitpid(child, &status, 0), child);
    /* Killed, or told that there is no more of what it makes. */
    if (WIFSIGNALED(status))
        EXPECT_EQ(WTERMSIG(status), SIGKILL);
    else
        EXPECT_EQ(WEXITSTATUS(status), 1);
    int s[2];
    char c;
    ASSERT_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    EXPECT_EQ(write(s[0], "x", 1), 1);
    EXPECT_EQ(read(s[1], &c, 1), 1);
    close(s[0]);
    close(s[1]);
}

static void round_of(void (*make)(void))
{
    int hold[2];
    if (geteuid() != 0)
        SKIP("needs a process that is not killed");
    pid_t holder = hog(hold);
    /* What the kernel makes once and keeps is made by the first. */
    until_there_is_no_memory(make);
    long before = meminfo("MemFree");
    until_there_is_no_memory(make);
    long after = meminfo("MemFree");
    nt_say("# free before %ld KiB, after %ld KiB\n", before, after);
    EXPECT_TRUE(after > before - LEFT_KIB / 8);
    close(hold[1]);
    EXPECT_EXIT(holder, 0);
}

TEST_LIMIT(messages_until_there_is_no_memory, 120)
{
    round_of(messages);
}

TEST_LIMIT(sockets_until_there_is_no_memory, 120)
{
    round_of(sockets);
}

TEST_LIMIT(descriptors_in_flight_until_there_is_no_memory, 120)
{
    round_of(descriptors);
}

TEST_LIMIT(epoll_sets_until_there_is_no_memory, 120)
{
    round_of(watches);
}

