#include "dns-providers/manifest/dry_run.h"

#include "base/xml.h"
#include "dns-providers/manifest/manifest.h"

enum { STEPS_MAX = 60, BODY_MAX = 256 * 1024 };
static const char sample_zone[] = "example.com", sample_owner[] = "_acme-challenge.www.example.com",
                  sample_value[] = "LHDhK3oGRvkiefQnx7OOczTY5Tic_xZ6HcMOc_gmtoM";

/* ---- settings as somebody would have them ---- */

static bool is_listed(const struct json *list, const char *name)
{
    for (size_t i = 0; i < json_len(list); i++)
        if (strcmp(json_as_text(json_at(list, i)), name) == 0)
            return true;
    return false;
}

/* Of several ways to log in the first one is taken. */
static bool is_wanted(const struct json *tree, const struct setting *setting)
{
    const struct json *requires = json_find(tree, "require");
    bool is_credential = json_find(json_find(tree, "credentials"), setting->name) != NULL;
    if (is_credential && json_len(requires) > 0)
        return is_listed(json_at(requires, 0), setting->name);
    return is_credential || setting->required;
}

static const char *value_of(const struct setting *setting, struct buf *out)
{
    struct str rest = str_of(setting->choices != NULL ? setting->choices : ""), first = rest;
    if (setting->otherwise != NULL)
        return setting->otherwise;
    if (setting->choices != NULL && str_split(&rest, '|', &first))
        buf_add_str(out, first);
    else if (strcmp(setting->name, "base_url") == 0)
        buf_add_cstr(out, "https://api.example.net");
    else if (setting->kind == SETTING_SECRET)
        buf_printf(out, "file:/etc/chancery/%s", setting->name);
    else
        buf_printf(out, "sample-%s", setting->name);
    return buf_cstr(out);
}

static struct json *settings_make(const struct dns_provider *provider)
{
    const struct json *tree = manifest_tree(provider);
    struct json *settings = json_object();
    for (size_t i = 0; i < provider->settings->n; i++) {
        const struct setting *setting = &provider->settings->settings[i];
        AUTO(buf_fini)
        struct buf text = BUF(1024);
        if (setting->otherwise != NULL || is_wanted(tree, setting))
            json_set_text(settings, setting->name, value_of(setting, &text));
    }
    return settings;
}

/* ---- the conversation ---- */

struct dry_run {
    struct dns_job job;
    bool digits, holds; /* holds: the value is there */
    struct json *calls;
};

/* The header a call looks for is found in the engine that waits for it. */
struct made_up {
    struct dns_answer answer; /* first */
    struct engine *engine;
};
static const char *header_find(const struct dns_answer *answer, const char *name)
{
    return sample_header(((const struct made_up *)answer)->engine, name);
}

static struct json *call_json(const struct dns_wish_http *http)
{
    struct json *one = json_set_text(json_object(), "method", http->method);
    struct json *headers = json_array();
    json_set_text(one, "url", http->url);
    for (size_t i = 0; http->headers != NULL && http->headers[i] != NULL; i++)
        json_push_text(headers, http->headers[i]);
    json_set(one, "headers", headers);
    if (http->body.len > 0)
        return json_set_str(one, "body", http->body);
    return json_set(one, "body", json_new_null());
}

static int64_t status_of(const struct engine *e)
{
    const struct json *call = ((const struct call_task *)e->top)->call;
    return json_as_int(json_at(json_find(call, "status"), 0), 200);
}

static bool is_wanted_as(const struct engine *e, const char *form)
{
    const char *accept = json_text(((const struct call_task *)e->top)->call, "accept");
    return accept != NULL && strcmp(accept, form) == 0;
}

static void body_format(const struct engine *e, const struct json *tree, struct buf *out)
{
    const char *word = json_text(tree, "word"), *text = json_text(tree, "text");
    const char *rest = json_text(tree, "rest");
    if (tree == NULL)
        return;
    if (is_wanted_as(e, "xml") && !xml_format(tree, out, NULL))
        buf_clear(out); /* pointers that share no root */
    if (is_wanted_as(e, "xml"))
        return;
    if (!is_wanted_as(e, "text"))
        json_format(tree, out, false);
    else if (text != NULL)
        buf_add_cstr(out, text);
    else
        buf_printf(out, "%s %s", word != NULL ? word : "", rest != NULL ? rest : "");
}

/* The wish is answered, and the next one comes. */
static void http_answer(struct dry_run *run, struct dns_wish *wish)
{
    struct engine *e = run->job.state;
    AUTO(buf_fini)
    struct buf body = BUF(BODY_MAX);
    struct json *one = call_json(&wish->http), *told = json_object();
    body_format(e, sample_answer(e, run->digits, run->holds), &body);
    if (sample_is_change(e))
        run->holds = run->job.records[0].present;
    struct made_up made_up = {
        .answer = {.status = (int)status_of(e), .body = buf_str(&body), .header = header_find},
        .engine = e};
    json_set_int(told, "status", made_up.answer.status);
    json_set_str(told, "body", made_up.answer.body);
    json_push(run->calls, json_set(one, "answer", told));
    engine_step(&run->job, &made_up.answer, wish);
}

static bool conversation(struct dry_run *run, struct err *err)
{
    struct dns_wish wish = {0};
    struct dns_answer nothing = {0};
    run->job.state = engine_begin(&run->job);
    engine_step(&run->job, NULL, &wish);
    for (int i = 0; i < STEPS_MAX && wish.kind != DNS_WISH_DONE && wish.kind != DNS_WISH_FAIL;
         i++) {
        if (wish.kind == DNS_WISH_HTTP)
            http_answer(run, &wish);
        else
            engine_step(&run->job, &nothing, &wish);
    }
    engine_end(run->job.state);
    if (wish.kind == DNS_WISH_FAIL)
        *err = wish.err;
    else if (wish.kind != DNS_WISH_DONE)
        err_set(err, ERR_BROKEN, "it does not come to an end");
    return wish.kind == DNS_WISH_DONE;
}

static bool attempt(const struct dns_provider *provider, bool present, bool digits,
                    struct json **ret_calls, struct err *err)
{
    struct dns_job_record record = {
        .present = present, .owner = sample_owner, .value = sample_value, .ttl_s = 60};
    AUTO(json_fini)
    struct json *settings = settings_make(provider);
    struct dry_run run = {.digits = digits, .holds = !present, .calls = json_array()};
    run.job = (struct dns_job){.zone = sample_zone,
                               .settings = settings,
                               .records = &record,
                               .n_records = 1,
                               .arena = arena_new(),
                               .provider = provider,
                               .now_ms = 1795348800000}; /* 2026-11-22 */
    bool ok = conversation(&run, err);
    mem_set_str(&record.ref, NULL);
    arena_free(run.job.arena);
    *ret_calls = run.calls;
    return ok;
}

/* Ids are names a reader recognises, unless the manifest needs numbers. */
bool manifest_dry_run(const struct dns_provider *provider, bool present, struct json **ret_calls,
                      struct err *err)
{
    struct json *calls = NULL;
    struct err why = {0};
    if (attempt(provider, present, false, ret_calls, err))
        return true;
    bool ok = attempt(provider, present, true, &calls, &why);
    bool is_better = ok || json_len(calls) > json_len(*ret_calls);
    if (is_better) {
        json_free(*ret_calls);
        *ret_calls = calls;
        *err = why;
    } else {
        json_free(calls);
    }
    return ok;
}
