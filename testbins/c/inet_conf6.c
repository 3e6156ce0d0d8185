/* What is set for IPv6 of each interface, below /proc/sys/net/ipv6/conf. */
/* proves D14 */
#include "nacre_test.h"
#include "inet_test.h"

#define CONF "/proc/sys/net/ipv6/conf/"

static long number(const char *path)
{
    char text[64] = "";
    int f = ASSERT_OK(open(path, O_RDONLY));
    ASSERT_TRUE(read(f, text, sizeof text - 1) > 0);
    close(f);
    return strtol(text, NULL, 10);
}

/* 0, or the error of the write. */
static int put(const char *path, const char *text)
{
    int f = ASSERT_OK(open(path, O_WRONLY));
    int error = write(f, text, strlen(text)) < 0 ? errno : 0;
    close(f);
    return error;
}

TEST(conf6_has_what_holds_for_all_and_for_new_interfaces)
{
    const struct {
        const char *name;
        long all, fresh;
    } known[] = {
        { "accept_dad", 0, 1 },
        { "accept_ra", 1, 1 },
        { "accept_ra_defrtr", 1, 1 },
        { "accept_ra_min_hop_limit", 1, 1 },
        { "accept_ra_mtu", 1, 1 },
        { "accept_ra_pinfo", 1, 1 },
        { "addr_gen_mode", 0, 0 },
        { "autoconf", 1, 1 },
        { "dad_transmits", 1, 1 },
        { "disable_ipv6", 0, 0 },
        { "forwarding", 0, 0 },
        { "hop_limit", 64, 64 },
        { "max_addresses", 16, 16 },
        { "mtu", 1280, 1280 },
        { "ra_defrtr_metric", 1024, 1024 },
        { "router_solicitation_delay", 1, 1 },
        { "router_solicitation_interval", 4, 4 },
        { "router_solicitation_max_interval", 3600, 3600 },
        { "router_solicitations", -1, -1 },
        { "use_tempaddr", 0, 0 },
    };
    for (unsigned i = 0; i < sizeof known / sizeof *known; i++) {
        char path[128];
        snprintf(path, sizeof path, CONF "all/%s", known[i].name);
        EXPECT_EQ(number(path), known[i].all);
        snprintf(path, sizeof path, CONF "default/%s", known[i].name);
        EXPECT_EQ(number(path), known[i].fresh);
        snprintf(path, sizeof path, CONF "lo/%s", known[i].name);
        EXPECT_OK(access(path, R_OK));
    }
    EXPECT_EQ(number(CONF "lo/mtu"), 65536);
}

TEST(conf6_takes_what_can_be)
{
    EXPECT_EQ(put(CONF "lo/hop_limit", "33"), 0);
    EXPECT_EQ(number(CONF "lo/hop_limit"), 33);
    EXPECT_EQ(put(CONF "lo/hop_limit", "0"), EINVAL);
    EXPECT_EQ(put(CONF "lo/hop_limit", "256"), EINVAL);
    EXPECT_EQ(number(CONF "lo/hop_limit"), 33);
    EXPECT_EQ(put(CONF "lo/hop_limit", "64"), 0);
    EXPECT_EQ(put(CONF "lo/mtu", "1279"), EINVAL);
    EXPECT_EQ(put(CONF "lo/mtu", "70000"), EINVAL);
    EXPECT_EQ(put(CONF "lo/mtu", "9000"), 0);
    EXPECT_EQ(number(CONF "lo/mtu"), 9000);
    EXPECT_EQ(put(CONF "lo/mtu", "65536"), 0);
    EXPECT_EQ(put(CONF "lo/router_solicitations", "-2"), EINVAL);
    EXPECT_EQ(put(CONF "default/accept_ra", "2"), 0);
    EXPECT_EQ(number(CONF "default/accept_ra"), 2);
    EXPECT_EQ(number(CONF "lo/accept_ra"), 1);
    EXPECT_EQ(put(CONF "default/accept_ra", "1"), 0);
}

TEST(conf6_is_roots)
{
    int pid = ASSERT_OK(fork());
    if (pid == 0) {
        if (setgid(1000) || setuid(1000))
            _exit(1);
        _exit(open(CONF "lo/hop_limit", O_WRONLY) < 0 && errno == EACCES ? 0 : 2);
    }
    EXPECT_EXIT(pid, 0);
}

TEST(conf6_turns_the_loopback_off_and_on)
{
    int s = ASSERT_OK(socket(AF_INET6, SOCK_DGRAM, 0));
    EXPECT_EQ(put(CONF "lo/disable_ipv6", "1"), 0);
    EXPECT_EQ(number(CONF "lo/disable_ipv6"), 1);
    EXPECT_ERRNO(bind6(s, "::1", 0), EADDRNOTAVAIL);
    EXPECT_EQ(put(CONF "lo/disable_ipv6", "0"), 0);
    EXPECT_OK(bind6(s, "::1", 0));
}
