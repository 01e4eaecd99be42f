#include "base/buf.h"

#include <stdio.h>

enum { BUF_CAP_MIN = 64 };

bool str_eq(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

static unsigned char ascii_lower(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

bool str_eq_nocase(struct str a, struct str b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (ascii_lower(a.p[i]) != ascii_lower(b.p[i]))
            return false;
    return true;
}

bool str_starts(struct str s, struct str prefix)
{
    return s.len >= prefix.len && str_eq(str_mem(s.p, prefix.len), prefix);
}

bool str_ends(struct str s, struct str suffix)
{
    return s.len >= suffix.len &&
           (suffix.len == 0 || memcmp(s.p + (s.len - suffix.len), suffix.p, suffix.len) == 0);
}

size_t str_find_char(struct str s, char c)
{
    const char *hit = s.len > 0 ? memchr(s.p, c, s.len) : NULL;
    return hit != NULL ? (size_t)(hit - s.p) : s.len;
}

size_t str_find(struct str s, struct str needle)
{
    if (needle.len == 0)
        return 0;
    const char *hit = s.len >= needle.len ? memmem(s.p, s.len, needle.p, needle.len) : NULL;
    return hit != NULL ? (size_t)(hit - s.p) : s.len;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct str str_trim(struct str s)
{
    while (s.len > 0 && is_blank(s.p[0])) {
        s.p++;
        s.len--;
    }
    while (s.len > 0 && is_blank(s.p[s.len - 1]))
        s.len--;
    return s;
}

bool str_split(struct str *rest, char sep, struct str *ret_piece)
{
    if (rest->p == NULL)
        return false;
    size_t at = str_find_char(*rest, sep);
    struct str after = STR_NONE;
    if (at < rest->len)
        after = str_mem(rest->p + at + 1, rest->len - at - 1);
    *ret_piece = str_mem(rest->p, at);
    *rest = after;
    return true;
}

bool str_to_i64(struct str s, int64_t *ret_value)
{
    bool negative = s.len > 0 && s.p[0] == '-';
    size_t i = negative ? 1 : 0;
    int64_t value = 0;
    if (i == s.len)
        return false;
    for (; i < s.len; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
        int digit = s.p[i] - '0';
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, negative ? -digit : digit, &value))
            return false;
    }
    *ret_value = value;
    return true;
}

int str_cmp(struct str a, struct str b)
{
    size_t common = a.len < b.len ? a.len : b.len;
    int order = common > 0 ? memcmp(a.p, b.p, common) : 0;
    if (order == 0)
        order = (a.len > b.len) - (a.len < b.len);
    return (order > 0) - (order < 0);
}

void buf_init(struct buf *b, size_t max)
{
    *b = BUF(max);
}

/* Any buffer may have held a secret at some time, so none gives memory back as it was. */
static void bytes_drop(char *p, size_t cap)
{
    if (p == NULL)
        return;
    mem_cleanse(p, cap);
    mem_free(p);
}

void buf_fini(struct buf *b)
{
    if (b == NULL)
        return;
    bytes_drop(b->p, b->cap);
    *b = BUF(b->max);
}

void buf_clear(struct buf *b)
{
    b->overflow = false;
    buf_cut(b, 0);
}

void buf_cut(struct buf *b, size_t len)
{
    if (b->p == NULL || len > b->len)
        return;
    b->len = len;
    b->p[len] = '\0';
}

/* Makes room for len more bytes and the NUL. False, and overflow, beyond the ceiling. */
static bool buf_reserve(struct buf *b, size_t len)
{
    if (b->overflow)
        return false;
    if (len > b->max || b->len > b->max - len || b->max == SIZE_MAX) {
        b->overflow = true;
        return false;
    }
    size_t need = b->len + len + 1;
    if (need <= b->cap)
        return true;
    size_t cap = b->cap < BUF_CAP_MIN ? BUF_CAP_MIN : b->cap;
    while (cap < need)
        cap = cap > SIZE_MAX / 2 ? need : cap * 2;
    if (cap > b->max + 1)
        cap = b->max + 1;
    char *grown = mem_new(cap, 1);
    if (b->p != NULL)
        memcpy(grown, b->p, b->len);
    bytes_drop(b->p, b->cap);
    b->p = grown;
    b->cap = cap;
    return true;
}

char *buf_extend(struct buf *b, size_t len)
{
    if (!buf_reserve(b, len))
        return NULL;
    char *room = b->p + b->len;
    b->len += len;
    b->p[b->len] = '\0';
    return room;
}

void buf_add(struct buf *b, const void *p, size_t len)
{
    char *room = buf_extend(b, len);
    if (room != NULL && len > 0)
        memcpy(room, p, len);
}

void buf_add_str(struct buf *b, struct str s)
{
    buf_add(b, s.p, s.len);
}

void buf_add_cstr(struct buf *b, const char *s)
{
    buf_add_str(b, str_of(s));
}

void buf_add_char(struct buf *b, char c)
{
    buf_add(b, &c, 1);
}

void buf_vprintf(struct buf *b, const char *fmt, va_list ap)
{
    va_list again;
    va_copy(again, ap);
    int len = vsnprintf(NULL, 0, fmt, ap);
    CHECK(len >= 0);
    if (buf_reserve(b, (size_t)len)) {
        vsnprintf(b->p + b->len, (size_t)len + 1, fmt, again);
        b->len += (size_t)len;
    }
    va_end(again);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    buf_vprintf(b, fmt, ap);
    va_end(ap);
}

struct str buf_str(const struct buf *b)
{
    return str_mem(buf_cstr(b), b->len);
}

const char *buf_cstr(const struct buf *b)
{
    return b->p != NULL ? b->p : "";
}

char *buf_take(struct buf *b)
{
    char *p = b->p != NULL ? b->p : mem_strdup("");
    *b = BUF(b->max);
    return p;
}

void secret_init(struct secret *s, const void *p, size_t len)
{
    CHECK(len < SIZE_MAX);
    s->p = mem_new(len + 1, 1);
    s->len = len;
    if (len > 0)
        memcpy(s->p, p, len);
}

void secret_take_buf(struct secret *s, struct buf *b)
{
    secret_init(s, b->p, b->len);
    buf_fini(b);
}

void secret_fini(struct secret *s)
{
    if (s == NULL || s->p == NULL)
        return;
    mem_cleanse(s->p, s->len);
    mem_free(s->p);
    *s = (struct secret){NULL, 0};
}

bool secret_eq(const struct secret *a, const struct secret *b)
{
    if (a->len != b->len)
        return false;
    volatile unsigned char differs = 0;
    for (size_t i = 0; i < a->len; i++)
        differs = (unsigned char)(differs | (a->p[i] ^ b->p[i]));
    return differs == 0;
}

void mem_cleanse(void *p, size_t len)
{
    if (p != NULL)
        explicit_bzero(p, len);
}
