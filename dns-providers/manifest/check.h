/*
 * Is a manifest well-formed? Every member is known, of the right shape and, where it is a template, readable with variables that exist.
 *
 * What passes here the engine takes as it is: it looks members up without asking again whether they are there.
 */
#ifndef MANIFEST_CHECK_H
#define MANIFEST_CHECK_H

#include "config/table.h"

/* Complaints grow by what is wrong. */
void manifest_check(const struct yaml *doc, struct complaints *complaints);

#endif
