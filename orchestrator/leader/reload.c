#include "leader/reload.h"

#include "inventory/event.h"
#include "inventory/register.h"

#include <inttypes.h>
#include <stdio.h>

enum { GAP_MIN_MS = 1000, GAP_MAX_MS = 8 * 1000, TEXT_MAX = 900, KEPT_MAX = 8 * 1024 };

struct reload {
    struct house *house;
    struct reload_hooks hooks;
    struct config *fresh; /* read aside; NULL: chancery.yaml is as it was */
    char stamp[65];       /* of the files that the configuration in force names */
    char fresh_stamp[65];
    int seen_hups;
    bool is_asked;
    int64_t looked_at_boot_ms, applied_at_boot_ms, gap_ms;
    char *refusal; /* told already; NULL: what is in force is what the files say */
};

struct reload *reload_new(struct house *house, const struct reload_hooks *hooks)
{
    struct reload *r = NEW(struct reload);
    r->house = house;
    r->hooks = *hooks;
    r->seen_hups = house->loop != NULL ? loop_n_hups(house->loop) : 0;
    r->gap_ms = GAP_MIN_MS;
    r->looked_at_boot_ms = r->applied_at_boot_ms = clock_boot_ms(house->clock) - GAP_MAX_MS;
    config_stamp(house->config, r->stamp);
    return r;
}

void reload_free(struct reload *reload)
{
    if (reload == NULL)
        return;
    config_free(reload->fresh);
    mem_free(reload->refusal);
    mem_free(reload);
}

/* ---- when ---- */

void reload_ask(struct reload *reload)
{
    reload->is_asked = true;
}

static bool is_asked(const struct reload *r)
{
    return r->is_asked || (r->house->loop != NULL && loop_n_hups(r->house->loop) != r->seen_hups);
}

static int64_t due_in_ms(const struct reload *r)
{
    int64_t look_ms = r->looked_at_boot_ms + GAP_MIN_MS;
    int64_t apply_ms = r->applied_at_boot_ms + r->gap_ms;
    return (look_ms > apply_ms ? look_ms : apply_ms) - clock_boot_ms(r->house->clock);
}

bool reload_is_due(const struct reload *reload)
{
    return is_asked(reload) && due_in_ms(reload) <= 0;
}

int64_t reload_next_at_ms(const struct reload *reload)
{
    if (!is_asked(reload))
        return INT64_MAX;
    int64_t in_ms = due_in_ms(reload);
    return house_now(reload->house) + (in_ms > 0 ? in_ms : 0);
}

/* ---- what came of it ---- */

static void end(struct reload *r, bool is_refused, const char *text)
{
    house_say_end(r->house, NULL, "reload", is_refused, "%s", text);
    if (r->hooks.ended != NULL)
        r->hooks.ended(r->hooks.arg, is_refused, text);
}

/* The first complaint in full, and how many there are beside it. */
static void complaint_format(const struct err *why, char out[TEXT_MAX])
{
    struct str rest = str_of(why->text), first = rest, more;
    int n = 0;
    str_split(&rest, '\n', &first);
    while (str_split(&rest, '\n', &more))
        n += more.len > 0;
    if (n > 0)
        snprintf(out, TEXT_MAX, "%.*s (and %d more: `chancery check` shows all)",
                 (int)(first.len < 700 ? first.len : 700), first.p, n);
    else
        snprintf(out, TEXT_MAX, "%.*s", (int)(first.len < 700 ? first.len : 700), first.p);
}

/* A storm of SIGHUPs over the same fault is one event. */
static void refuse(struct reload *r, const struct err *why)
{
    char complaint[TEXT_MAX], text[TEXT_MAX + 100];
    complaint_format(why, complaint);
    snprintf(text, sizeof text, "%s; nothing of it is taken up, what was in force stays in force",
             complaint);
    config_free(r->fresh);
    r->fresh = NULL;
    if (r->refusal == NULL || strcmp(r->refusal, complaint) != 0)
        event_write(r->house, EVENT_CONFIG_REFUSED, NULL, 0, "%s", text);
    mem_set_str(&r->refusal, complaint);
    end(r, true, text);
}

/* Reloads that come without a pause come more and more seldom. */
static void gap_settle(struct reload *r)
{
    int64_t now_ms = clock_boot_ms(r->house->clock);
    bool is_storm = now_ms - r->applied_at_boot_ms < 3 * r->gap_ms;
    r->gap_ms = !is_storm ? GAP_MIN_MS : 2 * r->gap_ms < GAP_MAX_MS ? 2 * r->gap_ms : GAP_MAX_MS;
    r->applied_at_boot_ms = now_ms;
}

/* The store is no fault of the configuration: the wish stands. */
static void postpone(struct reload *r, const struct err *why)
{
    char text[TEXT_MAX];
    snprintf(text, sizeof text, "%.700s; what was in force stays in force until then", why->text);
    config_free(r->fresh);
    r->fresh = NULL;
    r->is_asked = true;
    gap_settle(r);
    end(r, true, text);
}

static bool give_up(struct reload *r, const struct err *why)
{
    if (why->kind == ERR_STORE)
        postpone(r, why);
    else
        refuse(r, why);
    return false;
}

/* ---- reading aside ---- */

/* What the register would find under that configuration: also whether its folder can be read. */
static bool sets_look(struct reload *r, struct config *config, struct register_result *ret,
                      struct err *err)
{
    struct config *before = r->house->config;
    r->house->config = config;
    bool ok = register_look(r->house, ret, err);
    r->house->config = before;
    return ok;
}

static bool aside_load(struct reload *r, struct err *err)
{
    const struct config *now = r->house->config;
    config_free(r->fresh);
    r->fresh = NULL;
    if (!config_load(now->path, now->environment, &r->fresh, err))
        return false;
    config_stamp(r->fresh, r->fresh_stamp);
    if (strcmp(r->fresh->fingerprint, now->fingerprint) == 0 &&
        strcmp(r->fresh_stamp, r->stamp) == 0) {
        config_free(r->fresh);
        r->fresh = NULL;
    }
    return true;
}

bool reload_load(struct reload *r, bool leads)
{
    struct err why = {0};
    struct register_result sets = {0};
    r->seen_hups = r->house->loop != NULL ? loop_n_hups(r->house->loop) : 0;
    r->is_asked = false;
    r->looked_at_boot_ms = clock_boot_ms(r->house->clock);
    if (r->hooks.begun != NULL)
        r->hooks.begun(r->hooks.arg);
    if (!aside_load(r, &why) ||
        (leads && !sets_look(r, r->fresh != NULL ? r->fresh : r->house->config, &sets, &why)))
        return give_up(r, &why);
    if (r->fresh != NULL || sets.n_changed > 0 || sets.n_removed > 0)
        return true;
    mem_set_str(&r->refusal, NULL);
    end(r, false, "nothing was changed");
    return false;
}

/* ---- applying ---- */

static void kept_note(struct buf *kept, const char *key, const char *now, const char *wanted)
{
    if (strcmp(now, wanted) != 0)
        buf_printf(kept, "%s: stays %s until chancery is restarted\n", key, now);
}

/* The open store and the open sealing key are those of the start. */
static void fixed_keep(const struct config *before, struct config *fresh, struct buf *kept)
{
    kept_note(kept, "store", before->store_path, fresh->store_path);
    kept_note(kept, "seal", before->seal, fresh->seal);
    mem_set_str(&fresh->store_path, before->store_path);
    mem_set_str(&fresh->seal, before->seal);
}

static void kept_tell(struct reload *r, const struct buf *kept)
{
    struct str rest = buf_str(kept), line;
    while (str_split(&rest, '\n', &line))
        if (line.len > 0) {
            event_write(r->house, EVENT_CONFIG_KEPT, NULL, 0, "%.*s", STR_ARG(line));
            house_say_end(r->house, NULL, "reload", false, "%.*s", STR_ARG(line));
        }
}

static void taken_tell(struct reload *r, const struct config *before, bool leads,
                       const struct register_result *sets)
{
    char text[TEXT_MAX];
    const struct config *now = r->house->config;
    bool is_other = strcmp(before->fingerprint, now->fingerprint) != 0;
    const char *what = now == before ? "set files were changed"
                       : is_other    ? "its changes are in force"
                                     : "files it names were changed and are in force";
    if (leads)
        snprintf(text, sizeof text, "%.400s: %s; %zu sets, %zu changed, %zu removed, %zu broken",
                 now->path, what, sets->n_sets, sets->n_changed, sets->n_removed, sets->n_faults);
    else
        snprintf(text, sizeof text, "%.400s: %s", now->path, what);
    event_write(r->house, EVENT_CONFIG_TAKEN, NULL, 0, "%s", text);
    mem_set_str(&r->refusal, NULL);
    end(r, false, text);
}

static void swap(struct reload *r, struct config *before)
{
    AUTO(buf_fini)
    struct buf kept = BUF(KEPT_MAX);
    if (before == r->house->config)
        return;
    fixed_keep(before, r->house->config, &kept);
    memcpy(r->stamp, r->fresh_stamp, sizeof r->stamp);
    if (r->hooks.swapped != NULL)
        r->hooks.swapped(r->hooks.arg, before, &kept);
    kept_tell(r, &kept);
}

bool reload_apply(struct reload *r, bool leads, struct err *err)
{
    struct house *house = r->house;
    struct config *before = house->config;
    struct register_result sets = {0};
    struct err why = {0};
    if (r->fresh != NULL)
        house->config = r->fresh;
    if (leads && !register_refresh(house, &sets, &why)) {
        house->config = before;
        give_up(r, &why);
        return why.kind != ERR_STORE || err_set(err, why.kind, "%s", why.text);
    }
    r->fresh = NULL;
    swap(r, before);
    gap_settle(r);
    taken_tell(r, before, leads, &sets);
    if (before != house->config)
        config_free(before);
    return true;
}
