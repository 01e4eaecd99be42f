#include "dns-providers/manifest/check_inside.h"

/* ---- templates and their variables ---- */

static bool is_one_of(struct str name, const char *const *names)
{
    for (; *names != NULL; names++)
        if (str_eq(name, str_of(*names)))
            return true;
    return false;
}

bool variable_is_known(const struct checking *c, struct str variable)
{
    static const char *const wholes[] = {"txt",  "ttl",     "values", "old",   "item", "raw",
                                         "sets", "removes", "adds",   "items", NULL};
    static const char *const names[] = {"fqdn", "rel", "domain", NULL};
    static const char *const nows[] = {"unix", "ms", "iso", "day", "date", "http", "compact", NULL};
    static const char *const proofs[] = {"token", "key_authorization", NULL};
    static const char *const requests[] = {"method", "url",    "host", "path", "query",
                                           "sorted", "target", "body", "type", NULL};
    static const char *const open[] = {"zone", "rec", "out", "sess", "let", "item", NULL};
    size_t dot = str_find_char(variable, '.');
    struct str head = str_mem(variable.p, dot);
    for (const struct loop *loop = c->loops; loop != NULL; loop = loop->outer)
        if (str_eq(head, str_of(loop->name)))
            return true;
    if (dot == variable.len)
        return is_one_of(variable, wholes);
    struct str rest = str_mem(variable.p + dot + 1, variable.len - dot - 1);
    AUTO(mem_fini)
    char *key = mem_strndup(rest.p, rest.len);
    if (str_eq(head, STR("cred")))
        return json_find(json_find(c->tree, "credentials"), key) != NULL;
    if (str_eq(head, STR("opt")))
        return strcmp(key, "base_url") == 0 ||
               json_find(json_find(c->tree, "options"), key) != NULL;
    if (str_eq(head, STR("name")))
        return is_one_of(rest, names);
    if (str_eq(head, STR("proof")))
        return is_one_of(rest, proofs);
    if (str_eq(head, STR("now")))
        return is_one_of(rest, nows);
    if (str_eq(head, STR("req")))
        return is_one_of(rest, requests);
    return is_one_of(head, open);
}

static bool variable_look(void *arg, struct str variable, const char *pointer, bool has_default,
                          struct err *err)
{
    (void)pointer;
    (void)has_default;
    if (variable_is_known(arg, variable))
        return true;
    return err_set(err, ERR_CONFIG, "there is no variable \"%.*s\"", STR_ARG(variable));
}

void template_look(struct checking *c, const struct json *holder, const char *key,
                   const struct json *value)
{
    struct err err = {0};
    if (json_as_text(value) == NULL)
        complaints_add_key(c->complaints, c->doc, holder, key, "%s: a text is expected", key);
    else if (!template_check(json_as_text(value), variable_look, c, &err))
        complaints_add(c->complaints, c->doc, value, "%s", err.text);
}

/* ---- trees ---- */

static void each_check(struct checking *c, const struct json *tree)
{
    const char *list = json_text(tree, "$each");
    if (list == NULL || !variable_is_known(c, str_of(list)))
        complaints_add_key(c->complaints, c->doc, tree, "$each", "$each needs the name of a list");
    if (json_find(tree, "emit") == NULL)
        complaints_add(c->complaints, c->doc, tree, "$each: \"emit\" is missing");
    struct loop loop = {c->loops, json_text(tree, "as") != NULL ? json_text(tree, "as") : "item"};
    c->loops = &loop;
    tree_check(c, json_find(tree, "emit"));
    c->loops = loop.outer;
}

static bool directive_check(struct checking *c, const struct json *tree)
{
    const struct json *cond = json_find(tree, "$if"), *merge = json_find(tree, "$merge");
    const char *doc = json_text(tree, "$doc");
    if (json_find(tree, "$each") != NULL) {
        each_check(c, tree);
    } else if (cond != NULL) {
        object_check(c, cond, "cond");
        tree_check(c, json_find(tree, "then"));
        tree_check(c, json_find(tree, "else"));
    } else if (doc != NULL) {
        if (!variable_is_known(c, str_of(doc)))
            complaints_add_key(c->complaints, c->doc, tree, "$doc", "there is no variable \"%s\"",
                               doc);
    } else if (merge != NULL) {
        tree_check(c, merge);
    } else if (json_find(tree, "$join") != NULL) {
        if (!json_is(json_find(tree, "$join"), JSON_ARRAY))
            complaints_add_key(c->complaints, c->doc, tree, "$join", "$join needs a list of lists");
        tree_check(c, json_find(tree, "$join"));
    } else if (json_find(tree, "$json") != NULL) {
        tree_check(c, json_find(tree, "$json"));
    } else if (json_find(tree, "$jwt") != NULL) {
        object_check(c, json_find(tree, "$jwt"), "jwt");
    } else {
        return false;
    }
    return true;
}

void tree_check(struct checking *c, const struct json *tree)
{
    const struct json *value;
    const char *key;
    void *position = NULL;
    struct err err = {0};
    if (tree == NULL)
        return;
    if (json_as_text(tree) != NULL) {
        if (!template_check(json_as_text(tree), variable_look, c, &err))
            complaints_add(c->complaints, c->doc, tree, "%s", err.text);
        return;
    }
    for (size_t i = 0; json_is(tree, JSON_ARRAY) && i < json_len(tree); i++)
        tree_check(c, json_at(tree, i));
    if (!json_is(tree, JSON_OBJECT) || directive_check(c, tree))
        return;
    while (json_next(tree, &position, &key, &value)) {
        if (key[0] == '$')
            complaints_add_key(c->complaints, c->doc, tree, key, "unknown directive \"%s\"", key);
        tree_check(c, value);
    }
}

/* ---- picks ---- */

void pick_check(struct checking *c, const struct json *holder, const char *key,
                const struct json *pick)
{
    const char *text = json_as_text(pick);
    if (text != NULL) {
        if (!str_starts(str_of(text), STR("header:")) && !pointer_is_good(text))
            complaints_add(c->complaints, c->doc, pick,
                           "%s: \"%s\" is no JSON pointer (and no \"header:NAME\")", key, text);
    } else if (json_is(pick, JSON_OBJECT)) {
        object_check(c, pick, "item_pick");
    } else if (json_is(pick, JSON_ARRAY)) {
        for (size_t i = 0; i < json_len(pick); i++)
            pick_check(c, holder, key, json_at(pick, i));
    } else {
        complaints_add_key(c->complaints, c->doc, holder, key, "%s: a JSON pointer is expected",
                           key);
    }
}

void where_check(struct checking *c, const struct json *where)
{
    const struct json *wanted;
    const char *pointer;
    void *position = NULL;
    if (!json_is(where, JSON_OBJECT) || json_len(where) > WHERE_MAX)
        complaints_add(c->complaints, c->doc, where,
                       "where: at most %d pointers with values are expected", WHERE_MAX);
    while (json_is(where, JSON_OBJECT) && json_next(where, &position, &pointer, &wanted)) {
        const struct json *name = json_find(wanted, "name");
        if (!pointer_is_good(pointer))
            complaints_add_key(c->complaints, c->doc, where, pointer, "\"%s\" is no JSON pointer",
                               pointer);
        if (json_is(wanted, JSON_OBJECT) && name == NULL && json_find(wanted, "txt") == NULL)
            complaints_add_key(c->complaints, c->doc, where, pointer,
                               "where: {txt: true} or {name: TEMPLATE}");
        if (json_find(wanted, "of") != NULL)
            template_look(c, wanted, "of", json_find(wanted, "of"));
        if (json_find(wanted, "in") != NULL)
            template_look(c, wanted, "in", json_find(wanted, "in"));
        if (name != NULL || json_as_text(wanted) != NULL)
            template_look(c, name != NULL ? wanted : where, name != NULL ? "name" : pointer,
                          name != NULL ? name : wanted);
    }
}
