/*
 * The inside of a bundle, for the files of this folder: from what is already unsealed and parsed.
 */
#ifndef DISTRIBUTION_BUNDLE_INSIDE_H
#define DISTRIBUTION_BUNDLE_INSIDE_H

#include "distribution/distribution.h"

#define BUNDLE_PKCS12 "bundle.p12"

/* key NULL: it lives elsewhere; then REFUSED when a format needs it. friendly_name: of the key in bundle.p12, which Java calls its alias. */
bool bundle_make(const struct key *key, const struct chain *chain, const char *friendly_name,
                 unsigned formats, const struct secret *pkcs12_password, bool pkcs12_legacy,
                 struct bundle **ret, struct err *err);
/* "key.pem", "rsa" -> "key.rsa.pem"; suffix NULL: as it is. The caller frees. */
char *bundle_file_name(const char *name, const char *suffix);
/* Moves the files of the other one, under names with that suffix. *bundle NULL: it begins with them. */
void bundle_join(struct bundle **bundle, struct bundle *take_other, const char *suffix);
/* Other bytes for a file it holds: those of a bundle.p12 that is already there, since no two are
 * equal. False when it holds no such file. */
bool bundle_replace(struct bundle *bundle, const char *name, struct str bytes);

#endif
