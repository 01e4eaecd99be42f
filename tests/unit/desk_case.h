/*
 * The desk over real DNS on loopback, with a provider of the test's own: it changes the zone at once, and refuses what the test says.
 */
#ifndef UNIT_DESK_CASE_H
#define UNIT_DESK_CASE_H

#include "dns_world.h"
#include "house_fixture.h"

#include "dns/txt_wish.h"

static struct dns_world net;
static struct txt_desk *desk;
static struct provider_config configured[2];
#define corp configured[0]
static struct config config;

static struct api {
    size_t n_jobs, n_records_most, n_added, n_removed;
    const char *bad_owner;     /* a request that names it is refused as a whole */
    enum err_kind fault;       /* of every request; NONE: works */
    size_t n_faults;           /* so many times */
    bool applies_all_the_same; /* the answer is lost, the deed is done */
    size_t n_with_proof;
    int64_t pause_ms;    /* in the middle of a job, when the ids are known; 0: none */
    int64_t again_in_ms; /* of a fault: it says when */
    size_t n_under_way, n_under_way_most;
    bool rolls; /* removes nothing */
} api;

static inline void record_apply(const char *zone, const struct dns_job_record *r)
{
    if (r->present)
        fake_dns_add(net.fake, zone, r->owner, "TXT", r->value, 60);
    else if (!api.rolls)
        fake_dns_remove(net.fake, zone, r->owner, "TXT", r->value);
    api.n_with_proof +=
        r->key_authorization != NULL && strcmp(r->key_authorization, "token.print") == 0;
    api.n_added += r->present ? 1 : 0;
    api.n_removed += r->present ? 0 : 1;
}

static inline bool job_names(const struct dns_job *job, const char *owner)
{
    for (size_t i = 0; owner != NULL && i < job->n_records; i++)
        if (strcmp(job->records[i].owner, owner) == 0)
            return true;
    return false;
}

static inline void *api_begin(const struct dns_job *job)
{
    (void)job;
    if (++api.n_under_way > api.n_under_way_most)
        api.n_under_way_most = api.n_under_way;
    return &api;
}

static inline void api_end(void *state)
{
    (void)state;
    api.n_under_way--;
}

static inline bool api_pauses(struct dns_job *job, const struct dns_answer *answer,
                              struct dns_wish *ret)
{
    if (answer != NULL || api.pause_ms == 0)
        return false;
    for (size_t i = 0; i < job->n_records; i++) {
        AUTO(mem_fini)
        char *id = mem_printf("id of %s", job->records[i].value);
        mem_set_str(&job->records[i].ref, id);
    }
    *ret = (struct dns_wish){.kind = DNS_WISH_SLEEP, .sleep_ms = api.pause_ms};
    return true;
}

static inline void api_step(struct dns_job *job, const struct dns_answer *answer,
                            struct dns_wish *ret)
{
    if (api_pauses(job, answer, ret))
        return;
    bool fails = api.fault != ERR_NONE && api.n_faults > 0;
    api.n_jobs++;
    api.n_records_most = job->n_records > api.n_records_most ? job->n_records : api.n_records_most;
    *ret = (struct dns_wish){.kind = DNS_WISH_DONE};
    if (job_names(job, api.bad_owner)) {
        ret->kind = DNS_WISH_FAIL;
        err_set(&ret->err, ERR_REFUSED, "422: a record is not acceptable");
        return;
    }
    for (size_t i = 0; (!fails || api.applies_all_the_same) && i < job->n_records; i++)
        record_apply(job->zone, &job->records[i]);
    if (fails) {
        api.n_faults--;
        ret->kind = DNS_WISH_FAIL;
        err_set(&ret->err, api.fault, "503: not now");
        ret->err.until_ms = api.again_in_ms > 0 ? house_now(&house) + api.again_in_ms : 0;
    }
}

static struct dns_provider provider = {
    .struct_size = sizeof(struct dns_provider),
    .name = "scripted",
    .capabilities = DNS_CAN_BATCH,
    .begin = api_begin,
    .end = api_end,
    .step = api_step,
};

static struct net_address resolver;
static char *zones[] = {(char *)"example.com", NULL};

static inline int setup(void **state)
{
    if (house_make(state) != 0)
        return -1;
    world_init(&net);
    resolver = world_address(&net, "127.0.0.1");
    corp = (struct provider_config){.name = (char *)"corp",
                                    .provider = &provider,
                                    .zones = zones,
                                    .ttl_s = 60,
                                    .follow_cname = true,
                                    .propagation = {.timeout_ms = 3000},
                                    .resolvers = &resolver,
                                    .n_resolvers = 1,
                                    .authoritative_port = net.port};
    config = (struct config){.path = (char *)"chancery.yaml",
                             .folder = (char *)"/",
                             .store_path = (char *)"c.db",
                             .providers = configured,
                             .n_providers = 1,
                             .environment = no_environment};
    config_free(house.config);
    house.config = &config;
    house.loop = net.loop;
    house.clock = loop_clock(net.loop);
    house.dns = net.dns;
    memset(&api, 0, sizeof api);
    desk = txt_desk_new(&house);
    return 0;
}

static inline int teardown(void **state)
{
    txt_desk_free(desk);
    house.config = NULL;
    world_fini(&net);
    return house_remove(state);
}

static inline void begin(void)
{
    struct err err = {0};
    must(store_begin(house.store, &err), &err);
}

static inline void commit(void)
{
    struct err err = {0};
    must(store_commit(house.store, &err), &err);
}

static inline void turn(void)
{
    struct err err = {0};
    begin();
    must(txt_desk_collect(desk, &err), &err);
    commit();
    txt_desk_act(desk);
}

static inline void order_row(int64_t id)
{
    char sql[400];
    snprintf(sql, sizeof sql,
             "INSERT INTO orders (id, set_name, authority, directory, why, want, names, key_kind, "
             "step, next_at_ms, started_at_ms,"
             " step_at_ms) VALUES (%lld, 's%lld', 'one', 'd', '', '', '[]', 'ecdsa-p256', "
             "'publish', 0, 0, 0)",
             (long long)id, (long long)id);
    sql_run(sql);
}

static inline void order_row_end(int64_t id)
{
    char sql[128];
    snprintf(sql, sizeof sql,
             "UPDATE orders SET ended_at_ms = 1, outcome = 'failed' WHERE id = %lld",
             (long long)id);
    sql_run(sql);
}

/* deadline_in_ms may be negative: the order has waited for long. */
static inline void want(int64_t order, const char *challenge, const char *value,
                        int64_t deadline_in_ms)
{
    struct err err = {0};
    begin();
    must(txt_desk_want(desk, order, "main", challenge, value, "token.print", NULL,
                       house_now(&house) + deadline_in_ms, &err),
         &err);
    commit();
}

static inline void release(int64_t order)
{
    struct err err = {0};
    begin();
    must(txt_desk_release(desk, order, &err), &err);
    must(txt_desk_collect(desk, &err), &err);
    commit();
    order_row_end(order);
}

static inline enum txt_fate fate_of(int64_t order, struct err *why)
{
    return txt_desk_fate(desk, order, why);
}

static inline bool time_is_left(int64_t until_ms)
{
    return clock_wall_ms(&clock_system) < until_ms;
}

static inline enum txt_fate fate_settle(int64_t order, struct err *why)
{
    int64_t until_ms = clock_wall_ms(&clock_system) + 15000;
    enum txt_fate fate;
    turn();
    while ((fate = fate_of(order, why)) == TXT_PENDING && time_is_left(until_ms)) {
        loop_wait(net.loop, house_now(&house) + 50);
        turn();
    }
    return fate;
}

static inline bool gone_settle(void)
{
    int64_t until_ms = clock_wall_ms(&clock_system) + 15000;
    turn();
    while (txt_desk_n_left(desk) > 0 && time_is_left(until_ms)) {
        loop_wait(net.loop, house_now(&house) + 50);
        turn();
    }
    return txt_desk_n_left(desk) == 0;
}

/* What a kill leaves: the rows. */
static inline void desk_again(void)
{
    struct err err = {0};
    txt_desk_free(desk);
    desk = txt_desk_new(&house);
    begin();
    must(txt_desk_load(desk, &err), &err);
    commit();
}

static inline size_t n_txt(const char *owner)
{
    return fake_dns_n_txt(net.fake, owner);
}

static inline int64_t n_open_rows(void)
{
    return sql_int(-1, "SELECT count(*) FROM txt WHERE state <> 'gone'");
}

#define WWW  "_acme-challenge.www.example.com"
#define MAIL "_acme-challenge.mail.example.com"

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
