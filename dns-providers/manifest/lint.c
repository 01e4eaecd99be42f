#include "dns-providers/manifest/dry_run.h"

#include "dns-providers/manifest/manifest.h"

struct linting {
    const struct yaml *doc;
    const struct json *tree;
    struct complaints *complaints;
    const char *wanted; /* a variable that is looked for */
    bool found;
};

/* ---- what stands in templates ---- */

static bool secret_look(void *arg, struct str variable, const char *pointer, bool has_default,
                        struct err *err)
{
    struct linting *l = arg;
    struct str rest = str_mem(variable.p, variable.len);
    (void)pointer;
    (void)has_default;
    (void)err;
    if (!str_starts(rest, STR("cred.")))
        return true;
    AUTO(mem_fini)
    char *key = mem_strndup(rest.p + strlen("cred."), rest.len - strlen("cred."));
    const struct json *credential = json_find(json_find(l->tree, "credentials"), key);
    l->found = l->found || (credential != NULL && json_bool(credential, "secret", true));
    return true;
}

static bool holds_secret(struct linting *l, const struct json *value)
{
    l->found = false;
    if (json_as_text(value) != NULL)
        template_check(json_as_text(value), secret_look, l, NULL);
    for (size_t i = 0; json_is(value, JSON_ARRAY) && i < json_len(value) && !l->found; i++)
        if (json_as_text(json_at(value, i)) != NULL)
            template_check(json_as_text(json_at(value, i)), secret_look, l, NULL);
    return l->found;
}

static void secrets_in_query(struct linting *l, const struct json *query)
{
    const struct json *value;
    const char *key;
    void *position = NULL;
    while (json_is(query, JSON_OBJECT) && json_next(query, &position, &key, &value))
        if (holds_secret(l, value))
            complaints_add_key(l->complaints, l->doc, query, key,
                               "a secret stands in the query of a URL, where servers and proxies "
                               "log it; send it in a header or the body if the API takes it there");
}

static void secrets_in_call(struct linting *l, const struct json *call)
{
    static const char *const places[] = {"path", "base"};
    for (size_t i = 0; i < 2; i++)
        if (holds_secret(l, json_find(call, places[i])))
            complaints_add_key(
                l->complaints, l->doc, call, places[i],
                "a secret stands in the %s of a URL, where servers and proxies log it", places[i]);
    secrets_in_query(l, json_find(call, "query"));
}

static void tree_walk(struct linting *l, const struct json *tree,
                      void (*visit)(struct linting *, const struct json *))
{
    const struct json *value;
    const char *key;
    void *position = NULL;
    visit(l, tree);
    for (size_t i = 0; json_is(tree, JSON_ARRAY) && i < json_len(tree); i++)
        tree_walk(l, json_at(tree, i), visit);
    while (json_is(tree, JSON_OBJECT) && json_next(tree, &position, &key, &value))
        tree_walk(l, value, visit);
}

static void call_look(struct linting *l, const struct json *tree)
{
    if (json_text(tree, "method") != NULL && json_find(tree, "path") != NULL)
        secrets_in_call(l, tree);
}

/* ---- what is declared and not used ---- */

static void text_look(struct linting *l, const struct json *tree)
{
    const char *text = json_as_text(tree);
    l->found = l->found || (text != NULL && strstr(text, l->wanted) != NULL);
}

/* Members whose mere names may be used in any text of the rest. */
static void unused_look(struct linting *l, const char *member, const char *prefix)
{
    const struct json *list = json_find(l->tree, member), *value, *part;
    const char *key, *name;
    void *position = NULL, *inner;
    while (json_next(list, &position, &key, &value)) {
        AUTO(mem_fini)
        char *wanted = mem_printf("%s%s", prefix, key);
        l->wanted = wanted;
        l->found = false;
        inner = NULL;
        while (json_next(l->tree, &inner, &name, &part))
            if (strcmp(name, "credentials") != 0 && strcmp(name, "options") != 0)
                tree_walk(l, part, text_look);
        if (!l->found)
            complaints_add_key(l->complaints, l->doc, list, key, "%s is never used", wanted);
    }
}

/* ---- statuses ---- */

static bool is_classified(const struct linting *l, const struct json *call, const char *class)
{
    return json_find(call, class) != NULL || json_find(json_find(call, "class"), class) != NULL ||
           json_find(json_find(json_find(l->tree, "result"), "class"), class) != NULL;
}

static void removal_look(struct linting *l, const char *member)
{
    const struct json *call = json_find(l->tree, member);
    /* What holds one value writes another over it: nothing is ever gone. */
    bool is_single = strcmp(json_text(l->tree, "model"), "single") == 0;
    if (call != NULL && json_text(call, "$use") == NULL && !is_single &&
        !is_classified(l, call, "gone"))
        complaints_add_key(l->complaints, l->doc, l->tree, member,
                           "%s: \"gone\" is not told: what does the API answer when the record is "
                           "not there any more? Removing it again must be a success",
                           member);
}

static void absence_look(struct linting *l, const struct json *holder, const char *member,
                         const char *placeholder)
{
    const struct json *call = json_find(holder, member);
    const char *path = json_text(call, "path");
    if (path != NULL && strstr(path, placeholder) != NULL && !is_classified(l, call, "absent"))
        complaints_add_key(l->complaints, l->doc, holder, member,
                           "%s: \"absent\" is not told: what does the API answer when there is "
                           "nothing of that name?",
                           member);
}

/* ---- limits ---- */

static void ttl_look(struct linting *l)
{
    const struct json *ttl = json_find(l->tree, "ttl"), *steps = json_find(ttl, "steps");
    int64_t min_s = json_int(ttl, "min", 0), max_s = json_int(ttl, "max", INT32_MAX);
    int64_t default_s = json_int(ttl, "default", min_s);
    if (min_s > max_s)
        complaints_add_key(l->complaints, l->doc, ttl, "min", "ttl: min is larger than max");
    else if (default_s < min_s || default_s > max_s)
        complaints_add_key(l->complaints, l->doc, ttl, "default",
                           "ttl: the default lies outside of min and max");
    for (size_t i = 1; i < json_len(steps); i++)
        if (json_as_int(json_at(steps, i), 0) <= json_as_int(json_at(steps, i - 1), 0)) {
            complaints_add_key(l->complaints, l->doc, ttl, "steps",
                               "ttl: steps are to be written from the smallest to the largest");
            break;
        }
}

static void told_look(struct linting *l)
{
    static const struct {
        const char *member, *what;
    } wanted[] = {
        {"docs", "where is the API described?"},
        {"docs_read", "when was its description read, as 2026-11?"},
        {"rights", "which are the least rights that the credentials need?"},
        {"example", "how does it look in chancery.yaml?"},
    };
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
        if (json_find(l->tree, wanted[i].member) == NULL)
            complaints_add(l->complaints, l->doc, l->tree, "\"%s\" is missing: %s",
                           wanted[i].member, wanted[i].what);
    if (json_find(json_find(l->tree, "result"), "error") == NULL)
        complaints_add(l->complaints, l->doc, l->tree,
                       "\"result\" tells no \"error\": people will read a status without a reason");
}

void manifest_lint(const struct dns_provider *provider, struct complaints *complaints)
{
    struct linting l = {
        .doc = manifest_doc(provider), .tree = manifest_tree(provider), .complaints = complaints};
    const struct json *auth = json_find(l.tree, "auth");
    tree_walk(&l, l.tree, call_look);
    for (size_t i = 0; i < json_len(auth); i++)
        secrets_in_query(&l, json_find(json_at(auth, i), "query"));
    unused_look(&l, "credentials", "cred.");
    unused_look(&l, "options", "opt.");
    removal_look(&l, "remove");
    removal_look(&l, "clear");
    absence_look(&l, l.tree, "read", "{name.");
    absence_look(&l, json_find(l.tree, "zone"), "call", "{zone.candidate");
    ttl_look(&l);
    told_look(&l);
}
