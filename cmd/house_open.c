#include "cmd/house_open.h"

#include "cmd/options.h"
#include "inventory/register.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

const char *environment_get(const char *name)
{
    return getenv(name);
}

const char *config_path(const struct invocation *in)
{
    const char *given = option_common(in, "config");
    const char *from_environment = getenv("CHANCERY_CONFIG");
    if (given != NULL)
        return given;
    return from_environment != NULL && from_environment[0] != '\0' ? from_environment
                                                                   : "/etc/chancery/chancery.yaml";
}

static bool is_stopping(void *loop)
{
    return loop_n_stops(loop) > 0;
}

/* Whichever of the two is opened later. */
static void store_heed_signals(struct invocation *in)
{
    if (in->house.store != NULL && in->house.loop != NULL)
        store_hurry_when(in->house.store, is_stopping, in->house.loop);
}

bool house_open_store(struct invocation *in, const char *path, bool create, bool read_only,
                      struct err *err)
{
    struct store_options options = {.path = path, .create = create, .read_only = read_only};
    if (in->house.loop != NULL) {
        options.is_hurried = is_stopping;
        options.hurried_arg = in->house.loop;
    }
    bool ok = store_open(&options, &in->house.store, err);
    store_heed_signals(in);
    return ok;
}

/* Without a locked heap keys lie in ordinary memory: worth a word, no reason to let certificates
 * expire (a container may lock only 64 KiB). */
void house_protect_keys(const struct invocation *in)
{
    struct err weak;
    if (!crypto_init(&weak) && option_common(in, "quiet") == NULL)
        fprintf(stderr, "%s: %s\n", in->program, weak.text);
}

bool house_open_seal(struct invocation *in, struct err *err)
{
    struct secret key = {0};
    house_protect_keys(in);
    if (!secret_resolve(in->config, in->config->seal, &key, err)) {
        err->kind = ERR_STORE;
        return err_wrap(err, "the sealing key cannot be used");
    }
    log_mask(in->house.log, secret_str(&key));
    bool ok = seal_open(&key, &in->house.seal, err);
    secret_fini(&key);
    if (!ok) {
        err->kind = ERR_STORE;
        return err_wrap(err, "the sealing key %s cannot be used", in->config->seal);
    }
    return true;
}

void house_open_net(struct invocation *in)
{
    AUTO(mem_fini)
    char *user_agent = mem_printf("chancery/%s %s", CHANCERY_VERSION, http_library());
    struct http_options options = {.user_agent = user_agent};
    in->house.loop = loop_new();
    in->house.clock = loop_clock(in->house.loop);
    loop_catch_signals(in->house.loop);
    store_heed_signals(in);
    in->house.http = http_new(in->house.loop, &options);
    in->house.dns = dns_new(in->house.loop);
}

static void log_open(struct invocation *in)
{
    enum log_level least = option_common(in, "verbose") != NULL ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR;
    /* On a terminal the same faults are told by the progress; a log line would say them twice. */
    if (option_common(in, "verbose") == NULL)
        return;
    in->house.log = log_new(STDERR_FILENO, least, false, in->house.clock);
}

/* Which file a type comes from decides where its credentials go: with --verbose it is said in every run. */
static void manifests_tell(const struct invocation *in)
{
    const struct config *config = in->config;
    if (in->house.log == NULL)
        return;
    if (config->manifests_fault != NULL)
        log_line(in->house.log, LOG_LEVEL_WARNING, "manifests", NULL, "%s",
                 config->manifests_fault);
    for (size_t i = 0; i < config->n_manifests; i++) {
        const struct manifest_file *m = &config->manifests[i];
        if (m->fault != NULL)
            log_line(in->house.log, LOG_LEVEL_WARNING, "manifests", NULL, "%s", m->fault);
        else
            log_line(in->house.log, LOG_LEVEL_INFO, "manifests", NULL,
                     "type %s comes from %s (SHA-256 %s)%s", m->name, m->path, m->sha256,
                     dns_provider_find(m->name) != NULL ? ", not from the program" : "");
    }
}

bool house_open(struct invocation *in, struct err *err)
{
    in->house.clock = &clock_system;
    log_open(in);
    return house_open_needs(in, in->command->needs, err);
}

bool house_open_needs(struct invocation *in, unsigned needs, struct err *err)
{
    if ((needs & NEED_CONFIG) != 0) {
        if (!config_load(config_path(in), environment_get, &in->config, err))
            return false;
        in->house.config = in->config;
        manifests_tell(in);
    }
    if ((needs & (NEED_STORE_READ | NEED_STORE_WRITE)) != 0 &&
        !house_open_store(in, in->config->store_path, false, (needs & NEED_STORE_WRITE) == 0, err))
        return false;
    if ((needs & NEED_SEAL) != 0 && !house_open_seal(in, err))
        return false;
    if ((needs & NEED_REGISTER) != 0) {
        struct register_result result;
        if (!register_refresh(&in->house, &result, err))
            return false;
    }
    if ((needs & NEED_NET) != 0)
        house_open_net(in);
    return true;
}

void house_close(struct invocation *in)
{
    dns_free(in->house.dns);
    http_free(in->house.http);
    store_close(in->house.store);
    seal_close(in->house.seal);
    /* Work on the thread pool cannot be cancelled - a name that is being resolved, a key that is
     * being made -, and who asked for an end does not want to wait for it: see main. */
    in->is_stopped = in->house.loop != NULL && loop_n_stops(in->house.loop) > 0;
    if (!in->is_stopped)
        loop_free(in->house.loop);
    config_free(in->config);
    log_free(in->house.log);
}
