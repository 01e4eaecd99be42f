#include "dns-providers/manifest/check_inside.h"
#include "dns-providers/manifest/limits.h"

/* What the value of a member must be. */
enum shape {
    SHAPE_ONE, /* the number 1: the version of the format */
    SHAPE_IDENT,
    SHAPE_IDENTS,
    SHAPE_TEXT,
    SHAPE_TEXTS,
    SHAPE_STATUS,
    SHAPE_KIND,
    SHAPE_INT,
    SHAPE_INTS,
    SHAPE_INT_OR_TEMPLATE,
    SHAPE_BOOL,
    SHAPE_SCALAR,
    SHAPE_CODES, /* numbers or texts */
    SHAPE_TEMPLATE,
    SHAPE_TEMPLATES, /* name: template */
    SHAPE_QUERY,     /* name: template, null or a list of templates */
    SHAPE_QUERY_VALUE,
    SHAPE_HEADERS, /* name: tree */
    SHAPE_TREE,
    SHAPE_LETS, /* ident: tree */
    SHAPE_PAIR, /* two templates */
    SHAPE_POINTER,
    SHAPE_PICK,
    SHAPE_PICK_OR_TEMPLATE,
    SHAPE_PICKS, /* ident: pick */
    SHAPE_WHERE,
    SHAPE_VARIABLE,
    SHAPE_COND,
    SHAPE_CONDS,
    SHAPE_CREDENTIALS,
    SHAPE_REQUIRES,
    SHAPE_OPTIONS,
    SHAPE_TTL,
    SHAPE_LIMITS,
    SHAPE_RATES,
    SHAPE_SCOPE,
    SHAPE_RESET,
    SHAPE_PUBLISH,
    SHAPE_SESSION,
    SHAPE_CLOCK,
    SHAPE_AUTHS,
    SHAPE_AUTHS_OR_NONE,
    SHAPE_RESULT,
    SHAPE_ERROR,
    SHAPE_CLASSES,
    SHAPE_ZONE,
    SHAPE_ZONE_BY,
    SHAPE_MODEL,
    SHAPE_CALL,
    SHAPE_CALLS,
    SHAPE_METHOD,
    SHAPE_ACCEPT,
    SHAPE_PLACES,
    SHAPE_PAGE,
    SHAPE_PAGE_BY,
    SHAPE_POLL,
    SHAPE_VALUES,
    SHAPE_BATCH,
    SHAPE_AFTERS,
    SHAPE_DEFINES,
    SHAPE_JWT_ALG,
};

struct member {
    const char *object; /* not NULL: begins an object of that name */
    const char *name;
    enum shape shape;
    bool required;
};
static const struct member members[] = {
#define OBJECT(name)             {#name, NULL, SHAPE_ONE, false},
#define M(name, shape, required) {NULL, name, SHAPE_##shape, required},
#include "dns-providers/manifest/shapes.def"
#undef OBJECT
#undef M
};
enum { MEMBERS_N = sizeof members / sizeof members[0] };

static void value_check(struct checking *c, const struct json *holder, const char *key,
                        const struct json *value, enum shape shape);

/* ---- objects ---- */

static size_t object_at(const char *object)
{
    size_t i = 0;
    while (members[i].object == NULL || strcmp(members[i].object, object) != 0)
        CHECK(++i < MEMBERS_N);
    return i + 1;
}

static const struct member *member_find(size_t from, const char *name)
{
    for (size_t i = from; i < MEMBERS_N && members[i].object == NULL; i++)
        if (strcmp(members[i].name, name) == 0)
            return &members[i];
    return NULL;
}

static void unknown_say(struct checking *c, const struct json *object, size_t from, const char *key,
                        const char *what)
{
    const char *names[64];
    size_t n = 0;
    for (size_t i = from; i < MEMBERS_N && members[i].object == NULL && n < 64; i++)
        names[n++] = members[i].name;
    const char *near = table_suggest(key, names, n);
    complaints_add_key(c->complaints, c->doc, object, key, "unknown member \"%s\" in %s%s%s%s", key,
                       what, near != NULL ? "; did you mean \"" : "", near != NULL ? near : "",
                       near != NULL ? "\"?" : "");
}

void object_check(struct checking *c, const struct json *object, const char *what)
{
    size_t from = object_at(what);
    const struct json *value;
    const char *key;
    void *position = NULL;
    bool is_reference = json_text(object, "$use") != NULL;
    if (!json_is(object, JSON_OBJECT)) {
        complaints_add(c->complaints, c->doc, object, "%s: members are expected here", what);
        return;
    }
    while (json_next(object, &position, &key, &value)) {
        const struct member *member = member_find(from, key);
        if (member == NULL)
            unknown_say(c, object, from, key, what);
        else
            value_check(c, object, key, value, member->shape);
    }
    for (size_t i = from; i < MEMBERS_N && members[i].object == NULL && !is_reference; i++)
        if (members[i].required && json_find(object, members[i].name) == NULL)
            complaints_add(c->complaints, c->doc, object, "%s: \"%s\" is missing", what,
                           members[i].name);
}

static void list_check(struct checking *c, const struct json *list, const char *what)
{
    if (!json_is(list, JSON_ARRAY))
        complaints_add(c->complaints, c->doc, list, "a list is expected here");
    for (size_t i = 0; json_is(list, JSON_ARRAY) && i < json_len(list); i++)
        object_check(c, json_at(list, i), what);
}

static void map_check(struct checking *c, const struct json *map, enum shape shape)
{
    const struct json *value;
    const char *key;
    void *position = NULL;
    if (!json_is(map, JSON_OBJECT))
        complaints_add(c->complaints, c->doc, map, "names with values are expected here");
    while (json_is(map, JSON_OBJECT) && json_next(map, &position, &key, &value))
        value_check(c, map, key, value, shape);
}

static void objects_check(struct checking *c, const struct json *map, const char *what)
{
    const struct json *value;
    const char *key;
    void *position = NULL;
    while (json_is(map, JSON_OBJECT) && json_next(map, &position, &key, &value))
        object_check(c, value, what);
}

/* ---- values ---- */

static const char *choices_of(enum shape shape)
{
    switch ((int)shape) {
    case SHAPE_STATUS:
        return "stable|trial|closed";
    case SHAPE_KIND:
        return "text|map|json|pem";
    case SHAPE_ZONE_BY:
        return "soa|list|probe|query|option|server|map";
    case SHAPE_METHOD:
        return "GET|POST|PUT|PATCH|DELETE";
    case SHAPE_ACCEPT:
        return "json|text|xml|none";
    case SHAPE_PAGE_BY:
        return "number|offset|cursor|next-url|link";
    case SHAPE_JWT_ALG:
        return "RS256|PS256";
    case SHAPE_SCOPE:
        return LIMITS_SCOPES;
    case SHAPE_RESET:
        return LIMITS_RESETS;
    }
    return NULL;
}

static void choice_check(struct checking *c, const struct json *holder, const char *key,
                         const struct json *value, const char *choices)
{
    struct str rest = str_of(choices), choice;
    const char *text = json_as_text(value);
    while (text != NULL && str_split(&rest, '|', &choice))
        if (str_eq(choice, str_of(text)))
            return;
    complaints_add_key(c->complaints, c->doc, holder, key, "%s is one of %s", key, choices);
}

static bool is_scalar(const struct json *value)
{
    return !json_is(value, JSON_OBJECT) && !json_is(value, JSON_ARRAY);
}

/* Simple shapes; false: the value is of another kind. */
static bool simple_fits(enum shape shape, const struct json *value)
{
    const struct json *first = json_at(value, 0);
    bool is_text = json_as_text(value) != NULL, is_list = json_is(value, JSON_ARRAY);
    switch ((int)shape) {
    case SHAPE_ONE:
        return json_as_int(value, 0) == 1;
    case SHAPE_IDENT:
    case SHAPE_TEXT:
        return is_text;
    case SHAPE_IDENTS:
    case SHAPE_TEXTS:
        return is_list && json_as_text(first) != NULL;
    case SHAPE_INT:
        return json_is(value, JSON_INT);
    case SHAPE_INTS:
        return is_list && json_is(first, JSON_INT);
    case SHAPE_BOOL:
        return json_is(value, JSON_BOOL);
    case SHAPE_SCALAR:
        return is_scalar(value);
    case SHAPE_CODES:
        return is_list && json_len(value) > 0 && is_scalar(first);
    case SHAPE_RATES:
        return limits_rates_fit(value);
    case SHAPE_REQUIRES:
        return is_list && json_is(first, JSON_ARRAY);
    case SHAPE_PAIR:
        return is_list && json_len(value) == 2;
    }
    return true;
}

static const struct {
    enum shape shape;
    const char *object;
    bool is_list, is_map;
} nested[] = {
    {SHAPE_COND, "cond", false, false},
    {SHAPE_CONDS, "cond", true, false},
    {SHAPE_CREDENTIALS, "credential", false, true},
    {SHAPE_OPTIONS, "option", false, true},
    {SHAPE_TTL, "ttl", false, false},
    {SHAPE_LIMITS, "limits", false, false},
    {SHAPE_PUBLISH, "publish", false, false},
    {SHAPE_SESSION, "session", false, false},
    {SHAPE_CLOCK, "clock", false, false},
    {SHAPE_AUTHS, "auth", true, false},
    {SHAPE_RESULT, "result", false, false},
    {SHAPE_ERROR, "error", false, false},
    {SHAPE_CLASSES, "classes", false, false},
    {SHAPE_ZONE, "zone", false, false},
    {SHAPE_CALL, "call", false, false},
    {SHAPE_PAGE, "page", false, false},
    {SHAPE_POLL, "poll", false, false},
    {SHAPE_VALUES, "values", false, false},
    {SHAPE_BATCH, "batch", false, false},
    {SHAPE_AFTERS, "after", true, false},
};

static bool nested_check(struct checking *c, const struct json *value, enum shape shape)
{
    for (size_t i = 0; i < sizeof nested / sizeof nested[0]; i++) {
        if (nested[i].shape != shape)
            continue;
        if (nested[i].is_list)
            list_check(c, value, nested[i].object);
        else if (nested[i].is_map)
            objects_check(c, value, nested[i].object);
        else
            object_check(c, value, nested[i].object);
        return true;
    }
    return false;
}

static void texts_look(struct checking *c, const struct json *holder, const char *key,
                       const struct json *value)
{
    for (size_t i = 0; json_is(value, JSON_ARRAY) && i < json_len(value); i++)
        template_look(c, holder, key, json_at(value, i));
    if (!json_is(value, JSON_ARRAY) && !json_is(value, JSON_NULL))
        template_look(c, holder, key, value);
}

static void define_check(struct checking *c, const struct json *defines)
{
    const struct json *value;
    const char *key;
    void *position = NULL;
    while (json_is(defines, JSON_OBJECT) && json_next(defines, &position, &key, &value))
        object_check(c, value, json_find(value, "done") != NULL ? "poll" : "call");
}

static void variable_check(struct checking *c, const struct json *holder, const char *key,
                           const struct json *value)
{
    struct str name = str_of(json_as_text(value));
    if (name.p == NULL || !variable_is_known(c, str_mem(name.p, str_find_char(name, ':'))))
        complaints_add_key(c->complaints, c->doc, holder, key, "there is no variable \"%.*s\"",
                           STR_ARG(name));
}

static void special_check(struct checking *c, const struct json *holder, const char *key,
                          const struct json *value, enum shape shape)
{
    switch ((int)shape) {
    case SHAPE_TEMPLATE:
        template_look(c, holder, key, value);
        if (strcmp(key, "base") == 0 && json_as_text(value) != NULL)
            base_check(c, holder, key);
        break;
    case SHAPE_INT_OR_TEMPLATE:
    case SHAPE_PICK_OR_TEMPLATE:
        if (json_as_text(value) != NULL && json_as_text(value)[0] != '/')
            template_look(c, holder, key, value);
        break;
    case SHAPE_TEMPLATES:
        map_check(c, value, SHAPE_TEMPLATE);
        break;
    case SHAPE_QUERY:
        map_check(c, value, SHAPE_QUERY_VALUE);
        break;
    case SHAPE_QUERY_VALUE:
        if (json_is(value, JSON_OBJECT))
            tree_check(c, value);
        else
            texts_look(c, holder, key, value);
        break;
    case SHAPE_PAIR:
        texts_look(c, holder, key, value);
        break;
    case SHAPE_HEADERS:
    case SHAPE_LETS:
        map_check(c, value, SHAPE_TREE);
        break;
    case SHAPE_TREE:
        tree_check(c, value);
        break;
    case SHAPE_POINTER:
        if (json_as_text(value) == NULL || !pointer_is_good(json_as_text(value)))
            complaints_add_key(c->complaints, c->doc, holder, key, "%s is no JSON pointer", key);
        break;
    case SHAPE_PICK:
        pick_check(c, holder, key, value);
        break;
    case SHAPE_PICKS:
        map_check(c, value, SHAPE_PICK);
        break;
    case SHAPE_WHERE:
        where_check(c, value);
        break;
    case SHAPE_CALLS:
        if (json_is(value, JSON_ARRAY))
            list_check(c, value, "call");
        else
            object_check(c, value, "call");
        break;
    case SHAPE_AUTHS_OR_NONE:
        if (json_as_text(value) == NULL)
            list_check(c, value, "auth");
        break;
    case SHAPE_MODEL:
        if (model_find(json_as_text(value)) == NULL)
            complaints_add_key(c->complaints, c->doc, holder, key, "model is one of %s",
                               model_names());
        break;
    case SHAPE_PLACES:
        places_check(c, value);
        break;
    case SHAPE_VARIABLE:
        variable_check(c, holder, key, value);
        break;
    case SHAPE_DEFINES:
        define_check(c, value);
        break;
    }
}

static void value_check(struct checking *c, const struct json *holder, const char *key,
                        const struct json *value, enum shape shape)
{
    const char *choices = choices_of(shape);
    if (++c->depth > TREE_DEPTH_MAX) {
        complaints_add_key(c->complaints, c->doc, holder, key, "%s: too deep", key);
    } else if (choices != NULL) {
        choice_check(c, holder, key, value, choices);
    } else if (!simple_fits(shape, value)) {
        complaints_add_key(c->complaints, c->doc, holder, key,
                           "%s: a value of another kind is expected", key);
    } else if (!nested_check(c, value, shape)) {
        special_check(c, holder, key, value, shape);
    }
    c->depth--;
}

/* ---- what no single member can tell ---- */

static void count_check(struct checking *c, const struct json *object, const char *key)
{
    if (json_find(object, key) != NULL && json_int(object, key, 1) < 1)
        complaints_add_key(c->complaints, c->doc, object, key, "%s is at least 1", key);
}

static void model_check(struct checking *c)
{
    const char *name = json_text(c->tree, "model");
    const struct model *model = model_find(name);
    for (size_t i = 0; model != NULL && model->needs[i] != NULL; i++)
        if (json_find(c->tree, model->needs[i]) == NULL)
            complaints_add(c->complaints, c->doc, c->tree, "model %s: \"%s\" is missing", name,
                           model->needs[i]);
    if ((model == &model_document || model == &model_single) && json_find(c->tree, "batch") != NULL)
        complaints_add_key(c->complaints, c->doc, c->tree, "batch", "model %s has no batch", name);
    count_check(c, json_find(c->tree, "batch"), "max");
    count_check(c, json_find(c->tree, "batch"), "least");
    count_check(c, c->tree, "slots");
    count_check(c, c->tree, "slot_labels");
    if (model != NULL && model != &model_single && json_find(c->tree, "slots") != NULL)
        complaints_add_key(c->complaints, c->doc, c->tree, "slots", "only model single has slots");
}

void manifest_check(const struct yaml *doc, struct complaints *complaints)
{
    struct checking c = {.doc = doc, .tree = yaml_tree(doc), .complaints = complaints};
    object_check(&c, c.tree, "manifest");
    if (!json_is(c.tree, JSON_OBJECT))
        return;
    model_check(&c);
    hosts_check(&c);
    clock_check(&c);
    find_each_check(&c);
    session_check(&c);
}
