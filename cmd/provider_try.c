/* provider test: an account tried for real. */
#include "cmd/options.h"
#include "cmd/output.h"
#include "cmd/provider_words.h"
#include "cmd/run_commands.h"

#include "acme/name.h"
#include "crypto/key.h"
#include "dns/txt_desk.h"

#include <stdio.h>

struct trial {
    struct buf owner;
    int64_t took_ms;
};

/* At a name that no challenge has: an order that runs meanwhile, and whoever watches challenge names, sees nothing of it. */
static bool owner_in_zone(struct invocation *in, const struct provider_config *p, struct buf *out)
{
    unsigned char noise[5];
    const char *given = option_value(in, "zone");
    AUTO(mem_fini)
    char *zone = NULL;
    if ((p->provider->capabilities & DNS_CAN_DELEGATE) != 0)
        return err_set(&in->err, ERR_CONFIG,
                       "provider %s (%s) only answers for challenge names that are CNAMEs to it: "
                       "name a host, as in `chancery provider test %s www.example.com`",
                       p->name, p->provider->name, p->name);
    if (!zone_normalise(given != NULL ? given : p->zones[0], &zone, &in->err))
        return false;
    random_bytes(noise, sizeof noise);
    buf_add_cstr(out, "_chancery-test-");
    for (size_t i = 0; i < sizeof noise; i++)
        buf_printf(out, "%02x", noise[i]);
    buf_printf(out, ".%s", zone);
    return true;
}

/* As an order would, with the delegation that may stand there. A wildcard is proved at the name it stands below. */
static bool owner_of_host(struct invocation *in, struct buf *out)
{
    AUTO(mem_fini)
    char *name = NULL;
    if (option_value(in, "zone") != NULL)
        return err_set(&in->err, ERR_CONFIG, "either a host name or --zone, not both");
    if (!name_normalise(in->words[1], &name, &in->err))
        return false;
    name_challenge(str_starts(str_of(name), STR("*.")) ? name + 2 : name, out);
    return true;
}

static bool owner_choose(struct invocation *in, struct buf *out)
{
    const struct provider_config *p = config_provider(in->config, in->words[0]);
    if (p == NULL)
        return provider_unknown(in, in->words[0]);
    if (in->n_words > 1 ? !owner_of_host(in, out) : !owner_in_zone(in, p, out))
        return false;
    return provider_fits(in, p->name, buf_cstr(out));
}

static bool test_try(struct invocation *in, void *arg)
{
    struct trial *trial = arg;
    int64_t begin_ms = clock_boot_ms(in->house.clock);
    bool ok = txt_desk_rehearse(&in->house, buf_cstr(&trial->owner), &in->err);
    trial->took_ms = clock_boot_ms(in->house.clock) - begin_ms;
    if (ok)
        return true;
    err_wrap(&in->err, "%s", buf_cstr(&trial->owner));
    if (in->err.kind == ERR_DENIED || in->err.kind == ERR_CONFIG)
        return provider_advise(in,
                               "no certificate is touched by this; `chancery provider show %s` "
                               "tells the settings and the rights that are needed",
                               config_provider(in->config, in->words[0])->provider->name);
    return provider_advise(in, "no certificate is touched by this");
}

static void test_tell(const struct invocation *in, const struct trial *trial)
{
    char took[TIME_TEXT_MAX];
    duration_format(trial->took_ms, took);
    if (in->json) {
        AUTO(json_fini)
        struct json *tree = json_set_text(json_object(), "provider", in->words[0]);
        if (in->n_words > 1)
            json_set_text(tree, "host", in->words[1]);
        json_set_text(tree, "name", buf_cstr(&trial->owner));
        json_set_bool(tree, "ok", true);
        json_set_int(tree, "took_ms", trial->took_ms);
        json_print(tree);
    } else if (option_common(in, "quiet") == NULL) {
        ink_print(in, INK_GOOD, "works");
        printf(": provider %s published a value at %s, it was served, and it was removed again "
               "(%s)\n",
               in->words[0], buf_cstr(&trial->owner), took);
    }
}

static void trial_tell(const struct invocation *in)
{
    const struct dns_provider *type = config_provider(in->config, in->words[0])->provider;
    bool is_ours = catalogue_origin(in->config->types, type) == NULL;
    if (!in->json && option_common(in, "quiet") == NULL && is_ours && dns_provider_is_trial(type))
        printf("type %s is on trial: please tell the project that it works for you\n", type->name);
}

enum exit_code provider_test_run(struct invocation *in)
{
    const char *wait = option_value(in, "wait");
    int64_t wait_ms = 0;
    if (wait != NULL && !duration_parse(str_of(wait), &wait_ms)) {
        err_set(&in->err, ERR_CONFIG,
                "--wait takes a length of time like 30s or 10m, not \"%.40s\"", wait);
        return EXIT_CODE_USAGE;
    }
    struct trial trial = {.owner = BUF(512)};
    bool ok = owner_choose(in, &trial.owner) &&
              provider_lead(in, "provider test", wait_ms, test_try, &trial);
    if (ok) {
        test_tell(in, &trial);
        trial_tell(in);
    }
    buf_fini(&trial.owner);
    return ok ? EXIT_CODE_DONE : exit_code_of(&in->err);
}
