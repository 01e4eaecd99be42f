/*
 * Models: what adding and removing a TXT value means at an API.
 *
 *   record     one object a value: add answers with its id, remove takes it; find looks ids up by value
 *   value      the server adds and removes by value
 *   rrset      the whole set of a name is read, edited by us and written back; what is not ours goes back as it was read
 *   document   the whole zone or list is read and written back, or what changes in it is; guarded by a serial or entity tag
 *   single     one value a name, or a few (`slots`): a second one waits at the host until the first is gone
 *
 * Whatever the model: adding what exists and removing what is gone are successes, only the values of the job are touched, and each
 * record is marked done when it is.
 *
 * A write that answers `conflict` when somebody else was faster is compare-and-swap: it is read again and written anew. What has no such
 * guard (and no `verify: false`, because it only adds) is read once more afterwards: when a writer who had read before us has lost our
 * values, the set is written again, at most LOSSES_MAX times. Values of others are not brought back: whether they were lost or
 * removed nobody can tell.
 *
 * `batch` of a manifest: many names in few calls. First everything is read with one call, then what differs is written with as many
 * calls as its `max` demands. The variables of its `write`:
 *
 *     rrset     sets      [{fqdn, rel, domain, ttl, values, old, take}]      values and old as {text, raw}; take: what `read` takes
 *     record,   adds      [{fqdn, rel, domain, txt, ttl}]
 *     value     removes   [{fqdn, rel, domain, txt, rec}]                    rec: what `save` of `find` keeps; none by value (`by_value`)
 *     document  adds and removes as above, rec being the whole element; items: all elements as they shall be, as {item} or {raw}
 *
 * What an API refuses as a whole is done name by name: one bad name does not cost the others theirs.
 */
#ifndef MANIFEST_MODEL_H
#define MANIFEST_MODEL_H

#include "dns-providers/manifest/engine.h"

enum { LOSSES_MAX = 3, LOSS_PAUSE_MS = 1000 };

struct owner_group { /* all records of a job at one owner name */
    const char *owner;
    struct dns_job_record **records;
    size_t n;
};
struct model {
    const char *name;
    void (*push)(struct engine *engine, struct owner_group *group); /* name by name; or */
    void (*push_all)(struct engine *engine, struct owner_group *groups, size_t n); /* all at once */
    const char *needs[4]; /* operations a manifest must have */
};
extern const struct model model_record, model_value, model_rrset, model_document, model_single;
/* NULL when unknown. */
const struct model *model_find(const char *name);
/* "record, value, rrset ..." for messages. */
const char *model_names(void);

bool group_is_done(const struct owner_group *group);
bool group_adds(const struct owner_group *group);
/* Sets the variables of the group's owner. */
void group_enter(struct engine *engine, const struct owner_group *group);

/* ---- sets: rrset_edit.c ---- */

struct rrset {
    struct json *old, *values; /* as it is, as it shall be: [{text, raw}]; the arena's */
    int64_t ttl_s;             /* to be written */
    bool changes, is_there;
};
/* The group's set in the pages of a call with `values`; the group must have been entered. pages NULL: there is none. */
void rrset_look(struct engine *engine, const struct owner_group *group, const struct json *call,
                const struct json *pages, struct rrset *ret);
/* Must a set that this call wrote be read again? */
bool write_is_blind(const struct engine *engine, const struct json *call,
                    const struct owner_group *group);

/* ---- records: batch_record.c, model_record.c ---- */

/* What `find` (or `batch.find`) saved of each element that is the record's; the group entered, engine->txt the record's. Array, the arena's. */
struct json *record_matches(struct engine *engine, const struct json *find,
                            const struct json *items, const struct json *pages);
void record_ref_keep(struct dns_job_record *record, const struct json *saved);
/* NULL: no ref, or none of ours. The arena's. */
struct json *record_ref_read(struct engine *engine, const struct dns_job_record *record);

/* Pushes the batch when the manifest has one and it is worth it; what it leaves undone is for name by name. */
bool batch_push(struct engine *engine, const struct model *model, struct owner_group *groups,
                size_t n);
void batch_rrset_push(struct engine *engine, struct owner_group *groups, size_t n);
void batch_record_push(struct engine *engine, struct owner_group *groups, size_t n);
/* The members that every element of adds, removes and sets has. */
struct json *batch_element(struct engine *engine, const struct owner_group *group);

#endif
