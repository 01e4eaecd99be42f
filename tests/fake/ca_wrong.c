#include "fake/ca_issue.h"

#include "fake/ca_der.h"

static const struct fake_order *order_of(const struct fake_ca *ca, const struct fake_cert *cert)
{
    return fake_order_find(ca, cert->public.order);
}

/* As the true leaf, to be bent by the caller. */
static struct leaf leaf_of(const struct fake_ca *ca, const struct fake_cert *cert,
                           const unsigned char *serial)
{
    const struct fake_order *order = order_of(ca, cert);
    return (struct leaf){.names = cert->public.names,
                         .n_names = cert->public.n_names,
                         .spki = buf_str(&order->spki),
                         .not_before_ms = cert->public.not_before_ms,
                         .not_after_ms = cert->public.not_after_ms,
                         .serial = serial,
                         .common_name = ca->options.common_name != 0};
}

static void serial_of(const struct fake_cert *cert, unsigned char out[16])
{
    AUTO(buf_fini)
    struct buf octets = BUF(32);
    CHECK(hex_decode(&octets, str_of(cert->public.serial)) && octets.len == 16);
    memcpy(out, octets.p, 16);
}

static void bend_names(struct leaf *leaf, enum fake_wrong wrong, char **names)
{
    static char stranger[] = "nobody-asked.example.org";
    memcpy(names, leaf->names, leaf->n_names * sizeof(names[0]));
    leaf->names = names;
    if (wrong == WRONG_MISSING_NAME)
        leaf->n_names--;
    if (wrong == WRONG_OTHER_NAMES)
        leaf->n_names = 0;
    if (wrong == WRONG_EXTRA_NAME || leaf->n_names == 0)
        names[leaf->n_names++] = stranger;
}

static void wrong_leaf(struct fake_ca *ca, const struct fake_cert *cert, enum fake_wrong wrong,
                       int64_t now_ms, struct buf *ret_der)
{
    unsigned char serial[16];
    AUTO(buf_fini)
    struct buf spki = BUF(256);
    size_t n = cert->public.n_names;
    serial_of(cert, serial);
    struct leaf leaf = leaf_of(ca, cert, serial);
    char **names = NEW_N(n + 1, char *);
    bend_names(&leaf, wrong, names);
    if (wrong == WRONG_OTHER_KEY) {
        EVP_PKEY *key = fake_crypt_key_new();
        fake_crypt_spki(key, &spki);
        EVP_PKEY_free(key);
        leaf.spki = buf_str(&spki);
    } else if (wrong == WRONG_EXPIRED) {
        leaf.not_before_ms = now_ms - 90 * MS_DAY;
        leaf.not_after_ms = now_ms - MS_DAY;
    } else if (wrong == WRONG_FUTURE) {
        leaf.not_before_ms = now_ms + 365 * MS_DAY;
        leaf.not_after_ms = now_ms + 455 * MS_DAY;
    }
    fake_leaf_issue(&ca->intermediates[0], &leaf, ret_der);
    mem_free(names);
}

static void garbage_put(const struct fake_cert *cert, struct buf *out)
{
    unsigned char noise[600];
    fake_rng_octets(cert->id, noise, sizeof(noise));
    fake_pem_put(out, "CERTIFICATE", str_mem(noise, sizeof(noise)));
}

/* A chain whose first intermediate belongs to another family altogether. */
static void stranger_put(struct fake_ca *ca, struct str leaf_der, struct buf *out)
{
    fake_pem_put(out, "CERTIFICATE", leaf_der);
    buf_add_str(out, buf_str(&ca->roots[ROOTS_MAX - 1].pem));
}

void fake_wrong_pem(struct fake_ca *ca, const struct fake_cert *cert, enum fake_wrong wrong,
                    size_t chain, int64_t now_ms, struct buf *out)
{
    struct str der = buf_str(&cert->der);
    switch (wrong) {
    case WRONG_NONE:
    case WRONG_N:
        fake_chain_pem(ca, der, chain, out);
        return;
    case WRONG_OTHER_KEY:
    case WRONG_MISSING_NAME:
    case WRONG_EXTRA_NAME:
    case WRONG_OTHER_NAMES:
    case WRONG_EXPIRED:
    case WRONG_FUTURE: {
        AUTO(buf_fini)
        struct buf bent = BUF(256 * 1024);
        wrong_leaf(ca, cert, wrong, now_ms, &bent);
        fake_chain_pem(ca, buf_str(&bent), chain, out);
        return;
    }
    case WRONG_NO_CHAIN:
        fake_pem_put(out, "CERTIFICATE", der);
        return;
    case WRONG_SHUFFLED:
        buf_add_str(out, buf_str(&ca->cross_pem[0]));
        fake_pem_put(out, "CERTIFICATE", der);
        return;
    case WRONG_WRONG_ISSUER:
        stranger_put(ca, der, out);
        return;
    case WRONG_GARBAGE:
        garbage_put(cert, out);
        return;
    case WRONG_LINKS_1000:
        fake_pem_put(out, "CERTIFICATE", der);
        for (int i = 0; i < 1000; i++)
            buf_add_str(out, buf_str(&ca->cross_pem[0]));
        return;
    case WRONG_TRUNCATED:
        fake_chain_pem(ca, der, chain, out);
        buf_cut(out, 400);
        return;
    }
}
