/*
 * A provider host in a house of its own, a provider that wishes what the test says, and running one job to its end.
 */
#ifndef UNIT_HOST_CASE_H
#define UNIT_HOST_CASE_H

#include "dns/provider_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/mman.h>

#include "scratch.h"

#define TOKEN  "s3cr/et \"t&ken\""
#define KEY    "0123456789abcdef0123456789abcdef"
#define KEY_64 "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="

/* ---- the house ---- */

static size_t n_resolved;
static inline const char *environment(const char *name)
{
    n_resolved++;
    if (strcmp(name, "TOKEN") == 0)
        return TOKEN;
    if (strcmp(name, "KEY") == 0)
        return KEY_64;
    return strcmp(name, "LINES") == 0 ? "two\nlines" : NULL;
}

static struct config config = {
    .path = (char *)"chancery.yaml", .folder = (char *)"/", .environment = environment};
static struct house house = {.config = &config};
static struct provider_host *host;
static int log_fd;

static inline int setup(void **state)
{
    static const struct http_options options = {.user_agent = "test"};
    log_fd = memfd_create("log", 0);
    house.loop = loop_new();
    house.clock = loop_clock(house.loop);
    house.http = http_new(house.loop, &options);
    house.dns = dns_new(house.loop);
    house.log = log_new(log_fd, LOG_LEVEL_DEBUG, false, house.clock);
    host = provider_host_new(&house);
    n_resolved = 0;
    return scratch_make(state);
}

static inline int teardown(void **state)
{
    provider_host_free(host);
    log_free(house.log);
    http_free(house.http);
    dns_free(house.dns);
    loop_free(house.loop);
    close(log_fd);
    return scratch_remove(state);
}

/* ---- a provider that wishes what the test says ---- */

static struct script {
    struct dns_wish wishes[4];
    size_t n, at;
    bool repeats; /* the last wish for ever */
    bool was_begun, was_ended;
    size_t n_answers;
    struct err err; /* of the last answer */
    int status, exit_code;
    char body[4096], header[256], errors[256], cookies[256];
} script;

static inline void *script_begin(const struct dns_job *job)
{
    script.was_begun = strcmp(job->zone, "example.com") == 0;
    return &script;
}

static inline void script_end(void *state)
{
    script.was_ended = state == &script;
}

static inline void hear_answer(const struct dns_answer *answer)
{
    const char *header = answer->header != NULL ? answer->header(answer, "x-two") : NULL;
    script.n_answers++;
    script.err = answer->err != NULL ? *answer->err : (struct err){0};
    script.status = answer->status;
    script.exit_code = answer->exit_code;
    snprintf(script.body, sizeof script.body, "%.*s", STR_ARG(answer->body));
    snprintf(script.errors, sizeof script.errors, "%.*s", STR_ARG(answer->errors));
    snprintf(script.header, sizeof script.header, "%s", header != NULL ? header : "");
    header = answer->header != NULL ? answer->header(answer, "set-cookie") : NULL;
    snprintf(script.cookies, sizeof script.cookies, "%s", header != NULL ? header : "");
}

static inline void script_step(struct dns_job *job, const struct dns_answer *answer,
                               struct dns_wish *ret_wish)
{
    if (answer != NULL)
        hear_answer(answer);
    if (script.at == script.n && script.repeats)
        script.at--;
    *ret_wish = script.at < script.n ? script.wishes[script.at++]
                                     : (struct dns_wish){.kind = DNS_WISH_DONE};
    if (ret_wish->kind == DNS_WISH_DONE)
        mem_set_str(&job->records[0].ref, "42");
}

static const struct setting tsig_rows[] = {
    {.name = "secret", .kind = SETTING_SECRET, .sentence = "."}};
static const struct section tsig_section = {.name = "tsig", .settings = tsig_rows, .n = 1};
static const struct setting item_rows[] = {
    {.name = "token", .kind = SETTING_SECRET, .sentence = "."}};
static const struct section item_section = {.name = "items", .settings = item_rows, .n = 1};
static const struct setting rows[] = {
    {.name = "base_url", .kind = SETTING_TEXT, .sentence = "."},
    {.name = "token", .kind = SETTING_SECRET, .sentence = "."},
    {.name = "lines", .kind = SETTING_SECRET, .sentence = "."},
    {.name = "absent", .kind = SETTING_SECRET, .sentence = "."},
    {.name = "tsig", .kind = SETTING_SECTION, .section = &tsig_section, .sentence = "."},
    {.name = "named", .kind = SETTING_SECRET_MAP, .sentence = "."},
    {.name = "items", .kind = SETTING_SECTIONS, .section = &item_section, .sentence = "."},
};
static const struct section section = {
    .name = "providers.NAME", .settings = rows, .n = sizeof rows / sizeof rows[0]};
static const char *const api_hosts[] = {"api.example.net", NULL};
static const struct dns_provider scripted = {
    .struct_size = sizeof(struct dns_provider),
    .name = "scripted",
    .settings = &section,
    .begin = script_begin,
    .end = script_end,
    .step = script_step,
    .api_hosts = api_hosts,
};

/* ---- running a job ---- */

struct outcome {
    size_t n_done, n_records_done, n_records;
    struct err err;
    char ref[64];
};

static inline void job_done(void *arg, const struct dns_job_record *records, size_t n,
                            const struct err *err)
{
    struct outcome *outcome = arg;
    outcome->n_done++;
    outcome->n_records = n;
    for (size_t i = 0; i < n; i++)
        outcome->n_records_done += records[i].done ? 1 : 0;
    snprintf(outcome->ref, sizeof outcome->ref, "%s", records[0].ref != NULL ? records[0].ref : "");
    if (err != NULL)
        outcome->err = *err;
}

static inline struct json *settings_of(const char *text)
{
    struct json *tree = NULL;
    struct err err;
    if (!json_parse(str_of(text), 4096, &tree, &err))
        fail_msg("%s", err.text);
    return tree;
}

static struct zone_info plain_zone = {.zone = (char *)"example.com",
                                      .challenge = (char *)"_acme-challenge.example.com",
                                      .owner = (char *)"_acme-challenge.example.com"};
static const struct dns_job_record two_records[] = {
    {.present = true,
     .owner = "_acme-challenge.example.com",
     .value = "value-one",
     .ttl_s = 60,
     .ref = NULL},
    {.present = true,
     .owner = "_acme-challenge.www.example.com",
     .value = "value-two",
     .ttl_s = 60,
     .ref = (char *)"17"},
};

static inline struct outcome run_with(const struct dns_provider *type, const struct json *settings,
                                      const struct zone_info *zone,
                                      const struct dns_job_record *records, size_t n)
{
    struct outcome outcome = {0};
    struct provider_config *provider = NEW(struct provider_config);
    int64_t until_ms = clock_wall_ms(&clock_system) + 20000;
    provider->name = (char *)"corp";
    provider->provider = type;
    provider->settings = settings;
    host_job_start(host, provider, zone, records, n, job_done, &outcome);
    assert_int_equal(outcome.n_done, 0); /* never from inside the starting call */
    while (outcome.n_done == 0 && clock_wall_ms(&clock_system) < until_ms)
        loop_wait(house.loop, until_ms);
    assert_int_equal(outcome.n_done, 1);
    provider_host_free(host); /* it knows the provider_config by address */
    host = provider_host_new(&house);
    mem_free(provider);
    return outcome;
}

static inline struct outcome run_script(const char *settings_text)
{
    AUTO(json_fini)
    struct json *settings = settings_of(settings_text);
    struct outcome outcome = run_with(&scripted, settings, &plain_zone, two_records, 2);
    assert_true(script.was_begun && script.was_ended);
    return outcome;
}

static inline void assert_failed(const struct outcome *outcome, enum err_kind kind,
                                 const char *words)
{
    assert_string_equal(err_kind_name(outcome->err.kind), err_kind_name(kind));
    if (strstr(outcome->err.text, words) == NULL)
        fail_msg("\"%s\" is not in: %s", words, outcome->err.text);
}

static inline void script_is(struct dns_wish wish)
{
    script = (struct script){.n = 1};
    script.wishes[0] = wish;
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
