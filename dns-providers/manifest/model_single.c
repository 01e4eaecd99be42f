#include "dns-providers/manifest/model.h"

/*
 * One value a name, or a few: adding writes it, whatever was there. That nothing of ours was there is the host's word (values_max of the
 * provider): it hands over a value only when those before it are gone. Where the API can be asked (`read`), what others put there is not
 * written over, and what is not ours is not cleared.
 */

enum { SINGLE_NEXT, SINGLE_READ, SINGLE_WRITTEN };

struct single_task {
    struct task task;
    struct owner_group *group;
    size_t i;
    struct call_task *asked;
};

static enum task_status single_next(struct engine *e, struct single_task *t);

static enum task_status single_over(struct engine *e, struct single_task *t)
{
    t->group->records[t->i++]->done = true;
    return single_next(e, t);
}

static enum task_status single_write(struct engine *e, struct single_task *t)
{
    bool present = t->group->records[t->i]->present;
    const struct json *call = json_find(e->tree, present ? "add" : "remove");
    if (call == NULL) /* an API that only rolls: the next value takes its place */
        return single_over(e, t);
    t->task.at = SINGLE_WRITTEN;
    t->asked = call_push(e, call);
    return TASK_PUSHED;
}

static enum task_status single_next(struct engine *e, struct single_task *t)
{
    if (t->i == t->group->n)
        return TASK_DONE;
    e->txt = t->group->records[t->i]->value;
    if (json_find(e->tree, "read") == NULL)
        return single_write(e, t);
    t->task.at = SINGLE_READ;
    t->asked = call_push(e, json_find(e->tree, "read"));
    return TASK_PUSHED;
}

static enum task_status single_look(struct engine *e, struct single_task *t)
{
    const struct dns_job_record *record = t->group->records[t->i];
    struct owner_group one = {t->group->owner, &t->group->records[t->i], 1};
    struct rrset set;
    rrset_look(e, &one, t->asked->call, t->asked->outcome == OUTCOME_OK ? t->asked->pages : NULL,
               &set);
    if (!set.changes)
        return single_over(e, t);
    if (record->present && json_len(set.old) >= (size_t)json_int(e->tree, "slots", 1))
        return engine_fail(e, ERR_AGAIN,
                           "%s holds a value of somebody else, and there is room for %d: it is not "
                           "written over",
                           t->group->owner, (int)json_int(e->tree, "slots", 1));
    return single_write(e, t);
}

static enum task_status single_run(struct engine *e, struct task *task,
                                   const struct dns_answer *answer)
{
    struct single_task *t = (struct single_task *)task;
    (void)answer;
    switch (task->at) {
    case SINGLE_READ:
        return single_look(e, t);
    case SINGLE_WRITTEN:
        if (t->asked->outcome == OUTCOME_CONFLICT)
            return engine_fail(e, ERR_AGAIN, "%s: somebody else changes it", t->group->owner);
        return single_over(e, t);
    }
    return single_next(e, t);
}

static void single_push(struct engine *e, struct owner_group *group)
{
    struct single_task *t = arena_alloc(e->arena, sizeof *t);
    t->group = group;
    engine_push(e, &t->task, single_run);
}

const struct model model_single = {.name = "single", .push = single_push, .needs = {"add", NULL}};
