/* proves A14: a pool of shared memory as wl_shm has it, its descriptor passed to another process by a socket. */
#include "nacre_test.h"
#include <setjmp.h>
#include <sys/socket.h>

enum { PAGE = 4096 };

static void pass(int socket, int fd)
{
    char control[CMSG_SPACE(sizeof fd)] = { 0 };
    struct iovec iov = { "x", 1 };
    struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
    struct cmsghdr *h = CMSG_FIRSTHDR(&m);
    h->cmsg_level = SOL_SOCKET;
    h->cmsg_type = SCM_RIGHTS;
    h->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(h), &fd, sizeof fd);
    ASSERT_EQ(sendmsg(socket, &m, 0), 1);
}

static int receive(int socket)
{
    int fd = -1;
    char byte, control[CMSG_SPACE(sizeof fd)];
    struct iovec iov = { &byte, 1 };
    struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
    ASSERT_EQ(recvmsg(socket, &m, 0), 1);
    ASSERT_TRUE(CMSG_FIRSTHDR(&m) != NULL);
    memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof fd);
    return fd;
}

static volatile unsigned char *map(int fd, int pages)
{
    void *p = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    ASSERT_TRUE(p != MAP_FAILED);
    return p;
}

TEST(a_passed_pool_is_seen_at_once)
{
    int s[2];
    ASSERT_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    pid_t pid = nt_fork();
    if (pid == 0) {
        int fd = ASSERT_OK(memfd_create("pool", MFD_CLOEXEC | MFD_ALLOW_SEALING));
        ASSERT_OK(ftruncate(fd, 4 * PAGE));
        volatile unsigned char *p = map(fd, 4);
        p[PAGE] = 1;
        pass(s[1], fd);
        /* Without a call between: what one writes, the other reads. */
        for (int i = 2; i < 200; i += 2) {
            while (p[PAGE] != i)
                ;
            p[PAGE] = i + 1;
        }
        nt_done();
    }
    int fd = receive(s[0]);
    volatile unsigned char *p = map(fd, 4);
    for (int i = 2; i < 200; i += 2) {
        EXPECT_EQ(p[PAGE], i - 1);
        p[PAGE] = i;
        while (p[PAGE] != i + 1)
            ;
    }
    EXPECT_EXIT(pid, 0);
}

static sigjmp_buf jump;
static void *volatile at;
static void on_bus(NT_UNUSED int signo, siginfo_t *info, NT_UNUSED void *context)
{
    at = info->si_addr;
    siglongjmp(jump, 1);
}

TEST(a_shrunk_pool_is_sigbus_to_the_other_side)
{
    int s[2];
    char go;
    ASSERT_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    pid_t pid = nt_fork();
    if (pid == 0) {
        int fd = ASSERT_OK(memfd_create("pool", MFD_CLOEXEC));
        ASSERT_OK(ftruncate(fd, 4 * PAGE));
        pass(s[1], fd);
        ASSERT_EQ(read(s[1], &go, 1), 1);
        ASSERT_OK(ftruncate(fd, PAGE));
        ASSERT_EQ(write(s[1], "s", 1), 1);
        ASSERT_EQ(read(s[1], &go, 1), 1);
        ASSERT_OK(ftruncate(fd, 4 * PAGE));
        ASSERT_EQ(write(s[1], "g", 1), 1);
        nt_done();
    }
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = on_bus;
    action.sa_flags = SA_SIGINFO;
    ASSERT_OK(sigaction(SIGBUS, &action, NULL));
    int fd = receive(s[0]);
    volatile unsigned char *p = map(fd, 4);
    p[3 * PAGE + 5] = 9;
    ASSERT_EQ(write(s[0], "x", 1), 1);
    ASSERT_EQ(read(s[0], &go, 1), 1);
    p[5] = 1;
    if (sigsetjmp(jump, 1) == 0) {
        p[3 * PAGE + 5] = 10;
        EXPECT_TRUE(!"a write past the end went through");
    }
    EXPECT_EQ((uintptr_t)at, (uintptr_t)&p[3 * PAGE + 5]);
    /* What comes back is empty. */
    ASSERT_EQ(write(s[0], "x", 1), 1);
    ASSERT_EQ(read(s[0], &go, 1), 1);
    EXPECT_EQ(p[3 * PAGE + 5], 0);
    EXPECT_EXIT(pid, 0);
}

TEST(a_sealed_pool_cannot_be_shrunk_under_its_reader)
{
    int s[2];
    ASSERT_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    pid_t pid = nt_fork();
    if (pid == 0) {
        int fd = ASSERT_OK(memfd_create("pool", MFD_CLOEXEC | MFD_ALLOW_SEALING));
        ASSERT_OK(ftruncate(fd, 2 * PAGE));
        ASSERT_OK(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK));
        pass(s[1], fd);
        nt_done();
    }
    int fd = receive(s[0]);
    EXPECT_EXIT(pid, 0);
    EXPECT_EQ(fcntl(fd, F_GET_SEALS), F_SEAL_SHRINK);
    EXPECT_ERRNO(ftruncate(fd, PAGE), EPERM);
    EXPECT_OK(ftruncate(fd, 3 * PAGE));
    volatile unsigned char *p = map(fd, 3);
    p[2 * PAGE] = 4;
    EXPECT_EQ(p[2 * PAGE], 4);
}
