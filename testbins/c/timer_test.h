/* What the families of timer tests share: a count of signals, and the kernel's own sigevent. */
#ifndef TIMER_TEST_H
#define TIMER_TEST_H

static volatile sig_atomic_t hits;
NT_UNUSED static void count(NT_UNUSED int signo)
{
    hits++;
}

NT_UNUSED static void wait_for(int n)
{
    for (int i = 0; i < 100000 && hits < n; i++)
        nt_sleep_ms(1);
}

/* From now on this process has one processor. Then what it armed comes in order: a later timer, or the end of a sleep,
 * never before an earlier timer that another processor has not looked at yet. */
NT_UNUSED static void on_one_processor(void)
{
    unsigned long mask[16] = { 0 };
    unsigned cpu = 0;
    EXPECT_OK(syscall(SYS_getcpu, &cpu, NULL, NULL));
    mask[cpu / 64] = 1UL << cpu % 64;
    EXPECT_OK(syscall(SYS_sched_setaffinity, 0, sizeof mask, mask));
}

/* The kernel's sigevent, so that the C library does not step in. */
struct event {
    union sigval value;
    int signo, notify, tid, pad[11];
};

#endif
