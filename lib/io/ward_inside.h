/* The inside of ward.h: the keeper, for ward.c alone. */
#ifndef IO_WARD_INSIDE_H
#define IO_WARD_INSIDE_H

#include "io/ward.h"

#include <sys/types.h>

struct keeper {
    pid_t pid;
    int order_fd; /* we write struct keeper_order */
};
struct keeper_order {
    int64_t term_at_boot_ms, kill_at_boot_ms;
};
bool keeper_start(pid_t group, const struct keeper_order *order, struct keeper *ret,
                  struct err *err);
/* False: it is gone. */
bool keeper_tell(const struct keeper *keeper, const struct keeper_order *order);
void keeper_dismiss(struct keeper *keeper);

#endif
