#include "dns-providers/manifest/model.h"

/*
 * All sets of a job: one call reads them all - or, where the list is refused or too long, one a name - then each write holds as many
 * as the API takes. What is read afterwards decides what is done, so that a conflict, a loss and the beginning are the same thing.
 */

enum { SETS_BEGIN, SETS_LISTED, SETS_ONE_READ, SETS_WRITTEN };

struct sets_task {
    struct task task;
    struct owner_group *groups;
    struct json **pages; /* of each group; NULL: it has no set */
    struct rrset *sets;  /* as last looked at */
    size_t n, next_read, next_write;
    struct call_task *asked;
    struct owner_group **in_call; /* what the write under way holds */
    size_t n_in_call;
    bool by_name, reads_back; /* the list is of no use; what was written is looked at */
    int n_conflicts, n_losses;
};

static const struct json *batch_call(const struct engine *e, const char *name)
{
    return json_find(json_find(e->tree, "batch"), name);
}

/* ---- reading ---- */

static enum task_status sets_look(struct engine *e, struct sets_task *t);

static enum task_status one_read(struct engine *e, struct sets_task *t)
{
    while (t->next_read < t->n && group_is_done(&t->groups[t->next_read]))
        t->next_read++;
    if (t->next_read == t->n)
        return sets_look(e, t);
    group_enter(e, &t->groups[t->next_read]);
    t->task.at = SETS_ONE_READ;
    t->asked = call_push(e, json_find(e->tree, "read"));
    return TASK_PUSHED;
}

static enum task_status sets_read(struct engine *e, struct sets_task *t)
{
    t->next_read = 0;
    t->next_write = 0;
    if (t->by_name || batch_call(e, "read") == NULL) {
        t->by_name = true;
        return one_read(e, t);
    }
    t->task.at = SETS_LISTED;
    group_enter(e, &t->groups[0]);
    t->asked = call_push(e, batch_call(e, "read"));
    t->asked->may_be_refused = true;
    return TASK_PUSHED;
}

static enum task_status sets_listed(struct engine *e, struct sets_task *t)
{
    t->by_name = t->asked->outcome == OUTCOME_REFUSED;
    for (size_t i = 0; i < t->n; i++)
        t->pages[i] = t->asked->outcome == OUTCOME_OK ? t->asked->pages : NULL;
    return t->by_name ? one_read(e, t) : sets_look(e, t);
}

/* ---- writing ---- */

/* What `read` takes of an answer - an entity tag, the very set - is each set's own. */
static struct json *set_takes(struct engine *e, const struct json *pages)
{
    const struct json *take = json_find(call_resolve(e, json_find(e->tree, "read")), "take");
    const struct json *pick;
    const char *name;
    void *position = NULL;
    struct json *taken = json_object();
    while (json_next(take, &position, &name, &pick))
        for (size_t i = 0; i < json_len(pages); i++) {
            const struct json *found = pick_find(e, pick, json_at(pages, i), NULL);
            if (found != NULL)
                json_set(taken, name, json_copy(found));
        }
    return taken;
}

static struct json *set_element(struct engine *e, const struct sets_task *t, size_t i)
{
    const struct rrset *set = &t->sets[i];
    struct json *element = batch_element(e, &t->groups[i]);
    json_set_int(element, "ttl", set->ttl_s);
    json_set(element, "values", json_copy(set->values));
    json_set(element, "old", json_copy(set->old));
    return json_set(element, "take", set_takes(e, t->pages[i]));
}

static enum task_status sets_write(struct engine *e, struct sets_task *t)
{
    size_t most = (size_t)json_int(json_find(e->tree, "batch"), "max", 100);
    struct json *sets = json_in_arena(e->arena, json_array());
    t->n_in_call = 0;
    for (; t->next_write < t->n && t->n_in_call < most; t->next_write++) {
        if (group_is_done(&t->groups[t->next_write]))
            continue;
        t->in_call[t->n_in_call++] = &t->groups[t->next_write];
        json_push(sets, set_element(e, t, t->next_write));
    }
    e->sets = sets;
    t->task.at = SETS_WRITTEN;
    t->asked = call_push(e, batch_call(e, "write"));
    t->asked->may_be_refused = true;
    return TASK_PUSHED;
}

static void group_done(struct owner_group *group)
{
    for (size_t i = 0; i < group->n; i++)
        group->records[i]->done = true;
}

static enum task_status sets_lost(struct engine *e, struct sets_task *t)
{
    if (++t->n_losses > LOSSES_MAX)
        return engine_fail(e, ERR_AGAIN,
                           "%s: what was written is not there: somebody else writes it, too",
                           e->job->zone);
    t->reads_back = false;
    t->task.at = SETS_BEGIN;
    *e->wish = (struct dns_wish){.kind = DNS_WISH_SLEEP, .sleep_ms = t->n_losses * LOSS_PAUSE_MS};
    return TASK_WISH;
}

static enum task_status sets_look(struct engine *e, struct sets_task *t)
{
    size_t n_left = 0;
    for (size_t i = 0; i < t->n; i++) {
        if (group_is_done(&t->groups[i]))
            continue;
        group_enter(e, &t->groups[i]);
        rrset_look(e, &t->groups[i],
                   t->by_name ? json_find(e->tree, "read") : batch_call(e, "read"), t->pages[i],
                   &t->sets[i]);
        if (t->sets[i].changes)
            n_left++;
        else
            group_done(&t->groups[i]);
    }
    if (n_left == 0)
        return TASK_DONE;
    return t->reads_back ? sets_lost(e, t) : sets_write(e, t);
}

static bool any_left(const struct sets_task *t, size_t from)
{
    for (size_t i = from; i < t->n; i++)
        if (!group_is_done(&t->groups[i]))
            return true;
    return false;
}

/* Refused, or in conflict again and again: name by name it will show which of them. */
static enum task_status sets_written(struct engine *e, struct sets_task *t)
{
    if (t->asked->outcome == OUTCOME_CONFLICT)
        return ++t->n_conflicts > CONFLICTS_MAX ? TASK_DONE : sets_read(e, t);
    if (t->asked->outcome != OUTCOME_OK)
        return TASK_DONE;
    for (size_t i = 0; i < t->n_in_call; i++)
        if (!write_is_blind(e, t->asked->call, t->in_call[i]))
            group_done(t->in_call[i]);
    if (any_left(t, t->next_write))
        return sets_write(e, t);
    if (!any_left(t, 0))
        return TASK_DONE;
    t->reads_back = true;
    return sets_read(e, t);
}

static enum task_status sets_run(struct engine *e, struct task *task,
                                 const struct dns_answer *answer)
{
    struct sets_task *t = (struct sets_task *)task;
    (void)answer;
    switch (task->at) {
    case SETS_LISTED:
        return sets_listed(e, t);
    case SETS_ONE_READ:
        t->pages[t->next_read++] = t->asked->outcome == OUTCOME_OK ? t->asked->pages : NULL;
        return one_read(e, t);
    case SETS_WRITTEN:
        return sets_written(e, t);
    }
    return sets_read(e, t);
}

void batch_rrset_push(struct engine *e, struct owner_group *groups, size_t n)
{
    struct sets_task *t = arena_alloc(e->arena, sizeof *t);
    t->groups = groups;
    t->n = n;
    t->pages = arena_alloc(e->arena, n * sizeof(*t->pages));
    t->sets = arena_alloc(e->arena, n * sizeof(*t->sets));
    t->in_call = arena_alloc(e->arena, n * sizeof(*t->in_call));
    engine_push(e, &t->task, sets_run);
}
