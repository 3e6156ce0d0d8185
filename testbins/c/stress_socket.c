/* Races and sudden ends of AF_UNIX sockets: eight threads, SIGKILL in mid-transfer, many idle connections. */
// proves B7
#include "nacre_test.h"
#include "unix_test.h"

#include <pthread.h>
#include <sys/resource.h>

enum { THREADS = 8 };

/* Rounds of the races; 100000 by hand: ROUNDS=100000 */
static int rounds(int usual)
{
    const char *word = getenv("ROUNDS");
    return word ? atoi(word) : usual;
}

static int open_descriptors(void)
{
    int n = 0;
    DIR *d = opendir("/proc/self/fd");
    while (d && readdir(d))
        n++;
    if (d)
        closedir(d);
    return n;
}

static long free_memory(void)
{
    char text[4096], *at;
    nt_get("/proc/meminfo", text, sizeof text);
    at = strstr(text, "MemFree:");
    return at ? atol(at + 8) : -1;
}

static int total;
static unsigned start_seed;

static void on_threads(void *(*work)(void *))
{
    pthread_t t[THREADS];
    for (long i = 0; i < THREADS; i++)
        ASSERT_EQ(pthread_create(&t[i], NULL, work, (void *)i), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(t[i], NULL);
}

/* Eight threads at one listener: connect, accept, send descriptors, shut down, close, in any order. */
static int shared_listener;
static void *crowd(void *id)
{
    unsigned seed = start_seed + (unsigned)(long)id;
    struct sockaddr_un a;
    socklen_t len = address(&a, "\0nt-race", 8);
    char buf[256];
    int zero = 0;
    for (int i = 0; i < total / THREADS; i++) {
        int c = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0), s = -1;
        if (c == -1)
            continue;
        int connected = connect(c, (struct sockaddr *)&a, len) == 0;
        if (connected && rand_r(&seed) % 2) {
            union { struct cmsghdr h; char bytes[CMSG_SPACE(4)]; } u;
            struct iovec v = { buf, 1 + rand_r(&seed) % 200 };
            struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = &u, .msg_controllen = sizeof u };
            u.h = (struct cmsghdr){ .cmsg_len = CMSG_LEN(4), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS };
            zero = rand_r(&seed) % 2 ? c : shared_listener;
            memcpy(CMSG_DATA(&u.h), &zero, 4);
            raw_sendmsg(c, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
        }
        if (rand_r(&seed) % 4)
            s = accept4(shared_listener, NULL, NULL, SOCK_NONBLOCK);
        if (s >= 0) {
            if (rand_r(&seed) % 2)
                recv(s, buf, sizeof buf, 0);
            if (rand_r(&seed) % 2)
                shutdown(s, rand_r(&seed) % 3);
            if (rand_r(&seed) % 2)
                send(s, buf, 10, MSG_NOSIGNAL);
            close(s);
        }
        if (rand_r(&seed) % 2)
            shutdown(c, rand_r(&seed) % 3);
        close(c);
    }
    return NULL;
}

TEST_LIMIT(eight_threads_connect_accept_send_shut_and_close, 1200)
{
    struct sockaddr_un a;
    socklen_t len = address(&a, "\0nt-race", 8);
    int before = open_descriptors();
    shared_listener = ASSERT_OK(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0));
    ASSERT_OK(bind(shared_listener, (struct sockaddr *)&a, len));
    ASSERT_OK(listen(shared_listener, 64));
    total = rounds(4000);
    on_threads(crowd);
    close(shared_listener);
    EXPECT_EQ(open_descriptors(), before);
    /* Connections not accepted may have carried the listener itself: it goes when it is collected. */
    int gone = 0;
    for (int i = 0; i < 6000 && !gone; i++) {
        int c = ASSERT_OK(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0));
        gone = connect(c, (struct sockaddr *)&a, len) == -1 && errno == ECONNREFUSED;
        close(c);
        nt_sleep_ms(10);
    }
    EXPECT_TRUE(gone);
}

/* Eight threads with one pair: some send, some receive, one shuts, one closes and makes the pair anew. */
static int shared[2];
static pthread_barrier_t together;
static void *jostle(void *id)
{
    int me = (int)(long)id, type = me % 2;
    unsigned seed = start_seed + (unsigned)me;
    char buf[600];
    for (int i = 0; i < total / THREADS; i++) {
        pthread_barrier_wait(&together);
        if (me == 0) {
            static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };
            ASSERT_OK(socketpair(AF_UNIX, types[i % 3] | SOCK_NONBLOCK, 0, shared));
        }
        pthread_barrier_wait(&together);
        int s = shared[type];
        for (int n = 0; n < 4; n++)
            switch (rand_r(&seed) % 6) {
            case 0:
                send(s, buf, 1 + rand_r(&seed) % 500, MSG_NOSIGNAL | (n == 3 ? MSG_OOB : 0));
                break;
            case 1:
                recv(s, buf, sizeof buf, rand_r(&seed) % 2 ? MSG_PEEK : 0);
                break;
            case 2:
                if (n == 3)
                    shutdown(s, rand_r(&seed) % 3);
                break;
            case 3:
                send_fds(s, "x", 1, &shared[rand_r(&seed) % 2], 1);
                break;
            case 4:
                poll(&(struct pollfd){ s, POLLIN | POLLOUT, 0 }, 1, 0);
                break;
            case 5:
                if (n == 3 && me >= 6)
                    recv(s, buf, sizeof buf, MSG_OOB);
                break;
            }
        pthread_barrier_wait(&together);
        if (me < 2)
            close(shared[me]);
    }
    return NULL;
}

TEST_LIMIT(eight_threads_use_shut_and_close_one_pair, 1200)
{
    int before = open_descriptors();
    pthread_barrier_init(&together, NULL, THREADS);
    total = rounds(2400);
    signal(SIGURG, SIG_IGN);
    on_threads(jostle);
    EXPECT_EQ(open_descriptors(), before);
}

/* Blocked in send, recv, accept and connect while others end the socket: everybody comes back. */
TEST_LIMIT(blocked_calls_come_back_when_the_other_end_dies, 120)
{
    nt_dir();
    for (int i = 0; i < 40; i++) {
        int s[2];
        pair(i % 2 ? SOCK_STREAM : SOCK_SEQPACKET, s);
        pid_t pid = nt_fork();
        if (pid == 0) {
            static char big[4096];
            signal(SIGPIPE, SIG_IGN);
            close(s[1]);
            if (i % 4 < 2)
                while (write(s[0], big, sizeof big) > 0)
                    ;
            else
                while (read(s[0], big, sizeof big) > 0)
                    ;
            nt_done();
        }
        close(s[0]);
        if (i % 3 == 0)
            nt_sleep_ms(2);
        close(s[1]);
        EXPECT_EXIT(pid, 0);
    }
}

TEST_LIMIT(sigkill_in_mid_transfer_ends_the_other_side, 120)
{
    for (int i = 0; i < 60; i++) {
        int s[2];
        static char block[65536];
        pair(i % 2 ? SOCK_STREAM : SOCK_SEQPACKET, s);
        pid_t pid = nt_fork();
        if (pid == 0) {
            close(s[1]);
            for (int fd = 0;;)
                if (send_fds(s[0], block, sizeof block / 8, &fd, 1) == -1)
                    _exit(1);
        }
        close(s[0]);
        size_t sum = 0;
        ssize_t n;
        while ((n = read(s[1], block, sizeof block)) > 0)
            if ((sum += n) > 300000 && pid > 0) {
                kill(pid, SIGKILL);
                EXPECT_KILLED(pid, SIGKILL);
                pid = 0;
            }
        EXPECT_TRUE(n == 0 || errno == ECONNRESET);
        close(s[1]);
    }
}

TEST_LIMIT(sigkill_of_a_server_with_a_full_queue_resets_its_clients, 120)
{
    nt_dir();
    for (int i = 0; i < 20; i++) {
        unlink("sock");
        int ready_pipe[2];
        ASSERT_OK(pipe(ready_pipe));
        pid_t pid = nt_fork();
        if (pid == 0) {
            listener(SOCK_STREAM, "sock", 4);
            write(ready_pipe[1], "x", 1);
            pause();
        }
        char c;
        read(ready_pipe[0], &c, 1);
        int clients[5];
        for (int n = 0; n < 5; n++)
            clients[n] = client(SOCK_STREAM, "sock");
        kill(pid, SIGKILL);
        EXPECT_KILLED(pid, SIGKILL);
        for (int n = 0; n < 5; n++) {
            EXPECT_ERRNO(recv(clients[n], &c, 1, 0), ECONNRESET);
            close(clients[n]);
        }
        close(ready_pipe[0]);
        close(ready_pipe[1]);
    }
}

static int descriptors_to(int want)
{
    struct rlimit limit = { want, want };
    return setrlimit(RLIMIT_NOFILE, &limit);
}

/* Ten thousand connections that nobody uses: what each costs, in the program's descriptors and the kernel's memory. */
TEST_LIMIT(ten_thousand_idle_connections_are_cheap, 120)
{
    enum { CONNECTIONS = 10000 };
    if (descriptors_to(2 * CONNECTIONS + 64) == -1)
        SKIP("no room for so many descriptors");
    int s[2];
    for (int i = 0; i < 100; i++)
        pair(SOCK_STREAM, s);
    long before = free_memory();
    for (int i = 100; i < CONNECTIONS; i++)
        ASSERT_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    long after = free_memory();
    long each = (before - after) * 1024 / (CONNECTIONS - 100);
    nt_say("# %ld bytes a connection of two sockets\n", each);
    /* Linux takes about 4,700; ours is bounded in the kernel's own tests. */
    EXPECT_TRUE(each < 8192);
}
