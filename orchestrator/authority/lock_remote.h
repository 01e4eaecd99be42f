/*
 * The way to the lock over the HTTP face of another host (docs/LOCK.md): POST, PUT and DELETE /v1/locks/{name}.
 *
 * For hosts without the store and without a configuration: an address, a token and perhaps a trust file is all it needs. Each call waits in a loop
 * of its own; a try that waits is answered when it is our turn, at the latest after WAIT_MOST_S, and the next one brings the same ticket.
 * What the server says is data: sizes are capped (io/http.h), texts escaped, instants counted from before the request was sent.
 */
#ifndef AUTHORITY_LOCK_REMOTE_H
#define AUTHORITY_LOCK_REMOTE_H

#include "authority/lock_hold.h"
#include "base/json.h"
#include "io/http.h"

struct lock_remote { /* borrowed, but for the ticket */
    struct loop *loop;
    struct http *http;
    const char *server; /* "https://cert1.example.com:8443" */
    const struct secret *token;
    const char *ca_file; /* NULL */
    const char *name, *client, *purpose;
    int64_t ttl_ms;
    const char *const *names; /* of the order */
    size_t n_names;           /* 0: no order */
    const char *authority;    /* a name the server knows, or a directory's URL */
    int64_t ticket;
};
/* Is the address one that may be asked? CONFIG. */
bool lock_server_check(const char *server, struct err *err);
struct lock_way lock_way_of_server(struct lock_remote *self);

#endif
