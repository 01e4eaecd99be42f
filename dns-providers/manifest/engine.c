#include "dns-providers/manifest/engine.h"

#include "dns-providers/manifest/manifest.h"

#include <stdarg.h>
#include <stdio.h>

/* ---- the stack ---- */

void engine_push(struct engine *e, struct task *task, task_run *run)
{
    task->run = run;
    task->below = e->top;
    task->at = 0;
    e->top = task;
}

enum task_status engine_fail(struct engine *e, enum err_kind kind, const char *fmt, ...)
{
    char text[ERR_TEXT_MAX];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    err_set(&e->err, kind, "%s", text);
    return TASK_FAILED;
}

enum task_status engine_fail_with(struct engine *e, const struct err *err)
{
    e->err = *err;
    return TASK_FAILED;
}

/* ---- variables ---- */

static const struct scope *scope_add(struct engine *e, const struct scope *outer, const char *name,
                                     struct value value)
{
    if (value.kind == VALUE_NONE)
        return outer;
    struct scope *scope = arena_alloc(e->arena, sizeof *scope);
    *scope = (struct scope){.outer = outer, .name = name, .value = value};
    return scope;
}

static const struct scope *settings_add(struct engine *e, const struct scope *outer,
                                        const char *name)
{
    struct scope *scope = arena_alloc(e->arena, sizeof *scope);
    *scope = (struct scope){.outer = outer,
                            .name = name,
                            .settings = e->job->settings,
                            .section = e->job->provider->settings};
    return scope;
}

/* What the value is the digest of, for servers that work it out by themselves. */
static const struct json *proof_tree(struct engine *e)
{
    const char *owner = json_text(e->name, "fqdn");
    for (size_t i = 0; owner != NULL && e->txt != NULL && i < e->job->n_records; i++) {
        const struct dns_job_record *r = &e->job->records[i];
        const char *proof = r->key_authorization;
        if (proof == NULL || strcmp(r->value, e->txt) != 0 || strcmp(r->owner, owner) != 0)
            continue;
        struct json *tree = json_set_text(json_object(), "key_authorization", proof);
        json_set_str(tree, "token", str_mem(proof, str_find_char(str_of(proof), '.')));
        return json_in_arena(e->arena, tree);
    }
    return NULL;
}

struct template_context engine_context(struct engine *e)
{
    const struct scope *s = settings_add(e, settings_add(e, NULL, "cred"), "opt");
    s = scope_add(e, s, "zone", value_of_json(e->zone));
    s = scope_add(e, s, "name", value_of_json(e->name));
    s = scope_add(e, s, "rec", value_of_json(e->rec));
    s = scope_add(e, s, "out", value_of_json(e->out));
    s = scope_add(e, s, "sess", value_of_json(e->session));
    s = scope_add(e, s, "values", value_of_json(e->values));
    s = scope_add(e, s, "old", value_of_json(e->old));
    s = scope_add(e, s, "sets", value_of_json(e->sets));
    s = scope_add(e, s, "adds", value_of_json(e->adds));
    s = scope_add(e, s, "removes", value_of_json(e->removes));
    s = scope_add(e, s, "items", value_of_json(e->items));
    s = scope_add(e, s, "item", value_of_json(e->item));
    s = scope_add(e, s, "txt", value_of_cstr(e->arena, e->txt));
    s = scope_add(e, s, "proof", value_of_json(proof_tree(e)));
    s = scope_add(e, s, "ttl", value_of_json(json_in_arena(e->arena, json_new_int(e->ttl_s))));
    s = scope_add(e, s, "now", value_of_json(now_tree(e->arena, engine_now_ms(e))));
    for (size_t i = 0; i < e->n_lets; i++)
        s = scope_add(e, s, e->lets[i].name, e->lets[i].value);
    return (struct template_context){.scope = s, .arena = e->arena, .random = e->job->random};
}

/* ---- the plan of a job ---- */

enum { PLAN_BEGINS, PLAN_ZONE, PLAN_MODELS, PLAN_CLOSES };

static enum task_status plan_run(struct engine *e, struct task *task,
                                 const struct dns_answer *answer)
{
    const struct json *close = json_find(json_find(e->tree, "session"), "close");
    (void)answer;
    switch (task->at++) {
    case PLAN_BEGINS:
        if (e->job->n_records == 0)
            return TASK_DONE;
        engine_set_owner(e, e->job->records[0].owner, e->job->records[0].ttl_s);
        e->txt = e->job->records[0].value;
        zone_push(e);
        return TASK_PUSHED;
    case PLAN_ZONE:
        models_push(e);
        return TASK_PUSHED;
    case PLAN_MODELS:
        if (close == NULL || !e->session_open || session_is_shared(e))
            return TASK_DONE;
        e->closes = true;
        call_push(e, close);
        return TASK_PUSHED;
    }
    return TASK_DONE;
}

/* ---- the provider's side ---- */

void *engine_begin(const struct dns_job *job)
{
    struct engine *e = NEW(struct engine);
    (void)job;
    return e;
}

void engine_end(void *state)
{
    mem_free(state);
}

static void engine_start(struct engine *e, struct dns_job *job)
{
    struct task *plan = arena_alloc(job->arena, sizeof *plan);
    e->tree = manifest_tree(job->provider);
    e->job = job;
    e->arena = job->arena;
    for (size_t i = 0; i < job->n_records; i++)
        job->records[i].done = false;
    session_recall(e);
    engine_push(e, plan, plan_run);
}

static void engine_turn(struct engine *e, const struct dns_answer *answer)
{
    while (e->top != NULL) {
        struct task *task = e->top;
        switch (task->run(e, task, answer)) {
        case TASK_WISH:
            return;
        case TASK_PUSHED:
            break;
        case TASK_DONE:
            e->top = task->below;
            break;
        case TASK_FAILED:
            /* All is done; a session that is not closed ends by itself. */
            if (e->closes) {
                *e->wish = (struct dns_wish){.kind = DNS_WISH_DONE};
                e->top = NULL;
                return;
            }
            *e->wish = (struct dns_wish){.kind = DNS_WISH_FAIL, .err = e->err};
            e->top = NULL;
            return;
        }
        answer = NULL;
    }
    *e->wish = (struct dns_wish){.kind = DNS_WISH_DONE};
}

void engine_step(struct dns_job *job, const struct dns_answer *answer, struct dns_wish *ret_wish)
{
    struct engine *e = job->state;
    if (answer == NULL)
        engine_start(e, job);
    e->wish = ret_wish;
    engine_turn(e, answer);
}
