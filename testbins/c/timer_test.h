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
    for (int i = 0; i < 4000 && hits < n; i++)
        nt_sleep_ms(1);
}

/* The kernel's sigevent, so that the C library does not step in. */
struct event {
    union sigval value;
    int signo, notify, tid, pad[11];
};

#endif
