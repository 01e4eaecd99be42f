#include "dns-providers/manifest/engine.h"

/*
 * The host knows the zone by asking the DNS (job->zone); what is found here is how the API names it. Where both disagree - a child zone
 * that was delegated elsewhere, a zone that is in the account but not delegated to it - the record would not be seen, and that is said
 * instead of tried.
 */

enum { ZONE_BEGINS, ZONE_LISTED, ZONE_PROBES, ZONE_PROBED };

struct zone_task {
    struct task task;
    const struct json *spec;
    struct call_task *asked;
};

static enum task_status zone_settle(struct engine *e, const char *name)
{
    if (json_as_text(json_find(e->zone, "name")) == NULL)
        json_remove(e->zone, "name");
    if (json_find(e->zone, "name") == NULL)
        json_set_text(e->zone, "name", name);
    if (json_find(e->zone, "id") == NULL)
        json_set_text(e->zone, "id", name);
    const char *found = json_text(e->zone, "name");
    size_t len = strlen(found);
    if (len > 0 && found[len - 1] == '.')
        json_set_str(e->zone, "name", str_mem(found, len - 1));
    found = json_text(e->zone, "name");
    if (str_eq_nocase(str_of(found), str_of(e->job->zone)))
        return TASK_DONE;
    return engine_fail(e, ERR_CONFIG,
                       "the DNS says that %s is in zone %s, but the account's zone is %s: what is "
                       "written there would not be seen",
                       json_text(e->name, "fqdn"), e->job->zone, found);
}

/* hit, id, name, keep and ready of one answer or element; false: this is not it. */
static bool zone_take(struct engine *e, const struct json *spec, const struct json *tree,
                      enum task_status *ret)
{
    const char *hit = json_text(spec, "hit");
    const struct json *keep = json_find(spec, "keep"), *pick, *ready = json_find(spec, "ready");
    struct value value = value_of_json(hit != NULL ? pointer_find(tree, hit) : tree);
    struct template_context context = engine_context(e);
    const char *name;
    void *position = NULL;
    bool is_ready = true;
    struct err err = {0};
    *ret = TASK_DONE;
    if (value_is_empty(&value))
        return false;
    static const char *const own[] = {"id", "name"};
    for (size_t i = 0; i < 2; i++) {
        const struct json *found = json_find(spec, own[i]) != NULL
                                       ? pick_find(e, json_find(spec, own[i]), tree, NULL)
                                       : NULL;
        if (found != NULL)
            json_set(e->zone, own[i], json_copy(found));
    }
    while (json_next(keep, &position, &name, &pick)) {
        const struct json *found = pick_find(e, pick, tree, NULL);
        if (found != NULL)
            json_set(e->zone, name, json_copy(found));
    }
    if (ready != NULL && !cond_holds(&context, ready, tree, &is_ready, &err))
        *ret = engine_fail_with(e, &err);
    else if (!is_ready)
        *ret = engine_fail(e, ERR_AGAIN, "the zone is not ready yet");
    return true;
}

/* ---- probing ---- */

static enum task_status zone_probe(struct engine *e, struct zone_task *t)
{
    json_set_text(e->zone, "candidate", e->job->zone);
    t->task.at = ZONE_PROBED;
    t->asked = call_push(e, json_find(t->spec, "call"));
    return TASK_PUSHED;
}

static enum task_status zone_probed(struct engine *e, struct zone_task *t)
{
    enum task_status status;
    if (t->asked->outcome == OUTCOME_OK && zone_take(e, t->spec, t->asked->answer, &status))
        return status == TASK_DONE ? zone_settle(e, e->job->zone) : status;
    return engine_fail(e, ERR_CONFIG,
                       "the account has no zone %s: see whether it is the right account, and "
                       "whether the credentials may see the zone",
                       e->job->zone);
}

/* ---- listing: the longest that is a suffix of the name ---- */

struct longest {
    struct engine *engine;
    const struct json *spec;
    const char *fqdn;
    size_t len;
    const struct json *element, *twin; /* another one of that name */
    const char *name;
};

static bool is_other(struct engine *e, const struct json *id, const struct json *a,
                     const struct json *b)
{
    const struct json *x = pick_find(e, id, a, NULL), *y = pick_find(e, id, b, NULL);
    return x != NULL && y != NULL && !json_equal(x, y);
}

static bool is_suffix(const char *name, const char *zone, size_t len)
{
    size_t whole = strlen(name);
    return whole >= len && str_eq_nocase(str_mem(name + whole - len, len), str_mem(zone, len)) &&
           (whole == len || name[whole - len - 1] == '.');
}

static bool longest_look(void *arg, const struct json *element)
{
    struct longest *l = arg;
    const struct json *where = json_find(l->spec, "where");
    const struct json *found = pick_find(l->engine, json_find(l->spec, "name"), element, NULL);
    const char *name = json_as_text(found);
    size_t len = name != NULL ? strlen(name) : 0;
    if (len > 0 && name[len - 1] == '.')
        len--;
    if (len == 0 || len < l->len || !is_suffix(l->fqdn, name, len) ||
        (where != NULL && !where_fits(l->engine, where, element)))
        return true;
    if (len == l->len) {
        if (is_other(l->engine, json_find(l->spec, "id"), l->element, element))
            l->twin = element;
        return true;
    }
    l->twin = NULL;
    l->len = len;
    l->element = element;
    l->name = arena_strndup(l->engine->arena, name, len);
    return true;
}

static enum task_status zone_listed(struct engine *e, struct zone_task *t)
{
    struct longest l = {.engine = e, .spec = t->spec, .fqdn = json_text(e->name, "fqdn")};
    const char *items = json_text(t->spec, "items");
    enum task_status status;
    AUTO(mem_fini)
    char *each = mem_printf("/*%s/*", items != NULL ? items : "");
    pointer_each(t->asked->pages, each, longest_look, &l);
    if (l.element == NULL)
        return engine_fail(e, ERR_CONFIG, "none of the zones the credentials show holds %s",
                           l.fqdn);
    if (l.twin != NULL)
        return engine_fail(e, ERR_CONFIG,
                           "the account has more than one zone %s: the configuration must say "
                           "which is meant, by its id",
                           l.name);
    if (!zone_take(e, t->spec, l.element, &status))
        return engine_fail(e, ERR_BROKEN, "the list of zones cannot be understood");
    return status == TASK_DONE ? zone_settle(e, l.name) : status;
}

/* ---- the task ---- */

static enum task_status zone_begin(struct engine *e, struct zone_task *t)
{
    const char *by = json_text(t->spec, "by"), *pinned = json_text(t->spec, "pinned");
    struct template_context context = engine_context(e);
    struct value value = {0};
    struct err err = {0};
    if (pinned != NULL && template_value(&context, pinned, &value, NULL) &&
        !value_is_empty(&value)) {
        json_set_text(e->zone, "id", value_plain(e->arena, &value));
        return zone_settle(e, e->job->zone);
    }
    if (strcmp(by, "soa") == 0 || strcmp(by, "server") == 0 || strcmp(by, "option") == 0) {
        /* `option` without its value is refused when the configuration is checked. */
        return zone_settle(e, e->job->zone);
    }
    if (strcmp(by, "map") == 0) {
        if (!template_value(&context, json_text(t->spec, "id"), &value, &err))
            return engine_fail_with(e, &err);
        json_set_text(e->zone, "id", value_plain(e->arena, &value));
        return zone_settle(e, e->job->zone);
    }
    if (strcmp(by, "probe") == 0)
        return zone_probe(e, t);
    json_set_text(e->zone, "candidate", e->job->zone);
    t->task.at = ZONE_LISTED;
    t->asked = call_push(e, json_find(t->spec, "call"));
    return TASK_PUSHED;
}

static enum task_status zone_run(struct engine *e, struct task *task,
                                 const struct dns_answer *answer)
{
    struct zone_task *t = (struct zone_task *)task;
    enum task_status status;
    (void)answer;
    if (task->at == ZONE_BEGINS)
        return zone_begin(e, t);
    if (task->at == ZONE_PROBED)
        return zone_probed(e, t);
    if (strcmp(json_text(t->spec, "by"), "list") == 0)
        return zone_listed(e, t);
    /* query: the server says which zone owns the name */
    if (t->asked->outcome != OUTCOME_OK || !zone_take(e, t->spec, t->asked->answer, &status))
        return engine_fail(e, ERR_CONFIG, "the account has no zone for %s",
                           json_text(e->name, "fqdn"));
    return status == TASK_DONE ? zone_settle(e, e->job->zone) : status;
}

void zone_push(struct engine *e)
{
    struct zone_task *t = arena_alloc(e->arena, sizeof *t);
    t->spec = json_find(e->tree, "zone");
    e->zone = json_in_arena(e->arena, json_object());
    engine_push(e, &t->task, zone_run);
}
