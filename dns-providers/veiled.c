#include "dns-providers/veiled_inside.h"

/* ---- building ---- */

static const struct veiled *node_new(struct arena *arena, struct veiled node)
{
    struct veiled *v = arena_alloc(arena, sizeof *v);
    *v = node;
    v->size = node.text.len + sizeof node;
    for (size_t i = 0; i < node.n; i++)
        v->size = veiled_size(node.parts[i]) > SIZE_MAX - v->size
                      ? SIZE_MAX
                      : v->size + veiled_size(node.parts[i]);
    return v;
}

size_t veiled_size(const struct veiled *v)
{
    return v != NULL ? v->size : 0;
}

const struct veiled *veiled_text(struct arena *arena, struct str text)
{
    if (text.len == 0)
        return NULL;
    return node_new(
        arena, (struct veiled){.kind = VEILED_TEXT,
                               .text = str_mem(arena_strndup(arena, text.p, text.len), text.len)});
}

const struct veiled *veiled_secret(struct arena *arena, const char *name)
{
    return node_new(arena, (struct veiled){.kind = VEILED_SECRET,
                                           .has_secret = true,
                                           .text = str_of(arena_strdup(arena, name))});
}

bool veiled_is_plain(const struct veiled *v)
{
    return v == NULL || !v->has_secret;
}

/* What holds no secret is always one text: joins and calls of texts are worked out when they are made. */
struct str veiled_plain(const struct veiled *v)
{
    CHECK(veiled_is_plain(v));
    return v != NULL ? v->text : STR("");
}

static int depth_of(const struct veiled *v)
{
    return v != NULL ? v->depth : 0;
}

static const struct veiled *texts_join(struct arena *arena, struct str a, struct str b)
{
    char *both = arena_alloc(arena, a.len + b.len + 1);
    memcpy(both, a.p, a.len);
    memcpy(both + a.len, b.p, b.len);
    return node_new(arena,
                    (struct veiled){.kind = VEILED_TEXT, .text = str_mem(both, a.len + b.len)});
}

/* A join holds no joins and no two texts side by side: what means the same is written the same, and appending makes it no deeper. */
static size_t parts_add(struct arena *arena, const struct veiled **parts, size_t n,
                        const struct veiled *v)
{
    size_t n_more = v->kind == VEILED_JOIN ? v->n : 1;
    for (size_t i = 0; i < n_more; i++) {
        const struct veiled *part = v->kind == VEILED_JOIN ? v->parts[i] : v;
        if (n > 0 && part->kind == VEILED_TEXT && parts[n - 1]->kind == VEILED_TEXT)
            parts[n - 1] = texts_join(arena, parts[n - 1]->text, part->text);
        else
            parts[n++] = part;
    }
    return n;
}

const struct veiled *veiled_join(struct arena *arena, const struct veiled *a,
                                 const struct veiled *b)
{
    if (a == NULL || b == NULL)
        return a == NULL ? b : a;
    if (veiled_is_plain(a) && veiled_is_plain(b))
        return texts_join(arena, a->text, b->text);
    size_t most = (a->kind == VEILED_JOIN ? a->n : 1) + (b->kind == VEILED_JOIN ? b->n : 1);
    const struct veiled **parts = arena_alloc(arena, most * sizeof(*parts));
    size_t n = 2;
    if (most <= VEILED_ARGUMENTS_MAX) {
        n = parts_add(arena, parts, parts_add(arena, parts, 0, a), b);
    } else { /* what is read back has so many arguments at most */
        parts[0] = a;
        parts[1] = b;
    }
    int depth = 0;
    for (size_t i = 0; i < n; i++)
        depth = parts[i]->depth >= depth ? parts[i]->depth + 1 : depth;
    return node_new(
        arena,
        (struct veiled){
            .kind = VEILED_JOIN, .has_secret = true, .depth = depth, .parts = parts, .n = n});
}

const struct veiled *veiled_call_node(struct arena *arena, enum veiled_function function,
                                      const struct veiled *const *arguments, size_t n)
{
    const struct veiled **copy = arena_alloc(arena, n * sizeof(*copy));
    int depth = 0;
    for (size_t i = 0; i < n; i++) {
        copy[i] = arguments[i];
        depth = depth_of(copy[i]) + 1 > depth ? depth_of(copy[i]) + 1 : depth;
    }
    return node_new(arena, (struct veiled){.kind = VEILED_CALL,
                                           .has_secret = true,
                                           .depth = depth,
                                           .function = function,
                                           .parts = copy,
                                           .n = n});
}

/* Arguments beyond the number that is needed belong to the last one. */
static bool arguments_fit(struct arena *arena, enum veiled_function function,
                          const struct veiled *const *arguments, size_t n,
                          const struct veiled **ret, struct err *err)
{
    size_t least = veiled_function_least(function);
    if (n < least || (n > least && !veiled_function_joins(function)))
        return err_set(
            err, ERR_CONFIG, "%s takes %s%zu argument%s, not %zu", veiled_function_name(function),
            veiled_function_joins(function) ? "at least " : "", least, least == 1 ? "" : "s", n);
    for (size_t i = 0; i < n; i++) {
        if (i < least)
            ret[i] = arguments[i];
        else
            ret[least - 1] = veiled_join(arena, ret[least - 1], arguments[i]);
    }
    return true;
}

bool veiled_call(struct arena *arena, enum veiled_function function,
                 const struct veiled *const *arguments, size_t n, const struct veiled **ret,
                 struct err *err)
{
    const struct veiled *fit[2] = {NULL};
    struct str texts[2];
    size_t least = veiled_function_least(function);
    bool is_plain = true;
    CHECK(least <= 2);
    if (!arguments_fit(arena, function, arguments, n, fit, err))
        return false;
    for (size_t i = 0; i < least; i++)
        is_plain = is_plain && veiled_is_plain(fit[i]);
    if (!is_plain) {
        *ret = veiled_call_node(arena, function, fit, least);
        return true;
    }
    AUTO(buf_fini)
    struct buf out = BUF(VEILED_TEXT_MAX);
    for (size_t i = 0; i < least; i++)
        texts[i] = veiled_plain(fit[i]);
    if (!veiled_function_run(function, texts, &out, err))
        return err_wrap(err, "%s", veiled_function_name(function));
    if (out.overflow)
        return err_set(err, ERR_BROKEN, "%s: too large", veiled_function_name(function));
    *ret = veiled_text(arena, buf_str(&out));
    return true;
}

/* ---- writing ---- */

static void quoted_add(struct str text, struct buf *out)
{
    buf_add_char(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.p[i];
        if (c == '"' || c == '\\')
            buf_printf(out, "\\%c", c);
        else if (c < ' ' || c >= 0x7f)
            buf_printf(out, "\\x%02x", c);
        else
            buf_add_char(out, (char)c);
    }
    buf_add_char(out, '"');
}

static void expression_add(const struct veiled *v, struct buf *out)
{
    if (v == NULL || v->kind == VEILED_TEXT) {
        quoted_add(v != NULL ? v->text : STR(""), out);
        return;
    }
    if (v->kind == VEILED_SECRET) {
        buf_add_str(out, v->text);
        return;
    }
    if (v->kind == VEILED_CALL)
        buf_printf(out, "%s(", veiled_function_name(v->function));
    else
        buf_add_cstr(out, "(");
    for (size_t i = 0; i < v->n; i++) {
        if (i > 0)
            buf_add_char(out, ',');
        expression_add(v->parts[i], out);
    }
    buf_add_char(out, ')');
}

/* "{{" of a text is written as an expression, so that it is none. A final "{" might become one with what follows. */
static void text_add(struct str text, struct buf *out)
{
    for (size_t i = 0; i < text.len; i++) {
        bool may_open = text.p[i] == '{' && (i + 1 == text.len || text.p[i + 1] == '{');
        if (may_open)
            buf_add_cstr(out, "{{\"{\"}}");
        else
            buf_add_char(out, text.p[i]);
    }
}

void veiled_format(const struct veiled *v, struct buf *out)
{
    if (v == NULL)
        return;
    if (v->kind == VEILED_TEXT) {
        text_add(v->text, out);
    } else if (v->kind == VEILED_JOIN) {
        for (size_t i = 0; i < v->n; i++)
            veiled_format(v->parts[i], out);
    } else {
        buf_add_cstr(out, "{{");
        expression_add(v, out);
        buf_add_cstr(out, "}}");
    }
}
