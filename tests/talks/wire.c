#include "wire.h"

#include "dns/provider_host.h"
#include "talk.h"
#include "wire_peer.h"
#include "wish_tree.h"

enum { REPLAY_LIMIT_MS = 60 * 1000 };

struct wire {
    struct config config;
    struct house house;
    struct wire_peer *peer;
};

/* One replay. A reference to a secret is resolved by a function without an argument, so it is not on the stack alone. */
static struct replay {
    const struct json *talk;
    const struct dns_provider *provider; /* as it is; the host is handed one that listens in */
    struct wire *wire;
    struct wire_places places;
    struct wire_secrets secrets;
    size_t at;               /* the line of the last wish */
    struct json *line;       /* moved; NULL before the first step */
    struct talk_answer told; /* what the line says is answered */
    bool is_encoded;
    bool is_over;
    int n_compared;
    struct err err;
} * replay;

static const char *environment(const char *name)
{
    return replay != NULL ? wire_secret_of(&replay->secrets, name) : NULL;
}

struct wire *wire_new(void)
{
    static const struct http_options options = {.user_agent = "test"};
    struct wire *wire = NEW(struct wire);
    wire->config = (struct config){
        .path = (char *)"chancery.yaml", .folder = (char *)"/", .environment = environment};
    wire->house.config = &wire->config;
    wire->house.loop = loop_new();
    wire->house.clock = loop_clock(wire->house.loop);
    wire->house.http = http_new(wire->house.loop, &options);
    wire->house.dns = dns_new(wire->house.loop);
    wire->peer = wire_peer_new();
    return wire;
}

void wire_free(struct wire *wire)
{
    wire_peer_free(wire->peer);
    http_free(wire->house.http);
    dns_free(wire->house.dns);
    loop_free(wire->house.loop);
    wire_forms_free();
    mem_free(wire);
}

bool wire_fits(const struct json *talk)
{
    const struct json *lines = json_find(talk, "talk");
    size_t n_http = 0;
    for (size_t i = 0; i < json_len(lines); i++) {
        const struct json *wish = json_find(json_at(lines, i), "wish");
        if (json_find(wish, "update") != NULL || json_find(wish, "run") != NULL)
            return false;
        n_http += json_find(wish, "http") != NULL;
    }
    return n_http > 0;
}

/* ---- what the server says ---- */

static char *reply_text(const struct json *answer, const struct talk_answer *told)
{
    struct buf out = BUF(JSON_SIZE_MAX);
    const struct json *value;
    const char *key;
    void *position = NULL;
    if (told->answer.err != NULL)
        return buf_take(&out); /* it hangs up */
    buf_printf(&out, "HTTP/1.1 %d told\r\nConnection: close\r\nContent-Length: %zu\r\n",
               told->answer.status, told->answer.body.len);
    while (json_next(json_find(answer, "headers"), &position, &key, &value))
        buf_printf(&out, "%s: %s\r\n", key, json_as_text(value));
    buf_add_cstr(&out, "\r\n");
    buf_add_str(&out, told->answer.body);
    return buf_take(&out);
}

/* ---- step by step ---- */

static const struct json *line_http(const struct json *talk, size_t at)
{
    return json_find(json_find(json_at(json_find(talk, "talk"), at), "wish"), "http");
}

static const struct json *wished(void)
{
    return json_find(json_find(replay->line, "wish"), "http");
}

/* Some name the API's host in their own words, as the audience of a token or the name of a namespace: there it stays, in the whole
 * request or in its body. */
static bool unmoved_compare(const char *request)
{
    const struct json *as_told = line_http(replay->talk, replay->at);
    AUTO(json_fini)
    struct json *unmoved = json_copy(as_told);
    AUTO(json_fini)
    struct json *half = json_copy(wished());
    json_set_text(unmoved, "url", json_text(wished(), "url"));
    if (json_text(as_told, "body") != NULL)
        json_set_text(half, "body", json_text(as_told, "body"));
    return wire_compare(request, unmoved, replay->is_encoded, &replay->places, &replay->secrets,
                        NULL) ||
           wire_compare(request, half, replay->is_encoded, &replay->places, &replay->secrets, NULL);
}

/* What came before the answer: the request. */
static bool request_check(const struct dns_answer *answer, struct err *err)
{
    AUTO(mem_fini)
    char *request = NULL;
    if (wished() == NULL)
        return true;
    int n = wire_peer_heard(replay->wire->peer, &request);
    if (n == 0 && answer->err != NULL)
        return err_set(err, ERR_BROKEN, "nothing came: %s", answer->err->text);
    if (n != 1)
        return err_set(err, ERR_BROKEN, "%d requests came for one wish", n);
    replay->n_compared++;
    if ((answer->err != NULL) != (replay->told.answer.err != NULL))
        return err_set(err, ERR_BROKEN, "the answer did not come through: %s",
                       answer->err != NULL ? answer->err->text : "one that is none");
    const struct wire_places *places = &replay->places;
    struct err moved = {0};
    if (wire_compare(request, wished(), replay->is_encoded, places, &replay->secrets, &moved))
        return true;
    return unmoved_compare(request) || err_set(err, moved.kind, "%s", moved.text);
}

static bool line_next(struct err *err)
{
    const struct json *lines = json_find(replay->talk, "talk");
    if (replay->line != NULL)
        replay->at++;
    talk_answer_fini(&replay->told);
    replay->told = (struct talk_answer){0};
    json_free(replay->line);
    replay->line = NULL;
    if (replay->at >= json_len(lines))
        return err_set(err, ERR_BROKEN, "the job goes on after the end of the talk");
    replay->line = wire_places_move(&replay->places, json_at(lines, replay->at));
    return true;
}

static bool http_expect(const struct dns_wish *wish, struct err *err)
{
    const struct json *answer = json_find(replay->line, "answer");
    if (wished() == NULL)
        return err_set(err, ERR_REFUSED, "%s %s is sent, and the talk has no request there",
                       wish->http.method, wish->http.url);
    if (!str_starts(str_of(wish->http.url), str_of(replay->places.ours)))
        return err_set(err, ERR_DENIED, "base_url is %s and the wish goes to %s",
                       replay->places.ours, wish->http.url);
    if (!talk_answer_init(&replay->told, answer, err))
        return false;
    AUTO(mem_fini)
    char *reply = reply_text(answer, &replay->told);
    replay->is_encoded = wish->http.is_encoded;
    wire_peer_expect(replay->wire->peer, str_of(reply));
    return true;
}

static bool other_compare(const struct dns_wish *wish, struct err *err)
{
    AUTO(json_fini)
    struct json *tree = wish_tree(wish);
    AUTO(buf_fini)
    struct buf got = BUF(JSON_SIZE_MAX);
    if (json_equal(tree, json_find(replay->line, "wish")))
        return true;
    json_format(tree, &got, false);
    return err_set(err, ERR_REFUSED, "wishes %s", buf_cstr(&got));
}

static bool wish_check(struct dns_wish *wish, struct err *err)
{
    if (!line_next(err))
        return false;
    if (wish->kind == DNS_WISH_HTTP)
        return http_expect(wish, err);
    if (!other_compare(wish, err))
        return false;
    if (wish->kind == DNS_WISH_SLEEP)
        wish->sleep_ms = 0; /* it was compared: nobody has to wait for it here */
    return true;
}

static void *listener_begin(const struct dns_job *job)
{
    struct dns_job original = *job;
    original.provider = replay->provider;
    return replay->provider->begin != NULL ? replay->provider->begin(&original) : NULL;
}

/* The time and the dice of the talk, and the words in which it says that no answer came. */
static void listener_step(struct dns_job *job, const struct dns_answer *answer,
                          struct dns_wish *ret_wish)
{
    bool ok = answer == NULL || request_check(answer, &replay->err);
    job->provider = replay->provider;
    job->now_ms = json_int(replay->talk, "now_ms", INT64_C(1900000000000));
    memset(job->random, 0, sizeof job->random);
    if (answer != NULL && answer->err != NULL)
        answer = &replay->told.answer;
    if (ok) {
        job->memory = NULL; /* each talk begins with a login of its own */
        replay->provider->step(job, answer, ret_wish);
        ok = wish_check(ret_wish, &replay->err);
    }
    if (!ok) {
        err_wrap(&replay->err, "step %zu", replay->at + 1);
        *ret_wish = (struct dns_wish){.kind = DNS_WISH_FAIL, .err = replay->err};
    }
}

static void job_done(void *arg, const struct dns_job_record *records, size_t n,
                     const struct err *err)
{
    (void)arg;
    (void)err; /* compared as a wish */
    replay->is_over = true;
    if (replay->err.kind == ERR_NONE && replay->at + 1 < json_len(json_find(replay->talk, "talk")))
        err_set(&replay->err, ERR_BROKEN, "the job ends at step %zu: %s", replay->at + 1,
                err != NULL ? err->text : "done");
    if (replay->err.kind == ERR_NONE)
        talk_after_check(replay->talk, records, n, &replay->err);
}

static void job_run(const struct provider_config *config, const struct dns_job_record *records,
                    size_t n)
{
    struct house *house = &replay->wire->house;
    struct provider_host *host = provider_host_new(house);
    struct zone_info zone = {.zone = (char *)json_text(replay->talk, "zone")};
    int64_t until_ms = clock_wall_ms(&clock_system) + REPLAY_LIMIT_MS;
    zone.challenge = zone.owner = (char *)records[0].owner;
    struct host_job *job = host_job_start(host, config, &zone, records, n, job_done, NULL);
    while (!replay->is_over && clock_wall_ms(&clock_system) < until_ms)
        loop_wait(house->loop, until_ms);
    if (!replay->is_over) {
        host_job_cancel(job);
        err_set(&replay->err, ERR_BROKEN, "step %zu: not over after a minute", replay->at + 1);
    }
    provider_host_free(host);
}

/* ---- one talk ---- */

/* With base_url and test secrets; checked like those of a configuration file. */
static bool settings_make(struct json **ret, struct err *err)
{
    AUTO(json_fini)
    struct json *given = json_copy(json_find(replay->talk, "settings"));
    AUTO(mem_fini)
    char *base_url = mem_printf("%s%s", replay->places.ours, replay->places.path);
    wire_secrets_take(&replay->secrets, replay->provider->settings, given, "");
    json_set_text(given, "base_url", base_url);
    return talk_settings_load(given, replay->provider, ret, err);
}

static bool secrets_choose(struct err *err)
{
    AUTO(json_fini)
    struct json *lines = wire_places_move(&replay->places, json_find(replay->talk, "talk"));
    return wire_secrets_choose(&replay->secrets, lines, err);
}

static bool talk_run(struct err *err)
{
    struct dns_provider listener = *replay->provider;
    struct dns_job_record *records = NEW_N(TALK_RECORDS_MAX, struct dns_job_record);
    struct arena *arena = arena_new();
    struct json *settings = NULL;
    size_t n = 0;
    listener.begin = listener_begin;
    listener.step = listener_step;
    listener.limits = NULL; /* the server here is patient */
    bool ok = settings_make(&settings, err) && secrets_choose(err) &&
              talk_records_load(replay->talk, arena, records, &n, err);
    if (ok) {
        struct provider_config config = {
            .name = (char *)"wire", .provider = &listener, .settings = settings};
        job_run(&config, records, n);
        *err = replay->err;
        ok = err->kind == ERR_NONE;
    }
    for (size_t i = 0; i < n; i++)
        mem_free(records[i].ref);
    mem_free(records);
    arena_free(arena);
    json_free(settings);
    return ok;
}

bool wire_replay(struct wire *wire, const struct json *talk, int *ret_n, struct err *err)
{
    const char *name = json_text(talk, "provider");
    struct replay one = {
        .talk = talk, .provider = dns_provider_find(name != NULL ? name : ""), .wire = wire};
    if (one.provider == NULL)
        return err_set(err, ERR_BROKEN, "provider %s does not exist", name);
    replay = &one;
    wire_forms_name(talk);
    wire_places_init(&one.places, talk, one.provider, wire_peer_port(wire->peer));
    bool ok = talk_run(err);
    *ret_n += one.n_compared;
    talk_answer_fini(&one.told);
    json_free(one.line);
    wire_places_fini(&one.places);
    wire_secrets_fini(&one.secrets);
    replay = NULL;
    return ok;
}
