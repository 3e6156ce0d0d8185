/* The options of SOL_SOCKET that are on or off, on AF_UNIX sockets (man 7 socket). */
#include "nacre_test.h"
#include "sock_options.h"

TEST(so_debug_needs_privilege_to_go_on_and_none_to_go_off)
{
    check_switch(SO_DEBUG);
    int s = unix_socket(SOCK_STREAM);
    become_nobody();
    TRY_SET(s, SO_DEBUG, 1, EACCES);
    TRY_SET(s, SO_DEBUG, 0, 0);
}

/* proves B12 */
TEST(so_reuseaddr_is_a_switch)
{
    check_switch(SO_REUSEADDR);
}

TEST(so_reuseport_is_refused_on_unix_when_it_goes_on)
{
    int s = unix_socket(SOCK_STREAM);
    TRY_SET(s, SO_REUSEPORT, 1, EOPNOTSUPP);
    TRY_SET(s, SO_REUSEPORT, 0, 0);
    EXPECT_EQ(option(s, SO_REUSEPORT), 0);
}

TEST(so_dontroute_is_a_switch)
{
    check_switch(SO_DONTROUTE);
}

TEST(so_broadcast_is_a_switch)
{
    check_switch(SO_BROADCAST);
}

TEST(so_keepalive_is_a_switch)
{
    check_switch(SO_KEEPALIVE);
}

TEST(so_oobinline_is_a_switch)
{
    check_switch(SO_OOBINLINE);
}

TEST(so_no_check_is_a_switch)
{
    check_switch(SO_NO_CHECK);
}

/* proves A13 */
TEST(so_passcred_and_passpidfd_are_switches)
{
    check_switch(SO_PASSCRED);
    check_switch(76);
}

TEST(so_passsec_is_a_switch_and_labels_never_come)
{
    int s[2];
    char c, control[64];
    check_switch(SO_PASSSEC);
    pair(SOCK_DGRAM, s);
    set_option(s[1], SO_PASSSEC, 1);
    EXPECT_EQ(send(s[0], "x", 1, 0), 1);
    struct iovec v = { &c, 1 };
    struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
    EXPECT_EQ(recvmsg(s[1], &m, 0), 1);
    EXPECT_EQ(m.msg_controllen, 0);
    EXPECT_EQ(m.msg_flags, 0);
}

TEST(so_peersec_is_enoprotoopt_without_a_security_module)
{
    int s[2];
    pair(SOCK_STREAM, s);
    TRY_GET(s[0], SO_PEERSEC, ENOPROTOOPT);
}

TEST(so_rxq_ovfl_is_a_switch)
{
    check_switch(SO_RXQ_OVFL);
}

TEST(so_wifi_status_is_a_switch)
{
    check_switch(SO_WIFI_STATUS);
}

TEST(so_nofcs_is_a_switch)
{
    check_switch(SO_NOFCS);
}

TEST(so_select_err_queue_is_a_switch)
{
    check_switch(SO_SELECT_ERR_QUEUE);
}

TEST(so_rcvmark_is_a_switch)
{
    check_switch(SO_RCVMARK);
}

TEST(so_zerocopy_is_refused_on_unix)
{
    int s = unix_socket(SOCK_STREAM);
    TRY_SET(s, SO_ZEROCOPY, 1, EOPNOTSUPP);
    EXPECT_EQ(option(s, SO_ZEROCOPY), 0);
}
