#include "dns-providers/manifest/model.h"

/* The server adds and removes by value, and either may be repeated. */

struct value_task {
    struct task task;
    struct owner_group *group;
    size_t i;
    struct call_task *asked;
};

static enum task_status value_run(struct engine *e, struct task *task,
                                  const struct dns_answer *answer)
{
    struct value_task *t = (struct value_task *)task;
    (void)answer;
    if (t->asked != NULL) {
        if (t->asked->outcome == OUTCOME_CONFLICT)
            return engine_fail(e, ERR_AGAIN, "%s: somebody else changes the zone", t->group->owner);
        t->group->records[t->i++]->done = true;
    }
    if (t->i == t->group->n)
        return TASK_DONE;
    struct dns_job_record *record = t->group->records[t->i];
    e->txt = record->value;
    t->asked = call_push(e, json_find(e->tree, record->present ? "add" : "remove"));
    return TASK_PUSHED;
}

static void value_push(struct engine *e, struct owner_group *group)
{
    struct value_task *t = arena_alloc(e->arena, sizeof *t);
    t->group = group;
    engine_push(e, &t->task, value_run);
}

const struct model model_value = {
    .name = "value", .push = value_push, .needs = {"add", "remove", NULL}};
