#include "dns-providers/manifest/filter.h"
#include "dns-providers/pointer.h"

enum { FILTERS_MAX = 16 };

struct use { /* of a filter */
    enum filter filter;
    struct str arguments[FILTER_ARGUMENTS_MAX];
    size_t n;
};
struct placeholder { /* texts borrowed from the template */
    struct str variable;
    struct str pointer; /* p NULL: none */
    struct use uses[FILTERS_MAX];
    size_t n_uses;
};

/* ---- reading ---- */

static bool is_variable_char(char c)
{
    return c == '_' || c == '.' || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool variable_read(struct str text, struct placeholder *p, struct err *err)
{
    size_t len = 0;
    while (len < text.len && is_variable_char(text.p[len]))
        len++;
    p->variable = str_mem(text.p, len);
    p->pointer = STR_NONE;
    if (len < text.len && text.p[len] == ':')
        p->pointer = str_mem(text.p + len + 1, text.len - len - 1);
    if (len == 0 || (len < text.len && text.p[len] != ':'))
        return err_set(err, ERR_CONFIG, "{%.*s}: a variable is made of a-z, 0-9, _ and .",
                       STR_ARG(text));
    return true;
}

static bool use_read(struct str text, struct use *use, struct err *err)
{
    size_t colon = str_find_char(text, ':');
    struct str name = str_mem(text.p, colon);
    struct str rest =
        colon < text.len ? str_mem(text.p + colon + 1, text.len - colon - 1) : STR_NONE;
    struct str piece;
    use->n = 0;
    if (!filter_find(name, &use->filter))
        return err_set(err, ERR_CONFIG, "there is no filter \"%.*s\"", STR_ARG(name));
    while (rest.p != NULL && str_split(&rest, ',', &piece)) {
        if (use->n == FILTER_ARGUMENTS_MAX)
            return err_set(err, ERR_CONFIG, "filter %.*s: too many arguments", STR_ARG(name));
        use->arguments[use->n++] = piece;
    }
    return filter_check(use->filter, use->arguments, use->n, err);
}

static bool placeholder_read(struct str text, struct placeholder *ret, struct err *err)
{
    struct str rest = text, piece;
    str_split(&rest, '|', &piece);
    if (!variable_read(piece, ret, err))
        return false;
    ret->n_uses = 0;
    while (str_split(&rest, '|', &piece)) {
        if (ret->n_uses == FILTERS_MAX)
            return err_set(err, ERR_CONFIG, "{%.*s}: too many filters", STR_ARG(text));
        if (!use_read(piece, &ret->uses[ret->n_uses++], err))
            return err_wrap(err, "{%.*s}", STR_ARG(text));
    }
    return true;
}

/* The next piece of a template: a literal, or the inside of a placeholder. False at the end; err when it is malformed. */
static bool piece_take(struct str *rest, struct str *ret, bool *ret_is_placeholder, struct err *err)
{
    size_t n = 0;
    if (rest->len == 0)
        return false;
    *ret_is_placeholder = false;
    bool is_double =
        rest->len > 1 && (rest->p[0] == '{' || rest->p[0] == '}') && rest->p[1] == rest->p[0];
    if (is_double) {
        *ret = str_mem(rest->p, 1);
        *rest = str_mem(rest->p + 2, rest->len - 2);
        return true;
    }
    if (rest->p[0] == '}') {
        err_set(err, ERR_CONFIG, "a single \"}\": write \"}}\" for the character");
        return false;
    }
    if (rest->p[0] == '{') {
        size_t end = str_find_char(*rest, '}');
        if (end == rest->len) {
            err_set(err, ERR_CONFIG, "\"{\" without \"}\"; write \"{{\" for the character");
            return false;
        }
        *ret = str_mem(rest->p + 1, end - 1);
        *ret_is_placeholder = true;
        *rest = str_mem(rest->p + end + 1, rest->len - end - 1);
        return true;
    }
    while (n < rest->len && rest->p[n] != '{' && rest->p[n] != '}')
        n++;
    *ret = str_mem(rest->p, n);
    *rest = str_mem(rest->p + n, rest->len - n);
    return true;
}

/* ---- checking ---- */

static bool has_default(const struct placeholder *p)
{
    for (size_t i = 0; i < p->n_uses; i++)
        if (p->uses[i].filter == FILTER_OR || p->uses[i].filter == FILTER_UUID ||
            p->uses[i].filter == FILTER_NONCE)
            return true;
    return false;
}

static bool placeholder_check(const struct placeholder *p, template_used *used, void *arg,
                              struct err *err)
{
    AUTO(mem_fini)
    char *pointer = p->pointer.p != NULL ? mem_strndup(p->pointer.p, p->pointer.len) : NULL;
    if (pointer != NULL && !pointer_is_good(pointer))
        return err_set(err, ERR_CONFIG, "\"%s\" is no JSON pointer", pointer);
    if (used == NULL)
        return true;
    if (!used(arg, p->variable, pointer, has_default(p), err))
        return false;
    for (size_t i = 0; i < p->n_uses; i++) {
        size_t at = filter_variable(p->uses[i].filter);
        if (at < p->uses[i].n && !used(arg, p->uses[i].arguments[at], NULL, false, err))
            return false;
    }
    return true;
}

bool template_check(const char *text, template_used *used, void *arg, struct err *err)
{
    struct str rest = str_of(text), piece;
    struct placeholder p;
    struct err why = {0};
    bool is_placeholder;
    size_t n = 0;
    while (piece_take(&rest, &piece, &is_placeholder, &why)) {
        if (is_placeholder &&
            (!placeholder_read(piece, &p, err) || !placeholder_check(&p, used, arg, err)))
            return false;
        if (is_placeholder && ++n > TEMPLATE_PLACEHOLDERS_MAX)
            return err_set(err, ERR_CONFIG, "more than %d placeholders in one text",
                           TEMPLATE_PLACEHOLDERS_MAX);
    }
    return why.kind == ERR_NONE || err_set(err, why.kind, "%s", why.text);
}

/* ---- working out ---- */

static bool is_small(const struct veiled *text, struct err *err)
{
    return veiled_size(text) <= TEMPLATE_GROWN_MAX ||
           err_set(err, ERR_REFUSED, "the text grows beyond %d bytes", TEMPLATE_GROWN_MAX);
}

static bool placeholder_value(const struct template_context *c, const struct placeholder *p,
                              struct value *ret, struct err *err)
{
    const char *pointer =
        p->pointer.p != NULL ? arena_strndup(c->arena, p->pointer.p, p->pointer.len) : NULL;
    struct value value = {0};
    if (!scope_find(c->scope, p->variable, pointer, c->arena, &value, err))
        return false;
    if (value.kind == VALUE_NONE && !has_default(p))
        return err_set(err, ERR_CONFIG, "%.*s%s%s is not set", STR_ARG(p->variable),
                       pointer != NULL ? ":" : "", pointer != NULL ? pointer : "");
    for (size_t i = 0; i < p->n_uses; i++) {
        const struct use *use = &p->uses[i];
        if (!filter_apply(c, use->filter, use->arguments, use->n, &value, err))
            return err_wrap(err, "%.*s|%s", STR_ARG(p->variable), filter_name(use->filter));
        if (value.kind == VALUE_TEXT && !is_small(value.text, err))
            return false;
    }
    *ret = value;
    return true;
}

/* A segment must not climb, and only the filter `path` lets slashes through. */
static bool segment_encode(const struct template_context *c, const struct placeholder *p,
                           const struct veiled **text, struct err *err)
{
    enum filter last = p->n_uses > 0 ? p->uses[p->n_uses - 1].filter : FILTER_N;
    if (last == FILTER_PATH || last == FILTER_SEG || last == FILTER_ENC)
        return true;
    return veiled_call(c->arena, VEILED_ENC, text, 1, text, err);
}

static bool path_is_safe(struct str path)
{
    struct str rest = path, segment;
    size_t query = str_find_char(path, '?');
    rest.len = query;
    while (str_split(&rest, '/', &segment))
        if (str_eq(segment, STR(".")) || str_eq(segment, STR("..")))
            return false;
    return true;
}

bool template_value(const struct template_context *c, const char *text, struct value *ret,
                    struct err *err)
{
    struct str rest = str_of(text), piece;
    struct placeholder *p = arena_alloc(c->arena, sizeof *p);
    const struct veiled *all = NULL;
    struct err why = {0};
    bool is_placeholder;
    for (bool is_first = true; piece_take(&rest, &piece, &is_placeholder, &why); is_first = false) {
        struct value value = value_of_text(NULL);
        if (!is_placeholder) {
            all = veiled_join(c->arena, all, veiled_text(c->arena, piece));
            continue;
        }
        if (!placeholder_read(piece, p, err) || !placeholder_value(c, p, &value, err))
            return false;
        if (is_first && rest.len == 0 && !c->in_path) {
            *ret = value.kind != VALUE_NONE ? value : value_of_text(NULL);
            return true;
        }
        const struct veiled *part = value_text(c->arena, &value);
        if (c->in_path && !segment_encode(c, p, &part, err))
            return false;
        if (!is_small(part, err))
            return false;
        all = veiled_join(c->arena, all, part);
        if (!is_small(all, err))
            return false;
    }
    if (why.kind != ERR_NONE)
        return err_set(err, why.kind, "%s", why.text);
    if (c->in_path && veiled_is_plain(all) && !path_is_safe(veiled_plain(all)))
        return err_set(err, ERR_REFUSED, "a path must not hold the segments . and ..");
    *ret = value_of_text(all);
    return true;
}

bool template_text(const struct template_context *context, const char *text,
                   const struct veiled **ret, struct err *err)
{
    struct value value;
    if (!template_value(context, text, &value, err))
        return false;
    *ret = value_text(context->arena, &value);
    return true;
}
