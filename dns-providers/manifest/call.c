#include "dns-providers/manifest/engine.h"

#include "base/clock.h"

#include <stdio.h>

enum { PAUSE_FIRST_MS = 1000, PAUSE_MAX_MS = 20 * 1000, BUSY_MAX = 20 };

enum { CALL_BEGINS, CALL_SENDS, CALL_HEARS, CALL_PAUSED, CALL_AFTER };

const struct json *call_resolve(const struct engine *e, const struct json *call)
{
    for (int n = 0; n < 8 && json_text(call, "$use") != NULL; n++) {
        const char *name = json_text(call, "$use");
        const struct json *defined = json_find(json_find(e->tree, "define"), name);
        call = defined != NULL ? defined : json_find(e->tree, name);
    }
    return call;
}

static enum task_status call_run(struct engine *e, struct task *task,
                                 const struct dns_answer *answer);

struct call_task *call_push(struct engine *e, const struct json *call)
{
    struct call_task *t = arena_alloc(e->arena, sizeof *t);
    t->call = call_resolve(e, call);
    t->pages = json_in_arena(e->arena, json_array());
    engine_push(e, &t->task, call_run);
    return t;
}

/* ---- sending ---- */

static bool may_repeat(const struct call_task *t)
{
    const char *method = json_text(t->call, "method");
    bool otherwise = strcmp(method, "POST") != 0 && strcmp(method, "PATCH") != 0;
    return json_bool(t->call, "idempotent", otherwise);
}

static enum task_status call_send(struct engine *e, struct call_task *t)
{
    struct request *request = arena_alloc(e->arena, sizeof *request);
    struct err err = {0};
    size_t most = CALLS_MAX + CALLS_A_RECORD * e->job->n_records;
    if (e->n_calls++ == most)
        return engine_fail(e, ERR_BROKEN, "more than %zu requests for one job", most);
    if (!request_build(e, t, request, &err)) {
        err_wrap(&err, "%s %s", json_text(t->call, "method"), json_text(t->call, "path"));
        return engine_fail_with(e, &err);
    }
    request_wish(e, request, e->wish);
    e->wish->http.once = !may_repeat(t);
    t->url = request->url;
    t->task.at = CALL_HEARS;
    return TASK_WISH;
}

/* What must be there before it can be sent: the server's time, a session. */
static enum task_status call_ready(struct engine *e, struct call_task *t)
{
    t->task.at = CALL_SENDS;
    if (clock_is_due(e, t->call))
        clock_push(e);
    else if (session_is_due(e, t->call))
        session_push(e);
    else
        return call_send(e, t);
    return TASK_PUSHED;
}

/* why: what a person hears of it who waits. */
static enum task_status call_pause(struct engine *e, struct call_task *t, int64_t ms, int status,
                                   const char *why)
{
    char code[16] = "";
    *e->wish = (struct dns_wish){.kind = DNS_WISH_SLEEP, .sleep_ms = ms};
    if (status != 0)
        snprintf(code, sizeof code, "%d%s", status, why[0] != '\0' ? " " : "");
    err_set(&e->wish->err, ERR_AGAIN, "%s %s: %s%s", json_text(t->call, "method"),
            json_text(t->call, "path"), code, why);
    t->task.at = CALL_PAUSED;
    return TASK_WISH;
}

/* ---- trouble ---- */

static int64_t pause_of(int n_tries)
{
    int64_t ms = (int64_t)PAUSE_FIRST_MS << (n_tries < 6 ? n_tries : 6);
    return ms < PAUSE_MAX_MS ? ms : PAUSE_MAX_MS;
}

static enum task_status call_fail(struct engine *e, const struct call_task *t, enum err_kind kind,
                                  int status, const struct reply *reply)
{
    return engine_fail(e, kind, "%s %s: %d%s%s", json_text(t->call, "method"),
                       json_text(t->call, "path"), status, reply->text[0] != '\0' ? " " : "",
                       reply->text);
}

/* A longer wait than a job has is the host's to bear. */
static enum task_status call_wait(struct engine *e, struct call_task *t, int status,
                                  const struct reply *reply)
{
    int64_t ms = reply->retry_after_ms >= 0 ? reply->retry_after_ms : pause_of(t->n_tries);
    if (ms < pause_of(t->n_tries) && reply->retry_after_ms == 0)
        ms = pause_of(t->n_tries);
    bool is_told = reply->retry_after_ms > 0;
    /* A call that says when it makes sense again is repeated then, once. */
    int64_t again_ms = json_int(t->call, "again", 0) * MS_SECOND;
    if (reply->class == REPLY_RETRY && again_ms > 0 && !is_told && t->n_tries++ == 0)
        return call_pause(e, t, again_ms, status, reply->text);
    if (reply->class == REPLY_RETRY && again_ms > 0 && status < 500)
        return call_fail(e, t, ERR_DENIED, status, reply);
    /* A server that broke down may have done it: as with a lost reply, the next job looks first. */
    if ((status >= 500 || reply->is_unread) && !may_repeat(t))
        return call_fail(e, t, ERR_AGAIN, status, reply);
    if (reply->class == REPLY_LIMIT || ms > PAUSE_MAX_MS || ++t->n_tries == TRIES_MAX) {
        enum task_status failed =
            call_fail(e, t, is_told || reply->class == REPLY_LIMIT ? ERR_THROTTLED : ERR_AGAIN,
                      status, reply);
        if (e->err.kind == ERR_THROTTLED)
            e->err.until_ms = e->job->now_ms + (is_told ? ms : MS_HOUR);
        return failed;
    }
    return call_pause(e, t, ms, status, reply->text);
}

/* An expired session is one new login a job and one repeat; anything else, a refused login too, is a person's matter. */
static enum task_status call_denied(struct engine *e, struct call_task *t,
                                    const struct dns_answer *answer, const struct reply *reply)
{
    if (clock_correct(e, answer))
        return call_ready(e, t);
    if (!e->session_open || !e->session_is_real || e->session_opens || e->session_renewed)
        return call_fail(e, t, ERR_DENIED, answer->status, reply);
    e->session_renewed = true;
    e->session_open = false;
    return call_ready(e, t);
}

static enum task_status call_lost(struct engine *e, struct call_task *t, const struct err *why)
{
    if (may_repeat(t) && why->kind == ERR_AGAIN && ++t->n_tries < TRIES_MAX)
        return call_pause(e, t, pause_of(t->n_tries), 0, why->text);
    return engine_fail(e, why->kind, "%s %s: %s", json_text(t->call, "method"),
                       json_text(t->call, "path"), why->text);
}

/* ---- what an answer brings ---- */

static void picks_take(struct engine *e, const struct json *picks, const struct json *tree,
                       const struct dns_answer *answer, struct json **into)
{
    const struct json *pick;
    const char *name;
    void *position = NULL;
    while (json_next(picks, &position, &name, &pick)) {
        const struct json *found = pick_find(e, pick, tree, answer);
        if (*into == NULL)
            *into = json_in_arena(e->arena, json_object());
        if (found != NULL)
            json_set(*into, name, json_copy(found));
    }
}

static bool pages_count(void *arg, const struct json *value)
{
    (void)value;
    ++*(int64_t *)arg;
    return true;
}

/* The next page by the Link header (RFC 8288), rel next. */
static const char *link_next(struct engine *e, const struct dns_answer *answer)
{
    const char *header = answer->header != NULL ? answer->header(answer, "Link") : NULL;
    struct str rest = str_of(header), link;
    while (header != NULL && str_split(&rest, ',', &link)) {
        struct str text = str_trim(link);
        size_t end = str_find_char(text, '>');
        struct str behind = str_mem(text.p + end, text.len - end);
        bool is_next = str_find(behind, STR("rel=\"next\"")) < behind.len ||
                       str_find(behind, STR("rel=next")) < behind.len;
        if (text.len > 0 && text.p[0] == '<' && end < text.len && is_next)
            return arena_strndup(e->arena, text.p + 1, end - 1);
    }
    return NULL;
}

static bool number_has_more(struct call_task *t, const struct json *page, const struct json *tree)
{
    const char *last = json_text(page, "last"), *total = json_text(page, "total");
    int64_t first = json_int(page, "first", 1), n_items = 0;
    const char *items = json_text(t->call, "items");
    AUTO(mem_fini)
    char *each = mem_printf("%s/*", items != NULL ? items : "");
    pointer_each(tree, each, pages_count, &n_items);
    t->n_seen += n_items;
    if (last != NULL)
        return first + t->page < json_as_int(pointer_find(tree, last), 0);
    if (total != NULL)
        return n_items > 0 && t->n_seen < json_as_int(pointer_find(tree, total), 0);
    return n_items > 0;
}

/* A page address must stay where the requests go: same scheme and host as the call it continues. */
static bool next_url_fits(struct engine *e, const struct call_task *t, const char *url)
{
    struct request *request = arena_alloc(e->arena, sizeof *request);
    if (!request_build(e, t, request, NULL) || !veiled_is_plain(request->url))
        return false;
    struct str own = veiled_plain(request->url);
    size_t scheme = str_find(own, STR("://")) + 3;
    struct str rest = str_mem(own.p + scheme, own.len - scheme);
    size_t host = scheme + str_find_char(rest, '/');
    return str_starts(str_of(url), str_mem(own.p, host)) && url[host] == '/';
}

static enum task_status page_next(struct engine *e, struct call_task *t, const struct json *tree,
                                  const struct dns_answer *answer, bool *ret_more)
{
    const struct json *page = json_find(t->call, "page");
    const char *by = json_text(page, "by"), *ptr = json_text(page, "ptr");
    const char *next = NULL;
    *ret_more = false;
    if (page == NULL)
        return TASK_DONE;
    if (strcmp(by, "number") == 0 || strcmp(by, "offset") == 0) {
        *ret_more = number_has_more(t, page, tree);
    } else {
        struct value cursor = value_of_json(ptr != NULL ? pointer_find(tree, ptr) : NULL);
        next = strcmp(by, "link") == 0   ? link_next(e, answer)
               : value_is_empty(&cursor) ? NULL
                                         : value_plain(e->arena, &cursor);
        *ret_more = next != NULL && next[0] != '\0';
    }
    if (!*ret_more)
        return TASK_DONE;
    if (++t->page == PAGES_MAX && t->may_be_refused) {
        *ret_more = false;
        t->outcome = OUTCOME_REFUSED;
        return TASK_DONE;
    }
    if (t->page == PAGES_MAX)
        return engine_fail(e, ERR_BROKEN, "%s: more than %d pages", json_text(t->call, "path"),
                           PAGES_MAX);
    if (strcmp(by, "cursor") == 0)
        t->cursor = arena_strdup(e->arena, next);
    else if (next != NULL && !next_url_fits(e, t, next))
        return engine_fail(e, ERR_REFUSED, "%s: the next page is said to be elsewhere: %.200s",
                           json_text(t->call, "path"), next);
    else if (next != NULL)
        t->next_url = arena_strdup(e->arena, next);
    return TASK_DONE;
}

static enum task_status call_good(struct engine *e, struct call_task *t, const struct reply *reply,
                                  const struct dns_answer *answer)
{
    bool more = false;
    t->outcome = OUTCOME_OK;
    t->answer = reply->tree;
    if (reply->tree != NULL)
        json_push(t->pages, json_copy(reply->tree));
    picks_take(e, json_find(t->call, "take"), reply->tree, answer, &e->out);
    picks_take(e, json_find(t->call, "save"), reply->tree, answer, &t->saved);
    picks_take(e, t->more, reply->tree, answer, &t->saved);
    if (t->is_login)
        cookies_keep(e, t->url, answer);
    if (page_next(e, t, reply->tree, answer, &more) == TASK_FAILED)
        return TASK_FAILED;
    t->n_tries = 0;
    return more ? call_ready(e, t) : TASK_DONE;
}

/* ---- polling: {call, done, fail, reason, every, for} ---- */

struct poll_task {
    struct task task;
    const struct json *poll;
    struct call_task *asked;
    int64_t waited_ms;
};

static enum task_status poll_look(struct engine *e, struct poll_task *t)
{
    const struct json *tree = t->asked->answer, *fail = json_find(t->poll, "fail");
    struct template_context context = engine_context(e);
    int64_t every_ms = json_int(t->poll, "every", 2) * MS_SECOND;
    bool done = false, failed = false;
    struct err err = {0};
    if (!cond_holds(&context, json_find(t->poll, "done"), tree, &done, &err) ||
        (fail != NULL && !cond_holds(&context, fail, tree, &failed, &err)))
        return engine_fail_with(e, &err);
    const char *reason = json_text(t->poll, "reason");
    const char *why = reason != NULL ? json_as_text(pointer_find(tree, reason)) : NULL;
    if (failed)
        return engine_fail(e, ERR_REFUSED, "the change failed%s%.200s", why != NULL ? ": " : "",
                           why != NULL ? why : "");
    if (done)
        return TASK_DONE;
    if (t->waited_ms >= json_int(t->poll, "for", 60) * MS_SECOND)
        return engine_fail(e, ERR_AGAIN, "the change was not done after %lld s",
                           (long long)(t->waited_ms / MS_SECOND));
    t->waited_ms += every_ms;
    t->task.at = 0;
    *e->wish = (struct dns_wish){.kind = DNS_WISH_SLEEP, .sleep_ms = every_ms};
    return TASK_WISH;
}

static enum task_status poll_run(struct engine *e, struct task *task,
                                 const struct dns_answer *answer)
{
    struct poll_task *t = (struct poll_task *)task;
    (void)answer;
    if (task->at == 0) {
        task->at = 1;
        t->asked = call_push(e, json_find(t->poll, "call"));
        return TASK_PUSHED;
    }
    return poll_look(e, t);
}

static bool poll_push(struct engine *e, const struct json *poll)
{
    if (poll == NULL)
        return false;
    struct poll_task *t = arena_alloc(e->arena, sizeof *t);
    t->poll = call_resolve(e, poll);
    engine_push(e, &t->task, poll_run);
    return true;
}

/* ---- after-steps ---- */

struct after_task {
    struct task task;
    bool adds, removes; /* what the job did */
    size_t next;
};

static bool after_applies(struct engine *e, const struct after_task *t, const struct json *after,
                          bool *ret)
{
    struct template_context context = engine_context(e);
    const char *only = json_text(after, "on");
    const struct json *cond = json_find(after, "if");
    struct err err = {0};
    *ret = only == NULL || (strcmp(only, "add") == 0 ? t->adds : t->removes);
    if (!*ret || cond == NULL || cond_holds(&context, cond, NULL, ret, &err))
        return true;
    engine_fail_with(e, &err);
    return false;
}

static enum task_status after_run(struct engine *e, struct task *task,
                                  const struct dns_answer *answer)
{
    struct after_task *t = (struct after_task *)task;
    const struct json *list = json_find(e->tree, "after");
    (void)answer;
    while (t->next < json_len(list)) {
        const struct json *after = json_at(list, t->next++);
        bool applies = false;
        if (!after_applies(e, t, after, &applies))
            return TASK_FAILED;
        if (!applies)
            continue;
        if (json_find(after, "call") != NULL)
            call_push(e, json_find(after, "call"));
        else
            poll_push(e, json_find(after, "wait"));
        return TASK_PUSHED;
    }
    return TASK_DONE;
}

bool after_push(struct engine *e, bool adds, bool removes)
{
    if (json_find(e->tree, "after") == NULL)
        return false;
    struct after_task *t = arena_alloc(e->arena, sizeof *t);
    t->adds = adds;
    t->removes = removes;
    engine_push(e, &t->task, after_run);
    return true;
}

/* ---- the task ---- */

/* What this call took the last time is no more: a set that is absent has no entity tag, least of all that of another name. */
static void takes_forget(struct engine *e, const struct call_task *t)
{
    const struct json *pick;
    const char *name;
    void *position = NULL;
    while (t->page == 0 && e->out != NULL &&
           json_next(json_find(t->call, "take"), &position, &name, &pick))
        json_remove(e->out, name);
}

static bool is_refusal(const struct reply *reply, const struct dns_answer *answer)
{
    return reply->class == REPLY_FAILED || reply->class == REPLY_USER ||
           (reply->class == REPLY_AUTH && answer->status == 403);
}

static enum task_status call_hear(struct engine *e, struct call_task *t,
                                  const struct dns_answer *answer)
{
    struct reply reply;
    if (answer->err != NULL)
        return call_lost(e, t, answer->err);
    reply_read(e, t->call, answer, &reply);
    if (t->may_be_refused && is_refusal(&reply, answer)) {
        t->outcome = OUTCOME_REFUSED;
        return TASK_DONE;
    }
    if (reply.class == REPLY_OK || reply.class == REPLY_ABSENT)
        takes_forget(e, t);
    switch (reply.class) {
    case REPLY_OK:
        return call_good(e, t, &reply, answer);
    case REPLY_PRESENT:
        t->outcome = OUTCOME_PRESENT;
        return TASK_DONE;
    case REPLY_GONE:
        t->outcome = OUTCOME_GONE;
        return TASK_DONE;
    case REPLY_ABSENT:
        t->outcome = OUTCOME_ABSENT;
        return TASK_DONE;
    case REPLY_CONFLICT:
        t->outcome = OUTCOME_CONFLICT;
        t->said = reply.text;
        return TASK_DONE;
    case REPLY_BUSY:
        if (++t->n_busy < BUSY_MAX)
            return call_pause(e, t, pause_of(t->n_busy < 3 ? t->n_busy : 3), answer->status,
                              reply.text);
        return call_fail(e, t, ERR_AGAIN, answer->status, &reply);
    case REPLY_RETRY:
    case REPLY_LIMIT:
        return call_wait(e, t, answer->status, &reply);
    case REPLY_AUTH:
        return call_denied(e, t, answer, &reply);
    case REPLY_USER:
        return call_fail(e, t, ERR_CONFIG, answer->status, &reply);
    case REPLY_FAILED:
        break;
    }
    return call_fail(e, t, ERR_REFUSED, answer->status, &reply);
}

static enum task_status call_begin(struct engine *e, struct call_task *t)
{
    const struct json *cond = json_find(t->call, "if");
    struct template_context context = engine_context(e);
    bool holds = true;
    struct err err = {0};
    if (cond != NULL && !cond_holds(&context, cond, NULL, &holds, &err))
        return engine_fail_with(e, &err);
    if (!holds) {
        t->outcome = OUTCOME_SKIPPED;
        return TASK_DONE;
    }
    return call_ready(e, t);
}

static enum task_status call_run(struct engine *e, struct task *task,
                                 const struct dns_answer *answer)
{
    struct call_task *t = (struct call_task *)task;
    enum task_status status;
    switch (task->at) {
    case CALL_BEGINS:
        return call_begin(e, t);
    case CALL_SENDS:
    case CALL_PAUSED:
        return call_ready(e, t);
    case CALL_HEARS:
        status = call_hear(e, t, answer);
        if (status != TASK_DONE || t->outcome != OUTCOME_OK ||
            !poll_push(e, json_find(t->call, "wait")))
            return status;
        task->at = CALL_AFTER;
        return TASK_PUSHED;
    }
    return TASK_DONE;
}
