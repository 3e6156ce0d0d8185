/* Which of several faults of a call is told, where Linux's order surprises (found by trying calls with mixed bad
 * arguments on both kernels). */
#include "nacre_test.h"
#include <sched.h>
#include <netinet/in.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/xattr.h>

static int null(void)
{
    return ASSERT_OK(open("/dev/null", O_RDWR));
}

TEST(sockets_arguments_come_before_what_kind_of_file_it_is)
{
    char byte = 0;
    int fd = null();
    EXPECT_ERRNO(accept4(fd, NULL, NULL, 1), EINVAL);
    EXPECT_ERRNO(accept4(-1, NULL, NULL, 1), EBADF);
    EXPECT_ERRNO(accept4(fd, NULL, NULL, 0), ENOTSOCK);
    EXPECT_ERRNO(connect(fd, NT_BAD, 16), EFAULT);
    EXPECT_ERRNO(connect(fd, NT_BAD, -1), EINVAL);
    EXPECT_ERRNO(connect(-1, NT_BAD, -1), EBADF);
    EXPECT_ERRNO(sendto(-1, NT_KERNEL, 8, 0, NULL, 0), EFAULT);
    EXPECT_ERRNO(recvfrom(fd, NT_KERNEL, 8, 0, NULL, NULL), EFAULT);
    EXPECT_ERRNO(sendto(fd, NT_BAD, 8, 0, NULL, 0), ENOTSOCK);
    EXPECT_ERRNO(setsockopt(fd, SOL_SOCKET, SO_DEBUG, &byte, -1), ENOTSOCK);
    EXPECT_ERRNO(socketpair(-1, 0, 0, NT_BAD), EFAULT);
}

TEST(a_name_of_no_bytes_is_none_wherever_it_is)
{
    int pair[2];
    ASSERT_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    EXPECT_EQ(sendto(pair[0], "x", 1, 0, NT_KERNEL, 0), 1);
}

TEST(what_is_empty_is_not_looked_for)
{
    nt_dir();
    nt_put("f", "");
    EXPECT_EQ(listxattr("f", NT_KERNEL, 8), 0);
    EXPECT_EQ(syscall(SYS_rt_sigpending, NT_KERNEL, 0), 0);
    EXPECT_EQ(readv(ASSERT_OK(open("f", O_RDONLY)), NT_KERNEL, 0), 0);
}

TEST(eventfd_takes_eight_bytes_no_more_no_fewer)
{
    uint64_t two[2] = { 1, 1 };
    int fd = ASSERT_OK(eventfd(0, EFD_NONBLOCK));
    EXPECT_ERRNO(write(fd, two, 16), EINVAL);
    EXPECT_ERRNO(write(fd, two, 7), EINVAL);
    EXPECT_EQ(write(fd, two, 8), 8);
}

TEST(signalfd_reads_the_mask_before_its_flags)
{
    uint64_t mask = 0;
    EXPECT_ERRNO(syscall(SYS_signalfd4, -1, NT_BAD, 8, 4), EFAULT);
    EXPECT_ERRNO(syscall(SYS_signalfd4, -1, &mask, 8, 4), EINVAL);
    EXPECT_ERRNO(syscall(SYS_signalfd4, -1, NT_BAD, 4, 4), EINVAL);
    EXPECT_ERRNO(syscall(SYS_signalfd4, open("/", O_PATH), &mask, 8, 0), EBADF);
}

TEST(sched_getaffinity_counts_bits_in_32)
{
    uint64_t mask;
    EXPECT_ERRNO(syscall(SYS_sched_getaffinity, 0, 0x40000000, &mask), EINVAL);
    EXPECT_ERRNO(syscall(SYS_sched_getaffinity, 4000000, 0x40000000, &mask), EINVAL);
}

TEST(ioprio_set_looks_at_three_bits_of_class)
{
    EXPECT_OK(syscall(SYS_ioprio_set, 1, 0, INT32_MIN));
    EXPECT_ERRNO(syscall(SYS_ioprio_set, 1, 0, 4 << 13), EINVAL);
}

TEST(rename_tells_of_the_old_name_first)
{
    nt_dir();
    nt_put("f", "");
    EXPECT_ERRNO(renameat(-1, "f", AT_FDCWD, NULL), EBADF);
    EXPECT_ERRNO(rename("f/x", ""), ENOTDIR);
    EXPECT_ERRNO(rename("f", ""), ENOENT);
    EXPECT_ERRNO(rename("nothing", NULL), EFAULT);
}

TEST(a_name_of_no_length_is_none_to_some_families_and_short_to_others)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9), .sin_addr = { htonl(INADDR_LOOPBACK) } };
    int udp = ASSERT_OK(socket(AF_INET, SOCK_DGRAM, 0)), raw = ASSERT_OK(socket(AF_INET, SOCK_RAW, 253));
    int netlink = ASSERT_OK(socket(AF_NETLINK, SOCK_RAW, 0)), packet = ASSERT_OK(socket(AF_PACKET, SOCK_RAW, 0));
    ASSERT_OK(connect(udp, (struct sockaddr *)&to, sizeof to));
    ASSERT_OK(connect(raw, (struct sockaddr *)&to, sizeof to));
    EXPECT_ERRNO(sendto(udp, "x", 1, 0, NT_KERNEL, 0), EINVAL);
    EXPECT_ERRNO(sendto(packet, "x", 1, 0, NT_KERNEL, 0), EINVAL);
    EXPECT_EQ(sendto(raw, "x", 1, 0, NT_KERNEL, 0), 1);
    EXPECT_EQ(sendto(netlink, "x", 1, 0, NT_KERNEL, 0), 1);
}
