/*
 * Bytes: struct str to read, struct buf to build with a ceiling, struct secret for what must not be
 * seen.
 *
 * A struct str borrows: it need not end in NUL and is never stored beyond the call. A struct buf
 * owns its bytes, always ends in NUL (not counted in len) and refuses to grow beyond `max`: the
 * first refused write sets `overflow`, later writes do nothing, and the caller checks once at the
 * end. A struct secret owns its bytes, has no printing function, and is cleansed when it goes.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/mem.h"

#include <stdarg.h>
#include <string.h>

struct str {
    const char *p;
    size_t len;
};

#define STR(literal) ((struct str){(literal), sizeof(literal) - 1})
#define STR_NONE     ((struct str){NULL, 0})
/* For printf("%.*s", STR_ARG(s)). */
#define STR_ARG(s) (int)(s).len, ((s).p != NULL ? (s).p : "")

static inline struct str str_of(const char *s)
{
    return (struct str){s, s != NULL ? strlen(s) : 0};
}
static inline struct str str_mem(const void *p, size_t len)
{
    return (struct str){(const char *)p, len};
}
bool str_eq(struct str a, struct str b);
bool str_eq_nocase(struct str a, struct str b); /* ASCII only, whatever the locale */
bool str_starts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
/* Index of the first byte c, or s.len. */
size_t str_find_char(struct str s, char c);
/* Position of needle in s, or s.len. */
size_t str_find(struct str s, struct str needle);
struct str str_trim(struct str s); /* blanks, tabs, CR, LF off both ends */
/* Cuts the next piece up to sep (or the end) off *rest. False when *rest is exhausted, that is: was
 * NULL or gave its last piece. "a,b," has three pieces, the last one empty; "" has one empty piece.
 */
bool str_split(struct str *rest, char sep, struct str *ret_piece);
/* Decimal digits only, the whole string, no sign but '-' where allowed by the type. */
bool str_to_i64(struct str s, int64_t *ret_value);
/* -1, 0, 1 bytewise. */
int str_cmp(struct str a, struct str b);

struct buf {
    char *p; /* NUL-terminated once anything was written, else NULL */
    size_t len, cap, max;
    bool overflow;
};

#define BUF(max_bytes) ((struct buf){.max = (max_bytes)})
void buf_init(struct buf *b, size_t max);
void buf_fini(struct buf *b);
void buf_clear(struct buf *b);
void buf_add(struct buf *b, const void *p, size_t len);
/* Room for len bytes more, counted in already: the caller fills it at once. NULL when the ceiling is in the way. */
char *buf_extend(struct buf *b, size_t len);
void buf_add_str(struct buf *b, struct str s);
void buf_add_cstr(struct buf *b, const char *s);
void buf_add_char(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *b, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
/* Keeps the first len bytes. */
void buf_cut(struct buf *b, size_t len);
struct str buf_str(const struct buf *b);
/* "" when empty. */
const char *buf_cstr(const struct buf *b);
/* The bytes become the caller's (free with mem_free; "" when nothing was written); *b is empty
 * again. */
char *buf_take(struct buf *b);

struct secret {
    unsigned char *p; /* NUL-terminated beyond len, so that text secrets can be handed to C APIs */
    size_t len;
};
void secret_init(struct secret *s, const void *p, size_t len); /* copies */
/* Moves the bytes of b into s and cleanses b's memory. (Every buf cleanses what it gives back, so a
 * secret may be built in one.) */
void secret_take_buf(struct secret *s, struct buf *b);
void secret_fini(struct secret *s); /* cleanses */
/* In constant time for equal lengths. */
bool secret_eq(const struct secret *a, const struct secret *b);
static inline struct str secret_str(const struct secret *s)
{
    return (struct str){(const char *)s->p, s->len};
}
void mem_cleanse(void *p, size_t len);

/* Encodings. Decoders refuse anything that is not canonical text of the alphabet; they append to
 * out. */
void hex_encode(struct buf *out, const void *p, size_t len); /* lower case */
bool hex_decode(struct buf *out, struct str text);
void base64url_encode(struct buf *out, const void *p, size_t len); /* RFC 4648 5, no padding */
bool base64url_decode(struct buf *out, struct str text);           /* unpadded only */
void base64_encode(struct buf *out, const void *p, size_t len);    /* RFC 4648 4, padded */
/* Takes base64 and base64url, padded or not (keys come in all forms), blanks and newlines ignored.
 */
bool base64_decode_any(struct buf *out, struct str text);

/* Length of the well-formed UTF-8 character at the start of s, 0 when there is none. */
size_t utf8_len(struct str s);

/* Appends s so that it is safe on one log line: control bytes, DEL, backslash, what is no UTF-8 and
 * the characters that change the direction of text (bidi controls) as \xNN. At most max bytes are appended; when that cuts, they end in "...". */
void text_escape(struct buf *out, struct str s, size_t max);

#endif
