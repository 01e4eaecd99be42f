#include "dns-providers/manifest/cond.h"

#include "dns-providers/pointer.h"

static const char *text_of(struct arena *arena, const struct json *json)
{
    struct value value = value_of_json(json);
    return value_plain(arena, &value);
}

static bool texts_equal(struct arena *arena, const struct json *wanted, const char *text)
{
    return text != NULL && strcmp(text_of(arena, wanted), text) == 0;
}

static bool one_of(struct arena *arena, const struct json *list, const char *text)
{
    for (size_t i = 0; i < json_len(list); i++)
        if (texts_equal(arena, json_at(list, i), text))
            return true;
    return false;
}

/* What is absent equals nothing, and is empty. */
static bool test_holds(struct arena *arena, const struct json *cond, const struct value *value,
                       struct err *err, bool *ret)
{
    const struct json *is = json_find(cond, "is"), *in = json_find(cond, "in");
    const struct json *empty = json_find(cond, "empty");
    const char *starts = json_text(cond, "starts");
    const char *text = value->kind == VALUE_NONE ? NULL : value_plain(arena, value);
    bool is_secret = value->kind != VALUE_NONE && text == NULL;
    if (is_secret && empty == NULL)
        return err_set(err, ERR_CONFIG, "a condition cannot look at a secret");
    if (is != NULL)
        *ret = texts_equal(arena, is, text);
    else if (in != NULL)
        *ret = one_of(arena, in, text);
    else if (starts != NULL)
        *ret = text != NULL && str_starts(str_of(text), str_of(starts));
    else
        *ret = value_is_empty(value) == json_as_bool(empty, true);
    return true;
}

static bool list_holds(const struct template_context *c, const struct json *list, bool all,
                       const struct json *answer, bool *ret, struct err *err)
{
    bool one = all;
    for (size_t i = 0; i < json_len(list) && one == all; i++)
        if (!cond_holds(c, json_at(list, i), answer, &one, err))
            return false;
    *ret = one;
    return true;
}

static bool variable_find(const struct template_context *c, const char *variable, struct value *ret,
                          struct err *err)
{
    struct str name = str_of(variable);
    size_t colon = str_find_char(name, ':');
    const char *pointer = colon < name.len ? name.p + colon + 1 : NULL;
    return scope_find(c->scope, str_mem(name.p, colon), pointer, c->arena, ret, err);
}

bool cond_holds(const struct template_context *c, const struct json *cond,
                const struct json *answer, bool *ret, struct err *err)
{
    const char *set = json_text(cond, "set"), *var = json_text(cond, "var");
    const char *ptr = json_text(cond, "ptr");
    const struct json *not = json_find(cond, "not"), *all = json_find(cond, "all");
    struct value value = {0};
    if (set != NULL) {
        if (!variable_find(c, set, &value, err))
            return false;
        *ret = value.kind != VALUE_NONE;
        return true;
    }
    if (not != NULL) {
        if (!cond_holds(c, not, answer, ret, err))
            return false;
        *ret = !*ret;
        return true;
    }
    if (all != NULL || json_find(cond, "any") != NULL)
        return list_holds(c, all != NULL ? all : json_find(cond, "any"), all != NULL, answer, ret,
                          err);
    if (var != NULL && !variable_find(c, var, &value, err))
        return false;
    if (ptr != NULL)
        value = value_of_json(pointer_find(answer, ptr));
    return test_holds(c->arena, cond, &value, err, ret);
}
