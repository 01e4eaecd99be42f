#include "base/jansson_door.h"

/* jansson alone would recurse and allocate 2048 levels deep: count brackets outside texts first.
 * Nothing but the depth is judged here. */
static bool depth_is_within(struct str text, size_t max)
{
    size_t depth = 0;
    bool in_text = false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.p[i];
        if (in_text && c == '\\')
            i++;
        else if (c == '"')
            in_text = !in_text;
        else if (!in_text && (c == '[' || c == '{') && ++depth > max)
            return false;
        else if (!in_text && (c == ']' || c == '}') && depth > 0)
            depth--;
    }
    return true;
}

bool json_parse(struct str text, size_t max_len, struct json **ret_tree, struct err *err)
{
    if (text.len > max_len)
        return err_set(err, ERR_BROKEN, "JSON of %zu bytes is larger than %zu", text.len, max_len);
    if (text.len == 0)
        return err_set(err, ERR_BROKEN, "JSON expected, but there is nothing");
    if (!depth_is_within(text, JSON_DEPTH_MAX))
        return err_set(err, ERR_BROKEN, "JSON is nested deeper than %d levels", JSON_DEPTH_MAX);
    json_error_t why;
    json_t *inner = json_loadb(text.p, text.len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);
    if (inner == NULL && json_error_code(&why) == json_error_out_of_memory)
        mem_need(NULL);
    if (inner == NULL)
        return err_set(err, ERR_BROKEN, "JSON, line %d column %d: %s", why.line, why.column,
                       why.text);
    *ret_tree = json_outer(inner);
    return true;
}

void json_free(struct json *tree)
{
    json_decref(json_inner(tree));
}

static void tree_release(void *tree)
{
    json_free(tree);
}

struct json *json_in_arena(struct arena *arena, struct json *take)
{
    arena_defer(arena, tree_release, take);
    return take;
}

void json_fini(struct json **tree)
{
    json_free(*tree);
    *tree = NULL;
}

struct json *json_copy(const struct json *tree)
{
    if (tree == NULL)
        return NULL;
    return json_outer(mem_need(json_deep_copy(json_inner(tree))));
}

enum json_type json_type(const struct json *tree)
{
    if (tree == NULL)
        return JSON_NULL;
    switch (json_typeof(json_inner(tree))) {
    case JANSSON_OBJECT:
        return JSON_OBJECT;
    case JANSSON_ARRAY:
        return JSON_ARRAY;
    case JANSSON_STRING:
        return JSON_TEXT;
    case JANSSON_INTEGER:
        return JSON_INT;
    case JANSSON_REAL:
        return JSON_REAL;
    case JANSSON_TRUE:
    case JANSSON_FALSE:
        return JSON_BOOL;
    case JANSSON_NULL:
        break;
    }
    return JSON_NULL;
}

const char *json_type_name(enum json_type type)
{
    static const char *const names[] = {
        [JSON_OBJECT] = "an object",   [JSON_ARRAY] = "an array", [JSON_TEXT] = "a text",
        [JSON_INT] = "a whole number", [JSON_REAL] = "a number",  [JSON_BOOL] = "true or false",
        [JSON_NULL] = "null",
    };
    return (size_t)type < sizeof names / sizeof names[0] ? names[type] : "unknown";
}

bool json_is(const struct json *tree, enum json_type type)
{
    return tree != NULL && json_type(tree) == type;
}

const struct json *json_find(const struct json *object, const char *key)
{
    if (!json_is(object, JSON_OBJECT))
        return NULL;
    return json_outer(json_object_get(json_inner(object), key));
}

const char *json_as_text(const struct json *value)
{
    return json_is(value, JSON_TEXT) ? json_string_value(json_inner(value)) : NULL;
}

int64_t json_as_int(const struct json *value, int64_t otherwise)
{
    return json_is(value, JSON_INT) ? (int64_t)json_integer_value(json_inner(value)) : otherwise;
}

const char *json_text(const struct json *object, const char *key)
{
    return json_as_text(json_find(object, key));
}

int64_t json_int(const struct json *object, const char *key, int64_t otherwise)
{
    return json_as_int(json_find(object, key), otherwise);
}

bool json_as_bool(const struct json *value, bool otherwise)
{
    if (!json_is(value, JSON_BOOL))
        return otherwise;
    return json_typeof(json_inner(value)) == JANSSON_TRUE;
}

bool json_bool(const struct json *object, const char *key, bool otherwise)
{
    return json_as_bool(json_find(object, key), otherwise);
}

size_t json_len(const struct json *array_or_object)
{
    if (json_is(array_or_object, JSON_ARRAY))
        return json_array_size(json_inner(array_or_object));
    if (json_is(array_or_object, JSON_OBJECT))
        return json_object_size(json_inner(array_or_object));
    return 0;
}

const struct json *json_at(const struct json *array, size_t i)
{
    if (!json_is(array, JSON_ARRAY))
        return NULL;
    return json_outer(json_array_get(json_inner(array), i));
}

bool json_next(const struct json *object, void **position, const char **ret_key,
               const struct json **ret_value)
{
    if (!json_is(object, JSON_OBJECT))
        return false;
    json_t *inner = json_inner(object);
    void *here =
        *position == NULL ? json_object_iter(inner) : json_object_iter_next(inner, *position);
    if (here == NULL)
        return false;
    *position = here;
    *ret_key = json_object_iter_key(here);
    *ret_value = json_outer(json_object_iter_value(here));
    return true;
}

bool json_member(const struct json *object, size_t i, const char **ret_key,
                 const struct json **ret_value)
{
    void *position = NULL;
    const char *key;
    const struct json *value;
    for (size_t k = 0; k <= i; k++)
        if (!json_next(object, &position, &key, &value))
            return false;
    *ret_key = key;
    *ret_value = value;
    return true;
}

bool json_equal(const struct json *a, const struct json *b)
{
    if (a == NULL || b == NULL)
        return a == b;
    return jansson_equal(json_inner(a), json_inner(b));
}

static int buf_take_bytes(const char *bytes, size_t len, void *out)
{
    buf_add(out, bytes, len);
    return 0;
}

static void tree_dump(const struct json *tree, struct buf *out, size_t flags)
{
    if (tree == NULL) {
        buf_add_cstr(out, "null");
        return;
    }
    CHECK(json_dump_callback(json_inner(tree), buf_take_bytes, out, flags | JSON_ENCODE_ANY) == 0);
}

void json_format(const struct json *tree, struct buf *out, bool pretty)
{
    tree_dump(tree, out, pretty ? JSON_INDENT(2) : JSON_COMPACT);
}

void json_format_canonical(const struct json *tree, struct buf *out)
{
    tree_dump(tree, out, JSON_COMPACT | JSON_SORT_KEYS);
}
