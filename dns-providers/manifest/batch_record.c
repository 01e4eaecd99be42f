#include "dns-providers/manifest/model.h"

/*
 * All records of a job: one list when some must be looked for first, then writes that hold both what is added and what is removed. What the
 * list does not settle is left to name by name: a record whose id is known and that the list does not show, for one.
 */

enum { RECORDS_BEGIN, RECORDS_LISTED, RECORDS_WRITTEN };

enum plan { PLAN_LEFT, PLAN_LOOKS, PLAN_ADDS, PLAN_REMOVES };

struct one {
    struct owner_group *group;
    struct dns_job_record *record;
    enum plan plan;
    struct json *found; /* array: what is to be removed; NULL: by value */
};
struct records_task {
    struct task task;
    struct one *ones;
    size_t n, next, from; /* from .. next are in the write under way */
    struct call_task *asked;
};

static const struct json *batch_of(const struct engine *e)
{
    return json_find(e->tree, "batch");
}

static void one_enter(struct engine *e, const struct one *one)
{
    group_enter(e, one->group);
    e->txt = one->record->value;
}

/* ---- the list ---- */

/* Where the server knows records by their value, nothing is looked for. */
static bool is_by_value(const struct engine *e)
{
    return strcmp(json_text(e->tree, "model"), "value") == 0;
}

static enum plan plan_first(const struct engine *e, const struct dns_job_record *record)
{
    bool has_list = json_find(batch_of(e), "find") != NULL;
    if (record->present && (is_by_value(e) || (!record->may_stand && record->ref == NULL)))
        return PLAN_ADDS;
    if (!record->present && (is_by_value(e) || json_bool(batch_of(e), "by_value", false)))
        return PLAN_REMOVES;
    return has_list ? PLAN_LOOKS : PLAN_LEFT;
}

static bool ref_is_in(struct engine *e, const struct dns_job_record *record,
                      const struct json *found)
{
    const struct json *ref = record_ref_read(e, record);
    for (size_t i = 0; ref != NULL && i < json_len(found); i++)
        if (json_equal(ref, json_at(found, i)))
            return true;
    return ref == NULL;
}

static void one_settle(struct engine *e, struct one *one, const struct json *pages)
{
    const struct json *find = call_resolve(e, json_find(batch_of(e), "find"));
    one_enter(e, one);
    one->found = record_matches(e, find, json_find(find, "items"), pages);
    size_t n = json_len(one->found);
    if (one->record->present && n > 0) {
        record_ref_keep(one->record, json_at(one->found, 0));
        one->record->done = true;
    }
    if (!one->record->present && n == 0)
        one->record->done = one->record->ref == NULL;
    bool is_shown = one->record->present || (n > 0 && ref_is_in(e, one->record, one->found));
    one->plan = one->record->done || !is_shown ? PLAN_LEFT
                : one->record->present         ? PLAN_ADDS
                                               : PLAN_REMOVES;
}

/* ---- writing ---- */

static void one_add(struct engine *e, const struct one *one, struct json *adds)
{
    one_enter(e, one);
    struct json *element = batch_element(e, one->group);
    json_push(adds, json_set_text(element, "txt", one->record->value));
}

static void one_remove(struct engine *e, const struct one *one, struct json *removes)
{
    size_t n = one->found != NULL ? json_len(one->found) : 1;
    for (size_t i = 0; i < n; i++) {
        struct json *element = batch_element(e, one->group);
        json_set_text(element, "txt", one->record->value);
        if (one->found != NULL)
            json_set(element, "rec", json_copy(json_at(one->found, i)));
        json_push(removes, element);
    }
}

static enum task_status records_write(struct engine *e, struct records_task *t)
{
    size_t most = (size_t)json_int(batch_of(e), "max", 100);
    struct json *adds = json_in_arena(e->arena, json_array());
    struct json *removes = json_in_arena(e->arena, json_array());
    t->from = t->next;
    for (; t->next < t->n; t->next++) {
        const struct one *one = &t->ones[t->next];
        size_t n_in = json_len(adds) + json_len(removes);
        size_t n_more = one->found != NULL ? json_len(one->found) : 1;
        if (n_in > 0 && n_in + n_more > most)
            break;
        if (one->plan == PLAN_ADDS)
            one_add(e, one, adds);
        else if (one->plan == PLAN_REMOVES)
            one_remove(e, one, removes);
    }
    if (json_len(adds) + json_len(removes) == 0)
        return TASK_DONE;
    e->adds = adds;
    e->removes = removes;
    t->task.at = RECORDS_WRITTEN;
    t->asked = call_push(e, json_find(batch_of(e), "write"));
    t->asked->may_be_refused = true;
    return TASK_PUSHED;
}

/* What was added is told with its id, in whatever order. */
static void one_written(struct engine *e, const struct records_task *t, struct one *one)
{
    const struct json *items = json_find(batch_of(e), "items");
    const struct json *find = json_find(batch_of(e), "find");
    if (one->plan == PLAN_LEFT)
        return;
    one->record->done = true;
    if (one->plan == PLAN_REMOVES) {
        mem_set_str(&one->record->ref, NULL);
        return;
    }
    if (items == NULL)
        return;
    one_enter(e, one);
    const struct json *told =
        record_matches(e, find != NULL ? find : json_find(e->tree, "find"), items, t->asked->pages);
    if (json_len(told) > 0)
        record_ref_keep(one->record, json_at(told, 0));
}

static enum task_status records_written(struct engine *e, struct records_task *t)
{
    if (t->asked->outcome != OUTCOME_OK)
        return TASK_DONE;
    for (size_t i = t->from; i < t->next; i++)
        one_written(e, t, &t->ones[i]);
    return records_write(e, t);
}

/* ---- the task ---- */

static enum task_status records_begin(struct engine *e, struct records_task *t)
{
    bool looks = false;
    for (size_t i = 0; i < t->n; i++) {
        t->ones[i].plan = plan_first(e, t->ones[i].record);
        looks = looks || t->ones[i].plan == PLAN_LOOKS;
    }
    if (!looks)
        return records_write(e, t);
    one_enter(e, &t->ones[0]);
    t->task.at = RECORDS_LISTED;
    t->asked = call_push(e, json_find(batch_of(e), "find"));
    t->asked->may_be_refused = true;
    return TASK_PUSHED;
}

static enum task_status records_listed(struct engine *e, struct records_task *t)
{
    bool is_known = t->asked->outcome != OUTCOME_REFUSED;
    const struct json *pages = t->asked->outcome == OUTCOME_OK ? t->asked->pages : NULL;
    for (size_t i = 0; i < t->n; i++) {
        if (t->ones[i].plan != PLAN_LOOKS)
            continue;
        if (is_known)
            one_settle(e, &t->ones[i], pages);
        else
            t->ones[i].plan = PLAN_LEFT;
    }
    return records_write(e, t);
}

static enum task_status records_run(struct engine *e, struct task *task,
                                    const struct dns_answer *answer)
{
    struct records_task *t = (struct records_task *)task;
    (void)answer;
    switch (task->at) {
    case RECORDS_LISTED:
        return records_listed(e, t);
    case RECORDS_WRITTEN:
        return records_written(e, t);
    }
    return records_begin(e, t);
}

void batch_record_push(struct engine *e, struct owner_group *groups, size_t n)
{
    struct records_task *t = arena_alloc(e->arena, sizeof *t);
    t->ones = arena_alloc(e->arena, e->job->n_records * sizeof(*t->ones));
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < groups[i].n; j++)
            t->ones[t->n++] = (struct one){.group = &groups[i], .record = groups[i].records[j]};
    engine_push(e, &t->task, records_run);
}
