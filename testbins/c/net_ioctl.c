/* Interfaces, addresses, routes by ioctl (man 7 netdevice). On lo, which every machine has. */
#include "nacre_test.h"
#include <arpa/inet.h>
#include <grp.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <net/route.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

__attribute__((constructor)) static void lo_up(void)
{
    int fd = open("/sys/class/net/lo/flags", O_WRONLY);
    if (fd >= 0) {
        write(fd, "0x1", 3);
        close(fd);
    }
}

static int s4(void)
{
    return ASSERT_OK(socket(AF_INET, SOCK_STREAM, 0));
}

static struct ifreq request(const char *name)
{
    struct ifreq r;
    memset(&r, 0, sizeof r);
    strcpy(r.ifr_name, name);
    return r;
}

static void set_ip(struct ifreq *r, const char *ip)
{
    struct sockaddr_in a = { .sin_family = AF_INET };
    inet_pton(AF_INET, ip, &a.sin_addr);
    memcpy(&r->ifr_addr, &a, sizeof a);
}

static unsigned ip_of(const struct ifreq *r)
{
    struct sockaddr_in a;
    memcpy(&a, &r->ifr_addr, sizeof a);
    return ntohl(a.sin_addr.s_addr);
}

/* proves D13 E11 */
TEST(ioctl_index_and_name)
{
    int s = s4();
    struct ifreq r = request("lo");
    EXPECT_OK(ioctl(s, SIOCGIFINDEX, &r));
    EXPECT_EQ(r.ifr_ifindex, 1);
    memset(r.ifr_name, 0, sizeof r.ifr_name);
    EXPECT_OK(ioctl(s, SIOCGIFNAME, &r));
    EXPECT_STREQ(r.ifr_name, "lo");
    r.ifr_ifindex = 9999;
    EXPECT_ERRNO(ioctl(s, SIOCGIFNAME, &r), ENODEV);
}

TEST(ioctl_unknown_interface)
{
    int s = s4();
    struct ifreq r = request("nix9");
    EXPECT_ERRNO(ioctl(s, SIOCGIFINDEX, &r), ENODEV);
    EXPECT_ERRNO(ioctl(s, SIOCGIFFLAGS, &r), ENODEV);
    EXPECT_ERRNO(ioctl(s, SIOCGIFADDR, &r), ENODEV);
    EXPECT_ERRNO(ioctl(s, SIOCSIFMTU, &r), ENODEV);
    EXPECT_ERRNO(ioctl(s, SIOCGIFINDEX, NT_BAD), EFAULT);
    EXPECT_ERRNO(ioctl(s, SIOCGIFADDR, NT_BAD), EFAULT);
}

TEST(ioctl_flags_of_lo)
{
    int s = s4();
    struct ifreq r = request("lo");
    EXPECT_OK(ioctl(s, SIOCGIFFLAGS, &r));
    EXPECT_EQ(r.ifr_flags, IFF_UP | IFF_LOOPBACK | IFF_RUNNING);
}

TEST(ioctl_address_mask_and_broadcast_of_lo)
{
    int s = s4();
    struct ifreq r = request("lo");
    EXPECT_OK(ioctl(s, SIOCGIFADDR, &r));
    EXPECT_EQ(r.ifr_addr.sa_family, AF_INET);
    EXPECT_EQ(ip_of(&r), 0x7f000001);
    r = request("lo");
    EXPECT_OK(ioctl(s, SIOCGIFNETMASK, &r));
    EXPECT_EQ(ip_of(&r), 0xff000000);
    r = request("lo");
    EXPECT_OK(ioctl(s, SIOCGIFBRDADDR, &r));
    EXPECT_EQ(ip_of(&r), 0);
    r = request("lo");
    EXPECT_OK(ioctl(s, SIOCGIFDSTADDR, &r));
    EXPECT_EQ(ip_of(&r), 0x7f000001);
}

TEST(ioctl_numbers_of_lo)
{
    int s = s4();
    struct ifreq r = request("lo");
    EXPECT_OK(ioctl(s, SIOCGIFMTU, &r));
    EXPECT_EQ(r.ifr_mtu, 65536);
    r = request("lo");
    EXPECT_OK(ioctl(s, SIOCGIFMETRIC, &r));
    EXPECT_EQ(r.ifr_metric, 0);
    r = request("lo");
    EXPECT_OK(ioctl(s, SIOCGIFTXQLEN, &r));
    EXPECT_EQ(r.ifr_qlen, 1000);
    r = request("lo");
    EXPECT_OK(ioctl(s, SIOCGIFHWADDR, &r));
    EXPECT_EQ(r.ifr_hwaddr.sa_family, ARPHRD_LOOPBACK);
    EXPECT_MEMEQ(r.ifr_hwaddr.sa_data, "\0\0\0\0\0\0", 6);
    r = request("lo");
    memset(&r.ifr_map, 0xff, sizeof r.ifr_map);
    EXPECT_OK(ioctl(s, SIOCGIFMAP, &r));
    EXPECT_EQ(r.ifr_map.irq, 0);
}

TEST(ioctl_works_on_every_family)
{
    struct ifreq r = request("lo");
    int u = ASSERT_OK(socket(AF_UNIX, SOCK_STREAM, 0)), n = ASSERT_OK(socket(AF_NETLINK, SOCK_RAW, 0));
    int p = ASSERT_OK(socket(AF_PACKET, SOCK_DGRAM, 0)), v6 = ASSERT_OK(socket(AF_INET6, SOCK_STREAM, 0));
    EXPECT_OK(ioctl(u, SIOCGIFINDEX, &r));
    EXPECT_OK(ioctl(n, SIOCGIFFLAGS, &r));
    EXPECT_OK(ioctl(p, SIOCGIFMTU, &r));
    EXPECT_OK(ioctl(v6, SIOCGIFMTU, &r));
    /* Addresses of IPv4 are IPv4's. */
    EXPECT_ERRNO(ioctl(u, SIOCGIFADDR, &r), ENOTTY);
    EXPECT_ERRNO(ioctl(n, SIOCGIFADDR, &r), ENOTTY);
    EXPECT_ERRNO(ioctl(v6, SIOCGIFADDR, &r), ENOTTY);
    EXPECT_OK(ioctl(p, SIOCGIFADDR, &r));
    EXPECT_EQ(ip_of(&r), 0x7f000001);
    EXPECT_ERRNO(ioctl(u, 0x89ff, &r), EOPNOTSUPP);
}

TEST(ioctl_list_of_interfaces)
{
    struct ifreq all[16];
    struct ifconf c = { .ifc_len = sizeof all, .ifc_req = all };
    int s = s4(), i, lo = 0;
    EXPECT_OK(ioctl(s, SIOCGIFCONF, &c));
    EXPECT_EQ(c.ifc_len % sizeof(struct ifreq), 0);
    for (i = 0; i < c.ifc_len / (int)sizeof(struct ifreq); i++)
        lo += !strcmp(all[i].ifr_name, "lo") && ip_of(&all[i]) == 0x7f000001;
    EXPECT_EQ(lo, 1);
    i = c.ifc_len;
    c.ifc_len = 0;
    c.ifc_req = NULL;
    EXPECT_OK(ioctl(s, SIOCGIFCONF, &c));
    EXPECT_EQ(c.ifc_len, i);
    c.ifc_len = sizeof(struct ifreq) - 1;
    c.ifc_req = all;
    EXPECT_OK(ioctl(s, SIOCGIFCONF, &c));
    EXPECT_EQ(c.ifc_len, 0);
}

TEST(ioctl_alias_has_an_address_of_its_own)
{
    int s = s4();
    struct ifreq r = request("lo:7");
    EXPECT_ERRNO(ioctl(s, SIOCGIFADDR, &r), EADDRNOTAVAIL);
    set_ip(&r, "10.81.0.1");
    EXPECT_OK(ioctl(s, SIOCSIFADDR, &r));
    r = request("lo:7");
    EXPECT_OK(ioctl(s, SIOCGIFADDR, &r));
    EXPECT_EQ(ip_of(&r), 0x0a510001);
    r = request("lo:7");
    EXPECT_OK(ioctl(s, SIOCGIFNETMASK, &r));
    EXPECT_EQ(ip_of(&r), 0xff000000);
    set_ip(&r, "255.255.255.0");
    EXPECT_OK(ioctl(s, SIOCSIFNETMASK, &r));
    r = request("lo:7");
    EXPECT_OK(ioctl(s, SIOCGIFNETMASK, &r));
    EXPECT_EQ(ip_of(&r), 0xffffff00);
    /* The interface's own stays. */
    r = request("lo");
    EXPECT_OK(ioctl(s, SIOCGIFADDR, &r));
    EXPECT_EQ(ip_of(&r), 0x7f000001);
    /* Down means gone, for an alias. */
    r = request("lo:7");
    EXPECT_OK(ioctl(s, SIOCGIFFLAGS, &r));
    r.ifr_flags &= ~IFF_UP;
    EXPECT_OK(ioctl(s, SIOCSIFFLAGS, &r));
    EXPECT_ERRNO(ioctl(s, SIOCGIFADDR, &r), EADDRNOTAVAIL);
    r = request("lo");
    EXPECT_OK(ioctl(s, SIOCGIFFLAGS, &r));
    EXPECT_TRUE(r.ifr_flags & IFF_UP);
}

TEST(ioctl_bad_addresses_and_masks)
{
    int s = s4();
    struct ifreq r = request("lo:8");
    r.ifr_addr.sa_family = AF_INET6;
    EXPECT_ERRNO(ioctl(s, SIOCSIFADDR, &r), EINVAL);
    set_ip(&r, "224.0.0.1");
    EXPECT_ERRNO(ioctl(s, SIOCSIFADDR, &r), EINVAL);
    set_ip(&r, "255.255.255.0");
    EXPECT_ERRNO(ioctl(s, SIOCSIFNETMASK, &r), EADDRNOTAVAIL);
    r = request("lo");
    set_ip(&r, "255.0.255.0");
    EXPECT_ERRNO(ioctl(s, SIOCSIFNETMASK, &r), EINVAL);
}

TEST(ioctl_mtu_is_set)
{
    int s = s4();
    struct ifreq r = request("lo");
    r.ifr_mtu = 1400;
    EXPECT_OK(ioctl(s, SIOCSIFMTU, &r));
    r.ifr_mtu = 0;
    EXPECT_OK(ioctl(s, SIOCGIFMTU, &r));
    EXPECT_EQ(r.ifr_mtu, 1400);
    r.ifr_mtu = -1;
    EXPECT_ERRNO(ioctl(s, SIOCSIFMTU, &r), EINVAL);
    r.ifr_mtu = 65536;
    EXPECT_OK(ioctl(s, SIOCSIFMTU, &r));
}

static struct rtentry entry(const char *to, const char *mask, char *dev)
{
    struct rtentry e;
    struct sockaddr_in a = { .sin_family = AF_INET };
    memset(&e, 0, sizeof e);
    inet_pton(AF_INET, to, &a.sin_addr);
    memcpy(&e.rt_dst, &a, sizeof a);
    inet_pton(AF_INET, mask, &a.sin_addr);
    memcpy(&e.rt_genmask, &a, sizeof a);
    e.rt_flags = RTF_UP;
    e.rt_dev = dev;
    return e;
}

static int in_proc_route(unsigned to)
{
    char line[256];
    int found = 0;
    FILE *f = fopen("/proc/net/route", "r");
    while (f && fgets(line, sizeof line, f)) {
        char dev[32];
        unsigned dst;
        EXPECT_EQ(strlen(line), 128);
        if (sscanf(line, "%31s %x", dev, &dst) == 2 && dst == to)
            found++;
    }
    if (f)
        fclose(f);
    return found;
}

TEST(ioctl_route_comes_and_goes)
{
    int s = s4();
    struct rtentry e = entry("10.82.0.0", "255.255.0.0", "lo");
    EXPECT_OK(ioctl(s, SIOCADDRT, &e));
    EXPECT_EQ(in_proc_route(0x0000520a), 1);
    EXPECT_ERRNO(ioctl(s, SIOCADDRT, &e), EEXIST);
    EXPECT_OK(ioctl(s, SIOCDELRT, &e));
    EXPECT_EQ(in_proc_route(0x0000520a), 0);
    EXPECT_ERRNO(ioctl(s, SIOCDELRT, &e), ESRCH);
}

TEST(ioctl_route_errors)
{
    int s = s4();
    struct rtentry e = entry("10.82.0.1", "255.255.0.0", "lo");
    EXPECT_ERRNO(ioctl(s, SIOCADDRT, &e), EINVAL);
    e = entry("10.82.0.0", "255.0.255.0", "lo");
    EXPECT_ERRNO(ioctl(s, SIOCADDRT, &e), EINVAL);
    e = entry("10.82.0.0", "255.255.0.0", "nix9");
    EXPECT_ERRNO(ioctl(s, SIOCADDRT, &e), ENODEV);
    e = entry("10.82.0.0", "255.255.0.0", "lo");
    e.rt_dst.sa_family = AF_INET6;
    EXPECT_ERRNO(ioctl(s, SIOCADDRT, &e), EAFNOSUPPORT);
    e = entry("10.82.0.0", "255.255.0.0", "lo");
    e.rt_flags |= RTF_GATEWAY;
    EXPECT_ERRNO(ioctl(s, SIOCADDRT, &e), EINVAL);
    EXPECT_ERRNO(ioctl(s, SIOCADDRT, NT_BAD), EFAULT);
}

TEST(ioctl_neighbour_errors)
{
    int s = s4();
    struct arpreq a;
    struct sockaddr_in *ip = (void *)&a.arp_pa;
    memset(&a, 0, sizeof a);
    EXPECT_ERRNO(ioctl(s, SIOCGARP, &a), EPFNOSUPPORT);
    ip->sin_family = AF_INET;
    inet_pton(AF_INET, "10.83.0.1", &ip->sin_addr);
    EXPECT_ERRNO(ioctl(s, SIOCGARP, &a), ENODEV);
    strcpy(a.arp_dev, "nix9");
    EXPECT_ERRNO(ioctl(s, SIOCGARP, &a), ENODEV);
    strcpy(a.arp_dev, "lo");
    EXPECT_ERRNO(ioctl(s, SIOCGARP, &a), ENXIO);
}

TEST(ioctl_the_unprivileged_may_not_change)
{
    int s = s4();
    struct ifreq r = request("lo");
    struct rtentry e = entry("10.82.0.0", "255.255.0.0", "lo");
    ASSERT_OK(setgroups(0, NULL));
    ASSERT_OK(setresgid(1000, 1000, 1000));
    ASSERT_OK(setresuid(1000, 1000, 1000));
    EXPECT_OK(ioctl(s, SIOCGIFFLAGS, &r));
    EXPECT_ERRNO(ioctl(s, SIOCSIFFLAGS, &r), EPERM);
    EXPECT_ERRNO(ioctl(s, SIOCSIFMTU, &r), EPERM);
    EXPECT_ERRNO(ioctl(s, SIOCSIFADDR, &r), EPERM);
    EXPECT_ERRNO(ioctl(s, SIOCADDRT, &e), EPERM);
}

TEST(proc_net_dev_has_lo)
{
    char line[256];
    int rows = 0, lo = 0;
    FILE *f = fopen("/proc/net/dev", "r");
    EXPECT_TRUE(f != NULL);
    while (f && fgets(line, sizeof line, f)) {
        rows++;
        lo += !strncmp(line, "    lo: ", 8);
    }
    EXPECT_TRUE(rows >= 3);
    EXPECT_EQ(lo, 1);
}

TEST(proc_net_if_inet6_has_lo)
{
    char line[256];
    int lo = 0;
    FILE *f = fopen("/proc/net/if_inet6", "r");
    EXPECT_TRUE(f != NULL);
    while (f && fgets(line, sizeof line, f))
        lo += !strcmp(line, "00000000000000000000000000000001 01 80 10 80       lo\n");
    EXPECT_EQ(lo, 1);
}

TEST(proc_net_arp_has_its_heading)
{
    char line[256] = "";
    FILE *f = fopen("/proc/net/arp", "r");
    EXPECT_TRUE(f && fgets(line, sizeof line, f));
    EXPECT_STREQ(line, "IP address       HW type     Flags       HW address            Mask     Device\n");
}

TEST(sysfs_net_lo)
{
    char buf[64];
    int fd = ASSERT_OK(open("/sys/class/net/lo/address", O_RDONLY));
    ssize_t n = read(fd, buf, sizeof buf);
    EXPECT_EQ(n, 18);
    EXPECT_MEMEQ(buf, "00:00:00:00:00:00\n", 18);
    fd = ASSERT_OK(open("/sys/class/net/lo/type", O_RDONLY));
    EXPECT_EQ(read(fd, buf, sizeof buf), 4);
    EXPECT_MEMEQ(buf, "772\n", 4);
    fd = ASSERT_OK(open("/sys/class/net/lo/ifindex", O_RDONLY));
    EXPECT_EQ(read(fd, buf, sizeof buf), 2);
    fd = ASSERT_OK(open("/sys/class/net/lo/flags", O_WRONLY));
    EXPECT_ERRNO(write(fd, "up\n", 3), EINVAL);
}
