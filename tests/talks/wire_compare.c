#include "wire.h"

#include <strings.h>

enum { TEXT_MAX = 1024 * 1024, ALIKE_MAX = 5 };

struct heard {
    struct str method, target, head, body; /* head: the header lines */
};

static bool request_parse(const char *text, struct heard *ret, struct err *err)
{
    struct str rest = str_of(text), line;
    size_t end = str_find(rest, STR("\r\n\r\n"));
    if (end == rest.len)
        return err_set(err, ERR_BROKEN, "the server heard no request");
    ret->body = str_mem(rest.p + end + 4, rest.len - end - 4);
    rest.len = end + 2;
    size_t first = str_find(rest, STR("\r\n"));
    ret->head = str_mem(rest.p + first + 2, rest.len - first - 2);
    line = str_mem(rest.p, first);
    return str_split(&line, ' ', &ret->method) && str_split(&line, ' ', &ret->target);
}

static bool differs(struct err *err, const char *what, struct str got, struct str wanted)
{
    return err_set(err, ERR_REFUSED, "%s on the wire: %.*s instead of %.*s", what, STR_ARG(got),
                   STR_ARG(wanted));
}

/* Some signatures are drawn by lot: where two workings-out of the same text differ, anything goes; a few characters more, since two
 * draws may begin or end alike. */
struct wanted {
    struct buf one, other;
};
#define WANTED ((struct wanted){BUF(TEXT_MAX), BUF(TEXT_MAX)})
static void wanted_fini(struct wanted *w)
{
    buf_fini(&w->one);
    buf_fini(&w->other);
}

static bool wanted_fill(const struct wire_secrets *secrets, struct str text,
                        enum veiled_place place, struct wanted *ret, struct err *err)
{
    return wire_secrets_fill(secrets, text, place, &ret->one, err) &&
           wire_secrets_fill(secrets, text, place, &ret->other, err);
}

static bool text_fits(struct str got, struct str one, struct str other)
{
    size_t first = 0, last = 0;
    if (str_eq(got, one))
        return true;
    if (str_eq(one, other) || one.len != other.len || got.len != one.len)
        return false;
    while (one.p[first] == other.p[first])
        first++;
    while (one.p[one.len - 1 - last] == other.p[one.len - 1 - last])
        last++;
    first -= first < ALIKE_MAX ? first : ALIKE_MAX;
    last -= last < ALIKE_MAX ? last : ALIKE_MAX;
    return memcmp(got.p, one.p, first) == 0 &&
           memcmp(got.p + got.len - last, one.p + one.len - last, last) == 0;
}

/* All requests go to base_url and the path of the call: an API with several bases has several paths there that are not ours. */
static bool target_compare(const struct heard *heard, struct str url,
                           const struct wire_places *places, struct err *err)
{
    struct str wanted = url, suffix = heard->target;
    if (!str_starts(url, str_of(places->ours)))
        return err_set(err, ERR_BROKEN, "the talk goes to %.*s", STR_ARG(url));
    wanted.p += strlen(places->ours);
    wanted.len -= strlen(places->ours);
    if (str_eq(heard->target, wanted))
        return true;
    size_t n = strlen(places->path);
    if (str_starts(suffix, str_of(places->path)) && suffix.len > n && suffix.p[n] == '/' &&
        str_ends(wanted, str_mem(suffix.p + n, suffix.len - n)))
        return true;
    return differs(err, "address", heard->target, wanted);
}

/* ---- headers ---- */

static bool header_next(struct str *head, struct str *ret_name, struct str *ret_value)
{
    struct str line;
    if (head->len == 0 || !str_split(head, '\n', &line))
        return false;
    size_t colon = str_find_char(line, ':');
    *ret_name = str_mem(line.p, colon);
    *ret_value =
        colon < line.len ? str_trim(str_mem(line.p + colon + 1, line.len - colon - 1)) : STR("");
    return true;
}

static bool header_wanted(const struct json *headers, struct str name)
{
    for (size_t i = 0; i < json_len(headers); i++) {
        struct str wanted = str_of(json_as_text(json_at(headers, i)));
        if (str_eq_nocase(str_mem(wanted.p, str_find_char(wanted, ':')), name))
            return true;
    }
    return false;
}

/* What every request of ours has. */
static bool header_is_usual(struct str name)
{
    static const char *const usual[] = {"host", "user-agent", "accept", "accept-language",
                                        "content-length"};
    for (size_t i = 0; i < sizeof usual / sizeof usual[0]; i++)
        if (str_eq_nocase(name, str_of(usual[i])))
            return true;
    return false;
}

static struct str value_of(const struct buf *header)
{
    struct str text = buf_str(header);
    size_t colon = str_find_char(text, ':');
    return colon < text.len ? str_trim(str_mem(text.p + colon + 1, text.len - colon - 1)) : STR("");
}

static bool header_find(struct str head, const struct wanted *wanted, struct err *err)
{
    struct str name, value, wanted_value = value_of(&wanted->one);
    struct str wanted_name = str_mem(wanted->one.p, str_find_char(buf_str(&wanted->one), ':'));
    size_t n = 0;
    while (header_next(&head, &name, &value))
        if (str_eq_nocase(name, wanted_name)) {
            n++;
            if (!text_fits(value, wanted_value, value_of(&wanted->other)))
                return differs(err, "header", value, buf_str(&wanted->one));
        }
    /* an empty header is not sent at all */
    return n == 1 || (n == 0 && wanted_value.len == 0) ||
           err_set(err, ERR_REFUSED, "header %.*s is %zu times on the wire", STR_ARG(wanted_name),
                   n);
}

static bool headers_compare(const struct heard *heard, const struct json *headers,
                            const struct wire_secrets *secrets, struct err *err)
{
    struct str head = heard->head, name, value;
    for (size_t i = 0; i < json_len(headers); i++) {
        AUTO(wanted_fini)
        struct wanted wanted = WANTED;
        if (!wanted_fill(secrets, str_of(json_as_text(json_at(headers, i))), VEILED_IN_HEADER,
                         &wanted, err) ||
            !header_find(heard->head, &wanted, err))
            return false;
    }
    while (header_next(&head, &name, &value))
        if (!header_wanted(headers, name) && !header_is_usual(name))
            return err_set(err, ERR_REFUSED, "nobody wished the header %.*s: %.*s", STR_ARG(name),
                           STR_ARG(value));
    return true;
}

/* ---- the body ---- */

static enum veiled_place body_place(const struct json *headers)
{
    for (size_t i = 0; i < json_len(headers); i++) {
        const char *header = json_as_text(json_at(headers, i));
        if (strncasecmp(header, "content-type:", 13) != 0)
            continue;
        if (strstr(header, "json") != NULL)
            return VEILED_IN_JSON;
        if (strstr(header, "x-www-form-urlencoded") != NULL)
            return VEILED_IN_FORM;
    }
    return VEILED_IN_BODY;
}

/* The order of members means nothing. */
static bool json_sort(struct buf *text, struct err *err)
{
    AUTO(json_fini)
    struct json *tree = NULL;
    if (!json_parse(buf_str(text), TEXT_MAX, &tree, err))
        return err_wrap(err, "body on the wire");
    buf_clear(text);
    json_format_canonical(tree, text);
    return true;
}

static bool body_compare(const struct heard *heard, const struct json *http, bool is_encoded,
                         const struct wire_secrets *secrets, struct err *err)
{
    const struct json *json = json_find(http, "json");
    enum veiled_place place = is_encoded ? VEILED_IN_BODY : body_place(json_find(http, "headers"));
    AUTO(buf_fini)
    struct buf text = BUF(TEXT_MAX);
    AUTO(buf_fini)
    struct buf got = BUF(TEXT_MAX);
    AUTO(wanted_fini)
    struct wanted wanted = WANTED;
    buf_add_str(&got, heard->body);
    if (json != NULL)
        json_format(json, &text, false);
    else if (json_text(http, "body") != NULL)
        buf_add_cstr(&text, json_text(http, "body"));
    if (!wanted_fill(secrets, buf_str(&text), place, &wanted, err))
        return false;
    if (json != NULL &&
        !(json_sort(&got, err) && json_sort(&wanted.one, err) && json_sort(&wanted.other, err)))
        return false;
    return text_fits(buf_str(&got), buf_str(&wanted.one), buf_str(&wanted.other)) ||
           differs(err, "body", buf_str(&got), buf_str(&wanted.one));
}

bool wire_compare(const char *request, const struct json *http, bool is_encoded,
                  const struct wire_places *places, const struct wire_secrets *secrets,
                  struct err *err)
{
    struct heard heard = {0};
    AUTO(buf_fini)
    struct buf url = BUF(TEXT_MAX);
    if (!request_parse(request, &heard, err))
        return false;
    if (!str_eq(heard.method, str_of(json_text(http, "method"))))
        return differs(err, "method", heard.method, str_of(json_text(http, "method")));
    return wire_secrets_fill(secrets, str_of(json_text(http, "url")),
                             is_encoded ? VEILED_IN_BODY : VEILED_IN_URL, &url, err) &&
           target_compare(&heard, buf_str(&url), places, err) &&
           headers_compare(&heard, json_find(http, "headers"), secrets, err) &&
           body_compare(&heard, http, is_encoded, secrets, err);
}
