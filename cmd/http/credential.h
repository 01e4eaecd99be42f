/*
 * Who asks: what a request shows of itself, and which pass of the configuration that is.
 *
 * A token is hashed at once and only its hash is kept; hashes are compared in constant time, all of them, whatever was found. A client certificate counts
 * when no token was shown. Pure.
 */
#ifndef CMD_HTTP_CREDENTIAL_H
#define CMD_HTTP_CREDENTIAL_H

#include "inventory/config_http.h"

#include "base/buf.h"

struct credential {
    bool has_token, has_certificate;
    bool is_odd; /* an Authorization header that is no Bearer token */
    unsigned char sha256[32];
    char fingerprint[65];
    char subject[513];
};
/* authorization: the header or NULL; fingerprint, subject: of a verified certificate or NULL. */
void credential_read(struct credential *ret, const char *authorization, const char *fingerprint,
                     const char *subject);
/* NULL: nobody that is known. Borrowed from the configuration. */
const struct http_pass *credential_pass(const struct credential *credential,
                                        const struct http_config *config);

#endif
