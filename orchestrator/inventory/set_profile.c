/* Which profile a set asks which CA for: `profile` or `profiles`, its own or those of `defaults`. */
#include "inventory/config_inside.h"

void profiles_verify(const struct config *config, const struct json *raw, const char *where,
                     struct reader *r)
{
    const struct json *profiles = json_find(raw, "profiles"), *profile;
    const char *name;
    void *position = NULL;
    if (profiles != NULL && json_find(raw, "profile") != NULL)
        reader_say(
            r, raw, "profiles",
            "%sprofiles: there is %sprofile as well; write one of them: `profiles` where CAs "
            "call it differently, else `profile`",
            where, where);
    while (json_is(profiles, JSON_OBJECT) && json_next(profiles, &position, &name, &profile))
        if (config_authority(config, name) == NULL)
            reader_say(r, profiles, name, "%sprofiles: there is no authority \"%.64s\"", where,
                       name);
}

/* What the set says itself hides both of `defaults`. */
void profiles_choose(const struct config *config, const struct json *doc, struct set_config *set)
{
    const struct json *from =
        json_find(doc, "profile") != NULL || json_find(doc, "profiles") != NULL ? doc
                                                                                : config->defaults;
    const struct json *profiles = json_find(from, "profiles");
    set->profile = mem_strdup(json_text(from, "profile"));
    if (profiles == NULL)
        return;
    set->profiles = NEW_N(texts_count(set->authorities) + 1, char *);
    for (size_t i = 0; set->authorities[i] != NULL; i++)
        set->profiles[i] = mem_strdup(json_text(profiles, set->authorities[i]));
}

void profiles_free(struct set_config *set)
{
    for (size_t i = 0; set->profiles != NULL && set->authorities[i] != NULL; i++)
        mem_free(set->profiles[i]);
    mem_free(set->profiles);
    mem_free(set->profile);
}

const char *set_profile_of(const struct set_config *set, const char *authority,
                           const char *directory)
{
    if (set->profiles == NULL)
        return set->profile;
    for (size_t i = 0; set->authorities[i] != NULL; i++)
        if (strcmp(set->authorities[i], authority) == 0)
            return set->profiles[i];
    for (size_t i = 0; set->authorities[i] != NULL; i++)
        if (strcmp(set->directories[i], directory) == 0)
            return set->profiles[i];
    return NULL;
}

/* By authority, in their order; null: none. */
struct json *profiles_json(const struct set_config *set)
{
    struct json *tree = json_object();
    for (size_t i = 0; set->authorities[i] != NULL; i++)
        json_set(tree, set->authorities[i],
                 set->profiles[i] != NULL ? json_new_text(set->profiles[i]) : json_new_null());
    return tree;
}
