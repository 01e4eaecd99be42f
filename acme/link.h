/*
 * Link header fields (RFC 8288 3), as far as ACME needs them:
 * `<https://ca.example/1>;rel="alternate", <...>; rel=next`.
 */
#ifndef ACME_LINK_H
#define ACME_LINK_H

#include "base/buf.h"

/* Cuts the next link off *rest. False at the end and at what is no link; the rest of such a field
 * is ignored. */
bool link_next(struct str *rest, struct str *ret_target, struct str *ret_relations);
/* Is `name` one of the blank-separated relations, in any case? */
bool link_has_relation(struct str relations, const char *name);

#endif
