#include "dns-providers/allinkl/soap.h"

#include "base/xml.h"

enum { ANSWER_MAX = 2 * 1024 * 1024, PARAMS_MAX = 64 * 1024, DEPTH_MAX = 12 };

static const char soap_space[] = "http://schemas.xmlsoap.org/soap/envelope/";
static const char call_space[] = "https://kasserver.com/";

bool soap_format(const char *call, const struct json *params, struct buf *out, struct err *err)
{
    AUTO(buf_fini)
    struct buf text = BUF(PARAMS_MAX);
    json_format(params, &text, false);
    struct json *inner = json_set_text(json_object(), "@xmlns", call_space);
    json_set_text(inner, "Params", buf_cstr(&text));
    struct json *envelope = json_set_text(json_object(), "@xmlns", soap_space);
    json_set(envelope, "Body", json_set(json_object(), call, inner));
    AUTO(json_fini)
    struct json *tree = json_set(json_object(), "Envelope", envelope);
    return xml_format(tree, out, err);
}

/* ---- answers ---- */

/* The member with that name behind whatever prefix. */
static const struct json *local_find(const struct json *object, const char *name)
{
    const char *key;
    const struct json *value;
    for (void *at = NULL; json_is(object, JSON_OBJECT) && json_next(object, &at, &key, &value);) {
        const char *colon = strchr(key, ':');
        if (key[0] != '@' && strcmp(colon != NULL ? colon + 1 : key, name) == 0)
            return value;
    }
    return NULL;
}

static const char *node_text(const struct json *node)
{
    const char *text = json_as_text(node) != NULL ? json_as_text(node) : json_text(node, "$");
    return text != NULL ? text : "";
}

static struct json *node_decode(const struct json *node, int depth)
{
    const struct json *items = json_find(node, "item");
    if (items == NULL || depth == 0)
        return json_new_text(node_text(node));
    bool is_map = json_find(json_at(items, 0), "key") != NULL;
    struct json *out = is_map ? json_object() : json_array();
    for (size_t i = 0; i < json_len(items); i++) {
        const struct json *item = json_at(items, i);
        if (!is_map)
            json_push(out, node_decode(item, depth - 1));
        else
            json_set(out, node_text(json_find(item, "key")),
                     node_decode(json_find(item, "value"), depth - 1));
    }
    return out;
}

bool soap_parse(struct arena *arena, struct str text, const struct json **ret_value,
                struct soap_fault *ret_fault, struct err *err)
{
    static const char *const arrays[] = {"return/item", "value/item", "item/item", NULL};
    AUTO(json_fini)
    struct json *tree = NULL;
    const char *call = NULL;
    const struct json *answer = NULL;
    if (!xml_parse(text, ANSWER_MAX, arrays, &tree, err))
        return false;
    const struct json *body = local_find(local_find(tree, "Envelope"), "Body");
    const struct json *fault = local_find(body, "Fault");
    if (fault != NULL) {
        *ret_fault =
            (struct soap_fault){arena_strdup(arena, node_text(local_find(fault, "faultstring"))),
                                arena_strdup(arena, node_text(local_find(fault, "detail")))};
        *ret_value = NULL;
        return true;
    }
    for (void *at = NULL; json_is(body, JSON_OBJECT) && json_next(body, &at, &call, &answer);)
        if (local_find(answer, "return") != NULL) {
            *ret_value = json_in_arena(arena, node_decode(local_find(answer, "return"), DEPTH_MAX));
            return true;
        }
    return err_set(err, ERR_BROKEN, "it is no answer of SOAP with a return");
}
