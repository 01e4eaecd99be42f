/*
 * Who takes a lease: this process on this machine, as other processes can recognise it.
 *
 * A pid alone says little: containers number their processes themselves, and after a restart the numbers begin again. So a holder is
 * host, pid and the numbering it belongs to, together with the boot it was granted in. A holder that was a process of this very machine,
 * numbering and boot, and is no process any more, holds nothing.
 */
#ifndef AUTHORITY_SELF_H
#define AUTHORITY_SELF_H

#include "base/buf.h"

enum { SELF_HOST_MAX = 256, SELF_BOOT_MAX = 64, SELF_PIDS_MAX = 64 };

struct self {
    char holder[SELF_HOST_MAX + SELF_PIDS_MAX + 32]; /* "host:pid:numbering" */
    char host[SELF_HOST_MAX];
    char boot_id[SELF_BOOT_MAX]; /* "": unknown, the wall clock judges */
    char pids[SELF_PIDS_MAX];    /* which numbering of processes pid belongs to; "": unknown */
    int64_t pid;
};
void self_read(struct self *ret);
/* NULL: unknown. Two machines that cannot tell their boot must not be taken for one: their boot clocks say nothing about each other. */
const char *self_boot(const struct self *self);
/* False in doubt: another host, boot or numbering, or a number that is in use. Texts may be NULL. */
bool self_knows_dead(const struct self *self, const char *holder, const char *boot_id, int64_t pid);

#endif
