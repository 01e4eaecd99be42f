#include "wire.h"

#include <arpa/inet.h>
#include <stdio.h>

enum { POINTERS_MAX = 64 };

const char *wire_type_name(int type)
{
    static _Thread_local char unknown[16];
    switch (type) {
#define X(name, number)                                                                            \
    case number:                                                                                   \
        return #name;
        WIRE_TYPES(X)
#undef X
    }
    snprintf(unknown, sizeof unknown, "TYPE%d", type);
    return unknown;
}

int wire_type_find(const char *name)
{
#define X(type, number)                                                                            \
    if (strcmp(name, #type) == 0)                                                                  \
        return number;
    WIRE_TYPES(X)
#undef X
    return 0;
}

static unsigned char wire_u8(struct wire_in *in)
{
    if (in->bad || in->at >= in->len) {
        in->bad = true;
        return 0;
    }
    return in->p[in->at++];
}

uint16_t wire_u16(struct wire_in *in)
{
    unsigned high = wire_u8(in);
    return (uint16_t)(high << 8 | wire_u8(in));
}

uint32_t wire_u32(struct wire_in *in)
{
    uint32_t high = wire_u16(in);
    return high << 16 | wire_u16(in);
}

static void label_read(struct wire_in *in, size_t n, char out[NAME_MAX_LEN], size_t *len)
{
    if (*len + n + 1 >= NAME_MAX_LEN)
        in->bad = true;
    if (*len > 0 && !in->bad)
        out[(*len)++] = '.';
    for (size_t i = 0; i < n && !in->bad; i++) {
        unsigned char c = wire_u8(in);
        if (c <= 0x20 || c == '.' || c >= 0x7f)
            in->bad = true;
        out[(*len)++] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
    }
}

void wire_name(struct wire_in *in, char out[NAME_MAX_LEN])
{
    size_t len = 0, after = 0;
    int n_pointers = 0;
    for (unsigned char n; (n = wire_u8(in)) != 0 && !in->bad;) {
        if (n < 64) {
            label_read(in, n, out, &len);
            continue;
        }
        size_t to = (size_t)(n & 0x3f) << 8 | wire_u8(in);
        if (n < 192 || ++n_pointers > POINTERS_MAX)
            in->bad = true;
        after = after == 0 ? in->at : after;
        in->at = to;
    }
    if (after != 0 && !in->bad)
        in->at = after;
    out[in->bad ? 0 : len] = '\0';
}

bool wire_rr(struct wire_in *in, struct wire_rr *ret_rr)
{
    wire_name(in, ret_rr->owner);
    ret_rr->type = wire_u16(in);
    ret_rr->class = wire_u16(in);
    ret_rr->ttl_s = wire_u32(in);
    ret_rr->rdata_len = wire_u16(in);
    ret_rr->at = in->at;
    if (in->bad || ret_rr->rdata_len > in->len - in->at)
        return false;
    in->at += ret_rr->rdata_len;
    return true;
}

void wire_put(struct wire_out *out, const void *p, size_t len)
{
    if (out->full || len > out->max - out->len) {
        out->full = true;
        return;
    }
    if (len > 0)
        memcpy(out->p + out->len, p, len);
    out->len += len;
}

void wire_put_u16(struct wire_out *out, unsigned value)
{
    unsigned char b[2] = {(unsigned char)(value >> 8), (unsigned char)value};
    wire_put(out, b, sizeof b);
}

void wire_put_u32(struct wire_out *out, uint32_t value)
{
    wire_put_u16(out, value >> 16);
    wire_put_u16(out, value & 0xffff);
}

void wire_set_u16(struct wire_out *out, size_t at, unsigned value)
{
    out->p[at] = (unsigned char)(value >> 8);
    out->p[at + 1] = (unsigned char)value;
}

static size_t name_bytes(const char *name, unsigned char bytes[NAME_MAX_LEN])
{
    struct str rest = str_of(name), label;
    size_t len = 0;
    while (name[0] != '\0' && str_split(&rest, '.', &label)) {
        CHECK(label.len > 0 && label.len < 64 && len + label.len + 2 <= NAME_MAX_LEN);
        bytes[len++] = (unsigned char)label.len;
        memcpy(bytes + len, label.p, label.len);
        len += label.len;
    }
    bytes[len++] = 0;
    return len;
}

void wire_put_name(struct wire_out *out, const char *name)
{
    unsigned char bytes[NAME_MAX_LEN];
    size_t len = name_bytes(name, bytes);
    wire_put(out, bytes, len);
}

static void rdata_name(const char *name, struct buf *out)
{
    unsigned char bytes[NAME_MAX_LEN];
    size_t len = name_bytes(name, bytes);
    buf_add(out, bytes, len);
}

static void rdata_strings(struct str text, struct buf *out)
{
    do {
        size_t n = text.len < 255 ? text.len : 255;
        buf_add_char(out, (char)n);
        buf_add(out, text.p, n);
        text = str_mem(text.p + n, text.len - n);
    } while (text.len > 0);
}

/* MNAME, RNAME, then serial, refresh, retry, expire and minimum. */
static void rdata_soa(const char *primary, struct buf *out)
{
    static const unsigned char numbers[20] = {0, 0,   0, 1, 0,  0,   14, 16, 0, 0,
                                              3, 132, 0, 9, 58, 128, 0,  0,  1, 44};
    rdata_name(primary, out);
    rdata_name("hostmaster.invalid", out);
    buf_add(out, numbers, sizeof numbers);
}

/* "0 issue ca.example; policy=ev": flags, tag, and the value as it is. */
static void rdata_caa(const char *data, struct buf *out)
{
    struct str rest = str_of(data), flags, tag;
    int64_t number = 0;
    CHECK(str_split(&rest, ' ', &flags) && str_split(&rest, ' ', &tag) && rest.p != NULL);
    CHECK(str_to_i64(flags, &number) && number >= 0 && number < 256 && tag.len < 256);
    buf_add_char(out, (char)number);
    buf_add_char(out, (char)tag.len);
    buf_add_str(out, tag);
    buf_add_str(out, rest);
}

void wire_rdata(int type, const char *data, struct buf *out)
{
    unsigned char ip[16];
    switch (type) {
    case TYPE_A:
        CHECK(inet_pton(AF_INET, data, ip) == 1);
        buf_add(out, ip, 4);
        return;
    case TYPE_AAAA:
        CHECK(inet_pton(AF_INET6, data, ip) == 1);
        buf_add(out, ip, 16);
        return;
    case TYPE_TXT:
        rdata_strings(str_of(data), out);
        return;
    case TYPE_SOA:
        rdata_soa(data, out);
        return;
    case TYPE_CAA:
        rdata_caa(data, out);
        return;
    default:
        CHECK(type == TYPE_NS || type == TYPE_CNAME || type == TYPE_DNAME);
        rdata_name(data, out);
    }
}

static void text_strings(struct str rdata, struct buf *out)
{
    while (rdata.len > 0) {
        size_t n = (unsigned char)rdata.p[0];
        n = n < rdata.len ? n : rdata.len - 1;
        buf_add(out, rdata.p + 1, n);
        rdata = str_mem(rdata.p + 1 + n, rdata.len - 1 - n);
    }
}

void wire_rdata_text(int type, struct str rdata, struct buf *out)
{
    char text[NAME_MAX_LEN] = "";
    struct wire_in in = {(const unsigned char *)rdata.p, rdata.len, 0, false};
    if (type == TYPE_A && rdata.len == 4)
        inet_ntop(AF_INET, rdata.p, text, sizeof text);
    else if (type == TYPE_AAAA && rdata.len == 16)
        inet_ntop(AF_INET6, rdata.p, text, sizeof text);
    else if (type == TYPE_NS || type == TYPE_CNAME || type == TYPE_DNAME || type == TYPE_SOA)
        wire_name(&in, text);
    else if (type == TYPE_TXT)
        text_strings(rdata, out);
    else
        hex_encode(out, rdata.p, rdata.len);
    buf_add_cstr(out, text);
}
