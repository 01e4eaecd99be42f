/*
 * The way back from a first delivery: <dir>/current goes, so that what readers find is what they
 * found before.
 */
#ifndef IO_GENERATION_UNLINK_H
#define IO_GENERATION_UNLINK_H

#include "io/files.h"

/* Removes <dir>/current, synced. Nothing happens when there is none; one that does not name a
 * version of ours is left alone (DENIED, or CONFIG when it is no link). The versions stay. */
bool generation_unlink(const char *dir, struct err *err);

#endif
