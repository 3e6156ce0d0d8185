/*
 * A fuzzer of the whole table of system calls: each call with numbers at the edges of their types, with structures made
 * of such numbers, and with descriptors of every kind there is. Each round is a process that makes some hundred calls;
 * what it waits in is interrupted, then killed. What must not happen: a dead kernel, a process that SIGKILL does not
 * end. What is the whole machine's (clocks, mounts, names, restarting) is left alone. SECONDS=600, SEED=n and CALL=n (one
 * number only) by hand; LIST=1 says each call before it is made.
 *
 * proves that nothing a program does brings the kernel down: numbers at the edges, structures of them
 */
#include "fuzz_calls.h"
#include "nacre_test.h"

#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/uio.h>

enum { FILES = 48, AREA = 1 << 18, CALLS = 120 };

static int files[FILES], file_count;
static char *area;
static uint64_t luck;
static pid_t mine;

static uint64_t draw(void)
{
    luck ^= luck << 13;
    luck ^= luck >> 7;
    luck ^= luck << 17;
    return luck;
}

static uint64_t below(uint64_t n)
{
    return draw() % n;
}

static unsigned long number_of(const char *name, unsigned long usual)
{
    const char *word = getenv(name);
    return word ? strtoul(word, NULL, 10) : usual;
}

static uint64_t edge(void)
{
    return edges[below(sizeof edges / sizeof *edges)] + (below(6) ? 0 : below(3) - 1);
}

static uint64_t value(void)
{
    switch (below(10)) {
    case 0:
    case 1:
        return 0;
    case 2:
    case 3:
        return below(24);
    case 4:
        return 1ul << below(64);
    case 5:
        return draw() >> below(64);
    case 6:
        return -below(70);
    default:
        return edge();
    }
}

static int file(void)
{
    if (!below(24))
        return value();
    return files[below(file_count)];
}

static char *spot(void)
{
    return area + (below(3) ? below(16) * 4096 + below(5) * 1024 : below(AREA));
}

/* Words of a kind each, so that some structure or other is half right. */
static void fill(char *at, size_t words, int kind)
{
    for (size_t i = 0; i < words; i++) {
        uint64_t word;
        uint32_t half[2] = { value(), value() };
        switch (kind) {
        case 0: /* places and lengths */
            word = i & 1 ? (below(3) ? below(9000) : value()) : (uint64_t)spot();
            break;
        case 1: /* seconds and parts of them */
            word = i & 1 ? (below(6) ? below(1000000000) : value()) : below(3) ? value() : below(2);
            break;
        case 2:
            memcpy(&word, half, 8);
            break;
        case 3:
            word = value();
            break;
        case 4: /* descriptors and small numbers */
            half[0] = file();
            half[1] = below(64);
            memcpy(&word, half, 8);
            break;
        default:
            word = below(3) ? 0 : value();
        }
        memcpy(at + i * 8, &word, 8);
    }
}

static uint64_t place(int kind)
{
    char *at = spot();
    switch (below(30)) {
    case 0:
        return (uint64_t)NT_BAD;
    case 1:
        return (uint64_t)NT_KERNEL;
    case 2:
        return value();
    case 3:
        return (uint64_t)area + AREA - below(64);
    case 4:
    case 5:
    case 6:
        return 0;
    default:
        if (at + 512 < area + AREA)
            fill(at, 2 + below(40), kind < 0 ? (int)below(6) : kind);
        return (uint64_t)at;
    }
}

static uint64_t path(void)
{
    static const char *names[] = { "", ".", "f0", "f1", "f2", "d", "d/f", "l", "f0/x", "fifo", "sock", "new", "d/new", "user.a",
        "user.b", "security.x", "system.posix_acl_access", "tmpfs", "proc", "trusted.overlay", "nothere/x" };
    if (!below(20))
        return place(-1);
    char *at = area + below(16) * 4096;
    if (!below(40)) {
        memset(at, 'a', 4200);
        at[below(4200)] = 0;
        at[4200] = 0;
    } else {
        strcpy(at, names[below(sizeof names / sizeof *names)]);
    }
    return (uint64_t)at;
}

static uint64_t argument(char kind)
{
    switch (kind) {
    case 'f':
        return file();
    case 'd':
        return below(3) ? (uint64_t)AT_FDCWD : (uint64_t)file();
    case 'p':
    case 's':
        return path();
    case 'v':
        return place(0);
    case 't':
        return place(below(8) ? 1 : -1);
    case 'h': {
        char *at = spot();
        if (at + 2048 > area + AREA)
            return place(-1);
        for (int i = 0; i < 4; i++) {
            uint64_t m[8] = { place(2), value(), place(0), below(5) ? below(6) : value(), place(2), below(4) ? below(200) : value(), 0, 0 };
            memcpy(at + i * 64, m, 64);
        }
        return (uint64_t)at;
    }
    case 'b':
        return place(-1);
    case 'F':
        return below(3) ? 0 : below(2) ? 1ul << below(32) : value();
    case 'm':
        return below(2) ? 0644 : value();
    case 'g':
        return below(2) ? SIGUSR1 : value();
    case 'P': /* Nobody else's, and never everybody's. */
        return below(3) ? (uint64_t)mine : below(2) ? (uint64_t)INT_MAX : (uint64_t)INT_MIN;
    default:
        return value();
    }
}

static uint64_t command(void)
{
    switch (below(9)) {
    case 0:
        return 0x5400 + below(0x72);
    case 1: { /* displays */
        static const uint16_t sizes[] = { 4, 8, 16, 20, 24, 28, 32, 36, 40, 56, 64, 68, 80, 104 };
        return 0xc0006400 | sizes[below(14)] << 16 | below(0xd0);
    }
    case 2:
        return real[below(sizeof real / sizeof *real)];
    case 3:
        return 0x4600 + below(0x21);
    case 4:
        return (below(2) ? 0x80004500 : 0x40004500) | below(0x200) << 16 | below(0x100);
    case 5:
        return 0x8900 + below(0x14);
    case 6:
        return 0x8927 + below(0x50);
    case 7:
        return words[below(sizeof words / sizeof *words)];
    default:
        return draw();
    }
}

static void step(void)
{
    static const int levels[] = { 0, 1, 6, 17, 41, 58, 255, 263, 270, 40, 136 };
    unsigned long only = number_of("CALL", 0);
    const struct call *c = &table[below(sizeof table / sizeof *table)];
    /* What takes the ground from under the rest comes seldom. */
    while ((only && (unsigned long)c->number != only) ||
           (!only && (c->number == SYS_close_range || c->number == SYS_close || c->number == SYS_munmap) && below(8)))
        c = &table[below(sizeof table / sizeof *table)];
    uint64_t a[6] = { 0 };
    for (int i = 0; c->args[i]; i++)
        a[i] = argument(c->args[i]);
    switch (c->number) {
    case SYS_setsockopt:
    case SYS_getsockopt:
        a[1] = levels[below(sizeof levels / sizeof *levels)];
        a[2] = below(84);
        if (below(4) && c->number == SYS_setsockopt)
            a[4] = below(2) ? 4 : below(40);
        break;
    case SYS_ioctl:
        a[1] = command();
        break;
    case SYS_fcntl:
        a[1] = below(2) ? below(40) : 1024 + below(20);
        if (below(2))
            a[2] = place(-1);
        if (a[1] == F_SETOWN)
            a[2] = mine;
        break;
    case SYS_prctl:
        a[0] = below(78);
        if (a[0] == PR_SET_PDEATHSIG)
            a[1] = 0;
        break;
    case SYS_futex:
        a[1] = below(16) | (below(2) ? 128 : 0) | (below(3) ? 0 : 256);
        a[3] = below(2) ? place(1) : value();
        break;
    case SYS_clone: /* In its own memory, and away at once. */
        a[0] &= ~0x4300ul;
        a[1] = 0;
        if (syscall(SYS_clone, a[0], 0, a[2], 0, a[4]) == 0)
            _exit(0);
        return;
    case SYS_clone3:
        return;
    case SYS_execve:
    case SYS_execveat:
        a[1 + (c->number == SYS_execveat)] = place(0);
        break;
    case SYS_mmap:
        a[0] = below(3) ? 0 : place(-1);
        a[2] = below(8);
        a[3] = below(3) ? (below(2) ? 0x22 : 1) : value();
        if ((a[3] & 0x10) && below(8))
            a[3] &= ~0x10ul;
        break;
    case SYS_munmap:
    case SYS_mprotect:
    case SYS_mremap:
    case SYS_madvise:
    case 462: /* mseal */
        if (below(3))
            a[0] = (uint64_t)area + below(64) * 4096;
        if (below(2))
            a[1] = below(9) * 4096;
        break;
    case SYS_fchmod:
    case SYS_fchown:
    case SYS_fsetxattr:
    case SYS_fremovexattr:
        a[0] = files[below(4)];
        break;
    case SYS_fchmodat:
    case SYS_fchownat:
    case SYS_utimensat:
    case SYS_fchmodat2:
    case 442: /* mount_setattr */
        a[0] = AT_FDCWD;
        break;
    case SYS_prlimit64:
    case SYS_setrlimit:
        if (c->number == SYS_prlimit64)
            a[1] = below(17);
        else
            a[0] = below(17);
        break;
    }
    if (getenv("LIST")) {
        char line[200];
        int n = snprintf(line, sizeof line, "# %d %lx %lx %lx %lx %lx %lx\n", c->number, a[0], a[1], a[2], a[3], a[4], a[5]);
        int to = open("/dev/console", O_WRONLY | O_NOCTTY);
        write(to, line, n);
        close(to);
    }
    long got = syscall(c->number, a[0], a[1], a[2], a[3], a[4], a[5]);
    switch (c->number) {
    case SYS_openat:
    case SYS_openat2:
    case SYS_socket:
    case SYS_accept:
    case SYS_accept4:
    case SYS_dup:
    case SYS_memfd_create:
    case SYS_epoll_create1:
    case SYS_timerfd_create:
    case SYS_signalfd4:
    case SYS_eventfd2:
    case SYS_pidfd_open:
        if (got > 2)
            files[4 + below(file_count - 4)] = got;
    }
}

static void hold(int fd)
{
    if (fd >= 0 && file_count < FILES)
        files[file_count++] = fd;
}

static void open_everything(void)
{
    static const char *nodes[] = { "/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/dri/card0", "/dev/fb0",
        "/dev/input/event0", "/dev/kmsg", "/proc/self/mem", "/proc/self/maps", "/proc/self/pagemap", "/proc/self/status",
        "/proc/net/tcp", "/proc/self/mountinfo", "/proc/meminfo", "/proc/self/fd", "/sys/class", "/proc/self/environ" };
    int two[2];
    struct sockaddr_in any = { .sin_family = AF_INET };
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    hold(open("f0", O_RDWR | O_CREAT, 0644));
    hold(open("f1", O_RDWR | O_CREAT | O_APPEND, 0644));
    hold(open("f2", O_RDWR | O_CREAT | O_NONBLOCK, 0644));
    hold(memfd_create("m", MFD_ALLOW_SEALING));
    mkdir("d", 0755);
    close(open("d/f", O_RDWR | O_CREAT, 0644));
    symlink("f0", "l");
    mkfifo("fifo", 0644);
    hold(open(".", O_RDONLY));
    hold(open("d", O_PATH));
    hold(open("fifo", O_RDWR | O_NONBLOCK));
    for (int i = 0; i < 2 && pipe2(two, O_NONBLOCK) == 0; i++) {
        hold(two[0]);
        hold(two[1]);
    }
    for (int type = SOCK_STREAM; type <= SOCK_SEQPACKET; type++)
        if (type != SOCK_RAW && type != 4 && socketpair(AF_UNIX, type | SOCK_NONBLOCK, 0, two) == 0) {
            hold(two[0]);
            hold(two[1]);
        }
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), peer = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    socklen_t len = sizeof any;
    any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bind(listener, (struct sockaddr *)&any, sizeof any);
    listen(listener, 4);
    getsockname(listener, (struct sockaddr *)&any, &len);
    connect(peer, (struct sockaddr *)&any, sizeof any);
    hold(listener);
    hold(peer);
    hold(accept4(listener, NULL, NULL, SOCK_NONBLOCK));
    hold(socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0));
    hold(socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK, 0));
    hold(socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0));
    hold(socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK, 1));
    hold(socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK, below(2) ? 0 : 15));
    hold(socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, 0));
    hold(socket(AF_VSOCK, SOCK_STREAM | SOCK_NONBLOCK, 0));
    hold(epoll_create1(0));
    hold(eventfd(0, EFD_NONBLOCK));
    hold(timerfd_create(below(2) ? CLOCK_REALTIME : CLOCK_MONOTONIC, TFD_NONBLOCK));
    hold(signalfd(-1, &set, SFD_NONBLOCK));
    hold(inotify_init1(IN_NONBLOCK));
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
    if (master >= 0) {
        grantpt(master);
        unlockpt(master);
        hold(master);
        hold(open(ptsname(master), O_RDWR | O_NOCTTY | O_NONBLOCK));
    }
    for (size_t i = 0; i < sizeof nodes / sizeof *nodes; i++) {
        int fd = open(nodes[i], (strcmp(nodes[i], "/dev/kmsg") ? O_RDWR : O_RDONLY) | O_NONBLOCK | O_NOCTTY);
        hold(fd >= 0 ? fd : open(nodes[i], O_RDONLY | O_NONBLOCK | O_NOCTTY));
    }
}

static void on_signal(int signo)
{
    (void)signo;
}

static void whole_round(uint64_t seed)
{
    char name[64];
    struct rlimit lot = { 256ul << 20, 256ul << 20 }, big = { 16ul << 20, RLIM_INFINITY };
    luck = seed * 0x9e3779b97f4a7c15 | 1;
    for (int i = 0; i < 8; i++)
        draw();
    mine = getpid();
    setpgid(0, 0);
    snprintf(name, sizeof name, "r%d", mine);
    mkdir(name, 0755);
    chdir(name);
    int none = open("/dev/null", O_RDWR);
    for (int i = 0; i < 3; i++)
        dup2(none, i);
    struct sigaction act = { .sa_handler = on_signal };
    sigaction(SIGUSR1, &act, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_AS, &lot);
    setrlimit(RLIMIT_FSIZE, &big);
    area = mmap(NULL, AREA, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    open_everything();
    for (int i = 0; i < CALLS; i++)
        step();
    _exit(0);
}

/* How long a round may wait before it is interrupted, and how often. */
static void watch(pid_t pid)
{
    sigset_t chld;
    struct timespec while_ = { 0, 30000000 };
    sigemptyset(&chld);
    sigaddset(&chld, SIGCHLD);
    for (int i = 0; i < 6; i++) {
        if (waitpid(pid, NULL, WNOHANG) == pid)
            return;
        if (sigtimedwait(&chld, NULL, &while_) < 0)
            kill(pid, SIGUSR1);
    }
    kill(pid, SIGCONT);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

TEST_LIMIT(any_call_with_numbers_at_the_edge, 1200)
{
    unsigned long seed = number_of("SEED", 1), rounds = number_of("ROUNDS", 30);
    time_t until = time(NULL) + number_of("SECONDS", 0);
    pid_t pids[2];
    nt_dir();
    sigset_t chld;
    sigemptyset(&chld);
    sigaddset(&chld, SIGCHLD);
    sigprocmask(SIG_BLOCK, &chld, NULL);
    for (int p = 0; p < 2; p++) {
        pids[p] = nt_fork();
        if (pids[p])
            continue;
        for (unsigned long i = 0; i < rounds || time(NULL) < until; i++) {
            uint64_t own = seed * 1000003 + i * 2 + p;
            pid_t pid = nt_fork();
            if (pid == 0) {
                sigprocmask(SIG_UNBLOCK, &chld, NULL);
                whole_round(own);
            }
            watch(pid);
            char name[64];
            snprintf(name, sizeof name, "r%d", pid);
            nt_remove(name);
        }
        nt_done();
    }
    for (int p = 0; p < 2; p++)
        EXPECT_EXIT(pids[p], 0);
    /* The machine still does its work. */
    int two[2];
    char c = 0;
    ASSERT_OK(pipe(two));
    EXPECT_EQ(write(two[1], "!", 1), 1);
    EXPECT_EQ(read(two[0], &c, 1), 1);
    EXPECT_EQ(c, '!');
}
