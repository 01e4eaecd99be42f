#include "dns/route.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

static socklen_t sockaddr_fill(const struct net_address *address, struct sockaddr_storage *out)
{
    *out = (struct sockaddr_storage){0};
    if (address->ip_len == 4) {
        struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)out;
        v4->sin_family = AF_INET;
        v4->sin_port = htons(address->port);
        memcpy(&v4->sin_addr, address->ip, 4);
        return sizeof *v4;
    }
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)out;
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(address->port);
    memcpy(&v6->sin6_addr, address->ip, 16);
    return sizeof *v6;
}

static bool is_no_way(int errnum)
{
    return errnum == ENETUNREACH || errnum == EHOSTUNREACH || errnum == EAFNOSUPPORT ||
           errnum == EADDRNOTAVAIL;
}

bool route_exists(const struct net_address *address)
{
    struct sockaddr_storage where;
    if (address->ip_len == 0)
        return true;
    socklen_t len = sockaddr_fill(address, &where);
    int fd = socket(where.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return !is_no_way(errno);
    /* Connecting a datagram socket only chooses the route. */
    bool ok = connect(fd, (struct sockaddr *)&where, len) == 0 || !is_no_way(errno);
    close(fd);
    return ok;
}
