/*
 * Has this host a way to an address at all? Only the routing table is asked, nothing is sent.
 */
#ifndef DNS_ROUTE_H
#define DNS_ROUTE_H

#include "io/loop.h"

/* False: no route, no such address family, or no address of ours to send from (ENETUNREACH, EHOSTUNREACH, EAFNOSUPPORT,
 * EADDRNOTAVAIL). When it cannot be told, true. */
bool route_exists(const struct net_address *address);

#endif
