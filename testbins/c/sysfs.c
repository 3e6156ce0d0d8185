/* sysfs: how its files behave, devices by class and number, processors. */
#include "nacre_test.h"
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

static char text[8192];

static const char *get(const char *path)
{
    ssize_t n = ASSERT_OK(nt_get(path, text, sizeof text));
    text[n] = 0;
    return text;
}

TEST(device_is_found_by_class_and_by_number)
{
    char target[512] = "";
    EXPECT_STREQ(get("/sys/class/mem/null/dev"), "1:3\n");
    EXPECT_STREQ(get("/sys/class/tty/tty/dev"), "5:0\n");
    EXPECT_STREQ(get("/sys/dev/char/1:5/uevent"), "MAJOR=1\nMINOR=5\nDEVNAME=zero\nDEVMODE=0666\n");
    EXPECT_STREQ(get("/sys/class/tty/console/uevent"), "MAJOR=5\nMINOR=1\nDEVNAME=console\n");
    ASSERT_TRUE(readlink("/sys/class/mem/null", target, sizeof target - 1) > 0);
    EXPECT_STREQ(target, "../../devices/virtual/mem/null");
    memset(target, 0, sizeof target);
    ASSERT_TRUE(readlink("/sys/dev/char/1:3", target, sizeof target - 1) > 0);
    EXPECT_STREQ(target, "../../devices/virtual/mem/null");
    memset(target, 0, sizeof target);
    ASSERT_TRUE(readlink("/sys/class/mem/null/subsystem", target, sizeof target - 1) > 0);
    EXPECT_STREQ(target, "../../../../class/mem");
}

TEST(virtio_ports_are_found_by_their_names)
{
    struct dirent *e;
    char path[512], name[64], want[64];
    int ports = 0, named = 0;
    DIR *dir = opendir("/sys/class/virtio-ports");
    if (!dir)
        SKIP("no virtio console here");
    while ((e = readdir(dir))) {
        struct stat st;
        if (strncmp(e->d_name, "vport", 5))
            continue;
        ports++;
        snprintf(path, sizeof path, "/sys/class/virtio-ports/%s/name", e->d_name);
        snprintf(name, sizeof name, "%s", get(path));
        named += !strncmp(name, "nacre.", 6);
        snprintf(path, sizeof path, "/dev/%s", e->d_name);
        ASSERT_OK(stat(path, &st));
        EXPECT_EQ(st.st_mode, S_IFCHR | 0600);
        snprintf(path, sizeof path, "/sys/class/virtio-ports/%s/dev", e->d_name);
        snprintf(want, sizeof want, "%u:%u\n", major(st.st_rdev), minor(st.st_rdev));
        EXPECT_STREQ(get(path), want);
    }
    if (!ports)
        SKIP("no virtio ports here");
    EXPECT_TRUE(named > 0);
}

TEST(processors_are_listed)
{
    char want[32];
    long count = sysconf(_SC_NPROCESSORS_CONF);
    if (count == 1)
        snprintf(want, sizeof want, "0\n");
    else
        snprintf(want, sizeof want, "0-%ld\n", count - 1);
    EXPECT_STREQ(get("/sys/devices/system/cpu/online"), want);
    EXPECT_STREQ(get("/sys/devices/system/cpu/possible"), want);
    EXPECT_STREQ(get("/sys/devices/system/cpu/present"), want);
    EXPECT_STREQ(get("/sys/devices/system/cpu/offline"), "\n");
    EXPECT_OK(access("/sys/devices/system/cpu/cpu0", F_OK));
    snprintf(text, sizeof text, "/sys/devices/system/cpu/cpu%ld", count);
    EXPECT_ERRNO(access(text, F_OK), ENOENT);
}

TEST(kernel_says_what_it_is)
{
    EXPECT_STREQ(get("/sys/kernel/address_bits"), "64\n");
    EXPECT_STREQ(get("/sys/kernel/cpu_byteorder"), "little\n");
}

TEST(file_is_a_page_and_read_in_pieces)
{
    struct stat st;
    char a[2], b[8];
    int fd = ASSERT_OK(open("/sys/class/mem/zero/dev", O_RDONLY));
    ASSERT_OK(fstat(fd, &st));
    EXPECT_TRUE(S_ISREG(st.st_mode));
    EXPECT_EQ(st.st_size, 4096);
    EXPECT_EQ(st.st_mode & 07777, 0444);
    EXPECT_EQ(st.st_nlink, 1);
    EXPECT_EQ(read(fd, a, 2), 2);
    EXPECT_MEMEQ(a, "1:", 2);
    EXPECT_EQ(read(fd, b, sizeof b), 2);
    EXPECT_MEMEQ(b, "5\n", 2);
    EXPECT_EQ(read(fd, b, sizeof b), 0);
    EXPECT_EQ(pread(fd, b, 1, 2), 1);
    EXPECT_EQ(b[0], '5');
    EXPECT_EQ(lseek(fd, 0, SEEK_SET), 0);
    EXPECT_EQ(read(fd, b, sizeof b), 4);
    EXPECT_EQ(lseek(fd, -4096, SEEK_END), 0);
}

TEST(file_that_nobody_may_write_is_eacces_for_root_too)
{
    EXPECT_ERRNO(open("/sys/class/mem/null/dev", O_WRONLY), EACCES);
    EXPECT_ERRNO(open("/sys/class/mem/null/dev", O_RDWR | O_TRUNC), EACCES);
}

TEST(tree_is_the_kernels_own)
{
    struct statfs fs;
    EXPECT_ERRNO(mkdir("/sys/class/nt", 0755), EPERM);
    EXPECT_ERRNO(unlink("/sys/class/mem/null/dev"), EPERM);
    EXPECT_ERRNO(rmdir("/sys/class/mem"), EPERM);
    ASSERT_OK(statfs("/sys", &fs));
    EXPECT_EQ(fs.f_type, 0x62656572);
    EXPECT_EQ(fs.f_bsize, 4096);
}

TEST(poll_tells_of_what_was_not_read)
{
    struct pollfd p = { ASSERT_OK(open("/sys/class/mem/null/dev", O_RDONLY)), POLLIN | POLLOUT | POLLPRI, 0 };
    EXPECT_EQ(poll(&p, 1, 0), 1);
    EXPECT_EQ(p.revents, POLLIN | POLLOUT | POLLPRI | POLLERR);
    ASSERT_TRUE(read(p.fd, text, 16) > 0);
    EXPECT_EQ(poll(&p, 1, 0), 1);
    EXPECT_EQ(p.revents, POLLIN | POLLOUT);
}

TEST(every_sysfs_is_the_same)
{
    struct stat one, other;
    nt_dir();
    ASSERT_OK(mkdir("sys", 0755));
    ASSERT_OK(mount("sysfs", "sys", "sysfs", 0, NULL));
    ASSERT_OK(stat("sys/class/mem", &one));
    ASSERT_OK(stat("/sys/class/mem", &other));
    EXPECT_EQ(one.st_ino, other.st_ino);
    EXPECT_EQ(one.st_dev, other.st_dev);
    EXPECT_OK(umount("sys"));
    EXPECT_ERRNO(mount("sysfs", "sys", "sysfs", 0, "colour=red"), EINVAL);
}
