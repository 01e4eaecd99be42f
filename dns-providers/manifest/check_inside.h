/* The inside of the check: check.c knows the grammar, check_text.c what stands in templates, trees, pointers, check_host.c where requests
 * go, check_forms.c what the harder forms of APIs need. */
#ifndef MANIFEST_CHECK_INSIDE_H
#define MANIFEST_CHECK_INSIDE_H

#include "dns-providers/manifest/check.h"
#include "dns-providers/manifest/model.h"

struct checking {
    const struct yaml *doc;
    const struct json *tree;
    struct complaints *complaints;
    int depth;
    const struct loop *loops; /* the $each around, the innermost first */
};
struct loop {
    const struct loop *outer;
    const char *name;
};

/* An object of the grammar, by its name there. */
void object_check(struct checking *checking, const struct json *object, const char *what);
bool variable_is_known(const struct checking *checking, struct str variable);
void template_look(struct checking *checking, const struct json *holder, const char *key,
                   const struct json *value);
void tree_check(struct checking *checking, const struct json *tree);
void pick_check(struct checking *checking, const struct json *holder, const char *key,
                const struct json *pick);
/* check_host.c: a `base`, and the list of hosts. */
void base_check(struct checking *checking, const struct json *holder, const char *key);
void hosts_check(struct checking *checking);
void where_check(struct checking *checking, const struct json *where);
/* check_forms.c: places of XML, the clock. */
void places_check(struct checking *checking, const struct json *places);
void clock_check(struct checking *checking);
void find_each_check(struct checking *checking);
void session_check(struct checking *checking);

#endif
