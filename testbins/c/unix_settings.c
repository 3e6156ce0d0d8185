/* What /proc shows and sets of AF_UNIX (man 5 proc). */
#include "nacre_test.h"
#include "unix_test.h"

/* proves A6 */
TEST(proc_net_unix_has_linuxs_columns)
{
    static char text[65536];
    char want[128];
    nt_dir();
    int l = listener(SOCK_STREAM, "columns", 1);
    struct stat st;
    fstat(l, &st);
    ASSERT_TRUE(nt_get("/proc/net/unix", text, sizeof text) > 0);
    EXPECT_TRUE(strncmp(text, "Num       RefCount Protocol Flags    Type St Inode Path\n", 56) == 0);
    snprintf(want, sizeof want, ": 00000002 00000000 00010000 0001 01 %5lu columns\n", (unsigned long)st.st_ino);
    EXPECT_TRUE(strstr(text, want) != NULL);
    struct sockaddr_un a;
    socklen_t len = abstract(&a, "nt-columns");
    int d = ASSERT_OK(socket(AF_UNIX, SOCK_DGRAM, 0));
    ASSERT_OK(bind(d, (struct sockaddr *)&a, len));
    fstat(d, &st);
    nt_get("/proc/net/unix", text, sizeof text);
    snprintf(want, sizeof want, ": 00000002 00000000 00000000 0002 01 %5lu @nt-columns\n", (unsigned long)st.st_ino);
    EXPECT_TRUE(strstr(text, want) != NULL);
    int s[2];
    pair(SOCK_SEQPACKET, s);
    fstat(s[0], &st);
    nt_get("/proc/net/unix", text, sizeof text);
    snprintf(want, sizeof want, ": 00000003 00000000 00000000 0005 03 %5lu\n", (unsigned long)st.st_ino);
    EXPECT_TRUE(strstr(text, want) != NULL);
}

static long setting(const char *path)
{
    char text[64];
    return nt_get(path, text, sizeof text) > 0 ? atol(text) : -1;
}

/* proves A7 */
TEST(settings_have_linuxs_defaults)
{
    EXPECT_EQ(setting("/proc/sys/net/core/somaxconn"), 4096);
    EXPECT_EQ(setting("/proc/sys/net/core/wmem_default"), 212992);
    EXPECT_EQ(setting("/proc/sys/net/core/wmem_max"), 212992);
    EXPECT_EQ(setting("/proc/sys/net/core/rmem_default"), 212992);
    EXPECT_EQ(setting("/proc/sys/net/core/rmem_max"), 212992);
    EXPECT_EQ(setting("/proc/sys/net/core/optmem_max"), 131072);
    EXPECT_TRUE(setting("/proc/sys/net/unix/max_dgram_qlen") >= 10);
}

TEST(settings_set)
{
    nt_dir();
    nt_put("/proc/sys/net/core/somaxconn", "1\n");
    nt_put("/proc/sys/net/core/wmem_max", "10000\n");
    nt_put("/proc/sys/net/core/wmem_default", "20000\n");
    listener(SOCK_STREAM, "sock", 100);
    client(SOCK_STREAM, "sock");
    client(SOCK_STREAM, "sock");
    int c = ASSERT_OK(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0));
    EXPECT_EQ(option(c, SO_SNDBUF), 20000);
    set_option(c, SO_SNDBUF, 100000);
    EXPECT_EQ(option(c, SO_SNDBUF), 20000);
    EXPECT_ERRNO(connect_path(c, "sock"), EAGAIN);
    nt_put("/proc/sys/net/core/somaxconn", "4096\n");
    nt_put("/proc/sys/net/core/wmem_max", "212992\n");
    nt_put("/proc/sys/net/core/wmem_default", "212992\n");
}
