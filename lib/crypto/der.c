#include "crypto/inside.h"

/* Our structures are below 64 KiB, so three length octets do. */
enum { DER_LEN_MAX = 65535 };

static size_t der_head(unsigned char tag, size_t len, unsigned char out[4])
{
    CHECK(len <= DER_LEN_MAX);
    out[0] = tag;
    if (len < 128) {
        out[1] = (unsigned char)len;
        return 2;
    }
    if (len < 256) {
        out[1] = 0x81;
        out[2] = (unsigned char)len;
        return 3;
    }
    out[1] = 0x82;
    out[2] = (unsigned char)(len >> 8);
    out[3] = (unsigned char)(len & 255);
    return 4;
}

void der_wrap(struct buf *b, size_t from, unsigned char tag)
{
    if (b->overflow)
        return;
    unsigned char head[4];
    size_t len = b->len - from;
    size_t head_len = der_head(tag, len, head);
    buf_add(b, head, head_len);
    if (b->overflow)
        return;
    memmove(b->p + from + head_len, b->p + from, len);
    memcpy(b->p + from, head, head_len);
}

void der_add(struct buf *b, unsigned char tag, struct str content)
{
    unsigned char head[4];
    buf_add(b, head, der_head(tag, content.len, head));
    buf_add_str(b, content);
}

void pem_add(struct buf *out, const char *label, struct str der)
{
    enum { LINE_BYTES = 48 }; /* 64 characters */
    buf_printf(out, "-----BEGIN %s-----\n", label);
    for (size_t at = 0; at < der.len; at += LINE_BYTES) {
        base64_encode(out, der.p + at, der.len - at < LINE_BYTES ? der.len - at : LINE_BYTES);
        buf_add_char(out, '\n');
    }
    buf_printf(out, "-----END %s-----\n", label);
}
