#include "dns-providers/manifest/model.h"

/*
 * read, edit, write. Each element of the set is kept as {text, raw}: what is not ours is written back as it was read (raw), never in our own
 * quoting. Nothing is written when nothing changes, and a set is cleared only when none is left - by what was read a moment ago.
 */

enum { RRSET_BEGINS, RRSET_READ, RRSET_WRITTEN };

struct rrset_task {
    struct task task;
    struct owner_group *group;
    struct call_task *asked;
    int n_conflicts;
};

struct reading {
    struct engine *engine;
    const struct json *spec; /* {items, where, each, text, ttl} */
    struct json *list;
    int64_t ttl_s; /* of the set as it is; 0: not told */
};

static bool element_take(void *arg, const struct json *element)
{
    struct reading *r = arg;
    const char *text = json_text(r->spec, "text");
    struct value value = value_of_json(text != NULL ? pointer_find(element, text) : element);
    const char *plain = value.kind != VALUE_NONE ? value_plain(r->engine->arena, &value) : NULL;
    if (plain == NULL)
        return true;
    struct json *item = json_set_text(json_object(), "text", plain);
    json_push(r->list, json_set(item, "raw", json_copy(element)));
    return true;
}

static bool set_take(void *arg, const struct json *set)
{
    struct reading *r = arg;
    const struct json *where = json_find(r->spec, "where");
    const char *ttl = json_text(r->spec, "ttl");
    if (where != NULL && !where_fits(r->engine, where, set))
        return true;
    if (ttl != NULL)
        r->ttl_s = json_as_int(pointer_find(set, ttl), 0);
    pointer_each(set, json_text(r->spec, "each"), element_take, r);
    return true;
}

static struct json *values_read(struct engine *e, const struct call_task *asked, int64_t *ret_ttl_s)
{
    const struct json *read = call_resolve(e, json_find(e->tree, "read"));
    struct reading r = {
        .engine = e,
        .spec = json_find(read, "values"),
        .list = json_in_arena(e->arena, json_array()),
    };
    const char *items = json_text(r.spec, "items");
    AUTO(mem_fini)
    char *each = items != NULL ? mem_printf("/*%s/*", items) : mem_strdup("/*");
    if (asked->outcome == OUTCOME_OK)
        pointer_each(asked->pages, each, set_take, &r);
    *ret_ttl_s = r.ttl_s;
    return r.list;
}

static bool holds(const struct json *list, const char *value)
{
    for (size_t i = 0; i < json_len(list); i++)
        if (txt_equal(json_text(json_at(list, i), "text"), value))
            return true;
    return false;
}

static bool is_unwanted(const struct owner_group *group, const char *text)
{
    bool is = false;
    for (size_t i = 0; i < group->n; i++) {
        bool same = txt_equal(group->records[i]->value, text);
        is = same ? !group->records[i]->present : is;
    }
    return is;
}

/* The set as it shall be; *ret_changed tells whether it differs from what is there. */
static struct json *values_edit(struct engine *e, const struct owner_group *group,
                                const struct json *old, bool *ret_changed)
{
    struct json *list = json_in_arena(e->arena, json_array());
    *ret_changed = false;
    for (size_t i = 0; i < json_len(old); i++) {
        if (is_unwanted(group, json_text(json_at(old, i), "text")))
            *ret_changed = true;
        else
            json_push(list, json_copy(json_at(old, i)));
    }
    for (size_t i = 0; i < group->n; i++) {
        const struct dns_job_record *record = group->records[i];
        if (!record->present || holds(list, record->value))
            continue;
        json_push(list, json_set_text(json_object(), "text", record->value));
        *ret_changed = true;
    }
    return list;
}

static bool has_foreign(const struct owner_group *group, const struct json *values)
{
    for (size_t i = 0; i < json_len(values); i++) {
        bool is_ours = false;
        for (size_t j = 0; j < group->n; j++)
            is_ours = is_ours ||
                      txt_equal(group->records[j]->value, json_text(json_at(values, i), "text"));
        if (!is_ours)
            return true;
    }
    return false;
}

static enum task_status rrset_over(struct rrset_task *t)
{
    for (size_t i = 0; i < t->group->n; i++)
        t->group->records[i]->done = true;
    return TASK_DONE;
}

static enum task_status rrset_edit(struct engine *e, struct rrset_task *t)
{
    bool changed = false;
    const char *operation = "write";
    int64_t ttl_s = 0;
    e->old = values_read(e, t->asked, &ttl_s);
    struct json *values = values_edit(e, t->group, e->old, &changed);
    e->values = values;
    /* A set that holds values of others keeps its TTL: it is theirs as well. */
    if (ttl_s > 0 && has_foreign(t->group, values))
        e->ttl_s = ttl_s;
    if (!changed)
        return rrset_over(t);
    if (json_len(values) == 0 && json_find(e->tree, "clear") != NULL)
        operation = "clear";
    else if (json_len(e->old) == 0 && json_find(e->tree, "create") != NULL)
        operation = "create";
    t->task.at = RRSET_WRITTEN;
    t->asked = call_push(e, json_find(e->tree, operation));
    return TASK_PUSHED;
}

static enum task_status rrset_read(struct engine *e, struct rrset_task *t)
{
    e->txt = t->group->records[0]->value;
    t->task.at = RRSET_READ;
    t->asked = call_push(e, json_find(e->tree, "read"));
    return TASK_PUSHED;
}

/* Somebody else was faster: from what there is now. */
static enum task_status rrset_written(struct engine *e, struct rrset_task *t)
{
    if (t->asked->outcome != OUTCOME_CONFLICT)
        return rrset_over(t);
    if (++t->n_conflicts > CONFLICTS_MAX)
        return engine_fail(e, ERR_AGAIN, "%s: somebody else keeps changing its TXT records",
                           t->group->owner);
    return rrset_read(e, t);
}

static enum task_status rrset_run(struct engine *e, struct task *task,
                                  const struct dns_answer *answer)
{
    struct rrset_task *t = (struct rrset_task *)task;
    (void)answer;
    switch (task->at) {
    case RRSET_READ:
        return rrset_edit(e, t);
    case RRSET_WRITTEN:
        return rrset_written(e, t);
    }
    return rrset_read(e, t);
}

static void rrset_push(struct engine *e, struct owner_group *group)
{
    struct rrset_task *t = arena_alloc(e->arena, sizeof *t);
    t->group = group;
    engine_push(e, &t->task, rrset_run);
}

const struct model model_rrset = {"rrset", rrset_push};
