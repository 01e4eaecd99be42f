#include "inner.h"

#include <stdio.h>

enum { CHAIN_MAX = 9, RRS_MAX = 1500, SYNTHESISED_TTL_S = 60 };

struct rr {
    const char *owner;
    const struct record *record;
    const char *made_target; /* a CNAME made up from a DNAME: then record is NULL */
};
struct section_rrs {
    struct rr rrs[RRS_MAX];
    size_t n;
};
struct resolving {
    const struct query *q;
    struct section_rrs sections[3]; /* answer, authority, additional */
    char names[2 * CHAIN_MAX][NAME_MAX_LEN];
    size_t n_names;
    unsigned rcode;
    bool authoritative;
};
enum { ANSWER, AUTHORITY, ADDITIONAL };

static int64_t lag_of(const struct resolving *r)
{
    return r->q->host->lag_ms;
}

static const struct record *first_of(const struct resolving *r, const struct node *node, int type)
{
    return node != NULL ? node_record(node, NULL, type, r->q->now_ms, lag_of(r)) : NULL;
}

static void rr_add(struct resolving *r, int section, const char *owner, const struct record *record,
                   const char *made)
{
    struct section_rrs *s = &r->sections[section];
    if (s->n < RRS_MAX)
        s->rrs[s->n++] = (struct rr){owner, record, made};
}

/* All records of a type at a node, shown under owner. Returns whether there were any. */
static bool rrs_add(struct resolving *r, int section, const char *owner, const struct node *node,
                    int type)
{
    const struct record *record = first_of(r, node, type);
    bool any = record != NULL;
    for (; record != NULL; record = node_record(node, record, type, r->q->now_ms, lag_of(r)))
        rr_add(r, section, owner, record, NULL);
    return any;
}

/* Room for a name that must live until the message is written. */
static char *name_new(struct resolving *r)
{
    CHECK(r->n_names < 2 * CHAIN_MAX);
    return r->names[r->n_names++];
}

static const char *record_target(struct resolving *r, const struct record *record)
{
    struct wire_in in = {record->rdata, record->rdata_len, 0, false};
    char *name = name_new(r);
    wire_name(&in, name);
    return name;
}

static bool node_exists(const struct resolving *r, const struct node *node)
{
    return node != NULL && (node->n_below > 0 || first_of(r, node, 0) != NULL ||
                            strcmp(node->name, node->zone->name) == 0);
}

static void negative(struct resolving *r, const struct zone *zone, unsigned rcode)
{
    r->rcode = rcode;
    rrs_add(r, AUTHORITY, zone->name, zone_node(zone, zone->name), TYPE_SOA);
}

static void glue_add(struct resolving *r, const struct zone *zone, const struct node *cut)
{
    for (const struct record *ns = first_of(r, cut, TYPE_NS); ns != NULL;
         ns = node_record(cut, ns, TYPE_NS, r->q->now_ms, lag_of(r))) {
        char name[NAME_MAX_LEN];
        struct wire_in in = {ns->rdata, ns->rdata_len, 0, false};
        wire_name(&in, name);
        const struct node *node = zone_node(zone, name);
        if (node == NULL)
            continue;
        rrs_add(r, ADDITIONAL, node->name, node, TYPE_A);
        rrs_add(r, ADDITIONAL, node->name, node, TYPE_AAAA);
    }
}

/* The n-th ancestor of name counted from the zone down: suffixes of one text, longest last. */
static const char *name_with_labels_below(const char *name, const char *zone, size_t n)
{
    size_t total = 0;
    for (const char *p = name; strcmp(p, zone) != 0; p = name_parent(p))
        total++;
    for (; total > n; total--)
        name = name_parent(name);
    return name;
}

/* A delegation on the way from the apex to name, itself included; a DNAME above it. */
static const struct node *way_find(const struct resolving *r, const struct zone *zone,
                                   const char *name, int type)
{
    const char *at = zone->name;
    for (size_t n = 1; strcmp(at, name) != 0; n++) {
        at = name_with_labels_below(name, zone->name, n);
        const struct node *node = zone_node(zone, at);
        bool counts = type == TYPE_NS || strcmp(at, name) != 0;
        if (counts && first_of(r, node, type) != NULL)
            return node;
    }
    const struct node *apex = zone_node(zone, zone->name);
    bool above = type == TYPE_DNAME && strcmp(zone->name, name) != 0;
    return above && first_of(r, apex, type) != NULL ? apex : NULL;
}

static const char *dname_follow(struct resolving *r, const char *name, const struct node *node)
{
    const struct record *record = first_of(r, node, TYPE_DNAME);
    const char *target = record_target(r, record);
    char whole[2 * NAME_MAX_LEN];
    snprintf(whole, sizeof whole, "%.*s.%s", (int)(strlen(name) - strlen(node->name) - 1), name,
             target);
    char *made = name_new(r);
    memcpy(made, whole, NAME_MAX_LEN);
    made[NAME_MAX_LEN - 1] = '\0';
    rr_add(r, ANSWER, node->name, record, NULL);
    rr_add(r, ANSWER, name, NULL, made);
    return made;
}

/* RFC 4592: the wildcard below the closest encloser. */
static const struct node *wildcard_find(const struct resolving *r, const struct zone *zone,
                                        const char *name)
{
    char wild[NAME_MAX_LEN + 2];
    const char *encloser = name_parent(name);
    while (!node_exists(r, zone_node(zone, encloser)))
        encloser = name_parent(encloser);
    snprintf(wild, sizeof wild, "*.%s", encloser);
    const struct node *node = zone_node(zone, wild);
    return first_of(r, node, 0) != NULL ? node : NULL;
}

/* The next name of the chain, or NULL when the answer is complete. */
static const char *step(struct resolving *r, const struct zone *zone, const char *name)
{
    int type = r->q->type;
    const struct node *cut = way_find(r, zone, name, TYPE_NS);
    if (cut != NULL && r->q->host->role == FAKE_RECURSIVE) {
        r->rcode = RCODE_SERVFAIL; /* nobody in this world serves the child */
        return NULL;
    }
    if (cut != NULL) {
        r->authoritative = r->sections[ANSWER].n > 0;
        rrs_add(r, AUTHORITY, cut->name, cut, TYPE_NS);
        glue_add(r, zone, cut);
        return NULL;
    }
    const struct node *dname = way_find(r, zone, name, TYPE_DNAME);
    if (dname != NULL)
        return dname_follow(r, name, dname);
    const struct node *node = zone_node(zone, name);
    if (!node_exists(r, node))
        node = wildcard_find(r, zone, name);
    if (node == NULL) {
        negative(r, zone, RCODE_NXDOMAIN);
        return NULL;
    }
    if (rrs_add(r, ANSWER, name, node, type == TYPE_ANY ? 0 : type))
        return NULL;
    const struct record *alias = first_of(r, node, TYPE_CNAME);
    if (alias == NULL) {
        negative(r, zone, RCODE_NOERROR);
        return NULL;
    }
    rr_add(r, ANSWER, name, alias, NULL);
    return record_target(r, alias);
}

static void chain(struct resolving *r)
{
    const char *name = r->q->name;
    for (int i = 0; name != NULL && i < CHAIN_MAX; i++) {
        const struct zone *zone = fake_zone_of(r->q->host, name);
        if (zone == NULL && i == 0)
            r->rcode = r->q->host->role == FAKE_RECURSIVE ? RCODE_NXDOMAIN : RCODE_REFUSED;
        if (zone == NULL)
            return;
        if (i == 0)
            r->authoritative = r->q->host->role == FAKE_AUTHORITATIVE;
        name = step(r, zone, name);
    }
    if (name != NULL && r->q->host->role == FAKE_RECURSIVE)
        r->rcode = RCODE_SERVFAIL; /* too long, or a loop */
}

static void rr_write(const struct query *q, const struct rr *rr, struct wire_out *out)
{
    if (strcmp(rr->owner, q->name) == 0)
        wire_put_u16(out, 0xc000 | WIRE_HEADER_LEN);
    else
        wire_put_name(out, rr->owner);
    wire_put_u16(out, rr->record != NULL ? (unsigned)rr->record->type : TYPE_CNAME);
    wire_put_u16(out, CLASS_IN);
    wire_put_u32(out, rr->record != NULL ? rr->record->ttl_s : SYNTHESISED_TTL_S);
    size_t len_at = out->len;
    wire_put_u16(out, 0);
    if (rr->record != NULL)
        wire_put(out, rr->record->rdata, rr->record->rdata_len);
    else
        wire_put_name(out, rr->made_target);
    if (!out->full)
        wire_set_u16(out, len_at, (unsigned)(out->len - len_at - 2));
}

void fake_resolve(const struct query *q, struct wire_out *out, unsigned *ret_flags)
{
    static _Thread_local struct resolving r;
    r.q = q;
    r.n_names = 0;
    r.rcode = RCODE_NOERROR;
    r.authoritative = false;
    for (int i = 0; i < 3; i++)
        r.sections[i].n = 0;
    chain(&r);
    for (size_t i = 0; i < 3; i++) {
        for (size_t j = 0; j < r.sections[i].n; j++)
            rr_write(q, &r.sections[i].rrs[j], out);
        wire_set_u16(out, 6 + 2 * i, (unsigned)r.sections[i].n);
    }
    *ret_flags = r.rcode | (r.authoritative ? FLAG_AA : 0u);
}
