/*
 * The directory of a CA (RFC 8555 7.1.1): where to ask for what. Fetched at run time, never hard-coded, unknown members ignored.
 */
#ifndef ACME_DIRECTORY_H
#define ACME_DIRECTORY_H

#include "acme/exchange.h"

struct acme_directory {
    char *url;
    char *new_nonce, *new_account, *new_order, *revoke_cert, *key_change,
        *renewal_info; /* key_change, renewal_info may be NULL */
    char *terms, *website;
    bool eab_required;
    char **caa_identities;
    size_t n_caa_identities;
    /* Of the standing records it takes (draft-ietf-acme-dns-persist-02): its names in them, and what the hash of an account begins with. */
    char **issuer_names;
    size_t n_issuer_names;
    char *account_hash_prefix; /* or NULL */
    struct json *profiles;     /* name -> description, or NULL */
};
/* Kind BROKEN when newNonce, newAccount or newOrder are missing or a URL may not be asked. */
bool acme_directory_read(const char *url, const struct json *tree, struct acme_directory **ret,
                         struct err *err);
void acme_directory_free(struct acme_directory *directory);

#endif
