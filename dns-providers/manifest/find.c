#include "dns-providers/manifest/model.h"

/*
 * Some servers list records, some only their ids. With `each` every element of the list is asked for by a call of its own, and the answer
 * stands where the element stood.
 */

enum { FIND_BEGINS, FIND_LISTED, FIND_ASKED };

static bool id_take(void *arg, const struct json *element)
{
    json_push(arg, json_copy(element));
    return true;
}

static enum task_status find_next(struct engine *e, struct find_task *t, const struct json *find)
{
    e->item = NULL;
    if (t->next == json_len(t->ids)) {
        struct json *pages = json_in_arena(e->arena, json_array());
        t->found = record_matches(e, find, NULL, json_push(pages, json_copy(t->answers)));
        return TASK_DONE;
    }
    e->item = json_at(t->ids, t->next++);
    t->task.at = FIND_ASKED;
    t->asked = call_push(e, json_find(find, "each"));
    return TASK_PUSHED;
}

static enum task_status find_listed(struct engine *e, struct find_task *t, const struct json *find)
{
    const char *items = json_text(find, "items");
    const struct json *each = json_find(find, "each");
    AUTO(mem_fini)
    char *where = mem_printf("/*%s/*", items != NULL ? items : "");
    if (t->asked->outcome != OUTCOME_OK)
        return TASK_DONE;
    if (each == NULL) {
        t->found = record_matches(e, find, json_find(find, "items"), t->asked->pages);
        return TASK_DONE;
    }
    struct json *ids = json_in_arena(e->arena, json_array());
    pointer_each(t->asked->pages, where, id_take, ids);
    if (json_len(ids) > FIND_EACH_MAX)
        return engine_fail(e, ERR_REFUSED,
                           "%s: %zu records would have to be looked at one by one; at most %d are",
                           json_text(e->name, "fqdn"), json_len(ids), FIND_EACH_MAX);
    t->ids = ids;
    return find_next(e, t, find);
}

/* What went away between the list and the look is none. */
static enum task_status find_asked(struct engine *e, struct find_task *t, const struct json *find)
{
    if (t->asked->outcome == OUTCOME_OK && t->asked->answer != NULL)
        json_push(t->answers, json_copy(t->asked->answer));
    return find_next(e, t, find);
}

static enum task_status find_run(struct engine *e, struct task *task,
                                 const struct dns_answer *answer)
{
    struct find_task *t = (struct find_task *)task;
    const struct json *find = call_resolve(e, json_find(e->tree, "find"));
    (void)answer;
    switch (task->at) {
    case FIND_LISTED:
        return find_listed(e, t, find);
    case FIND_ASKED:
        return find_asked(e, t, find);
    }
    task->at = FIND_LISTED;
    t->asked = call_push(e, find);
    return TASK_PUSHED;
}

struct find_task *find_push(struct engine *e)
{
    struct find_task *t = arena_alloc(e->arena, sizeof *t);
    t->found = json_in_arena(e->arena, json_array());
    t->answers = json_in_arena(e->arena, json_array());
    engine_push(e, &t->task, find_run);
    return t;
}
