/*
 * The inside of held.h, for the files of this folder only.
 */
#ifndef INVENTORY_HELD_INSIDE_H
#define INVENTORY_HELD_INSIDE_H

#include "inventory/held.h"

/* The columns CERTIFICATE_COLUMNS of a walk, which start at `at`. A damaged row gives what can be read of it. */
struct certificate *certificate_read(const struct rows *rows, int at);
/* NULL without an error when there is none. */
bool certificate_current(struct house *house, const char *set, struct certificate **ret,
                         struct err *err);

#endif
