/* What tests of netlink share: a socket, requests with attributes, answers. */
#ifndef NETLINK_TEST_H
#define NETLINK_TEST_H

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

struct nl_request {
    struct nlmsghdr h;
    char body[1024];
};

NT_UNUSED static int nl_open(int protocol)
{
    struct sockaddr_nl a = { .nl_family = AF_NETLINK };
    struct timeval patience = { .tv_sec = 600 };
    int s = ASSERT_OK(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol));
    ASSERT_OK(bind(s, (struct sockaddr *)&a, sizeof a));
    setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    return s;
}

/* Begins a request with its fixed part. */
NT_UNUSED static void nl_begin(struct nl_request *r, int type, int flags, const void *fixed, size_t len)
{
    memset(r, 0, sizeof *r);
    r->h.nlmsg_len = NLMSG_LENGTH(len);
    r->h.nlmsg_type = type;
    r->h.nlmsg_flags = NLM_F_REQUEST | flags;
    r->h.nlmsg_seq = 77;
    memcpy(NLMSG_DATA(&r->h), fixed, len);
}

NT_UNUSED static void nl_add(struct nl_request *r, int type, const void *data, size_t len)
{
    struct rtattr *a = (struct rtattr *)((char *)r + NLMSG_ALIGN(r->h.nlmsg_len));
    a->rta_type = type;
    a->rta_len = RTA_LENGTH(len);
    memcpy(RTA_DATA(a), data, len);
    r->h.nlmsg_len = NLMSG_ALIGN(r->h.nlmsg_len) + RTA_ALIGN(a->rta_len);
}

NT_UNUSED static void nl_add_ip(struct nl_request *r, int type, const char *ip)
{
    struct in_addr a;
    inet_pton(AF_INET, ip, &a);
    nl_add(r, type, &a, 4);
}

NT_UNUSED static void nl_add_u32(struct nl_request *r, int type, unsigned value)
{
    nl_add(r, type, &value, 4);
}

/* Sends a request that wants an acknowledgement: 0, or the error's number. */
NT_UNUSED static int nl_ask(int s, struct nl_request *r)
{
    char buf[16384];
    r->h.nlmsg_flags |= NLM_F_ACK;
    if (send(s, r, r->h.nlmsg_len, 0) != (ssize_t)r->h.nlmsg_len)
        return -1;
    for (;;) {
        ssize_t n = recv(s, buf, sizeof buf, 0);
        struct nlmsghdr *h = (struct nlmsghdr *)buf;
        if (n <= 0)
            return -1;
        for (; NLMSG_OK(h, (size_t)n); h = NLMSG_NEXT(h, n))
            if (h->nlmsg_type == NLMSG_ERROR && h->nlmsg_seq == r->h.nlmsg_seq)
                return -((struct nlmsgerr *)NLMSG_DATA(h))->error;
    }
}

/* Calls `each` for all messages of a dump; how many there were, or -1. */
NT_UNUSED static int nl_dump(int s, struct nl_request *r, int (*each)(struct nlmsghdr *, void *), void *with)
{
    static char buf[65536];
    int count = 0;
    r->h.nlmsg_flags |= NLM_F_DUMP;
    if (send(s, r, r->h.nlmsg_len, 0) != (ssize_t)r->h.nlmsg_len)
        return -1;
    for (;;) {
        ssize_t n = recv(s, buf, sizeof buf, 0);
        struct nlmsghdr *h = (struct nlmsghdr *)buf;
        if (n <= 0)
            return -1;
        for (; NLMSG_OK(h, (size_t)n); h = NLMSG_NEXT(h, n)) {
            if (h->nlmsg_type == NLMSG_DONE)
                return count;
            if (h->nlmsg_type == NLMSG_ERROR)
                return -1;
            if (!each || each(h, with))
                count++;
        }
    }
}

/* An attribute of a message with a fixed part of `len` bytes. */
NT_UNUSED static struct rtattr *nl_find(struct nlmsghdr *h, size_t len, int type)
{
    struct rtattr *a = (struct rtattr *)((char *)NLMSG_DATA(h) + NLMSG_ALIGN(len));
    int left = h->nlmsg_len - NLMSG_LENGTH(len);
    for (; RTA_OK(a, left); a = RTA_NEXT(a, left))
        if ((a->rta_type & NLA_TYPE_MASK) == type)
            return a;
    return NULL;
}

#endif
