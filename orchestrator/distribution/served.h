/*
 * What a files target serves now, read from its folder: artifacts are trusted, not marks in the
 * store.
 */
#ifndef DISTRIBUTION_SERVED_H
#define DISTRIBUTION_SERVED_H

#include "distribution/distribution.h"
#include "io/files.h"

struct served {
    char *version; /* name of the generation that `current` names; "" when there is none */
    bool has_leaf; /* its leaf could be read, or is known from the store by the generation's name */
    struct cert_facts leaf;
    bool is_revoked;          /* revoked, or to be, by the store */
    struct certificate *held; /* its row; NULL: the store does not know it */
};
/* set: whose certificates the store is asked for. Kinds as generation_current, STORE. */
bool served_look(struct house *house, const char *set, const char *dir, struct served *ret,
                 struct err *err);
/* Of another kind of key in the same folder: the files with that suffix. */
bool served_look_beside(struct house *house, const char *set, const char *dir,
                        const struct served *first, const char *suffix, struct served *ret,
                        struct err *err);
void served_fini(struct served *served);

/* Every generation's name is the certificate's ("3-1a2b3c4d"), or that with ".2", ".3" ... when the
 * same certificate was delivered with other files before. */
bool version_belongs(const char *version, const char *base);
/* The name under which these files go: one that holds them already, else one that is neither served
 * nor to be rolled back to. previous may be NULL. The caller frees *ret_name. */
bool version_choose(const char *dir, const char *base, const char *served, const char *previous,
                    const struct file_item *items, size_t n_items, char **ret_name,
                    struct err *err);
/* "version 3" of "3-1a2b3c4d", "nothing" of "". */
void version_words(const char *version, struct buf *out);

#endif
