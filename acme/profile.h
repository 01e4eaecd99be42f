/*
 * Certificate profiles (draft-ietf-acme-profiles): a name that a set asks for and a CA's directory offers. What a CA does not offer is
 * never asked for, and never silently replaced by something else.
 */
#ifndef ACME_PROFILE_H
#define ACME_PROFILE_H

#include "acme/directory.h"

/* profile NULL: none is asked for, which every CA offers. */
bool profile_is_offered(const struct acme_directory *directory, const char *profile);
/* Kind CONFIG, with what is offered instead. */
bool profile_check(const struct acme_directory *directory, const char *profile, struct err *err);
/* The order object names the profile that the CA took. Kind REFUSED when that is another one than asked for. */
bool profile_check_echo(const char *asked, const struct json *order_object, struct err *err);

/* How many names a certificate may have there; 0: not known. The table is profile_limits.def; profile NULL: the CA's default. */
int64_t profile_names_max(const char *directory_url, const char *profile);
/* Kind CONFIG when it is known that so many names are too many. */
bool profile_check_names(const char *directory_url, const char *profile, size_t n_names,
                         struct err *err);

#endif
