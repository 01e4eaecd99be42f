/* SEES: base io config crypto store dns-providers inventory renewal fakedns */
#include "renewal/provider_host.h"

#include "fakedns/dns_server.h"
#include "io/dns_tsig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/mman.h>

#include "peer_dns.h"
#include "peer_http.h"
#include "scratch.h"

#define TOKEN  "s3cr/et \"t&ken\""
#define KEY    "0123456789abcdef0123456789abcdef"
#define KEY_64 "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="

/* ---- the house ---- */

static size_t n_resolved;
static const char *environment(const char *name)
{
    n_resolved++;
    if (strcmp(name, "TOKEN") == 0)
        return TOKEN;
    if (strcmp(name, "KEY") == 0)
        return KEY_64;
    return strcmp(name, "LINES") == 0 ? "two\nlines" : NULL;
}

static struct config config = {.path = (char *)"chancery.yaml", .folder = (char *)"/", .environment = environment};
static struct house house = {.config = &config};
static struct provider_host *host;
static int log_fd;

static int setup(void **state)
{
    static const struct http_options options = {.user_agent = "test"};
    (void)peer_tls; /* of the shared server, not wanted here */
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

static int teardown(void **state)
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
    bool repeats;  /* the last wish for ever */
    bool was_begun, was_ended;
    size_t n_answers;
    struct err err; /* of the last answer */
    int status, exit_code;
    char body[4096], header[256];
} script;

static void *script_begin(const struct dns_job *job)
{
    script.was_begun = strcmp(job->zone, "example.com") == 0;
    return &script;
}

static void script_end(void *state)
{
    script.was_ended = state == &script;
}

static void hear_answer(const struct dns_answer *answer)
{
    const char *header = answer->header != NULL ? answer->header(answer, "x-two") : NULL;
    script.n_answers++;
    script.err = answer->err != NULL ? *answer->err : (struct err){0};
    script.status = answer->status;
    script.exit_code = answer->exit_code;
    snprintf(script.body, sizeof script.body, "%.*s", STR_ARG(answer->body));
    snprintf(script.header, sizeof script.header, "%s", header != NULL ? header : "");
}

static void script_step(struct dns_job *job, const struct dns_answer *answer, struct dns_wish *ret_wish)
{
    if (answer != NULL)
        hear_answer(answer);
    if (script.at == script.n && script.repeats)
        script.at--;
    *ret_wish = script.at < script.n ? script.wishes[script.at++] : (struct dns_wish){.kind = DNS_WISH_DONE};
    if (ret_wish->kind == DNS_WISH_DONE)
        mem_set_str(&job->records[0].ref, "42");
}

static const struct setting tsig_rows[] = {{.name = "secret", .kind = SETTING_SECRET, .sentence = "."}};
static const struct section tsig_section = {.name = "tsig", .settings = tsig_rows, .n = 1};
static const struct setting rows[] = {
    {.name = "base_url", .kind = SETTING_TEXT, .sentence = "."},
    {.name = "token", .kind = SETTING_SECRET, .sentence = "."},
    {.name = "lines", .kind = SETTING_SECRET, .sentence = "."},
    {.name = "absent", .kind = SETTING_SECRET, .sentence = "."},
    {.name = "tsig", .kind = SETTING_SECTION, .section = &tsig_section, .sentence = "."},
};
static const struct section section = {.name = "providers.NAME", .settings = rows, .n = sizeof rows / sizeof rows[0]};
static const char *const api_hosts[] = {"api.example.net", NULL};
static const struct dns_provider scripted = {
    .struct_size = sizeof(struct dns_provider), .name = "scripted", .settings = &section, .begin = script_begin,
    .end = script_end, .step = script_step, .api_hosts = api_hosts,
};

/* ---- running a job ---- */

struct outcome {
    size_t n_done, n_records_done, n_records;
    struct err err;
    char ref[64];
};

static void job_done(void *arg, const struct dns_job_record *records, size_t n, const struct err *err)
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

static struct json *settings_of(const char *text)
{
    struct json *tree = NULL;
    struct err err;
    if (!json_parse(str_of(text), 4096, &tree, &err))
        fail_msg("%s", err.text);
    return tree;
}

static struct zone_info plain_zone = {.zone = (char *)"example.com", .challenge = (char *)"_acme-challenge.example.com",
                                      .owner = (char *)"_acme-challenge.example.com"};
static const struct dns_job_record two_records[] = {
    {.present = true, .owner = "_acme-challenge.example.com", .value = "value-one", .ttl_s = 60, .ref = NULL},
    {.present = true, .owner = "_acme-challenge.www.example.com", .value = "value-two", .ttl_s = 60, .ref = (char *)"17"},
};

static struct outcome run_with(const struct dns_provider *type, const struct json *settings, const struct zone_info *zone,
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

static struct outcome run_script(const char *settings_text)
{
    AUTO(json_fini) struct json *settings = settings_of(settings_text);
    struct outcome outcome = run_with(&scripted, settings, &plain_zone, two_records, 2);
    assert_true(script.was_begun && script.was_ended);
    return outcome;
}

static void assert_failed(const struct outcome *outcome, enum err_kind kind, const char *words)
{
    assert_string_equal(err_kind_name(outcome->err.kind), err_kind_name(kind));
    if (strstr(outcome->err.text, words) == NULL)
        fail_msg("\"%s\" is not in: %s", words, outcome->err.text);
}

static void script_is(struct dns_wish wish)
{
    script = (struct script){.n = 1};
    script.wishes[0] = wish;
}

/* ---- done, fail, sleep ---- */

static void test_job_when_the_provider_is_done_then_all_records_are_as_wished(void **state)
{
    (void)state;
    script_is((struct dns_wish){.kind = DNS_WISH_DONE});
    struct outcome outcome = run_script("{}");
    assert_int_equal(outcome.err.kind, ERR_NONE);
    assert_int_equal(outcome.n_records_done, 2);
    assert_string_equal(outcome.ref, "42");
}

static void test_job_when_the_provider_fails_then_kind_time_and_text_reach_the_desk(void **state)
{
    (void)state;
    struct dns_wish wish = {.kind = DNS_WISH_FAIL};
    err_throttled(&wish.err, 1234567, "slow down");
    script_is(wish);
    struct outcome outcome = run_script("{}");
    assert_failed(&outcome, ERR_THROTTLED, "slow down");
    assert_string_equal(outcome.err.text, "provider corp (scripted), zone example.com: slow down");
    assert_int_equal(outcome.err.until_ms, 1234567);
    assert_int_equal(outcome.n_records_done, 0);
}

static void test_job_when_the_provider_pauses_then_it_is_asked_again_afterwards(void **state)
{
    (void)state;
    int64_t before_ms = clock_boot_ms(&clock_system);
    script_is((struct dns_wish){.kind = DNS_WISH_SLEEP, .sleep_ms = 60});
    struct outcome outcome = run_script("{}");
    assert_int_equal(outcome.err.kind, ERR_NONE);
    assert_int_equal(script.n_answers, 1);
    assert_true(clock_boot_ms(&clock_system) - before_ms >= 55);
}

static void test_job_when_wishes_never_end_then_it_is_given_up(void **state)
{
    (void)state;
    script_is((struct dns_wish){.kind = DNS_WISH_SLEEP});
    script.repeats = true;
    struct outcome outcome = run_script("{}");
    assert_failed(&outcome, ERR_BROKEN, "not done after 64 steps");
    assert_int_equal(script.n_answers, 63);
}

/* ---- programs ---- */

static const char *program(const char *name, const char *text)
{
    scratch_put(name, text, 0755);
    return scratch(name);
}

static void test_run_when_the_program_ends_then_output_and_code_are_heard(void **state)
{
    (void)state;
    const char *const argv[] = {program("hook", "#!/bin/sh\ncat\necho \"$1 $NOTE {{token}}\"\nexit 3\n"), "{{token}}", NULL};
    static const char *const env[] = {"NOTE=hello", NULL};
    script_is((struct dns_wish){.kind = DNS_WISH_RUN, .run = {.argv = argv, .environment = env, .input = STR("in ")}});
    struct outcome outcome = run_script("{\"token\": \"env:TOKEN\"}");
    assert_int_equal(outcome.err.kind, ERR_NONE);
    assert_int_equal(script.exit_code, 3);
    assert_string_equal(script.body, "in {{token}} hello {{token}}\n"); /* programs get no secret of ours */
    assert_int_equal(n_resolved, 0);
}

static void test_run_when_the_program_is_missing_then_the_provider_hears_it(void **state)
{
    (void)state;
    static const char *const argv[] = {"/no/such/program", NULL};
    script_is((struct dns_wish){.kind = DNS_WISH_RUN, .run = {.argv = argv}});
    run_script("{}");
    assert_int_equal(script.err.kind, ERR_ABSENT);
}

/* ---- HTTP ---- */

static struct peer *peer;
static char base[128], settings_text[512];

static void peer_begin(void)
{
    peer = peer_new(NULL, false);
    snprintf(base, sizeof base, "http://127.0.0.1:%u", peer->port);
    snprintf(settings_text, sizeof settings_text,
             "{\"base_url\": \"%s/v1\", \"token\": \"env:TOKEN\", \"lines\": \"env:LINES\"}", base);
}

static const char *url(const char *path)
{
    static char text[512];
    snprintf(text, sizeof text, "%s%s", base, path);
    return text;
}

static void request_is(const char *method, const char *at, const char *const *headers, const char *body)
{
    script_is((struct dns_wish){.kind = DNS_WISH_HTTP,
                                .http = {.method = method, .url = at, .headers = headers, .body = str_of(body)}});
}

static void assert_heard(const char *words)
{
    if (strstr(script.body, words) == NULL)
        fail_msg("\"%s\" is not in: %s%s", words, script.body, script.err.text);
}

static void test_http_when_answered_then_status_headers_and_body_are_heard(void **state)
{
    (void)state;
    peer_begin();
    request_is("GET", url("/hello"), NULL, "");
    struct outcome outcome = run_script(settings_text);
    assert_int_equal(outcome.err.kind, ERR_NONE);
    assert_int_equal(script.status, 200);
    assert_string_equal(script.body, "hello");
    assert_string_equal(script.header, "first");
    peer_stop(peer);
}

static void test_http_when_placeholders_then_secrets_fit_each_place(void **state)
{
    (void)state;
    static const char *const headers[] = {"Authorization: Bearer {{token}}", "Content-Type: application/json", NULL};
    static const char *const form[] = {"content-type:application/x-www-form-urlencoded", NULL};
    peer_begin();
    request_is("POST", url("/echo"), headers, "{\"token\":\"{{token}}\",\"a\":{\"b\":{\"c\":1}}}");
    run_script(settings_text);
    assert_heard("\r\nAuthorization: Bearer " TOKEN "\r\n");
    assert_heard("{\"token\":\"s3cr/et \\\"t&ken\\\"\",\"a\":{\"b\":{\"c\":1}}}");
    request_is("POST", url("/echo"), form, "t={{token}}&x=1");
    run_script(settings_text);
    assert_heard("t=s3cr%2Fet%20%22t%26ken%22&x=1");
    request_is("POST", url("/echo"), NULL, "<t>{{token}}</t>{{Not.One}}{{}}{");
    run_script(settings_text);
    assert_heard("<t>" TOKEN "</t>{{Not.One}}{{}}{");
    peer_stop(peer);
}

/* Takes one request, answers nothing and closes. */
static void *take_request(void *arg)
{
    struct {
        int fd;
        char text[1024];
    } *taker = arg;
    int fd = accept(taker->fd, NULL, NULL);
    ssize_t n = read(fd, taker->text, sizeof taker->text - 1);
    taker->text[n > 0 ? n : 0] = '\0';
    close(fd);
    close(taker->fd); /* no second try */
    return NULL;
}

static void test_http_when_placeholder_in_url_then_it_is_encoded(void **state)
{
    (void)state;
    struct {
        int fd;
        char text[1024];
    } taker = {.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof at;
    pthread_t thread;
    assert_int_equal(bind(taker.fd, (struct sockaddr *)&at, sizeof at), 0);
    listen(taker.fd, 1);
    getsockname(taker.fd, (struct sockaddr *)&at, &len);
    pthread_create(&thread, NULL, take_request, &taker);
    snprintf(base, sizeof base, "http://127.0.0.1:%u", ntohs(at.sin_port));
    snprintf(settings_text, sizeof settings_text, "{\"base_url\": \"%s\", \"token\": \"env:TOKEN\"}", base);
    request_is("GET", url("/update?token={{token}}&x=1"), NULL, "");
    run_script(settings_text);
    pthread_join(thread, NULL);
    assert_non_null(strstr(taker.text, "GET /update?token=s3cr%2Fet%20%22t%26ken%22&x=1 HTTP/1.1"));
    assert_int_equal(script.err.kind, ERR_AGAIN);
    assert_null(strstr(script.err.text, "s3cr"));
}

static void assert_stays_home(const char *at)
{
    static const char *const headers[] = {"Authorization: Bearer {{token}}", NULL};
    request_is("GET", at, headers, "");
    struct outcome outcome = run_script(settings_text);
    assert_int_equal(outcome.err.kind, ERR_REFUSED);
    assert_int_equal(script.n_answers, 0);
    assert_int_equal(n_resolved, 0);
}

static void test_http_when_secret_would_go_elsewhere_then_it_is_not_sent(void **state)
{
    (void)state;
    char other[128], with_user[256];
    peer_begin();
    struct peer *foreign = peer_new(NULL, false);
    snprintf(other, sizeof other, "http://127.0.0.1:%u/echo", foreign->port);
    snprintf(with_user, sizeof with_user, "http://127.0.0.1:%u@127.0.0.1:%u/echo", peer->port, foreign->port);
    assert_stays_home(other);
    assert_stays_home(with_user);
    assert_stays_home("http://localhost/echo");
    assert_stays_home("https://api.example.net.evil.example/");
    assert_stays_home("https://api.example.net:8443/");
    assert_stays_home("https://{{token}}@api.example.net/");
    assert_stays_home("http://192.0.2.1/");
    assert_int_equal(atomic_load(&foreign->n_requests), 0);
    request_is("GET", other, NULL, ""); /* without a secret it may */
    run_script(settings_text);
    assert_int_equal(script.status, 200);
    peer_stop(foreign);
    peer_stop(peer);
}

static void test_http_when_redirected_then_it_is_not_followed(void **state)
{
    (void)state;
    static const char *const headers[] = {"X-Key: {{token}}", NULL};
    peer_begin();
    request_is("GET", url("/away"), headers, "");
    run_script(settings_text);
    assert_int_equal(script.status, 302);
    assert_int_equal(atomic_load(&peer->n_requests), 1);
    peer_stop(peer);
}

static void test_http_when_secret_cannot_be_had_then_a_person_is_told_which(void **state)
{
    (void)state;
    static const char *const lines[] = {"X-Key: {{lines}}", NULL};
    static const char *const absent[] = {"X-Key: {{absent}}", NULL};
    static const char *const unknown[] = {"X-Key: {{base_url}}", NULL};
    peer_begin();
    request_is("GET", url("/echo"), lines, "");
    struct outcome outcome = run_script(settings_text);
    assert_failed(&outcome, ERR_CONFIG, "lines holds a line break");
    request_is("GET", url("/echo"), absent, "");
    outcome = run_script(settings_text);
    assert_failed(&outcome, ERR_CONFIG, "absent is not configured");
    request_is("GET", url("/echo"), unknown, "");
    outcome = run_script(settings_text);
    assert_failed(&outcome, ERR_BROKEN, "\"base_url\", which is none of its settings");
    snprintf(settings_text, sizeof settings_text, "{\"base_url\": \"%s\", \"absent\": \"env:NOWHERE\"}", base);
    request_is("GET", url("/echo"), absent, "");
    outcome = run_script(settings_text);
    assert_failed(&outcome, ERR_CONFIG, "environment variable NOWHERE is not set");
    assert_int_equal(atomic_load(&peer->n_requests), 0);
    peer_stop(peer);
}

static void test_secret_when_used_often_then_resolved_once_and_in_no_text(void **state)
{
    (void)state;
    static const char *const headers[] = {"X-Key: {{token}}", NULL};
    char logged[512];
    peer_begin();
    request_is("GET", url("/hello"), headers, "");
    script.wishes[1] = script.wishes[2] = script.wishes[0];
    script.wishes[3] = (struct dns_wish){.kind = DNS_WISH_FAIL};
    err_set(&script.wishes[3].err, ERR_DENIED, "the API says: bad key %s", TOKEN);
    script.n = 4;
    struct outcome outcome = run_script(settings_text);
    assert_int_equal(atomic_load(&peer->n_requests), 3);
    assert_int_equal(n_resolved, 1);
    assert_failed(&outcome, ERR_DENIED, "the API says: bad key ***");
    log_line(house.log, LOG_LEVEL_INFO, "test", NULL, "token %s", TOKEN);
    ssize_t n = pread(log_fd, logged, sizeof logged - 1, 0);
    logged[n > 0 ? n : 0] = '\0';
    assert_non_null(strstr(logged, "token ***"));
    peer_stop(peer);
}

/* ---- DNS UPDATE ---- */

static struct fake_dns *world;
static struct fake_host *ns1, *ns2;
static struct net_address at1, at2, nowhere;

static void world_begin(void)
{
    world = fake_dns_new();
    ns1 = fake_dns_host(world, "127.0.0.2", FAKE_AUTHORITATIVE);
    ns2 = fake_dns_host(world, "127.0.0.3", FAKE_AUTHORITATIVE);
    fake_dns_zone(world, "example.com");
    fake_host_take_updates(ns1, true);
    fake_host_take_updates(ns2, true);
    assert_true(net_address_parse(STR("127.0.0.2"), fake_dns_port(world), &at1));
    assert_true(net_address_parse(STR("127.0.0.3"), fake_dns_port(world), &at2));
    assert_true(net_address_parse(STR("127.0.0.9"), fake_dns_port(world), &nowhere));
}

static size_t n_values(void)
{
    return fake_dns_n_txt(world, "_acme-challenge.example.com") + fake_dns_n_txt(world, "_acme-challenge.www.example.com");
}

static struct outcome run_update(const struct zone_info *zone, const char *server)
{
    AUTO(json_fini) struct json *settings = settings_of("{}");
    script_is((struct dns_wish){.kind = DNS_WISH_UPDATE, .update = {.server = server, .n = 2}});
    return run_with(&scripted, settings, zone, two_records, 2);
}

static void test_update_when_no_server_is_named_then_it_goes_to_the_primary(void **state)
{
    (void)state;
    struct zone_info zone = plain_zone;
    world_begin();
    zone.primary_addresses = &at2;
    zone.n_primary_addresses = 1;
    run_update(&zone, NULL);
    assert_int_equal(script.err.kind, ERR_NONE);
    assert_int_equal(n_values(), 2);
    assert_int_equal(fake_host_n_updates(ns2), 1);
    fake_dns_free(world);
}

static void test_update_when_a_server_is_out_of_order_then_the_next_is_asked(void **state)
{
    (void)state;
    struct zone_info zone = plain_zone;
    world_begin();
    struct net_address three[] = {nowhere, at1, at2};
    zone.primary_addresses = three;
    zone.n_primary_addresses = 3;
    fake_host_say(ns1, NULL, FAKE_UPDATE, FAKE_SERVFAIL, 1);
    run_update(&zone, NULL);
    assert_int_equal(script.err.kind, ERR_NONE);
    assert_int_equal(fake_host_n_updates(ns2), 1);
    assert_int_equal(n_values(), 2);
    fake_host_say(ns1, NULL, FAKE_UPDATE, FAKE_REFUSED, 1);
    run_update(&zone, NULL);
    assert_int_equal(script.err.kind, ERR_DENIED); /* it speaks for the zone */
    assert_int_equal(fake_host_n_updates(ns2), 1);
    zone.n_primary_addresses = 1;
    run_update(&zone, NULL);
    assert_int_equal(script.err.kind, ERR_AGAIN);
    fake_dns_free(world);
}

static void test_update_when_all_servers_fail_then_each_is_named(void **state)
{
    (void)state;
    struct zone_info zone = plain_zone;
    world_begin();
    struct net_address two[] = {at1, at2};
    zone.primary_addresses = two;
    zone.n_primary_addresses = 2;
    fake_host_say(ns1, NULL, FAKE_UPDATE, FAKE_SERVFAIL, 0);
    fake_host_say(ns2, NULL, FAKE_UPDATE, FAKE_SERVFAIL, 0);
    run_update(&zone, NULL);
    assert_int_equal(script.err.kind, ERR_AGAIN);
    assert_non_null(strstr(script.err.text, "127.0.0.2"));
    assert_non_null(strstr(script.err.text, "; 127.0.0.3"));
    fake_dns_free(world);
}

static void test_update_when_the_primary_is_hidden_then_each_server_of_the_zone_is_tried(void **state)
{
    (void)state;
    struct zone_info zone = plain_zone;
    world_begin();
    struct zone_server servers[] = {{(char *)"ns1.example.com", &at1, 1}, {(char *)"ns2.example.com", &at2, 1}};
    zone.servers = servers;
    zone.n_servers = 2;
    fake_host_say(ns1, NULL, FAKE_UPDATE, FAKE_NOTAUTH, 0);
    run_update(&zone, NULL);
    assert_int_equal(script.err.kind, ERR_NONE);
    assert_int_equal(n_values(), 2);
    zone.n_servers = 0;
    run_update(&zone, NULL);
    assert_int_equal(script.err.kind, ERR_ABSENT);
    assert_non_null(strstr(script.err.text, "set `server`"));
    fake_dns_free(world);
}

static void test_update_when_server_is_an_address_or_a_name_then_it_is_found(void **state)
{
    (void)state;
    char text[64];
    world = fake_dns_new();
    ns1 = fake_dns_host(world, "127.0.0.1", FAKE_AUTHORITATIVE);
    fake_dns_zone(world, "example.com");
    fake_host_take_updates(ns1, true);
    snprintf(text, sizeof text, "127.0.0.1:%u", fake_dns_port(world));
    run_update(&plain_zone, text);
    assert_int_equal(script.err.kind, ERR_NONE);
    snprintf(text, sizeof text, "localhost:%u", fake_dns_port(world)); /* ::1 comes first or not at all */
    run_update(&plain_zone, text);
    assert_int_equal(script.err.kind, ERR_NONE);
    assert_int_equal(fake_host_n_updates(ns1), 2);
    run_update(&plain_zone, "no-such-host.invalid");
    assert_true(script.err.kind == ERR_ABSENT || script.err.kind == ERR_AGAIN);
    assert_non_null(strstr(script.err.text, "no-such-host.invalid"));
    fake_dns_free(world);
}

static void test_update_when_records_are_not_of_the_job_then_refused(void **state)
{
    (void)state;
    script_is((struct dns_wish){.kind = DNS_WISH_UPDATE, .update = {.from = 1, .n = 2}});
    struct outcome outcome = run_script("{}");
    assert_failed(&outcome, ERR_BROKEN, "records that the job does not have");
}

/* Signs its answers with KEY, over the MAC of the request: a client with another secret does not believe it. */
static size_t sign_with_key(struct peer_dns *p, const uint8_t *query, size_t len, bool by_tcp, uint8_t *out)
{
    static const struct secret secret = {(unsigned char *)(uintptr_t)KEY, 32};
    uint8_t room[4096], mac[TSIG_MAC_MAX];
    struct tsig_key key;
    struct err err;
    (void)p;
    (void)by_tcp;
    if (!tsig_key_init(&key, "chancery", "hmac-sha256", &secret, &err))
        abort();
    struct wire w = wire_reply(out, query, len, 0, 0), all = {room, 0};
    uint64_t now_s = (uint64_t)(clock_wall_ms(&clock_system) / 1000);
    wire_number(&all, 32, 2);
    wire_add(&all, query + len - 6 - 32, 32);
    wire_add(&all, w.p, w.len);
    for (int i = 0; i < 2; i++) {
        struct wire *to = i == 0 ? &all : &w;
        wire_name(to, "chancery");
        if (i == 1)
            wire_number(to, 250, 2);
        wire_number(to, 255, 2);
        wire_number(to, 0, 4);
        if (i == 1)
            wire_number(to, 13 + 16 + 32, 2);
        wire_name(to, "hmac-sha256");
        wire_number(to, now_s, 6);
        wire_number(to, 300, 2);
        if (i == 0) {
            wire_number(to, 0, 4);
            tsig_hmac(&key, str_mem(room, all.len), mac);
            continue;
        }
        wire_number(to, 32, 2);
        wire_add(to, mac, 32);
        wire_add(to, query, 2);
        wire_number(to, 0, 4);
        to->p[11]++;
    }
    tsig_key_fini(&key);
    return w.len;
}

static struct outcome run_rfc2136(const char *settings, const struct dns_job_record *records, size_t n)
{
    AUTO(json_fini) struct json *tree = settings_of(settings);
    return run_with(dns_provider_find("rfc2136"), tree, &plain_zone, records, n);
}

static void test_rfc2136_when_signed_then_the_secret_is_the_decoded_one(void **state)
{
    (void)state;
    char settings[512];
    struct peer_dns *signer = peer_dns_new(sign_with_key, NULL, true);
    snprintf(settings, sizeof settings,
             "{\"server\": \"127.0.0.1:%u\", \"tsig\": {\"name\": \"chancery\", \"algorithm\": \"hmac-sha256\", \"secret\": "
             "\"env:KEY\"}}",
             peer_dns_address(signer).port);
    struct outcome outcome = run_rfc2136(settings, two_records, 2);
    assert_string_equal(outcome.err.text, "");
    assert_int_equal(outcome.n_records_done, 2);
    assert_int_equal(atomic_load(&signer->n_tcp), 1);
    snprintf(settings, sizeof settings,
             "{\"server\": \"127.0.0.1:%u\", \"tsig\": {\"name\": \"chancery\", \"algorithm\": \"hmac-sha256\", \"secret\": "
             "\"env:TOKEN\"}}",
             signer->port);
    outcome = run_rfc2136(settings, two_records, 2);
    assert_failed(&outcome, ERR_CONFIG, "tsig.secret is not a secret in base64");
    peer_dns_stop(signer);
}

static void test_rfc2136_when_values_come_and_go_then_others_stay(void **state)
{
    (void)state;
    char settings[128];
    world_begin();
    fake_dns_add(world, "example.com", "_acme-challenge.example.com", "TXT", "not ours", 60);
    snprintf(settings, sizeof settings, "{\"server\": \"127.0.0.2:%u\"}", fake_dns_port(world));
    struct outcome outcome = run_rfc2136(settings, two_records, 2);
    assert_string_equal(outcome.err.text, "");
    assert_int_equal(n_values(), 3);
    struct dns_job_record back[2] = {two_records[0], two_records[1]};
    back[0].present = back[1].present = false;
    outcome = run_rfc2136(settings, back, 2);
    assert_string_equal(outcome.err.text, "");
    assert_int_equal(n_values(), 1);
    outcome = run_rfc2136(settings, back, 2); /* after a crash */
    assert_string_equal(outcome.err.text, "");
    fake_host_say(ns1, NULL, FAKE_UPDATE, FAKE_REFUSED, 0);
    outcome = run_rfc2136(settings, two_records, 2);
    assert_failed(&outcome, ERR_DENIED, "provider corp (rfc2136), zone example.com: DNS UPDATE of example.com");
    assert_int_equal(outcome.n_records_done, 0);
    fake_dns_free(world);
}

/* ---- exec ---- */

static struct outcome run_exec(const char *program_path, const struct dns_job_record *records, size_t n)
{
    AUTO(json_fini) struct json *settings = json_object();
    struct json *argv = json_push_text(json_array(), program_path);
    json_set(settings, "argv", argv);
    json_set_int(settings, "timeout", 5000);
    return run_with(dns_provider_find("exec"), settings, &plain_zone, records, n);
}

static void test_exec_when_records_come_and_go_then_one_run_each_and_refs_are_kept(void **state)
{
    (void)state;
    char text[2048];
    snprintf(text, sizeof text,
             "#!/bin/sh\nset -e\necho \"$1 $2 $3 ref=$CHANCERY_REF zone=$CHANCERY_ZONE\" >>%s/done\necho ref=id-$3\n", scratch_dir);
    const char *hook = program("hook", text);
    struct outcome outcome = run_exec(hook, two_records, 2);
    assert_string_equal(outcome.err.text, "");
    assert_string_equal(outcome.ref, "id-value-one");
    assert_string_equal(scratch_get("done"),
                        "present _acme-challenge.example.com value-one ref= zone=example.com\n"
                        "present _acme-challenge.www.example.com value-two ref=17 zone=example.com\n");
    struct dns_job_record gone = two_records[1];
    gone.present = false;
    outcome = run_exec(hook, &gone, 1);
    assert_string_equal(outcome.err.text, "");
    assert_string_equal(outcome.ref, "");
}

static void test_exec_when_the_second_run_fails_then_the_first_record_counts(void **state)
{
    (void)state;
    char text[2048];
    snprintf(text, sizeof text, "#!/bin/sh\n[ -e %s/once ] && { echo 'no more'; exit 77; }\n: >%s/once\n", scratch_dir, scratch_dir);
    struct outcome outcome = run_exec(program("hook", text), two_records, 2);
    assert_failed(&outcome, ERR_DENIED, "exit code 77");
    assert_non_null(strstr(outcome.err.text, "no more"));
    assert_int_equal(outcome.n_records_done, 1);
}

/* ---- ending early ---- */

static void test_cancel_when_something_is_under_way_then_done_is_never_called(void **state)
{
    (void)state;
    static const char *const argv[] = {"sleep", "30", NULL};
    struct outcome outcome = {0};
    AUTO(json_fini) struct json *settings = settings_of("{}");
    struct provider_config provider = {.name = (char *)"corp", .provider = &scripted, .settings = settings};
    peer_begin();
    world_begin();
    fake_host_say(ns1, NULL, FAKE_UPDATE, FAKE_SILENT, 0);
    struct zone_info zone = plain_zone;
    zone.primary_addresses = &at1;
    zone.n_primary_addresses = 1;
    const struct dns_wish wishes[] = {
        {.kind = DNS_WISH_HTTP, .http = {.method = "GET", .url = url("/slow")}},
        {.kind = DNS_WISH_RUN, .run = {.argv = argv, .timeout_ms = 60000}},
        {.kind = DNS_WISH_SLEEP, .sleep_ms = 60000},
        {.kind = DNS_WISH_UPDATE, .update = {.n = 2}},
        {.kind = DNS_WISH_UPDATE, .update = {.server = "localhost", .n = 2}},
    };
    for (size_t i = 0; i < 2 * sizeof wishes / sizeof wishes[0]; i++) {
        script_is(wishes[i / 2]);
        struct host_job *job = host_job_start(host, &provider, &zone, two_records, 2, job_done, &outcome);
        while (script.at == 0)
            loop_wait(house.loop, clock_wall_ms(&clock_system) + 1000);
        if (i % 2 == 0) {
            host_job_cancel(job);
        } else {
            provider_host_free(host);
            host = provider_host_new(&house);
        }
        assert_true(script.was_ended);
        loop_wait(house.loop, clock_wall_ms(&clock_system) + 5);
    }
    assert_int_equal(outcome.n_done, 0);
    fake_dns_free(world);
    peer_stop(peer);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(test_job_when_the_provider_is_done_then_all_records_are_as_wished),
        T(test_job_when_the_provider_fails_then_kind_time_and_text_reach_the_desk),
        T(test_job_when_the_provider_pauses_then_it_is_asked_again_afterwards),
        T(test_job_when_wishes_never_end_then_it_is_given_up),
        T(test_run_when_the_program_ends_then_output_and_code_are_heard),
        T(test_run_when_the_program_is_missing_then_the_provider_hears_it),
        T(test_http_when_answered_then_status_headers_and_body_are_heard),
        T(test_http_when_placeholders_then_secrets_fit_each_place),
        T(test_http_when_placeholder_in_url_then_it_is_encoded),
        T(test_http_when_secret_would_go_elsewhere_then_it_is_not_sent),
        T(test_http_when_redirected_then_it_is_not_followed),
        T(test_http_when_secret_cannot_be_had_then_a_person_is_told_which),
        T(test_secret_when_used_often_then_resolved_once_and_in_no_text),
        T(test_update_when_no_server_is_named_then_it_goes_to_the_primary),
        T(test_update_when_a_server_is_out_of_order_then_the_next_is_asked),
        T(test_update_when_all_servers_fail_then_each_is_named),
        T(test_update_when_the_primary_is_hidden_then_each_server_of_the_zone_is_tried),
        T(test_update_when_server_is_an_address_or_a_name_then_it_is_found),
        T(test_update_when_records_are_not_of_the_job_then_refused),
        T(test_rfc2136_when_signed_then_the_secret_is_the_decoded_one),
        T(test_rfc2136_when_values_come_and_go_then_others_stay),
        T(test_exec_when_records_come_and_go_then_one_run_each_and_refs_are_kept),
        T(test_exec_when_the_second_run_fails_then_the_first_record_counts),
        T(test_cancel_when_something_is_under_way_then_done_is_never_called),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
