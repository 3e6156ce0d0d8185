/* What the families of socket option tests share. */
#ifndef SOCK_OPTIONS_H
#define SOCK_OPTIONS_H

#include "unix_test.h"

#ifndef SO_RESERVE_MEM
#define SO_RESERVE_MEM 73
#endif
#ifndef SO_TXREHASH
#define SO_TXREHASH 74
#endif
#ifndef SO_RCVMARK
#define SO_RCVMARK 75
#endif
#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif
#ifndef SO_BUF_LOCK
#define SO_BUF_LOCK 72
#endif
#ifndef SO_PREFER_BUSY_POLL
#define SO_PREFER_BUSY_POLL 69
#define SO_BUSY_POLL_BUDGET 70
#endif

NT_UNUSED static int unix_socket(int type)
{
    return ASSERT_OK(socket(AF_UNIX, type, 0));
}

/* Starts off, goes on with any number but 0, is told as 1, and goes off again. */
NT_UNUSED static void check_switch(int name)
{
    int s = unix_socket(SOCK_STREAM);
    EXPECT_EQ(option(s, name), 0);
    set_option(s, name, 5);
    EXPECT_EQ(option(s, name), 1);
    set_option(s, name, 0);
    EXPECT_EQ(option(s, name), 0);
    close(s);
}

/* error 0: it works */
#define TRY_SET(s, name, value, error) nt_check_eq(__FILE__, __LINE__, "set " #name, set_errno(s, name, value), error, 0)
#define TRY_GET(s, name, error) nt_check_eq(__FILE__, __LINE__, "get " #name, get_errno(s, name), error, 0)

NT_UNUSED static int set_errno(int s, int name, int value)
{
    errno = 0;
    return setsockopt(s, SOL_SOCKET, name, &value, sizeof value) == -1 ? errno : 0;
}

NT_UNUSED static int get_errno(int s, int name)
{
    char value[256];
    socklen_t len = sizeof value;
    return getsockopt(s, SOL_SOCKET, name, value, &len) == -1 ? errno : 0;
}

NT_UNUSED static void become_nobody(void)
{
    ASSERT_OK(setgid(65534));
    ASSERT_OK(setuid(65534));
}

#endif
