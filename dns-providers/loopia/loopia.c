#include "dns-providers/loopia/rpc.h"
#include "dns-providers/veiled.h"
#include "dns-providers/web.h"

enum { TTL_MIN = 300, CALL_MAX = 64 * 1024, THROTTLED_MS = 60 * 1000 };

static const char api[] = "https://api.loopia.se";
static const char *const api_hosts[] = {"api.loopia.se", "api.loopia.rs", "api.loopia.no", NULL};
static const struct dns_limits limits = {
    .rates = {{60, 60 * 1000}},
    .n_rates = 1,
    .scope = DNS_SCOPE_ACCOUNT,
    .calls_per_record = 3,
};

static const struct setting settings[] = {
    {.name = "api_user",
     .kind = SETTING_TEXT,
     .required = true,
     .min = 1,
     .max = 200,
     .sentence = "The API user, as `name@loopiaapi`. (`LOOPIA_API_USER` elsewhere.)"},
    {.name = "api_password",
     .kind = SETTING_SECRET,
     .required = true,
     .sentence = "Its password. (`LOOPIA_API_PASSWORD` elsewhere.)"},
    WEB_BASE_URL(false, "Another address of the API: `https://api.loopia.rs`, "
                        "`https://api.loopia.no`, or http on this machine."),
};
static const struct section section = {
    .name = "providers.NAME",
    .sentence = "Settings of a provider of type `loopia`.",
    .settings = settings,
    .n = sizeof settings / sizeof settings[0],
};

/* What the API answers with instead of OK. */
static const struct {
    const char *word;
    enum err_kind kind;
    const char *what;
} words[] = {
    {"AUTH_ERROR", ERR_DENIED, "name or password is wrong, or the user lacks a right"},
    {"BAD_INDATA", ERR_REFUSED, "it does not take this record"},
    {"DOMAIN_OCCUPIED", ERR_REFUSED, "the domain is occupied"},
    {"RATE_LIMITED", ERR_THROTTLED, "too many requests"},
    {"UNKNOWN_ERROR", ERR_AGAIN, "it says no more; the zone may be unknown to it"},
};

enum at { AT_FIND, AT_ADD, AT_REMOVE, AT_LOOK, AT_TIDY };
struct progress {
    enum at at;
    const struct json *found; /* ids of records to be removed */
    size_t n_removed;
};

/* ---- asking ---- */

/* "@" where the record is the zone itself. */
static const char *subdomain_of(const struct dns_job *job, const struct dns_job_record *record)
{
    size_t zone = strlen(job->zone), len = strlen(record->owner);
    return len > zone ? arena_strndup(job->arena, record->owner, len - zone - 1) : "@";
}

static struct json *parameters(const struct dns_job *job, const struct dns_job_record *record)
{
    struct json *list = json_array();
    json_push_text(list, json_text(job->settings, "api_user"));
    json_push_text(list, "{{xml(api_password)}}");
    json_push_text(list, job->zone);
    return json_push_text(list, subdomain_of(job, record));
}

static void ask(struct dns_job *job, enum at at, const char *method, struct json *take,
                struct dns_wish *ret_wish)
{
    static const char *const headers[] = {"Content-Type: text/xml", NULL};
    AUTO(buf_fini)
    struct buf out = BUF(CALL_MAX);
    struct err err = {0};
    ((struct progress *)job->state)->at = at;
    if (!rpc_format(method, take, &out, &err)) {
        dns_wish_fail_as(ret_wish, &err, "%s", method);
        return;
    }
    const char *body = arena_strdup(job->arena, buf_cstr(&out));
    web_ask("POST", web_url(job, api, "/RPCSERV"), headers, str_of(body), ret_wish);
}

static void ask_records(struct dns_job *job, const struct dns_job_record *record, enum at at,
                        struct dns_wish *ret_wish)
{
    ask(job, at, "getZoneRecords", parameters(job, record), ret_wish);
}

static void ask_add(struct dns_job *job, const struct dns_job_record *record,
                    struct dns_wish *ret_wish)
{
    struct json *row = json_set_text(json_object(), "type", "TXT");
    json_set_int(row, "ttl", record->ttl_s < TTL_MIN ? TTL_MIN : record->ttl_s);
    json_set_int(row, "priority", 0);
    json_set_text(row, "rdata", record->value);
    json_set_int(row, "record_id", 0);
    ask(job, AT_ADD, "addZoneRecord", json_push(parameters(job, record), row), ret_wish);
}

static void ask_remove(struct dns_job *job, const struct dns_job_record *record,
                       struct dns_wish *ret_wish)
{
    struct progress *progress = job->state;
    const struct json *id = json_at(progress->found, progress->n_removed++);
    ask(job, AT_REMOVE, "removeZoneRecord", json_push(parameters(job, record), json_copy(id)),
        ret_wish);
}

/* Texts of the job stand in the call beside the secret: what looks like the name of one cannot be among them. */
static bool record_is_plain(const struct dns_job *job, const struct dns_job_record *record,
                            struct dns_wish *ret_wish)
{
    if (!veiled_has_secret(str_of(record->owner)) && !veiled_has_secret(str_of(record->value)) &&
        !veiled_has_secret(str_of(json_text(job->settings, "api_user"))))
        return true;
    dns_wish_fail(ret_wish, ERR_REFUSED, "%s: a name or value with {{...}} is not written",
                  record->owner);
    return false;
}

/* An add that an earlier job may have made is looked for; twins would stay. */
static void begin_record(struct dns_job *job, struct dns_wish *ret_wish)
{
    const struct dns_job_record *record = dns_job_next(job);
    *(struct progress *)job->state = (struct progress){0};
    if (record == NULL)
        dns_wish_done(ret_wish);
    else if (!record_is_plain(job, record, ret_wish))
        return;
    else if (record->present && !record->may_stand)
        ask_add(job, record, ret_wish);
    else
        ask_records(job, record, AT_FIND, ret_wish);
}

/* ---- hearing ---- */

static const char *doing(const struct dns_job *job, const struct dns_job_record *record)
{
    return arena_printf(job->arena, "%s %s", record->present ? "add at" : "removal at",
                        record->owner);
}

static void fail_word(const struct dns_job *job, const struct dns_job_record *record,
                      const char *word, struct dns_wish *ret_wish)
{
    enum err_kind kind = ERR_AGAIN;
    const char *what = "it did not say OK";
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(words[i].word, word) == 0) {
            kind = words[i].kind;
            what = words[i].what;
        }
    if (kind == ERR_THROTTLED)
        web_fail_until(job, THROTTLED_MS, doing(job, record), str_of(word), ret_wish);
    else
        web_fail(kind, doing(job, record), what, str_of(word), ret_wish);
}

static void fail_fault(const struct dns_job *job, const struct dns_job_record *record,
                       const struct json *fault, struct dns_wish *ret_wish)
{
    const char *code = json_text(fault, "faultCode"), *text = json_text(fault, "faultString");
    bool is_denied = code != NULL && (strcmp(code, "401") == 0 || strcmp(code, "403") == 0);
    web_fail(is_denied ? ERR_DENIED : ERR_AGAIN, doing(job, record),
             arena_printf(job->arena, "fault %.12s", code != NULL ? code : "without a code"),
             str_of(text), ret_wish);
}

/* The arena's; NULL: *ret_wish says why the job fails. An error may stand alone or as the one item of a list. */
static const struct json *answer_read(const struct dns_job *job,
                                      const struct dns_job_record *record,
                                      const struct dns_answer *answer, struct dns_wish *ret_wish)
{
    struct json *value = NULL;
    bool is_fault = false;
    struct err err = {0};
    if (!web_hear(job, answer, doing(job, record), ret_wish))
        return NULL;
    if (!rpc_parse(answer->body, &value, &is_fault, &err)) {
        dns_wish_fail_as(ret_wish, &err, "%s", doing(job, record));
        return NULL;
    }
    json_in_arena(job->arena, value);
    const char *alone = json_as_text(value), *item = json_as_text(json_at(value, 0));
    const char *word = alone != NULL ? alone : json_is(value, JSON_ARRAY) ? item : NULL;
    if (is_fault)
        fail_fault(job, record, value, ret_wish);
    else if (word != NULL && strcmp(word, "OK") != 0)
        fail_word(job, record, word, ret_wish);
    else
        return value;
    return NULL;
}

static bool row_is_ours(const struct json *row, const struct dns_job_record *record)
{
    const char *type = json_text(row, "type"), *data = json_text(row, "rdata");
    struct str text = str_of(data);
    if (type == NULL || data == NULL || strcmp(type, "TXT") != 0)
        return false;
    if (text.len >= 2 && text.p[0] == '"' && text.p[text.len - 1] == '"')
        text = str_mem(text.p + 1, text.len - 2);
    return str_eq(text, str_of(record->value));
}

/* Ids of what is ours, as numbers. */
static struct json *ours_find(const struct json *rows, const struct dns_job_record *record)
{
    struct json *ids = json_array();
    for (size_t i = 0; i < json_len(rows); i++) {
        const char *id = json_text(json_at(rows, i), "record_id");
        int64_t number;
        if (row_is_ours(json_at(rows, i), record) && id != NULL && str_to_i64(str_of(id), &number))
            json_push(ids, json_new_int(number));
    }
    return ids;
}

static void record_is_done(struct dns_job *job, struct dns_job_record *record,
                           struct dns_wish *ret_wish)
{
    record->done = true;
    begin_record(job, ret_wish);
}

static void hear_find(struct dns_job *job, struct dns_job_record *record, const struct json *rows,
                      struct dns_wish *ret_wish)
{
    struct progress *progress = job->state;
    if (!json_is(rows, JSON_ARRAY)) {
        dns_wish_fail(ret_wish, ERR_BROKEN, "%s: it is no list of records", doing(job, record));
        return;
    }
    progress->found = json_in_arena(job->arena, ours_find(rows, record));
    size_t n = json_len(progress->found);
    if (record->present && n == 0)
        ask_add(job, record, ret_wish);
    else if (record->present || n == 0)
        record_is_done(job, record, ret_wish);
    else
        ask_remove(job, record, ret_wish);
}

/* A subdomain with nothing in it stays visible in the customer's zone; one with something in it takes that along when it goes. */
static void hear_look(struct dns_job *job, struct dns_job_record *record, const struct json *rows,
                      struct dns_wish *ret_wish)
{
    if (json_is(rows, JSON_ARRAY) && json_len(rows) == 0)
        ask(job, AT_TIDY, "removeSubdomain", parameters(job, record), ret_wish);
    else
        record_is_done(job, record, ret_wish);
}

static void hear_remove(struct dns_job *job, struct dns_job_record *record,
                        struct dns_wish *ret_wish)
{
    const struct progress *progress = job->state;
    if (progress->n_removed < json_len(progress->found))
        ask_remove(job, record, ret_wish);
    else if (strcmp(subdomain_of(job, record), "@") == 0)
        record_is_done(job, record, ret_wish);
    else
        ask_records(job, record, AT_LOOK, ret_wish);
}

static void hear(struct dns_job *job, const struct dns_answer *answer, struct dns_wish *ret_wish)
{
    struct dns_job_record *record = dns_job_next(job);
    CHECK(record != NULL); /* something was asked for it */
    const struct json *value = answer_read(job, record, answer, ret_wish);
    if (value == NULL)
        return;
    switch (((const struct progress *)job->state)->at) {
    case AT_FIND:
        hear_find(job, record, value, ret_wish);
        return;
    case AT_REMOVE:
        hear_remove(job, record, ret_wish);
        return;
    case AT_LOOK:
        hear_look(job, record, value, ret_wish);
        return;
    case AT_ADD:
    case AT_TIDY:
        record_is_done(job, record, ret_wish);
    }
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

static void step(struct dns_job *job, const struct dns_answer *answer, struct dns_wish *ret_wish)
{
    if (answer != NULL) {
        hear(job, answer, ret_wish);
        return;
    }
    dns_job_start(job);
    begin_record(job, ret_wish);
}

extern const struct dns_provider dns_provider_loopia;
const struct dns_provider dns_provider_loopia = {
    .struct_size = sizeof(struct dns_provider),
    .abi_major = DNS_PROVIDER_ABI_MAJOR,
    .abi_minor = DNS_PROVIDER_ABI_MINOR,
    .name = "loopia",
    .title = "Loopia",
    .sentence = "The DNS of Loopia, by XML-RPC.",
    .link = "https://www.loopia.com/api/",
    .capabilities = DNS_CAN_BATCH,
    .settings = &section,
    .begin = begin,
    .end = end,
    .step = step,
    .example = "  hosting:\n"
               "    type: loopia\n"
               "    zones: [example.se]\n"
               "    api_user: chancery@loopiaapi\n"
               "    api_password: file:/etc/chancery/loopia.password\n",
    .rights = "An API user of its own, with the rights `addZoneRecord`, `getZoneRecords`, "
              "`removeZoneRecord` and `removeSubdomain`\n"
              "and no others.\n",
    .api_hosts = api_hosts,
    .is_pinned = true,
    .status = "trial",
    .docs_read = "2026-11",
    .limits = &limits,
};
