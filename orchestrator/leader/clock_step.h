/*
 * A wall clock that was set back.
 *
 * Waiting times are stored as instants of the wall clock. When it was ahead for a while and is put right, what failed meanwhile
 * would wait until the wrong time comes again: a year, if it was a year. The last grant of the lead tells how late it was then; all that
 * waits is moved back by the difference. Due times of certificates come from the certificates and stay.
 */
#ifndef LEADER_CLOCK_STEP_H
#define LEADER_CLOCK_STEP_H

#include "inventory/house.h"

/* LOCAL when the clock tells a time before this program was written: it was never set. */
bool clock_is_sane(const struct house *house, struct err *err);
/* How far the clock was set back since the last lead; 0: not, or by less than minutes. */
bool clock_step_find(struct house *house, int64_t *ret_back_ms, struct err *err);
/* Does nothing when back_ms is 0. Own transaction. */
bool clock_step_mend(struct house *house, int64_t back_ms, struct err *err);

#endif
