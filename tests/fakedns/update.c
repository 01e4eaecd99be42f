#include "inner.h"

/* Updates are kept until all of a message is known to be right: a message is applied whole or not at all. */
struct change {
    struct wire_rr rr;
    struct buf rdata;
};

/* Names in the rdata of an update may be compressed in practice; what is stored is not. */
static bool change_rdata(struct change *c, const unsigned char *message, size_t len)
{
    c->rdata = BUF(WIRE_MAX);
    if (c->rr.type != TYPE_NS && c->rr.type != TYPE_CNAME && c->rr.type != TYPE_DNAME) {
        buf_add(&c->rdata, message + c->rr.at, c->rr.rdata_len);
        return true;
    }
    char name[NAME_MAX_LEN];
    struct wire_in in = {message, len, c->rr.at, false};
    if (c->rr.rdata_len == 0)
        return true;
    wire_name(&in, name);
    if (!in.bad)
        wire_rdata(c->rr.type, name, &c->rdata);
    return !in.bad;
}

static unsigned change_check(const struct change *c, const struct zone *zone)
{
    if (!name_is_below(c->rr.owner, zone->name))
        return RCODE_NOTZONE;
    bool knows = c->rr.type == TYPE_TXT || c->rr.type == TYPE_A || c->rr.type == TYPE_AAAA ||
                 c->rr.type == TYPE_NS || c->rr.type == TYPE_CNAME;
    switch (c->rr.class) {
    case CLASS_IN:
    case CLASS_NONE:
        return knows && c->rr.rdata_len > 0 ? RCODE_NOERROR : RCODE_FORMERR;
    case CLASS_ANY:
        return (knows || c->rr.type == TYPE_ANY) && c->rr.rdata_len == 0 ? RCODE_NOERROR
                                                                         : RCODE_FORMERR;
    default:
        return RCODE_FORMERR;
    }
}

static void change_apply(struct fake_host *host, struct zone *zone, const struct change *c,
                         int64_t now_ms)
{
    struct zones *zones = &host->world->zones;
    struct str rdata = buf_str(&c->rdata);
    if (c->rr.class == CLASS_IN)
        zone_add(zones, zone, c->rr.owner, c->rr.type, c->rr.ttl_s, rdata, now_ms);
    else if (c->rr.class == CLASS_NONE)
        zone_remove(zones, zone, c->rr.owner, c->rr.type, rdata, now_ms);
    else
        zone_remove(zones, zone, c->rr.owner, c->rr.type == TYPE_ANY ? 0 : c->rr.type, STR_NONE,
                    now_ms);
    fake_log(host, c->rr.class == CLASS_IN ? "add" : "remove", c->rr.owner, c->rr.type, rdata,
             false);
}

static unsigned changes_read(struct wire_in *in, struct change *changes, unsigned n,
                             const struct zone *zone)
{
    for (unsigned i = 0; i < n; i++) {
        if (!wire_rr(in, &changes[i].rr) || !change_rdata(&changes[i], in->p, in->len))
            return RCODE_FORMERR;
        unsigned rcode = change_check(&changes[i], zone);
        if (rcode != RCODE_NOERROR)
            return rcode;
    }
    return RCODE_NOERROR;
}

unsigned fake_update(struct fake_host *host, const unsigned char *message, size_t len,
                     int64_t now_ms)
{
    struct wire_in in = {message, len, 4, false};
    unsigned n_zones = wire_u16(&in), n_conditions = wire_u16(&in), n = wire_u16(&in),
             n_additional = wire_u16(&in);
    char name[NAME_MAX_LEN];
    wire_name(&in, name);
    unsigned type = wire_u16(&in), class = wire_u16(&in);
    if (in.bad || n_zones != 1 || type != TYPE_SOA || class != CLASS_IN || n > len)
        return RCODE_FORMERR;
    if (n_conditions != 0)
        return RCODE_NOTIMP;
    struct zone *zone = fake_zone_of(host, name);
    if (n_additional > 0 || zone == NULL || strcmp(zone->name, name) != 0)
        return RCODE_NOTAUTH; /* a signature (nobody here has a key), or not our zone */
    if (!host->takes_updates)
        return RCODE_REFUSED;
    struct change *changes = NEW_N(n, struct change);
    unsigned rcode = changes_read(&in, changes, n, zone);
    for (unsigned i = 0; i < n; i++) {
        if (rcode == RCODE_NOERROR)
            change_apply(host, zone, &changes[i], now_ms);
        buf_fini(&changes[i].rdata);
    }
    mem_free(changes);
    return rcode;
}
