/* A socket's name in the file system: the inode, its owner and permissions; and names that are in none (man 7 unix). */
#include "nacre_test.h"
#include "unix_test.h"

/* proves T8 */
TEST(a_name_is_free_again_after_unlink)
{
    nt_dir();
    int a = listener(SOCK_STREAM, "sock", 1);
    ASSERT_OK(unlink("sock"));
    int b = listener(SOCK_STREAM, "sock", 1);
    client(SOCK_STREAM, "sock");
    EXPECT_EQ(ready(a), 0);
    EXPECT_EQ(ready(b), POLLIN);
}

/* proves T7 */
TEST(connect_to_what_is_no_socket)
{
    nt_dir();
    nt_put("file", "");
    int s = ASSERT_OK(socket(AF_UNIX, SOCK_STREAM, 0));
    EXPECT_ERRNO(connect_path(s, "file"), ECONNREFUSED);
    EXPECT_ERRNO(connect_path(s, "."), ECONNREFUSED);
    EXPECT_ERRNO(connect_path(s, "file/x"), ENOTDIR);
    ASSERT_OK(mknod("node", S_IFSOCK | 0777, 0));
    EXPECT_ERRNO(connect_path(s, "node"), ECONNREFUSED);
    ASSERT_OK(symlink("loop", "loop"));
    EXPECT_ERRNO(connect_path(s, "loop"), ELOOP);
}

TEST(bind_does_not_follow_a_symlink_and_connect_does)
{
    nt_dir();
    ASSERT_OK(symlink("target", "link"));
    int s = ASSERT_OK(socket(AF_UNIX, SOCK_STREAM, 0));
    EXPECT_ERRNO(bind_path(s, "link"), EADDRINUSE);
    ASSERT_OK(bind_path(s, "target"));
    ASSERT_OK(listen(s, 1));
    client(SOCK_STREAM, "link");
}

TEST(bind_through_a_symlink_to_a_directory)
{
    nt_dir();
    ASSERT_OK(mkdir("d", 0755));
    ASSERT_OK(symlink("d", "l"));
    listener(SOCK_STREAM, "l/sock", 1);
    client(SOCK_STREAM, "d/sock");
}

TEST(a_relative_name_is_of_the_moment)
{
    nt_dir();
    ASSERT_OK(mkdir("d", 0755));
    listener(SOCK_STREAM, "sock", 1);
    ASSERT_OK(chdir("d"));
    int s = ASSERT_OK(socket(AF_UNIX, SOCK_STREAM, 0));
    EXPECT_ERRNO(connect_path(s, "sock"), ENOENT);
    EXPECT_OK(connect_path(s, "../sock"));
}

/* proves A12 */
TEST(bind_makes_an_inode_of_type_socket_owned_by_the_caller)
{
    nt_dir();
    ASSERT_OK(chmod(".", 0777));
    pid_t pid = nt_fork();
    if (pid == 0) {
        ASSERT_OK(setgid(77));
        ASSERT_OK(setuid(66));
        umask(0027);
        named(SOCK_STREAM, "sock");
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
    struct stat st;
    ASSERT_OK(stat("sock", &st));
    EXPECT_EQ(st.st_mode, S_IFSOCK | 0750);
    EXPECT_EQ(st.st_uid, 66);
    EXPECT_EQ(st.st_gid, 77);
    EXPECT_EQ(st.st_size, 0);
}

TEST(bind_needs_a_writable_directory)
{
    nt_dir();
    ASSERT_OK(mkdir("d", 0755));
    ASSERT_OK(setuid(65534));
    int s = ASSERT_OK(socket(AF_UNIX, SOCK_STREAM, 0));
    EXPECT_ERRNO(bind_path(s, "d/sock"), EACCES);
    EXPECT_ERRNO(bind_path(s, "/proc/sock"), ENOENT);
}

TEST(connect_needs_search_permission_on_the_way)
{
    nt_dir();
    ASSERT_OK(mkdir("d", 0700));
    listener(SOCK_STREAM, "d/sock", 1);
    ASSERT_OK(chmod("d/sock", 0777));
    ASSERT_OK(setuid(65534));
    int s = ASSERT_OK(socket(AF_UNIX, SOCK_STREAM, 0));
    EXPECT_ERRNO(connect_path(s, "d/sock"), EACCES);
}

TEST(sendto_needs_write_permission_too)
{
    nt_dir();
    named(SOCK_DGRAM, "sock");
    ASSERT_OK(chmod("sock", 0644));
    ASSERT_OK(setuid(65534));
    struct sockaddr_un a;
    socklen_t len = address(&a, "sock", 5);
    int s = ASSERT_OK(socket(AF_UNIX, SOCK_DGRAM, 0));
    EXPECT_ERRNO(sendto(s, "x", 1, 0, (struct sockaddr *)&a, len), EACCES);
    EXPECT_ERRNO(connect(s, (struct sockaddr *)&a, len), EACCES);
}

TEST(the_type_must_match)
{
    nt_dir();
    listener(SOCK_STREAM, "stream", 1);
    listener(SOCK_SEQPACKET, "seq", 1);
    named(SOCK_DGRAM, "dgram");
    static const int types[] = { SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM };
    static const char *const names[] = { "stream", "seq", "dgram" };
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++) {
            int s = ASSERT_OK(socket(AF_UNIX, types[i], 0));
            if (i == j)
                EXPECT_OK(connect_path(s, names[j]));
            else
                EXPECT_ERRNO(connect_path(s, names[j]), EPROTOTYPE);
        }
}

TEST(abstract_names_of_different_types_are_apart)
{
    struct sockaddr_un a;
    socklen_t len = abstract(&a, "nt-types");
    int s = ASSERT_OK(socket(AF_UNIX, SOCK_STREAM, 0)), d = ASSERT_OK(socket(AF_UNIX, SOCK_DGRAM, 0));
    EXPECT_OK(bind(s, (struct sockaddr *)&a, len));
    EXPECT_OK(bind(d, (struct sockaddr *)&a, len));
    int t = ASSERT_OK(socket(AF_UNIX, SOCK_STREAM, 0));
    EXPECT_ERRNO(bind(t, (struct sockaddr *)&a, len), EADDRINUSE);
}

/* proves A6 */
TEST(an_abstract_name_goes_with_its_socket)
{
    struct sockaddr_un a;
    socklen_t len = abstract(&a, "nt-goes");
    for (int i = 0; i < 3; i++) {
        int s = ASSERT_OK(socket(AF_UNIX, SOCK_STREAM, 0));
        EXPECT_OK(bind(s, (struct sockaddr *)&a, len));
        EXPECT_OK(listen(s, 1));
        close(s);
        int c = ASSERT_OK(socket(AF_UNIX, SOCK_STREAM, 0));
        EXPECT_ERRNO(connect(c, (struct sockaddr *)&a, len), ECONNREFUSED);
        close(c);
    }
}

TEST(abstract_names_need_no_permission)
{
    struct sockaddr_un a;
    socklen_t len = abstract(&a, "nt-free");
    int s = ASSERT_OK(socket(AF_UNIX, SOCK_STREAM, 0));
    ASSERT_OK(bind(s, (struct sockaddr *)&a, len));
    ASSERT_OK(listen(s, 1));
    ASSERT_OK(setuid(65534));
    int c = ASSERT_OK(socket(AF_UNIX, SOCK_STREAM, 0));
    EXPECT_OK(connect(c, (struct sockaddr *)&a, len));
}

TEST(the_empty_abstract_name_is_a_name)
{
    struct sockaddr_un a;
    socklen_t len = abstract(&a, "");
    int s = ASSERT_OK(socket(AF_UNIX, SOCK_STREAM, 0));
    EXPECT_OK(bind(s, (struct sockaddr *)&a, len));
    socklen_t told = sizeof a;
    EXPECT_OK(getsockname(s, (struct sockaddr *)&a, &told));
    EXPECT_EQ(told, 3);
}

TEST(a_second_bind_is_einval_whatever_the_name)
{
    nt_dir();
    int s = named(SOCK_STREAM, "one");
    EXPECT_ERRNO(bind_path(s, "two"), EINVAL);
    EXPECT_ERRNO(access("two", F_OK), ENOENT);
    EXPECT_ERRNO(bind_path(s, "one"), EADDRINUSE);
    struct sockaddr_un a;
    socklen_t len = abstract(&a, "nt-second");
    EXPECT_ERRNO(bind(s, (struct sockaddr *)&a, len), EINVAL);
    EXPECT_OK(bind(s, (struct sockaddr *)&a, 2));
}

TEST(autobind_twice_keeps_the_name)
{
    int s = ASSERT_OK(socket(AF_UNIX, SOCK_STREAM, 0));
    struct sockaddr_un a = { .sun_family = AF_UNIX }, b;
    socklen_t len = sizeof a, again = sizeof b;
    EXPECT_OK(bind(s, (struct sockaddr *)&a, 2));
    EXPECT_OK(getsockname(s, (struct sockaddr *)&a, &len));
    EXPECT_OK(bind(s, (struct sockaddr *)&a, 2));
    EXPECT_OK(getsockname(s, (struct sockaddr *)&b, &again));
    EXPECT_EQ(len, 8);
    EXPECT_MEMEQ(&a, &b, 8);
}
