/*
 * Slow keys (RSA) are made on the thread pool while the loop goes on.
 */
#ifndef RENEWAL_KEY_MAKING_H
#define RENEWAL_KEY_MAKING_H

#include "crypto/key.h"
#include "io/loop.h"

struct key_making;
typedef void key_made(void *arg, struct key *take_key);
struct key_making *key_making_start(struct loop *loop, enum key_kind kind, key_made *made,
                                    void *arg);
/* The thread cannot be stopped; its key is thrown away when it comes. NULL allowed; not after made. */
void key_making_abandon(struct key_making *making);

#endif
