/*
 * Moving the register as a whole: from a file to a server when there are several hosts, and back.
 *
 *   lead of `from`     nobody leads, nobody will while this lasts
 *   both begin         no other process writes into `from`; what is read is one moment
 *   rows               all tables that the schema names, into `to`, which must hold none; ids, fencing numbers and sealed bytes as they are
 *   compared           tables, columns, counts and digests, `to` read again in the same transaction
 *   commit of `to`     then `from` is marked as moved, unless it is kept: who opens it is told where it went
 *
 * A crash before the commit of `to` leaves both as they were; one between the two commits leaves two registers of which `to` is whole: a second try
 * refuses, because `to` is not empty, and a person decides.
 */
#ifndef LEADER_STORE_MOVE_H
#define LEADER_STORE_MOVE_H

#include "inventory/house.h"

struct store_move {
    struct store *from, *to; /* open for writing, not in a transaction */
    const char *from_path;   /* as store_open took it: beside a file lies the lock of its leader */
    const char *where;       /* what a person writes behind `store:` from now on */
    bool keeps_source;
    const struct clock *clock;
};
struct store_move_result {
    size_t n_tables;
    int64_t n_rows;
    char digest[65]; /* of all rows, whatever their order: the same on both sides */
};
/* Kinds: HELD (somebody leads), CONFIG (to is not empty, or its schema is another), STORE. Unless the text says otherwise nothing was changed. */
bool store_move(const struct store_move *move, struct store_move_result *ret, struct err *err);

#endif
