/* What a handler sees and may change: alternate stacks, the saved registers, fault information, nesting. */
#include "nacre_test.h"
#include <setjmp.h>
#include <ucontext.h>

static volatile sig_atomic_t hits;
static volatile uintptr_t handler_sp, seen_pc, seen_addr;
static volatile int seen_code, seen_signal;
static sigjmp_buf out;

static void on(int signo, void (*handler)(int, siginfo_t *, void *), int flags)
{
    struct sigaction act = { 0 };
    act.sa_sigaction = handler;
    act.sa_flags = SA_SIGINFO | flags;
    ASSERT_OK(sigaction(signo, &act, NULL));
}

static void where(NT_UNUSED int signo, NT_UNUSED siginfo_t *info, NT_UNUSED void *context)
{
    char here;
    __asm__ volatile("" : : "r"(&here) : "memory");
    handler_sp = (uintptr_t)&here;
    hits++;
}

static char alt[32768] __attribute__((aligned(16)));

TEST(onstack_handler_runs_on_the_alternate_stack)
{
    stack_t s = { .ss_sp = alt, .ss_size = sizeof alt }, old;
    EXPECT_OK(sigaltstack(&s, NULL));
    on(SIGUSR1, where, SA_ONSTACK);
    on(SIGUSR2, where, 0);
    raise(SIGUSR1);
    EXPECT_TRUE(handler_sp > (uintptr_t)alt && handler_sp < (uintptr_t)alt + sizeof alt);
    raise(SIGUSR2);
    EXPECT_TRUE(handler_sp < (uintptr_t)alt || handler_sp >= (uintptr_t)alt + sizeof alt);
    EXPECT_OK(sigaltstack(NULL, &old));
    EXPECT_EQ((uintptr_t)old.ss_sp, (uintptr_t)alt);
    EXPECT_EQ(old.ss_size, sizeof alt);
    EXPECT_EQ(old.ss_flags, 0);
}

static volatile int flags_inside, change_result;
static void ask_altstack(NT_UNUSED int signo, NT_UNUSED siginfo_t *info, NT_UNUSED void *context)
{
    stack_t now, other = { .ss_sp = alt, .ss_size = sizeof alt };
    sigaltstack(NULL, &now);
    flags_inside = now.ss_flags;
    change_result = sigaltstack(&other, NULL) == -1 ? errno : 0;
}

TEST(altstack_in_use_is_shown_and_cannot_change)
{
    stack_t s = { .ss_sp = alt, .ss_size = sizeof alt };
    EXPECT_OK(sigaltstack(&s, NULL));
    on(SIGUSR1, ask_altstack, SA_ONSTACK);
    raise(SIGUSR1);
    EXPECT_EQ(flags_inside, SS_ONSTACK);
    EXPECT_EQ(change_result, EPERM);
}

TEST(altstack_checks_size_flags_and_pointers)
{
    stack_t s = { .ss_sp = alt, .ss_size = 100 }, old;
    EXPECT_ERRNO(syscall(SYS_sigaltstack, &s, NULL), ENOMEM);
    s.ss_size = sizeof alt;
    s.ss_flags = 0x40;
    EXPECT_ERRNO(syscall(SYS_sigaltstack, &s, NULL), EINVAL);
    EXPECT_ERRNO(syscall(SYS_sigaltstack, NT_BAD, NULL), EFAULT);
    EXPECT_OK(syscall(SYS_sigaltstack, NULL, &old));
    EXPECT_EQ(old.ss_flags, SS_DISABLE);
    s.ss_flags = SS_DISABLE;
    EXPECT_OK(syscall(SYS_sigaltstack, &s, NULL));
}

TEST(altstack_is_inherited_by_fork_not_by_clone_vm_threads)
{
    stack_t s = { .ss_sp = alt, .ss_size = sizeof alt }, now;
    EXPECT_OK(sigaltstack(&s, NULL));
    pid_t pid = nt_fork();
    if (pid == 0) {
        EXPECT_OK(sigaltstack(NULL, &now));
        EXPECT_EQ(now.ss_size, sizeof alt);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
}

/* Recurses until the stack ends: frame[1] is never 77. */
static int deep(volatile char *above)
{
    volatile char frame[4096] = { 0 };
    frame[0] = above ? above[0] + 1 : 0;
    return frame[1] == 77 ? 0 : deep(frame) + frame[0];
}

static void overflowed(NT_UNUSED int signo, siginfo_t *info, NT_UNUSED void *context)
{
    _exit(info->si_signo == SIGSEGV ? 44 : 45);
}

TEST(stack_overflow_is_caught_on_the_alternate_stack)
{
    pid_t pid = nt_fork();
    if (pid == 0) {
        stack_t s = { .ss_sp = alt, .ss_size = sizeof alt };
        sigaltstack(&s, NULL);
        on(SIGSEGV, overflowed, SA_ONSTACK);
        deep(NULL);
    }
    EXPECT_EXIT(pid, 44);
}

TEST(stack_overflow_without_alternate_stack_kills)
{
    pid_t pid = nt_fork();
    if (pid == 0) {
        on(SIGSEGV, overflowed, 0);
        deep(NULL);
    }
    EXPECT_KILLED(pid, SIGSEGV);
}

static void leap(int signo, siginfo_t *info, void *context)
{
    seen_signal = signo;
    seen_code = info->si_code;
    seen_addr = (uintptr_t)info->si_addr;
    seen_pc = ((ucontext_t *)context)->uc_mcontext.pc;
    siglongjmp(out, 1);
}

static void expect_fault(int signo, int code, const void *at)
{
    EXPECT_EQ(seen_signal, signo);
    EXPECT_EQ(seen_code, code);
    EXPECT_EQ(seen_addr, (uintptr_t)at);
}

TEST(segv_on_an_unmapped_address_is_maperr_with_the_address)
{
    on(SIGSEGV, leap, 0);
    if (sigsetjmp(out, 1) == 0)
        *(volatile char *)((char *)NT_BAD + 5) = 1;
    expect_fault(SIGSEGV, SEGV_MAPERR, (char *)NT_BAD + 5);
    if (sigsetjmp(out, 1) == 0)
        (void)*(volatile char *)NULL;
    expect_fault(SIGSEGV, SEGV_MAPERR, NULL);
}

TEST(segv_on_a_protected_page_is_accerr)
{
    char *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    on(SIGSEGV, leap, 0);
    if (sigsetjmp(out, 1) == 0)
        *(volatile char *)(page + 7) = 1;
    expect_fault(SIGSEGV, SEGV_ACCERR, page + 7);
    mprotect(page, 4096, PROT_NONE);
    if (sigsetjmp(out, 1) == 0)
        (void)*(volatile char *)page;
    expect_fault(SIGSEGV, SEGV_ACCERR, page);
}

TEST(segv_on_executing_data_is_accerr_at_the_page)
{
    char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(page, 0, 4096);
    on(SIGSEGV, leap, 0);
    if (sigsetjmp(out, 1) == 0)
        ((void (*)(void))(uintptr_t)page)();
    expect_fault(SIGSEGV, SEGV_ACCERR, page);
    EXPECT_EQ(seen_pc, (uintptr_t)page);
}

TEST(segv_on_a_kernel_address_tells_nothing_more)
{
    on(SIGSEGV, leap, 0);
    if (sigsetjmp(out, 1) == 0)
        (void)*(volatile char *)NT_KERNEL;
    EXPECT_EQ(seen_signal, SIGSEGV);
    EXPECT_EQ(seen_code, SEGV_MAPERR);
}

TEST(sigill_on_an_undefined_instruction_has_its_address)
{
    uintptr_t at;
    on(SIGILL, leap, 0);
    __asm__ volatile("adr %0, 1f" : "=r"(at));
    if (sigsetjmp(out, 1) == 0)
        __asm__ volatile("1: udf #0" : : : "memory");
    EXPECT_EQ(seen_signal, SIGILL);
    EXPECT_EQ(seen_code, ILL_ILLOPC);
    EXPECT_EQ(seen_addr, seen_pc);
    (void)at;
}

TEST(sigtrap_on_brk_has_its_address)
{
    on(SIGTRAP, leap, 0);
    if (sigsetjmp(out, 1) == 0)
        __asm__ volatile("brk #1" : : : "memory");
    EXPECT_EQ(seen_signal, SIGTRAP);
    EXPECT_EQ(seen_code, TRAP_BRKPT);
    EXPECT_EQ(seen_addr, seen_pc);
}

TEST(sigbus_on_a_misaligned_stack_pointer_or_pc)
{
    on(SIGBUS, leap, SA_ONSTACK);
    stack_t s = { .ss_sp = alt, .ss_size = sizeof alt };
    sigaltstack(&s, NULL);
    if (sigsetjmp(out, 1) == 0)
        ((void (*)(void))(((uintptr_t)nt_done & ~3UL) + 2))();
    EXPECT_EQ(seen_signal, SIGBUS);
    EXPECT_EQ(seen_code, BUS_ADRALN);
    EXPECT_EQ(seen_addr & 3, 2);
}

TEST(reading_a_privileged_register_is_sigill)
{
    on(SIGILL, leap, 0);
    if (sigsetjmp(out, 1) == 0) {
        unsigned long v;
        __asm__ volatile("mrs %0, sctlr_el1" : "=r"(v));
        seen_signal = -1;
    }
    EXPECT_EQ(seen_signal, SIGILL);
}

TEST(blocked_fault_kills)
{
    pid_t pid = nt_fork();
    if (pid == 0) {
        sigset_t set;
        on(SIGSEGV, overflowed, 0);
        sigemptyset(&set);
        sigaddset(&set, SIGSEGV);
        sigprocmask(SIG_BLOCK, &set, NULL);
        *(volatile char *)NT_BAD = 1;
        _exit(0);
    }
    EXPECT_KILLED(pid, SIGSEGV);
}

TEST(ignored_fault_kills)
{
    pid_t pid = nt_fork();
    if (pid == 0) {
        signal(SIGSEGV, SIG_IGN);
        *(volatile char *)NT_BAD = 1;
        _exit(0);
    }
    EXPECT_KILLED(pid, SIGSEGV);
}

static void skip_instruction(NT_UNUSED int signo, NT_UNUSED siginfo_t *info, void *context)
{
    mcontext_t *m = &((ucontext_t *)context)->uc_mcontext;
    m->pc += 4;
    m->regs[19] = 0x1919;
    hits++;
}

TEST(handler_may_change_pc_and_registers)
{
    unsigned long got;
    on(SIGTRAP, skip_instruction, 0);
    __asm__ volatile("mov x19, #1\n brk #7\n mov %0, x19" : "=r"(got) : : "x19", "memory");
    EXPECT_EQ(got, 0x1919);
    EXPECT_EQ(hits, 1);
}

static ucontext_t saved;
static void copy_context(NT_UNUSED int signo, NT_UNUSED siginfo_t *info, void *context)
{
    saved = *(ucontext_t *)context;
    ((ucontext_t *)context)->uc_mcontext.pc += 4;
}

TEST(context_holds_the_registers_at_the_fault)
{
    unsigned long sp;
    on(SIGTRAP, copy_context, 0);
    __asm__ volatile("mov x0, #100\n mov x8, #108\n mov x15, #115\n mov x20, #120\n mov x28, #128\n"
                     "cmp x0, x0\n mov %0, sp\n brk #0"
                     : "=r"(sp)
                     :
                     : "x0", "x8", "x15", "x20", "x28", "cc", "memory");
    EXPECT_EQ(saved.uc_mcontext.regs[0], 100);
    EXPECT_EQ(saved.uc_mcontext.regs[8], 108);
    EXPECT_EQ(saved.uc_mcontext.regs[15], 115);
    EXPECT_EQ(saved.uc_mcontext.regs[20], 120);
    EXPECT_EQ(saved.uc_mcontext.regs[28], 128);
    EXPECT_EQ(saved.uc_mcontext.sp, sp);
    EXPECT_EQ(saved.uc_mcontext.pstate >> 28, 6); /* Z and C */
    EXPECT_EQ(saved.uc_flags, 0);
    EXPECT_TRUE(saved.uc_link == NULL);
}

static volatile uint32_t fp_magic, fp_size;
static volatile unsigned char fp_v8[16];
static volatile size_t fp_offset;
static void fp_context(NT_UNUSED int signo, NT_UNUSED siginfo_t *info, void *context)
{
    ucontext_t *u = context;
    char *record = (char *)u->uc_mcontext.__reserved;
    fp_offset = record - (char *)u;
    while (((uint32_t *)record)[0] && ((uint32_t *)record)[0] != 0x46508001)
        record += ((uint32_t *)record)[1];
    fp_magic = ((uint32_t *)record)[0];
    fp_size = ((uint32_t *)record)[1];
    unsigned char *v8 = (unsigned char *)record + 16 + 8 * 16;
    for (int i = 0; i < 16; i++) {
        fp_v8[i] = v8[i];
        v8[i] = 0x5a;
    }
    u->uc_mcontext.pc += 4;
}

TEST(context_has_the_fpsimd_record_and_restores_from_it)
{
    unsigned char in[16], got[16];
    for (int i = 0; i < 16; i++)
        in[i] = i + 1;
    on(SIGTRAP, fp_context, 0);
    __asm__ volatile("ldr q8, [%0]\n brk #0\n str q8, [%1]" : : "r"(in), "r"(got) : "v8", "memory");
    EXPECT_EQ(fp_magic, 0x46508001);
    EXPECT_EQ(fp_size, 528);
    EXPECT_EQ(fp_offset % 16, 0);
    EXPECT_MEMEQ((unsigned char *)fp_v8, in, 16);
    memset(in, 0x5a, 16);
    EXPECT_MEMEQ(got, in, 16);
}

static void clobber_fp(NT_UNUSED int signo, NT_UNUSED siginfo_t *info, NT_UNUSED void *context)
{
    __asm__ volatile("movi v0.16b, #255\n movi v8.16b, #255\n movi v31.16b, #255" : : : "v0", "v8", "v31");
    hits++;
}

TEST(handler_using_vectors_does_not_disturb_the_program)
{
    double in[2] = { 1.25, 2.5 }, got[2];
    long nr = SYS_tgkill, pid = getpid();
    on(SIGUSR1, clobber_fp, 0);
    __asm__ volatile("ldr d8, [%0]\n ldr d31, [%0, #8]\n mov x0, %2\n mov x1, %2\n mov x2, #10\n mov x8, %3\n svc #0\n"
                     "str d8, [%1]\n str d31, [%1, #8]"
                     :
                     : "r"(in), "r"(got), "r"(pid), "r"(nr)
                     : "x0", "x1", "x2", "x8", "v8", "v31", "memory");
    EXPECT_EQ(hits, 1);
    EXPECT_MEMEQ(got, in, sizeof in);
}

TEST(system_call_result_and_registers_survive_a_handler)
{
    unsigned long kept[6];
    long result;
    on(SIGUSR1, clobber_fp, 0);
    __asm__ volatile("mov x0, %2\n mov x1, %2\n mov x2, #10\n mov x3, #33\n mov x7, #77\n mov x9, #99\n mov x17, #117\n"
                     "mov x8, #131\n svc #0\n mov %0, x0\n"
                     "stp x1, x2, [%1]\n stp x3, x7, [%1, #16]\n stp x9, x17, [%1, #32]"
                     : "=&r"(result)
                     : "r"(kept), "r"((long)getpid())
                     : "x0", "x1", "x2", "x3", "x7", "x8", "x9", "x17", "memory");
    EXPECT_EQ(hits, 1);
    EXPECT_EQ(result, 0);
    EXPECT_EQ(kept[0], getpid());
    EXPECT_EQ(kept[1], 10);
    EXPECT_EQ(kept[2], 33);
    EXPECT_EQ(kept[3], 77);
    EXPECT_EQ(kept[4], 99);
    EXPECT_EQ(kept[5], 117);
}

static void change_mask(NT_UNUSED int signo, NT_UNUSED siginfo_t *info, void *context)
{
    sigaddset(&((ucontext_t *)context)->uc_sigmask, SIGUSR2);
}

TEST(handler_may_change_the_mask_that_returns)
{
    sigset_t set;
    on(SIGUSR1, change_mask, 0);
    raise(SIGUSR1);
    sigprocmask(SIG_BLOCK, NULL, &set);
    EXPECT_EQ(sigismember(&set, SIGUSR2), 1);
}

static void spoil_frame(NT_UNUSED int signo, NT_UNUSED siginfo_t *info, void *context)
{
    ((ucontext_t *)context)->uc_mcontext.pstate = 5; /* EL1h: not for a program to ask */
}

TEST(frame_with_a_kernel_state_is_refused)
{
    pid_t pid = nt_fork();
    if (pid == 0) {
        on(SIGUSR1, spoil_frame, 0);
        raise(SIGUSR1);
        _exit(0);
    }
    EXPECT_KILLED(pid, SIGSEGV);
}

TEST(rt_sigreturn_without_a_frame_kills)
{
    pid_t pid = nt_fork();
    if (pid == 0) {
        __asm__ volatile("mov sp, %0\n mov x8, #139\n svc #0" : : "r"(NT_BAD) : "x8", "memory");
        _exit(0);
    }
    EXPECT_KILLED(pid, SIGSEGV);
}
