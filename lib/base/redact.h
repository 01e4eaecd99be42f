/*
 * Masks secrets in text: every registered secret in raw, escaped, JSON, percent-encoded, hex, base64 and base64url
 * form becomes "***". The base64 forms are found at any of the three alignments, so a password inside a
 * Basic authorization is found too; and what is left of a secret (4 bytes or more) where a text was cut, at its end or before "...".
 */
#ifndef BASE_REDACT_H
#define BASE_REDACT_H

#include "base/buf.h"

enum { REDACT_LEN_MIN = 6 };

struct redactor {
    struct secret *forms;
    size_t n, cap;
};
void redactor_fini(struct redactor *r); /* cleanses */
/* Copies all forms of secret; shorter than REDACT_LEN_MIN is ignored. */
void redactor_add(struct redactor *r, struct str secret);
/* Appends text to out with each run of bytes that belong to secrets replaced. */
void redactor_apply(const struct redactor *r, struct str text, struct buf *out);

#endif
