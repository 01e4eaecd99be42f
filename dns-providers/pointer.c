#include "dns-providers/pointer.h"

enum { STEP_MAX = 256 };

bool pointer_is_good(const char *pointer)
{
    size_t step = 0;
    if (pointer[0] != '\0' && pointer[0] != '/')
        return false;
    for (const char *p = pointer; *p != '\0'; p++) {
        step = *p == '/' ? 0 : step + 1;
        if (step >= STEP_MAX || (*p == '~' && p[1] != '0' && p[1] != '1'))
            return false;
    }
    return true;
}

/* The next step, unescaped; what follows it in *ret_rest. */
static void step_take(const char *pointer, char out[STEP_MAX], const char **ret_rest)
{
    size_t n = 0;
    const char *p = pointer + 1;
    for (; *p != '\0' && *p != '/' && n + 1 < STEP_MAX; p++) {
        bool is_escape = *p == '~' && (p[1] == '0' || p[1] == '1');
        out[n++] = is_escape ? (p[1] == '0' ? '~' : '/') : *p;
        p += is_escape ? 1 : 0;
    }
    out[n] = '\0';
    *ret_rest = p;
}

static const struct json *child_find(const struct json *tree, const char *step)
{
    int64_t i;
    if (json_is(tree, JSON_OBJECT))
        return json_find(tree, step);
    bool is_index = json_is(tree, JSON_ARRAY) && str_to_i64(str_of(step), &i) && i >= 0;
    return is_index ? json_at(tree, (size_t)i) : NULL;
}

static bool children_each(const struct json *tree, const char *rest, pointer_visit *visit,
                          void *arg)
{
    const struct json *value;
    const char *key;
    void *position = NULL;
    if (json_is(tree, JSON_OBJECT)) {
        while (json_next(tree, &position, &key, &value))
            if (!pointer_each(value, rest, visit, arg))
                return false;
        return true;
    }
    for (size_t i = 0; json_is(tree, JSON_ARRAY) && i < json_len(tree); i++)
        if (!pointer_each(json_at(tree, i), rest, visit, arg))
            return false;
    return true;
}

bool pointer_each(const struct json *tree, const char *pointer, pointer_visit *visit, void *arg)
{
    char step[STEP_MAX];
    const char *rest;
    if (tree == NULL)
        return true;
    if (pointer[0] == '\0')
        return visit(arg, tree);
    step_take(pointer, step, &rest);
    if (strcmp(step, "*") == 0)
        return children_each(tree, rest, visit, arg);
    return pointer_each(child_find(tree, step), rest, visit, arg);
}

static bool first_take(void *arg, const struct json *value)
{
    *(const struct json **)arg = value;
    return false;
}

const struct json *pointer_find(const struct json *tree, const char *pointer)
{
    const struct json *found = NULL;
    pointer_each(tree, pointer, first_take, &found);
    return found;
}
