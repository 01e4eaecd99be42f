/*
 * The rules of RFC 8555 6 that each request must keep, looked at in every request of every story: whatever a story is about, one request
 * that breaks them ends it.
 *
 *   6.1  base64url without padding (User-Agent and Accept-Language are the business of lib/io/http.c)
 *   6.2  application/jose+json; a flattened JWS of protected, payload and signature; alg, nonce, url and exactly one of jwk and kid; jwk for
 *        newAccount and, with the certificate's key, revokeCert only; kid is the URL of an account; no MAC, no "none"
 *   6.3  GET and HEAD for directory, newNonce and renewalInfo only; what is only read is a POST with the empty payload
 *   6.4  url is the URL of the request, octet for octet
 *   6.5  no nonce is sent twice; each is base64url
 */
#ifndef STORIES_WIRE_RULES_H
#define STORIES_WIRE_RULES_H

#include "io/http.h"

/* kind: of FAKE_KINDS. Ends the story when a rule is broken. */
void wire_rules_check(const struct http_request *request, const char *kind);
/* A new world: no nonce was sent yet. */
void wire_rules_begin(void);
/* Requests looked at since then. */
int64_t wire_rules_n(void);

#endif
