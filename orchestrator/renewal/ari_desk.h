/*
 * The ARI desk: asks CAs when they would like to see certificates renewed (RFC 9773), and moves the due instants.
 *
 *     collect   takes up due rows of the table ari, marks them as asked (a run that is killed again and again must not ask each time)
 *     act       unsigned GETs, at most 32 at a time; the directory is enough, no account is needed
 *     ...       answers are judged in memory
 *     collect   window, drawn instant and next look go into the rows; certificate and set become due by them
 *
 * A window decides once it is known; until then, and where a CA is silent, the fraction of life does. What a CA said of a certificate is
 * bound to it by its row and is gone when another takes its place.
 */
#ifndef RENEWAL_ARI_DESK_H
#define RENEWAL_ARI_DESK_H

#include "authority/ca.h"
#include "inventory/asks.h"

struct ari_desk;
/* asks: as in renewal_options, borrowed. */
struct ari_desk *ari_desk_new(struct house *house, struct ca_office *office,
                              const struct asks *asks);
/* Cancels what is under way. */
void ari_desk_free(struct ari_desk *desk);

/* There may be new rows: a certificate was born; or rows that are due. */
void ari_desk_look(struct ari_desk *desk);
/* Inside the turn's transaction, after everything that may have issued certificates. */
bool ari_desk_collect(struct ari_desk *desk, struct err *err);
void ari_desk_act(struct ari_desk *desk);
bool ari_desk_is_busy(const struct ari_desk *desk);
/* 0 when there is something to write or to take up that no event of the loop will tell; else INT64_MAX. */
int64_t ari_desk_next_at_ms(const struct ari_desk *desk);
/* The sets whose certificate became due by what was heard: NULL while more is to come, and when there is none. The caller frees each and
 * the list, which ends with NULL. */
char **ari_desk_take_due(struct ari_desk *desk);

#endif
