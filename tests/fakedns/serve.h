/*
 * The sockets of the fake DNS server: one thread, one epoll, batches of datagrams.
 */
#ifndef FAKEDNS_SERVE_H
#define FAKEDNS_SERVE_H

#include "inner.h"

/* A descriptor the thread looks at. */
enum source_kind { SOURCE_UDP, SOURCE_LISTENER, SOURCE_CONNECTION };
struct source {
    struct list link; /* in world->sources */
    enum source_kind kind;
    struct fake_host *host;
    int fd;
    struct buf in; /* of a connection: what came and is not whole yet */
};

/* Opens both sockets of a host. With port 0 any that is free for both; *ret_port says which. */
bool serve_open(struct fake_host *host, const char *address, uint16_t port, uint16_t *ret_port);
void serve_start(struct fake_dns *world);
/* Ends the thread and closes everything. */
void serve_stop(struct fake_dns *world);

#endif
