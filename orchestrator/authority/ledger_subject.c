#include "authority/ledger_inside.h"

#include "acme/name.h"
#include "crypto/key.h"
#include "inventory/config.h"

#include <stdlib.h>

enum { LABEL_NAMES = 3, LABEL_MAX = 400, NAMES_TEXT_MAX = 256 * 1024 };

void ledger_bucket_init(struct ledger_bucket *ret, enum ca_limit limit, const char *subject,
                        const char *label)
{
    *ret = (struct ledger_bucket){.limit = limit,
                                  .subject = mem_strdup(subject),
                                  .label = mem_strdup(label != NULL ? label : "")};
}

void ledger_bucket_fini(struct ledger_bucket *b)
{
    mem_free(b->subject);
    mem_free(b->label);
    *b = (struct ledger_bucket){0};
}

static int name_compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Sorted, because a set has no order. Freed by the caller; the names are borrowed. */
static const char **names_sorted(const struct ledger_ask *ask)
{
    const char **names = NEW_N(ask->n_names + 1, const char *);
    for (size_t i = 0; i < ask->n_names; i++)
        names[i] = ask->names[i];
    qsort(names, ask->n_names, sizeof *names, name_compare);
    return names;
}

void ledger_set_bucket(const struct ledger_ask *ask, struct ledger_bucket *ret)
{
    AUTO(buf_fini)
    struct buf text = BUF(NAMES_TEXT_MAX), label = BUF(LABEL_MAX);
    const char **names = names_sorted(ask);
    char hex[65];
    for (size_t i = 0; i < ask->n_names; i++) {
        buf_printf(&text, "%s\n", names[i]);
        if (i < LABEL_NAMES)
            buf_printf(&label, "%s%.100s", i > 0 ? ", " : "", names[i]);
    }
    if (ask->n_names > LABEL_NAMES)
        buf_printf(&label, " and %zu more", ask->n_names - LABEL_NAMES);
    mem_free(names);
    sha256_hex(text.p, text.len, hex);
    ledger_bucket_init(ret, CA_LIMIT_SET, hex, buf_cstr(&label));
}

/* Addresses have no registered domain: a CA counts an IPv4 address alone and an IPv6 address with its /64. */
static char *domain_of(struct house *house, const char *name)
{
    struct net_address address;
    char text[NET_ADDRESS_TEXT_MAX];
    if (!net_address_parse(str_of(name), 0, &address))
        return suffix_list_domain(config_suffixes(house->config), name);
    if (address.ip_len == 16)
        memset(address.ip + 8, 0, 8);
    net_address_format(&address, false, text);
    return mem_printf("%s%s", text, address.ip_len == 16 ? "/64" : "");
}

size_t ledger_domain_buckets(struct house *house, const struct ledger_ask *ask,
                             struct ledger_bucket *ret)
{
    size_t n = 0;
    for (size_t i = 0; i < ask->n_names; i++) {
        AUTO(mem_fini)
        char *domain = domain_of(house, ask->names[i]);
        bool is_new = true;
        for (size_t k = 0; k < n; k++)
            is_new = is_new && strcmp(ret[k].subject, domain) != 0;
        if (is_new)
            ledger_bucket_init(&ret[n++], CA_LIMIT_DOMAIN, domain, NULL);
    }
    return n;
}

char *ledger_failing_subject(const char *account, const char *identifier)
{
    const char *base = strncmp(identifier, "*.", 2) == 0 ? identifier + 2 : identifier;
    return mem_printf("%s %s", account, base);
}
