#include "dns/host_inner.h"

struct json **host_memory_of(struct provider_host *host, const struct provider_config *provider)
{
    LIST_EACH (it, &host->memories) {
        struct host_memory *memory = LIST_OWNER(it, struct host_memory, in_host);
        if (memory->provider == provider)
            return &memory->tree;
    }
    struct host_memory *memory = NEW(struct host_memory);
    memory->provider = provider;
    list_push_back(&host->memories, &memory->in_host);
    return &memory->tree;
}

void host_memories_free(struct provider_host *host)
{
    LIST_EACH (it, &host->memories) {
        struct host_memory *memory = LIST_OWNER(it, struct host_memory, in_host);
        json_free(memory->tree);
        mem_free(memory);
    }
}
