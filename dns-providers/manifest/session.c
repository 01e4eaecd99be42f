#include "dns-providers/manifest/engine.h"

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

static enum task_status session_run(struct engine *e, struct task *task,
                                    const struct dns_answer *answer)
{
    struct session_task *t = (struct session_task *)task;
    (void)answer;
    if (t->asked != NULL)
        session_keep(e, t->asked);
    const struct json *call = open_at(e, t->next++);
    e->session_opens = call != NULL;
    if (call == NULL)
        return TASK_DONE;
    t->asked = call_push(e, call);
    t->asked->more = json_find(json_find(e->tree, "session"), "keep");
    return TASK_PUSHED;
}

/* Marked open at once, so that the calls that log in do not wait for a session of their own. */
void session_push(struct engine *e)
{
    struct session_task *t = arena_alloc(e->arena, sizeof *t);
    e->session_open = true;
    e->session = json_in_arena(e->arena, json_object());
    engine_push(e, &t->task, session_run);
}
