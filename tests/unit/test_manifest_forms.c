/* SEES: base crypto config dns-providers */
/*
 * The harder forms of APIs, each by a manifest of a few lines and a server that is a list of answers: XML both ways, lists of ids, cookies,
 * sessions that end, the server's clock, services whose address a login tells.
 */
#include "base/clock.h"
#include "dns-providers/manifest/manifest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#define HEAD                                                                                       \
    "manifest: 1\nid: t\nname: Test\nstatus: trial\ncredentials: {key: {help: x}}\n"               \
    "ttl: {default: 60}\nzone: {by: soa}\nmodel: record\n"
#define HOST HEAD "base: https://api.test\nhosts: [api.test]\n"
#define NOW  INT64_C(1900000000000)

/* ---- a server of answers ---- */

struct told {
    int status;
    const char *body, *header, *value;
};
struct heard {
    char text[4096]; /* "METHOD url\nheaders\n\nbody" */
    char told_base[256];
};
static struct {
    const struct dns_provider *provider;
    struct json *settings;
    struct dns_job job;
    struct dns_job_record record;
    struct heard heard[64];
    size_t n_heard;
    struct err err; /* of FAIL */
} t;

static void begin(const char *text, const char *settings, bool present)
{
    struct err err = {0};
    memset(&t, 0, sizeof t);
    if (!manifest_load(str_of(text), "t.yaml", &t.provider, &err))
        fail_msg("%s", err.text);
    assert_true(json_parse(str_of(settings), JSON_SIZE_MAX, &t.settings, &err));
    t.record = (struct dns_job_record){
        .present = present, .owner = "_acme-challenge.example.org", .value = "v1", .ttl_s = 60};
    t.job = (struct dns_job){.zone = "example.org",
                             .settings = t.settings,
                             .records = &t.record,
                             .n_records = 1,
                             .arena = arena_new(),
                             .provider = t.provider,
                             .now_ms = NOW};
    t.job.state = t.provider->begin(&t.job);
}

static void end(void)
{
    t.provider->end(t.job.state);
    arena_free(t.job.arena);
    mem_free(t.record.ref);
    json_free(t.settings);
    manifest_free(t.provider);
}

static void hear(const struct dns_wish *wish)
{
    AUTO(buf_fini)
    struct buf out = BUF(64 * 1024);
    struct heard *heard = &t.heard[t.n_heard++];
    assert_true(t.n_heard < 64);
    buf_printf(&out, "%s %s\n", wish->http.method, wish->http.url);
    for (const char *const *h = wish->http.headers; *h != NULL; h++)
        buf_printf(&out, "%s\n", *h);
    buf_printf(&out, "\n%.*s", STR_ARG(wish->http.body));
    assert_true(out.len < sizeof heard->text);
    memcpy(heard->text, buf_cstr(&out), out.len + 1);
    if (wish->http.told_base != NULL)
        snprintf(heard->told_base, sizeof heard->told_base, "%s", wish->http.told_base);
}

struct answer {
    struct dns_answer answer;
    const struct told *told;
};

static const char *header_of(const struct dns_answer *answer, const char *name)
{
    const struct told *told = ((const struct answer *)(const void *)answer)->told;
    return told->header != NULL && str_eq_nocase(str_of(told->header), str_of(name)) ? told->value
                                                                                     : NULL;
}

/* True: done. Pauses pass at once; each request gets the next answer, after step_ms. */
static bool run(const struct told *told, size_t n, int64_t step_ms)
{
    struct answer a = {0};
    bool has_answer = false;
    size_t next = 0;
    for (int i = 0; i < 200; i++) {
        struct dns_wish wish = {0};
        t.job.random[0] = (unsigned char)i;
        t.provider->step(&t.job, has_answer ? &a.answer : NULL, &wish);
        has_answer = true;
        a = (struct answer){0};
        if (wish.kind == DNS_WISH_DONE || wish.kind == DNS_WISH_FAIL) {
            t.err = wish.err;
            assert_int_equal(next, n);
            return wish.kind == DNS_WISH_DONE;
        }
        if (wish.kind == DNS_WISH_SLEEP)
            continue;
        hear(&wish);
        if (next == n)
            fail_msg("nobody answers %s", t.heard[t.n_heard - 1].text);
        a.told = &told[next++];
        a.answer = (struct dns_answer){.status = a.told->status,
                                       .body = str_of(a.told->body != NULL ? a.told->body : ""),
                                       .header = header_of};
        t.job.now_ms += step_ms;
    }
    fail_msg("it never ends");
    return false;
}
#define RUN(told) run((told), sizeof(told) / sizeof((told)[0]), 0)

static void assert_heard(size_t i, const char *text)
{
    assert_true(i < t.n_heard);
    if (strstr(t.heard[i].text, text) == NULL)
        fail_msg("request %zu has no \"%s\": %s", i, text, t.heard[i].text);
}

static void assert_heard_not(size_t i, const char *text)
{
    if (strstr(t.heard[i].text, text) != NULL)
        fail_msg("request %zu has \"%s\": %s", i, text, t.heard[i].text);
}

static void assert_refused(const char *text, const char *why)
{
    const struct dns_provider *provider = NULL;
    struct err err = {0};
    assert_false(manifest_load(str_of(text), "t.yaml", &provider, &err));
    if (strstr(err.text, why) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", err.text, why);
}

/* ---- XML ---- */

static const char xml_text[] = HOST
    "result: {ok: {ptr: /r/status, is: ok}, error: {code: /r/code, text: /r/text}, class: {auth: "
    "[11]}}\n"
    "add:\n  method: POST\n  path: /x\n  accept: xml\n"
    "  xml: {r: {\"@v\": 1, key: \"{cred.key}\", host: \"{name.rel}\", value: \"<{txt}>\"}}\n"
    "  save: {id: /r/id}\n"
    "find:\n  method: POST\n  path: /x\n  idempotent: true\n  accept: xml\n  arrays: [r/rec]\n"
    "  xml: {list: null}\n  items: /r/rec\n  where: {/value: {txt: true}}\n  save: {id: /@id}\n"
    "remove: {method: POST, path: /x, accept: xml, xml: {del: {id: \"{rec.id}\"}}}\n";

static void test_xml_when_a_record_is_added_then_both_ways_are_xml(void **state)
{
    static const struct told told[] = {{200, "<r><status>ok</status><id>7</id></r>", NULL, NULL}};
    (void)state;
    begin(xml_text, "{\"key\": \"file:/k\"}", true);
    assert_true(RUN(told));
    assert_heard(0, "Content-Type: text/xml; charset=utf-8\n");
    assert_heard(0,
                 "\n\n<?xml version=\"1.0\" encoding=\"UTF-8\"?><r v=\"1\"><key>{{xml(key)}}</key>"
                 "<host>_acme-challenge</host><value>&lt;v1&gt;</value></r>");
    assert_string_equal(t.record.ref, "{\"id\":\"7\"}");
    end();
}

static void test_xml_when_the_only_record_is_looked_for_then_it_is_found(void **state)
{
    static const struct told told[] = {
        {200, "<r><status>ok</status><rec id=\"9\"><value>v1</value></rec></r>", NULL, NULL},
        {200, "<r><status>ok</status></r>", NULL, NULL}};
    (void)state;
    begin(xml_text, "{\"key\": \"file:/k\"}", false);
    assert_true(RUN(told));
    assert_heard(1, "<del><id>9</id></del>");
    end();
}

static void test_xml_when_the_server_refuses_or_raves_then_it_is_told(void **state)
{
    static const struct told denied[] = {
        {200, "<r><status>error</status><code>11</code><text>wrong &amp; bad</text></r>", NULL,
         NULL}};
    static const struct told raves[] = {
        {200, "<!DOCTYPE r [<!ENTITY e \"x\">]><r><status>ok</status></r>", NULL, NULL}};
    (void)state;
    begin(xml_text, "{\"key\": \"file:/k\"}", true);
    assert_false(RUN(denied));
    assert_int_equal(t.err.kind, ERR_DENIED);
    assert_non_null(strstr(t.err.text, "wrong & bad"));
    end();
    begin(xml_text, "{\"key\": \"file:/k\"}", true);
    assert_false(RUN(raves)); /* once: it may have been added */
    assert_int_equal(t.err.kind, ERR_AGAIN);
    end();
}

/* Whatever comes: the job ends, in words of one line, and nothing is taken for done. */
static void test_xml_when_the_server_is_hostile_then_the_job_fails(void **state)
{
    static const char *const bodies[] = {
        "<!DOCTYPE r [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;\">]><r>&b;</r>",
        "<!DOCTYPE r SYSTEM \"https://api.test/dtd\"><r><status>ok</status></r>",
        "<r><status>ok</status><id>1</id>",
        "<r><status>ok</status></r><r/>",
        "<r xmlns='x' a='1' a='2'><status>ok</status></r>",
        "<r><status>ok\x01</status></r>",
        "<r><status>\xff\xfe</status></r>",
        "<?xml version=\"1.0\" encoding=\"EBCDIC-US\"?><r><status>ok</status></r>",
        "<r><status><status>ok</status></status></r>",
        "<r><status a='1'>ok</status></r>",
        "<r><status>ok</status><status>ok</status></r>",
        "<R><status>ok</status></R>",
        "<HTML><status>ok</status></HTML>",
        "{\"r\": {\"status\": \"ok\"}}",
        "",
    };
    AUTO(buf_fini)
    struct buf deep = BUF(4096);
    (void)state;
    for (int i = 0; i < 400; i++)
        buf_add_cstr(&deep, "<r>");
    for (size_t i = 0; i <= sizeof bodies / sizeof bodies[0]; i++) {
        bool is_deep = i == sizeof bodies / sizeof bodies[0];
        struct told told[] = {{200, is_deep ? buf_cstr(&deep) : bodies[i], NULL, NULL}};
        begin(xml_text, "{\"key\": \"file:/k\"}", true);
        if (RUN(told))
            fail_msg("taken for done: %s", told[0].body);
        assert_true(t.err.kind == ERR_AGAIN || t.err.kind == ERR_REFUSED);
        assert_null(strchr(t.err.text, '\n'));
        assert_null(t.record.ref);
        assert_false(t.record.done);
        end();
    }
}

/* ---- texts ---- */

static const char words_text[] = HOST
    "result: {ok: {ptr: /word, in: [good, nochg]}, error: {code: /word, text: /rest}, class: "
    "{auth: [badauth], limit: [abuse]}}\n"
    "add: {method: POST, path: /a, accept: text, form: {v: \"{txt}\"}, save: {ip: /lines/1/2, all: "
    "/text}}\n"
    "find: {method: GET, path: /f, accept: text, items: /lines, where: {/1: {txt: true}}, save: "
    "{id: "
    "/0}}\n"
    "remove: {method: POST, path: /r, accept: text, form: {id: \"{rec.id}\"}}\n";

static void test_text_when_words_and_lines_come_then_pointers_reach_them(void **state)
{
    static const struct told added[] = {{200, "  good\tx\r\nline two\tthree\n", NULL, NULL}};
    static const struct told listed[] = {{200, "nochg\n7 \t v0\n8\tv1 more\n\n", NULL, NULL},
                                         {200, "good", NULL, NULL}};
    static const struct told denied[] = {{200, "badauth\nsays who", NULL, NULL}};
    (void)state;
    begin(words_text, "{\"key\": \"file:/k\"}", true);
    assert_true(RUN(added));
    assert_string_equal(t.record.ref,
                        "{\"ip\":\"three\",\"all\":\"good\\tx\\r\\nline two\\tthree\"}");
    end();
    begin(words_text, "{\"key\": \"file:/k\"}", false);
    assert_true(RUN(listed));
    assert_heard(1, "\n\nid=8");
    end();
    begin(words_text, "{\"key\": \"file:/k\"}", true);
    assert_false(RUN(denied));
    assert_int_equal(t.err.kind, ERR_DENIED);
    assert_non_null(strstr(t.err.text, "says who"));
    end();
}

/* ---- credentials ---- */

static bool takes(const char *kind, const char *bytes, const char *why)
{
    AUTO(mem_fini)
    char *text =
        mem_printf("manifest: 1\nid: t\nname: T\nstatus: trial\ncredentials: {key: {help: x, "
                   "kind: %s}}\nttl: {default: 60}\nzone: {by: soa}\nmodel: value\n"
                   "base: https://api.test\nhosts: [api.test]\n"
                   "add: {method: GET, path: /}\nremove: {method: GET, path: /}\n",
                   kind);
    const struct dns_provider *provider = NULL;
    struct err err = {0};
    assert_true(manifest_load(str_of(text), "t.yaml", &provider, &err));
    bool ok = provider->secret_check(provider, "key", str_of(bytes), &err);
    manifest_free(provider);
    assert_true(ok || err.kind == ERR_CONFIG);
    assert_true(ok || (why != NULL && strstr(err.text, why) != NULL));
    assert_null(strstr(err.text, "s3cret"));
    return ok;
}

static void test_credential_when_its_form_is_wrong_then_it_is_told_without_showing_it(void **state)
{
    (void)state;
    assert_true(takes("text", "s3cret", NULL));
    assert_true(takes("map", "# all of them\n\nexample.org = s3cret=\n", NULL));
    assert_false(takes("map", "a=1\ns3cret\n", "line 2 is not NAME=VALUE"));
    assert_false(takes("map", "=s3cret", "line 1"));
    assert_false(takes("map", "# s3cret\n", "no line"));
    assert_true(takes("json", " {\"a\": \"s3cret\"}\n", NULL));
    assert_false(takes("json", "s3cret", "no JSON object"));
    assert_false(takes("json", "[\"s3cret\"]", "no JSON object"));
    assert_true(takes("pem", "-----BEGIN PRIVATE KEY-----\ns3cret\n", NULL));
    assert_false(takes("pem", "s3cret", "no PEM text"));
    assert_false(
        takes("pem", "-----BEGIN ENCRYPTED PRIVATE KEY-----\ns3cret", "protected by a password"));
}

/* ---- a list of ids ---- */

static const char ids_text[] =
    HOST "add: {method: POST, path: /r, json: {v: \"{txt}\"}, save: {id: /id}}\n"
         "find: {method: GET, path: /r, each: {method: GET, path: \"/r/{item}\", absent: [404]},\n"
         "  where: {/v: {txt: true}}, save: {id: /id}}\n"
         "remove: {method: DELETE, path: \"/r/{rec.id}\", gone: [404]}\n";

static void test_find_each_when_only_ids_are_listed_then_each_is_looked_at(void **state)
{
    static const struct told told[] = {{200, "[3, 4, 5]", NULL, NULL},
                                       {200, "{\"id\": 3, \"v\": \"other\"}", NULL, NULL},
                                       {404, "", NULL, NULL},
                                       {200, "{\"id\": 5, \"v\": \"\\\"v1\\\"\"}", NULL, NULL},
                                       {204, "", NULL, NULL}};
    (void)state;
    begin(ids_text, "{\"key\": \"file:/k\"}", false);
    assert_true(RUN(told));
    assert_heard(2, "GET https://api.test/r/4\n");
    assert_heard(4, "DELETE https://api.test/r/5\n");
    end();
}

static void test_find_each_when_there_are_too_many_then_none_is_looked_at(void **state)
{
    AUTO(buf_fini)
    struct buf list = BUF(4096);
    buf_add_char(&list, '[');
    for (int i = 0; i < 41; i++)
        buf_printf(&list, "%s%d", i > 0 ? "," : "", i);
    buf_add_char(&list, ']');
    struct told told[] = {{200, buf_cstr(&list), NULL, NULL}};
    (void)state;
    begin(ids_text, "{\"key\": \"file:/k\"}", false);
    assert_false(RUN(told));
    assert_int_equal(t.err.kind, ERR_REFUSED);
    assert_non_null(strstr(t.err.text, "41 records"));
    end();
}

/* ---- sessions ---- */

static const char cookie_text[] = HEAD "base: https://api.test\nhosts: [api.test, other.test]\n"
                                       "session:\n  cookies: true\n  for: 100\n"
                                       "  open: [{method: POST, path: /login, take: {more: "
                                       "/more}}, {method: POST, path: /tan, if: {var: "
                                       "out.more, is: tan}}]\n  keep: {token: /token}\n"
                                       "result: {error: {text: /text}}\n"
                                       "add: {method: POST, path: /a, json: {v: \"{txt}\"}}\n"
                                       "find: {method: GET, base: https://other.test, path: /f, "
                                       "where: {/v: {txt: true}}, save: {id: /id}}\n"
                                       "remove: {method: DELETE, path: \"/r/{rec.id}\"}\n";

static void test_cookies_when_a_login_sets_them_then_only_its_host_gets_them(void **state)
{
    static const struct told told[] = {
        {200, "{\"more\": \"tan\"}", "Set-Cookie",
         "sid=abcdefgh; Path=/; HttpOnly\nbad cookie=1\nx=y z\nlang=de"},
        {200, "{}", "Set-Cookie", "lang=; Max-Age=0"},
        {200, "[{\"id\": 1, \"v\": \"v1\"}]", "Set-Cookie", "sid=stolen"},
        {200, "{}", NULL, NULL}};
    (void)state;
    begin(cookie_text, "{\"key\": \"file:/k\"}", false);
    assert_true(RUN(told));
    assert_heard_not(0, "Cookie:");
    assert_heard(1, "POST https://api.test/tan\n");
    assert_heard(1, "Cookie: sid=abcdefgh; lang=de\n");
    assert_heard(2, "GET https://other.test/f\n");
    assert_heard_not(2, "Cookie:");
    assert_heard(3, "Cookie: sid=abcdefgh\n");
    end();
}

static void test_cookies_when_the_server_floods_then_few_are_kept(void **state)
{
    AUTO(buf_fini)
    struct buf flood = BUF(256 * 1024), big = BUF(64 * 1024);
    for (int i = 0; i < 1000; i++)
        buf_printf(&flood,
                   "c%d=v%d; Path=/\n=x\n;\nn a=1\n\tq=\"1\\2\"\n{{key}}={{key}}\nh%d=a,b\n", i, i,
                   i);
    buf_add_cstr(&big, "big=");
    for (int i = 0; i < 5000; i++)
        buf_add_char(&big, 'x');
    struct told told[] = {{200, "{\"more\": \"tan\"}", "Set-Cookie", buf_cstr(&flood)},
                          {200, "{}", "Set-Cookie", buf_cstr(&big)},
                          {200, "{}", NULL, NULL}};
    (void)state;
    begin(cookie_text, "{\"key\": \"file:/k\"}", true);
    assert_true(RUN(told));
    assert_heard(2, "Cookie: c0=v0; c1=v1; ");
    assert_heard(2, "; c15=v15\n");
    assert_heard_not(2, "c16=");
    assert_heard_not(2, "big=");
    assert_heard_not(2, "{{key}}");
    end();
}

static void test_cookies_when_the_server_echoes_the_session_then_errors_hide_it(void **state)
{
    static const struct told told[] = {
        {200, "{\"token\": \"tok-123456\"}", "Set-Cookie", "sid=abcdefgh"},
        {400, "{\"text\": \"no tok-123456 and abcdefgh here\"}", NULL, NULL}};
    (void)state;
    begin(cookie_text, "{\"key\": \"file:/k\"}", true);
    assert_false(RUN(told));
    assert_null(strstr(t.err.text, "tok-123456"));
    assert_null(strstr(t.err.text, "abcdefgh"));
    assert_non_null(strstr(t.err.text, "no *** and *** here"));
    end();
}

static void test_session_when_its_life_is_nearly_over_then_another_is_opened(void **state)
{
    static const struct told told[] = {{200, "{}", "Set-Cookie", "sid=first-one"},
                                       {200, "[{\"id\": 1, \"v\": \"v1\"}]", NULL, NULL},
                                       {200, "{}", "Set-Cookie", "sid=second-one"},
                                       {200, "{}", NULL, NULL}};
    (void)state;
    begin(cookie_text, "{\"key\": \"file:/k\"}", false);
    assert_true(run(told, 4, 91 * MS_SECOND));
    assert_heard(2, "POST https://api.test/login\n");
    assert_heard_not(2, "Cookie:");
    assert_heard(3, "DELETE https://api.test/r/1\n");
    assert_heard(3, "Cookie: sid=second-one\n");
    end();
}

static const char shared_text[] =
    HOST "session:\n  cookies: true\n  for: 100\n  share: true\n"
         "  open: {method: POST, path: /login, auth: none}\n  keep: {token: /token}\n  close: "
         "{method: POST, "
         "path: /logout}\n"
         "auth: [{headers: {X-Token: \"{sess.token}\"}}]\n"
         "add: {method: POST, path: /a, auth: [{headers: {X-Token: \"{sess.token}\"}}], json: {v: "
         "\"{txt}\"}}\n"
         "find: {method: GET, path: /f, where: {/v: {txt: true}}, save: {id: /id}}\n"
         "remove: {method: DELETE, path: \"/r/{rec.id}\"}\n";

static void next_job(struct json **memory, int64_t now_ms)
{
    begin(shared_text, "{\"key\": \"file:/k\"}", true);
    t.job.memory = memory;
    t.job.now_ms = now_ms;
}

static void test_session_when_it_is_shared_then_the_next_jobs_go_on_with_it(void **state)
{
    static const struct told login[] = {{200, "{\"token\": \"first\"}", "Set-Cookie", "sid=one"},
                                        {200, "{}", NULL, NULL}};
    static const struct told more[] = {{200, "{}", NULL, NULL}};
    static const struct told denied[] = {{401, "", NULL, NULL},
                                         {200, "{\"token\": \"second\"}", "Set-Cookie", "sid=two"},
                                         {200, "{}", NULL, NULL}};
    static const struct told closed[] = {{200, "{\"token\": \"own\"}", NULL, NULL},
                                         {200, "{}", NULL, NULL},
                                         {200, "{}", NULL, NULL}};
    AUTO(json_fini)
    struct json *memory = NULL;
    (void)state;
    next_job(&memory, NOW);
    assert_true(RUN(login));
    end();
    next_job(&memory, NOW + 89 * MS_SECOND);
    assert_true(RUN(more));
    assert_heard(0, "X-Token: first\nCookie: sid=one\n");
    end();
    next_job(&memory, NOW + 60 * MS_SECOND); /* the server ended it before */
    assert_true(RUN(denied));
    assert_heard(0, "X-Token: first\n");
    assert_heard(2, "X-Token: second\nCookie: sid=two\n");
    end();
    next_job(&memory, NOW + 149 * MS_SECOND);
    assert_true(RUN(more));
    assert_heard(0, "X-Token: second\n");
    end();
    next_job(&memory, NOW + 151 * MS_SECOND); /* a tenth of its life is left */
    assert_true(RUN(login));
    end();
    next_job(NULL, NOW); /* nobody remembers: it is closed */
    assert_true(RUN(closed));
    assert_heard(2, "POST https://api.test/logout\n");
    end();
}

/* ---- the clock ---- */

static const char clock_text[] =
    HOST "clock: {call: {method: GET, path: /time, auth: none}, time: \"\"}\n"
         "auth: [{headers: {X-Time: \"{now.unix}\", X-Date: \"{now.http}\"}}]\n"
         "add: {method: POST, path: /a, json: {v: \"{txt}\"}}\n"
         "find: {method: GET, path: /f, where: {/v: {txt: true}}}\n"
         "remove: {method: DELETE, path: /r}\n";
static const char date_text[] = HOST "clock: {date: true}\nresult: {class: {auth: [403]}}\n"
                                     "auth: [{headers: {X-Time: \"{now.unix}\"}}]\n"
                                     "add: {method: POST, path: /a, json: {v: \"{txt}\"}}\n"
                                     "find: {method: GET, path: /f, where: {/v: {txt: true}}}\n"
                                     "remove: {method: DELETE, path: /r}\n";

static void test_clock_when_the_server_tells_then_requests_carry_its_time(void **state)
{
    static const struct told told[] = {{200, "1900000300", NULL, NULL}, {200, "{}", NULL, NULL}};
    static const struct told wild[] = {{200, "1700000000", NULL, NULL}};
    static const struct told mute[] = {{200, "{}", NULL, NULL}};
    (void)state;
    begin(clock_text, "{\"key\": \"file:/k\"}", true);
    assert_true(RUN(told));
    assert_heard_not(0, "X-Time");
    assert_heard(1, "X-Time: 1900000300\nX-Date: Sun, 17 Mar 2030 17:51:40 GMT\n");
    end();
    begin(clock_text, "{\"key\": \"file:/k\"}", true);
    assert_false(RUN(wild));
    assert_non_null(strstr(t.err.text, "more than a day"));
    end();
    begin(clock_text, "{\"key\": \"file:/k\"}", true);
    assert_false(RUN(mute));
    assert_int_equal(t.err.kind, ERR_BROKEN);
    end();
}

static void test_clock_when_a_refusal_has_another_date_then_it_corrects_once(void **state)
{
    static const struct told told[] = {
        {403, "", "Date", "Sun, 17 Mar 2030 17:56:40 GMT"},
        {403, "", "Date", "Sun, 17 Mar 2030 18:56:40 GMT"},
    };
    static const struct told same[] = {{403, "", "Date", "Sun, 17 Mar 2030 17:46:42 GMT"}};
    (void)state;
    begin(date_text, "{\"key\": \"file:/k\"}", true);
    assert_false(RUN(told));
    assert_int_equal(t.err.kind, ERR_DENIED);
    assert_heard(0, "X-Time: 1900000000\n");
    assert_heard(1, "X-Time: 1900000600\n");
    end();
    begin(date_text, "{\"key\": \"file:/k\"}", true);
    assert_false(RUN(same));
    end();
}

/* ---- where a login sends us ---- */

#define TOLD(hosts)                                                                                \
    HEAD "hosts: [" hosts "]\n"                                                                    \
         "session: {open: {method: POST, path: /login, auth: none}, keep: {at: /at, token: "       \
         "/token}}\n"                                                                              \
         "auth: [{headers: {X-Token: \"{sess.token}\"}}]\n"                                        \
         "add: {method: POST, base: \"{sess.at|nosuffix:/v2}\", path: /v2/a, json: {v: "           \
         "\"{txt}\"}}\n"                                                                           \
         "find: {method: GET, path: /f, where: {/v: {txt: true}}}\nremove: {method: DELETE, "      \
         "path: /r}\n"
static const char told_text[] = TOLD("login.test, session");

static void assert_goes(const char *settings, const char *at, const char *wanted)
{
    AUTO(mem_fini)
    char *body = mem_printf("{\"at\": \"%s\", \"token\": \"t1\"}", at);
    struct told told[] = {{200, body, NULL, NULL}, {200, "{}", NULL, NULL}};
    begin(told_text, settings, true);
    bool ok = run(told, wanted != NULL ? 2 : 1, 0);
    if (wanted == NULL) {
        assert_false(ok);
        assert_int_equal(t.err.kind, ERR_REFUSED);
    } else {
        assert_true(ok);
        assert_heard(1, wanted);
        assert_true(t.heard[1].told_base[0] != '\0');
    }
    end();
}

static void test_told_base_when_a_login_tells_it_then_only_https_and_what_the_option_allows(
    void **state)
{
    static const char plain[] = "{\"key\": \"file:/k\", \"base_url\": \"https://login.test/v3\"}";
    static const char bound[] = "{\"key\": \"file:/k\", \"base_url\": \"https://login.test/v3\", "
                                "\"service_host\": \"cloud.test\"}";
    static const char local[] = "{\"key\": \"file:/k\", \"base_url\": \"http://127.0.0.1:99/v3\"}";
    (void)state;
    assert_goes(plain, "https://dns.cloud.test:9001/v2/",
                "POST https://dns.cloud.test:9001/v2/a\n");
    assert_goes(plain, "http://dns.cloud.test", NULL);
    assert_goes(plain, "dns.cloud.test", NULL);
    assert_goes(bound, "https://dns.cloud.test", "POST https://dns.cloud.test/v2/a\n");
    assert_goes(bound, "https://cloud.test:9001", "POST https://cloud.test:9001/v2/a\n");
    assert_goes(bound, "https://evilcloud.test", NULL);
    assert_goes(bound, "https://cloud.test.evil.test", NULL);
    assert_goes(bound, "https://evil.test/cloud.test", NULL);
    assert_goes(local, "http://127.0.0.1:99", "POST http://127.0.0.1:99/v2/a\n");
    assert_goes(local, "http://127.0.0.1:98", NULL);
}

static void test_manifest_when_a_form_is_wrong_then_it_is_refused_at_loading(void **state)
{
    (void)state;
    assert_refused(TOLD("login.test"), "\"session\" among \"hosts\"");
    assert_refused(HOST
                   "clock: {call: {method: GET, path: /t}, time: /t}\nadd: {method: GET, path: /}\n"
                   "find: {method: GET, path: /}\nremove: {method: GET, path: /}\n",
                   "auth: none");
    assert_refused(HOST "clock: {}\nadd: {method: GET, path: /}\n"
                        "find: {method: GET, path: /}\nremove: {method: GET, path: /}\n",
                   "a call, or date");
    assert_refused(HOST "session: {open: {method: GET, path: /}, share: true}\n"
                        "add: {method: GET, path: /}\nfind: {method: GET, path: /}\n"
                        "remove: {method: GET, path: /}\n",
                   "needs \"for\"");
    assert_refused(HOST "add: {method: GET, path: /, accept: xml, arrays: [\"a b\"]}\n"
                        "find: {method: GET, path: /}\nremove: {method: GET, path: /}\n",
                   "no place of elements");
    assert_refused(HOST "add: {method: GET, path: /, each: {method: GET, path: /}}\n"
                        "find: {method: GET, path: /}\nremove: {method: GET, path: /}\n",
                   "in \"find\" only");
    assert_refused(HOST "add: {method: GET, path: /}\nbatch: {write: {method: GET, path: /}}\n"
                        "find: {method: GET, path: /, each: {method: GET, path: /}}\n"
                        "remove: {method: GET, path: /}\n",
                   "cannot serve a batch");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_xml_when_a_record_is_added_then_both_ways_are_xml),
        cmocka_unit_test(test_xml_when_the_only_record_is_looked_for_then_it_is_found),
        cmocka_unit_test(test_xml_when_the_server_refuses_or_raves_then_it_is_told),
        cmocka_unit_test(test_xml_when_the_server_is_hostile_then_the_job_fails),
        cmocka_unit_test(test_cookies_when_the_server_floods_then_few_are_kept),
        cmocka_unit_test(test_text_when_words_and_lines_come_then_pointers_reach_them),
        cmocka_unit_test(test_credential_when_its_form_is_wrong_then_it_is_told_without_showing_it),
        cmocka_unit_test(test_find_each_when_only_ids_are_listed_then_each_is_looked_at),
        cmocka_unit_test(test_find_each_when_there_are_too_many_then_none_is_looked_at),
        cmocka_unit_test(test_cookies_when_a_login_sets_them_then_only_its_host_gets_them),
        cmocka_unit_test(test_cookies_when_the_server_echoes_the_session_then_errors_hide_it),
        cmocka_unit_test(test_session_when_its_life_is_nearly_over_then_another_is_opened),
        cmocka_unit_test(test_session_when_it_is_shared_then_the_next_jobs_go_on_with_it),
        cmocka_unit_test(test_clock_when_the_server_tells_then_requests_carry_its_time),
        cmocka_unit_test(test_clock_when_a_refusal_has_another_date_then_it_corrects_once),
        cmocka_unit_test(
            test_told_base_when_a_login_tells_it_then_only_https_and_what_the_option_allows),
        cmocka_unit_test(test_manifest_when_a_form_is_wrong_then_it_is_refused_at_loading),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
