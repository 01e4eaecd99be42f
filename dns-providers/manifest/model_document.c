#include "dns-providers/manifest/model.h"

/*
 * read, edit, write of a whole list. What is not ours goes back as it was read, in its place; the same change is also told as what is added
 * and what is removed, for APIs that take it so. When the document changed meanwhile - a conflict, or what was written is not in it - it
 * is read again.
 */

enum { DOCUMENT_BEGINS, DOCUMENT_READ, DOCUMENT_WRITTEN, DOCUMENT_READ_BACK };

struct document_task {
    struct task task;
    struct owner_group *groups;
    size_t n;
    struct call_task *asked;
    int n_conflicts, n_losses;
};

static enum task_status document_read(struct engine *e, struct document_task *t, int at)
{
    group_enter(e, &t->groups[0]);
    t->task.at = at;
    t->asked = call_push(e, json_find(e->tree, "read"));
    return TASK_PUSHED;
}

/* ---- editing ---- */

struct editing {
    struct json *elements;
};

static bool element_take(void *arg, const struct json *element)
{
    struct editing *edit = arg;
    json_push(edit->elements, json_copy(element));
    return true;
}

static const struct json *elements_read(struct engine *e, const struct document_task *t)
{
    const struct json *read = call_resolve(e, json_find(e->tree, "read"));
    const char *items = json_text(read, "items");
    struct editing edit = {.elements = json_in_arena(e->arena, json_array())};
    AUTO(mem_fini)
    char *each = mem_printf("/*%s/*", items != NULL ? items : "");
    if (t->asked->outcome == OUTCOME_OK)
        pointer_each(t->asked->pages, each, element_take, &edit);
    return edit.elements;
}

/* Marks what is to go; true when the record is there. */
static bool record_look(struct engine *e, const struct owner_group *group,
                        const struct dns_job_record *record, const struct json *elements,
                        bool *goes, struct json *removes)
{
    const struct json *read = call_resolve(e, json_find(e->tree, "read"));
    bool is_there = false;
    e->txt = record->value;
    const struct where *where = where_make(e, json_find(read, "where"));
    for (size_t i = 0; i < json_len(elements); i++) {
        if (goes[i] || !where_holds(where, json_at(elements, i)))
            continue;
        is_there = true;
        if (record->present)
            break;
        goes[i] = true;
        struct json *element = batch_element(e, group);
        json_set_text(element, "txt", record->value);
        json_push(removes, json_set(element, "rec", json_copy(json_at(elements, i))));
        e->txt = record->value;
    }
    return is_there;
}

static void document_edit(struct engine *e, const struct document_task *t)
{
    const struct json *elements = elements_read(e, t);
    struct json *adds = json_in_arena(e->arena, json_array());
    struct json *removes = json_in_arena(e->arena, json_array());
    struct json *items = json_in_arena(e->arena, json_array());
    bool *goes = arena_alloc(e->arena, json_len(elements) * sizeof(bool) + 1);
    for (size_t i = 0; i < t->n; i++) {
        const struct owner_group *group = &t->groups[i];
        group_enter(e, group);
        for (size_t j = 0; j < group->n; j++) {
            const struct dns_job_record *record = group->records[j];
            bool is_there = record_look(e, group, record, elements, goes, removes);
            if (record->present && !is_there)
                json_push(adds, json_set_text(batch_element(e, group), "txt", record->value));
        }
    }
    for (size_t i = 0; i < json_len(elements); i++)
        if (!goes[i])
            json_push(items, json_set(json_object(), "raw", json_copy(json_at(elements, i))));
    for (size_t i = 0; i < json_len(adds); i++)
        json_push(items, json_copy(json_at(adds, i)));
    e->adds = adds;
    e->removes = removes;
    e->items = items;
}

/* ---- the task ---- */

static enum task_status document_over(struct engine *e)
{
    for (size_t i = 0; i < e->job->n_records; i++)
        e->job->records[i].done = true;
    return TASK_DONE;
}

static enum task_status document_lost(struct engine *e, struct document_task *t)
{
    if (++t->n_losses > LOSSES_MAX)
        return engine_fail(e, ERR_AGAIN,
                           "%s: what was written is not there: somebody else writes the zone, too",
                           e->job->zone);
    t->task.at = DOCUMENT_BEGINS;
    *e->wish = (struct dns_wish){.kind = DNS_WISH_SLEEP, .sleep_ms = t->n_losses * LOSS_PAUSE_MS};
    return TASK_WISH;
}

static enum task_status document_write(struct engine *e, struct document_task *t)
{
    document_edit(e, t);
    if (json_len(e->adds) + json_len(e->removes) == 0)
        return document_over(e);
    if (t->task.at == DOCUMENT_READ_BACK)
        return document_lost(e, t);
    t->task.at = DOCUMENT_WRITTEN;
    t->asked = call_push(e, json_find(e->tree, "write"));
    return TASK_PUSHED;
}

static enum task_status document_written(struct engine *e, struct document_task *t)
{
    bool is_blind = false;
    if (t->asked->outcome == OUTCOME_CONFLICT) {
        if (++t->n_conflicts > CONFLICTS_MAX)
            return engine_fail(e, ERR_AGAIN, "%s: somebody else keeps changing the zone",
                               e->job->zone);
        return document_read(e, t, DOCUMENT_READ);
    }
    for (size_t i = 0; i < t->n; i++)
        is_blind = is_blind || write_is_blind(e, t->asked->call, &t->groups[i]);
    return is_blind ? document_read(e, t, DOCUMENT_READ_BACK) : document_over(e);
}

static enum task_status document_run(struct engine *e, struct task *task,
                                     const struct dns_answer *answer)
{
    struct document_task *t = (struct document_task *)task;
    (void)answer;
    switch (task->at) {
    case DOCUMENT_READ:
    case DOCUMENT_READ_BACK:
        return document_write(e, t);
    case DOCUMENT_WRITTEN:
        return document_written(e, t);
    }
    return document_read(e, t, DOCUMENT_READ);
}

static void document_push(struct engine *e, struct owner_group *groups, size_t n)
{
    struct document_task *t = arena_alloc(e->arena, sizeof *t);
    t->groups = groups;
    t->n = n;
    engine_push(e, &t->task, document_run);
}

const struct model model_document = {
    .name = "document", .push_all = document_push, .needs = {"read", "write", NULL}};
