/* The manifests of this build, in name order, as they stand in dns-providers/manifests; made by cmake/embed.cmake. */
#ifndef DNS_PROVIDERS_BUILTIN_H
#define DNS_PROVIDERS_BUILTIN_H

#include <stddef.h>

struct builtin_manifest {
    const char *name, *text;
    size_t len;
};
extern const struct builtin_manifest builtin_manifests[]; /* the last one has no name */
/* The first lines of a manifest, by model, with @NAME@ for the type (dns-providers/skeletons). */
extern const struct builtin_manifest builtin_skeletons[];
/* What stands around scripts of acme.sh: shim.sh. */
extern const struct builtin_manifest builtin_acmesh[];
/* What CAs limit: orchestrator/inventory/limits. */
extern const struct builtin_manifest builtin_limits[];
/* The HTTP interface, as it describes itself: docs/openapi.json. */
extern const struct builtin_manifest builtin_openapi[];

#endif
