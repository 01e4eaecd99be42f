/*
 * Standing TXT records as rows: what `chancery persist` published, and what a person should know of it.
 */
#ifndef INVENTORY_PERSIST_ROW_H
#define INVENTORY_PERSIST_ROW_H

#include "inventory/house.h"

struct persist_row { /* texts borrowed for the visit */
    int64_t id;
    const char *set, *authority, *directory, *identifier, *challenge, *alias, *value;
    const char *form, *state, *failure, *provider, *ref;
    int64_t until_at_ms, created_at_ms,
        published_at_ms; /* 0: for ever; ...; 0: not by every server */
    bool present;        /* else it is to be removed */
    bool has_account,
        has_key; /* its account is ours still; and has the key the value was made with */
    bool has_set;
};
typedef bool persist_visit(void *arg, const struct persist_row *row); /* false ends the walk */
/* Those of a set, or all; in the order they were made. Kind STORE. */
bool persist_each(struct house *house, const char *set, persist_visit *visit, void *arg,
                  struct err *err);
/* Where the TXT record is meant to be: its alias, or its own name. */
const char *persist_row_place(const struct persist_row *row);
/* What is wrong with it, or soon will be, and what to do, as one sentence. False: nothing. */
bool persist_row_trouble(const struct persist_row *row, int64_t now_ms, struct buf *out);

#endif
