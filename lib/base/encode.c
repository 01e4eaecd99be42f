#include "base/buf.h"

static const char hex_lower[] = "0123456789abcdef";
static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char alphabet_url[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void hex_encode(struct buf *out, const void *p, size_t len)
{
    const unsigned char *bytes = p;
    for (size_t i = 0; i < len; i++) {
        buf_add_char(out, hex_lower[bytes[i] >> 4]);
        buf_add_char(out, hex_lower[bytes[i] & 15]);
    }
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Ends a decoder: what was appended goes again when the text turned out to be wrong. */
static bool decode_end(struct buf *out, size_t before, bool good)
{
    if (!good)
        buf_cut(out, before);
    return good && !out->overflow;
}

bool hex_decode(struct buf *out, struct str text)
{
    size_t before = out->len;
    if (text.len % 2 != 0)
        return false;
    for (size_t i = 0; i < text.len; i += 2) {
        int high = hex_value(text.p[i]), low = hex_value(text.p[i + 1]);
        if (high < 0 || low < 0)
            return decode_end(out, before, false);
        buf_add_char(out, (char)(high << 4 | low));
    }
    return decode_end(out, before, true);
}

/* n bytes, 1 to 3, as n + 1 letters. */
static void letters_put(char *out, const unsigned char *p, size_t n, const char *letters)
{
    unsigned bits = (unsigned)p[0] << 16;
    if (n > 1)
        bits |= (unsigned)p[1] << 8;
    if (n > 2)
        bits |= p[2];
    for (size_t k = 0; k <= n; k++)
        out[k] = letters[bits >> (18 - 6 * k) & 63];
}

static void base64_add(struct buf *out, const unsigned char *p, size_t len, const char *letters,
                       bool padded)
{
    size_t n_left = len % 3, n_tail = n_left == 0 ? 0 : padded ? 4 : n_left + 1;
    char *room = len / 3 > (SIZE_MAX - 4) / 4 ? NULL : buf_extend(out, len / 3 * 4 + n_tail);
    if (room == NULL)
        return;
    for (; len >= 3; len -= 3, p += 3, room += 4)
        letters_put(room, p, 3, letters);
    if (n_left == 0)
        return;
    memset(room, '=', n_tail);
    letters_put(room, p, n_left, letters);
}

void base64url_encode(struct buf *out, const void *p, size_t len)
{
    base64_add(out, p, len, alphabet_url, false);
}

void base64_encode(struct buf *out, const void *p, size_t len)
{
    base64_add(out, p, len, alphabet, true);
}

/* The two alphabets as a set: a text may show letters of one of them only. */
enum { STANDARD = 1, URL = 2 };

/* 0 to 63, or -1 when c is in none of the alphabets, which lose those c is not in. */
static int letter_value(char c, unsigned *alphabets)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    *alphabets &= c == '+' || c == '/' ? STANDARD : c == '-' || c == '_' ? URL : 0;
    if (*alphabets == 0)
        return -1;
    return c == '+' || c == '-' ? 62 : 63;
}

struct sextets {
    unsigned bits;
    size_t n; /* letters so far */
};

static void sextets_take(struct sextets *s, int value, struct buf *out)
{
    s->bits = (s->bits << 6 | (unsigned)value) & 0xffffff;
    if (++s->n % 4 != 0)
        return;
    const char bytes[3] = {(char)(s->bits >> 16), (char)(s->bits >> 8 & 255),
                           (char)(s->bits & 255)};
    buf_add(out, bytes, 3);
}

/* The last one or two bytes. One letter alone, or bits set beyond the last byte, is no canonical
 * text. */
static bool sextets_end(const struct sextets *s, struct buf *out)
{
    switch (s->n % 4) {
    case 0:
        return true;
    case 2:
        buf_add_char(out, (char)(s->bits >> 4 & 255));
        return (s->bits & 15) == 0;
    case 3:
        buf_add_char(out, (char)(s->bits >> 10 & 255));
        buf_add_char(out, (char)(s->bits >> 2 & 255));
        return (s->bits & 3) == 0;
    default:
        return false;
    }
}

bool base64url_decode(struct buf *out, struct str text)
{
    size_t before = out->len;
    unsigned alphabets = URL;
    struct sextets s = {0};
    for (size_t i = 0; i < text.len; i++) {
        int value = letter_value(text.p[i], &alphabets);
        if (value < 0)
            return decode_end(out, before, false);
        sextets_take(&s, value, out);
    }
    return decode_end(out, before, sextets_end(&s, out));
}

bool base64_decode_any(struct buf *out, struct str text)
{
    size_t before = out->len, pads = 0;
    unsigned alphabets = STANDARD | URL;
    struct sextets s = {0};
    for (size_t i = 0; i < text.len; i++) {
        char c = text.p[i];
        if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
            continue;
        if (c == '=') {
            pads++;
            continue;
        }
        int value = letter_value(c, &alphabets);
        if (value < 0 || pads > 0)
            return decode_end(out, before, false);
        sextets_take(&s, value, out);
    }
    bool padding_fits = pads == 0 || (s.n % 4 != 0 && s.n % 4 + pads == 4);
    return decode_end(out, before, sextets_end(&s, out) && padding_fits);
}

size_t utf8_len(struct str s)
{
    if (s.len == 0)
        return 0;
    unsigned char c = (unsigned char)s.p[0];
    if (c < 0x80)
        return 1;
    size_t n = c >= 0xc2 && c <= 0xdf   ? 2
               : c >= 0xe0 && c <= 0xef ? 3
               : c >= 0xf0 && c <= 0xf4 ? 4
                                        : 0;
    if (n == 0 || s.len < n)
        return 0;
    /* The second byte has narrower bounds after some first ones: overlong forms, surrogates, >
     * U+10FFFF. */
    unsigned char second = (unsigned char)s.p[1];
    unsigned char least = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
    unsigned char most = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
    if (second < least || second > most)
        return 0;
    for (size_t i = 2; i < n; i++)
        if (((unsigned char)s.p[i] & 0xc0) != 0x80)
            return 0;
    return n;
}

/* Characters that turn the order of the others round or end a line, so that a text reads as another
 * one: U+061C, U+200E, U+200F, U+2028 to U+202E, U+2066 to U+2069. */
static bool is_disguise(const char *p, size_t n)
{
    unsigned char c = (unsigned char)p[0], d = (unsigned char)p[1];
    if (n == 2)
        return c == 0xd8 && d == 0x9c;
    if (n != 3 || c != 0xe2)
        return false;
    unsigned char e = (unsigned char)p[2];
    if (d == 0x80)
        return e == 0x8e || e == 0x8f || (e >= 0xa8 && e <= 0xae);
    return d == 0x81 && e >= 0xa6 && e <= 0xa9;
}

/* How many bytes at the start of s may stand as they are; 0 when the first must be escaped. Bytes
 * that are no UTF-8 and the C1 controls are escaped too: some terminals obey them. */
static size_t plain_len(struct str s)
{
    size_t n = utf8_len(s);
    unsigned char c = (unsigned char)s.p[0];
    if (n > 1 && is_disguise(s.p, n))
        return 0;
    if (n == 1 && (c < 0x20 || c == 0x7f || c == '\\'))
        return 0;
    if (n == 2 && c == 0xc2 && (unsigned char)s.p[1] < 0xa0)
        return 0;
    return n;
}

void text_escape(struct buf *out, struct str s, size_t max)
{
    size_t start = out->len,
           last_room = start; /* the longest prefix after which "..." still fits */
    while (s.len > 0) {
        size_t n = plain_len(s), taken = n > 0 ? n : 1;
        char escaped[4] = {'\\', 'x', hex_lower[(unsigned char)s.p[0] >> 4],
                           hex_lower[(unsigned char)s.p[0] & 15]};
        size_t added = n > 0 ? n : sizeof escaped;
        if (out->len - start + added > max) {
            buf_cut(out, last_room);
            buf_add(out, "...", max < 3 ? max : 3);
            return;
        }
        buf_add(out, n > 0 ? s.p : escaped, added);
        if (out->len - start + 3 <= max)
            last_room = out->len;
        s = str_mem(s.p + taken, s.len - taken);
    }
}
