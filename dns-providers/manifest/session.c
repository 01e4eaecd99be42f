#include "dns-providers/manifest/engine.h"

#include "base/clock.h"
#include "base/redact.h"

enum { COOKIES_MAX = 16, COOKIE_LEN_MAX = 4096 };

struct session_task {
    struct task task;
    size_t next;
    struct call_task *asked;
};

static void session_keep(struct engine *e, const struct call_task *asked)
{
    const struct json *value;
    const char *name;
    void *position = NULL;
    while (json_next(asked->saved, &position, &name, &value))
        json_set(e->session, name, json_copy(value));
}

static const struct json *open_at(const struct engine *e, size_t i)
{
    const struct json *open = json_find(json_find(e->tree, "session"), "open");
    if (json_is(open, JSON_ARRAY))
        return json_at(open, i);
    return i == 0 ? open : NULL;
}

/* A new one is opened when a tenth of its life is left, so that none ends under way. */
static void session_begins(struct engine *e)
{
    int64_t life_ms = json_int(json_find(e->tree, "session"), "for", 0) * MS_SECOND;
    e->session_until_ms = life_ms > 0 ? e->job->now_ms + life_ms - life_ms / 10 : INT64_MAX;
}

bool session_is_shared(const struct engine *e)
{
    return e->job->memory != NULL && json_bool(json_find(e->tree, "session"), "share", false);
}

static void session_remember(struct engine *e)
{
    if (!session_is_shared(e))
        return;
    struct json *memory = json_set_int(json_object(), "until_ms", e->session_until_ms);
    json_set(memory, "session", json_copy(e->session));
    json_set(memory, "cookies", json_copy(e->cookies));
    json_free(*e->job->memory);
    *e->job->memory = memory;
}

void session_recall(struct engine *e)
{
    const struct json *memory = session_is_shared(e) ? *e->job->memory : NULL;
    if (memory == NULL || json_int(memory, "until_ms", 0) <= e->job->now_ms)
        return;
    e->session = json_in_arena(e->arena, json_copy(json_find(memory, "session")));
    e->cookies = json_in_arena(e->arena, json_copy(json_find(memory, "cookies")));
    e->session_until_ms = json_int(memory, "until_ms", 0);
    e->session_open = e->session_is_real = true;
}

static enum task_status session_run(struct engine *e, struct task *task,
                                    const struct dns_answer *answer)
{
    struct session_task *t = (struct session_task *)task;
    (void)answer;
    if (t->asked != NULL)
        session_keep(e, t->asked);
    if (t->asked != NULL && t->asked->outcome != OUTCOME_SKIPPED)
        e->session_is_real = true;
    const struct json *call = open_at(e, t->next++);
    e->session_opens = call != NULL;
    if (call == NULL) {
        session_begins(e);
        session_remember(e);
        return TASK_DONE;
    }
    t->asked = call_push(e, call);
    t->asked->more = json_find(json_find(e->tree, "session"), "keep");
    t->asked->is_login = true;
    return TASK_PUSHED;
}

bool session_is_due(const struct engine *e, const struct json *call)
{
    const char *auth = json_text(call, "auth");
    if (json_find(e->tree, "session") == NULL || (auth != NULL && strcmp(auth, "none") == 0))
        return false;
    return !e->session_open || (!e->session_opens && e->job->now_ms >= e->session_until_ms);
}

/* Marked open at once, so that the calls that log in do not wait for a session of their own. */
void session_push(struct engine *e)
{
    struct session_task *t = arena_alloc(e->arena, sizeof *t);
    e->session_open = true;
    e->session_is_real = false;
    e->session = json_in_arena(e->arena, json_object());
    e->cookies = json_in_arena(e->arena, json_array());
    e->session_until_ms = INT64_MAX;
    engine_push(e, &t->task, session_run);
}

/* ---- cookies ---- */

/* Scheme, host and port: what stands before the path. */
static struct str place_of(const struct engine *e, const struct veiled *url)
{
    AUTO(buf_fini)
    struct buf text = BUF(64 * 1024);
    veiled_format(url, &text);
    struct str whole = buf_str(&text);
    size_t host = str_find(whole, STR("://")) + 3;
    if (host >= whole.len)
        return STR("");
    struct str rest = str_mem(whole.p + host, whole.len - host);
    size_t end = 0;
    while (end < rest.len && strchr("/?#", rest.p[end]) == NULL)
        end++;
    return str_of(arena_strndup(e->arena, whole.p, host + end));
}

/* The octets of RFC 6265 4.1.1. */
static bool cookie_is_good(struct str name, struct str value)
{
    for (size_t i = 0; i < name.len; i++)
        if (name.p[i] <= ' ' || name.p[i] >= 0x7f ||
            strchr("()<>@,;:\\\"/[]?={}", name.p[i]) != NULL)
            return false;
    for (size_t i = 0; i < value.len; i++)
        if (value.p[i] <= ' ' || value.p[i] >= 0x7f || strchr(",;\\", value.p[i]) != NULL)
            return false;
    return name.len > 0 && name.len + value.len <= COOKIE_LEN_MAX;
}

static void cookie_drop(struct engine *e, struct str place, struct str name)
{
    struct json *kept = json_in_arena(e->arena, json_array());
    for (size_t i = 0; i < json_len(e->cookies); i++) {
        const struct json *cookie = json_at(e->cookies, i);
        if (!str_eq(str_of(json_text(cookie, "name")), name) ||
            !str_eq_nocase(str_of(json_text(cookie, "place")), place))
            json_push(kept, json_copy(cookie));
    }
    e->cookies = kept;
}

static void cookie_keep(struct engine *e, struct str place, struct str line)
{
    struct str pair = str_mem(line.p, str_find_char(line, ';'));
    size_t equals = str_find_char(pair, '=');
    if (equals == pair.len)
        return;
    struct str name = str_trim(str_mem(pair.p, equals));
    struct str value = str_trim(str_mem(pair.p + equals + 1, pair.len - equals - 1));
    if (!cookie_is_good(name, value))
        return;
    cookie_drop(e, place, name);
    if (value.len == 0 || json_len(e->cookies) == COOKIES_MAX)
        return;
    struct json *cookie = json_set_str(json_object(), "place", place);
    json_set_str(json_set_str(cookie, "name", name), "value", value);
    json_push(e->cookies, cookie);
}

void cookies_keep(struct engine *e, const struct veiled *url, const struct dns_answer *answer)
{
    const char *header = answer->header != NULL ? answer->header(answer, "Set-Cookie") : NULL;
    struct str rest = str_of(header), line;
    if (header == NULL || !json_bool(json_find(e->tree, "session"), "cookies", false))
        return;
    struct str place = place_of(e, url);
    while (str_split(&rest, '\n', &line))
        cookie_keep(e, place, line);
}

const struct veiled *cookies_for(struct engine *e, const struct veiled *url)
{
    AUTO(buf_fini)
    struct buf text = BUF(COOKIES_MAX * (COOKIE_LEN_MAX + 8));
    if (json_len(e->cookies) == 0)
        return NULL;
    struct str place = place_of(e, url);
    for (size_t i = 0; i < json_len(e->cookies); i++) {
        const struct json *cookie = json_at(e->cookies, i);
        if (str_eq_nocase(str_of(json_text(cookie, "place")), place))
            buf_printf(&text, "%s%s=%s", text.len > 0 ? "; " : "", json_text(cookie, "name"),
                       json_text(cookie, "value"));
    }
    return text.len > 0 ? veiled_text(e->arena, buf_str(&text)) : NULL;
}

/* ---- texts for people ---- */

void session_hide(const struct engine *e, struct str text, struct buf *out)
{
    struct redactor redactor = {0};
    const struct json *value;
    const char *name;
    void *position = NULL;
    while (json_next(e->session, &position, &name, &value))
        if (json_as_text(value) != NULL)
            redactor_add(&redactor, str_of(json_as_text(value)));
    for (size_t i = 0; i < json_len(e->cookies); i++)
        redactor_add(&redactor, str_of(json_text(json_at(e->cookies, i), "value")));
    redactor_apply(&redactor, text, out);
    redactor_fini(&redactor);
}
