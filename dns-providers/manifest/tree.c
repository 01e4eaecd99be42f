#include "dns-providers/manifest/tree.h"

#include "base/xml.h"
#include "dns-providers/manifest/cond.h"

#include <stdio.h>

enum { JWT_LIFE_S = 600 };

/* ---- marks ---- */

#define MARK "\xee\x80\x81" /* U+E001, of private use: JSON and XML write it as it is */
enum { MARK_LEN = 3, MARK_WHOLE = MARK_LEN + 16 + 5 };

/* Nobody but this work knows the number in it, so that no text of a server can pass for a mark. */
static void mark_prefix(const struct tree_work *work, char out[MARK_LEN + 17])
{
    memcpy(out, MARK, MARK_LEN);
    for (int i = 0; i < 8; i++)
        snprintf(out + MARK_LEN + 2 * i, 3, "%02x", work->context.random[24 + i]);
}

static struct json *mark_new(struct tree_work *work, const struct veiled *text, struct err *err)
{
    char prefix[MARK_LEN + 17];
    if (work->n_marks == TREE_MARKS_MAX) {
        err_set(err, ERR_REFUSED, "more than %d secrets in one body", TREE_MARKS_MAX);
        return NULL;
    }
    mark_prefix(work, prefix);
    work->marks[work->n_marks] = text;
    AUTO(mem_fini)
    char *mark = mem_printf("%s:%04zx", prefix, work->n_marks++);
    return json_new_text(mark);
}

/* Is there a mark at the start of a text? */
static bool mark_read(const struct tree_work *work, struct str text, const struct veiled **ret)
{
    char prefix[MARK_LEN + 17], digits[5] = "";
    mark_prefix(work, prefix);
    if (text.len < MARK_WHOLE || memcmp(text.p, prefix, MARK_LEN + 16) != 0)
        return false;
    memcpy(digits, text.p + MARK_LEN + 17, 4);
    size_t at = 0;
    for (int i = 0; i < 4; i++)
        at = at * 16 + (size_t)(digits[i] <= '9' ? digits[i] - '0' : digits[i] - 'a' + 10);
    if (at >= work->n_marks)
        return false;
    *ret = work->marks[at];
    return true;
}

const struct veiled *tree_text(const struct tree_work *work, const struct json *worked_out)
{
    const struct veiled *mark = NULL;
    const char *text = json_as_text(worked_out);
    struct value value = value_of_json(worked_out);
    if (text != NULL && strlen(text) == MARK_WHOLE && mark_read(work, str_of(text), &mark))
        return mark;
    return value_text(work->context.arena, &value);
}

/* Marks become the secrets they stand for, encoded by an expression as the text around them needs it. */
static const struct veiled *marks_fill(const struct tree_work *work, struct str text,
                                       enum veiled_function encoding)
{
    struct arena *arena = work->context.arena;
    const struct veiled *all = NULL, *mark = NULL;
    size_t from = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.p[i] != MARK[0] || !mark_read(work, str_mem(text.p + i, text.len - i), &mark))
            continue;
        const struct veiled *encoded = NULL;
        CHECK(veiled_call(arena, encoding, &mark, 1, &encoded, NULL));
        all = veiled_join(arena, all, veiled_text(arena, str_mem(text.p + from, i - from)));
        all = veiled_join(arena, all, encoded);
        from = i + MARK_WHOLE;
        i = from - 1;
    }
    return veiled_join(arena, all, veiled_text(arena, str_mem(text.p + from, text.len - from)));
}

const struct veiled *tree_json(const struct tree_work *work, const struct json *worked_out)
{
    AUTO(buf_fini)
    struct buf text = BUF(8 * JSON_SIZE_MAX);
    json_format(worked_out, &text, false);
    return marks_fill(work, buf_str(&text), VEILED_JSON);
}

bool tree_xml(const struct template_context *context, const struct json *tree,
              const struct veiled **ret, struct err *err)
{
    struct tree_work *work = arena_alloc(context->arena, sizeof *work);
    struct json *made = NULL;
    AUTO(buf_fini)
    struct buf text = BUF(8 * JSON_SIZE_MAX);
    work->context = *context;
    if (!tree_work_out(work, tree, &made, err) || !xml_format(made, &text, err))
        return false;
    if (text.overflow)
        return err_set(err, ERR_REFUSED, "the body becomes too large");
    *ret = marks_fill(work, buf_str(&text), VEILED_XML);
    return true;
}

/* ---- texts ---- */

static struct json *value_json(struct tree_work *work, const struct value *value, struct err *err)
{
    if (value->kind == VALUE_JSON)
        return json_copy(value->json);
    if (veiled_is_plain(value->text))
        return json_new_text_str(veiled_plain(value->text));
    return mark_new(work, value->text, err);
}

static bool text_work_out(struct tree_work *work, const char *text, struct json **ret,
                          struct err *err)
{
    struct value value;
    if (!template_value(&work->context, text, &value, err))
        return false;
    struct json *made = value_json(work, &value, err);
    if (made == NULL)
        return false;
    *ret = json_in_arena(work->context.arena, made);
    return true;
}

/* ---- directives ---- */

static bool variable_list(const struct tree_work *work, const char *variable,
                          const struct json **ret, struct err *err)
{
    struct value value;
    if (!scope_find(work->context.scope, str_of(variable), NULL, work->context.arena, &value, err))
        return false;
    if (value.kind != VALUE_JSON || !json_is(value.json, JSON_ARRAY))
        return err_set(err, ERR_CONFIG, "$each: %s is no list", variable);
    *ret = value.json;
    return true;
}

/* An item of `values` as it was read stands beside it as "raw". */
static bool item_work_out(struct tree_work *work, const char *name, const struct json *item,
                          const struct json *emit, struct json **ret, struct err *err)
{
    const struct scope *outer = work->context.scope;
    const struct json *raw = json_find(item, "raw"), *text = json_find(item, "text");
    struct scope raw_scope = {.outer = outer, .name = "raw", .value = value_of_json(raw)};
    struct scope item_scope = {
        .outer = &raw_scope, .name = name, .value = value_of_json(text != NULL ? text : item)};
    work->context.scope = &item_scope;
    bool ok = tree_work_out(work, emit, ret, err);
    work->context.scope = outer;
    return ok;
}

static bool each_work_out(struct tree_work *work, const struct json *tree, struct json **ret,
                          struct err *err)
{
    const struct json *list = NULL;
    const char *name = json_text(tree, "as");
    if (!variable_list(work, json_text(tree, "$each"), &list, err))
        return false;
    struct json *made = json_in_arena(work->context.arena, json_array());
    for (size_t i = 0; i < json_len(list); i++) {
        struct json *item = NULL;
        if (!item_work_out(work, name != NULL ? name : "item", json_at(list, i),
                           json_find(tree, "emit"), &item, err))
            return false;
        if (item != NULL)
            json_push(made, json_copy(item));
    }
    *ret = made;
    return true;
}

static bool if_work_out(struct tree_work *work, const struct json *tree, struct json **ret,
                        struct err *err)
{
    bool holds = false;
    if (!cond_holds(&work->context, json_find(tree, "$if"), NULL, &holds, err))
        return false;
    const struct json *chosen = json_find(tree, holds ? "then" : "else");
    *ret = NULL;
    return chosen == NULL || tree_work_out(work, chosen, ret, err);
}

static bool doc_work_out(struct tree_work *work, const struct json *tree, struct json **ret,
                         struct err *err)
{
    const char *variable = json_text(tree, "$doc");
    struct value value;
    if (!scope_find(work->context.scope, str_of(variable), NULL, work->context.arena, &value, err))
        return false;
    if (value.kind != VALUE_JSON)
        return err_set(err, ERR_CONFIG, "$doc: %s holds no JSON value", variable);
    *ret = json_in_arena(work->context.arena, json_copy(value.json));
    return true;
}

static bool merge_work_out(struct tree_work *work, const struct json *tree, struct json **ret,
                           struct err *err)
{
    const struct json *list = json_find(tree, "$merge");
    struct json *made = json_in_arena(work->context.arena, json_object());
    for (size_t i = 0; i < json_len(list); i++) {
        struct json *part = NULL;
        const struct json *value;
        const char *key;
        void *position = NULL;
        if (!tree_work_out(work, json_at(list, i), &part, err))
            return false;
        while (part != NULL && json_next(part, &position, &key, &value))
            json_set(made, key, json_copy(value));
    }
    *ret = made;
    return true;
}

static bool join_work_out(struct tree_work *work, const struct json *tree, struct json **ret,
                          struct err *err)
{
    const struct json *list = json_find(tree, "$join");
    struct json *made = json_in_arena(work->context.arena, json_array());
    for (size_t i = 0; i < json_len(list); i++) {
        struct json *part = NULL;
        if (!tree_work_out(work, json_at(list, i), &part, err))
            return false;
        for (size_t j = 0; json_is(part, JSON_ARRAY) && j < json_len(part); j++)
            json_push(made, json_copy(json_at(part, j)));
    }
    *ret = made;
    return true;
}

static bool json_work_out(struct tree_work *work, const struct json *tree, struct json **ret,
                          struct err *err)
{
    struct json *inner = NULL;
    if (!tree_work_out(work, json_find(tree, "$json"), &inner, err))
        return false;
    struct value value = value_of_text(inner != NULL ? tree_json(work, inner) : NULL);
    struct json *made = value_json(work, &value, err);
    if (made == NULL)
        return false;
    *ret = json_in_arena(work->context.arena, made);
    return true;
}

/* ---- signed tokens (RFC 7515, RFC 7519) ---- */

static const struct veiled *b64url_of(struct arena *arena, const struct veiled *text)
{
    const struct veiled *encoded = NULL;
    CHECK(veiled_call(arena, VEILED_B64URL, &text, 1, &encoded, NULL));
    return encoded;
}

static bool jwt_part(struct tree_work *work, const struct json *tree, struct json *more,
                     const struct veiled **ret, struct err *err)
{
    struct json *made = NULL;
    const struct json *value;
    const char *key;
    void *position = NULL;
    json_in_arena(work->context.arena, more);
    if (tree != NULL && !tree_work_out(work, tree, &made, err))
        return false;
    while (made != NULL && json_next(made, &position, &key, &value))
        json_set(more, key, json_copy(value));
    *ret = b64url_of(work->context.arena, tree_json(work, more));
    return true;
}

static bool jwt_times(const struct tree_work *work, const struct json *jwt, struct json *claims,
                      struct err *err)
{
    struct value now = {0};
    int64_t unix_s = 0;
    if (!scope_find(work->context.scope, STR("now.unix"), NULL, work->context.arena, &now, err))
        return false;
    const char *text = now.kind != VALUE_NONE ? value_plain(work->context.arena, &now) : NULL;
    if (text == NULL || !str_to_i64(str_of(text), &unix_s))
        return err_set(err, ERR_BUG, "$jwt: the time is not known");
    AUTO(mem_fini)
    char *id =
        mem_printf("%lld-%02x%02x%02x%02x", (long long)unix_s, work->context.random[0],
                   work->context.random[1], work->context.random[2], work->context.random[3]);
    json_set_int(claims, "iat", unix_s);
    json_set_int(claims, "exp", unix_s + json_int(jwt, "life", JWT_LIFE_S));
    json_set_text(claims, "jti", id);
    return true;
}

static bool jwt_sign(struct tree_work *work, const struct json *jwt, const struct veiled *input,
                     const struct veiled **ret, struct err *err)
{
    struct arena *arena = work->context.arena;
    const char *alg = json_text(jwt, "alg");
    const struct veiled *two[2] = {NULL, input}, *signature = NULL;
    if (!template_text(&work->context, json_text(jwt, "key"), &two[0], err) ||
        !veiled_call(arena, strcmp(alg, "PS256") == 0 ? VEILED_PS256 : VEILED_RS256, two, 2,
                     &signature, err))
        return false;
    input = veiled_join(arena, input, veiled_text(arena, STR(".")));
    *ret = veiled_join(arena, input, b64url_of(arena, signature));
    return true;
}

static bool jwt_work_out(struct tree_work *work, const struct json *tree, struct json **ret,
                         struct err *err)
{
    struct arena *arena = work->context.arena;
    const struct json *jwt = json_find(tree, "$jwt");
    struct json *header = json_set_text(json_object(), "alg", json_text(jwt, "alg"));
    struct json *claims = json_object();
    const struct veiled *head = NULL, *body = NULL, *token = NULL;
    json_set_text(header, "typ", "JWT");
    bool ok = jwt_times(work, jwt, claims, err);
    if (!jwt_part(work, json_find(jwt, "header"), header, &head, err) ||
        !jwt_part(work, json_find(jwt, "claims"), claims, &body, err) || !ok)
        return false;
    head = veiled_join(arena, head, veiled_text(arena, STR(".")));
    if (!jwt_sign(work, jwt, veiled_join(arena, head, body), &token, err))
        return false;
    struct value value = value_of_text(token);
    struct json *made = value_json(work, &value, err);
    if (made == NULL)
        return false;
    *ret = json_in_arena(arena, made);
    return true;
}

static const struct {
    const char *name;
    bool (*work_out)(struct tree_work *work, const struct json *tree, struct json **ret,
                     struct err *err);
} directives[] = {
    {"$each", each_work_out},   {"$if", if_work_out},     {"$doc", doc_work_out},
    {"$merge", merge_work_out}, {"$join", join_work_out}, {"$json", json_work_out},
    {"$jwt", jwt_work_out},
};

/* ---- all ---- */

static bool object_work_out(struct tree_work *work, const struct json *tree, struct json **ret,
                            struct err *err)
{
    const struct json *value;
    const char *key;
    void *position = NULL;
    for (size_t i = 0; i < sizeof directives / sizeof directives[0]; i++)
        if (json_find(tree, directives[i].name) != NULL)
            return directives[i].work_out(work, tree, ret, err);
    struct json *made = json_in_arena(work->context.arena, json_object());
    while (json_next(tree, &position, &key, &value)) {
        struct json *member = NULL;
        if (!tree_work_out(work, value, &member, err))
            return err_wrap(err, "%s", key);
        if (member != NULL)
            json_set(made, key, json_copy(member));
    }
    *ret = made;
    return true;
}

static bool array_work_out(struct tree_work *work, const struct json *tree, struct json **ret,
                           struct err *err)
{
    struct json *made = json_in_arena(work->context.arena, json_array());
    for (size_t i = 0; i < json_len(tree); i++) {
        struct json *item = NULL;
        if (!tree_work_out(work, json_at(tree, i), &item, err))
            return false;
        if (item != NULL)
            json_push(made, json_copy(item));
    }
    *ret = made;
    return true;
}

bool tree_work_out(struct tree_work *work, const struct json *tree, struct json **ret,
                   struct err *err)
{
    bool ok = true;
    if (work->depth >= TREE_DEPTH_MAX || ++work->n_nodes > TREE_NODES_MAX)
        return err_set(err, ERR_REFUSED, "the body becomes too large");
    work->depth++;
    if (json_is(tree, JSON_OBJECT))
        ok = object_work_out(work, tree, ret, err);
    else if (json_is(tree, JSON_ARRAY))
        ok = array_work_out(work, tree, ret, err);
    else if (json_as_text(tree) != NULL)
        ok = text_work_out(work, json_as_text(tree), ret, err);
    else
        *ret = json_in_arena(work->context.arena, json_copy(tree));
    work->depth--;
    return ok;
}

bool tree_render(const struct template_context *context, const struct json *tree,
                 const struct veiled **ret, struct err *err)
{
    struct tree_work *work = arena_alloc(context->arena, sizeof *work);
    struct json *made = NULL;
    work->context = *context;
    if (!tree_work_out(work, tree, &made, err))
        return false;
    *ret = made != NULL ? tree_json(work, made) : NULL;
    return true;
}
