#include "io/dns_read.h"

#include "io/dns_wire.h"

#include <arpa/inet.h>

enum {
    CLASS_IN = 1,
    FLAG_ANSWER = 0x8000,
    FLAG_AUTHORITATIVE = 0x0400,
    FLAG_TRUNCATED = 0x0200,
    RECORD_LEAST = 11,                      /* bytes of the shortest */
    PRESENTATION_MAX = 8 * DNS_MESSAGE_MAX, /* more than the worst byte takes as text */
    TEXTS_MAX =
        4 * 1024 * 1024 /* of all records: compressed names can blow a message up hundredfold */
};

struct reading {
    struct dns_wire wire;
    struct arena *arena;
    struct dns_record *records;
    size_t n;
    int rcode_high; /* the upper bits, from OPT (RFC 6891 6.1.3) */
};

static const char *text_keep(struct reading *r, const struct buf *text)
{
    return arena_strndup(r->arena, buf_cstr(text), text->len);
}

static const char *name_text(struct reading *r, const struct dns_name *name)
{
    AUTO(buf_fini)
    struct buf text = BUF(4 * DNS_NAME_MAX);
    dns_name_format(name, &text);
    return text_keep(r, &text);
}

/* A, AAAA */
static void data_address(struct reading *r, struct dns_raw *raw, struct dns_record *record)
{
    char text[INET6_ADDRSTRLEN];
    struct str bytes = dns_wire_bytes(&raw->data, record->type == DNS_A ? 4 : 16);
    if (raw->data.bad)
        return;
    inet_ntop(record->type == DNS_A ? AF_INET : AF_INET6, bytes.p, text, sizeof text);
    record->data = arena_strdup(r->arena, text);
}

/* NS, CNAME, DNAME, and the first name of SOA */
static void data_name(struct reading *r, struct dns_raw *raw, struct dns_record *record)
{
    struct dns_name name, mailbox;
    dns_wire_name(&raw->data, &name);
    record->data = name_text(r, &name);
    if (record->type != DNS_SOA)
        return;
    dns_wire_name(&raw->data, &mailbox);
    dns_wire_bytes(&raw->data, 16); /* serial, refresh, retry, expire */
    record->soa_minimum_s = (uint32_t)dns_wire_number(&raw->data, 4);
}

static void data_txt(struct reading *r, struct dns_raw *raw, struct dns_record *record)
{
    size_t room = raw->data.len - raw->data.pos, len = 0;
    char *text = arena_alloc(r->arena, room + 1);
    while (!raw->data.bad && raw->data.pos < raw->data.len) {
        struct str piece = dns_wire_string(&raw->data);
        memcpy(text + len, piece.p, piece.len);
        len += piece.len;
    }
    record->data = text;
    record->data_len = len;
}

static char *bytes_keep(struct reading *r, struct str bytes)
{
    char *copy = arena_alloc(r->arena, bytes.len + 1);
    if (bytes.len > 0)
        memcpy(copy, bytes.p, bytes.len);
    return copy;
}

/* RFC 8659 4.1: any byte may stand in the value, so nothing is made text here. */
static void data_caa(struct reading *r, struct dns_raw *raw, struct dns_record *record)
{
    record->caa_flags = (unsigned)dns_wire_number(&raw->data, 1);
    struct str tag = dns_wire_string(&raw->data);
    struct str value = dns_wire_bytes(&raw->data, raw->data.len - raw->data.pos);
    if (raw->data.bad)
        return;
    record->caa_tag = str_mem(bytes_keep(r, tag), tag.len);
    record->data = bytes_keep(r, value);
    record->data_len = value.len;
}

static void data_generic(struct reading *r, struct dns_raw *raw, struct dns_record *record)
{
    AUTO(buf_fini)
    struct buf text = BUF(PRESENTATION_MAX);
    struct str bytes = dns_wire_bytes(&raw->data, raw->data.len - raw->data.pos);
    buf_printf(&text, "\\# %zu ", bytes.len);
    hex_encode(&text, bytes.p, bytes.len);
    record->data = text_keep(r, &text);
}

static void data_read(struct reading *r, struct dns_raw *raw, struct dns_record *record)
{
    switch (record->type) {
    case DNS_A:
    case DNS_AAAA:
        data_address(r, raw, record);
        break;
    case DNS_NS:
    case DNS_CNAME:
    case DNS_DNAME:
    case DNS_SOA:
        data_name(r, raw, record);
        break;
    case DNS_TXT:
        data_txt(r, raw, record);
        return;
    case DNS_CAA:
        data_caa(r, raw, record);
        return;
    default:
        data_generic(r, raw, record);
    }
    record->data_len = record->data != NULL ? strlen(record->data) : 0;
}

static bool record_read(struct reading *r, enum dns_section section)
{
    struct dns_raw raw;
    dns_wire_record(&r->wire, &raw);
    if (r->wire.bad)
        return false;
    if (raw.type == DNS_TYPE_OPT && section == DNS_ADDITIONAL)
        r->rcode_high = (int)(raw.ttl_s >> 24);
    if (raw.type == DNS_TYPE_OPT || raw.type == DNS_TYPE_TSIG || raw.class != CLASS_IN)
        return true;
    struct dns_record *record = &r->records[r->n++];
    record->section = section;
    record->owner = name_text(r, &raw.owner);
    record->type = raw.type;
    record->ttl_s = raw.ttl_s > INT32_MAX ? 0 : raw.ttl_s; /* RFC 2181 8 */
    data_read(r, &raw, record);
    return !raw.data.bad && raw.data.pos == raw.data.len;
}

static bool section_read(struct reading *r, int n, enum dns_section section, struct err *err)
{
    static const char *const names[] = {"answer", "authority", "additional"};
    for (int i = 0; i < n; i++) {
        if (!record_read(r, section))
            return err_set(err, ERR_BROKEN, "DNS message: %s record %d is malformed",
                           names[section], i + 1);
        if (arena_used(r->arena) > TEXTS_MAX)
            return err_set(err, ERR_BROKEN, "DNS message: names of more than %d bytes", TEXTS_MAX);
    }
    return true;
}

static bool questions_read(struct reading *r, int n, struct err *err)
{
    for (int i = 0; i < n && !r->wire.bad; i++)
        dns_wire_question(&r->wire);
    return !r->wire.bad || err_set(err, ERR_BROKEN, "DNS message: the question is malformed");
}

bool dns_read(struct str wire, struct arena *arena, struct dns_reply *ret_reply, struct err *err)
{
    struct reading r = {.wire = dns_wire_of(wire), .arena = arena};
    struct dns_header header;
    dns_wire_header(&r.wire, &header);
    if (r.wire.bad || wire.len > DNS_MESSAGE_MAX)
        return err_set(err, ERR_BROKEN, "DNS message: %zu bytes", wire.len);
    if ((header.flags & FLAG_ANSWER) == 0)
        return err_set(err, ERR_BROKEN, "DNS message: not an answer");
    size_t n_told = (size_t)(header.n[1] + header.n[2] + header.n[3]),
           n_possible = wire.len / RECORD_LEAST;
    r.records = arena_alloc(arena, (n_told < n_possible ? n_told : n_possible) * sizeof *r.records);
    if (!questions_read(&r, header.n[0], err) || !section_read(&r, header.n[1], DNS_ANSWER, err) ||
        !section_read(&r, header.n[2], DNS_AUTHORITY, err) ||
        !section_read(&r, header.n[3], DNS_ADDITIONAL, err))
        return false;
    *ret_reply = (struct dns_reply){.rcode = (header.flags & 15) + r.rcode_high * 16,
                                    .authoritative = (header.flags & FLAG_AUTHORITATIVE) != 0,
                                    .records = r.records,
                                    .n_records = r.n};
    return true;
}

bool dns_is_truncated(struct str wire)
{
    struct dns_wire w = dns_wire_of(wire);
    return ((int)dns_wire_number(&w, 4) & FLAG_TRUNCATED) != 0;
}

int dns_opcode(struct str wire)
{
    struct dns_wire w = dns_wire_of(wire);
    int head = (int)dns_wire_number(&w, 4);
    return w.bad ? -1 : head >> 11 & 15;
}

struct number_name {
    int number;
    const char *name;
};

static const struct number_name rcodes[] = {
    {DNS_NOERROR, "NOERROR"},
    {DNS_FORMERR, "FORMERR"},
    {DNS_SERVFAIL, "SERVFAIL"},
    {DNS_NXDOMAIN, "NXDOMAIN"},
    {DNS_NOTIMP, "NOTIMP"},
    {DNS_REFUSED, "REFUSED"},
    {6, "YXDOMAIN"},
    {7, "YXRRSET"},
    {8, "NXRRSET"},
    {DNS_NOTAUTH, "NOTAUTH"},
    {DNS_NOTZONE, "NOTZONE"},
    {16, "BADVERS"},
};
static const struct number_name types[] = {
    {DNS_A, "A"},     {DNS_NS, "NS"},     {DNS_CNAME, "CNAME"}, {DNS_SOA, "SOA"},
    {DNS_TXT, "TXT"}, {DNS_AAAA, "AAAA"}, {DNS_DNAME, "DNAME"}, {DNS_CAA, "CAA"},
};

static const char *name_find(const struct number_name *names, size_t n, int number)
{
    for (size_t i = 0; i < n; i++)
        if (names[i].number == number)
            return names[i].name;
    return "unknown";
}

const char *dns_rcode_name(int rcode)
{
    return name_find(rcodes, sizeof rcodes / sizeof rcodes[0], rcode);
}

const char *dns_type_name(int type)
{
    return name_find(types, sizeof types / sizeof types[0], type);
}
