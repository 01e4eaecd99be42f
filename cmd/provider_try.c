/* provider test: an account tried for real. */
#include "cmd/options.h"
#include "cmd/output.h"
#include "cmd/provider_words.h"
#include "cmd/run_commands.h"

#include "acme/name.h"
#include "authority/lease.h"
#include "dns/txt_desk.h"

#include <stdio.h>

enum { TEST_LEASE_MS = 20 * 60 * 1000, HELD_POLL_MS = 250 };

/* ---- test ---- */

/* The provider that an order for that name would use must be the one that is to be tried. */
static bool test_fits(struct invocation *in, const char *host)
{
    const struct provider_config *p = config_provider(in->config, in->words[0]), *other;
    AUTO(buf_fini)
    struct buf challenge = BUF(512);
    if (p == NULL)
        return provider_unknown(in, in->words[0]);
    name_challenge(host, &challenge);
    other = config_provider_for(in->config, buf_cstr(&challenge));
    if (other == p)
        return true;
    if (other == NULL)
        return err_set(&in->err, ERR_CONFIG,
                       "no provider has a zone of %s; add its zone to providers.%s.zones in %s",
                       host, p->name, in->config->path);
    return err_set(&in->err, ERR_CONFIG,
                   "TXT records of %s go through provider %s, not %s: its zone fits better", host,
                   other->name, p->name);
}

static bool lead_take(struct invocation *in, int64_t wait_ms, struct lease **ret)
{
    struct house *house = &in->house;
    int64_t give_up_at_ms = house_now(house) + wait_ms;
    while (!lease_take(house, "leader", "provider test", TEST_LEASE_MS, true, ret, &in->err)) {
        if (in->err.kind != ERR_HELD || house_now(house) >= give_up_at_ms ||
            loop_n_stops(house->loop) > 0)
            return false;
        loop_wait(house->loop, house_now(house) + HELD_POLL_MS);
    }
    err_clear(&in->err);
    return true;
}

static bool test_try(struct invocation *in, const char *host, int64_t wait_ms, int64_t *ret_took_ms)
{
    struct house *house = &in->house;
    struct lease *lease = NULL;
    int64_t begin_ms;
    if (!lead_take(in, wait_ms, &lease))
        return false;
    house->fencing = lease_fencing(lease);
    struct progress_view *view = progress_view_new(in);
    house->progress = progress_view_front(view);
    begin_ms = clock_boot_ms(house->clock);
    bool ok = txt_desk_rehearse(house, host, &in->err);
    *ret_took_ms = clock_boot_ms(house->clock) - begin_ms;
    progress_view_free(view);
    house->progress = (struct progress){0};
    lease_drop(house, lease);
    house->fencing = 0;
    return ok || err_wrap(&in->err, "provider %s, %s", in->words[0], host);
}

static void test_tell(const struct invocation *in, const char *host, int64_t took_ms)
{
    char took[TIME_TEXT_MAX];
    duration_format(took_ms, took);
    if (in->json) {
        AUTO(json_fini)
        struct json *tree = json_set_text(json_object(), "provider", in->words[0]);
        json_set_text(tree, "host", host);
        json_set_bool(tree, "ok", true);
        json_set_int(tree, "took_ms", took_ms);
        json_print(tree);
    } else if (option_common(in, "quiet") == NULL) {
        ink_print(in, INK_GOOD, "works");
        printf(": provider %s published a value for %s, every name server showed it, and it was "
               "removed again (%s)\n",
               in->words[0], host, took);
    }
}

enum exit_code provider_test_run(struct invocation *in)
{
    const char *wait = option_value(in, "wait");
    AUTO(mem_fini)
    char *name = NULL;
    int64_t wait_ms = 0, took_ms = 0;
    if (wait != NULL && !duration_parse(str_of(wait), &wait_ms)) {
        err_set(&in->err, ERR_CONFIG,
                "--wait takes a length of time like 30s or 10m, not \"%.40s\"", wait);
        return EXIT_CODE_USAGE;
    }
    if (!name_normalise(in->words[1], &name, &in->err))
        return EXIT_CODE_USAGE;
    /* A wildcard is proved at the name it stands below. */
    const char *host = str_starts(str_of(name), STR("*.")) ? name + 2 : name;
    if (!test_fits(in, host) || !test_try(in, host, wait_ms, &took_ms))
        return exit_code_of(&in->err);
    test_tell(in, host, took_ms);
    return EXIT_CODE_DONE;
}
