#include "base/jansson_door.h"

static const char replacement[] = "\xef\xbf\xbd"; /* U+FFFD */

static bool str_is_json_text(struct str s)
{
    while (s.len > 0) {
        size_t n = utf8_len(s);
        if (n == 0 || s.p[0] == '\0')
            return false;
        s = str_mem(s.p + n, s.len - n);
    }
    return true;
}

/* The bytes of a peer end up in our texts; a tree that cannot be written would be worse than a
 * mark. */
static char *str_to_json_text(struct str s)
{
    AUTO(buf_fini)
    struct buf clean = BUF(SIZE_MAX / 2);
    while (s.len > 0) {
        size_t n = utf8_len(s);
        bool good = n > 0 && s.p[0] != '\0';
        buf_add(&clean, good ? s.p : replacement, good ? n : sizeof replacement - 1);
        n = n > 0 ? n : 1;
        s = str_mem(s.p + n, s.len - n);
    }
    return buf_take(&clean);
}

struct json *json_object(void)
{
    return json_outer(mem_need(jansson_object()));
}

struct json *json_array(void)
{
    return json_outer(mem_need(jansson_array()));
}

struct json *json_new_text_str(struct str s)
{
    if (s.p == NULL)
        return json_new_null();
    if (str_is_json_text(s))
        return json_outer(mem_need(json_stringn_nocheck(s.p, s.len)));
    AUTO(mem_fini)
    char *clean = str_to_json_text(s);
    return json_outer(mem_need(json_string_nocheck(clean)));
}

struct json *json_new_text(const char *s)
{
    return json_new_text_str(str_of(s));
}

struct json *json_new_int(int64_t v)
{
    return json_outer(mem_need(json_integer(v)));
}

struct json *json_new_bool(bool v)
{
    return json_outer(json_boolean(v));
}

struct json *json_new_null(void)
{
    return json_outer(json_null());
}

struct json *json_set(struct json *object, const char *key, struct json *take)
{
    CHECK(json_is(object, JSON_OBJECT) && key != NULL && take != NULL && take != object);
    AUTO(mem_fini)
    char *clean = NULL;
    if (!str_is_json_text(str_of(key)))
        clean = str_to_json_text(str_of(key));
    const char *name = clean != NULL ? clean : key;
    CHECK(json_object_set_new_nocheck(json_inner(object), name, json_inner(take)) == 0);
    return object;
}

struct json *json_set_text(struct json *object, const char *key, const char *s)
{
    return json_set(object, key, json_new_text(s));
}

struct json *json_set_str(struct json *object, const char *key, struct str s)
{
    return json_set(object, key, json_new_text_str(s));
}

struct json *json_set_int(struct json *object, const char *key, int64_t v)
{
    return json_set(object, key, json_new_int(v));
}

struct json *json_set_bool(struct json *object, const char *key, bool v)
{
    return json_set(object, key, json_new_bool(v));
}

struct json *json_push(struct json *array, struct json *take)
{
    CHECK(json_is(array, JSON_ARRAY) && take != NULL && take != array);
    CHECK(json_array_append_new(json_inner(array), json_inner(take)) == 0);
    return array;
}

struct json *json_push_text(struct json *array, const char *s)
{
    return json_push(array, json_new_text(s));
}

void json_remove(struct json *object, const char *key)
{
    if (json_is(object, JSON_OBJECT))
        json_object_del(json_inner(object), key);
}
