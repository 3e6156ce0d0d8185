/* Two machines on one Ethernet link: whole transfers, both ways at once, IPv4 and IPv6, checked byte by byte.
 * The roles are run by `nacre test --filter bad_link`, with a link between that drops, repeats, reorders, delays
 * and corrupts, or by `--filter raw_peer`, with another end that does what no kernel does; here the same between two
 * programs of one machine.
 * proves D8, E16 */
#include "nacre_test.h"
#include "inet_test.h"

#include <linux/ipv6.h>
#include <sys/resource.h>

enum { PORT = 5001 };

/* The byte at a place of a stream: nobody confuses two places or two streams. */
static unsigned char byte_at(unsigned stream, unsigned long place)
{
    unsigned long x = place * 0x9e3779b97f4a7c15UL + stream * 0xbf58476d1ce4e5b9UL;
    x ^= x >> 29;
    x *= 0x94d049bb133111ebUL;
    return x >> 56;
}

/* Sends `length` bytes of one stream and takes as many of the other, at once; the first place that differs, -1 for
 * none, -2 for an end too early. */
static long exchange(int s, unsigned mine, unsigned theirs, unsigned long length)
{
    static unsigned char out[16384], in[16384];
    unsigned long sent = 0, got = 0;
    int ended = 0;
    ASSERT_OK(fcntl(s, F_SETFL, O_NONBLOCK));
    while (got < length || sent < length) {
        struct pollfd p = { s, POLLIN | (sent < length ? POLLOUT : 0), 0 };
        ASSERT_EQ(poll(&p, 1, -1), 1);
        if (sent < length && p.revents & POLLOUT) {
            unsigned long n = length - sent < sizeof out ? length - sent : sizeof out;
            for (unsigned long i = 0; i < n; i++)
                out[i] = byte_at(mine, sent + i);
            long done = send(s, out, n, MSG_NOSIGNAL);
            if (done < 0 && errno != EAGAIN)
                return -3 - errno;
            sent += done > 0 ? done : 0;
            if (sent == length)
                ASSERT_OK(shutdown(s, SHUT_WR));
        }
        if (p.revents & (POLLIN | POLLHUP | POLLERR)) {
            long done = recv(s, in, sizeof in, 0);
            if (done < 0 && errno != EAGAIN)
                return -3 - errno;
            if (done == 0 && got < length)
                return -2;
            for (long i = 0; i < done; i++)
                if (in[i] != byte_at(theirs, got + i))
                    return got + i;
            got += done > 0 ? done : 0;
            ended = done == 0;
        }
    }
    ASSERT_OK(fcntl(s, F_SETFL, 0));
    while (!ended) {
        long done = recv(s, in, 1, 0);
        if (done < 0 && errno == EINTR)
            continue;
        if (done != 0)
            return -2;
        ended = 1;
    }
    return -1;
}

/* Waits until the connection is over: what was sent and its end are answered, and the other's end came. */
static void finish(int s)
{
    struct tcp_info info;
    socklen_t len = sizeof info;
    while (getsockopt(s, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 && info.tcpi_state != TCP_CLOSE)
        usleep(10000);
    close(s);
}

static int serve(int listener, unsigned long length)
{
    int s = ASSERT_OK(accept(listener, NULL, NULL));
    long differs = exchange(s, 1, 2, length);
    printf("served: %ld\n", differs);
    finish(s);
    return differs != -1;
}

static int ask(const struct sockaddr *to, socklen_t len, unsigned long length)
{
    for (int tries = 0;; tries++) {
        int s = ASSERT_OK(socket(to->sa_family, SOCK_STREAM, 0));
        if (connect(s, to, len) == 0) {
            long differs = exchange(s, 2, 1, length);
            printf("asked: %ld\n", differs);
            finish(s);
            return differs != -1;
        }
        close(s);
        /* The other machine may not be up yet. */
        if (tries == 600)
            return 2;
        usleep(100000);
    }
}

static void set_up(int me)
{
    struct ifreq r;
    struct in6_ifreq r6;
    char host[64];
    int s = ASSERT_OK(socket(AF_INET, SOCK_DGRAM, 0)), s6 = ASSERT_OK(socket(AF_INET6, SOCK_DGRAM, 0));
    memset(&r, 0, sizeof r);
    strcpy(r.ifr_name, "eth0");
    ASSERT_OK(ioctl(s, SIOCGIFINDEX, &r));
    int index = r.ifr_ifindex;
    snprintf(host, sizeof host, "10.9.0.%d", me);
    struct sockaddr_in a = at4(host, 0);
    memcpy(&r.ifr_addr, &a, sizeof a);
    ASSERT_OK(ioctl(s, SIOCSIFADDR, &r));
    a = at4("255.255.255.0", 0);
    memcpy(&r.ifr_addr, &a, sizeof a);
    ASSERT_OK(ioctl(s, SIOCSIFNETMASK, &r));
    ASSERT_OK(ioctl(s, SIOCGIFFLAGS, &r));
    r.ifr_flags |= IFF_UP;
    ASSERT_OK(ioctl(s, SIOCSIFFLAGS, &r));
    memset(&r6, 0, sizeof r6);
    snprintf(host, sizeof host, "fd09::%d", me);
    inet_pton(AF_INET6, host, &r6.ifr6_addr);
    r6.ifr6_prefixlen = 64;
    r6.ifr6_ifindex = index;
    ASSERT_OK(ioctl(s6, SIOCSIFADDR, &r6));
    close(s);
    close(s6);
}

static int listen_on(int family)
{
    int l = ASSERT_OK(socket(family, SOCK_STREAM, 0));
    set_option(l, SOL_SOCKET, SO_REUSEADDR, 1);
    if (family == AF_INET6)
        set_option(l, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    ASSERT_OK(family == AF_INET ? bind4(l, "0.0.0.0", PORT) : bind6(l, "::", PORT));
    ASSERT_OK(listen(l, 8));
    return l;
}

/* The other machine may not have heard the last answer: this one stays until it is switched off. */
static _Noreturn void tell(int bad)
{
    printf("%s\n", bad ? "BAD" : "WHOLE");
    fflush(stdout);
    for (;;)
        pause();
}

/* inet_link @server LENGTH: answers one client of each family. */
ROLE(server)
{
    unsigned long length = argc > 2 ? strtoul(argv[2], NULL, 10) : 100000;
    int l4 = listen_on(AF_INET), l6 = listen_on(AF_INET6);
    set_up(1);
    tell(serve(l4, length) + serve(l6, length));
}

/* inet_link @client LENGTH: speaks to it by both. */
ROLE(client)
{
    unsigned long length = argc > 2 ? strtoul(argv[2], NULL, 10) : 100000;
    struct sockaddr_in a = at4("10.9.0.1", PORT);
    struct sockaddr_in6 a6 = at6("fd09::1", PORT);
    set_up(2);
    int bad = ask((struct sockaddr *)&a, sizeof a, length);
    bad += ask((struct sockaddr *)&a6, sizeof a6, length);
    tell(bad);
}

/* Free memory now, in KiB. */
static long free_kib(void)
{
    char text[4096], *at;
    nt_get("/proc/meminfo", text, sizeof text);
    at = strstr(text, "MemFree:");
    return at ? atol(at + 8) : -1;
}

/* One client's turn: m asks how many there are and what memory is free, c ends it, all else comes back. False when it
 * is over. */
static int hold_one(int s, int open)
{
    char bytes[64], line[64];
    long n = read(s, bytes, sizeof bytes);
    if (n < 0 && errno == EAGAIN)
        return 1;
    if (n <= 0 || bytes[0] == 'c')
        return 0;
    if (bytes[0] == 'm')
        n = snprintf(line, sizeof line, "%d open %ld free\n", open, free_kib());
    return write(s, bytes[0] == 'm' ? line : bytes, n) == n;
}

/* inet_link @hold: serves as many clients as come, by IPv4. */
ROLE(hold)
{
    struct rlimit limit = { 20000, 20000 };
    struct epoll_event ready[64];
    int open = 0, e = ASSERT_OK(epoll_create1(0)), l, n;
    ASSERT_OK(setrlimit(RLIMIT_NOFILE, &limit));
    /* Who is seen on the wire listens: an early SYN would be refused. */
    l = listen_on(AF_INET);
    ASSERT_OK(listen(l, 4096));
    set_up(1);
    ASSERT_OK(fcntl(l, F_SETFL, O_NONBLOCK));
    ASSERT_OK(epoll_ctl(e, EPOLL_CTL_ADD, l, &(struct epoll_event){ EPOLLIN, { .fd = l } }));
    while ((n = epoll_wait(e, ready, 64, -1)) > 0) {
        for (int i = 0; i < n; i++) {
            int s = ready[i].data.fd;
            if (s == l) {
                while ((s = accept4(l, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
                    ASSERT_OK(epoll_ctl(e, EPOLL_CTL_ADD, s, &(struct epoll_event){ EPOLLIN, { .fd = s } }));
                    open++;
                }
            } else if (!hold_one(s, open)) {
                close(s);
                open--;
            }
        }
    }
    return 1;
}

static int try_to(int s, int port)
{
    struct sockaddr_in a = at4("10.9.0.2", port);
    return connect(s, (struct sockaddr *)&a, sizeof a);
}

/* inet_link @exhaust: asks a machine that takes all connections, and keeps nothing, for more than there are ports; sends
 * more than it and the card take. */
ROLE(exhaust)
{
    enum { FIRST = 40000, PORTS = 64 };
    static char block[65000];
    struct linger at_once = { 1, 0 };
    char range[32];
    int s, sent = 0, full = 0;
    long n, total = 0;
    set_up(1);
    snprintf(range, sizeof range, "%d %d", FIRST, FIRST + PORTS - 1);
    nt_put("/proc/sys/net/ipv4/ip_local_port_range", range);
    for (int i = 0; i < PORTS; i++) {
        s = ASSERT_OK(socket(AF_INET, SOCK_STREAM, 0));
        ASSERT_OK(try_to(s, 7));
        ASSERT_OK(close(s));
    }
    s = ASSERT_OK(socket(AF_INET, SOCK_STREAM, 0));
    ASSERT_TRUE(try_to(s, 7) == -1 && errno == EADDRNOTAVAIL);
    /* Another port there is another connection. */
    ASSERT_OK(try_to(s, 8));
    /* Nobody answers bytes: what is kept for them has an end. */
    ASSERT_OK(fcntl(s, F_SETFL, O_NONBLOCK));
    while ((n = send(s, block, sizeof block, MSG_NOSIGNAL)) > 0)
        total += n;
    ASSERT_TRUE(n == -1 && errno == EAGAIN && total < 64 << 20);
    ASSERT_OK(setsockopt(s, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once));
    ASSERT_OK(close(s));
    /* A datagram goes, or there is no room for it now. */
    int u = ASSERT_OK(socket(AF_INET, SOCK_DGRAM, 0));
    struct sockaddr_in a = at4("10.9.0.2", 9);
    for (int i = 0; i < 2000; i++) {
        n = sendto(u, block, 1400, MSG_DONTWAIT, (struct sockaddr *)&a, sizeof a);
        sent += n == 1400;
        full += n == -1 && (errno == EAGAIN || errno == ENOBUFS);
        ASSERT_EQ(sent + full, i + 1);
    }
    ASSERT_EQ(sendto(u, block, 1400, 0, (struct sockaddr *)&a, sizeof a), 1400);
    /* And connections are made as before. */
    s = ASSERT_OK(socket(AF_INET, SOCK_STREAM, 0));
    ASSERT_OK(try_to(s, 9));
    tell(0);
}

static void between(int family)
{
    int l = listen_on(family);
    pid_t child = fork();
    if (child == 0)
        _exit(serve(l, 3000000));
    struct sockaddr_in a = at4("127.0.0.1", PORT);
    struct sockaddr_in6 a6 = at6("::1", PORT);
    if (family == AF_INET)
        EXPECT_EQ(ask((struct sockaddr *)&a, sizeof a, 3000000), 0);
    else
        EXPECT_EQ(ask((struct sockaddr *)&a6, sizeof a6, 3000000), 0);
    EXPECT_EXIT(child, 0);
}

TEST(both_ways_at_once_by_ipv4)
{
    between(AF_INET);
}

TEST(both_ways_at_once_by_ipv6)
{
    between(AF_INET6);
}
