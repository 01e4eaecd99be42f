#include "io/dns_message.h"

#include "io/dns_read.h"

#include <ldns/ldns.h>
#include <stdlib.h>

enum { TXT_VALUE_MAX = 4096, TXT_STRING_MAX = 255, SIGNATURE_MAX = 1024 };

static ldns_rdf *name_new(const char *name)
{
    return name != NULL && name[0] != '\0' ? ldns_dname_new_frm_str(name) : NULL;
}

/* One value is one record: beyond 255 bytes in several character-strings, always cut at the same places, because a record is only
 * removed by the very bytes it was made of. */
static void value_push(ldns_rr *rr, struct str value)
{
    unsigned char text[1 + TXT_STRING_MAX];
    do {
        size_t len = value.len < TXT_STRING_MAX ? value.len : TXT_STRING_MAX;
        text[0] = (unsigned char)len;
        memcpy(text + 1, value.p, len);
        ldns_rr_push_rdf(rr, ldns_rdf_new_frm_data(LDNS_RDF_TYPE_STR, len + 1, text));
        value = str_mem(value.p + len, value.len - len);
    } while (value.len > 0);
}

/* RFC 2136 2.5.1 adds to an RRset; 2.5.4 deletes one record: class NONE, TTL 0. */
static bool change_add(ldns_rr_list *list, const struct dns_change *change, struct err *err)
{
    if (change->value == NULL || strlen(change->value) > TXT_VALUE_MAX)
        return err_set(err, ERR_REFUSED, "%s: a TXT value of more than %d bytes", change->owner,
                       TXT_VALUE_MAX);
    ldns_rdf *owner = name_new(change->owner);
    if (owner == NULL)
        return err_set(err, ERR_REFUSED, "%s is not a domain name",
                       change->owner != NULL ? change->owner : "(none)");
    ldns_rr *rr = ldns_rr_new();
    ldns_rr_set_owner(rr, owner);
    ldns_rr_set_type(rr, LDNS_RR_TYPE_TXT);
    ldns_rr_set_class(rr, change->add ? LDNS_RR_CLASS_IN : LDNS_RR_CLASS_NONE);
    ldns_rr_set_ttl(rr, change->add ? change->ttl_s : 0);
    value_push(rr, str_of(change->value));
    ldns_rr_list_push_rr(list, rr);
    return true;
}

static bool packet_format(const ldns_pkt *packet, struct buf *ret_message, struct err *err)
{
    uint8_t *wire = NULL;
    size_t len = 0;
    ldns_status status = ldns_pkt2wire(&wire, packet, &len);
    if (status != LDNS_STATUS_OK || len + SIGNATURE_MAX > DNS_MESSAGE_MAX) {
        free(wire);
        return err_set(err, ERR_REFUSED, "update: more changes than fit in one message");
    }
    buf_init(ret_message, DNS_MESSAGE_MAX);
    buf_add(ret_message, wire, len);
    free(wire);
    return true;
}

bool dns_message_update(const char *zone, const struct dns_change *changes, size_t n_changes,
                        struct buf *ret_message, struct err *err)
{
    ldns_rdf *zone_name = name_new(zone);
    if (zone_name == NULL)
        return err_set(err, ERR_REFUSED, "%s is not a domain name", zone != NULL ? zone : "(none)");
    bool ok = true;
    ldns_rr_list *list = ldns_rr_list_new();
    for (size_t i = 0; ok && i < n_changes; i++)
        ok = change_add(list, &changes[i], err);
    ldns_pkt *packet = ldns_update_pkt_new(zone_name, LDNS_RR_CLASS_IN, NULL, list, NULL);
    CHECK(packet != NULL);
    ldns_pkt_set_random_id(packet);
    ok = ok && packet_format(packet, ret_message, err);
    ldns_pkt_free(packet);
    ldns_rr_list_deep_free(list);
    return ok;
}
