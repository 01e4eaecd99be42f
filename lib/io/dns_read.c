#include "io/dns_read.h"

#include <ldns/ldns.h>
#include <stdlib.h>

struct reading {
    const uint8_t *wire;
    size_t len, pos;
    struct arena *arena;
    struct dns_record *records;
    size_t n;
    int rcode_high; /* the upper bits, from OPT (RFC 6891 6.1.3) */
};

static int word_at(const struct reading *r, size_t pos)
{
    return r->wire[pos] << 8 | r->wire[pos + 1];
}

/* Presentation form into the arena; ldns allocates its own. */
static char *rdf_text(struct reading *r, const ldns_rdf *rdf)
{
    char *text = ldns_rdf2str(rdf);
    char *copy = arena_strdup(r->arena, text != NULL ? text : "");
    free(text);
    return copy;
}

static char *rdf_name(struct reading *r, const ldns_rdf *rdf)
{
    char *name = rdf_text(r, rdf);
    size_t len = strlen(name);
    if (len > 0 && name[len - 1] == '.')
        name[len - 1] = '\0';
    for (char *p = name; *p != '\0'; p++)
        if (*p >= 'A' && *p <= 'Z')
            *p = (char)(*p - 'A' + 'a');
    return name;
}

/* Character-strings (RFC 1035 3.3): a length byte and that many bytes each. */
static void txt_join(struct reading *r, const ldns_rr *rr, struct dns_record *record)
{
    size_t len = 0;
    for (size_t i = 0; i < ldns_rr_rd_count(rr); i++)
        len += ldns_rdf_size(ldns_rr_rdf(rr, i)) - 1;
    char *data = arena_alloc(r->arena, len + 1);
    record->data = data;
    record->data_len = len;
    for (size_t i = 0; i < ldns_rr_rd_count(rr); i++) {
        const ldns_rdf *rdf = ldns_rr_rdf(rr, i);
        memcpy(data, ldns_rdf_data(rdf) + 1, ldns_rdf_size(rdf) - 1);
        data += ldns_rdf_size(rdf) - 1;
    }
}

static void rdfs_join(struct reading *r, const ldns_rr *rr, struct dns_record *record)
{
    const char *data = "";
    for (size_t i = 0; i < ldns_rr_rd_count(rr); i++)
        data = arena_printf(r->arena, "%s%s%s", data, i > 0 ? " " : "", rdf_text(r, ldns_rr_rdf(rr, i)));
    record->data = data;
    record->data_len = strlen(data);
}

static void data_read(struct reading *r, const ldns_rr *rr, struct dns_record *record)
{
    size_t n = ldns_rr_rd_count(rr);
    bool is_name = record->type == DNS_NS || record->type == DNS_CNAME || record->type == DNS_DNAME || record->type == DNS_SOA;
    if (record->type == DNS_TXT) {
        txt_join(r, rr, record);
    } else if (is_name && n > 0) {
        record->data = rdf_name(r, ldns_rr_rdf(rr, 0));
        record->data_len = strlen(record->data);
    } else {
        rdfs_join(r, rr, record);
    }
    if (record->type == DNS_SOA && n == 7)
        record->soa_minimum_s = ldns_rdf2native_int32(ldns_rr_rdf(rr, 6));
}

static void record_take(struct reading *r, const ldns_rr *rr, enum dns_section section)
{
    ldns_rr_type type = ldns_rr_get_type(rr);
    if (type == LDNS_RR_TYPE_OPT && section == DNS_ADDITIONAL)
        r->rcode_high = (int)(ldns_rr_ttl(rr) >> 24);
    if (type == LDNS_RR_TYPE_OPT || type == LDNS_RR_TYPE_TSIG || ldns_rr_get_class(rr) != LDNS_RR_CLASS_IN)
        return;
    struct dns_record *record = &r->records[r->n++];
    record->section = section;
    record->owner = rdf_name(r, ldns_rr_owner(rr));
    record->type = (int)type;
    record->ttl_s = ldns_rr_ttl(rr) > INT32_MAX ? 0 : ldns_rr_ttl(rr); /* RFC 2181 8 */
    data_read(r, rr, record);
}

static bool section_read(struct reading *r, int n, ldns_pkt_section from, enum dns_section section, struct err *err)
{
    static const char *const names[] = {"answer", "authority", "additional"};
    for (int i = 0; i < n; i++) {
        ldns_rr *rr = NULL;
        ldns_status status = ldns_wire2rr(&rr, r->wire, r->len, &r->pos, from);
        if (status != LDNS_STATUS_OK)
            return err_set(err, ERR_BROKEN, "DNS message: %s %d: %s",
                           from == LDNS_SECTION_QUESTION ? "question" : names[section], i + 1, ldns_get_errorstr_by_id(status));
        if (from != LDNS_SECTION_QUESTION)
            record_take(r, rr, section);
        ldns_rr_free(rr);
    }
    return true;
}

bool dns_is_truncated(struct str wire)
{
    return wire.len >= DNS_HEADER_LEN && LDNS_TC_WIRE((const uint8_t *)wire.p) != 0;
}

bool dns_read(struct str wire, struct arena *arena, struct dns_reply *ret_reply, struct err *err)
{
    struct reading r = {.wire = (const uint8_t *)wire.p, .len = wire.len, .pos = DNS_HEADER_LEN, .arena = arena};
    if (wire.len < DNS_HEADER_LEN || wire.len > DNS_MESSAGE_MAX)
        return err_set(err, ERR_BROKEN, "DNS message: %zu bytes", wire.len);
    if (LDNS_QR_WIRE(r.wire) == 0)
        return err_set(err, ERR_BROKEN, "DNS message: not an answer");
    size_t n_told = (size_t)word_at(&r, 6) + (size_t)word_at(&r, 8) + (size_t)word_at(&r, 10);
    size_t n_possible = (wire.len - DNS_HEADER_LEN) / 11; /* the shortest record */
    r.records = arena_alloc(arena, (n_told < n_possible ? n_told : n_possible) * sizeof *r.records);
    if (!section_read(&r, word_at(&r, 4), LDNS_SECTION_QUESTION, DNS_ANSWER, err) ||
        !section_read(&r, word_at(&r, 6), LDNS_SECTION_ANSWER, DNS_ANSWER, err) ||
        !section_read(&r, word_at(&r, 8), LDNS_SECTION_AUTHORITY, DNS_AUTHORITY, err) ||
        !section_read(&r, word_at(&r, 10), LDNS_SECTION_ADDITIONAL, DNS_ADDITIONAL, err))
        return false;
    *ret_reply = (struct dns_reply){.rcode = (int)LDNS_RCODE_WIRE(r.wire) + r.rcode_high * 16,
                                    .authoritative = LDNS_AA_WIRE(r.wire) != 0,
                                    .records = r.records,
                                    .n_records = r.n};
    return true;
}

struct number_name {
    int number;
    const char *name;
};

static const struct number_name rcodes[] = {
    {DNS_NOERROR, "NOERROR"}, {DNS_FORMERR, "FORMERR"}, {DNS_SERVFAIL, "SERVFAIL"}, {DNS_NXDOMAIN, "NXDOMAIN"},
    {DNS_NOTIMP, "NOTIMP"},   {DNS_REFUSED, "REFUSED"}, {6, "YXDOMAIN"},            {7, "YXRRSET"},
    {8, "NXRRSET"},           {DNS_NOTAUTH, "NOTAUTH"}, {DNS_NOTZONE, "NOTZONE"},   {16, "BADVERS"},
};
static const struct number_name types[] = {
    {DNS_A, "A"},     {DNS_NS, "NS"},     {DNS_CNAME, "CNAME"}, {DNS_SOA, "SOA"}, {DNS_TXT, "TXT"},
    {DNS_AAAA, "AAAA"}, {DNS_DNAME, "DNAME"}, {DNS_CAA, "CAA"},
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
