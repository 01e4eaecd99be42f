#include "dns-providers/manifest/model.h"

/* read, edit, write. Nothing is written when nothing changes, and a set is cleared only when none is left - by what was read a moment ago. */

enum { RRSET_BEGINS, RRSET_READ, RRSET_WRITTEN, RRSET_READ_BACK };

struct rrset_task {
    struct task task;
    struct owner_group *group;
    struct call_task *asked;
    int n_conflicts, n_losses;
};

static enum task_status rrset_over(struct rrset_task *t)
{
    for (size_t i = 0; i < t->group->n; i++)
        t->group->records[i]->done = true;
    return TASK_DONE;
}

static enum task_status rrset_read(struct engine *e, struct rrset_task *t, int at)
{
    e->txt = t->group->records[0]->value;
    t->task.at = at;
    t->asked = call_push(e, json_find(e->tree, "read"));
    return TASK_PUSHED;
}

static enum task_status rrset_write(struct engine *e, struct rrset_task *t, const struct rrset *set)
{
    const char *operation = "write";
    e->old = set->old;
    e->values = set->values;
    e->ttl_s = set->ttl_s;
    if (json_len(set->values) == 0 && json_find(e->tree, "clear") != NULL)
        operation = "clear";
    else if (json_len(set->old) == 0 && json_find(e->tree, "create") != NULL)
        operation = "create";
    t->task.at = RRSET_WRITTEN;
    t->asked = call_push(e, json_find(e->tree, operation));
    return TASK_PUSHED;
}

/* Lost, or not shown yet by an API that is slow to show what it was told: a look a little later tells. */
static enum task_status rrset_lost(struct engine *e, struct rrset_task *t)
{
    if (++t->n_losses > LOSSES_MAX)
        return engine_fail(e, ERR_AGAIN,
                           "%s: what was written is not there: somebody else writes it, too",
                           t->group->owner);
    t->task.at = RRSET_BEGINS;
    *e->wish = (struct dns_wish){.kind = DNS_WISH_SLEEP, .sleep_ms = t->n_losses * LOSS_PAUSE_MS};
    return TASK_WISH;
}

static enum task_status rrset_edit(struct engine *e, struct rrset_task *t)
{
    struct rrset set;
    rrset_look(e, t->group, t->asked->call,
               t->asked->outcome == OUTCOME_OK ? t->asked->pages : NULL, &set);
    if (!set.changes)
        return rrset_over(t);
    return t->task.at == RRSET_READ_BACK ? rrset_lost(e, t) : rrset_write(e, t, &set);
}

/* Somebody else was faster: from what there is now. */
static enum task_status rrset_written(struct engine *e, struct rrset_task *t)
{
    if (t->asked->outcome != OUTCOME_CONFLICT)
        return write_is_blind(e, t->asked->call, t->group) ? rrset_read(e, t, RRSET_READ_BACK)
                                                           : rrset_over(t);
    if (++t->n_conflicts > CONFLICTS_MAX)
        return engine_fail(e, ERR_AGAIN, "%s: somebody else keeps changing its TXT records%s%s",
                           t->group->owner, t->asked->said[0] != '\0' ? ", or: " : "",
                           t->asked->said);
    return rrset_read(e, t, RRSET_READ);
}

static enum task_status rrset_run(struct engine *e, struct task *task,
                                  const struct dns_answer *answer)
{
    struct rrset_task *t = (struct rrset_task *)task;
    (void)answer;
    switch (task->at) {
    case RRSET_READ:
    case RRSET_READ_BACK:
        return rrset_edit(e, t);
    case RRSET_WRITTEN:
        return rrset_written(e, t);
    }
    return rrset_read(e, t, RRSET_READ);
}

static void rrset_push(struct engine *e, struct owner_group *group)
{
    struct rrset_task *t = arena_alloc(e->arena, sizeof *t);
    t->group = group;
    engine_push(e, &t->task, rrset_run);
}

const struct model model_rrset = {
    .name = "rrset", .push = rrset_push, .needs = {"read", "write", NULL}};
