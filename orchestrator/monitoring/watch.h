/*
 * A watch: one look at one endpoint, at every address it has. The inside of monitoring.
 */
#ifndef MONITORING_WATCH_H
#define MONITORING_WATCH_H

#include "base/list.h"
#include "io/probe.h"
#include "monitoring/monitoring.h"

enum { WATCH_ADDRESSES_MAX = 16, WATCH_SIGHTS_MAX = WATCH_ADDRESSES_MAX * LANES_MAX };

struct sight { /* of one address, with one kind of key */
    struct watch *watch;
    struct net_address address;
    const struct certificate *expected; /* of the watch's unit */
    struct probe_call *call;
    struct presented presented; /* chain NULL when there was no handshake */
    enum probe_stage stage;
    struct err err;
    enum endpoint_verdict verdict;
    double life_left;
};

struct watch {
    struct list in_monitoring;
    struct house *house;
    size_t *n_out; /* of monitoring: looks under way */
    int64_t id;    /* of the endpoint */
    char *set, *endpoint;
    int64_t since_at_ms;
    char *old_verdict;         /* as stored, or NULL */
    struct set_config *config; /* owned; endpoint settings are looked up in it */
    const struct endpoint_config *settings;
    struct certificate **unit; /* the current certificates, one a kind of key; at least one */
    size_t n_unit;
    struct resolve_call *resolving;
    struct sight sights[WATCH_SIGHTS_MAX];
    size_t n_sights, n_probing;
    struct err err; /* the name has no address */
    bool starts, is_over;
    int n_looks;         /* in this run */
    int64_t again_at_ms; /* a further look in this run; 0: none */
};

void watch_free(struct watch *watch);
/* Resolves and probes; is_over when all addresses have answered or failed. */
void watch_start(struct watch *watch);
/* Forgets what was seen, for a further look. */
void watch_reset(struct watch *watch);
/* Judges every sight against the store; gives the worst verdict and a sentence that says what is served where. */
bool watch_judge(struct watch *watch, enum endpoint_verdict *ret_verdict, struct buf *ret_text,
                 struct err *err);

#endif
