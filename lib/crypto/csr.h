/*
 * Certificate requests of others (PKCS#10, RFC 2986): the key lives elsewhere, only the request comes here.
 *
 * It comes from a file or a program of a person, so it is checked like anything that comes from outside, before anything is ordered: well formed, signed
 * by its own key, a key that CAs accept, and names in subjectAltName only. What passed is sent to the CA byte for byte.
 * Our own requests are made by csr_new (cert.h).
 */
#ifndef CRYPTO_CSR_H
#define CRYPTO_CSR_H

#include "crypto/key.h"

enum { CSR_LEN_MAX = 64 * 1024 };

struct csr_facts {               /* released by csr_facts_fini */
    struct buf der;              /* as it came, without PEM around it */
    char spki_hex[SPKI_HEX_MAX]; /* as key_spki */
    enum key_kind kind;
    char **names; /* SAN dNSName in lower case and iPAddress as text; at least one */
    size_t n_names;
};
void csr_facts_fini(struct csr_facts *facts);
/* PEM ("CERTIFICATE REQUEST" or "NEW CERTIFICATE REQUEST", other text before it is skipped) or DER, at most 64 KiB. Kinds: BROKEN (no request,
 * not signed by its own key, bytes behind it, a private key beside it), REFUSED (a key or a signature that no CA takes, no names, names of
 * other kinds, a common name that is none of the names). */
bool csr_parse(struct str bytes, struct csr_facts *ret_facts, struct err *err);
/* Are these exactly its names, in any order and case? REFUSED, and says which are missing and which are too many. */
bool csr_names_check(const struct csr_facts *facts, const char *const *names, size_t n_names,
                     struct err *err);

#endif
