/*
 * The inside of the fake DNS server, for its own files. One thread serves; whoever touches the world holds its lock.
 */
#ifndef FAKEDNS_INNER_H
#define FAKEDNS_INNER_H

#include "dns_server.h"
#include "zones.h"

#include "base/clock.h"

#include <pthread.h>

struct rule {
    struct rule *next;
    char *name; /* NULL: any */
    int type;   /* 0: any */
    enum fake_act act;
    int n; /* how often still; -1: for ever */
};
struct fake_host {
    struct fake_dns *world;
    struct list link;
    char *address;
    enum fake_role role;
    int64_t lag_ms;
    bool takes_updates;
    struct table serves; /* zone names; empty: all */
    struct rule *rules;
    struct table asked; /* "name/type" -> size_t */
    size_t n_asked, n_updates;
    struct source *udp, *listener;
};
struct fake_dns {
    pthread_mutex_t lock;
    pthread_t thread;
    int epoll_fd, stop_fd;
    uint16_t port;
    struct list hosts, sources;
    struct zones zones;
    bool forgets_names; /* of what was asked only the number is kept */
    int64_t n_questions;
    int log_fd;
    bool log_questions;
};

/* A question as it was asked. */
struct query {
    struct fake_host *host;
    const unsigned char *message;
    size_t len;
    bool over_tcp;
    uint16_t id, flags;
    size_t question_len; /* bytes of the question section, after the header */
    char name[NAME_MAX_LEN];
    int type;
    bool has_edns;
    size_t udp_max;
    int64_t now_ms;
};

/* Handles one message; out->len 0: say nothing. */
void fake_answer(struct fake_host *host, const unsigned char *message, size_t len, bool over_tcp,
                 struct wire_out *out);
/* The zone data's answer: everything after the question, and flags and rcode in *ret_flags. */
void fake_resolve(const struct query *q, struct wire_out *out, unsigned *ret_flags);
/* RFC 2136: returns the rcode. */
unsigned fake_update(struct fake_host *host, const unsigned char *message, size_t len,
                     int64_t now_ms);
/* The rule for this question, counted down; FAKE_ANSWER when there is none. */
enum fake_act fake_rule(struct fake_host *host, const char *name, int type);
void fake_count(struct fake_host *host, const char *name, int type);
/* The deepest zone of the world that this host serves and that holds name; NULL when none. */
struct zone *fake_zone_of(const struct fake_host *host, const char *name);
/* verb: "ask", "add", "remove". */
void fake_log(struct fake_host *host, const char *verb, const char *name, int type, struct str data,
              bool over_tcp);
void fake_host_fini(struct fake_host *host);

#endif
