/* A greeter and its clients: the server binds, listens, accepts in a loop and answers "Hello, NAME"; the client asks for
   a name on its standard input, sends it and shows the answer. Stream and datagram, piped and typed at a terminal.
   proves C1, C7, C10, C11 */
#include "nacre_test.h"
#include "unix_test.h"
#include <pty.h>

#define SERVER "hello.sock"
#define PROMPT "Your name: "

static ssize_t greet(char *answer, size_t room, const char *name, size_t length)
{
    while (length > 0 && (name[length - 1] == '\n' || name[length - 1] == '\r'))
        length--;
    return snprintf(answer, room, "Hello, %.*s\n", (int)length, name);
}

/* Serves so many clients one after the other. */
static void serve_stream(int listening, int clients)
{
    while (clients-- > 0) {
        char name[256], answer[300];
        int s = ASSERT_OK(accept(listening, NULL, NULL));
        ssize_t n = ASSERT_OK(read(s, name, sizeof name));
        n = greet(answer, sizeof answer, name, n);
        EXPECT_EQ(write(s, answer, n), n);
        close(s);
    }
    nt_done();
}

static void serve_datagrams(int bound, int clients)
{
    while (clients-- > 0) {
        char name[256], answer[300];
        struct sockaddr_un from;
        socklen_t length = sizeof from;
        ssize_t n = ASSERT_OK(recvfrom(bound, name, sizeof name, 0, (struct sockaddr *)&from, &length));
        n = greet(answer, sizeof answer, name, n);
        EXPECT_EQ(sendto(bound, answer, n, 0, (struct sockaddr *)&from, length), n);
    }
    nt_done();
}

static pid_t server(int type, int clients)
{
    int s = type == SOCK_STREAM ? listener(type, SERVER, 64) : (int)ASSERT_OK(socket(AF_UNIX, type, 0));
    if (type == SOCK_DGRAM)
        ASSERT_OK(bind_path(s, SERVER));
    pid_t pid = nt_fork();
    if (pid == 0) {
        if (type == SOCK_STREAM)
            serve_stream(s, clients);
        serve_datagrams(s, clients);
    }
    close(s);
    return pid;
}

/* The client's program: what a person sees and types. */
static int client_program(int type)
{
    char name[256], answer[300];
    ssize_t n;
    int s = socket(AF_UNIX, type, 0);
    struct sockaddr_un mine = { .sun_family = AF_UNIX };
    /* An answer needs an address to go to; the kernel chooses one. */
    if (type == SOCK_DGRAM && bind(s, (struct sockaddr *)&mine, sizeof(sa_family_t)) == -1)
        return 2;
    if (connect_path(s, SERVER) == -1)
        return 3;
    if (write(1, PROMPT, strlen(PROMPT)) == -1 || (n = read(0, name, sizeof name)) <= 0)
        return 4;
    if (write(s, name, n) != n || (n = read(s, answer, sizeof answer)) <= 0)
        return 5;
    return write(1, answer, n) == n ? 0 : 6;
}

static void piped(int type)
{
    int in[2], out[2];
    char text[300] = "";
    size_t n = 0;
    nt_dir();
    pid_t greeter = server(type, 1);
    ASSERT_OK(pipe(in));
    ASSERT_OK(pipe(out));
    pid_t asker = nt_fork();
    if (asker == 0) {
        dup2(in[0], 0);
        dup2(out[1], 1);
        close(in[1]);
        _exit(client_program(type));
    }
    close(out[1]);
    EXPECT_EQ(write(in[1], "Ada\n", 4), 4);
    close(in[1]);
    for (ssize_t got; n < sizeof text - 1 && (got = read(out[0], text + n, sizeof text - 1 - n)) > 0;)
        n += got;
    EXPECT_STREQ(text, PROMPT "Hello, Ada\n");
    EXPECT_EXIT(asker, 0);
    EXPECT_EXIT(greeter, 0);
}

static void typed(int type)
{
    int master;
    char text[300] = "";
    size_t n = 0;
    nt_dir();
    pid_t greeter = server(type, 1);
    pid_t asker = ASSERT_OK(forkpty(&master, NULL, NULL, NULL));
    if (asker == 0)
        _exit(client_program(type));
    while (n < sizeof text - 1 && !strstr(text, PROMPT)) {
        ssize_t got = ASSERT_OK(read(master, text + n, sizeof text - 1 - n));
        n += got;
    }
    /* One key after the other, one of them wrong and taken back. */
    for (const char *key = "Gracx\177e\r"; *key; key++)
        EXPECT_EQ(write(master, key, 1), 1);
    while (n < sizeof text - 1 && !strstr(text, "Hello, Grace\r\n")) {
        ssize_t got = read(master, text + n, sizeof text - 1 - n);
        if (got <= 0)
            break;
        n += got;
    }
    EXPECT_STREQ(text, PROMPT "Gracx\b \be\r\nHello, Grace\r\n");
    EXPECT_EXIT(asker, 0);
    EXPECT_EXIT(greeter, 0);
}

TEST(piped_name_is_greeted)
{
    piped(SOCK_STREAM);
}

TEST(typed_name_is_greeted)
{
    typed(SOCK_STREAM);
}

TEST(piped_name_is_greeted_by_datagram)
{
    piped(SOCK_DGRAM);
}

TEST(typed_name_is_greeted_by_datagram)
{
    typed(SOCK_DGRAM);
}

/* proves C7 */
TEST(name_may_be_written_before_the_server_accepts)
{
    char answer[300] = "";
    nt_dir();
    int l = listener(SOCK_STREAM, SERVER, 4);
    int s = client(SOCK_STREAM, SERVER);
    EXPECT_EQ(ready(l), POLLIN);
    EXPECT_EQ(write(s, "Alan", 4), 4);
    pid_t greeter = nt_fork();
    if (greeter == 0)
        serve_stream(l, 1);
    EXPECT_EQ(read(s, answer, sizeof answer - 1), 12);
    EXPECT_STREQ(answer, "Hello, Alan\n");
    EXPECT_EQ(read(s, answer, sizeof answer), 0);
    EXPECT_EXIT(greeter, 0);
}

static void ask(int type, int number)
{
    char name[32], want[48], answer[300];
    struct sockaddr_un mine = { .sun_family = AF_UNIX };
    int s = ASSERT_OK(socket(AF_UNIX, type, 0));
    if (type == SOCK_DGRAM)
        ASSERT_OK(bind(s, (struct sockaddr *)&mine, sizeof(sa_family_t)));
    ASSERT_OK(connect_path(s, SERVER));
    int n = snprintf(name, sizeof name, "client %d", number);
    int wanted = snprintf(want, sizeof want, "Hello, client %d\n", number);
    ASSERT_EQ(write(s, name, n), n);
    ASSERT_EQ(read(s, answer, sizeof answer), wanted);
    EXPECT_MEMEQ(answer, want, wanted);
    close(s);
}

static void thousand(int type)
{
    nt_dir();
    pid_t greeter = server(type, 1000);
    for (int i = 0; i < 1000; i++)
        ask(type, i);
    EXPECT_EXIT(greeter, 0);
}

/* proves C10 */
TEST(thousand_clients_are_greeted_in_turn)
{
    thousand(SOCK_STREAM);
}

TEST(thousand_datagram_clients_are_greeted_in_turn)
{
    thousand(SOCK_DGRAM);
}

static void fifty(int type)
{
    pid_t asker[50];
    nt_dir();
    pid_t greeter = server(type, 50 * 20);
    for (int i = 0; i < 50; i++) {
        asker[i] = nt_fork();
        if (asker[i] == 0) {
            for (int k = 0; k < 20; k++)
                ask(type, 20 * i + k);
            nt_done();
        }
    }
    for (int i = 0; i < 50; i++)
        EXPECT_EXIT(asker[i], 0);
    EXPECT_EXIT(greeter, 0);
}

/* proves C10 */
TEST(fifty_clients_at_once_are_greeted)
{
    fifty(SOCK_STREAM);
}

TEST(fifty_datagram_clients_at_once_are_greeted)
{
    fifty(SOCK_DGRAM);
}
