/*
 * The inside of leader/persist.h: persist.c (lead, rows, the desk), persist_lines.c (which records there should be).
 */
#ifndef LEADER_PERSIST_INSIDE_H
#define LEADER_PERSIST_INSIDE_H

#include "leader/errand.h"
#include "leader/persist.h"

/* One line for each authority of the set and base name. The CAs are asked for what the store does not tell; without `may_register` an account
 * that is not known yet is an error. */
bool persist_lines_make(struct errand *errand, const struct set_config *set,
                        const struct persist_options *options, bool may_register,
                        struct persist_report *report, struct err *err);

#endif
