#include "crypto/inside.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

static const struct {
    const char *name, *text;
} faults[] = {
#define X(fault, name, what) [CHAIN_##fault] = {name, what},
    CHAIN_FAULTS(X)
#undef X
};

const char *chain_fault_name(enum chain_fault fault)
{
    CHECK(fault < CHAIN_FAULT_N);
    return faults[fault].name;
}

const char *chain_fault_text(enum chain_fault fault)
{
    CHECK(fault < CHAIN_FAULT_N);
    return faults[fault].text;
}

static int order_texts(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Sorts and drops repetitions: both sides are sets. */
static void names_settle(struct cert_names *names)
{
    if (names->n == 0)
        return;
    qsort(names->p, names->n, sizeof *names->p, order_texts);
    size_t kept = 1;
    for (size_t i = 1; i < names->n; i++) {
        if (strcmp(names->p[i], names->p[kept - 1]) == 0)
            mem_free(names->p[i]);
        else
            names->p[kept++] = names->p[i];
    }
    names->n = kept;
}

static void wanted_make(const char *const *names, size_t n_names, struct cert_names *ret_wanted)
{
    *ret_wanted = (struct cert_names){.p = NEW_N(n_names + 1, char *), .n = n_names};
    for (size_t i = 0; i < n_names; i++)
        ret_wanted->p[i] = name_normalize(names[i]);
    names_settle(ret_wanted);
}

static enum chain_fault names_compare(const struct cert_names *held,
                                      const struct cert_names *wanted)
{
    size_t h = 0, extra = held->n_others;
    for (size_t w = 0; w < wanted->n; w++, h++) {
        while (h < held->n && strcmp(held->p[h], wanted->p[w]) < 0) {
            extra++;
            h++;
        }
        if (h == held->n || strcmp(held->p[h], wanted->p[w]) != 0)
            return CHAIN_MISSING_NAME;
    }
    return extra > 0 || h < held->n ? CHAIN_EXTRA_NAME : CHAIN_FINE;
}

static enum chain_fault names_check(const X509 *leaf, const char *const *names, size_t n_names)
{
    AUTO(cert_names_fini)
    struct cert_names held, wanted;
    cert_names_read(leaf, &held);
    names_settle(&held);
    wanted_make(names, n_names, &wanted);
    return names_compare(&held, &wanted);
}

static bool signature_check(const struct chain_link *issuer, const struct chain_link *subject)
{
    EVP_PKEY *public = X509_get0_pubkey(issuer->x509);
    bool fine = public != NULL && X509_verify(subject->x509, public) == 1;
    ERR_clear_error();
    return fine;
}

/* Names, key identifiers and key usage as well as the signature. */
static bool link_check(const struct chain_link *issuer, const struct chain_link *subject)
{
    return issuer->is_ca && X509_check_issued(issuer->x509, subject->x509) == X509_V_OK &&
           signature_check(issuer, subject);
}

static enum chain_fault links_check(const struct chain *chain)
{
    const struct chain_link *leaf = &chain->links[0];
    if (chain->n == 1 && !leaf->is_self_signed)
        return CHAIN_NO_CHAIN;
    if (chain->n == 1)
        return signature_check(leaf, leaf) ? CHAIN_FINE : CHAIN_BAD_LINK;
    for (size_t i = 1; i < chain->n; i++)
        if (!link_check(&chain->links[i], &chain->links[i - 1]))
            return CHAIN_BAD_LINK;
    return CHAIN_FINE;
}

/* From what makes all other questions idle (this is not a server's certificate, not ours) to what a
 * newer answer of the CA may cure. The signatures, which cost most, come last. */
enum chain_fault chain_check(const struct chain *chain, const char *spki_hex,
                             const char *const *names, size_t n_names, int64_t now_ms,
                             int64_t slack_ms)
{
    const struct chain_link *leaf = &chain->links[0];
    if (leaf->is_ca)
        return CHAIN_CA_LEAF;
    char spki[SPKI_HEX_MAX];
    cert_spki(leaf->x509, spki);
    if (strcmp(spki, spki_hex) != 0)
        return CHAIN_OTHER_KEY;
    enum chain_fault fault = names_check(leaf->x509, names, n_names);
    if (fault != CHAIN_FINE)
        return fault;
    /* An issuer that has ended ends what it issued; of roots clients have their own opinion. */
    if (leaf->not_after_at_ms <= now_ms || (chain->n > 1 && !chain->links[1].is_self_signed &&
                                            chain->links[1].not_after_at_ms <= now_ms))
        return CHAIN_EXPIRED;
    if (leaf->not_before_at_ms > now_ms + slack_ms)
        return CHAIN_FUTURE;
    return links_check(chain);
}
