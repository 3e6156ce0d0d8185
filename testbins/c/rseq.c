/* Restartable sequences: a thread knows its processor, and what it was interrupted in starts over. */
#include "nacre_test.h"
#include <sched.h>
#include <sys/auxv.h>

enum { SIGNATURE = 0xd428bc00, UNREGISTER = 1 };

struct area {
    uint32_t cpu_id_start, cpu_id;
    uint64_t cs;
    uint32_t flags, node_id, mm_cid, pad;
} __attribute__((aligned(32)));

static struct area area;

static long rseq(void *at, unsigned len, int flags, unsigned signature)
{
    return syscall(SYS_rseq, at, len, flags, signature);
}

TEST(auxiliary_vector_tells_size_and_alignment)
{
    EXPECT_EQ(getauxval(27), 28);
    EXPECT_EQ(getauxval(28), 32);
}

TEST(arguments_are_checked_in_linux_order)
{
    EXPECT_ERRNO(rseq(&area, 32, 2, SIGNATURE), EINVAL);
    EXPECT_ERRNO(rseq(&area, 32, UNREGISTER, SIGNATURE), EINVAL);
    EXPECT_ERRNO(rseq(&area, 31, 0, SIGNATURE), EINVAL);
    EXPECT_ERRNO(rseq((char *)&area + 8, 32, 0, SIGNATURE), EINVAL);
    EXPECT_ERRNO(rseq(NT_KERNEL, 32, 0, SIGNATURE), EFAULT);
    EXPECT_ERRNO(rseq(NT_BAD, 32, 0, SIGNATURE), EFAULT);
    area.cs = 1;
    EXPECT_OK(rseq(&area, 32, 0, SIGNATURE));
    EXPECT_EQ(area.cs, 0);
    EXPECT_ERRNO(rseq(&area, 32, 0, SIGNATURE), EBUSY);
    EXPECT_ERRNO(rseq(&area, 32, 0, SIGNATURE + 1), EPERM);
    EXPECT_ERRNO(rseq(&area, 64, 0, SIGNATURE), EINVAL);
    EXPECT_ERRNO(rseq(&area, 32, UNREGISTER, SIGNATURE + 1), EPERM);
    EXPECT_OK(rseq(&area, 32, UNREGISTER, SIGNATURE));
    EXPECT_EQ(area.cpu_id, (uint32_t)-1);
    EXPECT_EQ(area.cpu_id_start, 0);
}

TEST(processor_is_the_one_the_thread_is_on)
{
    EXPECT_OK(rseq(&area, 32, 0, SIGNATURE));
    for (int i = 0; i < 4; i++) {
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET(i % (int)sysconf(_SC_NPROCESSORS_CONF), &set);
        ASSERT_OK(sched_setaffinity(0, sizeof set, &set));
        EXPECT_EQ(area.cpu_id, (uint32_t)sched_getcpu());
        EXPECT_EQ(area.cpu_id_start, area.cpu_id);
    }
}

TEST(child_has_it_after_fork_and_not_after_exec_or_in_shared_memory)
{
    EXPECT_OK(rseq(&area, 32, 0, SIGNATURE));
    pid_t pid = nt_fork();
    if (pid == 0) {
        EXPECT_ERRNO(rseq(&area, 32, 0, SIGNATURE), EBUSY);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
    pid = vfork();
    if (pid == 0)
        _exit(rseq(&area, 32, UNREGISTER, SIGNATURE) == -1 && errno == EINVAL ? 0 : 1);
    EXPECT_EXIT(pid, 0);
}

TEST(area_that_cannot_be_written_is_a_segv)
{
    pid_t pid = nt_fork();
    if (pid == 0) {
        char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        EXPECT_OK(rseq(page, 32, 0, SIGNATURE));
        munmap(page, 4096);
        for (int i = 0; i < 1000; i++)
            nt_sleep_ms(1);
        _exit(0);
    }
    EXPECT_KILLED(pid, SIGSEGV);
}

static volatile sig_atomic_t hits;
static volatile uint64_t cs_in_handler;

static void on_alarm(int signo NT_UNUSED)
{
    hits++;
    cs_in_handler = area.cs;
}

/* Spins inside a sequence until it is interrupted: the only ways out are the abort address and the flag. */
static int spin_until_restarted(volatile sig_atomic_t *flag)
{
    int aborted;
    __asm__ volatile("   adrp x9, 10f\n"
                     "   add x9, x9, :lo12:10f\n"
                     "   str x9, [%[cs]]\n"
                     "1: ldr w10, [%[flag]]\n"
                     "   cbz w10, 1b\n"
                     "2: mov %w[aborted], #0\n"
                     "   b 4f\n"
                     "   .word 0xd428bc00\n"
                     "3: mov %w[aborted], #1\n"
                     "   b 4f\n"
                     "   .pushsection .data\n"
                     "   .balign 32\n"
                     "10: .word 0, 0\n"
                     "   .quad 1b, 2b - 1b, 3b\n"
                     "   .popsection\n"
                     "4:\n"
                     : [aborted] "=r"(aborted)
                     : [cs] "r"(&area.cs), [flag] "r"(flag)
                     : "x9", "x10", "memory");
    return aborted;
}

TEST(sequence_is_left_by_its_abort_address_before_a_handler_runs)
{
    static volatile sig_atomic_t never;
    EXPECT_OK(rseq(&area, 32, 0, SIGNATURE));
    signal(SIGALRM, on_alarm);
    struct itimerval soon = { { 0, 50000 }, { 0, 50000 } };
    /* Being moved or descheduled ends the sequence as well: again until the signal came. */
    EXPECT_OK(setitimer(ITIMER_REAL, &soon, NULL));
    int rounds = 0;
    while (hits == 0) {
        EXPECT_EQ(spin_until_restarted(&never), 1);
        EXPECT_EQ(area.cs, 0);
        rounds++;
    }
    EXPECT_TRUE(rounds >= 1);
    EXPECT_EQ(cs_in_handler, 0);
}

TEST(wrong_signature_before_the_abort_address_is_a_segv)
{
    pid_t pid = nt_fork();
    if (pid == 0) {
        static volatile sig_atomic_t never;
        rseq(&area, 32, 0, SIGNATURE + 4);
        struct itimerval soon = { { 0, 20000 }, { 0, 20000 } };
        signal(SIGALRM, on_alarm);
        setitimer(ITIMER_REAL, &soon, NULL);
        spin_until_restarted(&never);
        _exit(0);
    }
    EXPECT_KILLED(pid, SIGSEGV);
}
