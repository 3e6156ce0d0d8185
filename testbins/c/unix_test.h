/* What the AF_UNIX families share: pairs, addresses, options, control messages. */
#ifndef UNIX_TEST_H
#define UNIX_TEST_H

#include <poll.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>

#ifndef SIOCOUTQ
#define SIOCOUTQ 0x5411
#endif
#ifndef SIOCATMARK
#define SIOCATMARK 0x8905
#endif
#ifndef SO_PEEK_OFF
#define SO_PEEK_OFF 42
#endif

/* The calls themselves: musl's wrappers loop, copy control buffers and write into headers. */
#define raw_sendmsg(fd, message, flags) syscall(SYS_sendmsg, fd, message, flags)
#define raw_recvmsg(fd, message, flags) syscall(SYS_recvmsg, fd, message, flags)
#define raw_sendmmsg(fd, messages, count, flags) syscall(SYS_sendmmsg, fd, messages, count, flags)
#define raw_recvmmsg(fd, messages, count, flags, timeout) syscall(SYS_recvmmsg, fd, messages, count, flags, timeout)

NT_UNUSED static void pair(int type, int s[2])
{
    ASSERT_OK(socketpair(AF_UNIX, type, 0, s));
}

/* What poll says now, asked for everything. */
NT_UNUSED static int ready(int fd)
{
    struct pollfd p = { fd, POLLIN | POLLPRI | POLLOUT | POLLRDHUP, 0 };
    EXPECT_TRUE(poll(&p, 1, 0) >= 0);
    return p.revents;
}

NT_UNUSED static int option(int fd, int name)
{
    int value = -12345;
    socklen_t len = sizeof value;
    EXPECT_OK(getsockopt(fd, SOL_SOCKET, name, &value, &len));
    return value;
}

NT_UNUSED static void set_option(int fd, int name, int value)
{
    EXPECT_OK(setsockopt(fd, SOL_SOCKET, name, &value, sizeof value));
}

/* An address of these bytes behind the family; its length. */
NT_UNUSED static socklen_t address(struct sockaddr_un *a, const char *path, size_t n)
{
    memset(a, 0, sizeof *a);
    a->sun_family = AF_UNIX;
    memcpy(a->sun_path, path, n);
    return offsetof(struct sockaddr_un, sun_path) + n;
}

NT_UNUSED static int bind_path(int s, const char *path)
{
    struct sockaddr_un a;
    return bind(s, (struct sockaddr *)&a, address(&a, path, strlen(path) + 1));
}

NT_UNUSED static int connect_path(int s, const char *path)
{
    struct sockaddr_un a;
    return connect(s, (struct sockaddr *)&a, address(&a, path, strlen(path) + 1));
}

/* A listening socket of this type on a path of the case's own directory. */
NT_UNUSED static int listener(int type, const char *path, int backlog)
{
    int s = ASSERT_OK(socket(AF_UNIX, type, 0));
    ASSERT_OK(bind_path(s, path));
    ASSERT_OK(listen(s, backlog));
    return s;
}

NT_UNUSED static int client(int type, const char *path)
{
    int s = ASSERT_OK(socket(AF_UNIX, type, 0));
    ASSERT_OK(connect_path(s, path));
    return s;
}

/* Again and again: the first may come before the call that it is to interrupt. */
#define EVERY_50_MS { { 0, 50000 }, { 0, 50000 } }

static void on_alarm(NT_UNUSED int signo)
{
}

NT_UNUSED static void catch_alarm(int flags)
{
    struct sigaction sa;
    memset(&sa, 0, sizeof sa);
    sa.sa_handler = on_alarm;
    sa.sa_flags = flags;
    ASSERT_OK(sigaction(SIGALRM, &sa, NULL));
}

union control {
    struct cmsghdr align;
    char bytes[4096];
};

/* Sends text with n descriptors. */
NT_UNUSED static ssize_t send_fds(int s, const char *text, size_t len, const int *fds, int n)
{
    static union control u;
    struct iovec v = { (void *)text, len };
    struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = u.bytes, .msg_controllen = CMSG_SPACE(n * 4) };
    memset(&u, 0, sizeof u);
    struct cmsghdr *h = CMSG_FIRSTHDR(&m);
    h->cmsg_level = SOL_SOCKET;
    h->cmsg_type = SCM_RIGHTS;
    h->cmsg_len = CMSG_LEN(n * 4);
    memcpy(CMSG_DATA(h), fds, n * 4);
    return sendmsg(s, &m, MSG_NOSIGNAL);
}

/* Receives up to len bytes and up to max descriptors; how many descriptors came, flags of the message. */
NT_UNUSED static ssize_t recv_fds(int s, char *text, size_t len, int *fds, int max, int *count, int flags, int *out)
{
    static union control u;
    struct iovec v = { text, len };
    struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = u.bytes,
                        .msg_controllen = max ? CMSG_LEN(max * 4) : 0 };
    ssize_t got = recvmsg(s, &m, flags);
    *count = 0;
    if (out)
        *out = m.msg_flags;
    for (struct cmsghdr *h = got >= 0 ? CMSG_FIRSTHDR(&m) : NULL; h; h = CMSG_NXTHDR(&m, h))
        if (h->cmsg_level == SOL_SOCKET && h->cmsg_type == SCM_RIGHTS) {
            *count = (h->cmsg_len - CMSG_LEN(0)) / 4;
            memcpy(fds, CMSG_DATA(h), *count * 4);
        }
    return got;
}

NT_UNUSED static int named(int type, const char *path)
{
    int s = ASSERT_OK(socket(AF_UNIX, type, 0));
    ASSERT_OK(bind_path(s, path));
    return s;
}

NT_UNUSED static socklen_t abstract(struct sockaddr_un *a, const char *name)
{
    socklen_t len = address(a, "", 0) + 1;
    memcpy(a->sun_path + 1, name, strlen(name));
    return len + strlen(name);
}

#endif
