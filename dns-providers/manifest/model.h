/*
 * Models: what adding and removing a TXT value means at an API.
 *
 *   record   one object a value: add answers with its id, remove takes it; find looks ids up by value
 *   value    the server adds and removes by value
 *   rrset    the whole set of a name is read, edited by us and written back; what is not ours goes back as it was read
 *
 * Whatever the model: adding what exists and removing what is gone are successes, only the values of the job are touched, and each
 * record is marked done when it is.
 */
#ifndef MANIFEST_MODEL_H
#define MANIFEST_MODEL_H

#include "dns-providers/manifest/engine.h"

struct owner_group { /* all records of a job at one owner name */
    const char *owner;
    struct dns_job_record **records;
    size_t n;
};
struct model {
    const char *name;
    void (*push)(struct engine *engine, struct owner_group *group);
};
extern const struct model model_record, model_value, model_rrset;
bool model_is_known(const char *name);

#endif
