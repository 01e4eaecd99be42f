/*
 * The inside of `chancery check`: check_files.c reads what is written, check_world.c looks whether the world fits it.
 *
 * Sets are read by the very register that `renew` uses, into a store in memory: so `check` can neither miss nor invent what a run would
 * complain about, and it needs no right to write.
 */
#ifndef CMD_CHECK_H
#define CMD_CHECK_H

#include "cmd/findings.h"

#include "dns/zone_finders.h"
#include "inventory/register.h"

struct check {
    struct invocation *in;
    struct findings findings;
    const char *path;   /* of chancery.yaml */
    struct yaml *doc;   /* its text with places; NULL when it cannot be read */
    struct house house; /* with the store in memory */
    size_t n_sets, n_names;
    bool files_only;
    struct json *online;      /* what check_online found, for --json; NULL */
    struct json *delegations; /* where records go, likewise */
    char **tried;             /* references to secrets */
    size_t n_tried;
};
void check_fini(struct check *check);

/* Reads chancery.yaml into in->config; false when it cannot be used (then findings tell). */
bool check_main_file(struct check *check);
/* Types of DNS providers: manifests that cannot be used, and what is on trial. */
void check_types(struct check *check);
/* All set files; needs in->config. */
void check_set_files(struct check *check);
/* Set files by their table only, for when chancery.yaml is broken. */
void check_set_shapes(struct check *check);

/* Text and places of a file; NULL when there is no reading it. The caller frees. */
struct yaml *check_yaml(const char *file);

/* Accounts in the store: holds, contacts that were changed. Before check_secrets, which need not read the binding of one that is bound. */
void check_accounts(struct check *check);
/* Each reference is looked at once: some are programs. Remembers it; true when it was there already. */
bool check_was_tried(struct check *check, const char *reference);
/* Secrets that chancery.yaml refers to. */
void check_secrets(struct check *check);
/* Sealing key and store, and whether they belong together. */
void check_store(struct check *check);
/* Names of one good set against what its authority is known to take. */
void check_set_limits(struct check *check, const struct set_row *row, const struct set_config *set);
/* The list by which registered domains are told. */
void check_suffixes(struct check *check);
/* Secrets and targets of one good set. */
void check_set_world(struct check *check, const struct set_row *row, const struct set_config *set);
/* Its certificate request, when that comes from a file. */
void check_set_request(struct check *check, const struct set_row *row,
                       const struct set_config *set);

/* Asks DNS where the TXT records of a set go. account_urls: ends with NULL, or NULL: none known. False when a signal came between. */
bool check_delegation(struct check *check, struct zone_finders *finders, const struct set_row *row,
                      const struct set_config *set, char *const *account_urls);
/* Asks DNS and the CAs' directories what they would say to each good set; needs the house in memory. */
void check_online(struct check *check);

#endif
