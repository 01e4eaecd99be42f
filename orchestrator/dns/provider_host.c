#include "dns/provider_host.h"

#include "base/failpoint.h"
#include "dns/host_inner.h"

/* What a job that takes too long was waiting for. */
static const char *const waits_for[] = {
    [DNS_WISH_HTTP] = "the answer to a request",
    [DNS_WISH_UPDATE] = "the answer to a DNS UPDATE",
    [DNS_WISH_RUN] = "its program",
    [DNS_WISH_SLEEP] = "a pause it asked for",
    [DNS_WISH_DONE] = "its first step",
    [DNS_WISH_FAIL] = "nothing",
};
_Static_assert(sizeof(waits_for) / sizeof(waits_for[0]) == DNS_WISH_FAIL + 1,
               "a text for every wish");

struct provider_host *provider_host_new(struct house *house)
{
    struct provider_host *host = NEW(struct provider_host);
    host->house = house;
    host->pace = host_pace_new(house);
    list_init(&host->jobs);
    list_init(&host->secrets);
    list_init(&host->memories);
    return host;
}

void provider_host_free(struct provider_host *host)
{
    if (host == NULL)
        return;
    LIST_EACH (it, &host->jobs)
        host_job_cancel(LIST_OWNER(it, struct host_job, in_host));
    host_secrets_free(host);
    host_memories_free(host);
    host_pace_free(host->pace);
    mem_free(host);
}

struct loop *host_job_loop(const struct host_job *job)
{
    return job->host->house->loop;
}

/* ---- a job ---- */

static void expect_no_more(struct host_job *job)
{
    struct host_place place = {job->provider, job->job.zone, NULL};
    if (job->n_expected > 0)
        host_pace_expect(job->host, &place, -job->n_expected);
    job->n_expected = 0;
}

static void job_stop(struct host_job *job)
{
    const struct dns_provider *provider = job->provider->provider;
    host_wish_cancel(job);
    host_update_fini(&job->update);
    timer_cancel(job->limit);
    job->limit = NULL;
    list_remove(&job->in_host);
    expect_no_more(job);
    if (provider->end != NULL && job->job.state != NULL)
        provider->end(job->job.state);
    job->job.state = NULL;
}

static void job_free(struct host_job *job)
{
    for (size_t i = 0; i < job->job.n_records; i++)
        mem_free(job->job.records[i].ref);
    mem_free(job->job.records);
    arena_free(job->job.arena);
    zone_info_free(job->zone);
    mem_free(job);
}

void host_job_cancel(struct host_job *job)
{
    if (job == NULL)
        return;
    job_stop(job);
    job_free(job);
}

/* Whoever shares the limit hears it before it asks. */
static void job_parks(const struct host_job *job, const struct err *err)
{
    struct host_place place = {job->provider, job->job.zone, NULL};
    if (job->is_throttled && err->kind == ERR_THROTTLED && err->until_ms > 0)
        host_park(job->host, &place, err->until_ms, err->text);
}

static void err_place(const struct host_job *job, struct err *err)
{
    err_wrap(err, "provider %s (%s), zone %s", job->provider->name, job->provider->provider->name,
             job->job.zone);
    host_secret_hide(job->host, err);
}

void host_job_stumbles(struct host_job *job, const struct err *err, int64_t again_ms)
{
    struct err said = *err;
    char pause[TIME_TEXT_MAX];
    err_place(job, &said);
    if (strcmp(said.text, job->trouble.text) == 0)
        return;
    job->trouble = said;
    duration_format(again_ms, pause);
    house_say(job->host->house, NULL, "dns", "%s; tried again in %s", said.text, pause);
}

const struct err *host_job_trouble(const struct host_job *job)
{
    return job->trouble.kind != ERR_NONE ? &job->trouble : NULL;
}

void host_job_end(struct host_job *job, const struct err *err)
{
    struct err said = {0};
    if (err != NULL) {
        said = *err;
        if (said.kind == ERR_NONE)
            err_set(&said, ERR_BROKEN, "its module failed without a reason");
        err_place(job, &said);
        job_parks(job, &said);
    }
    for (size_t i = 0; err == NULL && i < job->job.n_records; i++)
        job->job.records[i].done = true;
    job_stop(job);
    job->done(job->arg, job->job.records, job->job.n_records, err != NULL ? &said : NULL);
    job_free(job);
}

void host_job_answer(struct host_job *job, const struct dns_answer *answer)
{
    struct err err = {0};
    size_t most = HOST_WISHES_MAX + HOST_WISHES_A_RECORD * job->job.n_records;
    if (answer != NULL)
        FAILPOINT("provider.wish.after");
    if (job->n_wishes++ == most) {
        err_set(&err, ERR_BROKEN, "not done after %zu steps", most);
        host_job_end(job, &err);
        return;
    }
    struct dns_wish wish = {.kind = DNS_WISH_FAIL};
    job->job.now_ms = house_now(job->host->house);
    random_bytes(job->job.random, sizeof job->job.random);
    job->provider->provider->step(&job->job, answer, &wish);
    job->wish = wish;
    job->is_throttled = wish.kind == DNS_WISH_FAIL;
    if (job->heard != NULL && wish.kind != DNS_WISH_DONE && wish.kind != DNS_WISH_FAIL)
        job->heard(job->arg, job->job.records, job->job.n_records);
    if (wish.kind == DNS_WISH_DONE)
        host_job_end(job, NULL);
    else if (wish.kind == DNS_WISH_FAIL)
        host_job_end(job, &wish.err);
    else if (!host_wish_start(job, &err))
        host_job_end(job, &err);
}

static void job_begins(void *arg)
{
    struct host_job *job = arg;
    job->pause = NULL;
    host_job_answer(job, NULL);
}

static void limit_reached(void *arg)
{
    struct host_job *job = arg;
    struct err err;
    job->limit = NULL;
    err_set(&err, ERR_AGAIN, "not done within the time of a job: was still waiting for %s",
            waits_for[job->wish.kind]);
    host_job_end(job, &err);
}

static int64_t now_boot_ms(const struct host_job *job)
{
    return clock_boot_ms(loop_clock(host_job_loop(job)));
}

void host_job_extend(struct host_job *job, int64_t by_ms)
{
    job->give_up_at_ms += by_ms > 0 ? by_ms : 0;
    timer_cancel(job->limit);
    job->limit =
        timer_start(host_job_loop(job), job->give_up_at_ms - now_boot_ms(job), limit_reached, job);
}

void host_job_watch(struct host_job *job, host_job_heard *heard)
{
    job->heard = heard;
}

void host_job_expect(struct host_job *job, int64_t n)
{
    job->n_expected = n;
}

static struct dns_job_record record_copy(struct arena *arena, const struct dns_job_record *record)
{
    return (struct dns_job_record){
        .present = record->present,
        .owner = arena_strdup(arena, record->owner),
        .value = arena_strdup(arena, record->value),
        .ttl_s = record->ttl_s,
        .may_stand = record->may_stand,
        .ref = mem_strdup(record->ref),
        .challenge = record->challenge != NULL ? arena_strdup(arena, record->challenge) : NULL,
        .key_authorization = record->key_authorization != NULL
                                 ? arena_strdup(arena, record->key_authorization)
                                 : NULL,
    };
}

struct host_job *host_job_start(struct provider_host *host, const struct provider_config *provider,
                                const struct zone_info *zone, const struct dns_job_record *records,
                                size_t n, host_job_done *done, void *arg)
{
    struct host_job *job = NEW(struct host_job);
    job->host = host;
    job->provider = provider;
    job->zone = zone_info_copy(zone);
    job->done = done;
    job->arg = arg;
    job->job = (struct dns_job){.zone = job->zone->zone,
                                .settings = provider->settings,
                                .provider = provider->provider,
                                .n_records = n,
                                .records = NEW_N(n + 1, struct dns_job_record),
                                .arena = arena_new(),
                                .memory = host_memory_of(host, provider)};
    for (size_t i = 0; i < n; i++)
        job->job.records[i] = record_copy(job->job.arena, &records[i]);
    list_push_back(&host->jobs, &job->in_host);
    if (provider->provider->begin != NULL)
        job->job.state = provider->provider->begin(&job->job);
    job->wish.kind = DNS_WISH_DONE;
    job->give_up_at_ms = now_boot_ms(job);
    host_job_extend(job, HOST_LIMIT_MS + (n > 1 ? (int64_t)(n - 1) * HOST_LIMIT_A_RECORD_MS : 0));
    job->pause = timer_start(host_job_loop(job), 0, job_begins, job);
    return job;
}
