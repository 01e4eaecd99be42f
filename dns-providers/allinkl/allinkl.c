#include "dns-providers/allinkl/soap.h"
#include "dns-providers/veiled.h"
#include "dns-providers/web.h"

#include <stdlib.h>

enum {
    CALL_MAX = 128 * 1024,
    FLOODS_MAX = 5,
    DELAY_MAX_MS = 60 * 1000,
    DELAY_UNTOLD_MS = 2000,
    TOKEN_MAX = 128,
};

static const char api[] = "https://kasapi.kasserver.com";
static const char *const api_hosts[] = {"kasapi.kasserver.com", NULL};
static const struct dns_limits limits = {
    .scope = DNS_SCOPE_ACCOUNT, .parallel = 1, .calls_per_record = 2};

static const struct setting settings[] = {
    {.name = "login",
     .kind = SETTING_TEXT,
     .required = true,
     .min = 1,
     .max = 100,
     .sentence = "The KAS login, as `w0123456`. (`ALL_INKL_LOGIN` elsewhere.)"},
    {.name = "password",
     .kind = SETTING_SECRET,
     .required = true,
     .sentence = "Its password. (`ALL_INKL_PASSWORD` elsewhere.)"},
    WEB_BASE_URL(false, "Another address of the API, to try things out: https, or http on this "
                        "machine. All requests go there."),
};
static const struct section section = {
    .name = "providers.NAME",
    .sentence = "Settings of a provider of type `allinkl`.",
    .settings = settings,
    .n = sizeof settings / sizeof settings[0],
};

/* Faults that say whose turn it is; the rest may pass. */
static const struct {
    const char *text;
    enum err_kind kind;
} faults[] = {
    {"kas_login_incorrect", ERR_DENIED},
    {"kas_password_incorrect", ERR_DENIED},
    {"kas_auth_type_incorrect", ERR_DENIED},
    {"account_is_locked", ERR_DENIED},
    {"no_auth", ERR_DENIED},
    {"got_no_login_data", ERR_DENIED},
    {"zone_not_found", ERR_CONFIG},
    {"zone_syntax_incorrect", ERR_CONFIG},
    {"record_data_syntax_incorrect", ERR_REFUSED},
    {"record_name_syntax_incorrect", ERR_REFUSED},
    {"max_records_reached", ERR_REFUSED},
};

enum at { AT_LOGIN, AT_FIND, AT_ADD, AT_REMOVE };
struct progress {
    enum at at;
    const char *token;
    const struct json *found; /* ids of records to be removed */
    size_t n_removed;
    int n_floods;
    struct dns_wish next; /* waits until the delay that the server asked for is over */
    bool is_pausing;
};

/* ---- asking ---- */

/* A call, held back for as long as the answer before it asked. */
static void ask(struct dns_job *job, enum at at, const char *call, const char *path,
                struct json *take, int64_t delay_ms, struct dns_wish *ret_wish)
{
    static const char *const headers[] = {"Content-Type: text/xml; charset=utf-8", NULL};
    struct progress *progress = job->state;
    AUTO(json_fini)
    struct json *params = take;
    AUTO(buf_fini)
    struct buf out = BUF(CALL_MAX);
    struct err err = {0};
    progress->at = at;
    if (!soap_format(call, params, &out, &err)) {
        dns_wish_fail_as(ret_wish, &err, "%s", call);
        return;
    }
    const char *body = arena_strdup(job->arena, buf_cstr(&out));
    web_ask("POST", web_url(job, api, path), headers, str_of(body), &progress->next);
    progress->is_pausing = delay_ms > 0;
    if (progress->is_pausing)
        dns_wish_sleep(ret_wish, delay_ms);
    else
        *ret_wish = progress->next;
}

static void ask_login(struct dns_job *job, struct dns_wish *ret_wish)
{
    struct json *params = json_object();
    json_set_text(params, "kas_login", json_text(job->settings, "login"));
    json_set_text(params, "kas_auth_data", "{{xml(json(password))}}");
    json_set_text(params, "kas_auth_type", "plain");
    json_set_int(params, "session_lifetime", 60);
    json_set_text(params, "session_update_lifetime", "Y");
    ask(job, AT_LOGIN, "KasAuth", "/soap/KasAuth.php", params, 0, ret_wish);
}

static void ask_action(struct dns_job *job, enum at at, const char *action, struct json *take,
                       int64_t delay_ms, struct dns_wish *ret_wish)
{
    const struct progress *progress = job->state;
    struct json *params = json_object();
    json_set_text(params, "kas_login", json_text(job->settings, "login"));
    json_set_text(params, "kas_auth_type", "session");
    json_set_text(params, "kas_auth_data", progress->token);
    json_set_text(params, "kas_action", action);
    json_set(params, "KasRequestParams", take);
    ask(job, at, "KasApi", "/soap/KasApi.php", params, delay_ms, ret_wish);
}

static struct json *zone_host(const struct dns_job *job)
{
    return json_set_text(json_object(), "zone_host", arena_printf(job->arena, "%s.", job->zone));
}

/* "" where the record is the zone itself. */
static const char *name_of(const struct dns_job *job, const struct dns_job_record *record)
{
    size_t zone = strlen(job->zone), len = strlen(record->owner);
    return len > zone ? arena_strndup(job->arena, record->owner, len - zone - 1) : "";
}

static void ask_add(struct dns_job *job, const struct dns_job_record *record, int64_t delay_ms,
                    struct dns_wish *ret_wish)
{
    struct json *params = zone_host(job);
    json_set_text(params, "record_type", "TXT");
    json_set_text(params, "record_name", name_of(job, record));
    json_set_text(params, "record_data", record->value);
    json_set_int(params, "record_aux", 0);
    ask_action(job, AT_ADD, "add_dns_settings", params, delay_ms, ret_wish);
}

static void ask_remove(struct dns_job *job, int64_t delay_ms, struct dns_wish *ret_wish)
{
    struct progress *progress = job->state;
    const char *id = json_as_text(json_at(progress->found, progress->n_removed));
    struct json *params = json_set_text(json_object(), "record_id", id);
    ask_action(job, AT_REMOVE, "delete_dns_settings", params, delay_ms, ret_wish);
}

/* The server adds what is there already once more, so an add that an earlier job may have made is looked for. */
static void begin_record(struct dns_job *job, int64_t delay_ms, struct dns_wish *ret_wish)
{
    const struct dns_job_record *record = dns_job_next(job);
    struct progress *progress = job->state;
    progress->n_removed = 0;
    progress->found = NULL;
    if (record == NULL) {
        dns_wish_done(ret_wish);
    } else if (record->present && !record->may_stand) {
        ask_add(job, record, delay_ms, ret_wish);
    } else if (!record->present && record->ref != NULL) {
        progress->found = json_in_arena(job->arena, json_push_text(json_array(), record->ref));
        ask_remove(job, delay_ms, ret_wish);
    } else {
        ask_action(job, AT_FIND, "get_dns_settings", zone_host(job), delay_ms, ret_wish);
    }
}

/* ---- hearing ---- */

static const char *doing(const struct dns_job *job)
{
    const struct progress *progress = job->state;
    const struct dns_job_record *record = dns_job_next(job);
    if (progress->at == AT_LOGIN || record == NULL)
        return "login";
    return arena_printf(job->arena, "%s %s", record->present ? "add at" : "removal at",
                        record->owner);
}

/* Seconds, perhaps with a fraction; -1: none. */
static int64_t delay_of(const char *text)
{
    char *end = NULL;
    double seconds = text != NULL && text[0] != '\0' ? strtod(text, &end) : -1;
    if (end == NULL || end == text || !(seconds >= 0))
        return -1;
    return seconds * 1000 > DELAY_MAX_MS ? DELAY_MAX_MS : (int64_t)(seconds * 1000 + 0.5);
}

static void hear_flood(struct dns_job *job, const struct soap_fault *fault,
                       struct dns_wish *ret_wish)
{
    struct progress *progress = job->state;
    int64_t delay_ms = delay_of(fault->detail);
    if (delay_ms < 0)
        delay_ms = DELAY_UNTOLD_MS;
    if (progress->n_floods++ == FLOODS_MAX) {
        web_fail_until(job, DELAY_MAX_MS, doing(job), str_of(fault->text), ret_wish);
        return;
    }
    progress->is_pausing = true;
    dns_wish_sleep(ret_wish, delay_ms > 0 ? delay_ms : 1);
}

static bool fault_is(const struct soap_fault *fault, const char *text)
{
    return strcmp(fault->text, text) == 0;
}

/* True: the record is as wished all the same. */
static bool fault_is_success(const struct progress *progress, const struct soap_fault *fault)
{
    return (progress->at == AT_ADD && fault_is(fault, "record_already_exists")) ||
           (progress->at == AT_REMOVE &&
            (fault_is(fault, "record_id_not_found") || fault_is(fault, "record_not_found")));
}

static void fail_fault(const struct dns_job *job, const struct soap_fault *fault,
                       struct dns_wish *ret_wish)
{
    enum err_kind kind = ERR_AGAIN;
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
        if (fault_is(fault, faults[i].text))
            kind = faults[i].kind;
    web_fail(kind, doing(job), "the server refuses it", str_of(fault->text), ret_wish);
}

static void hear_login(struct dns_job *job, const struct json *value, struct dns_wish *ret_wish)
{
    struct progress *progress = job->state;
    const char *token = json_as_text(value);
    size_t len = token != NULL ? strlen(token) : 0;
    bool is_good = len > 0 && len <= TOKEN_MAX;
    for (size_t i = 0; i < len; i++)
        is_good = is_good &&
                  ((token[i] >= '0' && token[i] <= '9') || (token[i] >= 'a' && token[i] <= 'z') ||
                   (token[i] >= 'A' && token[i] <= 'Z'));
    if (!is_good) {
        dns_wish_fail(ret_wish, ERR_BROKEN, "login: no token came back");
        return;
    }
    progress->token = token;
    begin_record(job, 0, ret_wish);
}

static bool row_is_ours(const struct dns_job *job, const struct json *row,
                        const struct dns_job_record *record)
{
    const char *type = json_text(row, "record_type"), *name = json_text(row, "record_name");
    struct str data = str_of(json_text(row, "record_data"));
    if (data.len >= 2 && data.p[0] == '"' && data.p[data.len - 1] == '"')
        data = str_mem(data.p + 1, data.len - 2);
    return type != NULL && name != NULL && strcmp(type, "TXT") == 0 &&
           str_eq_nocase(str_of(name), str_of(name_of(job, record))) &&
           str_eq(data, str_of(record->value));
}

static struct json *ours_find(const struct dns_job *job, const struct json *rows,
                              const struct dns_job_record *record)
{
    struct json *ids = json_array();
    for (size_t i = 0; i < json_len(rows); i++) {
        const char *id = json_text(json_at(rows, i), "record_id");
        if (id != NULL && row_is_ours(job, json_at(rows, i), record))
            json_push_text(ids, id);
    }
    return ids;
}

static void record_is_done(struct dns_job *job, struct dns_job_record *record, const char *ref,
                           int64_t delay_ms, struct dns_wish *ret_wish)
{
    record->done = true;
    mem_set_str(&record->ref, record->present && ref != NULL && ref[0] != '\0' ? ref : NULL);
    begin_record(job, delay_ms, ret_wish);
}

static void hear_find(struct dns_job *job, struct dns_job_record *record, const struct json *info,
                      int64_t delay_ms, struct dns_wish *ret_wish)
{
    struct progress *progress = job->state;
    const char *nothing = json_as_text(info); /* an empty list has no items to tell by */
    if (!json_is(info, JSON_ARRAY) && (nothing == NULL || str_trim(str_of(nothing)).len > 0)) {
        dns_wish_fail(ret_wish, ERR_BROKEN, "%s: it is no list of records", doing(job));
        return;
    }
    progress->found = json_in_arena(job->arena, ours_find(job, info, record));
    size_t n = json_len(progress->found);
    if (record->present && n == 0)
        ask_add(job, record, delay_ms, ret_wish);
    else if (record->present || n == 0)
        record_is_done(job, record, json_as_text(json_at(progress->found, 0)), delay_ms, ret_wish);
    else
        ask_remove(job, delay_ms, ret_wish);
}

/* One call of perhaps several. */
static void change_is_done(struct dns_job *job, struct dns_job_record *record, const char *ref,
                           int64_t delay_ms, struct dns_wish *ret_wish)
{
    struct progress *progress = job->state;
    if (progress->at == AT_REMOVE && ++progress->n_removed < json_len(progress->found))
        ask_remove(job, delay_ms, ret_wish);
    else
        record_is_done(job, record, ref, delay_ms, ret_wish);
}

static void hear_answer(struct dns_job *job, const struct json *value, struct dns_wish *ret_wish)
{
    struct progress *progress = job->state;
    struct dns_job_record *record = dns_job_next(job);
    const struct json *response = json_find(value, "Response");
    const struct json *info = json_find(response, "ReturnInfo");
    int64_t delay_ms = delay_of(json_text(response, "KasFloodDelay"));
    if (progress->at == AT_LOGIN) {
        hear_login(job, value, ret_wish);
        return;
    }
    if (response == NULL || json_text(response, "ReturnString") == NULL) {
        dns_wish_fail(ret_wish, ERR_BROKEN, "%s: an answer without ReturnString", doing(job));
        return;
    }
    if (progress->at == AT_FIND)
        hear_find(job, record, info, delay_ms, ret_wish);
    else
        change_is_done(job, record, json_as_text(info), delay_ms, ret_wish);
}

static void hear(struct dns_job *job, const struct dns_answer *answer, struct dns_wish *ret_wish)
{
    struct soap_fault fault = {0};
    const struct json *value = NULL;
    struct err err = {0};
    bool is_soap = answer->err == NULL &&
                   (answer->status == 500 || (answer->status >= 200 && answer->status < 300)) &&
                   soap_parse(job->arena, answer->body, &value, &fault, &err);
    if (!is_soap && !web_hear(job, answer, doing(job), ret_wish))
        return;
    if (!is_soap)
        dns_wish_fail_as(ret_wish, &err, "%s", doing(job));
    else if (value != NULL)
        hear_answer(job, value, ret_wish);
    else if (fault_is(&fault, "flood_protection"))
        hear_flood(job, &fault, ret_wish);
    else if (fault_is_success(job->state, &fault))
        change_is_done(job, dns_job_next(job), NULL, 0, ret_wish);
    else
        fail_fault(job, &fault, ret_wish);
}

/* ---- the job ---- */

static void *begin(const struct dns_job *job)
{
    (void)job;
    return NEW(struct progress);
}

static void end(void *state)
{
    mem_free(state);
}

/* Texts of the job stand in a call beside the secret: what looks like the name of one cannot be among them. */
static bool job_is_plain(const struct dns_job *job, struct dns_wish *ret_wish)
{
    for (size_t i = 0; i < job->n_records; i++) {
        const struct dns_job_record *r = &job->records[i];
        if (!veiled_has_secret(str_of(r->owner)) && !veiled_has_secret(str_of(r->value)) &&
            !veiled_has_secret(str_of(r->ref)))
            continue;
        dns_wish_fail(ret_wish, ERR_REFUSED, "%s: a name or value with {{...}} is not written",
                      r->owner);
        return false;
    }
    return true;
}

static void step(struct dns_job *job, const struct dns_answer *answer, struct dns_wish *ret_wish)
{
    struct progress *progress = job->state;
    if (answer == NULL) {
        dns_job_start(job);
        if (job_is_plain(job, ret_wish))
            ask_login(job, ret_wish);
    } else if (progress->is_pausing) {
        progress->is_pausing = false;
        *ret_wish = progress->next;
    } else {
        hear(job, answer, ret_wish);
    }
}

extern const struct dns_provider dns_provider_allinkl;
const struct dns_provider dns_provider_allinkl = {
    .struct_size = sizeof(struct dns_provider),
    .abi_major = DNS_PROVIDER_ABI_MAJOR,
    .abi_minor = DNS_PROVIDER_ABI_MINOR,
    .name = "allinkl",
    .title = "All-Inkl (KAS)",
    .sentence = "The DNS of All-Inkl.com, by the SOAP API of KAS.",
    .link = "https://kasapi.kasserver.com/dokumentation/phpdoc/",
    .capabilities = DNS_CAN_BATCH,
    .settings = &section,
    .begin = begin,
    .end = end,
    .step = step,
    .example = "  hosting:\n"
               "    type: allinkl\n"
               "    zones: [example.de]\n"
               "    login: w0123456\n"
               "    password: file:/etc/chancery/allinkl.password\n",
    .rights = "A KAS account below the main one that holds only this domain, with DNS settings "
              "allowed, keeps the others out of reach.\n",
    .api_hosts = api_hosts,
    .is_pinned = true,
    .status = "trial",
    .docs_read = "2026-11",
    .limits = &limits,
};
