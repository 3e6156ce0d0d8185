/* The tagged address ABI (Documentation/arch/arm64/tagged-address-abi.rst): off until asked for, then system calls
 * take pointers whose top byte is not 0, but where they place memory. */
#include "nacre_test.h"
#include <sys/prctl.h>
#include <sys/uio.h>
#include <sys/utsname.h>

#ifndef PR_SET_TAGGED_ADDR_CTRL
#define PR_SET_TAGGED_ADDR_CTRL 55
#define PR_GET_TAGGED_ADDR_CTRL 56
#endif

static void *tag(void *p)
{
    return (void *)((uintptr_t)p | 0x5aUL << 56);
}

static int switch_on(void)
{
    return prctl(PR_SET_TAGGED_ADDR_CTRL, 1, 0, 0, 0);
}

TEST(tagged_address_control_is_off_and_can_be_switched)
{
    EXPECT_EQ(prctl(PR_GET_TAGGED_ADDR_CTRL, 0, 0, 0, 0), 0);
    EXPECT_OK(switch_on());
    EXPECT_EQ(prctl(PR_GET_TAGGED_ADDR_CTRL, 0, 0, 0, 0), 1);
    EXPECT_OK(prctl(PR_SET_TAGGED_ADDR_CTRL, 0, 0, 0, 0));
    EXPECT_EQ(prctl(PR_GET_TAGGED_ADDR_CTRL, 0, 0, 0, 0), 0);
    EXPECT_ERRNO(prctl(PR_SET_TAGGED_ADDR_CTRL, 1UL << 40, 0, 0, 0), EINVAL);
    EXPECT_ERRNO(prctl(PR_SET_TAGGED_ADDR_CTRL, 1, 1, 0, 0), EINVAL);
    EXPECT_ERRNO(prctl(PR_GET_TAGGED_ADDR_CTRL, 1, 0, 0, 0), EINVAL);
    EXPECT_ERRNO(prctl(PR_GET_TAGGED_ADDR_CTRL, 0, 0, 0, 1), EINVAL);
}

TEST(tagged_pointers_are_taken_when_switched_on)
{
    static struct utsname name;
    static char text[8] = "pearl";
    int p[2];
    ASSERT_OK(pipe(p));
    EXPECT_ERRNO(syscall(SYS_uname, tag(&name)), EFAULT);
    EXPECT_OK(switch_on());
    EXPECT_OK(syscall(SYS_uname, tag(&name)));
    EXPECT_STREQ(name.sysname, "Linux");
    EXPECT_EQ(syscall(SYS_write, p[1], tag(text), 5), 5);
    EXPECT_EQ(syscall(SYS_read, p[0], tag(text + 1), 5), 5);
    EXPECT_STREQ(text, "ppearl");
    EXPECT_ERRNO(syscall(SYS_openat, AT_FDCWD, tag("nowhere"), O_RDONLY), ENOENT);
    struct iovec v = { tag(text), 2 };
    EXPECT_EQ(syscall(SYS_writev, p[1], tag(&v), 1), 2);
    EXPECT_OK(prctl(PR_SET_TAGGED_ADDR_CTRL, 0, 0, 0, 0));
    EXPECT_ERRNO(syscall(SYS_writev, p[1], &v, 1), EFAULT);
}

TEST(tagged_addresses_name_memory_but_do_not_place_it)
{
    EXPECT_OK(switch_on());
    char *at = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT_OK(syscall(SYS_mprotect, tag(at), 4096, PROT_READ));
    EXPECT_OK(syscall(SYS_madvise, tag(at), 4096, MADV_DONTNEED));
    EXPECT_ERRNO(syscall(SYS_mmap, tag(at), 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0), ENOMEM);
    EXPECT_OK(syscall(SYS_munmap, tag(at), 8192));
    void *heap = (void *)syscall(SYS_brk, 0);
    EXPECT_EQ(syscall(SYS_brk, tag((char *)heap + 4096)), (long)heap);
}

TEST(tagged_addresses_of_the_kernel_stay_bad)
{
    EXPECT_OK(switch_on());
    EXPECT_ERRNO(syscall(SYS_uname, NT_KERNEL), EFAULT);
    EXPECT_ERRNO(syscall(SYS_uname, tag(NT_BAD)), EFAULT);
}

TEST(tagged_registers_come_back_as_they_were)
{
    static struct utsname name;
    EXPECT_OK(switch_on());
    register long x8 __asm__("x8") = SYS_readlinkat;
    register long x0 __asm__("x0") = AT_FDCWD;
    register void *x1 __asm__("x1") = tag("/nowhere");
    register void *x2 __asm__("x2") = tag(&name);
    register long x3 __asm__("x3") = 8;
    __asm__ volatile("svc 0" : "+r"(x0), "+r"(x1), "+r"(x2) : "r"(x8), "r"(x3) : "memory");
    /* Out of the registers before anything else uses them. */
    long result = x0;
    uintptr_t path = (uintptr_t)x1, buffer = (uintptr_t)x2;
    EXPECT_EQ(result, -ENOENT);
    EXPECT_EQ(path >> 56, 0x5a);
    EXPECT_TRUE(buffer == (uintptr_t)tag(&name));
}

ROLE(ask)
{
    return prctl(PR_GET_TAGGED_ADDR_CTRL, 0, 0, 0, 0);
}

TEST(tagged_address_control_is_inherited_by_fork_and_ends_with_exec)
{
    EXPECT_OK(switch_on());
    pid_t child = fork();
    if (child == 0)
        _exit(prctl(PR_GET_TAGGED_ADDR_CTRL, 0, 0, 0, 0));
    EXPECT_EXIT(child, 1);
    child = fork();
    if (child == 0) {
        char *args[] = { nt_self, "@ask", 0 };
        execv(nt_self, args);
        _exit(9);
    }
    EXPECT_EXIT(child, 0);
}
