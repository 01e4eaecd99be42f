/*
 * The world of a story: time, CAs and name servers outside the program, and the moment at which the program is killed.
 *
 * A story runs the real program over a fake lib/io. The fakes define the functions of loop.h, http.h, dns.h, process.h and probe.h, so the
 * linker never takes the real ones. Everything that takes time is an EVENT in one heap; loop_wait jumps to the next one. A month of
 * virtual time costs what the program does in it.
 *
 *   the wire      what is sent arrives at once, its answer takes LATENCY_MS. A program that dies has sent what it has sent.
 *   two clocks    now_ms is true time (CAs, name servers); the program's wall clock may be wrong by skew_ms
 *   a kill        from the kill on the store takes nothing more, nothing is sent and nothing is heard: the program unwinds without a trace
 *
 * There is one world at a time.
 */
#ifndef STORIES_WORLD_H
#define STORIES_WORLD_H

#include "base/list.h"
#include "fake/ca_core.h"
#include "io/dns.h"

enum { WORLD_CAS_MAX = 3, WORLD_SERVERS_MAX = 4, WORLD_LATENCY_MS = 10 };

/* Something that will happen. Owner: who made it; out of the heap it may be freed. */
struct event {
    struct heap_node node;
    void (*happen)(struct event *event);
};

enum reach { REACH_WORKS, REACH_DOWN, REACH_SILENT, REACH_SERVFAIL, REACH_REFUSED, REACH_LOST };

struct world_ca {
    char name[16], base_url[32]; /* "ca1", "https://ca1.test" */
    struct fake_ca *fake;
    enum reach reach;
};

struct world_server {
    char name[32]; /* "ns1.example.com" */
    struct net_address address;
    int64_t lag_ms;
    enum reach reach;
    size_t n_asked;
};

struct world_value { /* a TXT value and when it was there */
    struct list in_world;
    char *owner, *text;
    int64_t added_at_ms, removed_at_ms; /* INT64_MAX: it is there */
    bool is_foreign;
};

struct world_alias {
    struct list in_world;
    char *owner, *target;
};

struct world_caa {
    struct list in_world;
    char *owner, *tag, *value;
    unsigned flags;
};

enum kill_when { KILL_NEVER, KILL_BEFORE, KILL_AFTER, KILL_AT_POINT };
struct world_kill {
    enum kill_when when;
    char what[32]; /* "newOrder", "publish", "commit" ... */
    int64_t nth;   /* BEFORE, AFTER: the n-th of them; AT_POINT: the n-th point of any kind */
};

struct world {
    int64_t now_ms, skew_ms, started_at_ms;
    struct heap events;
    struct world_ca cas[WORLD_CAS_MAX];
    struct world_server servers[WORLD_SERVERS_MAX];
    size_t n_servers;
    struct list values, aliases;
    struct list caas;
    enum reach caa_reach;  /* how questions for CAA are met; WORKS: as others */
    char *bogus_zone;      /* or NULL */
    bool dnssec_is_silent; /* nobody answers the validating resolver */
    enum reach updates;    /* how the primary takes DNS UPDATEs */
    int64_t n_updates, n_questions, n_requests;
    int64_t program_takes_ms; /* what the hook of the provider exec runs for */

    struct world_kill kill;
    bool is_killed;
    int64_t killed_at_ms;
    int64_t n_points; /* passed since the kill was set */
    int64_t n_kills;  /* at points */
    bool store_is_full;
    int n_stops; /* signals the program was sent */

    int64_t n_waits;       /* since the run began */
    int64_t most_at_once;  /* that happened in one of them */
    int64_t give_up_at_ms; /* a run that is still going on then never ends */
    char wrong[512];       /* what can not be in a story: "" or why it is over */
};
extern struct world world;

/* Everything afresh: two CAs, two name servers, 2030-01-01. */
void world_begin(void);
void world_end(void);

/* Now or later; equal times happen in the order they came. */
void world_later(struct event *event, int64_t after_ms);
void world_cancel(struct event *event);
int64_t world_wall_ms(void); /* the program's clock */
/* The story cannot go on. The first reason counts. */
void world_wrong(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

void world_kill_at(enum kill_when when, const char *what, int64_t nth);
/* The program dies now. world_wake: it is buried, another may live. */
void world_kill(void);
void world_wake(void);

/* A point at which a program may die: before and after what is lasting. False: it is dead, the deed must not be done (before) or its answer
 * never heard (after). */
bool world_point(const char *what, enum kill_when when);

struct world_ca *world_ca(const char *name); /* NULL when there is none */
struct world_ca *world_ca_of_url(const char *url, const char **ret_path);

/* DNS. */
void world_txt_change(const char *owner, const char *text, bool present, bool is_foreign);
size_t world_n_txt(bool foreign_too);
struct world_server *world_server(const char *name); /* "ns1" */
struct world_server *world_server_at(const struct net_address *address);
/* What a CA's resolver finds: it follows aliases and asks any server that answers, so all of those must show the value. */
bool world_txt_seen(void *ctx, const char *owner, const char *text);
/* The same for all values at a name, each ended by a newline. */
void world_txt_all(void *ctx, const char *owner, struct buf *out);
const char *world_alias_of(const char *owner); /* NULL: no CNAME */
void world_caa_free(struct world_caa *caa);
bool world_value_shows(const struct world_value *value, const struct world_server *server);

#endif
