/* Corners of processes, their memory and their rights that programs rarely meet and suites look into. */
#include "nacre_test.h"
#include <sched.h>
#include <sys/klog.h>
#include <sys/resource.h>

TEST(exit_signals_that_are_none_are_not_sent)
{
    /* 65 to 255 fit the field of clone(2) and name no signal. */
    for (long number = 65; number < 256; number += 95) {
        long child = syscall(SYS_clone, number, 0, 0, 0, 0);
        if (child == 0)
            _exit(3);
        ASSERT_OK(child);
        int status;
        EXPECT_EQ(waitpid(child, &status, __WALL), child);
        EXPECT_EQ(WEXITSTATUS(status), 3);
    }
}

TEST(setpgid_of_a_negative_process_is_einval_when_the_group_would_be)
{
    EXPECT_ERRNO(setpgid(-1, 0), EINVAL);
    EXPECT_ERRNO(setpgid(0, -1), EINVAL);
    EXPECT_ERRNO(setpgid(-1, 1), ESRCH);
}

TEST(clone3_into_a_cgroup_that_is_no_descriptor)
{
    uint64_t args[11] = { 0x200000000UL };
    args[4] = SIGCHLD;
    args[10] = -1UL;
    EXPECT_ERRNO(syscall(SYS_clone3, args, sizeof args), EINVAL);
    args[10] = 999;
    EXPECT_ERRNO(syscall(SYS_clone3, args, sizeof args), EBADF);
}

TEST(low_addresses_are_for_who_may_map_them)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
    char *low = (char *)mmap((void *)4096, 4096, PROT_READ | PROT_WRITE, flags, -1, 0);
    EXPECT_TRUE(low == (char *)4096);
    *(volatile char *)low = 1;
    EXPECT_OK(munmap((void *)4096, 4096));
    EXPECT_TRUE(mmap(0, 4096, PROT_READ, flags, -1, 0) == 0);
    volatile char *volatile nothing = 0;
    EXPECT_EQ(nothing[8], 0);
    EXPECT_OK(munmap(0, 4096));
    ASSERT_OK(setresuid(1000, 1000, 1000));
    EXPECT_ERRNO(syscall(SYS_mmap, 0, 4096, PROT_READ, flags, -1, 0), EPERM);
}

TEST(mappings_end_where_files_can)
{
    int fd = ASSERT_OK(open("f", O_RDWR | O_CREAT, 0600));
    EXPECT_ERRNO(syscall(SYS_mmap, 0, 4096, PROT_READ, MAP_SHARED, fd, 0x7ffffffffffff000), EOVERFLOW);
    EXPECT_OK(syscall(SYS_mmap, 0, 4096, PROT_READ, MAP_SHARED, fd, 0x7fffffffffffe000));
}

TEST(lengths_that_wrap_to_nothing_are_nothing_for_locks_and_msync)
{
    char *at = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT_OK(syscall(SYS_mlock, at, -1L));
    EXPECT_OK(syscall(SYS_munlock, at, -1L));
    EXPECT_OK(syscall(SYS_msync, at, -1L, MS_SYNC));
}

TEST(memory_without_rights_cannot_be_locked_in)
{
    char *at = mmap(0, 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT_ERRNO(mlock(at, 8192), ENOMEM);
    EXPECT_OK(mlockall(MCL_CURRENT));
}

TEST(mprotect_takes_prot_sem)
{
    char *at = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT_OK(mprotect(at, 4096, PROT_READ | 8 /* PROT_SEM */));
    EXPECT_ERRNO(mprotect(at, 4096, 0x40), EINVAL);
}

TEST(membarrier_for_restartable_sequences_wants_a_registration)
{
    EXPECT_TRUE(syscall(SYS_membarrier, 0, 0, 0) & 0x180);
    EXPECT_ERRNO(syscall(SYS_membarrier, 0x80, 0, 0), EPERM);
    EXPECT_OK(syscall(SYS_membarrier, 0x100, 0, 0));
    EXPECT_OK(syscall(SYS_membarrier, 0x80, 0, 0));
    EXPECT_OK(syscall(SYS_membarrier, 0x80, 1 /* CPU */, 0));
    EXPECT_OK(syscall(SYS_membarrier, 0x80, 1, -1));
    EXPECT_OK(syscall(SYS_membarrier, 0x80, 1, 9999));
    EXPECT_ERRNO(syscall(SYS_membarrier, 0x80, 2, 0), EINVAL);
    EXPECT_ERRNO(syscall(SYS_membarrier, 0x08, 1, 0), EINVAL);
    EXPECT_EQ(syscall(SYS_membarrier, 0x200, 0, 0), 0x110 /* the plain private one too */);
}

TEST(kernel_log_is_for_who_may_unless_it_is_opened)
{
    char text[16];
    int fd = ASSERT_OK(open("/proc/sys/kernel/dmesg_restrict", O_RDWR));
    EXPECT_EQ(read(fd, text, sizeof text), 2);
    EXPECT_TRUE(text[0] == '1');
    pid_t child = fork();
    if (child == 0) {
        ASSERT_OK(setresuid(1000, 1000, 1000));
        EXPECT_ERRNO(klogctl(3, text, sizeof text), EPERM);
        EXPECT_ERRNO(klogctl(10, 0, 0), EPERM);
        EXPECT_ERRNO(open("/dev/kmsg", O_RDONLY), EPERM);
        _exit(nt_failures ? 1 : 0);
    }
    EXPECT_EXIT(child, 0);
    EXPECT_EQ(pwrite(fd, "0", 1, 0), 1);
    child = fork();
    if (child == 0) {
        ASSERT_OK(setresuid(1000, 1000, 1000));
        EXPECT_OK(klogctl(3, text, sizeof text));
        EXPECT_OK(klogctl(10, 0, 0));
        EXPECT_OK(open("/dev/kmsg", O_RDONLY));
        EXPECT_ERRNO(klogctl(2, text, sizeof text), EPERM);
        _exit(nt_failures ? 1 : 0);
    }
    EXPECT_EXIT(child, 0);
    EXPECT_EQ(pwrite(fd, "1", 1, 0), 1);
}

TEST(scheduler_answers_for_loaded_policies_and_shows_short_slices_as_none)
{
    struct timespec slice = { 9, 9 };
    EXPECT_EQ(sched_get_priority_max(7 /* SCHED_EXT */), 0);
    EXPECT_EQ(sched_get_priority_min(7), 0);
    EXPECT_OK(sched_rr_get_interval(0, &slice));
    EXPECT_EQ(slice.tv_sec * 1000000000L + slice.tv_nsec, 0);
}
