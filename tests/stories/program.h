/*
 * The program of a story: its files in a scratch folder, and runs of it as cron would start them.
 *
 * A run opens everything afresh, as the command `chancery renew` does, and closes it again. store_begin and store_commit pass through here
 * (the linker's --wrap), so that a run can be killed around a commit, and a store can be full.
 */
#ifndef STORIES_PROGRAM_H
#define STORIES_PROGRAM_H

#include "leader/leader.h"
#include "world.h"

enum { SETS_MAX = 8, NAMES_MAX = 128 };

struct wanted { /* a set as the story wants it */
    char name[32];
    char *names[NAMES_MAX];
    size_t n_names;
    char *key, *keys, *authority, *alias, *profile, *challenge; /* NULL: not said */
    char *more;                                                 /* one line more, or NULL */
    bool is_broken;
};

struct program {
    char folder[256];
    struct wanted sets[SETS_MAX];
    size_t n_sets;
    /* of chancery.yaml */
    char *provider; /* "rfc2136" or "exec" */
    char *rate;     /* of the provider, or NULL */
    char *defaults_authority;
    char *propagation; /* more of it: "wait: 90s"; or NULL */
    int64_t propagation_ms, settle_ms, parallel;
    bool judges_dnssec, ignores_caa;
    char *limits;                      /* of every CA, as in the file; NULL: not said */
    char *contact, *eab_kid, *eab_key; /* of every CA; of the first one. NULL: none */
    bool agrees;                       /* to the terms */
    bool errand_was_killed;
    bool works_in_slices;  /* of no length: one order a turn, one answer a wait */
    struct buf transcript; /* what the program said, with virtual times */
};

struct run {
    bool ok, was_killed;
    struct err err;
    struct leader_result result;
    int64_t began_at_ms, took_ms;
    size_t n_expired; /* sets whose certificate had expired when it began */
};

void program_begin(struct program *program, const char *folder);
/* Removes the folder. */
void program_end(struct program *program);
struct wanted *program_set(struct program *program, const char *name); /* made when absent */
/* Writes, or removes, the file of a set; the main file. */
void program_write_set(struct program *program, const struct wanted *set);
void program_remove_set(struct program *program, const char *name);
void program_write_config(struct program *program);

/* retries: `renew --retry main`. */
void program_run(struct program *program, bool forced, bool retries, struct run *ret);
/* The daemon, for so long; n_asks others want the set main issued, so long after its start. */
struct program_service {
    int64_t for_ms, ask_after_ms;
    size_t n_asks;
};
void program_serve(struct program *program, const struct program_service *service, struct run *ret);
/* A command by hand that asks a CA: act gets the whole house. */
bool program_errand(struct program *program, bool (*act)(struct house *house, struct err *err),
                    struct err *err);
/* The files of the binding go; the settings still name them. */
void program_hide_eab(struct program *program);
/* `chancery persist`: for_ms 0 without --for. Dies like a run. */
void program_persist(struct program *program, const char *set, bool removes, int64_t for_ms,
                     struct run *ret);
bool program_revoke(struct program *program, const char *set, bool now, struct err *err);

/* Config, store and seal, for looking. False: says why in err. */
bool program_look(struct program *program, struct house *house, struct err *err);
/* The same for a neighbour that writes, also while a run waits. */
bool program_act(struct program *program, struct house *house, struct err *err);
void program_look_end(struct house *house);

#endif
