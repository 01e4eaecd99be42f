#include "inventory/ca_limits.h"
#include "inventory/config_inside.h"

/* Made when it is asked for: a run that orders nothing reads no limits. */
struct directory_limits {
    struct directory_limits *next;
    char *directory;
    struct ca_limits limits;
};

const struct ca_limits *config_limits(struct config *config, const char *directory)
{
    for (struct directory_limits *d = config->limits; d != NULL; d = d->next)
        if (strcmp(d->directory, directory) == 0)
            return &d->limits;
    struct directory_limits *d = NEW(struct directory_limits);
    d->directory = mem_strdup(directory);
    ca_limits_builtin(directory, &d->limits);
    d->next = config->limits;
    config->limits = d;
    return &d->limits;
}

void limits_free(struct config *config)
{
    while (config->limits != NULL) {
        struct directory_limits *d = config->limits;
        config->limits = d->next;
        ca_limits_fini(&d->limits);
        mem_free(d->directory);
        mem_free(d);
    }
}
