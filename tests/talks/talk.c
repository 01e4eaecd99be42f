#include "talk.h"

#include "wish_tree.h"

struct scene {
    const struct json *talk;
    const struct dns_provider *provider;
    struct json *settings;
};
static void scene_fini(struct scene *s)
{
    json_free(s->settings);
}

/* JSON is YAML. */
bool talk_settings_load(const struct json *settings, const struct dns_provider *provider,
                        struct json **ret, struct err *err)
{
    AUTO(buf_fini)
    struct buf text = BUF(JSON_SIZE_MAX);
    AUTO(buf_fini)
    struct buf wrong = BUF(JSON_SIZE_MAX);
    AUTO(yaml_fini)
    struct yaml *doc = NULL;
    if (settings == NULL)
        return err_set(err, ERR_BROKEN, "settings are missing");
    json_format(settings, &text, true);
    if (!yaml_parse(buf_str(&text), "settings", &doc, err))
        return false;
    struct complaints complaints = {0};
    struct json *checked = table_check(doc, yaml_tree(doc), provider->settings, &complaints);
    complaints_format(&complaints, &wrong);
    complaints_fini(&complaints);
    if (checked == NULL)
        return err_set(err, ERR_CONFIG, "%s", buf_cstr(&wrong));
    if (provider->check != NULL && !provider->check(provider, checked, err)) {
        json_free(checked);
        return false;
    }
    *ret = checked;
    return true;
}

/* "_acme-challenge.h#.example.com" with `times` makes many names. */
static const char *owner_of(struct arena *arena, const struct json *record, size_t i)
{
    struct str owner = str_of(json_text(record, "owner"));
    size_t mark = str_find_char(owner, '#');
    if (mark == owner.len)
        return owner.p;
    return arena_printf(arena, "%.*s%zu%s", (int)mark, owner.p, i, owner.p + mark + 1);
}

static bool record_add(const struct json *tree, struct arena *arena, struct dns_job_record *records,
                       size_t *n, struct err *err)
{
    if (json_text(tree, "owner") == NULL || json_text(tree, "value") == NULL ||
        !json_is(json_find(tree, "present"), JSON_BOOL))
        return err_set(err, ERR_BROKEN, "a record needs owner, value and present");
    int64_t times = json_int(tree, "times", 1);
    for (int64_t i = 0; i < times && *n < TALK_RECORDS_MAX; i++)
        records[(*n)++] = (struct dns_job_record){
            .present = json_bool(tree, "present", true),
            .owner = owner_of(arena, tree, (size_t)i),
            .value = json_text(tree, "value"),
            .ttl_s = (uint32_t)json_int(tree, "ttl_s", 60),
            .may_stand = json_bool(tree, "may_stand", false),
            .ref = mem_strdup(json_text(tree, "ref")),
            .key_authorization = json_text(tree, "key_authorization"),
            .challenge = json_text(tree, "challenge"),
        };
    return true;
}

bool talk_records_load(const struct json *talk, struct arena *arena, struct dns_job_record *records,
                       size_t *ret_n, struct err *err)
{
    const struct json *list = json_find(talk, "records");
    if (json_text(talk, "zone") == NULL || json_len(list) == 0)
        return err_set(err, ERR_BROKEN, "zone or records are missing");
    for (size_t i = 0; i < json_len(list); i++)
        if (!record_add(json_at(list, i), arena, records, ret_n, err))
            return false;
    return true;
}

static bool job_init(struct dns_job *job, const struct scene *s, struct err *err)
{
    *job = (struct dns_job){.zone = json_text(s->talk, "zone"),
                            .settings = s->settings,
                            .provider = s->provider,
                            .now_ms = json_int(s->talk, "now_ms", INT64_C(1900000000000)),
                            .records = NEW_N(TALK_RECORDS_MAX, struct dns_job_record),
                            .arena = arena_new()};
    if (!talk_records_load(s->talk, job->arena, job->records, &job->n_records, err))
        return false;
    job->state = s->provider->begin != NULL ? s->provider->begin(job) : NULL;
    return true;
}

static void job_fini(struct dns_job *job, const struct scene *s)
{
    if (s->provider->end != NULL && job->state != NULL)
        s->provider->end(job->state);
    for (size_t i = 0; i < job->n_records; i++)
        mem_free(job->records[i].ref);
    mem_free(job->records);
    arena_free(job->arena);
}

static bool wish_hides(const struct section *section, const struct json *settings, struct str wish,
                       struct err *err);

static bool wish_hides_items(const struct setting *setting, const struct json *value,
                             struct str wish, struct err *err)
{
    const char *key;
    const struct json *item;
    for (size_t i = 0; setting->kind == SETTING_SECTIONS && i < json_len(value); i++)
        if (!wish_hides(setting->section, json_at(value, i), wish, err))
            return false;
    for (void *at = NULL;
         setting->kind == SETTING_SECRET_MAP && json_next(value, &at, &key, &item);)
        if (str_find(wish, str_of(json_as_text(item))) < wish.len)
            return err_set(err, ERR_DENIED, "the wish holds the reference of the secret %s.%s",
                           setting->name, key);
    return true;
}

/* A provider hands out names of secrets; their references are ours and no business of the peer. */
static bool wish_hides(const struct section *section, const struct json *settings, struct str wish,
                       struct err *err)
{
    for (size_t i = 0; i < section->n; i++) {
        const struct setting *setting = &section->settings[i];
        const struct json *value = json_find(settings, setting->name);
        if (setting->kind == SETTING_SECTION && value != NULL &&
            !wish_hides(setting->section, value, wish, err))
            return false;
        if (value != NULL && !wish_hides_items(setting, value, wish, err))
            return false;
        const char *reference = setting->kind == SETTING_SECRET ? json_as_text(value) : NULL;
        if (reference != NULL && str_find(wish, str_of(reference)) < wish.len)
            return err_set(err, ERR_DENIED, "the wish holds the reference of the secret %s",
                           setting->name);
    }
    return true;
}

static bool wish_is_safe(const struct scene *s, const struct dns_wish *wish, struct str text,
                         struct err *err)
{
    if (wish->kind == DNS_WISH_HTTP) {
        struct str url = str_of(wish->http.url);
        if (!str_starts(url, STR("https://")) && !str_starts(url, STR("http://127.0.0.1")) &&
            !str_starts(url, STR("http://[::1]")) && !str_starts(url, STR("http://localhost")))
            return err_set(err, ERR_DENIED, "the wish goes to %s, neither https nor loopback",
                           wish->http.url);
    }
    return wish_hides(s->provider->settings, s->settings, text, err);
}

static bool wish_compare(const struct scene *s, const struct dns_wish *wish,
                         const struct json *expected, struct err *err)
{
    AUTO(json_fini)
    struct json *tree = wish_tree(wish);
    AUTO(buf_fini)
    struct buf got = BUF(JSON_SIZE_MAX);
    AUTO(buf_fini)
    struct buf wanted = BUF(JSON_SIZE_MAX);
    AUTO(json_fini)
    struct json *settled = expected != NULL && json_find(expected, "http") != NULL
                               ? wish_settle(expected)
                               : json_copy(expected);
    json_format_canonical(tree, &got);
    if (!wish_is_safe(s, wish, buf_str(&got), err))
        return false;
    if (expected != NULL && json_equal(tree, settled))
        return true;
    if (expected != NULL)
        json_format_canonical(settled, &wanted);
    return err_set(err, ERR_REFUSED, "wishes %s instead of %s", buf_cstr(&got), buf_cstr(&wanted));
}

static bool wish_is_last(const struct dns_wish *wish)
{
    return wish->kind == DNS_WISH_DONE || wish->kind == DNS_WISH_FAIL;
}

/* One wish and, unless it is the last, its answer, which is kept in *a for the next step. */
static bool line_replay(const struct scene *s, struct dns_job *job, const struct json *line,
                        bool is_last, struct talk_answer *a, bool has_answer, struct err *err)
{
    struct dns_wish wish = {0};
    s->provider->step(job, has_answer ? &a->answer : NULL, &wish);
    if (!wish_compare(s, &wish, json_find(line, "wish"), err))
        return false;
    if (wish_is_last(&wish) != is_last)
        return err_set(err, ERR_BROKEN,
                       is_last ? "the talk ends without done or fail"
                               : "the talk goes on after its end");
    talk_answer_fini(a);
    *a = (struct talk_answer){0};
    return is_last || talk_answer_init(a, json_find(line, "answer"), err);
}

static bool lines_replay(const struct scene *s, struct dns_job *job, size_t n, struct err *err)
{
    const struct json *lines = json_find(s->talk, "talk");
    struct talk_answer a = {0};
    bool ok = true;
    for (size_t i = 0; i < n && ok; i++)
        if (!line_replay(s, job, json_at(lines, i), i + 1 == json_len(lines), &a, i > 0, err))
            ok = err_wrap(err, "step %zu", i + 1);
    talk_answer_fini(&a);
    return ok;
}

bool talk_after_check(const struct json *talk, const struct dns_job_record *records, size_t n,
                      struct err *err)
{
    const struct json *after = json_find(talk, "after");
    size_t n_done = 0;
    for (size_t i = 0; i < n; i++)
        n_done += records[i].done ? 1 : 0;
    if (json_is(after, JSON_INT) && (size_t)json_as_int(after, -1) != n_done)
        return err_set(err, ERR_REFUSED, "after it %zu records are done", n_done);
    if (json_is(after, JSON_INT))
        return true;
    if (!json_is(after, JSON_ARRAY) || json_len(after) != n)
        return err_set(err, ERR_BROKEN, "after: one entry a record, or how many are done");
    for (size_t i = 0; i < n; i++) {
        const struct json *wanted = json_at(after, i);
        const char *ref = json_text(wanted, "ref");
        if (json_bool(wanted, "done", false) != records[i].done)
            return err_set(err, ERR_REFUSED, "after[%zu]: the record is %sdone", i,
                           records[i].done ? "" : "not ");
        if (!str_eq(str_of(ref), str_of(records[i].ref)))
            return err_set(err, ERR_REFUSED, "after[%zu]: its ref is %s", i, records[i].ref);
    }
    return true;
}

static bool job_replay(const struct scene *s, size_t n, bool whole, struct err *err)
{
    struct dns_job job;
    bool ok = job_init(&job, s, err) && lines_replay(s, &job, n, err) &&
              (!whole || talk_after_check(s->talk, job.records, job.n_records, err));
    job_fini(&job, s);
    return ok;
}

static bool refusal_check(const char *wanted, bool refused, const struct err *said, struct err *err)
{
    if (!refused)
        return err_set(err, ERR_REFUSED, "the settings were taken; \"%s\" was expected", wanted);
    if (said->kind != ERR_CONFIG || strstr(said->text, wanted) == NULL)
        return err_set(err, ERR_REFUSED, "the settings were refused with: %s", said->text);
    return true;
}

bool talk_replay(const struct json *talk, struct err *err)
{
    AUTO(scene_fini)
    struct scene s = {.talk = talk};
    const char *name = json_text(talk, "provider");
    const char *refusal = json_text(talk, "refused");
    s.provider = name != NULL ? dns_provider_find(name) : NULL;
    if (s.provider == NULL)
        return err_set(err, ERR_BROKEN, "provider %s does not exist", name);
    struct err said = {0};
    bool taken = talk_settings_load(json_find(talk, "settings"), s.provider, &s.settings, &said);
    if (refusal != NULL)
        return refusal_check(refusal, !taken, &said, err);
    if (!taken)
        return err_set(err, said.kind, "%s", said.text);
    size_t n = json_len(json_find(talk, "talk"));
    if (n == 0)
        return err_set(err, ERR_BROKEN, "talk is missing");
    if (!job_replay(&s, n, true, err))
        return false;
    for (size_t cut = 0; cut < n; cut++)
        if (!job_replay(&s, cut, false, err))
            return err_wrap(err, "a second time, cut after %zu", cut);
    return true;
}
