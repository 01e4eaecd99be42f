#include "base/redact.h"

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

void redactor_add(struct redactor *r, struct str secret)
{
    if (secret.len < REDACT_LEN_MIN)
        return;
    form_add(r, secret);
    escaped_form_add(r, secret);
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

/* Marks first and replaces afterwards, so that secrets that overlap in the text are both gone. */
void redactor_apply(const struct redactor *r, struct str text, struct buf *out)
{
    AUTO(mem_fini)
    char *marks = mem_new(text.len, 1);
    for (size_t i = 0; i < r->n; i++)
        marks_set(marks, text, secret_str(&r->forms[i]));
    for (size_t from = 0, end; from < text.len; from = end) {
        for (end = from + 1; end < text.len && marks[end] == marks[from];)
            end++;
        if (marks[from])
            buf_add_cstr(out, "***");
        else
            buf_add(out, text.p + from, end - from);
    }
}
