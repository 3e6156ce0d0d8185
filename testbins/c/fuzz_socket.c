/*
 * A fuzzer of socket calls: three processes of two threads each call what they like with arguments half right, on a
 * few shared sockets, epolls and pipes. What must not happen: a dead kernel, a process that SIGKILL does not end, a
 * descriptor that stays. SECONDS=600 and SEED=n by hand, with --cpus 4.
 */
#include "nacre_test.h"
#include "unix_test.h"

#include <pthread.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>

enum { SLOTS = 24 };

static int slots[SLOTS];
static char memory[70000];

static unsigned long number(const char *name, unsigned long usual)
{
    const char *word = getenv(name);
    return word ? strtoul(word, NULL, 10) : usual;
}

struct luck {
    uint64_t state;
};

static uint64_t draw(struct luck *l)
{
    l->state ^= l->state << 13;
    l->state ^= l->state >> 7;
    l->state ^= l->state << 17;
    return l->state;
}

static uint64_t below(struct luck *l, uint64_t n)
{
    return draw(l) % n;
}

static int some(struct luck *l)
{
    /* Never the harness's own three. */
    return below(l, 30) ? slots[below(l, SLOTS)] : below(l, 3) ? (int)below(l, 80) + 3 : -1;
}

/* Mostly memory of ours, now and then none at all, the kernel's, or the last byte of a page. */
static void *place(struct luck *l)
{
    switch (below(l, 40)) {
    case 0:
        return NULL;
    case 1:
        return NT_BAD;
    case 2:
        return NT_KERNEL;
    case 3:
        return NT_WILD;
    default:
        return memory + below(l, sizeof memory - 4096);
    }
}

static size_t length(struct luck *l)
{
    static const size_t odd[] = { 0, 1, 2, 15, 16, 107, 108, 110, 111, 4095, 4096, 4097, 36544, 65536, -1, 1ul << 31 };
    return below(l, 3) ? below(l, 300) : odd[below(l, sizeof odd / sizeof *odd)];
}

static socklen_t some_address(struct luck *l, struct sockaddr_un *a)
{
    char name[16];
    int n = snprintf(name, sizeof name, "%cnt-fuzz-%d", below(l, 2) ? 0 : 'f', (int)below(l, 6));
    socklen_t len = address(a, name, n + 1) - below(l, 2);
    if (!below(l, 20))
        a->sun_family = below(l, 50);
    return below(l, 20) ? len : below(l, 140);
}

static void put(struct luck *l, int fd)
{
    if (fd < 0)
        return;
    int i = below(l, SLOTS), old = __atomic_exchange_n(&slots[i], fd, __ATOMIC_RELAXED);
    if (old >= 0)
        close(old);
}

static void message(struct luck *l, struct msghdr *m, struct iovec *v, union control *u, int sending)
{
    int pieces = below(l, 5);
    for (int i = 0; i < 4; i++)
        v[i] = (struct iovec){ place(l), below(l, 2000) };
    *m = (struct msghdr){ .msg_iov = v, .msg_iovlen = pieces };
    if (!below(l, 40))
        m->msg_iovlen = length(l);
    if (below(l, 2)) {
        m->msg_control = u->bytes;
        m->msg_controllen = below(l, 200);
    }
    if (sending && m->msg_control) {
        size_t at = 0;
        memset(u, 0, 256);
        while (at + 16 < 200) {
            struct cmsghdr *h = (struct cmsghdr *)(u->bytes + at);
            int n = below(l, 6);
            h->cmsg_level = below(l, 10) ? SOL_SOCKET : (int)draw(l);
            h->cmsg_type = 1 + below(l, below(l, 10) ? 2 : 6);
            h->cmsg_len = h->cmsg_type == 2 ? 28 : CMSG_LEN(n * 4);
            if (!below(l, 20))
                h->cmsg_len = length(l);
            int *data = (int *)CMSG_DATA(h);
            for (int i = 0; i < n && at + 20 + i * 4 < 256; i++)
                data[i] = h->cmsg_type == 2 ? (i ? 0 : getpid()) : some(l);
            at += CMSG_SPACE(n * 4);
            if (below(l, 2))
                break;
        }
        m->msg_controllen = below(l, 10) ? at : below(l, 250);
    }
}

/* Descriptors that came are closed or kept. */
static void keep(struct luck *l, struct msghdr *m)
{
    for (struct cmsghdr *h = CMSG_FIRSTHDR(m); h; h = CMSG_NXTHDR(m, h)) {
        if (h->cmsg_level != SOL_SOCKET || (h->cmsg_type != SCM_RIGHTS && h->cmsg_type != 4))
            continue;
        for (size_t i = 0; i < (h->cmsg_len - CMSG_LEN(0)) / 4; i++) {
            int fd = ((int *)CMSG_DATA(h))[i];
            if (fd > 2 && below(l, 4))
                close(fd);
            else
                put(l, fd);
        }
        if (h->cmsg_len < sizeof *h)
            break;
    }
}

static void step(struct luck *l)
{
    static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };
    struct sockaddr_un a;
    socklen_t len;
    struct iovec v[4];
    struct msghdr m;
    union control u;
    int two[2] = { -1, -1 }, flags = below(l, 3) ? MSG_DONTWAIT : MSG_DONTWAIT | (int)(draw(l) & 0x4000cfff);
    switch (below(l, 24)) {
    case 0:
        put(l, socket(AF_UNIX, types[below(l, 3)] | SOCK_NONBLOCK, 0));
        break;
    case 1:
    case 2:
        if (socketpair(AF_UNIX, types[below(l, 3)] | SOCK_NONBLOCK, 0, two) == 0) {
            put(l, two[0]);
            put(l, two[1]);
        }
        break;
    case 3:
        len = some_address(l, &a);
        bind(some(l), (struct sockaddr *)&a, len);
        break;
    case 4:
        listen(some(l), below(l, 4));
        break;
    case 5:
    case 6:
        len = some_address(l, &a);
        connect(some(l), (struct sockaddr *)&a, len);
        break;
    case 7:
        put(l, accept4(some(l), NULL, NULL, SOCK_NONBLOCK));
        break;
    case 8:
        shutdown(some(l), below(l, 4));
        break;
    case 9:
    case 10:
    case 11:
        message(l, &m, v, &u, 1);
        raw_sendmsg(some(l), &m, flags | MSG_NOSIGNAL);
        break;
    case 12:
    case 13:
    case 14:
        message(l, &m, v, &u, 0);
        if (raw_recvmsg(some(l), &m, flags & ~MSG_ERRQUEUE) >= 0 && m.msg_control)
            keep(l, &m);
        break;
    case 15:
        syscall(SYS_write, some(l), place(l), length(l) & 0xfffff);
        break;
    case 16:
        syscall(SYS_read, some(l), place(l), length(l) & 0x7fff);
        break;
    case 17:
        syscall(SYS_setsockopt, some(l), SOL_SOCKET, (int)below(l, 80), place(l), below(l, 10) ? 4 : length(l));
        break;
    case 18:
        len = below(l, 64);
        syscall(SYS_getsockopt, some(l), SOL_SOCKET, (int)below(l, 76), place(l), &len);
        break;
    case 19:
        len = length(l);
        syscall(below(l, 2) ? SYS_getsockname : SYS_getpeername, some(l), place(l), &len);
        break;
    case 20: {
        struct epoll_event e = { .events = draw(l), .data.u64 = draw(l) };
        if (!below(l, 4))
            put(l, epoll_create1(0));
        epoll_ctl(some(l), 1 + below(l, 3), some(l), &e);
        epoll_wait(some(l), &e, 1, 0);
        break;
    }
    case 21:
        if (below(l, 2) && pipe2(two, O_NONBLOCK) == 0) {
            put(l, two[0]);
            put(l, two[1]);
        }
        splice(some(l), NULL, some(l), NULL, below(l, 5000), SPLICE_F_NONBLOCK);
        break;
    case 22:
        syscall(SYS_ioctl, some(l), below(l, 2) ? 0x541b : 0x8900 + below(l, 16), place(l));
        break;
    case 23:
        put(l, dup(some(l)));
        break;
    }
}

static time_t until;
static void *thread(void *seed)
{
    struct luck l = { (uint64_t)seed };
    while (time(NULL) < until)
        for (int i = 0; i < 500; i++)
            step(&l);
    return NULL;
}

TEST_LIMIT(any_socket_calls_in_any_order, 1200)
{
    unsigned long seed = number("SEED", 12345);
    unsigned long seconds = number("SECONDS", 5);
    nt_dir();
    until = time(NULL) + seconds;
    pid_t pids[3];
    for (int p = 0; p < 3; p++) {
        pids[p] = nt_fork();
        if (pids[p])
            continue;
        for (int i = 0; i < SLOTS; i++)
            slots[i] = -1;
        signal(SIGPIPE, SIG_IGN);
        signal(SIGURG, SIG_IGN);
        signal(SIGIO, SIG_IGN);
        pthread_t t;
        pthread_create(&t, NULL, thread, (void *)(seed * 7919 + p * 2 + 1));
        thread((void *)(seed * 104729 + p * 2 + 2));
        pthread_join(t, NULL);
        nt_done();
    }
    for (int p = 0; p < 3; p++)
        EXPECT_EXIT(pids[p], 0);
    int s[2];
    char c = 0;
    pair(SOCK_STREAM, s);
    EXPECT_EQ(write(s[0], "!", 1), 1);
    EXPECT_EQ(read(s[1], &c, 1), 1);
    EXPECT_EQ(c, '!');
}
