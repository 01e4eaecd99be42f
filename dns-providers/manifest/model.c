#include "dns-providers/manifest/engine.h"

#include "dns-providers/manifest/model.h"

/* ---- values ---- */

/* Quotes, split strings, escapes and blanks around are the servers' ways of writing, not part of a value. */
static char *txt_normal(const char *text)
{
    struct arena *arena = arena_new();
    struct scope scope = {.name = "v", .value = value_of_cstr(arena, text)};
    unsigned char none[32] = {0};
    struct template_context context = {.scope = &scope, .arena = arena, .random = none};
    const struct veiled *made = NULL;
    CHECK(template_text(&context, "{v|unquote}", &made, NULL));
    struct str plain = veiled_plain(made);
    char *copy = mem_strndup(plain.p, plain.len);
    arena_free(arena);
    return copy;
}

bool txt_equal(const char *a, const char *b)
{
    AUTO(mem_fini)
    char *x = txt_normal(a);
    AUTO(mem_fini)
    char *y = txt_normal(b);
    return strcmp(x, y) == 0;
}

/* ---- the owner ---- */

static int64_t ttl_steps(const struct json *spec, int64_t ttl_s)
{
    const struct json *steps = json_find(spec, "steps");
    for (size_t i = 0; i < json_len(steps); i++)
        if (json_as_int(json_at(steps, i), 0) >= ttl_s)
            return json_as_int(json_at(steps, i), ttl_s);
    return json_len(steps) > 0 ? json_as_int(json_at(steps, json_len(steps) - 1), ttl_s) : ttl_s;
}

/* What the zone or the service does not take is brought to what it does. */
static int64_t ttl_fit(struct engine *e, int64_t ttl_s)
{
    const struct json *spec = json_find(e->tree, "ttl");
    struct template_context context = engine_context(e);
    const char *least = json_text(spec, "min");
    int64_t min_s = json_int(spec, "min", 0), max_s = json_int(spec, "max", INT32_MAX);
    struct value value = {0};
    if (least != NULL && template_value(&context, least, &value, NULL)) {
        const char *text = value_plain(e->arena, &value);
        if (text == NULL || !str_to_i64(str_of(text), &min_s))
            min_s = 0;
    }
    if (json_bool(spec, "fixed", false))
        ttl_s = json_int(spec, "default", ttl_s);
    ttl_s = ttl_s < min_s ? min_s : ttl_s > max_s ? max_s : ttl_s;
    ttl_s = ttl_steps(spec, ttl_s);
    const char *unit = json_text(spec, "unit");
    return unit != NULL && strcmp(unit, "m") == 0 ? (ttl_s + 59) / 60 : ttl_s;
}

void engine_set_owner(struct engine *e, const char *owner, uint32_t ttl_s)
{
    const char *zone = e->zone != NULL ? json_text(e->zone, "name") : e->job->zone;
    size_t whole = strlen(owner), len = strlen(zone);
    bool is_inside = whole > len && owner[whole - len - 1] == '.' &&
                     str_eq_nocase(str_of(owner + whole - len), str_of(zone));
    const char *dot = strchr(owner, '.');
    e->name = json_in_arena(e->arena, json_object());
    json_set_text(e->name, "fqdn", owner);
    json_set_str(e->name, "rel", is_inside ? str_mem(owner, whole - len - 1) : STR(""));
    json_set_text(e->name, "domain", owner[0] == '_' && dot != NULL ? dot + 1 : owner);
    e->ttl_s = ttl_fit(e, ttl_s);
}

/* ---- owners, one after the other ---- */

static struct owner_group *group_of(struct owner_group *groups, size_t n, const char *owner)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(groups[i].owner, owner) == 0)
            return &groups[i];
    return NULL;
}

static size_t groups_make(struct engine *e, struct owner_group **ret)
{
    struct dns_job *job = e->job;
    struct owner_group *groups = arena_alloc(e->arena, job->n_records * sizeof(*groups));
    size_t n = 0;
    for (size_t i = 0; i < job->n_records; i++) {
        struct owner_group *group = group_of(groups, n, job->records[i].owner);
        if (group == NULL) {
            group = &groups[n++];
            group->owner = job->records[i].owner;
            group->records = arena_alloc(e->arena, job->n_records * sizeof(*group->records));
        }
        group->records[group->n++] = &job->records[i];
    }
    *ret = groups;
    return n;
}

bool group_is_done(const struct owner_group *group)
{
    for (size_t i = 0; i < group->n; i++)
        if (!group->records[i]->done)
            return false;
    return true;
}

bool group_adds(const struct owner_group *group)
{
    for (size_t i = 0; i < group->n; i++)
        if (group->records[i]->present)
            return true;
    return false;
}

void group_enter(struct engine *e, const struct owner_group *group)
{
    engine_set_owner(e, group->owner, group->records[0]->ttl_s);
    e->txt = group->records[0]->value;
}

/* ---- models ---- */

static const struct model *const models[] = {&model_record, &model_value, &model_rrset,
                                             &model_document, &model_single};

const struct model *model_find(const char *name)
{
    for (size_t i = 0; name != NULL && i < sizeof models / sizeof models[0]; i++)
        if (strcmp(models[i]->name, name) == 0)
            return models[i];
    return NULL;
}

const char *model_names(void)
{
    return "record, value, rrset, document, single";
}

/* ---- the job ---- */

enum { MODELS_BEGIN, MODELS_GROUPS };

struct models_task {
    struct task task;
    struct owner_group *groups;
    size_t n, next;
    const struct model *model;
    bool after; /* its steps were pushed */
};

static bool afters_push(struct engine *e, struct models_task *t)
{
    bool adds = false, removes = false;
    for (size_t i = 0; i < e->job->n_records; i++) {
        adds = adds || e->job->records[i].present;
        removes = removes || !e->job->records[i].present;
    }
    bool is_due = !t->after;
    t->after = true;
    bool is_pushed = is_due && after_push(e, adds, removes);
    /* What is written is served only when these steps are done; when they fail the next job looks for what stands. */
    for (size_t i = 0; i < e->job->n_records; i++)
        e->job->records[i].done = !is_pushed;
    return is_pushed;
}

/* What a batch has done is not done again. */
static enum task_status models_next(struct engine *e, struct models_task *t)
{
    while (t->next < t->n && (t->model->push == NULL || group_is_done(&t->groups[t->next])))
        t->next++;
    if (t->next == t->n)
        return afters_push(e, t) ? TASK_PUSHED : TASK_DONE;
    struct owner_group *group = &t->groups[t->next++];
    engine_set_owner(e, group->owner, group->records[0]->ttl_s);
    t->model->push(e, group);
    return TASK_PUSHED;
}

static enum task_status models_run(struct engine *e, struct task *task,
                                   const struct dns_answer *answer)
{
    struct models_task *t = (struct models_task *)task;
    (void)answer;
    if (task->at == MODELS_GROUPS)
        return models_next(e, t);
    task->at = MODELS_GROUPS;
    if (t->model->push_all != NULL) {
        t->model->push_all(e, t->groups, t->n);
        return TASK_PUSHED;
    }
    return batch_push(e, t->model, t->groups, t->n) ? TASK_PUSHED : models_next(e, t);
}

void models_push(struct engine *e)
{
    struct models_task *t = arena_alloc(e->arena, sizeof *t);
    t->n = groups_make(e, &t->groups);
    t->model = model_find(json_text(e->tree, "model"));
    engine_push(e, &t->task, models_run);
}
