/* No fixed pool: as many connections as there are descriptors, and memory that comes back. */
// proves B8
#include "nacre_test.h"
#include "inet_test.h"
#include <sys/resource.h>

static long free_kib(void)
{
    char text[4096], *at;
    nt_get("/proc/meminfo", text, sizeof text);
    at = strstr(text, "MemFree:");
    return at ? atol(at + 8) : -1;
}

static int descriptors_to(int want)
{
    struct rlimit limit = { want, want };
    return setrlimit(RLIMIT_NOFILE, &limit);
}

TEST_LIMIT(ten_thousand_tcp_sockets_are_open_at_once, 300)
{
    enum { PAIRS = 5000 };
    static int s[PAIRS][2];
    int port, l;
    char c;
    if (descriptors_to(2 * PAIRS + 64) == -1)
        SKIP("no room for so many descriptors");
    l = tcp_listener(16, &port);
    for (int i = 0; i < PAIRS; i++) {
        s[i][0] = tcp_client(port);
        s[i][1] = ASSERT_OK(accept(l, NULL, NULL));
    }
    /* Each is a connection of its own still, the first as the last. */
    for (int i = 0; i < PAIRS; i += 7)
        ASSERT_EQ(write(s[i][0], &(char){ i % 100 }, 1), 1);
    for (int i = 0; i < PAIRS; i += 7) {
        ASSERT_EQ(read(s[i][1], &c, 1), 1);
        ASSERT_EQ(c, i % 100);
    }
    EXPECT_ERRNO(recv(s[1][1], &c, 1, MSG_DONTWAIT), EAGAIN);
}

static void connect_and_close(int times)
{
    struct linger at_once = { 1, 0 };
    int port, l = tcp_listener(16, &port);
    for (int i = 0; i < times; i++) {
        int c = tcp_client(port), s = ASSERT_OK(accept(l, NULL, NULL));
        /* Nobody rests in TIME_WAIT. */
        ASSERT_OK(setsockopt(c, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once));
        close(c);
        close(s);
    }
    close(l);
}

TEST_LIMIT(ten_thousand_connections_leave_memory_as_it_was, 300)
{
    connect_and_close(500);
    long before = free_kib(), after = 0;
    connect_and_close(10000);
    for (int i = 0; i < 6000 && (after = free_kib()) < before - 4096; i++)
        nt_sleep_ms(10);
    nt_say("# %ld KiB free before, %ld after\n", before, after);
    /* 420 bytes left behind by each would be too many. */
    EXPECT_TRUE(after >= before - 4096);
}
