/* SEES: base crypto config dns-providers */
/*
 * Route 53 as it is shipped against a server that keeps sets as Route 53 does: a change is whole or nothing, DELETE must name the very
 * set, CREATE must find none. It drops replies before and after it acted, throttles, is busy, and lets somebody else write meanwhile:
 * whatever happens, values of others stay as they were written and ours are there once the job says so.
 */
#include "base/xml.h"
#include "dns-providers/manifest/manifest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

enum { TRIALS = 40, STEPS_MAX = 400, SETS_MAX = 4, VALUES_MAX = 24, TEXT_MAX = 256 * 1024 };

#define WWW  "_acme-challenge.www.example.org"
#define MAIL "_acme-challenge.mail.example.org"

struct set {
    char name[64], ttl[8], values[VALUES_MAX][64];
    size_t n;
};
struct server {
    struct set sets[SETS_MAX];
    char others[VALUES_MAX][64]; /* what somebody else wrote at WWW */
    size_t n_others;
    unsigned seed;
    int trouble, n_conflicts, n_changes;
};

static int chance(struct server *s, int n)
{
    s->seed = s->seed * 1103515245u + 12345u;
    return (int)((s->seed >> 16) % (unsigned)n);
}

static struct set *set_find(struct set *sets, const char *name)
{
    for (size_t i = 0; i < SETS_MAX; i++)
        if (sets[i].n > 0 && strcmp(sets[i].name, name) == 0)
            return &sets[i];
    return NULL;
}

static struct set *set_new(struct set *sets, const char *name, const char *ttl)
{
    for (size_t i = 0; i < SETS_MAX; i++)
        if (sets[i].n == 0) {
            snprintf(sets[i].name, sizeof sets[i].name, "%s", name);
            snprintf(sets[i].ttl, sizeof sets[i].ttl, "%s", ttl);
            return &sets[i];
        }
    fail_msg("too many sets");
    return NULL;
}

static void value_add(struct set *set, const char *value)
{
    assert_true(set->n < VALUES_MAX);
    snprintf(set->values[set->n++], sizeof set->values[0], "%s", value);
}

static bool set_has(const struct set *set, const char *value)
{
    for (size_t i = 0; set != NULL && i < set->n; i++)
        if (strcmp(set->values[i], value) == 0)
            return true;
    return false;
}

static void other_writes(struct server *s, const char *value)
{
    struct set *set = set_find(s->sets, WWW);
    if (s->n_others == VALUES_MAX / 2)
        return;
    value_add(set != NULL ? set : set_new(s->sets, WWW, "900"), value);
    snprintf(s->others[s->n_others++], sizeof s->others[0], "%s", value);
}

/* ---- the API ---- */

static void set_show(const struct set *set, struct buf *out)
{
    buf_printf(out,
               "<ResourceRecordSet><Name>%s.</Name><Type>TXT</Type><TTL>%s</TTL><ResourceRecords>",
               set->name, set->ttl);
    for (size_t i = 0; i < set->n; i++) {
        buf_add_cstr(out, "<ResourceRecord><Value>");
        xml_escape(out, str_of(set->values[i]));
        buf_add_cstr(out, "</Value></ResourceRecord>");
    }
    buf_add_cstr(out, "</ResourceRecords></ResourceRecordSet>");
}

/* Lists begin at the name and go on with others. */
static int sets_list(struct server *s, const char *url, struct buf *out)
{
    const char *at = strstr(url, "name=") + strlen("name=");
    char name[64];
    snprintf(name, sizeof name, "%.*s", (int)(strstr(at, ".&") - at), at);
    buf_add_cstr(out, "<ListResourceRecordSetsResponse><ResourceRecordSets>");
    if (set_find(s->sets, name) != NULL)
        set_show(set_find(s->sets, name), out);
    set_show(&(struct set){"zzz.example.org", "5", {"\"of another name\""}, 1}, out);
    buf_add_cstr(out, "</ResourceRecordSets></ListResourceRecordSetsResponse>");
    return 200;
}

static bool change_apply(struct set *sets, const struct json *change)
{
    const struct json *wanted = json_find(change, "ResourceRecordSet");
    const struct json *records = json_find(json_find(wanted, "ResourceRecords"), "ResourceRecord");
    bool deletes = strcmp(json_text(change, "Action"), "DELETE") == 0;
    char name[64];
    assert_string_equal(json_text(wanted, "Type"), "TXT");
    snprintf(name, sizeof name, "%s", json_text(wanted, "Name"));
    assert_int_equal(name[strlen(name) - 1], '.');
    name[strlen(name) - 1] = '\0';
    assert_true(json_len(records) > 0);
    struct set *set = set_find(sets, name);
    if (deletes) {
        if (set == NULL || set->n != json_len(records) ||
            strcmp(set->ttl, json_text(wanted, "TTL")) != 0)
            return false;
        for (size_t i = 0; i < json_len(records); i++)
            if (!set_has(set, json_text(json_at(records, i), "Value")))
                return false;
        set->n = 0;
        return true;
    }
    assert_string_equal(json_text(change, "Action"), "CREATE");
    if (set != NULL)
        return false;
    set = set_new(sets, name, json_text(wanted, "TTL"));
    for (size_t i = 0; i < json_len(records); i++)
        value_add(set, json_text(json_at(records, i), "Value"));
    return true;
}

/* Whole or nothing. Both forms in which the service says no. */
static int change_take(struct server *s, struct str body, struct buf *out)
{
    static const char *const arrays[] = {"Changes/Change", "ResourceRecords/ResourceRecord", NULL};
    struct set sets[SETS_MAX];
    AUTO(json_fini)
    struct json *tree = NULL;
    struct err err = {0};
    if (!xml_parse(body, TEXT_MAX, arrays, &tree, &err))
        fail_msg("%s: %.*s", err.text, STR_ARG(body));
    const struct json *changes = json_find(
        json_find(json_find(json_find(tree, "ChangeResourceRecordSetsRequest"), "ChangeBatch"),
                  "Changes"),
        "Change");
    assert_true(json_len(changes) > 0);
    memcpy(sets, s->sets, sizeof sets);
    for (size_t i = 0; i < json_len(changes); i++) {
        if (change_apply(sets, json_at(changes, i)))
            continue;
        s->n_conflicts++;
        buf_add_cstr(out, chance(s, 2) == 0
                              ? "<InvalidChangeBatch><Messages><Message>not so</Message></Messages>"
                                "</InvalidChangeBatch>"
                              : "<ErrorResponse><Error><Code>InvalidChangeBatch</Code><Message>not "
                                "so</Message></Error></ErrorResponse>");
        return 400;
    }
    memcpy(s->sets, sets, sizeof sets);
    s->n_changes++;
    buf_add_cstr(out, "<ChangeResourceRecordSetsResponse><ChangeInfo><Id>/change/C1</Id><Status>"
                      "PENDING</Status></ChangeInfo></ChangeResourceRecordSetsResponse>");
    return 200;
}

static int serve(struct server *s, const struct dns_wish_http *http, struct buf *out)
{
    if (strstr(http->url, "/hostedzonesbyname?") != NULL) {
        buf_add_cstr(out, "<ListHostedZonesByNameResponse><HostedZones><HostedZone><Id>/hostedzone/"
                          "Z1</Id><Name>example.org.</Name><Config><PrivateZone>false</PrivateZone>"
                          "</Config></HostedZone></HostedZones></ListHostedZonesByNameResponse>");
        return 200;
    }
    if (strstr(http->url, "/change/C1") != NULL) {
        buf_printf(
            out,
            "<GetChangeResponse><ChangeInfo><Status>%s</Status></ChangeInfo></GetChangeResponse>",
            chance(s, 2) == 0 ? "INSYNC" : "PENDING");
        return 200;
    }
    assert_non_null(strstr(http->url, "/hostedzone/Z1/rrset"));
    return strcmp(http->method, "GET") == 0 ? sets_list(s, http->url, out)
                                            : change_take(s, http->body, out);
}

/* ---- what may happen on the way ---- */

static const char *no_header(const struct dns_answer *answer, const char *name)
{
    (void)answer;
    (void)name;
    return NULL;
}

static int refuse(const char *code, struct buf *out)
{
    buf_clear(out);
    buf_printf(out, "<ErrorResponse><Error><Code>%s</Code></Error></ErrorResponse>", code);
    return 400;
}

static void exchange(struct server *s, const struct dns_wish_http *http, struct dns_answer *answer,
                     struct buf *body, struct err *err)
{
    int what = chance(s, 100) < s->trouble ? chance(s, 5) : 9;
    *answer = (struct dns_answer){.header = no_header};
    if (what != 0 && what != 2 && what != 3 && what != 4)
        answer->status = serve(s, http, body);
    if (what == 0 || what == 1) { /* lost before or after it was done */
        err_set(err, ERR_AGAIN, "no answer");
        answer->err = err;
    }
    if (what == 2 || what == 3)
        answer->status = refuse(what == 2 ? "Throttling" : "PriorRequestNotComplete", body);
    if (what == 4)
        answer->status = 503;
    if (chance(s, 100) < s->trouble && chance(s, 3) == 0) {
        char value[64];
        snprintf(value, sizeof value, "\"other %zu\" \"and \\\"more\\\"\"", s->n_others);
        other_writes(s, value);
    }
    answer->body = answer->err == NULL && what != 4 ? buf_str(body) : STR("");
}

static bool job_run(struct server *s, struct dns_job_record *records, size_t n)
{
    AUTO(json_fini)
    struct json *settings = json_set_text(json_object(), "access_key_id", "AKIA");
    json_set_text(settings, "secret_access_key", "file:/x");
    const struct dns_provider *provider = dns_provider_find("route53");
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
        struct buf body = BUF(TEXT_MAX);
        provider->step(&job, heard, &wish);
        if (wish.kind == DNS_WISH_DONE || wish.kind == DNS_WISH_FAIL)
            break;
        answer = (struct dns_answer){0};
        if (wish.kind == DNS_WISH_HTTP)
            exchange(s, &wish.http, &answer, &body, &err);
        heard = &answer;
        answer.body = str_of(
            arena_strndup(job.arena, answer.body.p != NULL ? answer.body.p : "", answer.body.len));
    }
    provider->end(job.state);
    arena_free(job.arena);
    assert_true(wish.kind == DNS_WISH_DONE || wish.kind == DNS_WISH_FAIL);
    if (wish.kind == DNS_WISH_FAIL && s->trouble == 0)
        fail_msg("failed without any trouble: %s", wish.err.text);
    if (wish.kind == DNS_WISH_FAIL && wish.err.kind != ERR_AGAIN && wish.err.kind != ERR_THROTTLED)
        fail_msg("%s (seed %u)", wish.err.text, s->seed);
    return wish.kind == DNS_WISH_DONE;
}

/* ---- trials ---- */

static void others_stand(const struct server *s)
{
    struct server copy = *s;
    const struct set *set = set_find(copy.sets, WWW);
    for (size_t i = 0; i < s->n_others; i++)
        if (!set_has(set, s->others[i]))
            fail_msg("%s is lost (seed %u)", s->others[i], s->seed);
    if (set != NULL && s->n_others > 0)
        assert_string_equal(set->ttl, "900");
}

static void wish_until_done(struct server *s, struct dns_job_record *records, size_t n)
{
    for (int i = 0; i < 80; i++) {
        bool done = job_run(s, records, n);
        others_stand(s);
        for (size_t j = 0; done && j < n; j++) {
            char quoted[64];
            snprintf(quoted, sizeof quoted, "\"%s\"", records[j].value);
            if (set_has(set_find(s->sets, records[j].owner), quoted) != records[j].present)
                fail_msg("%s of %s is not as wished (seed %u)", records[j].value, records[j].owner,
                         s->seed);
        }
        if (done)
            return;
    }
    fail_msg("never done (seed %u)", s->seed);
}

static void trial(struct server *s, struct dns_job_record *records, size_t n)
{
    other_writes(s, "\"v=spf1 ~all\" \"in \\\"two\\\" parts\"");
    for (size_t i = 0; i < n; i++)
        records[i].present = true;
    wish_until_done(s, records, n);
    records[0].present = false;
    wish_until_done(s, records, n);
    for (size_t i = 0; i < n; i++)
        records[i].present = false;
    wish_until_done(s, records, n);
    assert_null(set_find(s->sets, MAIL));
}

static int trials(size_t n_records, int trouble_most)
{
    int n_conflicts = 0;
    for (unsigned seed = 1; seed <= TRIALS; seed++) {
        struct dns_job_record records[] = {
            {.owner = WWW, .value = "gfj9Xq-Rg85nM", .ttl_s = 60},
            {.owner = WWW, .value = "-KpZ1m7bQyJ3", .ttl_s = 60},
            {.owner = MAIL, .value = "zz_top", .ttl_s = 60},
        };
        struct server s = {.seed = seed, .trouble = trouble_most * (int)(seed % 4) / 3};
        trial(&s, records, n_records);
        n_conflicts += s.n_conflicts;
    }
    return n_conflicts;
}

static void test_one_name_when_the_server_stumbles_then_nobody_loses_a_value(void **state)
{
    (void)state;
    assert_true(trials(2, 30) > 0); /* else nothing was tried */
}

static void test_two_names_when_the_server_stumbles_then_nobody_loses_a_value(void **state)
{
    (void)state;
    assert_true(trials(3, 30) > 0);
}

static void test_two_names_when_all_is_well_then_one_change_does_it(void **state)
{
    (void)state;
    struct dns_job_record records[] = {
        {.present = true, .owner = WWW, .value = "gfj9Xq-Rg85nM", .ttl_s = 60},
        {.present = true, .owner = MAIL, .value = "zz_top", .ttl_s = 60},
    };
    struct server s = {.seed = 1};
    other_writes(&s, "\"v=spf1 ~all\"");
    wish_until_done(&s, records, 2);
    assert_int_equal(s.n_changes, 1);
    wish_until_done(&s, records, 2);
    assert_int_equal(s.n_changes, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_name_when_the_server_stumbles_then_nobody_loses_a_value),
        cmocka_unit_test(test_two_names_when_the_server_stumbles_then_nobody_loses_a_value),
        cmocka_unit_test(test_two_names_when_all_is_well_then_one_change_does_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
