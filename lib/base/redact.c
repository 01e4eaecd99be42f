#include "base/redact.h"

#include <ctype.h>

enum { CUT_LEN_MIN = 4, PIECES_LEN_MAX = 256 };

void redactor_fini(struct redactor *r)
{
    for (size_t i = 0; i < r->n; i++)
        secret_fini(&r->forms[i]);
    mem_free(r->forms);
    *r = (struct redactor){0};
}

static void form_add(struct redactor *r, struct str form)
{
    if (form.len < REDACT_LEN_MIN)
        return;
    for (size_t i = 0; i < r->n; i++)
        if (str_eq(secret_str(&r->forms[i]), form))
            return;
    if (r->n == r->cap) {
        size_t cap = r->cap > 0 ? r->cap * 2 : 16;
        r->forms = mem_grow(r->forms, r->cap, cap, sizeof *r->forms);
        r->cap = cap;
    }
    secret_init(&r->forms[r->n++], form.p, form.len);
}

static void hex_forms_add(struct redactor *r, struct str secret)
{
    AUTO(buf_fini)
    struct buf hex = BUF(SIZE_MAX / 2);
    hex_encode(&hex, secret.p, secret.len);
    form_add(r, buf_str(&hex));
    for (size_t i = 0; i < hex.len; i++)
        if (hex.p[i] >= 'a')
            hex.p[i] = (char)(hex.p[i] - 'a' + 'A');
    form_add(r, buf_str(&hex));
}

/* The letters that depend on no byte outside the secret when `before` (0 to 2) bytes of a triple
 * precede it. */
static void base64_form_add(struct redactor *r, struct str secret, size_t before)
{
    AUTO(buf_fini)
    struct buf bytes = BUF(SIZE_MAX / 2);
    AUTO(buf_fini)
    struct buf text = BUF(SIZE_MAX / 2);
    buf_add(&bytes, "\0\0", before);
    buf_add_str(&bytes, secret);
    size_t first = (before * 8 + 5) / 6, end = bytes.len * 8 / 6;
    base64url_encode(&text, bytes.p, bytes.len);
    form_add(r, str_mem(text.p + first, end - first));
    for (size_t i = 0; i < text.len; i++)
        if (text.p[i] == '-' || text.p[i] == '_')
            text.p[i] = text.p[i] == '-' ? '+' : '/';
    form_add(r, str_mem(text.p + first, end - first));
}

static void escaped_form_add(struct redactor *r, struct str secret)
{
    AUTO(buf_fini)
    struct buf text = BUF(SIZE_MAX / 2);
    text_escape(&text, secret, SIZE_MAX / 2);
    form_add(r, buf_str(&text));
}

/* As URLs and forms have it: all but the unreserved characters of RFC 3986, in either case of the digits. */
static void percent_forms_add(struct redactor *r, struct str secret)
{
    for (int upper = 0; upper < 2; upper++) {
        AUTO(buf_fini)
        struct buf text = BUF(SIZE_MAX / 2);
        for (size_t i = 0; i < secret.len; i++) {
            unsigned char c = (unsigned char)secret.p[i];
            if (isalnum(c) || strchr("-._~", c) != NULL)
                buf_add_char(&text, (char)c);
            else
                buf_printf(&text, upper == 1 ? "%%%02X" : "%%%02x", c);
        }
        form_add(r, buf_str(&text));
    }
}

/* As it stands in JSON, and as that is shown. */
static void json_forms_add(struct redactor *r, struct str secret)
{
    AUTO(buf_fini)
    struct buf text = BUF(SIZE_MAX / 2);
    for (size_t i = 0; i < secret.len; i++) {
        if (secret.p[i] == '"' || secret.p[i] == '\\')
            buf_add_char(&text, '\\');
        if (secret.p[i] == '\n')
            buf_add_cstr(&text, "\\n");
        else
            buf_add_char(&text, secret.p[i]);
    }
    form_add(r, buf_str(&text));
    escaped_form_add(r, buf_str(&text));
}

/* Escaped twice and thrice, a secret differs only where it has something to escape: what stands between is a form of its own. Long ones are
 * documents, whose words are no secrets. */
static void pieces_add(struct redactor *r, struct str secret)
{
    size_t from = 0;
    for (size_t i = 0; i <= secret.len && secret.len <= PIECES_LEN_MAX; i++)
        if (i == secret.len || strchr("\"\\", secret.p[i]) != NULL ||
            (unsigned char)secret.p[i] < ' ') {
            form_add(r, str_mem(secret.p + from, i - from));
            from = i + 1;
        }
}

void redactor_add(struct redactor *r, struct str secret)
{
    if (secret.len < REDACT_LEN_MIN)
        return;
    form_add(r, secret);
    escaped_form_add(r, secret);
    percent_forms_add(r, secret);
    json_forms_add(r, secret);
    pieces_add(r, secret);
    hex_forms_add(r, secret);
    for (size_t before = 0; before < 3; before++)
        base64_form_add(r, secret, before);
}

static void marks_set(char *marks, struct str text, struct str form)
{
    size_t from = 0;
    while (from + form.len <= text.len) {
        struct str rest = str_mem(text.p + from, text.len - from);
        size_t at = str_find(rest, form);
        if (at == rest.len)
            return;
        memset(marks + from + at, 1, form.len);
        from += at + 1;
    }
}

/* What was cut - at its end, or where "..." says so - may have been cut in the middle of a secret. */
static void marks_set_cut(char *marks, struct str text, size_t end, struct str form)
{
    size_t most = form.len - 1 < end ? form.len - 1 : end;
    for (size_t len = most; len >= CUT_LEN_MIN; len--)
        if (memcmp(text.p + end - len, form.p, len) == 0) {
            memset(marks + end - len, 1, len);
            return;
        }
}

static void marks_set_cuts(const struct redactor *r, char *marks, struct str text)
{
    size_t from = 0, end = text.len;
    do {
        struct str rest = str_mem(text.p + from, text.len - from);
        end = from + str_find(rest, STR("..."));
        for (size_t i = 0; i < r->n; i++)
            marks_set_cut(marks, text, end, secret_str(&r->forms[i]));
        from = end + 1;
    } while (end < text.len);
}

/* Marks first and replaces afterwards, so that secrets that overlap in the text are both gone. */
void redactor_apply(const struct redactor *r, struct str text, struct buf *out)
{
    AUTO(mem_fini)
    char *marks = mem_new(text.len, 1);
    for (size_t i = 0; i < r->n; i++)
        marks_set(marks, text, secret_str(&r->forms[i]));
    marks_set_cuts(r, marks, text);
    for (size_t from = 0, end; from < text.len; from = end) {
        for (end = from + 1; end < text.len && marks[end] == marks[from];)
            end++;
        if (marks[from])
            buf_add_cstr(out, "***");
        else
            buf_add(out, text.p + from, end - from);
    }
}
