/* SEES: base crypto config dns-providers */
/*
 * Jobs against a server that keeps records, drops replies before and after it acted, answers 429 and 500, and lets somebody else write
 * meanwhile. Whatever happens: values of others are never touched, and once a job says done its records are as wished.
 */
#include "dns-providers/manifest/manifest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <stdio.h>

enum { TRIALS = 120, STEPS_MAX = 400, RECORDS_MAX = 16, VALUES_N = 4 };

#define HEAD(id)                                                                                   \
    "manifest: 1\nid: " id "\nname: Test\nstatus: trial\n"                                         \
    "credentials: {token: {help: x}}\nbase: https://api.test/v1\nhosts: [api.test]\n"              \
    "ttl: {default: 60}\nauth: [{headers: {Authorization: \"Bearer {cred.token}\"}}]\n"            \
    "zone: {by: soa}\n"

static const char record_text[] =
    HEAD("t-record") "model: record\n"
                     "add: {method: POST, path: /records, json: {name: \"{name.fqdn}\", value: "
                     "\"{txt}\"}, save: {id: /id}}\n"
                     "find: {method: GET, path: /records, query: {name: \"{name.fqdn}\"}, items: "
                     "/records, where: {/value: {txt: true}},\n"
                     "  save: {id: /id}, page: {by: number, param: page, first: 1, last: /pages}}\n"
                     "remove: {method: DELETE, path: \"/records/{rec.id}\", gone: [404]}\n";
static const char value_text_[] =
    HEAD("t-value") "model: value\n"
                    "add: {method: POST, path: /add, idempotent: true, json: {name: "
                    "\"{name.fqdn}\", value: \"{txt}\"}}\n"
                    "remove: {method: POST, path: /remove, idempotent: true, gone: [404], json: "
                    "{name: \"{name.fqdn}\", value: \"{txt}\"}}\n";
static const char rrset_text[] = HEAD(
    "t-rrset") "model: rrset\n"
               "read: {method: GET, path: \"/sets/{name.fqdn}\", absent: [404], take: {etag: "
               "\"/etag\"}, values: {each: /values/*, text: /content}}\n"
               "write:\n  method: PUT\n  path: \"/sets/{name.fqdn}\"\n  class: {conflict: [412]}\n"
               "  headers: {If-Match: {$if: {set: out.etag}, then: \"{out.etag|str}\"}}\n"
               "  json: {values: {$each: values, emit: {$if: {set: raw}, then: {$doc: raw}, else: "
               "{content: \"{item|quote}\"}}}}\n"
               "clear: {method: DELETE, path: \"/sets/{name.fqdn}\", gone: [404], class: "
               "{conflict: [412]}, headers: {If-Match: \"{out.etag|str}\"}}\n";

/* No entity tag: what was written is read again. */
static const char blind_text[] = HEAD(
    "t-blind") "model: rrset\n"
               "read: {method: GET, path: \"/sets/{name.fqdn}\", absent: [404], values: {each: "
               "/values/*, text: /content}}\n"
               "write:\n  method: PUT\n  path: \"/sets/{name.fqdn}\"\n"
               "  json: {values: {$each: values, emit: {$if: {set: raw}, then: {$doc: raw}, "
               "else: {content: \"{item|quote}\"}}}}\n"
               "clear: {method: DELETE, path: \"/sets/{name.fqdn}\", gone: [404]}\n";
static const char document_text[] =
    HEAD("t-document") "model: document\n"
                       "read: {method: GET, path: /sets/all, absent: [404], take: {etag: /etag}, "
                       "items: /values, where: {/content: {txt: true}}}\n"
                       "write:\n  method: PUT\n  path: /sets/all\n  class: {conflict: [412]}\n"
                       "  headers: {If-Match: {$if: {set: out.etag}, then: \"{out.etag|str}\"}}\n"
                       "  json: {values: {$each: items, emit: {$if: {set: raw}, then: {$doc: raw}, "
                       "else: {content: \"{item.txt|quote}\"}}}}\n";

/* ---- the server ---- */

struct stored {
    int id;
    char value[64]; /* as it is written there */
    bool is_foreign;
};
struct server {
    struct stored records[RECORDS_MAX];
    size_t n;
    int next_id, etag;
    unsigned seed;
    int trouble;   /* percent of requests */
    bool is_blind; /* no preconditions; and others write over us what they had read before */
};

static int chance(struct server *s, int n)
{
    s->seed = s->seed * 1103515245u + 12345u;
    return (int)((s->seed >> 16) % (unsigned)n);
}

static void store(struct server *s, const char *value, bool is_foreign)
{
    assert_true(s->n < RECORDS_MAX);
    struct stored *r = &s->records[s->n++];
    r->id = ++s->next_id;
    r->is_foreign = is_foreign;
    snprintf(r->value, sizeof r->value, "%s", value);
    s->etag++;
}

static void drop(struct server *s, size_t i)
{
    s->records[i] = s->records[--s->n];
    s->etag++;
}

static const char *bare(const char *value)
{
    static char text[64];
    snprintf(text, sizeof text, "%s", value[0] == '"' ? value + 1 : value);
    if (value[0] == '"')
        text[strlen(text) - 1] = '\0';
    return text;
}

static size_t count(const struct server *s, const char *value)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++)
        n += strcmp(bare(s->records[i].value), value) == 0 && !s->records[i].is_foreign;
    return n;
}

static size_t foreign(const struct server *s, const char *as_written)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++)
        n += strcmp(s->records[i].value, as_written) == 0;
    return n;
}

static int list(const struct server *s, const char *url, struct buf *out)
{
    /* two a page */
    const char *at = strstr(url, "page=");
    size_t page = at != NULL ? (size_t)atol(at + 5) : 1, from = (page - 1) * 2;
    buf_printf(out, "{\"pages\":%zu,\"records\":[", (s->n + 1) / 2);
    for (size_t i = from; i < s->n && i < from + 2; i++) {
        AUTO(buf_fini)
        struct buf value = BUF(256);
        AUTO(json_fini)
        struct json *text = json_new_text(s->records[i].value);
        json_format(text, &value, false);
        buf_printf(out, "%s{\"id\":%d,\"value\":%s}", i > from ? "," : "", s->records[i].id,
                   buf_cstr(&value));
    }
    buf_add_cstr(out, "]}");
    return 200;
}

static int set_show(const struct server *s, struct buf *out)
{
    if (s->n == 0)
        return 404;
    struct json *values = json_array();
    for (size_t i = 0; i < s->n; i++) {
        struct json *value = json_set_text(json_object(), "content", s->records[i].value);
        if (s->records[i].is_foreign)
            json_set_text(value, "note", "keep me");
        json_push(values, value);
    }
    AUTO(json_fini)
    struct json *tree = json_set(json_set_int(json_object(), "etag", s->etag), "values", values);
    json_format(tree, out, false);
    return 200;
}

static bool precondition_fails(const struct server *s, const struct dns_wish_http *http)
{
    for (const char *const *h = http->headers; *h != NULL; h++)
        if (strncmp(*h, "If-Match: ", 10) == 0)
            return atoi(*h + 10) != s->etag;
    return s->n > 0 && !s->is_blind; /* made for an empty set */
}

static int set_write(struct server *s, const struct json *body)
{
    const struct json *values = json_find(body, "values");
    s->n = 0;
    for (size_t i = 0; i < json_len(values); i++) {
        const struct json *value = json_at(values, i);
        store(s, json_text(value, "content"), json_text(value, "note") != NULL);
    }
    s->etag++;
    return 200;
}

static int remove_value(struct server *s, const char *value)
{
    bool found = false;
    for (size_t i = s->n; i > 0; i--)
        if (strcmp(s->records[i - 1].value, value) == 0 && !s->records[i - 1].is_foreign) {
            drop(s, i - 1);
            found = true;
        }
    return found ? 200 : 404;
}

static int serve(struct server *s, const struct dns_wish_http *http, struct buf *out)
{
    AUTO(json_fini)
    struct json *body = NULL;
    if (http->body.len > 0)
        assert_true(json_parse(http->body, 64 * 1024, &body, NULL));
    const char *path = strstr(http->url, "/v1") + 3;
    const char *value = json_text(body, "value");
    bool is_set = strncmp(path, "/sets/", 6) == 0;
    if (is_set && strcmp(http->method, "GET") == 0)
        return set_show(s, out);
    if (is_set && precondition_fails(s, http))
        return 412;
    if (is_set && strcmp(http->method, "PUT") == 0)
        return set_write(s, body);
    if (is_set) {
        s->n = 0;
        s->etag++;
        return 204;
    }
    if (strcmp(http->method, "GET") == 0)
        return list(s, http->url, out);
    if (strcmp(path, "/remove") == 0)
        return remove_value(s, value);
    if (strcmp(http->method, "POST") == 0) {
        if (strcmp(path, "/records") == 0 || count(s, value) == 0)
            store(s, value, false);
        buf_printf(out, "{\"id\":%d}", s->next_id);
        return 201;
    }
    int id = atoi(path + strlen("/records/"));
    for (size_t i = 0; i < s->n; i++)
        if (s->records[i].id == id) {
            assert_false(s->records[i].is_foreign);
            drop(s, i);
            return 204;
        }
    return 404;
}

/* ---- the host ---- */

static const char *no_header(const struct dns_answer *answer, const char *name)
{
    (void)answer;
    (void)name;
    return NULL;
}

static void written_over(struct server *s, const struct server *before)
{
    struct server now = *s;
    *s = *before;
    s->seed = now.seed;
    s->next_id = now.next_id;
    s->etag = now.etag + 1;
}

/* What may happen to one request. */
static void exchange(struct server *s, const struct dns_wish_http *http, struct dns_answer *answer,
                     struct buf *body, struct err *err)
{
    int what = chance(s, 100) < s->trouble ? chance(s, 4) : 9;
    const struct server before = *s;
    *answer = (struct dns_answer){.header = no_header};
    if (what == 0 || what == 1) { /* lost before or after it was done */
        if (what == 1)
            serve(s, http, body);
        err_set(err, ERR_AGAIN, "no answer");
        answer->err = err;
        return;
    }
    if (what == 2)
        answer->status = 429;
    else if (what == 3)
        answer->status = 503;
    else
        answer->status = serve(s, http, body);
    answer->body = answer->status < 400 ? buf_str(body) : STR("");
    /* A removal that is undone is seen when the name servers are asked whether it is gone. */
    if (s->is_blind && s->n > before.n && chance(s, 100) < s->trouble)
        written_over(s, &before);
    /* somebody else, now and then */
    if (chance(s, 100) < s->trouble && s->n + 4 < RECORDS_MAX && chance(s, 3) == 0) {
        char value[32];
        snprintf(value, sizeof value, "\"other %d\"", s->next_id);
        store(s, value, true);
    }
}

static bool job_run(const struct dns_provider *provider, struct server *s,
                    struct dns_job_record *records, size_t n)
{
    AUTO(json_fini)
    struct json *settings = json_set_text(json_object(), "token", "file:/x");
    struct dns_job job = {.zone = "example.org",
                          .settings = settings,
                          .records = records,
                          .n_records = n,
                          .arena = arena_new(),
                          .provider = provider,
                          .now_ms = INT64_C(1900000000000)};
    struct dns_answer answer = {0}, *heard = NULL;
    struct dns_wish wish = {0};
    struct err err = {0};
    job.state = provider->begin(&job);
    for (int i = 0; i < STEPS_MAX; i++) {
        AUTO(buf_fini)
        struct buf body = BUF(64 * 1024);
        provider->step(&job, heard, &wish);
        if (wish.kind == DNS_WISH_DONE || wish.kind == DNS_WISH_FAIL)
            break;
        answer = (struct dns_answer){0};
        if (wish.kind == DNS_WISH_HTTP)
            exchange(s, &wish.http, &answer, &body, &err);
        heard = &answer;
        /* the body must live until the next step has heard it */
        answer.body = str_of(
            arena_strndup(job.arena, answer.body.p != NULL ? answer.body.p : "", answer.body.len));
    }
    provider->end(job.state);
    arena_free(job.arena);
    assert_true(wish.kind == DNS_WISH_DONE || wish.kind == DNS_WISH_FAIL);
    if (wish.kind == DNS_WISH_FAIL && s->trouble == 0)
        fail_msg("failed without any trouble: %s", wish.err.text);
    if (wish.kind == DNS_WISH_FAIL)
        assert_true(wish.err.kind == ERR_AGAIN || wish.err.kind == ERR_THROTTLED);
    return wish.kind == DNS_WISH_DONE;
}

static const char *const values[VALUES_N] = {"gfj9Xq-Rg85nM", "-KpZ1m7bQyJ3", "zz_top", "A1b2C3"};

/* Jobs until all is as wished, as the desk would give them. */
static void wish_until_done(const struct dns_provider *provider, struct server *s,
                            struct dns_job_record *records, size_t n)
{
    for (int i = 0; i < 60; i++) {
        bool done = job_run(provider, s, records, n);
        for (size_t j = 0; j < n; j++)
            records[j].may_stand = true;
        for (size_t j = 0; done && j < n; j++) {
            size_t there = count(s, records[j].value);
            if (records[j].present ? there == 0 : there != 0)
                fail_msg("%s: %s is there %zu times though the job said done (seed %u)",
                         provider->name, records[j].value, there, s->seed);
        }
        if (done)
            return;
    }
    fail_msg("%s: not done after 60 jobs", provider->name);
}

static void trial(const struct dns_provider *provider, unsigned seed, int trouble)
{
    struct server s = {.seed = seed * 7919u + 1,
                       .trouble = trouble,
                       .is_blind = strcmp(provider->name, "t-blind") == 0};
    struct dns_job_record records[VALUES_N] = {{0}};
    store(&s, "\"v=spf1 ~all\"", true);
    if (seed % 3 == 0)
        store(&s, "another one; \\\"quoted\\\"", true);
    for (size_t i = 0; i < VALUES_N; i++)
        records[i] = (struct dns_job_record){.present = true,
                                             .owner = "_acme-challenge.www.example.org",
                                             .value = values[i],
                                             .ttl_s = 60};
    wish_until_done(provider, &s, records, VALUES_N);
    /* two go, two stay, as with a base name and its wildcard */
    records[0].present = records[1].present = false;
    wish_until_done(provider, &s, records, VALUES_N);
    for (size_t i = 0; i < VALUES_N; i++)
        records[i].present = false;
    wish_until_done(provider, &s, records, VALUES_N);
    assert_int_equal(foreign(&s, "\"v=spf1 ~all\""), 1);
    assert_int_equal(foreign(&s, "another one; \\\"quoted\\\""), seed % 3 == 0 ? 1 : 0);
    for (size_t i = 0; i < VALUES_N; i++)
        mem_free(records[i].ref);
}

static void trials(const char *text)
{
    const struct dns_provider *provider = NULL;
    struct err err = {0};
    if (!manifest_load(str_of(text), "test.yaml", &provider, &err))
        fail_msg("%s", err.text);
    trial(provider, 1, 0);
    for (unsigned seed = 1; seed <= TRIALS; seed++)
        trial(provider, seed, 10 + (int)(seed % 4) * 10);
    manifest_free(provider);
}

static void test_record_when_the_server_stumbles_then_only_ours_change(void **state)
{
    (void)state;
    trials(record_text);
}

static void test_value_when_the_server_stumbles_then_only_ours_change(void **state)
{
    (void)state;
    trials(value_text_);
}

static void test_rrset_when_the_server_stumbles_then_only_ours_change(void **state)
{
    (void)state;
    trials(rrset_text);
}

static void test_rrset_when_nothing_guards_it_then_what_others_write_over_is_written_again(
    void **state)
{
    (void)state;
    trials(blind_text);
}

static void test_document_when_the_server_stumbles_then_only_ours_change(void **state)
{
    (void)state;
    trials(document_text);
}

/* ---- loading ---- */

static void refused(const char *text, const char *why)
{
    const struct dns_provider *provider = NULL;
    struct err err = {0};
    if (manifest_load(str_of(text), "x.yaml", &provider, &err))
        fail_msg("taken: %s", text);
    if (strstr(err.text, why) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", err.text, why);
}

static void changed(const char *from, const char *to, const char *why)
{
    const char *at = strstr(record_text, from);
    assert_non_null(at);
    AUTO(mem_fini)
    char *text =
        mem_printf("%.*s%s%s", (int)(at - record_text), record_text, to, at + strlen(from));
    refused(text, why);
}

static void test_load_when_something_is_wrong_then_it_says_what_and_where(void **state)
{
    (void)state;
    changed("manifest: 1", "manifest: 2", "x.yaml:1:1");
    changed("name: Test", "nmae: Test",
            "unknown member \"nmae\" in manifest; did you mean \"name\"?");
    changed("model: record", "model: recrod", "model is one of");
    changed("model: record", "model: record\nslots: 2", "only model single has slots");
    changed("model: record", "model: record\nbatch: {max: 2}", "batch: \"write\" is missing");
    changed("model: record", "model: record\nbatch: {max: 0}", "max is at least 1");
    changed("value: \"{txt}\"", "value: {$join: x}", "$join needs a list of lists");
    changed("{txt: true}", "{txt: true, of: \"{tixt}\"}", "there is no variable \"tixt\"");
    changed("{name.fqdn}", "{name.fdqn}", "there is no variable \"name.fdqn\"");
    changed("{cred.token}", "{cred.tokn}", "there is no variable \"cred.tokn\"");
    changed("{txt}", "{txt|nofilter}", "no filter");
    changed("method: POST", "method: FETCH", "GET|POST|PUT|PATCH|DELETE");
    changed("save: {id: /id}", "save: {id: id}", "no JSON pointer");
    changed("https://api.test", "http://api.test", "base must be https");
    changed("hosts: [api.test]", "docs: x", "must name every host");
    changed("hosts: [api.test]", "hosts: ['*.test']", "one label before the last two");
    changed("hosts: [api.test]", "hosts: ['*', a.b]", "one label before the last two");
    changed("hosts: [api.test]", "hosts: ['api*.a.test']", "one label before the last two");
    changed("last: /pages", "last: /pages, file: /etc/passwd", "unknown member \"file\" in page");
    changed("remove: {method: DELETE, path: \"/records/{rec.id}\", gone: [404]}", "",
            "model record: \"remove\" is missing");
    changed("{by: soa}", "{by: [soa]}", "by is one of");
    changed("name: Test", "name: &a Test", "anchor");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_record_when_the_server_stumbles_then_only_ours_change),
        cmocka_unit_test(test_value_when_the_server_stumbles_then_only_ours_change),
        cmocka_unit_test(test_rrset_when_the_server_stumbles_then_only_ours_change),
        cmocka_unit_test(
            test_rrset_when_nothing_guards_it_then_what_others_write_over_is_written_again),
        cmocka_unit_test(test_document_when_the_server_stumbles_then_only_ours_change),
        cmocka_unit_test(test_load_when_something_is_wrong_then_it_says_what_and_where),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
