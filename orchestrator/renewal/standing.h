/*
 * A look at standing records (dns-persist-01): does every authoritative server of each name show a record that lets our account in?
 *
 * Nothing is published. The zone of each name is found as for any TXT record - through CNAMEs, whether or not a provider of ours serves it -
 * and every address of its servers is asked. A record that fits in any of its forms will do (acme/persist.h): another issuer of the
 * same CA, a later end, a person's own spelling.
 */
#ifndef RENEWAL_STANDING_H
#define RENEWAL_STANDING_H

#include "acme/persist.h"
#include "dns/txt_desk.h"

struct standing_name { /* what is looked for; the look takes over want and copies the texts */
    const char *base;  /* "example.com" */
    const char *alias; /* challenge_alias of the set, or NULL */
    struct persist_want want;
};
struct standing_look;
/* err NULL: all stand. CONFIG: at least one name has none, or one that does not fit; the text names it, the record to publish and how. AGAIN:
 * nobody could be asked, or some servers lack what others show. The look is gone after the call. */
typedef void standing_done(void *arg, const struct err *err);
struct standing_look *standing_look_start(struct txt_desk *desk, struct house *house,
                                          const char *set, struct standing_name *names, size_t n,
                                          standing_done *done, void *arg);
void standing_look_cancel(struct standing_look *look); /* NULL allowed */

#endif
