/* The devices without hardware: null, zero, full, random, urandom; their nodes, and devtmpfs. */
#include "nacre_test.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/vfs.h>

#define GET_ENTROPY_COUNT _IOR('R', 0x00, int)
#define ADD_TO_ENTROPY_COUNT _IOW('R', 0x01, int)
#define ADD_ENTROPY _IOW('R', 0x03, int[2])
#define RESEED _IO('R', 0x07)

static void check_node(const char *name, int major, int minor, int mode)
{
    char path[64];
    struct stat st;
    snprintf(path, sizeof path, "/dev/%s", name);
    ASSERT_OK(stat(path, &st));
    EXPECT_TRUE(S_ISCHR(st.st_mode));
    EXPECT_EQ(major(st.st_rdev), major);
    EXPECT_EQ(minor(st.st_rdev), minor);
    EXPECT_EQ(st.st_mode & 07777, mode);
    EXPECT_EQ(st.st_uid, 0);
    EXPECT_EQ(st.st_size, 0);
}

TEST(nodes_have_linux_numbers_and_modes)
{
    check_node("null", 1, 3, 0666);
    check_node("zero", 1, 5, 0666);
    check_node("full", 1, 7, 0666);
    check_node("random", 1, 8, 0666);
    check_node("urandom", 1, 9, 0666);
    check_node("kmsg", 1, 11, 0644);
    check_node("tty", 5, 0, 0666);
    check_node("console", 5, 1, 0600);
    check_node("ptmx", 5, 2, 0666);
}

TEST(null_is_empty_and_takes_everything)
{
    char buf[16] = "unchanged";
    int fd = ASSERT_OK(open("/dev/null", O_RDWR));
    EXPECT_EQ(read(fd, buf, sizeof buf), 0);
    EXPECT_EQ(write(fd, buf, sizeof buf), 16);
    EXPECT_EQ(write(fd, NT_BAD, 1 << 20), 1 << 20);
    EXPECT_EQ(read(fd, NT_BAD, 100), 0);
    struct iovec two[2] = { { buf, 7 }, { buf, 9 } };
    EXPECT_EQ(writev(fd, two, 2), 16);
    EXPECT_STREQ(buf, "unchanged");
}

TEST(null_has_no_position)
{
    char c;
    int fd = ASSERT_OK(open("/dev/null", O_RDWR));
    EXPECT_EQ(lseek(fd, 100, SEEK_SET), 0);
    EXPECT_EQ(lseek(fd, -5, SEEK_END), 0);
    EXPECT_EQ(lseek(fd, 0, SEEK_CUR), 0);
    EXPECT_EQ(pread(fd, &c, 1, 50), 0);
    EXPECT_EQ(pwrite(fd, &c, 1, 50), 1);
    EXPECT_ERRNO(ftruncate(fd, 0), EINVAL);
    EXPECT_ERRNO(fsync(fd), EINVAL);
}

TEST(null_refuses_what_a_plain_device_refuses)
{
    int value;
    int fd = ASSERT_OK(open("/dev/null", O_RDWR | O_CREAT | O_TRUNC | O_APPEND, 0600));
    EXPECT_ERRNO(ioctl(fd, FIONREAD, &value), ENOTTY);
    EXPECT_ERRNO(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0), ENODEV);
    struct pollfd p = { fd, POLLIN | POLLOUT, 0 };
    EXPECT_EQ(poll(&p, 1, 0), 1);
    EXPECT_EQ(p.revents, POLLIN | POLLOUT);
    int ep = ASSERT_OK(epoll_create1(0));
    struct epoll_event e = { .events = EPOLLIN };
    EXPECT_ERRNO(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e), EPERM);
}

TEST(zero_reads_zeroes)
{
    char buf[10000], zeroes[10000] = { 0 };
    memset(buf, 'x', sizeof buf);
    int fd = ASSERT_OK(open("/dev/zero", O_RDWR));
    EXPECT_EQ(read(fd, buf, sizeof buf), sizeof buf);
    EXPECT_MEMEQ(buf, zeroes, sizeof buf);
    EXPECT_EQ(write(fd, buf, 100), 100);
    EXPECT_ERRNO(read(fd, NT_BAD, 100), EFAULT);
    EXPECT_EQ(lseek(fd, 10, SEEK_SET), 0);
}

TEST(zero_mapped_privately_is_memory_of_ones_own)
{
    int fd = ASSERT_OK(open("/dev/zero", O_RDWR));
    char *a = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    char *b = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    ASSERT_TRUE(a != MAP_FAILED && b != MAP_FAILED);
    EXPECT_EQ(a[5000], 0);
    a[5000] = 1;
    EXPECT_EQ(b[5000], 0);
    pid_t child = nt_fork();
    if (!child) {
        a[5000] = 2;
        nt_done();
    }
    EXPECT_EXIT(child, 0);
    EXPECT_EQ(a[5000], 1);
}

TEST(zero_mapped_shared_is_shared_with_children_only)
{
    int fd = ASSERT_OK(open("/dev/zero", O_RDWR));
    char *a = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    char *b = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    ASSERT_TRUE(a != MAP_FAILED && b != MAP_FAILED);
    pid_t child = nt_fork();
    if (!child) {
        a[7] = 9;
        nt_done();
    }
    EXPECT_EXIT(child, 0);
    EXPECT_EQ(a[7], 9);
    EXPECT_EQ(b[7], 0);
}

TEST(full_has_no_room)
{
    char buf[4] = "abc";
    int fd = ASSERT_OK(open("/dev/full", O_RDWR));
    EXPECT_ERRNO(write(fd, buf, 4), ENOSPC);
    EXPECT_EQ(read(fd, buf, 4), 4);
    EXPECT_MEMEQ(buf, "\0\0\0\0", 4);
}

static void check_random(const char *path)
{
    unsigned char a[64] = { 0 }, b[64] = { 0 };
    int fd = ASSERT_OK(open(path, O_RDWR));
    EXPECT_EQ(read(fd, a, sizeof a), 64);
    EXPECT_EQ(read(fd, b, sizeof b), 64);
    EXPECT_TRUE(memcmp(a, b, 64));
    EXPECT_EQ(pread(fd, b, 10, 1000), 10);
    EXPECT_EQ(lseek(fd, 0, SEEK_CUR), 0);
    EXPECT_EQ(write(fd, a, 64), 64);
    EXPECT_ERRNO(read(fd, NT_BAD, 10), EFAULT);
    EXPECT_ERRNO(write(fd, NT_BAD, 10), EFAULT);
    EXPECT_EQ(read(fd, a, 0), 0);
    EXPECT_ERRNO(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0), ENODEV);
}

TEST(urandom_gives_what_is_asked)
{
    static char big[100000];
    check_random("/dev/urandom");
    int fd = ASSERT_OK(open("/dev/urandom", O_RDONLY));
    EXPECT_EQ(read(fd, big, sizeof big), sizeof big);
    int zeroes = 0;
    for (size_t i = 0; i < sizeof big; i++)
        zeroes += !big[i];
    EXPECT_TRUE(zeroes > 200 && zeroes < 800);
}

TEST(random_gives_what_is_asked_once_seeded)
{
    char byte;
    ASSERT_EQ(getrandom(&byte, 1, 0), 1);
    check_random("/dev/random");
    struct pollfd p = { ASSERT_OK(open("/dev/random", O_RDWR)), POLLIN | POLLOUT, 0 };
    EXPECT_EQ(poll(&p, 1, 0), 1);
    EXPECT_EQ(p.revents, POLLIN);
}

TEST(random_ioctls_check_rights_and_values)
{
    char byte;
    int value = -1;
    ASSERT_EQ(getrandom(&byte, 1, 0), 1);
    int fd = ASSERT_OK(open("/dev/random", O_RDWR));
    EXPECT_OK(ioctl(fd, GET_ENTROPY_COUNT, &value));
    EXPECT_EQ(value, 256);
    value = -1;
    EXPECT_ERRNO(ioctl(fd, ADD_TO_ENTROPY_COUNT, &value), EINVAL);
    value = 8;
    EXPECT_OK(ioctl(fd, ADD_TO_ENTROPY_COUNT, &value));
    struct {
        int bits, bytes;
        char data[8];
    } pool = { 8, 8, "seeding" };
    EXPECT_OK(ioctl(fd, ADD_ENTROPY, &pool));
    pool.bits = -1;
    EXPECT_ERRNO(ioctl(fd, ADD_ENTROPY, &pool), EINVAL);
    EXPECT_ERRNO(ioctl(fd, ADD_ENTROPY, NT_BAD), EFAULT);
    EXPECT_OK(ioctl(fd, RESEED, 0));
    EXPECT_ERRNO(ioctl(fd, FIONREAD, &value), EINVAL);
    pid_t child = nt_fork();
    if (!child) {
        ASSERT_OK(setuid(1000));
        EXPECT_OK(ioctl(fd, GET_ENTROPY_COUNT, &value));
        EXPECT_ERRNO(ioctl(fd, ADD_TO_ENTROPY_COUNT, &value), EPERM);
        EXPECT_ERRNO(ioctl(fd, ADD_ENTROPY, &pool), EPERM);
        EXPECT_ERRNO(ioctl(fd, RESEED, 0), EPERM);
        nt_done();
    }
    EXPECT_EXIT(child, 0);
}

TEST(node_of_nobody_is_enxio)
{
    nt_dir();
    ASSERT_OK(mknod("stray", S_IFCHR | 0666, makedev(1, 250)));
    EXPECT_ERRNO(open("stray", O_RDONLY), ENXIO);
    ASSERT_OK(mknod("nul", S_IFCHR | 0600, makedev(1, 3)));
    int fd = EXPECT_OK(open("nul", O_WRONLY));
    EXPECT_EQ(write(fd, "x", 1), 1);
}

TEST(every_devtmpfs_is_the_same)
{
    struct stat one, other;
    struct statfs fs;
    nt_dir();
    ASSERT_OK(mkdir("dev", 0755));
    ASSERT_OK(mount("again", "dev", "devtmpfs", 0, NULL));
    ASSERT_OK(stat("dev/null", &one));
    ASSERT_OK(stat("/dev/null", &other));
    EXPECT_EQ(one.st_dev, other.st_dev);
    EXPECT_EQ(one.st_ino, other.st_ino);
    ASSERT_OK(statfs("dev", &fs));
    EXPECT_EQ(fs.f_type, 0x01021994);
    ASSERT_OK(close(ASSERT_OK(open("dev/nt_here", O_CREAT | O_WRONLY, 0644))));
    EXPECT_OK(access("/dev/nt_here", F_OK));
    EXPECT_OK(unlink("/dev/nt_here"));
    EXPECT_ERRNO(access("dev/nt_here", F_OK), ENOENT);
    EXPECT_OK(umount("dev"));
}
