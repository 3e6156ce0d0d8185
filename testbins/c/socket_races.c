/*
 * Connections that end while they begin: threads that do one against the other, where a gap between two steps of the
 * kernel would leave somebody waiting for ever.
 */
#include "nacre_test.h"
#include "inet_test.h"
#include <pthread.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

enum { LIMIT = 240, CLIENTS = 3, CONNECTIONS = 400 };

static volatile int over;

static int unix_listener(int type, struct sockaddr_un *name, socklen_t *len)
{
    int fd = ASSERT_OK(socket(AF_UNIX, type | SOCK_NONBLOCK, 0));
    memset(name, 0, sizeof *name);
    name->sun_family = AF_UNIX;
    *len = offsetof(struct sockaddr_un, sun_path) + 1 + snprintf(name->sun_path + 1, 40, "races-%d", (int)getpid());
    ASSERT_OK(bind(fd, (struct sockaddr *)name, *len));
    ASSERT_OK(listen(fd, 1));
    return fd;
}

/* Accepts without waiting to be told, and lets go at once. */
static void *accept_and_close(void *arg)
{
    while (!over) {
        int fd = accept(*(int *)arg, NULL, NULL);
        if (fd >= 0)
            close(fd);
    }
    return NULL;
}

struct client {
    int type;
    struct sockaddr_un name;
    socklen_t len;
};

/* Connects and reads: the end always comes. */
static void *connect_and_read(void *arg)
{
    struct client *to = arg;
    char byte;
    for (int i = 0; i < CONNECTIONS; i++) {
        int fd = ASSERT_OK(socket(AF_UNIX, to->type, 0));
        ASSERT_OK(connect(fd, (struct sockaddr *)&to->name, to->len));
        ssize_t n = read(fd, &byte, 1);
        ASSERT_TRUE(n == 0 || (n == -1 && errno == ECONNRESET));
        close(fd);
    }
    return NULL;
}

static void closed_at_once(int type)
{
    struct client to = { .type = type };
    pthread_t servers[2], clients[CLIENTS];
    int fd = unix_listener(type, &to.name, &to.len);
    for (int i = 0; i < 2; i++)
        ASSERT_EQ(pthread_create(&servers[i], NULL, accept_and_close, &fd), 0);
    for (int i = 0; i < CLIENTS; i++)
        ASSERT_EQ(pthread_create(&clients[i], NULL, connect_and_read, &to), 0);
    for (int i = 0; i < CLIENTS; i++)
        pthread_join(clients[i], NULL);
    over = 1;
    for (int i = 0; i < 2; i++)
        pthread_join(servers[i], NULL);
}

TEST_LIMIT(a_stream_that_is_accepted_and_closed_at_once_ends, LIMIT)
{
    closed_at_once(SOCK_STREAM);
}

TEST_LIMIT(a_sequence_that_is_accepted_and_closed_at_once_ends, LIMIT)
{
    closed_at_once(SOCK_SEQPACKET);
}

struct twin {
    int fd;
    struct client *to;
    volatile int *go;
    int answer;
};

static void *connect_as_twin(void *arg)
{
    struct twin *twin = arg;
    while (!*twin->go)
        ;
    twin->answer = connect(twin->fd, (struct sockaddr *)&twin->to->name, twin->to->len) == 0 ? 0 : errno;
    return NULL;
}

/* Two threads connect one socket: one does it, the other hears so, and one connection comes out of it. */
TEST_LIMIT(two_connects_of_one_socket_make_one_connection, LIMIT)
{
    struct client to = { .type = SOCK_STREAM };
    int listener = unix_listener(SOCK_STREAM, &to.name, &to.len);
    ASSERT_OK(listen(listener, 8));
    for (int i = 0; i < 300; i++) {
        volatile int go = 0;
        int fd = ASSERT_OK(socket(AF_UNIX, SOCK_STREAM, 0));
        struct twin twins[2] = { { fd, &to, &go, -1 }, { fd, &to, &go, -1 } };
        pthread_t threads[2];
        for (int n = 0; n < 2; n++)
            ASSERT_EQ(pthread_create(&threads[n], NULL, connect_as_twin, &twins[n]), 0);
        go = 1;
        for (int n = 0; n < 2; n++)
            pthread_join(threads[n], NULL);
        ASSERT_EQ(twins[0].answer + twins[1].answer, EISCONN);
        int server = ASSERT_OK(accept(listener, NULL, NULL));
        ASSERT_EQ(accept(listener, NULL, NULL), -1);
        close(server);
        close(fd);
    }
}

static int own_listener(void)
{
    int fd = ASSERT_OK(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
    struct sockaddr_in name = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    ASSERT_OK(bind(fd, (struct sockaddr *)&name, sizeof name));
    ASSERT_OK(listen(fd, 64));
    return fd;
}

struct caller {
    int fd;
    volatile int *turn;
    int at;
};

static void *shut_when_told(void *arg)
{
    struct caller *caller = arg;
    while (*caller->turn != caller->at)
        ;
    shutdown(caller->fd, SHUT_RDWR);
    return NULL;
}

/* Whatever comes first: if there is a server's end, it hears of the client's. */
TEST_LIMIT(a_tcp_client_shut_in_mid_connect_leaves_nobody_waiting, LIMIT)
{
    struct sockaddr_in name;
    socklen_t len = sizeof name;
    int listener = own_listener();
    ASSERT_OK(getsockname(listener, (struct sockaddr *)&name, &len));
    for (int i = 0; i < 300; i++) {
        volatile int turn = -1;
        pthread_t thread;
        char byte;
        int fd = ASSERT_OK(socket(AF_INET, SOCK_STREAM, 0));
        struct caller caller = { fd, &turn, i };
        ASSERT_EQ(pthread_create(&thread, NULL, shut_when_told, &caller), 0);
        turn = i;
        int connected = connect(fd, (struct sockaddr *)&name, sizeof name);
        pthread_join(thread, NULL);
        struct pollfd poller = { .fd = listener, .events = POLLIN };
        if (connected == 0)
            ASSERT_EQ(poll(&poller, 1, -1), 1);
        int server = accept(listener, NULL, NULL);
        if (server >= 0) {
            shutdown(fd, SHUT_RDWR);
            ssize_t n = read(server, &byte, 1);
            ASSERT_TRUE(n == 0 || (n == -1 && errno == ECONNRESET));
            close(server);
        }
        close(fd);
    }
}
