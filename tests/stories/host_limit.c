/* The limits of a provider's job in time, which no test can wait for: told to the host over the fake loop. */
#include "world.h"

#include "dns/provider_host.h"

#include <stdio.h>
#include <stdlib.h>

static struct dns_wish wish;
static size_t n_runs = 1; /* of the program, before the job is done */
static struct dns_limits *limits;

static void step(struct dns_job *job, const struct dns_answer *answer, struct dns_wish *ret_wish)
{
    (void)job;
    *ret_wish = wish;
    if (answer != NULL && wish.kind == DNS_WISH_RUN && --n_runs == 0)
        *ret_wish = (struct dns_wish){.kind = DNS_WISH_DONE};
}

static const struct section section = {.name = "providers.NAME"};
static const struct dns_provider provider = {
    .struct_size = sizeof provider, .name = "slow", .settings = &section, .step = step};

struct outcome {
    bool is_over;
    struct err err;
};

static void job_done(void *arg, const struct dns_job_record *records, size_t n,
                     const struct err *err)
{
    struct outcome *outcome = arg;
    (void)records;
    (void)n;
    outcome->is_over = true;
    if (err != NULL)
        outcome->err = *err;
}

static int64_t tell(struct outcome *outcome)
{
    struct loop *loop = loop_new();
    struct house house = {.loop = loop, .clock = loop_clock(loop)};
    struct provider_host *host = provider_host_new(&house);
    static char corp[] = "corp", apex[] = "example.com", name[] = "x.example.com";
    struct provider_config config = {.name = corp, .provider = &provider, .limits = limits};
    struct zone_info zone = {.zone = apex, .challenge = name, .owner = name};
    struct dns_job_record record = {.present = true, .owner = "x.example.com", .value = "value"};
    int64_t began_at_ms = world.now_ms;
    *outcome = (struct outcome){0};
    world.give_up_at_ms = INT64_MAX;
    host_job_start(host, &config, &zone, &record, 1, job_done, outcome);
    while (!outcome->is_over && world.wrong[0] == '\0')
        loop_wait(loop, INT64_MAX);
    provider_host_free(host);
    loop_free(loop);
    return world.now_ms - began_at_ms;
}

static void expect(bool ok, const char *what, const struct outcome *outcome, int64_t took_ms)
{
    if (ok)
        return;
    printf("%s: after %lld ms: %s\n", what, (long long)took_ms, outcome->err.text);
    exit(1);
}

int main(void)
{
    static const char *const argv[] = {"change-txt", "present", "x.example.com", "value", NULL};
    struct outcome outcome;
    world_begin();

    wish = (struct dns_wish){.kind = DNS_WISH_SLEEP, .sleep_ms = MS_HOUR};
    int64_t took_ms = tell(&outcome);
    expect(outcome.err.kind == ERR_AGAIN && took_ms == 2 * MS_MINUTE &&
               strstr(outcome.err.text, "a pause it asked for") != NULL,
           "a long pause ends with the job", &outcome, took_ms);

    wish.sleep_ms = 10 * MS_SECOND;
    took_ms = tell(&outcome);
    expect(outcome.err.kind == ERR_AGAIN && took_ms == 2 * MS_MINUTE, "so do many short ones",
           &outcome, took_ms);

    wish = (struct dns_wish){.kind = DNS_WISH_RUN,
                             .run = {.argv = argv, .timeout_ms = 10 * MS_MINUTE}};
    world.program_takes_ms = 9 * MS_MINUTE;
    took_ms = tell(&outcome);
    expect(outcome.err.kind == ERR_NONE && took_ms == 9 * MS_MINUTE,
           "a program has the time a person gave it", &outcome, took_ms);

    struct dns_limits two_a_minute = {.rates = {{2, MS_MINUTE}}, .n_rates = 1};
    limits = &two_a_minute;
    world.program_takes_ms = 0;
    wish.run.timeout_ms = 1;
    n_runs = 11;
    took_ms = tell(&outcome);
    expect(outcome.err.kind == ERR_NONE && took_ms >= 5 * MS_MINUTE && took_ms < 6 * MS_MINUTE,
           "waiting for the limits of an API does not count", &outcome, took_ms);
    world_end();
    return 0;
}
