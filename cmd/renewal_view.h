/*
 * How it is shown when a certificate is renewed, and which rule decided: the CA's window (ARI) or a fraction of the life.
 */
#ifndef CMD_RENEWAL_VIEW_H
#define CMD_RENEWAL_VIEW_H

#include "cmd/output.h"

#include "inventory/held.h"

/* {"due_rule", "ari": {"start", "end", "explanation_url"} or null} are put into tree; at 0: there is no window. */
void renewal_rule_json(struct json *tree, const char *due_rule, int64_t start_at_ms,
                       int64_t end_at_ms, const char *explanation);
/* What is known of the CA's wishes for one certificate: window, drawn instant, looks, the last failure. NULL: kind STORE. Null when it
 * is not asked about. */
struct json *renewal_ari_json(struct house *house, const struct certificate *certificate,
                              struct err *err);

#endif
