/*
 * SOAP as All-Inkl speaks it: a call is an element with one element `Params` whose text is JSON; an answer is a tree of typed maps and arrays.
 *
 *     <item><key>ReturnInfo</key><value><item><item><key>record_id</key><value>7</value></item></item></value></item>
 *
 * becomes {"ReturnInfo": [{"record_id": "7"}]}: an element of items with keys is an object, one of items without keys a list, all else a text. Prefixes
 * of elements mean nothing here.
 */
#ifndef ALLINKL_SOAP_H
#define ALLINKL_SOAP_H

#include "base/json.h"

/* call: "KasApi". params: its JSON; texts in it may be veiled expressions that give JSON inside XML. Kind REFUSED. */
bool soap_format(const char *call, const struct json *params, struct buf *out, struct err *err);

struct soap_fault {
    const char *text, *detail; /* "" when there is none; of the arena */
};
/* *ret_value: what stands in `return`; the arena's, NULL at a fault. Kind BROKEN. */
bool soap_parse(struct arena *arena, struct str text, const struct json **ret_value,
                struct soap_fault *ret_fault, struct err *err);

#endif
