/* Files by handle, mounts by number, pages in memory, namespaces (man 2 open_by_handle_at, man 2 statmount,
 * man 2 cachestat, man 2 setns, man 2 process_mrelease). */
#include "nacre_test.h"
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/statfs.h>

enum { NAME_TO_HANDLE = 264, OPEN_BY_HANDLE, SETNS = 268, MRELEASE = 448, CACHESTAT = 451, STATMOUNT = 457, LISTMOUNT };

struct handle {
    unsigned bytes;
    int type;
    unsigned char data[128];
};
struct request {
    unsigned size, spare;
    uint64_t id, param, ns;
};

static int name(const char *path, struct handle *handle, int flags)
{
    int mount;
    handle->bytes = sizeof handle->data;
    return syscall(NAME_TO_HANDLE, AT_FDCWD, path, handle, &mount, flags);
}

TEST(a_file_is_opened_by_its_handle)
{
    nt_dir();
    nt_put("f", "text");
    int root = ASSERT_OK(open(".", O_RDONLY));
    struct handle handle;
    char text[8] = "";
    ASSERT_OK(name("f", &handle, 0));
    EXPECT_EQ(handle.bytes, 12);
    EXPECT_OK(rename("f", "g"));
    int fd = EXPECT_OK(syscall(OPEN_BY_HANDLE, root, &handle, O_RDONLY | O_CLOEXEC));
    EXPECT_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
    EXPECT_EQ(read(fd, text, sizeof text), 4);
    EXPECT_STREQ(text, "text");
    EXPECT_OK(unlink("g"));
    EXPECT_OK(close(syscall(OPEN_BY_HANDLE, root, &handle, O_RDONLY)));
    close(fd);
    EXPECT_ERRNO(syscall(OPEN_BY_HANDLE, root, &handle, O_RDONLY), ESTALE);
}

TEST(handle_errors)
{
    nt_dir();
    nt_put("f", "text");
    ASSERT_OK(symlink("f", "s"));
    ASSERT_OK(mkdir("d", 0755));
    int root = ASSERT_OK(open(".", O_RDONLY)), mount;
    struct handle handle = { .bytes = 0 };
    EXPECT_ERRNO(syscall(NAME_TO_HANDLE, AT_FDCWD, "f", &handle, &mount, 0), EOVERFLOW);
    EXPECT_EQ(handle.bytes, 12);
    EXPECT_ERRNO(name("none", &handle, 0), ENOENT);
    EXPECT_ERRNO(name("f", &handle, 0x10), EINVAL);
    EXPECT_ERRNO(name("/proc/self/stat", &handle, 0), EOPNOTSUPP);
    EXPECT_OK(name("/proc/self/stat", &handle, 0x200));
    EXPECT_ERRNO(syscall(OPEN_BY_HANDLE, root, &handle, O_RDONLY), ESTALE);
    EXPECT_ERRNO(syscall(NAME_TO_HANDLE, AT_FDCWD, "f", NT_BAD, &mount, 0), EFAULT);
    handle.bytes = 129;
    EXPECT_ERRNO(syscall(NAME_TO_HANDLE, AT_FDCWD, "f", &handle, &mount, 0), EINVAL);
    ASSERT_OK(name("s", &handle, 0));
    EXPECT_ERRNO(syscall(OPEN_BY_HANDLE, root, &handle, O_RDONLY), ELOOP);
    ASSERT_OK(name("d", &handle, 0));
    EXPECT_ERRNO(syscall(OPEN_BY_HANDLE, root, &handle, O_RDWR), EISDIR);
    EXPECT_ERRNO(syscall(OPEN_BY_HANDLE, -1, &handle, O_RDONLY), EBADF);
    EXPECT_ERRNO(syscall(OPEN_BY_HANDLE, root, NT_BAD, O_RDONLY), EFAULT);
    handle.bytes = 0;
    EXPECT_ERRNO(syscall(OPEN_BY_HANDLE, root, &handle, O_RDONLY), EINVAL);
    pid_t pid = nt_fork();
    if (pid == 0) {
        ASSERT_OK(setuid(1000));
        ASSERT_OK(name("f", &handle, AT_SYMLINK_FOLLOW));
        EXPECT_ERRNO(syscall(OPEN_BY_HANDLE, root, &handle, O_RDONLY), EPERM);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
}

static uint64_t mount_of(const char *path)
{
    struct statx x;
    ASSERT_OK(syscall(SYS_statx, AT_FDCWD, path, 0, 0x4000, &x));
    return *(uint64_t *)((char *)&x + 0x90);
}

TEST(mounts_are_described_and_listed)
{
    nt_dir();
    char here[64];
    ASSERT_TRUE(getcwd(here, sizeof here) != NULL);
    ASSERT_OK(mount("n", here, "tmpfs", MS_NOSUID, NULL));
    static char answer[4096];
    struct request request = { .size = 24, .id = mount_of(here), .param = 0x33 };
    ASSERT_OK(syscall(STATMOUNT, &request, answer, sizeof answer, 0));
    EXPECT_EQ(*(uint64_t *)(answer + 8), 0x33);
    EXPECT_EQ(*(uint64_t *)(answer + 0x18), 0x1021994);
    EXPECT_EQ(*(uint64_t *)(answer + 0x28), request.id);
    EXPECT_EQ(*(uint64_t *)(answer + 0x40), 2);
    EXPECT_STREQ(answer + 512 + *(unsigned *)(answer + 0x24), "tmpfs");
    EXPECT_STREQ(answer + 512 + *(unsigned *)(answer + 0x6c), here);
    EXPECT_ERRNO(syscall(STATMOUNT, &request, answer, 520, 0), EOVERFLOW);
    EXPECT_ERRNO(syscall(STATMOUNT, &request, answer, sizeof answer, 1), EINVAL);
    EXPECT_ERRNO(syscall(STATMOUNT, &request, NT_BAD, sizeof answer, 0), EFAULT);
    EXPECT_ERRNO(syscall(STATMOUNT, NT_BAD, answer, sizeof answer, 0), EFAULT);
    uint64_t ids[256];
    struct request all = { .size = 24, .id = -1 };
    long count = EXPECT_OK(syscall(LISTMOUNT, &all, ids, 256, 0));
    int found = 0;
    for (long i = 0; i < count; i++)
        found += ids[i] == request.id;
    EXPECT_EQ(found, 1);
    request.param = 0;
    EXPECT_EQ(syscall(LISTMOUNT, &request, ids, 256, 0), 0);
    request.size = 8;
    EXPECT_ERRNO(syscall(STATMOUNT, &request, answer, sizeof answer, 0), EINVAL);
    request.size = 24;
    request.id = 5;
    EXPECT_ERRNO(syscall(STATMOUNT, &request, answer, sizeof answer, 0), EINVAL);
    request.id = mount_of("/") + 100000;
    EXPECT_ERRNO(syscall(STATMOUNT, &request, answer, sizeof answer, 0), ENOENT);
    EXPECT_ERRNO(syscall(LISTMOUNT, &request, ids, 256, 0), ENOENT);
    EXPECT_OK(umount2(here, MNT_DETACH));
}

TEST(pages_in_memory_are_counted)
{
    nt_dir();
    int fd = ASSERT_OK(open("f", O_RDWR | O_CREAT, 0644));
    ASSERT_OK(ftruncate(fd, 16384));
    ASSERT_EQ(pwrite(fd, "x", 1, 0), 1);
    ASSERT_EQ(pwrite(fd, "x", 1, 8192), 1);
    uint64_t range[2] = { 0, 0 }, counts[5];
    ASSERT_OK(syscall(CACHESTAT, fd, range, counts, 0));
    EXPECT_EQ(counts[0], 2);
    range[0] = 4096;
    range[1] = 4096;
    ASSERT_OK(syscall(CACHESTAT, fd, range, counts, 0));
    EXPECT_EQ(counts[0], 0);
    EXPECT_ERRNO(syscall(CACHESTAT, fd, range, counts, 1), EINVAL);
    EXPECT_ERRNO(syscall(CACHESTAT, fd, NT_BAD, counts, 0), EFAULT);
    EXPECT_ERRNO(syscall(CACHESTAT, fd, range, NT_BAD, 0), EFAULT);
    EXPECT_ERRNO(syscall(CACHESTAT, -1, range, counts, 0), EBADF);
    EXPECT_ERRNO(syscall(CACHESTAT, open("f", O_PATH), range, counts, 0), EBADF);
    EXPECT_OK(syscall(CACHESTAT, open("/dev/null", O_RDONLY), range, counts, 0));
}

TEST(the_namespace_of_mounts_is_a_link_and_a_file)
{
    char text[64] = "";
    struct statfs fs;
    EXPECT_TRUE(readlink("/proc/self/ns/mnt", text, sizeof text - 1) > 0);
    EXPECT_TRUE(strncmp(text, "mnt:[", 5) == 0);
    int fd = ASSERT_OK(open("/proc/self/ns/mnt", O_RDONLY));
    ASSERT_OK(fstatfs(fd, &fs));
    EXPECT_EQ(fs.f_type, 0x6e736673);
    EXPECT_EQ(ioctl(fd, 0xb703), 0x20000);
    EXPECT_ERRNO(ioctl(fd, 0xb702), EINVAL);
    EXPECT_ERRNO(read(fd, text, 1), EINVAL);
    EXPECT_OK(syscall(SETNS, fd, 0));
    EXPECT_OK(syscall(SETNS, fd, 0x20000));
    EXPECT_ERRNO(syscall(SETNS, fd, 5), EINVAL);
    EXPECT_ERRNO(syscall(SETNS, fd, 0x40000000), EINVAL);
    int pidfd = ASSERT_OK(syscall(SYS_pidfd_open, getpid(), 0));
    EXPECT_ERRNO(syscall(SETNS, pidfd, 0), EINVAL);
    EXPECT_OK(syscall(SETNS, pidfd, 0x20000));
    EXPECT_ERRNO(syscall(SETNS, pidfd, 0x10000), EINVAL);
    EXPECT_ERRNO(syscall(SETNS, -1, 0), EBADF);
    EXPECT_ERRNO(syscall(SETNS, 1, 0), EINVAL);
    pid_t pid = nt_fork();
    if (pid == 0) {
        ASSERT_OK(setuid(1000));
        EXPECT_ERRNO(syscall(SETNS, fd, 0), EPERM);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
}

TEST(memory_of_the_dying_is_not_there_to_hurry)
{
    int own = ASSERT_OK(syscall(SYS_pidfd_open, getpid(), 0));
    EXPECT_ERRNO(syscall(MRELEASE, own, 0), EINVAL);
    EXPECT_ERRNO(syscall(MRELEASE, own, 1), EINVAL);
    EXPECT_ERRNO(syscall(MRELEASE, -1, 0), EBADF);
    EXPECT_ERRNO(syscall(MRELEASE, 1, 0), EBADF);
    pid_t pid = nt_fork();
    if (pid == 0)
        _exit(0);
    int fd = ASSERT_OK(syscall(SYS_pidfd_open, pid, 0));
    siginfo_t info;
    ASSERT_OK(waitid(P_PID, pid, &info, WEXITED | WNOWAIT));
    EXPECT_ERRNO(syscall(MRELEASE, fd, 0), ESRCH);
    EXPECT_EXIT(pid, 0);
    EXPECT_ERRNO(syscall(MRELEASE, fd, 0), ESRCH);
}

TEST(the_limit_of_descriptors_has_a_limit)
{
    char old[32];
    ASSERT_TRUE(nt_get("/proc/sys/fs/nr_open", old, sizeof old) > 0);
    nt_put("/proc/sys/fs/nr_open", old);
    int fd = ASSERT_OK(open("/proc/sys/fs/nr_open", O_WRONLY));
    EXPECT_ERRNO(write(fd, "63", 2), EINVAL);
    EXPECT_ERRNO(write(fd, "2147483647", 10), EINVAL);
}
