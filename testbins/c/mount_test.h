/* What the families of mount tests share: a tree of their own. */
#ifndef MOUNT_TEST_H
#define MOUNT_TEST_H

#include <sys/mount.h>

static char here[64];

/* A directory of our own on a private tmpfs, with the places a and b. */
NT_UNUSED static void own_tree(void)
{
    nt_dir();
    ASSERT_TRUE(getcwd(here, sizeof here) != NULL);
    ASSERT_OK(mount("n", here, "tmpfs", 0, NULL));
    ASSERT_OK(mount(NULL, here, NULL, MS_PRIVATE, NULL));
    ASSERT_OK(chdir(here));
    ASSERT_OK(mkdir("a", 0755));
    ASSERT_OK(mkdir("b", 0755));
}

#endif
