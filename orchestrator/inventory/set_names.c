#include "inventory/config_inside.h"

#include "acme/name.h"

/* Each name is judged by itself first, so that one run shows every bad one. */
static void names_normalise(const struct json *list, struct set_config *set, struct reader *r)
{
    size_t n = json_len(list);
    set->names = NEW_N(n + 1, char *);
    for (size_t i = 0; i < n; i++) {
        struct err why = {0};
        char *name = NULL;
        if (name_normalise(json_as_text(json_at(list, i)), &name, &why))
            set->names[set->n_names++] = name;
        else
            reader_say_item(r, r->raw, "names", i, "%s", why.text);
    }
}

static void name_compare(const struct set_config *set, size_t i, struct reader *r)
{
    const char *name = set->names[i];
    for (size_t j = 0; j < set->n_names; j++) {
        const char *other = set->names[j];
        if (j < i && strcmp(name, other) == 0) {
            reader_say_item(r, r->raw, "names", i, "%s is there twice", name);
            return;
        }
        if (j != i && name_is_covered_by(name, other)) {
            reader_say_item(r, r->raw, "names", i,
                            "%s already covers %s; CAs refuse both in one order: remove %s", other,
                            name, name);
            return;
        }
    }
}

void set_names_read(const struct json *doc, struct set_config *set, struct reader *r)
{
    const struct json *list = json_find(doc, "names");
    if (json_len(list) > NAMES_MAX) {
        reader_say(r, r->raw, "names",
                   "names: %zu names are too many for one certificate; CAs take at most %d: split "
                   "the set",
                   json_len(list), NAMES_MAX);
        set->names = NEW_N(1, char *);
        return;
    }
    names_normalise(list, set, r);
    /* Places are told by position, which holds only while no name was left out. */
    for (size_t i = 0; set->n_names == json_len(list) && i < set->n_names; i++)
        name_compare(set, i, r);
}
