#include "dns-providers/manifest/filter.h"

#include <inttypes.h>

static const struct {
    const char *name;
    size_t n_least, n_most;
} filters[] = {
#define X(id, name, n_least, n_most, sentence) [FILTER_##id] = {name, n_least, n_most},
#include "dns-providers/manifest/filters.def"
#undef X
};

/* Filters that are functions of veiled texts: secrets may pass through them. */
static const struct {
    enum filter filter;
    enum veiled_function function;
} functions[] = {
    {FILTER_LOWER, VEILED_LOWER},   {FILTER_UPPER, VEILED_UPPER},   {FILTER_TRIM, VEILED_TRIM},
    {FILTER_SEG, VEILED_ENC},       {FILTER_ENC, VEILED_ENC},       {FILTER_HEX, VEILED_HEX},
    {FILTER_B64, VEILED_B64},       {FILTER_B64URL, VEILED_B64URL}, {FILTER_UNB64, VEILED_UNB64},
    {FILTER_MD5, VEILED_MD5},       {FILTER_SHA1, VEILED_SHA1},     {FILTER_SHA256, VEILED_SHA256},
    {FILTER_SHA512, VEILED_SHA512},
};
static const struct {
    const char *name;
    enum veiled_function function;
} keyed[] = {
    {"md5", VEILED_HMAC_MD5},       {"sha1", VEILED_HMAC_SHA1}, {"sha256", VEILED_HMAC_SHA256},
    {"sha512", VEILED_HMAC_SHA512}, {"rs256", VEILED_RS256},    {"ps256", VEILED_PS256},
    {"rs512", VEILED_RS512},
};

bool filter_find(struct str name, enum filter *ret)
{
    for (size_t i = 0; i < FILTER_N; i++) {
        if (!str_eq(str_of(filters[i].name), name))
            continue;
        *ret = (enum filter)i;
        return true;
    }
    return false;
}

const char *filter_name(enum filter filter)
{
    return filters[filter].name;
}

size_t filter_variable(enum filter filter)
{
    if (filter == FILTER_HMAC || filter == FILTER_RSA)
        return 1;
    return filter == FILTER_LOOKUP ? 0 : FILTER_ARGUMENTS_MAX;
}

static bool keyed_find(enum filter filter, struct str name, enum veiled_function *ret)
{
    for (size_t i = 0; i < sizeof keyed / sizeof keyed[0]; i++) {
        bool is_rsa = keyed[i].function == VEILED_RS256 || keyed[i].function == VEILED_PS256 ||
                      keyed[i].function == VEILED_RS512;
        if (is_rsa != (filter == FILTER_RSA) || !str_eq(str_of(keyed[i].name), name))
            continue;
        *ret = keyed[i].function;
        return true;
    }
    return false;
}

bool filter_check(enum filter filter, const struct str *arguments, size_t n, struct err *err)
{
    enum veiled_function function;
    int64_t number;
    if (n < filters[filter].n_least || n > filters[filter].n_most)
        return err_set(err, ERR_CONFIG, "filter %s takes %zu to %zu arguments, not %zu",
                       filters[filter].name, filters[filter].n_least, filters[filter].n_most, n);
    if ((filter == FILTER_HMAC || filter == FILTER_RSA) &&
        !keyed_find(filter, arguments[0], &function))
        return err_set(err, ERR_CONFIG, "filter %s does not know \"%.*s\"", filters[filter].name,
                       STR_ARG(arguments[0]));
    bool takes_numbers = filter == FILTER_NONCE || filter == FILTER_ADD ||
                         filter == FILTER_ROUNDUP || filter == FILTER_LABELS;
    for (size_t i = 0; takes_numbers && i < n; i++)
        if (!str_to_i64(arguments[i], &number))
            return err_set(err, ERR_CONFIG, "filter %s: \"%.*s\" is no number",
                           filters[filter].name, STR_ARG(arguments[i]));
    return true;
}

/* ---- texts of DNS ---- */

static void quote_add(struct str text, struct buf *out)
{
    bool is_quoted = text.len >= 2 && text.p[0] == '"' && text.p[text.len - 1] == '"';
    if (is_quoted) {
        buf_add_str(out, text);
        return;
    }
    buf_add_char(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        if (i > 0 && i % 255 == 0)
            buf_add_cstr(out, "\" \"");
        if (text.p[i] == '"' || text.p[i] == '\\')
            buf_add_char(out, '\\');
        buf_add_char(out, text.p[i]);
    }
    buf_add_char(out, '"');
}

/* An escape is a backslash with a character or with three digits (RFC 1035 5.1). Returns how many bytes it took. */
static size_t escape_add(struct str text, struct buf *out)
{
    bool is_number = text.len >= 4;
    for (size_t i = 1; is_number && i < 4; i++)
        is_number = text.p[i] >= '0' && text.p[i] <= '9';
    int code = is_number ? (text.p[1] - '0') * 100 + (text.p[2] - '0') * 10 + text.p[3] - '0' : 256;
    if (code < 256) {
        buf_add_char(out, (char)code);
        return 4;
    }
    if (text.len > 1)
        buf_add_char(out, text.p[1]);
    return text.len > 1 ? 2 : 1;
}

/* Without quotes the text is what it is, but for blanks around it. */
static void unquote_add(struct str text, struct buf *out)
{
    struct str trimmed = str_trim(text);
    bool inside = false;
    if (trimmed.len < 2 || trimmed.p[0] != '"' || trimmed.p[trimmed.len - 1] != '"') {
        buf_add_str(out, trimmed);
        return;
    }
    for (size_t i = 0; i < trimmed.len;) {
        char c = trimmed.p[i];
        if (c == '"') {
            inside = !inside;
            i++;
        } else if (inside && c == '\\') {
            i += escape_add(str_mem(trimmed.p + i, trimmed.len - i), out);
        } else {
            if (inside)
                buf_add_char(out, c);
            i++;
        }
    }
}

/* ---- texts ---- */

static void path_add(struct str text, struct buf *out)
{
    struct str rest = text, segment;
    for (bool is_first = true; str_split(&rest, '/', &segment); is_first = false) {
        if (!is_first)
            buf_add_char(out, '/');
        AUTO(mem_fini)
        char *copy = mem_strndup(segment.p, segment.len);
        struct arena *arena = arena_new();
        const struct veiled *v = veiled_text(arena, str_of(copy)), *encoded = NULL;
        if (veiled_call(arena, VEILED_ENC, &v, 1, &encoded, NULL))
            buf_add_str(out, veiled_plain(encoded));
        arena_free(arena);
    }
}

static void labels_turn(struct str name, struct str between, struct buf *out)
{
    for (size_t from = name.len, to = name.len; to > 0; to = from > 0 ? from - 1 : 0) {
        for (from = to; from > 0 && name.p[from - 1] != '.';)
            from--;
        if (out->len > 0)
            buf_add_str(out, between);
        buf_add(out, name.p + from, to - from);
    }
}

static void labels_add(struct str name, int64_t n, struct buf *out)
{
    size_t from = name.len;
    for (; from > 0; from--)
        if (name.p[from - 1] == '.' && n-- == 1)
            break;
    buf_add(out, name.p + from, name.len - from);
}

static void replace_add(struct str text, struct str a, struct str b, struct buf *out)
{
    while (a.len > 0 && text.len > 0) {
        size_t at = str_find(text, a);
        buf_add(out, text.p, at);
        if (at == text.len)
            return;
        buf_add_str(out, b);
        text = str_mem(text.p + at + a.len, text.len - at - a.len);
    }
    buf_add_str(out, text);
}

static void nosuffix_add(struct str text, struct str suffix, struct buf *out)
{
    while (str_ends(text, STR("/")))
        text.len--;
    if (str_ends(text, suffix))
        text.len -= suffix.len;
    while (str_ends(text, STR("/")))
        text.len--;
    buf_add_str(out, text);
}

static bool text_apply(enum filter filter, const struct str *arguments, struct str text,
                       struct buf *out)
{
    int64_t n = 0;
    bool has_dot = str_ends(text, STR("."));
    switch ((int)filter) {
    case FILTER_QUOTE:
        quote_add(text, out);
        return true;
    case FILTER_UNQUOTE:
        unquote_add(text, out);
        return true;
    case FILTER_DOT:
        buf_printf(out, "%.*s%s", STR_ARG(text), has_dot ? "" : ".");
        return true;
    case FILTER_NODOT:
        buf_add(out, text.p, text.len - (has_dot ? 1 : 0));
        return true;
    case FILTER_NOSUFFIX:
        nosuffix_add(text, arguments[0], out);
        return true;
    case FILTER_PATH:
        path_add(text, out);
        return true;
    case FILTER_LABELS:
        str_to_i64(arguments[0], &n);
        labels_add(text, n, out);
        return true;
    case FILTER_REVERSE:
        labels_turn(text, arguments[0], out);
        return true;
    case FILTER_REPLACE:
        replace_add(text, arguments[0], arguments[1], out);
        return true;
    case FILTER_LEN:
        buf_printf(out, "%zu", text.len);
        return true;
    case FILTER_STR:
        buf_add_str(out, text);
        return true;
    }
    return false;
}

/* ---- numbers ---- */

static int64_t number_roundup(int64_t number, const struct str *steps, size_t n)
{
    int64_t best = -1, step;
    for (size_t i = 0; i < n; i++)
        if (str_to_i64(steps[i], &step) && step >= number && (best < 0 || step < best))
            best = step;
    if (best < 0 && n > 0)
        str_to_i64(steps[n - 1], &best);
    return best;
}

static bool number_apply(struct arena *arena, enum filter filter, const struct str *arguments,
                         size_t n, struct value *value, struct err *err)
{
    const char *text = value_plain(arena, value);
    int64_t number, more = 0;
    if (text == NULL || !str_to_i64(str_of(text), &number))
        return err_set(err, ERR_CONFIG, "\"%.40s\" is no number", text != NULL ? text : "***");
    if (filter == FILTER_ADD && str_to_i64(arguments[0], &more) &&
        __builtin_add_overflow(number, more, &number))
        return err_set(err, ERR_CONFIG, "the number is too large");
    if (filter == FILTER_ROUNDUP)
        number = number_roundup(number, arguments, n);
    *value = value_of_json(json_in_arena(arena, json_new_int(number)));
    return true;
}

/* ---- random ones ---- */

static void uuid_add(const unsigned char *random, struct buf *out)
{
    unsigned char b[16];
    memcpy(b, random, sizeof b);
    b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
    b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
    for (size_t i = 0; i < sizeof b; i++)
        buf_printf(out, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", b[i]);
}

static void nonce_add(const unsigned char *random, int64_t n, struct buf *out)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    for (int64_t i = 0; i < n && i < 32; i++)
        buf_add_char(out, letters[random[i] % (sizeof letters - 1)]);
}

/* ---- with a variable ---- */

static bool argument_value(const struct template_context *c, struct str name,
                           const struct veiled **ret, struct err *err)
{
    struct value value = {0};
    if (!scope_find(c->scope, name, NULL, c->arena, &value, err))
        return false;
    if (value.kind == VALUE_NONE)
        return err_set(err, ERR_CONFIG, "%.*s is not set", STR_ARG(name));
    *ret = value_text(c->arena, &value);
    return true;
}

static bool keyed_apply(const struct template_context *c, enum filter filter,
                        const struct str *arguments, struct value *value, struct err *err)
{
    enum veiled_function function = VEILED_LOOKUP;
    const struct veiled *two[2], *made = NULL;
    two[1] = value_text(c->arena, value);
    if ((filter != FILTER_LOOKUP && !keyed_find(filter, arguments[0], &function)) ||
        !argument_value(c, arguments[filter_variable(filter)], &two[0], err) ||
        !veiled_call(c->arena, function, two, 2, &made, err))
        return false;
    *value = value_of_text(made);
    return true;
}

static bool totp_apply(const struct template_context *c, struct value *value, struct err *err)
{
    const struct veiled *two[2] = {value_text(c->arena, value), NULL}, *made = NULL;
    if (!argument_value(c, STR("now.unix"), &two[1], err) ||
        !veiled_call(c->arena, VEILED_TOTP, two, 2, &made, err))
        return false;
    *value = value_of_text(made);
    return true;
}

/* ---- all ---- */

static bool function_apply(const struct template_context *c, enum filter filter,
                           struct value *value, bool *ret_is_function, struct err *err)
{
    const struct veiled *text, *made = NULL;
    *ret_is_function = false;
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        if (functions[i].filter != filter)
            continue;
        *ret_is_function = true;
        text = value_text(c->arena, value);
        if (!veiled_call(c->arena, functions[i].function, &text, 1, &made, err))
            return false;
        *value = value_of_text(made);
        return true;
    }
    return true;
}

/* What looks at a text cannot look at a secret. */
static bool plain_apply(const struct template_context *c, enum filter filter,
                        const struct str *arguments, struct value *value, struct err *err)
{
    AUTO(buf_fini)
    struct buf out = BUF(JSON_SIZE_MAX);
    const char *text = value_plain(c->arena, value);
    if (text == NULL && filter == FILTER_STR)
        return true;
    if (text == NULL)
        return err_set(err, ERR_CONFIG, "cannot be applied to a secret");
    if (!text_apply(filter, arguments, str_of(text), &out))
        return err_set(err, ERR_BUG, "no such filter");
    *value = value_of_text(veiled_text(c->arena, buf_str(&out)));
    return true;
}

static bool random_apply(const struct template_context *c, enum filter filter,
                         const struct str *arguments, struct value *value)
{
    AUTO(buf_fini)
    struct buf out = BUF(64);
    int64_t n = 0;
    if (filter == FILTER_UUID)
        uuid_add(c->random, &out);
    else if (str_to_i64(arguments[0], &n))
        nonce_add(c->random, n, &out);
    *value = value_of_text(veiled_text(c->arena, buf_str(&out)));
    return true;
}

static bool bool_apply(struct arena *arena, struct value *value)
{
    const char *text = value_plain(arena, value);
    bool is_true = text != NULL && (strcmp(text, "true") == 0 || strcmp(text, "1") == 0 ||
                                    strcmp(text, "yes") == 0);
    *value = value_of_json(json_in_arena(arena, json_new_bool(is_true)));
    return true;
}

bool filter_apply(const struct template_context *c, enum filter filter, const struct str *arguments,
                  size_t n, struct value *value, struct err *err)
{
    bool is_function = false;
    if (filter == FILTER_OR) {
        if (value_is_empty(value))
            *value = value_of_text(veiled_text(c->arena, arguments[0]));
        return true;
    }
    if (filter == FILTER_UUID || filter == FILTER_NONCE)
        return random_apply(c, filter, arguments, value);
    if (value->kind == VALUE_NONE)
        return err_set(err, ERR_CONFIG, "is not set");
    switch ((int)filter) {
    case FILTER_INT:
    case FILTER_ADD:
    case FILTER_ROUNDUP:
        return number_apply(c->arena, filter, arguments, n, value, err);
    case FILTER_BOOL:
        return bool_apply(c->arena, value);
    case FILTER_HMAC:
    case FILTER_RSA:
    case FILTER_LOOKUP:
        return keyed_apply(c, filter, arguments, value, err);
    case FILTER_TOTP:
        return totp_apply(c, value, err);
    case FILTER_FIRST:
        *value = value_of_json(value->kind == VALUE_JSON ? json_at(value->json, 0) : NULL);
        return true;
    case FILTER_JSON:
        *value = value_of_text(value_text(c->arena, value));
        return true;
    }
    if (!function_apply(c, filter, value, &is_function, err))
        return false;
    return is_function || plain_apply(c, filter, arguments, value, err);
}
