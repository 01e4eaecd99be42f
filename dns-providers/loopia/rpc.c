#include "dns-providers/loopia/rpc.h"

#include "base/xml.h"

#include <stdio.h>

enum { ANSWER_MAX = 2 * 1024 * 1024, DEPTH_MAX = 8 };

/* ---- calls ---- */

static struct json *in(const char *name, struct json *take)
{
    return json_set(json_object(), name, take);
}

static struct json *value_encode(const struct json *value)
{
    const char *key;
    const struct json *member;
    char number[24];
    if (json_is(value, JSON_INT)) {
        snprintf(number, sizeof number, "%lld", (long long)json_as_int(value, 0));
        return in("int", json_new_text(number));
    }
    if (!json_is(value, JSON_OBJECT))
        return in("string", json_copy(value));
    struct json *members = json_array();
    for (void *at = NULL; json_next(value, &at, &key, &member);) {
        struct json *one = in("name", json_new_text(key));
        json_push(members, json_set(one, "value", value_encode(member)));
    }
    return in("struct", in("member", members));
}

bool rpc_format(const char *method, struct json *take, struct buf *out, struct err *err)
{
    AUTO(json_fini)
    struct json *parameters = take;
    struct json *list = json_array(), *call = in("methodName", json_new_text(method));
    for (size_t i = 0; i < json_len(parameters); i++)
        json_push(list, in("value", value_encode(json_at(parameters, i))));
    AUTO(json_fini)
    struct json *tree = in("methodCall", json_set(call, "params", in("param", list)));
    return xml_format(tree, out, err);
}

/* ---- answers ---- */

static struct json *value_decode(const struct json *value, int depth);

static struct json *struct_decode(const struct json *members, int depth)
{
    struct json *object = json_object();
    for (size_t i = 0; i < json_len(members); i++) {
        const char *name = json_text(json_at(members, i), "name");
        if (name != NULL)
            json_set(object, name, value_decode(json_find(json_at(members, i), "value"), depth));
    }
    return object;
}

static struct json *array_decode(const struct json *values, int depth)
{
    struct json *array = json_array();
    for (size_t i = 0; i < json_len(values); i++)
        json_push(array, value_decode(json_at(values, i), depth));
    return array;
}

/* Without a type it is a text; empty lists and structs have nothing in them. */
static struct json *value_decode(const struct json *value, int depth)
{
    const char *type = NULL;
    const struct json *content = NULL;
    if (json_as_text(value) != NULL)
        return json_copy(value);
    if (depth == 0 || !json_member(value, 0, &type, &content))
        return json_new_null();
    if (strcmp(type, "struct") == 0)
        return struct_decode(json_find(content, "member"), depth - 1);
    if (strcmp(type, "array") == 0)
        return array_decode(json_find(json_find(content, "data"), "value"), depth - 1);
    return json_as_text(content) != NULL ? json_copy(content) : json_new_null();
}

bool rpc_parse(struct str text, struct json **ret_value, bool *ret_is_fault, struct err *err)
{
    static const char *const arrays[] = {"struct/member", "data/value", NULL};
    AUTO(json_fini)
    struct json *tree = NULL;
    if (!xml_parse(text, ANSWER_MAX, arrays, &tree, err))
        return false;
    const struct json *root = json_find(tree, "methodResponse");
    const struct json *fault = json_find(json_find(root, "fault"), "value");
    const struct json *value = json_find(json_find(json_find(root, "params"), "param"), "value");
    if (fault == NULL && value == NULL)
        return err_set(err, ERR_BROKEN, "it is no answer of XML-RPC with one value");
    *ret_is_fault = fault != NULL;
    *ret_value = value_decode(fault != NULL ? fault : value, DEPTH_MAX);
    return true;
}
