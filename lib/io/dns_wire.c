#include "io/dns_wire.h"

enum { POINTERS_MAX = 64, POINTER = 0xc0 };

static bool has(struct dns_wire *w, size_t len)
{
    if (w->bad || w->len - w->pos < len)
        w->bad = true;
    return !w->bad;
}

uint64_t dns_wire_number(struct dns_wire *w, int n_bytes)
{
    uint64_t value = 0;
    if (!has(w, (size_t)n_bytes))
        return 0;
    while (n_bytes-- > 0)
        value = value << 8 | w->p[w->pos++];
    return value;
}

struct str dns_wire_bytes(struct dns_wire *w, size_t len)
{
    if (!has(w, len))
        return str_mem("", 0);
    w->pos += len;
    return str_mem(w->p + w->pos - len, len);
}

struct str dns_wire_string(struct dns_wire *w)
{
    return dns_wire_bytes(w, (size_t)dns_wire_number(w, 1));
}

static void label_add(struct dns_name *name, struct str label)
{
    name->p[name->len++] = (uint8_t)label.len;
    for (size_t i = 0; i < label.len; i++) {
        uint8_t c = (uint8_t)label.p[i];
        name->p[name->len++] = c >= 'A' && c <= 'Z' ? (uint8_t)(c - 'A' + 'a') : c;
    }
}

void dns_wire_name(struct dns_wire *w, struct dns_name *ret_name)
{
    struct dns_wire at = *w; /* runs ahead through the pointers */
    struct dns_name name = {.len = 0};
    int n_pointers = 0;
    for (;;) {
        size_t before = at.pos, len = (size_t)dns_wire_number(&at, 1);
        if ((len & POINTER) == POINTER) {
            size_t target = (len & 0x3f) << 8 | (size_t)dns_wire_number(&at, 1);
            if (n_pointers++ == 0)
                w->pos = at.pos;
            at.bad = at.bad || target >= before || n_pointers > POINTERS_MAX;
            at.pos = target;
        } else {
            at.bad = at.bad || len > 63 || name.len + 1 + len > DNS_NAME_MAX;
            struct str label = dns_wire_bytes(&at, len);
            if (!at.bad)
                label_add(&name, label);
        }
        if (at.bad || len == 0)
            break;
    }
    if (n_pointers == 0)
        w->pos = at.pos;
    w->bad = at.bad;
    *ret_name = at.bad ? (struct dns_name){{0}, 1} : name;
}

bool dns_name_eq(const struct dns_name *a, const struct dns_name *b)
{
    return a->len == b->len && memcmp(a->p, b->p, a->len) == 0;
}

static void byte_format(uint8_t c, struct buf *out)
{
    const char digits[4] = {'\\', (char)('0' + c / 100), (char)('0' + c / 10 % 10),
                            (char)('0' + c % 10)};
    if (c <= ' ' || c > '~') {
        buf_add(out, digits, 4);
        return;
    }
    if (strchr(".\\\"();@$", c) != NULL)
        buf_add_char(out, '\\');
    buf_add_char(out, (char)c);
}

void dns_name_format(const struct dns_name *name, struct buf *out)
{
    for (size_t i = 0; i < name->len && name->p[i] != 0; i += name->p[i] + 1u) {
        if (i > 0)
            buf_add_char(out, '.');
        for (size_t j = 1; j <= name->p[i]; j++)
            byte_format(name->p[i + j], out);
    }
}

void dns_wire_header(struct dns_wire *w, struct dns_header *ret_header)
{
    ret_header->id = (int)dns_wire_number(w, 2);
    ret_header->flags = (int)dns_wire_number(w, 2);
    for (int i = 0; i < 4; i++)
        ret_header->n[i] = (int)dns_wire_number(w, 2);
}

void dns_wire_question(struct dns_wire *w)
{
    struct dns_name name;
    dns_wire_name(w, &name);
    dns_wire_number(w, 4); /* type and class */
}

void dns_wire_record(struct dns_wire *w, struct dns_raw *ret_raw)
{
    *ret_raw = (struct dns_raw){.at = w->pos};
    dns_wire_name(w, &ret_raw->owner);
    ret_raw->type = (int)dns_wire_number(w, 2);
    ret_raw->class = (int)dns_wire_number(w, 2);
    ret_raw->ttl_s = (uint32_t)dns_wire_number(w, 4);
    size_t len = (size_t)dns_wire_number(w, 2), begin = w->pos;
    dns_wire_bytes(w, len);
    ret_raw->data = (struct dns_wire){.p = w->p, .len = w->pos, .pos = begin, .bad = w->bad};
}
