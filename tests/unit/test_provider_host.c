/* SEES: base io config crypto store acme dns-providers inventory dns renewal */
#include "host_case.h"

#include "peer_http.h"

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

static struct json *remembered; /* what the last job found */

static void remember_step(struct dns_job *job, const struct dns_answer *answer,
                          struct dns_wish *ret_wish)
{
    (void)answer;
    assert_non_null(job->memory);
    json_free(remembered);
    remembered = *job->memory;
    *job->memory = json_new_int(json_as_int(remembered, 0) + 1);
    *ret_wish = (struct dns_wish){.kind = DNS_WISH_DONE};
}

static void job_run(const struct provider_config *provider)
{
    struct outcome outcome = {0};
    int64_t until_ms = clock_wall_ms(&clock_system) + 20000;
    host_job_start(host, provider, &plain_zone, two_records, 1, job_done, &outcome);
    while (outcome.n_done == 0 && clock_wall_ms(&clock_system) < until_ms)
        loop_wait(house.loop, until_ms);
    assert_int_equal(outcome.n_done, 1);
}

static void test_job_when_another_went_before_then_its_account_remembers(void **state)
{
    (void)state;
    struct dns_provider type = scripted;
    AUTO(json_fini)
    struct json *settings = settings_of("{}");
    struct provider_config one = {.name = (char *)"one", .provider = &type, .settings = settings};
    struct provider_config two = {.name = (char *)"two", .provider = &type, .settings = settings};
    type.begin = NULL;
    type.end = NULL;
    type.step = remember_step;
    remembered = NULL;
    job_run(&one);
    assert_null(remembered);
    job_run(&two);
    assert_null(remembered);
    job_run(&one);
    assert_int_equal(json_as_int(remembered, 0), 1);
    job_run(&one);
    assert_int_equal(json_as_int(remembered, 0), 2);
    json_free(remembered);
    provider_host_free(host); /* it knows both by address */
    host = provider_host_new(&house);
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
    assert_failed(&outcome, ERR_BROKEN, "not done after 84 steps");
    assert_int_equal(script.n_answers, 83);
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
    const char *const argv[] = {
        program("hook", "#!/bin/sh\ncat\necho \"$1 $NOTE {{token}}\"\nexit 3\n"), "{{token}}",
        NULL};
    static const char *const env[] = {"NOTE=hello", NULL};
    script_is((struct dns_wish){.kind = DNS_WISH_RUN,
                                .run = {.argv = argv, .environment = env, .input = STR("in ")}});
    struct outcome outcome = run_script("{\"token\": \"env:TOKEN\"}");
    assert_int_equal(outcome.err.kind, ERR_NONE);
    assert_int_equal(script.exit_code, 3);
    assert_string_equal(script.body,
                        "in {{token}} hello {{token}}\n"); /* programs get no secret of ours */
    assert_int_equal(n_resolved, 0);
}

static void test_run_when_it_wants_secrets_then_they_are_in_its_environment_and_not_in_what_it_said(
    void **state)
{
    (void)state;
    const char *const argv[] = {
        program("hook", "#!/bin/sh\n[ \"$LIST_TOKEN\" = \"$TOKEN_WAS\" ] && echo same\n"
                        "echo \"1 $LIST_TOKEN\"; echo \"2 $ITEM_TOKEN\" >&2\n"),
        NULL};
    static const char *const env[] = {"TOKEN_WAS=" TOKEN, NULL};
    static const char *const secrets[] = {"LIST_TOKEN=named.Some_Token", "ITEM_TOKEN=items.1.token",
                                          NULL};
    script_is((struct dns_wish){.kind = DNS_WISH_RUN,
                                .run = {.argv = argv,
                                        .environment = env,
                                        .secret_environment = secrets,
                                        .errors_apart = true}});
    struct outcome outcome =
        run_script("{\"named\": {\"Some_Token\": \"env:TOKEN\"},"
                   " \"items\": [{\"token\": \"env:ABSENT\"}, {\"token\": \"env:TOKEN\"}]}");
    assert_int_equal(outcome.err.kind, ERR_NONE);
    assert_string_equal(script.body, "same\n1 ***\n");
    assert_string_equal(script.errors, "2 ***\n");
}

static void test_run_when_a_secret_is_none_of_its_settings_then_nothing_is_run(void **state)
{
    (void)state;
    static const char *const argv[] = {"true", NULL};
    static const char *const secrets[][2] = {{"A=named.Other", NULL},
                                             {"A=items.7.token", NULL},
                                             {"A=items.x.token", NULL},
                                             {"A=named", NULL},
                                             {"A=named.Some_Token.x", NULL}};
    for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++) {
        script_is((struct dns_wish){.kind = DNS_WISH_RUN,
                                    .run = {.argv = argv, .secret_environment = secrets[i]}});
        struct outcome outcome = run_script("{\"named\": {\"Some_Token\": \"env:TOKEN\"},"
                                            " \"items\": [{\"token\": \"env:TOKEN\"}]}");
        assert_true(outcome.err.kind == ERR_CONFIG || outcome.err.kind == ERR_BROKEN);
        assert_int_equal(script.n_answers, 0);
    }
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
    (void)peer_tls; /* of the shared server, not wanted here */
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

static void request_is(const char *method, const char *at, const char *const *headers,
                       const char *body)
{
    script_is((struct dns_wish){
        .kind = DNS_WISH_HTTP,
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
    assert_string_equal(script.cookies, "");
    request_is("GET", url("/cookies"), NULL, "");
    run_script(settings_text);
    assert_string_equal(script.cookies, "a=1; Path=/\nb=2");
    peer_stop(peer);
}

static void lead_is_confirmed(void *arg)
{
    struct outcome *seen = arg;
    *seen = (struct outcome){.n_done = script.n_answers};
    house.sure_until_boot_ms = clock_boot_ms(house.clock) + MS_HOUR;
}

/* A leader that was frozen while its provider worked: the answer to the first request has come, the second must not go out. */
static void
test_job_when_the_lead_is_not_sure_any_more_then_nothing_is_asked_before_it_is_confirmed(
    void **state)
{
    (void)state;
    struct outcome seen = {0};
    peer_begin();
    request_is("GET", url("/hello"), NULL, "");
    script.wishes[script.n++] = script.wishes[0];
    house.sure_until_boot_ms = clock_boot_ms(house.clock) - 1;
    timer_start(house.loop, 300, lead_is_confirmed, &seen);
    struct outcome outcome = run_script(settings_text);
    assert_int_equal(outcome.err.kind, ERR_NONE);
    assert_int_equal(seen.n_done, 0);
    assert_int_equal(script.n_answers, 2);
    house.sure_until_boot_ms = 0;
    peer_stop(peer);
}

static void test_http_when_placeholders_then_secrets_fit_each_place(void **state)
{
    (void)state;
    static const char *const headers[] = {"Authorization: Bearer {{token}}",
                                          "Content-Type: application/json", NULL};
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
    snprintf(settings_text, sizeof settings_text,
             "{\"base_url\": \"%s\", \"token\": \"env:TOKEN\"}", base);
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
    snprintf(with_user, sizeof with_user, "http://127.0.0.1:%u@127.0.0.1:%u/echo", peer->port,
             foreign->port);
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

/* Whether the request was tried at all: nobody speaks TLS there. */
static bool is_tried(const struct dns_provider *type, const char *at, const char *told,
                     const char *header)
{
    const char *headers[] = {header, NULL};
    AUTO(json_fini)
    struct json *settings = settings_of(settings_text);
    request_is("GET", at, headers, "");
    script.wishes[0].http.told_base = told;
    struct outcome outcome = run_with(type, settings, &plain_zone, two_records, 2);
    assert_true(script.n_answers == 1 || outcome.err.kind == ERR_REFUSED);
    return script.n_answers == 1;
}

static void test_http_when_a_login_told_the_place_then_it_is_asked_without_secrets(void **state)
{
    (void)state;
    struct dns_provider pinned = scripted, told = scripted;
    char place[128], at[160];
    peer_begin();
    struct peer *foreign = peer_new(NULL, false);
    snprintf(place, sizeof place, "https://127.0.0.1:%u/v2", foreign->port);
    snprintf(at, sizeof at, "%s/zones", place);
    pinned.is_pinned = told.is_pinned = told.hosts_by_login = true;
    assert_true(is_tried(&told, at, place, "X-Auth-Token: t0ken"));
    assert_false(is_tried(&told, at, place, "X-Auth-Token: {{token}}"));
    assert_false(is_tried(&told, at, NULL, "X-Auth-Token: t0ken"));
    assert_false(is_tried(&told, at, "https://127.0.0.1:1/v2", "X-Auth-Token: t0ken"));
    assert_false(is_tried(&pinned, at, place, "X-Auth-Token: t0ken"));
    memmove(place + 4, place + 5, strlen(place + 4));
    memmove(at + 4, at + 5, strlen(at + 4));
    assert_false(is_tried(&told, at, place, "X-Auth-Token: t0ken"));
    assert_int_equal(atomic_load(&foreign->n_requests), 0);
    peer_stop(foreign);
    peer_stop(peer);
}

static bool token_is_wrong(const struct dns_provider *provider, const char *setting,
                           struct str bytes, struct err *err)
{
    (void)provider;
    assert_string_equal(setting, "token");
    assert_true(bytes.len > 0);
    return err_set(err, ERR_CONFIG, "it is no PEM text");
}

static void test_http_when_a_secret_has_the_wrong_form_then_nothing_is_sent(void **state)
{
    (void)state;
    struct dns_provider type = scripted;
    const char *headers[] = {"X-Key: {{token}}", NULL};
    peer_begin();
    AUTO(json_fini)
    struct json *settings = settings_of(settings_text);
    type.secret_check = token_is_wrong;
    request_is("GET", url("/echo"), headers, "");
    struct outcome outcome = run_with(&type, settings, &plain_zone, two_records, 2);
    assert_failed(&outcome, ERR_CONFIG, "token: it is no PEM text");
    assert_int_equal(atomic_load(&peer->n_requests), 0);
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
    snprintf(settings_text, sizeof settings_text,
             "{\"base_url\": \"%s\", \"absent\": \"env:NOWHERE\"}", base);
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

/* ---- exec ---- */

static struct outcome run_exec(const char *program_path, const struct dns_job_record *records,
                               size_t n)
{
    AUTO(json_fini)
    struct json *settings = json_object();
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
             "#!/bin/sh\nset -e\necho \"$1 $2 $3 ref=$CHANCERY_REF zone=$CHANCERY_ZONE\" "
             ">>%s/done\necho ref=id-$3\n",
             scratch_dir);
    const char *hook = program("hook", text);
    struct outcome outcome = run_exec(hook, two_records, 2);
    assert_string_equal(outcome.err.text, "");
    assert_string_equal(outcome.ref, "id-value-one");
    assert_string_equal(
        scratch_get("done"),
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
    snprintf(text, sizeof text,
             "#!/bin/sh\n[ -e %s/once ] && { echo 'no more'; exit 77; }\n: >%s/once\n", scratch_dir,
             scratch_dir);
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
    AUTO(json_fini)
    struct json *settings = settings_of("{}");
    struct provider_config provider = {
        .name = (char *)"corp", .provider = &scripted, .settings = settings};
    peer_begin();
    atomic_store(&peer->is_mute, true);
    struct net_address mute = {.ip = {127, 0, 0, 1}, .ip_len = 4, .port = peer->port};
    struct zone_info zone = plain_zone;
    zone.primary_addresses = &mute;
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
        struct host_job *job =
            host_job_start(host, &provider, &zone, two_records, 2, job_done, &outcome);
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
    peer_stop(peer);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(test_job_when_the_provider_is_done_then_all_records_are_as_wished),
        T(test_job_when_another_went_before_then_its_account_remembers),
        T(test_job_when_the_provider_fails_then_kind_time_and_text_reach_the_desk),
        T(test_job_when_the_provider_pauses_then_it_is_asked_again_afterwards),
        T(test_job_when_wishes_never_end_then_it_is_given_up),
        T(test_run_when_the_program_ends_then_output_and_code_are_heard),
        T(test_run_when_it_wants_secrets_then_they_are_in_its_environment_and_not_in_what_it_said),
        T(test_run_when_a_secret_is_none_of_its_settings_then_nothing_is_run),
        T(test_run_when_the_program_is_missing_then_the_provider_hears_it),
        T(test_http_when_answered_then_status_headers_and_body_are_heard),
        T(test_job_when_the_lead_is_not_sure_any_more_then_nothing_is_asked_before_it_is_confirmed),
        T(test_http_when_placeholders_then_secrets_fit_each_place),
        T(test_http_when_placeholder_in_url_then_it_is_encoded),
        T(test_http_when_secret_would_go_elsewhere_then_it_is_not_sent),
        T(test_http_when_a_login_told_the_place_then_it_is_asked_without_secrets),
        T(test_http_when_a_secret_has_the_wrong_form_then_nothing_is_sent),
        T(test_http_when_redirected_then_it_is_not_followed),
        T(test_http_when_secret_cannot_be_had_then_a_person_is_told_which),
        T(test_secret_when_used_often_then_resolved_once_and_in_no_text),
        T(test_exec_when_records_come_and_go_then_one_run_each_and_refs_are_kept),
        T(test_exec_when_the_second_run_fails_then_the_first_record_counts),
        T(test_cancel_when_something_is_under_way_then_done_is_never_called),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
