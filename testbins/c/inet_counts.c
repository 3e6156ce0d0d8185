/* What IP counts, as tools read it: names and figures in two lines, or a name and a figure in each. */
/* proves B12, D13 */
#include "nacre_test.h"
#include "inet_test.h"

/* The figure of a column of a group; -1 when there is none. */
static long figure(const char *path, const char *group, const char *column)
{
    static char names[4096], figures[4096];
    long found = -1;
    FILE *f = fopen(path, "r");
    ASSERT_TRUE(f);
    while (found < 0 && fgets(names, sizeof names, f) && fgets(figures, sizeof figures, f)) {
        char *a, *b, *name = strtok_r(names, " \n", &a), *one = strtok_r(figures, " \n", &b);
        EXPECT_STREQ(one, name);
        if (strcmp(name, group) != 0)
            continue;
        while ((name = strtok_r(NULL, " \n", &a))) {
            one = strtok_r(NULL, " \n", &b);
            ASSERT_TRUE(one);
            if (strcmp(name, column) == 0)
                found = strtol(one, NULL, 10);
        }
        EXPECT_TRUE(!strtok_r(NULL, " \n", &b));
    }
    fclose(f);
    return found;
}

static long figure6(const char *column)
{
    char line[256], name[64];
    long value, found = -1;
    FILE *f = fopen("/proc/net/snmp6", "r");
    ASSERT_TRUE(f);
    while (fgets(line, sizeof line, f))
        if (sscanf(line, "%63s %ld", name, &value) == 2 && strcmp(name, column) == 0)
            found = value;
    fclose(f);
    return found;
}

TEST(counts_of_udp_lite_are_its_own)
{
    char byte;
    int s = ASSERT_OK(socket(AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE));
    int s6 = ASSERT_OK(socket(AF_INET6, SOCK_DGRAM, IPPROTO_UDPLITE));
    ASSERT_OK(bind4(s, "127.0.0.1", 0));
    ASSERT_OK(connect4(s, "127.0.0.1", port_of(s)));
    ASSERT_OK(bind6(s6, "::1", 0));
    ASSERT_OK(connect6(s6, "::1", port_of(s6)));
    long before = figure("/proc/net/snmp", "UdpLite:", "OutDatagrams");
    long udp = figure("/proc/net/snmp", "Udp:", "OutDatagrams");
    long before6 = figure6("UdpLite6InDatagrams");
    ASSERT_EQ(send(s, "x", 1, 0), 1);
    EXPECT_EQ(recv(s, &byte, 1, 0), 1);
    ASSERT_EQ(send(s6, "x", 1, 0), 1);
    EXPECT_EQ(recv(s6, &byte, 1, 0), 1);
    EXPECT_EQ(figure("/proc/net/snmp", "UdpLite:", "OutDatagrams"), before + 1);
    EXPECT_TRUE(figure("/proc/net/snmp", "UdpLite:", "InDatagrams") >= 1);
    EXPECT_EQ(figure("/proc/net/snmp", "Udp:", "OutDatagrams"), udp);
    EXPECT_EQ(figure6("UdpLite6InDatagrams"), before6 + 1);
}

TEST(counts_of_what_is_lost_have_their_columns)
{
    const char *ip[] = { "ReasmTimeout", "ReasmReqds", "ReasmOKs", "ReasmFails" };
    const char *tcp[] = { "InErrs", "OutRsts", "InCsumErrors" };
    for (unsigned i = 0; i < sizeof ip / sizeof *ip; i++)
        EXPECT_TRUE(figure("/proc/net/snmp", "Ip:", ip[i]) >= 0);
    for (unsigned i = 0; i < sizeof tcp / sizeof *tcp; i++)
        EXPECT_TRUE(figure("/proc/net/snmp", "Tcp:", tcp[i]) >= 0);
    EXPECT_TRUE(figure6("Ip6ReasmTimeout") >= 0);
    EXPECT_TRUE(figure6("Ip6ReasmFails") >= 0);
}

static void is_setting(const char *path, const char *first, const char *second)
{
    char text[32];
    EXPECT_TRUE(nt_get(path, text, sizeof text) > 0);
    EXPECT_STREQ(text, first);
    nt_put(path, second);
    EXPECT_TRUE(nt_get(path, text, sizeof text) > 0);
    EXPECT_STREQ(text, second);
    nt_put(path, first);
}

TEST(pieces_of_packets_have_limits)
{
    is_setting("/proc/sys/net/ipv4/ipfrag_high_thresh", "4194304\n", "4194305\n");
    is_setting("/proc/sys/net/ipv4/ipfrag_time", "30\n", "31\n");
    is_setting("/proc/sys/net/ipv6/ip6frag_high_thresh", "4194304\n", "4194305\n");
    is_setting("/proc/sys/net/ipv6/ip6frag_time", "60\n", "61\n");
}

TEST(counts_of_octets_have_their_columns)
{
    const char *columns[] = { "InMcastPkts", "OutMcastPkts", "InBcastPkts", "OutBcastPkts", "InOctets", "OutOctets" };
    for (unsigned i = 0; i < sizeof columns / sizeof *columns; i++)
        EXPECT_TRUE(figure("/proc/net/netstat", "IpExt:", columns[i]) >= 0);
    EXPECT_TRUE(figure6("Ip6InOctets") >= 0);
    EXPECT_TRUE(figure6("Ip6OutMcastPkts") >= 0);
}
