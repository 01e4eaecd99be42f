#include "inventory/register_inside.h"

#include "inventory/held_chain.h"

/* What the store has for a set, by name. */
struct kept {
    char *name, *want;
    bool removed, is_wanted;
    int64_t done_id; /* of a deployment: the certificate that is in place; 0: none */
};
struct kept_list {
    struct kept *items;
    size_t n;
};

static void kept_fini(struct kept_list *list)
{
    for (size_t i = 0; i < list->n; i++) {
        mem_free(list->items[i].name);
        mem_free(list->items[i].want);
    }
    mem_free(list->items);
}

/* name, want and, with deployments, whether it was removed and what is in place. */
static bool kept_load(const struct settling *s, enum sql_name statement, bool has_removed,
                      struct kept_list *list, struct err *err)
{
    struct rows rows;
    if (!store_query(s->house->store, &rows, err, statement, "t", s->set->name))
        return false;
    while (rows_next(&rows)) {
        list->items = mem_grow(list->items, list->n, list->n + 1, sizeof *list->items);
        list->items[list->n++] =
            (struct kept){mem_strdup(rows_text(&rows, 0)), mem_strdup(rows_text(&rows, 1)),
                          has_removed && rows_int(&rows, 2) != 0, false,
                          has_removed && !rows_is_null(&rows, 3) ? rows_int(&rows, 3) : 0};
    }
    return rows_end(&rows, err);
}

static struct kept *kept_find(struct kept_list *list, const char *name)
{
    for (size_t i = 0; i < list->n; i++)
        if (strcmp(list->items[i].name, name) == 0)
            return &list->items[i];
    return NULL;
}

static bool path_is_taken(const struct settling *s, const char *path)
{
    for (size_t i = 0; i < s->taken.n; i++)
        if (strcmp(s->taken.texts[i], path) == 0)
            return true;
    return false;
}

/* Where an earlier certificate is in place the newer one is due anyway, with its own chain. */
static bool is_in_place(const struct settling *s, const struct deploy_config *d,
                        const struct kept *kept)
{
    if (kept->done_id != s->certificate->id)
        return delivery_print_has(kept->want, d);
    AUTO(mem_fini)
    char *print = delivery_print(d, s->certificate);
    return strcmp(kept->want, print) == 0;
}

/* Due when it is new, came back, or other settings or another chain are in place than are wanted. */
static bool deployment_follow(const struct settling *s, const struct deploy_config *d,
                              struct kept *kept, struct err *err)
{
    if (kept != NULL)
        kept->is_wanted = true;
    if (kept != NULL && !kept->removed && (s->certificate == NULL || is_in_place(s, d, kept)))
        return true;
    return store_run(s->house->store, NULL, err, SQL_SET_DEPLOYMENT_PUT, "ttii", s->set->name,
                     d->target, s->certificate != NULL ? s->certificate->id : INT64_C(0),
                     s->now_ms);
}

bool deployments_follow(const struct settling *s, struct err *err)
{
    AUTO(kept_fini)
    struct kept_list list = {0};
    if (!kept_load(s, SQL_SET_DEPLOYMENTS, true, &list, err))
        return false;
    for (size_t i = 0; i < s->set->n_deploys; i++) {
        const struct deploy_config *d = &s->set->deploys[i];
        if (!path_is_taken(s, d->dir) && !deployment_follow(s, d, kept_find(&list, d->target), err))
            return false;
    }
    for (size_t i = 0; i < list.n; i++)
        if (!list.items[i].is_wanted && !list.items[i].removed &&
            !store_run(s->house->store, NULL, err, SQL_SET_DEPLOYMENT_DROP, "tti", s->set->name,
                       list.items[i].name, s->now_ms))
            return false;
    return true;
}

static bool endpoint_follow(const struct settling *s, const struct endpoint_config *e,
                            struct kept *kept, struct err *err)
{
    if (kept != NULL)
        kept->is_wanted = true;
    if (kept != NULL && strcmp(kept->want, e->want) == 0)
        return true;
    return store_run(s->house->store, NULL, err, SQL_SET_ENDPOINT_PUT, "ttti", s->set->name,
                     e->text, e->want, s->certificate != NULL ? s->now_ms : INT64_C(0));
}

bool endpoints_follow(const struct settling *s, struct err *err)
{
    AUTO(kept_fini)
    struct kept_list list = {0};
    if (!kept_load(s, SQL_SET_ENDPOINTS, false, &list, err))
        return false;
    for (size_t i = 0; i < s->set->n_endpoints; i++) {
        const struct endpoint_config *e = &s->set->endpoints[i];
        if (!endpoint_follow(s, e, kept_find(&list, e->text), err))
            return false;
    }
    for (size_t i = 0; i < list.n; i++)
        if (!list.items[i].is_wanted &&
            !store_run(s->house->store, NULL, err, SQL_SET_ENDPOINT_DROP, "tt", s->set->name,
                       list.items[i].name))
            return false;
    return true;
}
