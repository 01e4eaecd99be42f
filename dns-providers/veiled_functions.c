#include "base/xml.h"
#include "crypto/mac.h"
#include "dns-providers/pointer.h"
#include "dns-providers/veiled_inside.h"

enum { TOTP_STEP_S = 30, TOTP_DIGITS = 1000000 };

static const struct {
    const char *name;
    size_t n_least;
    bool joins;
} functions[] = {
#define X(id, name, n_least, joins, sentence) [VEILED_##id] = {name, n_least, joins},
#include "dns-providers/veiled_functions.def"
#undef X
};

bool veiled_function_find(struct str name, enum veiled_function *ret)
{
    for (size_t i = 0; i < VEILED_FUNCTION_N; i++) {
        if (!str_eq(str_of(functions[i].name), name))
            continue;
        *ret = (enum veiled_function)i;
        return true;
    }
    return false;
}

const char *veiled_function_name(enum veiled_function function)
{
    return functions[function].name;
}

size_t veiled_function_least(enum veiled_function function)
{
    return functions[function].n_least;
}

bool veiled_function_joins(enum veiled_function function)
{
    return functions[function].joins;
}

/* ---- texts ---- */

static void case_add(struct buf *out, struct str text, char first, char last)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.p[i];
        buf_add_char(out, c >= first && c <= last ? (char)(c ^ 0x20) : c);
    }
}

static void enc_add(struct buf *out, struct str text)
{
    static const char hex[] = "0123456789ABCDEF";
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.p[i];
        bool is_plain = (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') ||
                        (c != '\0' && strchr("-._~", c) != NULL);
        if (is_plain) {
            buf_add_char(out, (char)c);
        } else {
            char escaped[3] = {'%', hex[c >> 4], hex[c & 15]};
            buf_add(out, escaped, sizeof escaped);
        }
    }
}

static void json_add(struct buf *out, struct str text)
{
    AUTO(buf_fini)
    struct buf quoted = BUF(8 * VEILED_TEXT_MAX);
    AUTO(json_fini)
    struct json *value = json_new_text_str(text);
    json_format(value, &quoted, false);
    if (quoted.len >= 2)
        buf_add(out, quoted.p + 1, quoted.len - 2);
}

/* ---- looking up ---- */

static bool at_add(struct buf *out, struct str text, struct str pointer, struct err *err)
{
    AUTO(json_fini)
    struct json *tree = NULL;
    AUTO(mem_fini)
    char *where = mem_strndup(pointer.p, pointer.len);
    if (!json_parse(text, VEILED_TEXT_MAX, &tree, NULL))
        return err_set(err, ERR_CONFIG, "is no JSON text");
    const struct json *value = pointer_is_good(where) ? pointer_find(tree, where) : NULL;
    if (value == NULL)
        return err_set(err, ERR_CONFIG, "holds nothing at %s", where);
    if (json_as_text(value) != NULL)
        buf_add_cstr(out, json_as_text(value));
    else
        json_format(value, out, false);
    return true;
}

static bool lookup_add(struct buf *out, struct str list, struct str name, struct err *err)
{
    struct str rest = list, line;
    while (str_split(&rest, '\n', &line)) {
        size_t at = str_find_char(line, '=');
        struct str key = str_trim(str_mem(line.p, at < line.len ? at : 0));
        if (at == line.len || key.len == 0 || !str_eq_nocase(key, name))
            continue;
        buf_add_str(out, str_trim(str_mem(line.p + at + 1, line.len - at - 1)));
        return true;
    }
    return err_set(err, ERR_CONFIG, "has no line %.*s=...", STR_ARG(name));
}

/* ---- one-time codes (RFC 4226, RFC 6238) ---- */

static bool base32_decode(struct buf *out, struct str text)
{
    uint32_t bits = 0;
    int n = 0;
    for (size_t i = 0; i < text.len && text.p[i] != '='; i++) {
        char c = text.p[i];
        if (c == ' ' || c == '-')
            continue;
        int value = c >= 'A' && c <= 'Z'   ? c - 'A'
                    : c >= 'a' && c <= 'z' ? c - 'a'
                    : c >= '2' && c <= '7' ? c - '2' + 26
                                           : -1;
        if (value < 0)
            return false;
        bits = bits << 5 | (uint32_t)value;
        n += 5;
        if (n >= 8) {
            n -= 8;
            buf_add_char(out, (char)(bits >> n & 0xff));
        }
    }
    return out->len > 0;
}

static bool totp_add(struct buf *out, struct str secret, struct str second, struct err *err)
{
    AUTO(buf_fini)
    struct buf key = BUF(1024);
    AUTO(buf_fini)
    struct buf mac = BUF(DIGEST_LEN_MAX);
    int64_t unix_s;
    unsigned char counter[8];
    if (!base32_decode(&key, secret))
        return err_set(err, ERR_CONFIG, "is no base32 text");
    if (!str_to_i64(second, &unix_s) || unix_s < 0)
        return err_set(err, ERR_BROKEN, "totp: \"%.*s\" is no unix second", STR_ARG(second));
    for (int i = 0; i < 8; i++)
        counter[i] = (unsigned char)((uint64_t)(unix_s / TOTP_STEP_S) >> (56 - 8 * i));
    hmac_add(&mac, DIGEST_SHA1, buf_str(&key), str_mem(counter, sizeof counter));
    const unsigned char *p =
        (const unsigned char *)mac.p + ((unsigned char)mac.p[mac.len - 1] & 15);
    uint32_t code =
        ((uint32_t)(p[0] & 0x7f) << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]) %
        TOTP_DIGITS;
    buf_printf(out, "%06u", code);
    return true;
}

/* ---- all ---- */

static bool decoded(bool ok, struct err *err, const char *what)
{
    return ok || err_set(err, ERR_CONFIG, "is no %s", what);
}

static bool text_run(enum veiled_function function, struct str a, struct buf *out, struct err *err)
{
    switch (function) {
    case VEILED_B64:
        base64_encode(out, a.p, a.len);
        return true;
    case VEILED_B64URL:
        base64url_encode(out, a.p, a.len);
        return true;
    case VEILED_UNB64:
        return decoded(base64_decode_any(out, a), err, "base64 text");
    case VEILED_HEX:
        hex_encode(out, a.p, a.len);
        return true;
    case VEILED_UNHEX:
        return decoded(hex_decode(out, a), err, "hexadecimal text");
    case VEILED_LOWER:
        case_add(out, a, 'A', 'Z');
        return true;
    case VEILED_UPPER:
        case_add(out, a, 'a', 'z');
        return true;
    case VEILED_TRIM:
        buf_add_str(out, str_trim(a));
        return true;
    case VEILED_ENC:
        enc_add(out, a);
        return true;
    case VEILED_JSON:
        json_add(out, a);
        return true;
    case VEILED_XML:
        xml_escape(out, a);
        return true;
    default: /* the others are in the tables below */
        return err_set(err, ERR_BUG, "no such function");
    }
}

static const struct {
    enum veiled_function function;
    enum digest digest;
    bool is_keyed;
} macs[] = {
    {VEILED_MD5, DIGEST_MD5, false},           {VEILED_SHA1, DIGEST_SHA1, false},
    {VEILED_SHA256, DIGEST_SHA256, false},     {VEILED_SHA512, DIGEST_SHA512, false},
    {VEILED_HMAC_MD5, DIGEST_MD5, true},       {VEILED_HMAC_SHA1, DIGEST_SHA1, true},
    {VEILED_HMAC_SHA256, DIGEST_SHA256, true}, {VEILED_HMAC_SHA512, DIGEST_SHA512, true},
};

bool veiled_function_run(enum veiled_function function, const struct str *arguments,
                         struct buf *out, struct err *err)
{
    for (size_t i = 0; i < sizeof macs / sizeof macs[0]; i++) {
        if (macs[i].function != function)
            continue;
        if (macs[i].is_keyed)
            hmac_add(out, macs[i].digest, arguments[0], arguments[1]);
        else
            digest_add(out, macs[i].digest, arguments[0]);
        return true;
    }
    if (function == VEILED_RS256 || function == VEILED_PS256)
        return rsa_sign_add(out, DIGEST_SHA256, function == VEILED_PS256, arguments[0],
                            arguments[1], err);
    if (function == VEILED_RS512)
        return rsa_sign_add(out, DIGEST_SHA512, false, arguments[0], arguments[1], err);
    if (function == VEILED_AT)
        return at_add(out, arguments[0], arguments[1], err);
    if (function == VEILED_LOOKUP)
        return lookup_add(out, arguments[0], arguments[1], err);
    if (function == VEILED_TOTP)
        return totp_add(out, arguments[0], arguments[1], err);
    return text_run(function, arguments[0], out, err);
}
