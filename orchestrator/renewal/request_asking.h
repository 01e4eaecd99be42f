/*
 * Where certificate requests come from when the key lives elsewhere: a file, or the output of a program (no shell, capped, with a deadline, its complaints
 * apart). Asked afresh at each renewal.
 */
#ifndef RENEWAL_REQUEST_ASKING_H
#define RENEWAL_REQUEST_ASKING_H

#include "inventory/config.h"

struct request_asking;
/* bytes are borrowed for the call; err is NULL on success. Kinds of a failure: CONFIG (a person must see to the file or the program), DENIED, LOCAL. */
typedef void request_heard(void *arg, struct str bytes, const struct err *err);
/* reference: as set_config.csr; relative paths start at the folder of chancery.yaml, programs run there. heard is never called before this returns. */
struct request_asking *request_ask(struct loop *loop, const struct config *config,
                                   const char *reference, request_heard *heard, void *arg);
/* NULL allowed; not after heard. */
void request_abandon(struct request_asking *asking);

#endif
