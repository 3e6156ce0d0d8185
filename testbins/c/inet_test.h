/* What the families of IP tests share: addresses, listeners, pairs, options. */
#ifndef INET_TEST_H
#define INET_TEST_H

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

/* The loopback interface is down where nobody has set it up. */
__attribute__((constructor)) static void lo_up(void)
{
    struct ifreq r;
    int s = socket(AF_INET, SOCK_DGRAM, 0);
    memset(&r, 0, sizeof r);
    strcpy(r.ifr_name, "lo");
    if (s >= 0 && ioctl(s, SIOCGIFFLAGS, &r) == 0 && !(r.ifr_flags & IFF_UP)) {
        r.ifr_flags |= IFF_UP;
        ioctl(s, SIOCSIFFLAGS, &r);
    }
    close(s);
}

NT_UNUSED static struct sockaddr_in at4(const char *host, int port)
{
    struct sockaddr_in a;
    memset(&a, 0, sizeof a);
    a.sin_family = AF_INET;
    a.sin_port = htons(port);
    inet_pton(AF_INET, host, &a.sin_addr);
    return a;
}

NT_UNUSED static struct sockaddr_in6 at6(const char *host, int port)
{
    struct sockaddr_in6 a;
    memset(&a, 0, sizeof a);
    a.sin6_family = AF_INET6;
    a.sin6_port = htons(port);
    inet_pton(AF_INET6, host, &a.sin6_addr);
    return a;
}

NT_UNUSED static int bind4(int s, const char *host, int port)
{
    struct sockaddr_in a = at4(host, port);
    return bind(s, (struct sockaddr *)&a, sizeof a);
}

NT_UNUSED static int bind6(int s, const char *host, int port)
{
    struct sockaddr_in6 a = at6(host, port);
    return bind(s, (struct sockaddr *)&a, sizeof a);
}

NT_UNUSED static int connect4(int s, const char *host, int port)
{
    struct sockaddr_in a = at4(host, port);
    return connect(s, (struct sockaddr *)&a, sizeof a);
}

NT_UNUSED static int connect6(int s, const char *host, int port)
{
    struct sockaddr_in6 a = at6(host, port);
    return connect(s, (struct sockaddr *)&a, sizeof a);
}

/* The own port, whatever the family. */
NT_UNUSED static int port_of(int s)
{
    struct sockaddr_in6 a;
    socklen_t n = sizeof a;
    ASSERT_OK(getsockname(s, (struct sockaddr *)&a, &n));
    return ntohs(a.sin6_port);
}

/* What poll says now, asked for everything. */
NT_UNUSED static int ready(int fd)
{
    struct pollfd p = { fd, POLLIN | POLLPRI | POLLOUT | POLLRDHUP, 0 };
    EXPECT_TRUE(poll(&p, 1, 0) >= 0);
    return p.revents;
}

/* Waits for these events; what came. */
NT_UNUSED static int await(int fd, int events)
{
    struct pollfd p = { fd, events, 0 };
    EXPECT_TRUE(poll(&p, 1, 600000) >= 0);
    return p.revents;
}

NT_UNUSED static int option(int fd, int level, int name)
{
    int value = -12345;
    socklen_t len = sizeof value;
    EXPECT_OK(getsockopt(fd, level, name, &value, &len));
    return value;
}

NT_UNUSED static int try_option(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof value);
}

NT_UNUSED static void set_option(int fd, int level, int name, int value)
{
    EXPECT_OK(setsockopt(fd, level, name, &value, sizeof value));
}

/* A TCP listener on the loopback address and a port of the kernel's choice. */
NT_UNUSED static int tcp_listener(int backlog, int *port)
{
    int s = ASSERT_OK(socket(AF_INET, SOCK_STREAM, 0));
    ASSERT_OK(bind4(s, "127.0.0.1", 0));
    ASSERT_OK(listen(s, backlog));
    *port = port_of(s);
    return s;
}

NT_UNUSED static int tcp_client(int port)
{
    int s = ASSERT_OK(socket(AF_INET, SOCK_STREAM, 0));
    ASSERT_OK(connect4(s, "127.0.0.1", port));
    return s;
}

/* Two ends of a connection: s[0] connected, s[1] was accepted. */
NT_UNUSED static void tcp_pair(int s[2])
{
    int port, l = tcp_listener(1, &port);
    s[0] = tcp_client(port);
    s[1] = ASSERT_OK(accept(l, NULL, NULL));
    close(l);
}

NT_UNUSED static int udp4(const char *host, int port)
{
    int s = ASSERT_OK(socket(AF_INET, SOCK_DGRAM, 0));
    ASSERT_OK(bind4(s, host, port));
    return s;
}

NT_UNUSED static int udp_any(void)
{
    return ASSERT_OK(socket(AF_INET, SOCK_DGRAM, 0));
}

NT_UNUSED static long send_to(int s, const char *host, int port, const void *data, size_t n)
{
    struct sockaddr_in a = at4(host, port);
    return sendto(s, data, n, 0, (struct sockaddr *)&a, sizeof a);
}

/* Becomes somebody without privileges. */
NT_UNUSED static void be_nobody(void)
{
    ASSERT_OK(setgid(65534));
    ASSERT_OK(setuid(65534));
}

/* The state /proc/net/tcp shows of the row with these ports, or -1; remote 0 for any. */
NT_UNUSED static int tcp_state(const char *file, int local, int remote)
{
    char line[512];
    int state = -1;
    FILE *f = fopen(file, "r");
    if (!f)
        return -1;
    while (fgets(line, sizeof line, f)) {
        unsigned l, r, st;
        char la[40], ra[40];
        if (sscanf(line, " %*d: %39[0-9A-F]:%x %39[0-9A-F]:%x %x", la, &l, ra, &r, &st) == 5 && (int)l == local &&
            (!remote || (int)r == remote))
            state = st;
    }
    fclose(f);
    return state;
}

/* Waits until a connection is in this state. */
NT_UNUSED static void in_state(int local, int remote, int state)
{
    for (int i = 0; i < 6000 && tcp_state("/proc/net/tcp", local, remote) != state; i++)
        nt_sleep_ms(5);
    EXPECT_EQ(tcp_state("/proc/net/tcp", local, remote), state);
}

#endif
