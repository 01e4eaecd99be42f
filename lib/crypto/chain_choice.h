/*
 * Which of several chains: a CA may offer one certificate with several (RFC 8555 7.4.2), that end at different roots.
 *
 * A person WISHES for one by the name of the root ("ISRG Root X1") or by the fingerprint of a certificate in it ("sha256:" and 64 hex digits).
 * The root itself is mostly not sent; its name is that of the issuer of the last certificate. Nothing here asks what anybody trusts: that
 * is for the clients of the server to say, and a chain may have any length.
 */
#ifndef CRYPTO_CHAIN_CHOICE_H
#define CRYPTO_CHAIN_CHOICE_H

#include "crypto/cert.h"

/* Better fits are greater. */
enum chain_fit {
    CHAIN_FIT_NONE,
    CHAIN_FIT_WITHIN, /* a CA certificate of the chain has that name */
    CHAIN_FIT_TOP, /* it ends below a root of that name, or holds the certificate of that fingerprint */
};
/* wish: as chain_wish_check gave it. Names are compared without regard to case. Certificates that are no CA's (the leaf) do not count by their name. */
enum chain_fit chain_fits(const struct chain *chain, const char *wish);
/* A wish as it is stored: "sha256:" with lower-case digits and no colons, or a name without blanks around it. The caller frees. CONFIG. */
bool chain_wish_check(const char *text, char **ret_wish, struct err *err);
/* How the root is called that the chain ends at or below: common name of the last certificate's issuer, its whole name when it has none; safe to
 * print. The caller frees. */
char *chain_root_name(const struct chain *chain);
/* Are both chains for the very same certificate? */
bool chain_has_same_leaf(const struct chain *a, const struct chain *b);
/* Is it self-signed? Roots are stored when a CA sends them, and never delivered. */
bool chain_cert_is_root(const struct chain *chain, size_t i);
/* All but the leaf, a root included, as it came. */
void chain_issuers_pem(const struct chain *chain, struct buf *out);

#endif
