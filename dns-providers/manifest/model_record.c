#include "dns-providers/manifest/model.h"

/*
 * A value is found before it is added whenever an earlier job may have added it: a lost reply, a crash. Then it is taken as it is. A value
 * is removed by its id, where one is known, and by what `find` shows otherwise: every match, because a value may have been added twice.
 */

enum { RECORD_NEXT, RECORD_FOUND, RECORD_ADDED, RECORD_REMOVED };

struct record_task {
    struct task task;
    struct owner_group *group;
    size_t i;
    struct call_task *asked;
    struct find_task *finding;
    struct json *found; /* array of what `find` saved, still to be removed */
    size_t n_removed;
    bool exists; /* the server said so, though we do not know its id */
};

/* ---- ref: the saved members as JSON, so that a later job has them all ---- */

void record_ref_keep(struct dns_job_record *record, const struct json *saved)
{
    AUTO(buf_fini)
    struct buf text = BUF(4096);
    if (json_len(saved) == 0)
        return;
    json_format(saved, &text, false);
    if (!text.overflow)
        mem_set_str(&record->ref, buf_cstr(&text));
}

struct json *record_ref_read(struct engine *e, const struct dns_job_record *record)
{
    struct json *tree = NULL;
    if (record->ref == NULL || !json_parse(str_of(record->ref), 4096, &tree, NULL))
        return NULL;
    json_in_arena(e->arena, tree);
    return json_is(tree, JSON_OBJECT) ? tree : NULL;
}

/* ---- finding ---- */

struct match {
    struct engine *engine;
    const struct json *save;
    const struct where *where;
    struct json *list;
};

static bool match_take(void *arg, const struct json *element)
{
    struct match *m = arg;
    const struct json *pick;
    const char *name;
    void *position = NULL;
    if (!where_holds(m->where, element))
        return true;
    struct json *saved = json_object();
    while (json_next(m->save, &position, &name, &pick)) {
        const struct json *value = pick_find(m->engine, pick, element, NULL);
        if (value != NULL)
            json_set(saved, name, json_copy(value));
    }
    json_push(m->list, saved);
    return true;
}

struct json *record_matches(struct engine *e, const struct json *find, const struct json *items,
                            const struct json *pages)
{
    const struct json *call = call_resolve(e, find);
    const char *at = json_as_text(items);
    struct match m = {e, json_find(call, "save"), where_make(e, json_find(call, "where")),
                      json_in_arena(e->arena, json_array())};
    AUTO(mem_fini)
    char *each = mem_printf("/*%s/*", at != NULL ? at : "");
    pointer_each(pages, each, match_take, &m);
    return m.list;
}

static enum task_status record_find(struct engine *e, struct record_task *t)
{
    t->task.at = RECORD_FOUND;
    t->finding = find_push(e);
    return TASK_PUSHED;
}

/* ---- one value ---- */

static enum task_status record_next(struct engine *e, struct record_task *t);

static enum task_status add_push(struct engine *e, struct record_task *t)
{
    t->task.at = RECORD_ADDED;
    t->asked = call_push(e, json_find(e->tree, "add"));
    return TASK_PUSHED;
}

static enum task_status remove_push(struct engine *e, struct record_task *t)
{
    t->task.at = RECORD_REMOVED;
    e->rec = json_in_arena(e->arena, json_copy(json_at(t->found, t->n_removed++)));
    t->asked = call_push(e, json_find(e->tree, "remove"));
    return TASK_PUSHED;
}

static enum task_status record_over(struct engine *e, struct record_task *t)
{
    t->group->records[t->i++]->done = true;
    t->task.at = RECORD_NEXT;
    return record_next(e, t);
}

static enum task_status record_next(struct engine *e, struct record_task *t)
{
    while (t->i < t->group->n && t->group->records[t->i]->done)
        t->i++;
    if (t->i == t->group->n)
        return TASK_DONE;
    struct dns_job_record *record = t->group->records[t->i];
    e->txt = record->value;
    e->rec = NULL;
    t->n_removed = 0;
    t->found = NULL;
    t->exists = false;
    if (record->present)
        return record->may_stand || record->ref != NULL ? record_find(e, t) : add_push(e, t);
    struct json *known = record_ref_read(e, record);
    if (known == NULL)
        return record_find(e, t);
    t->found = json_in_arena(e->arena, json_push(json_array(), json_copy(known)));
    return remove_push(e, t);
}

static enum task_status record_found(struct engine *e, struct record_task *t)
{
    struct dns_job_record *record = t->group->records[t->i];
    t->found = t->finding->found;
    t->n_removed = 0;
    if (record->present && json_len(t->found) == 0)
        return t->exists ? record_over(e, t) : add_push(e, t);
    if (record->present) {
        record_ref_keep(record, json_at(t->found, 0));
        return record_over(e, t);
    }
    return json_len(t->found) > 0 ? remove_push(e, t) : record_over(e, t);
}

/* An id that is gone says nothing of others that hold the value: it may have been added twice. */
static enum task_status record_removed(struct engine *e, struct record_task *t)
{
    struct dns_job_record *record = t->group->records[t->i];
    if (t->n_removed < json_len(t->found))
        return remove_push(e, t);
    bool was_known = record->ref != NULL;
    mem_set_str(&record->ref, NULL);
    if (was_known && (t->asked->outcome == OUTCOME_GONE || record->may_stand))
        return record_find(e, t);
    return record_over(e, t);
}

static enum task_status record_run(struct engine *e, struct task *task,
                                   const struct dns_answer *answer)
{
    struct record_task *t = (struct record_task *)task;
    (void)answer;
    switch (task->at) {
    case RECORD_FOUND:
        return record_found(e, t);
    case RECORD_ADDED:
        if (t->asked->outcome == OUTCOME_CONFLICT)
            return engine_fail(e, ERR_AGAIN, "%s: somebody else changes the zone", t->group->owner);
        t->exists = t->asked->outcome == OUTCOME_PRESENT;
        if (t->exists)
            return record_find(e, t);
        record_ref_keep(t->group->records[t->i], t->asked->saved);
        return record_over(e, t);
    case RECORD_REMOVED:
        return record_removed(e, t);
    }
    return record_next(e, t);
}

static void record_push(struct engine *e, struct owner_group *group)
{
    struct record_task *t = arena_alloc(e->arena, sizeof *t);
    t->group = group;
    engine_push(e, &t->task, record_run);
}

const struct model model_record = {
    .name = "record", .push = record_push, .needs = {"add", "find", "remove", NULL}};
