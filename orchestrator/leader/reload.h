/*
 * The configuration taken up anew while the program runs: all of it, or nothing.
 *
 *   reload_is_due   a SIGHUP came (loop_n_hups) or somebody asked, and the last one is long enough ago
 *   reload_load     reads chancery.yaml with all it names *aside*; nothing is changed. What is wrong is told with file, line and key, and what is in force
 *                   stays in force
 *   (the caller lets what is under way settle, and closes whatever borrows from house->config)
 *   reload_apply    house->config is the new one and the register follows the set files, in one transaction; or both stay as they were
 *
 * A broken set file costs its own set, as in every run. Orders go on from their rows and keep their identifiers, or are given up as a
 * whole when their set wants something else by now. A set whose file is gone is never issued again, and its TXT records go.
 *
 * SIGHUPs are gathered: files are looked at once a second at most, and set files are read only when their stamps changed. While reloads follow one another
 * without a pause, each waits twice as long as the one before, up to 8 s, so that work gets its turn.
 *
 * `store` and `seal` stay what they were until a restart, which is told; the hook may keep more.
 */
#ifndef LEADER_RELOAD_H
#define LEADER_RELOAD_H

#include "inventory/config.h"
#include "inventory/house.h"

struct reload;
/* Any may be NULL. Called from inside reload_load and reload_apply. */
struct reload_hooks {
    void *arg;
    void (*begun)(void *arg); /* files are read */
    /* house->config is another one now; the one before is freed when this returns: let go what was borrowed from it. What cannot follow stays as
     * it was, and says so in a line of ret_kept ("http: what listens stays as it was: ..."). */
    void (*swapped)(void *arg, const struct config *before, struct buf *ret_kept);
    /* After begun, whatever came of it: is_refused while the file and what is in force differ. text: for people, one line. */
    void (*ended)(void *arg, bool is_refused, const char *text);
};
/* house->config is in force; an applied reload replaces and frees it. house->loop may be NULL: then only reload_ask asks. */
struct reload *reload_new(struct house *house, const struct reload_hooks *hooks);
void reload_free(struct reload *reload); /* NULL allowed */

/* As a SIGHUP would. */
void reload_ask(struct reload *reload);
bool reload_is_due(const struct reload *reload);
/* Wall-clock instant at which it becomes due; INT64_MAX: nobody asked. */
int64_t reload_next_at_ms(const struct reload *reload);
/* True: there is something to apply. False: nothing changed, or it cannot be used; both were told. leads: the set files count as well, and a word of
 * theirs is written to the history. Outside a transaction. */
bool reload_load(struct reload *reload, bool leads);
/* After reload_load gave true; outside a transaction, nothing borrows from house->config any more (but what `swapped` lets go). leads: the
 * register follows; a standby only keeps the configuration for the time when it leads. False only when the store fails (STORE): all is as
 * before, and it is asked for again. */
bool reload_apply(struct reload *reload, bool leads, struct err *err);

#endif
