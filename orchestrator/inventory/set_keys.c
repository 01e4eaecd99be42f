/* Which kinds of keys a set has: `key` or `keys`, its own or those of `defaults`. */
#include "inventory/config_inside.h"

static bool keys_are_both(const struct json *object)
{
    return json_find(object, "key") != NULL && json_find(object, "keys") != NULL;
}

void keys_verify(const struct json *raw, const char *where, struct reader *r)
{
    const struct json *list = json_find(raw, "keys");
    enum key_kind kind, first;
    if (keys_are_both(raw))
        reader_say(r, raw, "keys",
                   "%skeys: there is %skey as well; write one of them: `keys` for several kinds at "
                   "once, else `key`",
                   where, where);
    if (json_len(list) < 2 || !key_kind_find(json_as_text(json_at(list, 0)), &first))
        return;
    for (size_t i = 1; i < json_len(list); i++)
        if (key_kind_find(json_as_text(json_at(list, i)), &kind) &&
            strcmp(key_kind_family(kind), key_kind_family(first)) == 0)
            reader_say_item(r, raw, "keys", i,
                            "%skeys: %s and %s are of one family, and a server chooses among its "
                            "certificates by family: name at most one ECDSA and one RSA key",
                            where, key_kind_name(first), key_kind_name(kind));
}

/* The list that holds for the set, or NULL: then `key` does. What the set says itself hides both of `defaults`. */
static const struct json *list_find(const struct config *config, const struct json *doc)
{
    if (json_find(doc, "key") != NULL || json_find(doc, "csr") != NULL)
        return NULL;
    const struct json *own = json_find(doc, "keys");
    return own != NULL ? own : json_find(config->defaults, "keys");
}

static void lane_add(struct set_config *set, enum key_kind kind)
{
    for (size_t i = 0; i < set->n_lanes; i++)
        if (strcmp(key_kind_family(set->lanes[i].key), key_kind_family(kind)) == 0)
            return;
    set->lanes[set->n_lanes++] = (struct lane_config){.name = key_kind_family(kind), .key = kind};
}

void keys_choose(const struct config *config, const struct json *doc, struct set_config *set)
{
    const struct json *list = list_find(config, doc);
    enum key_kind kind;
    for (size_t i = 0; i < json_len(list) && set->n_lanes < LANES_MAX; i++)
        if (key_kind_find(json_as_text(json_at(list, i)), &kind))
            lane_add(set, kind);
    if (set->n_lanes == 0)
        lane_add(set, set->key);
    /* One kind alone needs no lane of its own. */
    if (set->n_lanes == 1)
        set->lanes[0].name = "";
    set->key = set->lanes[0].key;
}

const struct lane_config *set_lane(const struct set_config *set, const char *name)
{
    for (size_t i = 0; i < set->n_lanes; i++)
        if (strcmp(set->lanes[i].name, name) == 0)
            return &set->lanes[i];
    return NULL;
}
