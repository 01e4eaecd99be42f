#include "fake/ca_der.h"

#include "base/clock.h"

size_t fake_der_open(struct buf *out, int tag)
{
    buf_add_char(out, (char)tag);
    return out->len;
}

void fake_der_close(struct buf *out, size_t opened)
{
    unsigned char length[4];
    size_t n = 0, len = out->len - opened;
    if (len < 0x80) {
        length[n++] = (unsigned char)len;
    } else {
        length[n++] = len < 0x100 ? 0x81 : len < 0x10000 ? 0x82 : 0x83;
        if (len >= 0x10000)
            length[n++] = (unsigned char)(len >> 16);
        if (len >= 0x100)
            length[n++] = (unsigned char)(len >> 8);
        length[n++] = (unsigned char)len;
    }
    /* Make room, then move the content behind its length. */
    buf_add(out, length, n);
    CHECK(!out->overflow && len < 0x1000000);
    memmove(out->p + opened + n, out->p + opened, len);
    memcpy(out->p + opened, length, n);
}

void fake_der_put(struct buf *out, int tag, struct str content)
{
    size_t at = fake_der_open(out, tag);
    buf_add_str(out, content);
    fake_der_close(out, at);
}

void fake_der_put_int(struct buf *out, const unsigned char *octets, size_t n)
{
    while (n > 1 && octets[0] == 0) {
        octets++;
        n--;
    }
    size_t at = fake_der_open(out, DER_INT);
    if (octets[0] >= 0x80)
        buf_add_char(out, 0);
    buf_add(out, octets, n);
    fake_der_close(out, at);
}

/* RFC 5280 4.1.2.5: UTCTime through 2049, GeneralizedTime from 2050 on. */
void fake_der_put_time(struct buf *out, int64_t at_ms)
{
    char text[TIME_TEXT_MAX]; /* 2026-11-21T22:01:23Z */
    time_format(at_ms - at_ms % 1000, false, text);
    bool general = strncmp(text, "2050", 4) >= 0 || strncmp(text, "1950", 4) < 0;
    size_t at = fake_der_open(out, general ? DER_GENERAL_TIME : DER_UTC_TIME);
    for (const char *p = general ? text : text + 2; *p != 0; p++) {
        if ((*p >= '0' && *p <= '9') || *p == 'Z')
            buf_add_char(out, *p);
    }
    fake_der_close(out, at);
}

void fake_der_put_bits(struct buf *out, struct str octets)
{
    size_t at = fake_der_open(out, DER_BITS);
    buf_add_char(out, 0);
    buf_add_str(out, octets);
    fake_der_close(out, at);
}

void fake_pem_put(struct buf *out, const char *label, struct str der)
{
    AUTO(buf_fini)
    struct buf text = BUF(out->max);
    base64_encode(&text, der.p, der.len);
    buf_printf(out, "-----BEGIN %s-----\n", label);
    for (size_t at = 0; at < text.len; at += 64) {
        size_t n = text.len - at < 64 ? text.len - at : 64;
        buf_add(out, text.p + at, n);
        buf_add_char(out, '\n');
    }
    buf_printf(out, "-----END %s-----\n", label);
}
