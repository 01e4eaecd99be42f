/*
 * A desk for tests: over real DNS on loopback, with a provider of the test's own that changes the zone at once and refuses what the test says.
 */
#ifndef DESK_CASE_H
#define DESK_CASE_H

#include "dns_world.h"
#include "house_fixture.h"

#include "dns/txt_wish.h"

static struct dns_world net;
static struct txt_desk *desk;
static struct provider_config corp;
static struct config config;

static struct {
    size_t n_jobs, n_records_most, n_added, n_removed;
    const char *bad_owner;     /* a request that names it is refused as a whole */
    enum err_kind fault;       /* of every request; NONE: works */
    size_t n_faults;           /* so many times */
    bool applies_all_the_same; /* the answer is lost, the deed is done */
    size_t n_with_proof;
} api;

static void record_apply(const struct dns_job_record *r)
{
    if (r->present)
        fake_dns_add(net.fake, "example.com", r->owner, "TXT", r->value, 60);
    else
        fake_dns_remove(net.fake, "example.com", r->owner, "TXT", r->value);
    api.n_with_proof +=
        r->key_authorization != NULL && strcmp(r->key_authorization, "token.print") == 0;
    api.n_added += r->present ? 1 : 0;
    api.n_removed += r->present ? 0 : 1;
}

static bool job_names(const struct dns_job *job, const char *owner)
{
    for (size_t i = 0; owner != NULL && i < job->n_records; i++)
        if (strcmp(job->records[i].owner, owner) == 0)
            return true;
    return false;
}

static void api_step(struct dns_job *job, const struct dns_answer *answer, struct dns_wish *ret)
{
    (void)answer;
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
        record_apply(&job->records[i]);
    if (fails) {
        api.n_faults--;
        ret->kind = DNS_WISH_FAIL;
        err_set(&ret->err, api.fault, "503: not now");
    }
}

static struct dns_provider provider = {
    .struct_size = sizeof(struct dns_provider),
    .name = "scripted",
    .capabilities = DNS_CAN_BATCH,
    .step = api_step,
};

static struct net_address resolver;
static char *zones[] = {(char *)"example.com", NULL};

static int setup(void **state)
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
                             .providers = &corp,
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

static int teardown(void **state)
{
    txt_desk_free(desk);
    house.config = NULL;
    world_fini(&net);
    return house_remove(state);
}

static void begin(void)
{
    struct err err = {0};
    must(store_begin(house.store, &err), &err);
}

static void commit(void)
{
    struct err err = {0};
    must(store_commit(house.store, &err), &err);
}

static void turn(void)
{
    struct err err = {0};
    begin();
    must(txt_desk_collect(desk, &err), &err);
    commit();
    txt_desk_act(desk);
}

static void order_row(int64_t id)
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

static void order_row_end(int64_t id)
{
    char sql[128];
    snprintf(sql, sizeof sql,
             "UPDATE orders SET ended_at_ms = 1, outcome = 'failed' WHERE id = %lld",
             (long long)id);
    sql_run(sql);
}

/* deadline_in_ms may be negative: the order has waited for long. */
static void want(int64_t order, const char *challenge, const char *value, int64_t deadline_in_ms)
{
    struct err err = {0};
    begin();
    must(txt_desk_want(desk, order, "main", challenge, value, "token.print", NULL,
                       house_now(&house) + deadline_in_ms, &err),
         &err);
    commit();
}

static void release(int64_t order)
{
    struct err err = {0};
    begin();
    must(txt_desk_release(desk, order, &err), &err);
    must(txt_desk_collect(desk, &err), &err);
    commit();
    order_row_end(order);
}

static enum txt_fate fate_of(int64_t order, struct err *why)
{
    return txt_desk_fate(desk, order, why);
}

static bool time_is_left(int64_t until_ms)
{
    return clock_wall_ms(&clock_system) < until_ms;
}

static enum txt_fate fate_settle(int64_t order, struct err *why)
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

static bool gone_settle(void)
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
static void desk_again(void)
{
    struct err err = {0};
    txt_desk_free(desk);
    desk = txt_desk_new(&house);
    begin();
    must(txt_desk_load(desk, &err), &err);
    commit();
}

static size_t n_txt(const char *owner)
{
    return fake_dns_n_txt(net.fake, owner);
}

static int64_t n_open_rows(void)
{
    return sql_int(-1, "SELECT count(*) FROM txt WHERE state <> 'gone'");
}

#endif
