#include "renewal/standing.h"

#include "dns/propagation.h"

struct look_name {
    struct standing_look *look;
    char *owner, *alias;
    struct persist_want want;
    struct zone_find *find;
    struct propagation_check *check;
    bool has_seen;              /* any TXT value at all */
    enum persist_match nearest; /* of the values that were seen */
    struct err err;             /* kind NONE: it stands */
};
struct standing_look {
    struct txt_desk *desk;
    struct house *house;
    char *set;
    struct look_name *names;
    size_t n, n_over;
    struct timer *soon;
    standing_done *done;
    void *arg;
};

static void look_free(struct standing_look *look)
{
    timer_cancel(look->soon);
    for (size_t i = 0; i < look->n; i++) {
        struct look_name *name = &look->names[i];
        zone_finder_cancel(name->find);
        propagation_cancel(name->check);
        persist_want_fini(&name->want);
        mem_free(name->owner);
        mem_free(name->alias);
    }
    mem_free(look->names);
    mem_free(look->set);
    mem_free(look);
}

void standing_look_cancel(struct standing_look *look)
{
    if (look != NULL)
        look_free(look);
}

/* What a person must mend goes before what may pass. */
static void look_end(struct standing_look *look)
{
    const struct err *worst = NULL;
    for (size_t i = 0; i < look->n; i++) {
        const struct err *err = &look->names[i].err;
        if (err->kind != ERR_NONE && (worst == NULL || worst->kind == ERR_AGAIN))
            worst = err;
    }
    struct err told = worst != NULL ? *worst : (struct err){0};
    standing_done *done = look->done;
    void *arg = look->arg;
    look_free(look);
    done(arg, told.kind != ERR_NONE ? &told : NULL);
}

static void name_over(struct look_name *name)
{
    struct standing_look *look = name->look;
    if (++look->n_over == look->n)
        look_end(look);
}

static bool value_fits(void *arg, size_t want, struct str value)
{
    struct look_name *name = arg;
    (void)want;
    enum persist_match match = persist_match(value, &name->want, house_now(name->look->house));
    if (!name->has_seen || match > name->nearest)
        name->nearest = match;
    name->has_seen = true;
    return match == PERSIST_FITS;
}

static void name_lacks(struct look_name *name, const char *seen)
{
    AUTO(buf_fini)
    struct buf record = BUF(PERSIST_RECORD_MAX);
    persist_want_format(&name->want, 0, &record);
    /* A rehearsal has an account of its own, which the command knows nothing of. */
    AUTO(mem_fini)
    char *how = name->look->house->rehearsal
                    ? mem_strdup(" for this rehearsal")
                    : mem_printf(", or run `chancery persist %s --publish`", name->look->set);
    err_set(&name->err, ERR_CONFIG, "%s at %s: publish TXT \"%s\" there%s (%s)",
            name->has_seen ? persist_match_sentence(name->nearest) : "no standing record",
            name->owner, buf_cstr(&record), how, seen);
}

static void name_checked(void *arg, const struct propagation_report *report)
{
    struct look_name *name = arg;
    const struct propagation_view *view = &report->views[0];
    name->check = NULL;
    if (view->n_reachable == 0)
        err_set(&name->err, ERR_AGAIN, "the standing record at %s cannot be looked up: %s",
                name->owner, view->text);
    else if (view->n_as_wished == 0)
        name_lacks(name, view->text);
    else if (!view->is_served)
        err_set(&name->err, ERR_AGAIN, "not every name server shows the standing record at %s: %s",
                name->owner, view->text);
    name_over(name);
}

static void name_found(void *arg, const struct zone_info *info, const struct err *err)
{
    struct look_name *name = arg;
    name->find = NULL;
    if (info == NULL) {
        name->err = *err;
        name_over(name);
        return;
    }
    struct propagation_want want = {.owner = info->owner, .value = "", .present = true};
    struct propagation_options options = {.fits = value_fits, .fits_arg = name};
    name->check = propagation_start(name->look->house->loop, name->look->house->dns, info, &want, 1,
                                    &options, name_checked, name);
}

static void name_start(struct look_name *name)
{
    const char *where = name->alias != NULL ? name->alias : name->owner;
    const struct provider_config *provider = config_provider_for(name->look->house->config, where);
    name->find = zone_finder_find(txt_desk_finder(name->look->desk, provider), name->owner,
                                  name->alias, name_found, name);
}

static void look_begin(void *arg)
{
    struct standing_look *look = arg;
    look->soon = NULL;
    if (look->n == 0) {
        look_end(look);
        return;
    }
    /* What is found at once must not end the look before all names have begun. */
    look->n_over = 0;
    for (size_t i = 0; i < look->n; i++)
        name_start(&look->names[i]);
}

struct standing_look *standing_look_start(struct txt_desk *desk, struct house *house,
                                          const char *set, struct standing_name *names, size_t n,
                                          standing_done *done, void *arg)
{
    struct standing_look *look = NEW(struct standing_look);
    *look = (struct standing_look){.desk = desk,
                                   .house = house,
                                   .set = mem_strdup(set),
                                   .names = NEW_N(n, struct look_name),
                                   .n = n,
                                   .done = done,
                                   .arg = arg};
    for (size_t i = 0; i < n; i++) {
        AUTO(buf_fini)
        struct buf owner = BUF(512);
        challenge_owner(CHALLENGE_DNS_PERSIST_01, names[i].base, NULL, &owner);
        look->names[i] = (struct look_name){.look = look,
                                            .owner = buf_take(&owner),
                                            .alias = mem_strdup(names[i].alias),
                                            .want = names[i].want};
        names[i].want = (struct persist_want){0};
    }
    look->soon = timer_start(house->loop, 0, look_begin, look);
    return look;
}
