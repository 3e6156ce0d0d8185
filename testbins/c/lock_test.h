/* What the families of lock tests share: one file, and a record lock on a piece of it. */
#ifndef LOCK_TEST_H
#define LOCK_TEST_H

#include <sys/file.h>

#ifndef F_OFD_GETLK
#define F_OFD_GETLK 36
#define F_OFD_SETLK 37
#define F_OFD_SETLKW 38
#endif

NT_UNUSED static int file(void)
{
    nt_dir();
    nt_put("f", "0123456789");
    return ASSERT_OK(open("f", O_RDWR));
}

NT_UNUSED static int lock(int fd, int command, short type, off_t start, off_t length)
{
    struct flock l = { .l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = length };
    return fcntl(fd, command, &l);
}

#endif
