/*
 * Numbers at the edge of what their type holds, at calls that add to them, and things that hang one below the other
 * deeper than a kernel's stack is. What a program gets is an error or what it asked for, never the end of the machine.
 *
 * proves that nothing a program does brings the kernel down: sums that wrap, chains that are dropped
 */
#include "nacre_test.h"

#include <limits.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/timerfd.h>
#include <sys/uio.h>

#define PAGE 4096ul
#define TFD_IOC_SET_TICKS 0x40085400
#define SYS_MSEAL 462

static char *pages(size_t count)
{
    char *at = mmap(NULL, count * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_TRUE(at != MAP_FAILED);
    return at;
}

TEST(a_mapping_is_not_shrunk_from_beyond_the_address_space)
{
    char *at = pages(4);
    size_t lengths[] = { -PAGE, -2 * PAGE, 1ul << 63, (1ul << 63) - PAGE, 1ul << 48 };
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        EXPECT_ERRNO(syscall(SYS_mremap, at, lengths[i], PAGE, 0, 0), EINVAL);
        EXPECT_ERRNO(syscall(SYS_mremap, at, lengths[i], PAGE, MREMAP_MAYMOVE, 0), EINVAL);
        EXPECT_ERRNO(syscall(SYS_mremap, at, PAGE, lengths[i], 0, 0), ENOMEM);
        EXPECT_ERRNO(syscall(SYS_mremap, at, PAGE, lengths[i], MREMAP_MAYMOVE, 0), ENOMEM);
        EXPECT_ERRNO(syscall(SYS_mremap, at, lengths[i], PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, at + 8 * PAGE), EINVAL);
    }
    at[0] = 1;
    EXPECT_EQ(at[0], 1);
}

TEST(a_range_too_long_to_be_rounded_is_not_sealed)
{
    char *at = pages(1);
    if (syscall(SYS_MSEAL, at, 0, 0) == -1 && errno == ENOSYS)
        SKIP("no mseal");
    EXPECT_ERRNO(syscall(SYS_MSEAL, at, -1ul, 0), EINVAL);
    EXPECT_ERRNO(syscall(SYS_MSEAL, at, -PAGE + 1, 0), EINVAL);
    EXPECT_ERRNO(syscall(SYS_MSEAL, at, -PAGE, 0), EINVAL);
    EXPECT_ERRNO(syscall(SYS_MSEAL, at, -2 * PAGE - (size_t)at, 0), ENOMEM);
    EXPECT_OK(munmap(at, PAGE));
}

TEST(a_timer_whose_ticks_were_set_to_the_most_still_ticks)
{
    int fd = ASSERT_OK(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK));
    uint64_t most = -1, got = 0;
    struct itimerspec soon = { .it_value = { 0, 1000000 } }, often = { { 0, 1000000 }, { 0, 1000000 } };
    ASSERT_OK(timerfd_settime(fd, 0, &soon, NULL));
    if (ioctl(fd, TFD_IOC_SET_TICKS, &most) == -1 && errno == ENOTTY)
        SKIP("no TFD_IOC_SET_TICKS");
    /* Whether before or after it expired: the sum wraps, or stays. */
    nt_sleep_ms(20);
    if (read(fd, &got, sizeof got) == 8)
        EXPECT_EQ(got, most);
    ASSERT_OK(timerfd_settime(fd, 0, &often, NULL));
    for (int i = 0; i < 20; i++) {
        EXPECT_OK(ioctl(fd, TFD_IOC_SET_TICKS, &most));
        nt_sleep_ms(2);
        (void)!read(fd, &got, sizeof got);
    }
    ASSERT_OK(timerfd_settime(fd, 0, &soon, NULL));
    struct timespec pause = { 5, 0 };
    struct pollfd { int fd; short events, revents; } p = { fd, 1, 0 };
    EXPECT_EQ(syscall(SYS_ppoll, &p, 1, &pause, NULL, 8), 1);
    EXPECT_EQ(read(fd, &got, sizeof got), 8);
    EXPECT_EQ(got, 1);
}

TEST(addresses_at_the_end_of_all_are_nobodys)
{
    char here[8];
    struct { void *at; size_t len; } own = { here, 8 }, other;
    uint64_t ends[] = { -1, -8, -PAGE, 1ul << 63, (1ul << 48) - 1, 1ul << 48, 1ul << 52 };
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        other.at = (void *)ends[i];
        other.len = 8;
        EXPECT_EQ(syscall(SYS_process_vm_readv, getpid(), &own, 1, &other, 1, 0), -1);
        EXPECT_EQ(syscall(SYS_process_vm_writev, getpid(), &own, 1, &other, 1, 0), -1);
        EXPECT_EQ(syscall(SYS_madvise, ends[i] & -PAGE, -1ul, MADV_DONTNEED), -1);
        EXPECT_EQ(syscall(SYS_mincore, ends[i] & -PAGE, 8, here), -1);
    }
}

/* Deep enough that a kernel that drops one in the drop of the other has no stack left. */
enum { DEEP = 3000 };

TEST_LIMIT(removed_directories_below_each_other_go, 60)
{
    nt_dir();
    int outside = ASSERT_OK(open(".", O_PATH | O_DIRECTORY));
    int *fds = calloc(DEEP, sizeof *fds);
    struct rlimit many = { DEEP + 64, DEEP + 64 };
    ASSERT_OK(setrlimit(RLIMIT_NOFILE, &many));
    int below = outside;
    for (int i = 0; i < DEEP; i++) {
        ASSERT_OK(mkdirat(below, "d", 0755));
        below = fds[i] = ASSERT_OK(openat(below, "d", O_PATH | O_DIRECTORY));
    }
    for (int i = DEEP - 1; i >= 0; i--)
        ASSERT_OK(unlinkat(i ? fds[i - 1] : outside, "d", AT_REMOVEDIR));
    ASSERT_OK(fchdir(below));
    for (int i = 0; i < DEEP; i++)
        close(fds[i]);
    ASSERT_OK(fchdir(outside));
    EXPECT_OK(mkdir("d", 0755));
    EXPECT_OK(rmdir("d"));
}

TEST_LIMIT(a_tree_goes_with_its_file_system_however_deep, 60)
{
    nt_dir();
    pid_t pid = nt_fork();
    if (pid == 0) {
        ASSERT_OK(unshare(CLONE_NEWNS));
        ASSERT_OK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
        ASSERT_OK(mkdir("m", 0755));
        ASSERT_OK(mount("none", "m", "tmpfs", 0, NULL));
        ASSERT_OK(chdir("m"));
        for (int i = 0; i < DEEP; i++) {
            ASSERT_OK(mkdir("d", 0755));
            ASSERT_OK(chdir("d"));
        }
        nt_put("f", "deep");
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
}

TEST_LIMIT(mounts_on_one_another_go, 60)
{
    nt_dir();
    pid_t pid = nt_fork();
    if (pid == 0) {
        ASSERT_OK(unshare(CLONE_NEWNS));
        ASSERT_OK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
        ASSERT_OK(mkdir("m", 0755));
        for (int i = 0; i < 600; i++)
            ASSERT_OK(mount("none", "m", "tmpfs", 0, NULL));
        for (int i = 0; i < 300; i++)
            ASSERT_OK(umount2("m", MNT_DETACH));
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
}

/* Each pair's one end is on its way in the pair made after it. */
TEST_LIMIT(sockets_on_their_way_in_each_other_go, 60)
{
    struct rlimit many = { DEEP * 2, DEEP * 2 };
    ASSERT_OK(setrlimit(RLIMIT_NOFILE, &many));
    int held = -1;
    for (int i = 0; i < DEEP; i++) {
        int s[2];
        ASSERT_OK(socketpair(AF_UNIX, SOCK_DGRAM, 0, s));
        if (held >= 0) {
            union { char bytes[CMSG_SPACE(sizeof(int))]; struct cmsghdr align; } u;
            struct iovec v = { "", 1 };
            struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = u.bytes, .msg_controllen = sizeof u.bytes };
            memset(&u, 0, sizeof u);
            struct cmsghdr *h = CMSG_FIRSTHDR(&m);
            h->cmsg_level = SOL_SOCKET;
            h->cmsg_type = SCM_RIGHTS;
            h->cmsg_len = CMSG_LEN(sizeof(int));
            memcpy(CMSG_DATA(h), &held, sizeof held);
            ASSERT_EQ(sendmsg(s[0], &m, 0), 1);
            close(held);
        }
        close(s[0]);
        held = s[1];
    }
    close(held);
    int s[2];
    EXPECT_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
}

TEST(positions_that_are_addresses_may_be_any_number)
{
    char b[2] = "x";
    int fd = ASSERT_OK(open("/proc/self/mem", O_RDWR)), n = 0;
    struct iovec v = { b, 1 };
    EXPECT_EQ(lseek(fd, -1, SEEK_SET), -1);
    EXPECT_ERRNO(read(fd, b, 1), EOVERFLOW);
    EXPECT_ERRNO(readv(fd, &v, 1), EOVERFLOW);
    EXPECT_ERRNO(write(fd, b, 1), EOVERFLOW);
    EXPECT_ERRNO(writev(fd, &v, 1), EOVERFLOW);
    EXPECT_EQ(lseek(fd, -8192, SEEK_SET), -8192);
    EXPECT_ERRNO(read(fd, b, 1), EIO);
    EXPECT_ERRNO(write(fd, b, 1), EIO);
    EXPECT_EQ(lseek(fd, INT64_MIN, SEEK_SET), INT64_MIN);
    EXPECT_ERRNO(read(fd, b, 1), EIO);
    EXPECT_OK(ioctl(fd, FIONREAD, &n));
    EXPECT_EQ(n, 0);
    EXPECT_EQ(lseek(fd, INT64_MAX, SEEK_SET), INT64_MAX);
    EXPECT_ERRNO(read(fd, b, 1), EIO);
    EXPECT_ERRNO(pread(fd, b, 1, -1), EINVAL);
    close(fd);
}

TEST(copies_between_places_beyond_all_ends_stop_nothing)
{
    char name[] = "/tmp/edge.XXXXXX";
    int to = ASSERT_OK(mkstemp(name)), from = ASSERT_OK(open("/proc/self/mem", O_RDWR));
    lseek(from, -1, SEEK_SET);
    EXPECT_EQ(syscall(SYS_copy_file_range, from, NULL, to, NULL, 1, 0), -1);
    EXPECT_EQ(syscall(SYS_copy_file_range, to, NULL, from, NULL, 1, 0), -1);
    EXPECT_EQ(sendfile(to, from, NULL, 1), -1);
    unlink(name);
}

TEST(calls_that_do_not_exist_fail_by_the_ten_thousand)
{
    for (int n = 1000; n < 66000; n++)
        if (syscall(n) != -1 || errno != ENOSYS) {
            EXPECT_EQ(n, 0);
            break;
        }
}

TEST(a_directory_deeper_than_any_path_has_no_name)
{
    char name[201], base[] = "/tmp/deep.XXXXXX", text[PATH_MAX + 1];
    memset(name, 'd', 200);
    name[200] = 0;
    ASSERT_TRUE(mkdtemp(base) != NULL);
    ASSERT_OK(chdir(base));
    for (int i = 0; i < 200; i++) {
        ASSERT_OK(mkdir(name, 0700));
        ASSERT_OK(chdir(name));
    }
    EXPECT_ERRNO(syscall(SYS_getcwd, text, sizeof text), ENAMETOOLONG);
    EXPECT_ERRNO(readlink("/proc/self/cwd", text, sizeof text), ENAMETOOLONG);
    for (int i = 0; i < 200; i++) {
        ASSERT_OK(chdir(".."));
        ASSERT_OK(rmdir(name));
    }
    ASSERT_OK(chdir("/"));
    EXPECT_OK(rmdir(base));
}

TEST(a_sparse_file_of_many_pieces_is_cut_at_once)
{
    int fd = ASSERT_OK(memfd_create("sparse", 0));
    struct stat st;
    ASSERT_OK(ftruncate(fd, 1LL << 40));
    for (int i = 0; i < 2000; i++)
        ASSERT_EQ(pwrite(fd, "x", 1, (1LL << 30) + i * (256LL << 10)), 1);
    EXPECT_OK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (1LL << 30) + 4096, 1LL << 29));
    ASSERT_OK(fstat(fd, &st));
    EXPECT_EQ(st.st_blocks, 8);
    EXPECT_OK(ftruncate(fd, 0));
    ASSERT_OK(fstat(fd, &st));
    EXPECT_EQ(st.st_blocks, 0);
    close(fd);
}
