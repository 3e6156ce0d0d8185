/* What the families of inotify tests share: one instance, and its next event. */
#ifndef INOTIFY_TEST_H
#define INOTIFY_TEST_H

#include <sys/inotify.h>

static int in;
static char buffer[8192] __attribute__((aligned(8)));
static long have, at;

NT_UNUSED static void start(void)
{
    nt_dir();
    in = ASSERT_OK(inotify_init1(IN_NONBLOCK));
    have = at = 0;
}

NT_UNUSED static struct inotify_event *next(void)
{
    static struct inotify_event none;
    if (at >= have) {
        have = read(in, buffer, sizeof buffer);
        at = 0;
        if (have <= 0) {
            none.wd = -99;
            none.mask = 0;
            return &none;
        }
    }
    struct inotify_event *e = (struct inotify_event *)(buffer + at);
    at += sizeof *e + e->len;
    return e;
}

#endif
