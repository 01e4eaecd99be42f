#include "dns-providers/manifest/model.h"

/* Each element of a set is kept as {text, raw}: what is not ours is written back as it was read (raw), never in our own quoting. */

struct reading {
    struct engine *engine;
    const struct json *spec; /* {items, where, each, text, ttl} */
    const struct where *where;
    struct rrset *set;
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
    json_push(r->set->old, json_set(item, "raw", json_copy(element)));
    return true;
}

/* A number, or a text of digits: XML knows no numbers. */
static int64_t number_of(const struct json *json)
{
    int64_t number = json_as_int(json, 0);
    if (json_as_text(json) != NULL)
        str_to_i64(str_of(json_as_text(json)), &number);
    return number;
}

static bool set_take(void *arg, const struct json *set)
{
    struct reading *r = arg;
    const char *ttl = json_text(r->spec, "ttl");
    if (!where_holds(r->where, set))
        return true;
    if (ttl != NULL)
        r->ttl_s = number_of(pointer_find(set, ttl));
    r->set->is_there = true;
    pointer_each(set, json_text(r->spec, "each"), element_take, r);
    return true;
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

static void values_edit(const struct owner_group *group, struct rrset *set)
{
    for (size_t i = 0; i < json_len(set->old); i++) {
        if (is_unwanted(group, json_text(json_at(set->old, i), "text")))
            set->changes = true;
        else
            json_push(set->values, json_copy(json_at(set->old, i)));
    }
    for (size_t i = 0; i < group->n; i++) {
        const struct dns_job_record *record = group->records[i];
        if (!record->present || holds(set->values, record->value))
            continue;
        json_push(set->values, json_set_text(json_object(), "text", record->value));
        set->changes = true;
    }
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

void rrset_look(struct engine *e, const struct owner_group *group, const struct json *call,
                const struct json *pages, struct rrset *ret)
{
    const struct json *spec = json_find(call_resolve(e, call), "values");
    struct reading r = {e, spec, where_make(e, json_find(spec, "where")), ret, 0};
    const char *items = json_text(spec, "items");
    AUTO(mem_fini)
    char *each = items != NULL ? mem_printf("/*%s/*", items) : mem_strdup("/*");
    *ret = (struct rrset){.old = json_in_arena(e->arena, json_array()),
                          .values = json_in_arena(e->arena, json_array())};
    pointer_each(pages, each, set_take, &r);
    values_edit(group, ret);
    /* A set that holds values of others keeps its TTL: it is theirs as well. */
    ret->ttl_s = r.ttl_s > 0 && has_foreign(group, ret->values) ? r.ttl_s : e->ttl_s;
}

bool write_is_blind(const struct engine *e, const struct json *call,
                    const struct owner_group *group)
{
    const struct json *resolved = call_resolve(e, call);
    bool is_guarded = json_find(json_find(resolved, "class"), "conflict") != NULL;
    return group_adds(group) && json_bool(resolved, "verify", !is_guarded);
}
