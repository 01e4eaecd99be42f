/*
 * The chain and the leaves: root -> intermediates -> leaf, ECDSA P-256 with SHA-256 throughout,
 * DER written by hand (ca_der.h) so that a certificate costs one signature and little else.
 */
#ifndef FAKE_CA_ISSUE_H
#define FAKE_CA_ISSUE_H

#include "fake/ca_inner.h"

struct leaf {
    char *const *names; /* DNS names; one that is an IPv4 address becomes an iPAddress */
    size_t n_names;
    struct str spki;
    int64_t not_before_ms, not_after_ms;
    const unsigned char *serial; /* 16 octets */
    bool common_name;
};
void fake_chain_make(struct fake_ca *ca);
void fake_chain_free(struct fake_ca *ca);
void fake_leaf_issue(const struct issuer *issuer, const struct leaf *leaf, struct buf *ret_der);
/* The leaf with chain n (0: default), PEM. */
void fake_chain_pem(const struct fake_ca *ca, struct str leaf_der, size_t n, struct buf *out);
/* What goes out for the order's certificate when it must be wrong. */
void fake_wrong_pem(struct fake_ca *ca, const struct fake_cert *cert, enum fake_wrong wrong,
                    size_t chain, int64_t now_ms, struct buf *out);

/* A self-signed authority for the server's own TLS, and a certificate below it. */
void fake_issuer_make_root(struct issuer *issuer, const char *common_name);
void fake_issuer_fini(struct issuer *issuer);

struct csr {
    char **names; /* sorted, lower case, each once */
    size_t n_names;
    struct buf spki;
    char spki_sha256[65];
};
/* Kinds: BROKEN (no CSR, bad signature), REFUSED (policy). */
bool fake_csr_read(struct str der, struct csr *ret_csr, struct err *err);
void fake_csr_fini(struct csr *csr);
/* Sorts and drops doubles; returns how many remain. */
size_t fake_names_sort(char **names, size_t n);

#endif
