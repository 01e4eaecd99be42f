/*
 * XML-RPC: calls and answers as JSON trees. Texts and whole numbers are <string> and <int>, objects are <struct>, lists <array>.
 */
#ifndef LOOPIA_RPC_H
#define LOOPIA_RPC_H

#include "base/json.h"

/* The text of a call; take: a list of parameters, which it frees. In `out` texts stand as XML has them, so a text may be a veiled expression
 * that gives XML. Kind REFUSED: something XML cannot say. */
bool rpc_format(const char *method, struct json *take, struct buf *out, struct err *err);

/* What came back: the value of the one parameter, its numbers and booleans as texts; the caller's. A fault is {"faultCode": "...", "faultString":
 * "..."} and sets *ret_is_fault. Kind BROKEN. */
bool rpc_parse(struct str text, struct json **ret_value, bool *ret_is_fault, struct err *err);

#endif
