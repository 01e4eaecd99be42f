#include "renewal/preflight_survey.h"

#include "acme/challenge.h"
#include "acme/directory.h"
#include "acme/name.h"
#include "acme/profile.h"
#include "dns/dns_name.h"

enum { DIRECTORY_MS = 15 * 1000, VALUE_MAX = 2048 };

struct known_ca { /* an authority, learnt once */
    const struct authority_config *config;
    struct acme_directory *directory; /* NULL: not to be had */
    char *account_url, *note;
    bool is_fetched; /* the directory is today's, not that of the store */
};

struct survey {
    struct house *house;
    struct zone_finders *finders;
    struct preflights *preflights;
    struct known_ca *cas;
    size_t n_cas;
    struct arena *arena; /* of one view */
    bool is_done;
};

struct survey *survey_new(struct house *house)
{
    struct survey *s = NEW(struct survey);
    s->house = house;
    s->finders = zone_finders_new(house);
    s->preflights = preflights_new(house, s->finders);
    s->arena = arena_new();
    s->cas = NEW_N(house->config->n_authorities, struct known_ca);
    return s;
}

void survey_free(struct survey *s)
{
    if (s == NULL)
        return;
    preflights_free(s->preflights);
    zone_finders_free(s->finders);
    for (size_t i = 0; i < s->n_cas; i++) {
        acme_directory_free(s->cas[i].directory);
        mem_free(s->cas[i].account_url);
        mem_free(s->cas[i].note);
    }
    mem_free(s->cas);
    arena_free(s->arena);
    mem_free(s);
}

/* False: a signal came. */
static bool survey_wait(struct survey *s)
{
    while (!s->is_done && loop_n_stops(s->house->loop) == 0)
        loop_wait(s->house->loop, INT64_MAX);
    return s->is_done;
}

/* ---- what is known of a CA ---- */

static void directory_parse(struct known_ca *ca, struct str text, struct err *err)
{
    AUTO(json_fini)
    struct json *tree = NULL;
    struct acme_directory *directory = NULL;
    if (!json_parse(text, JSON_SIZE_MAX, &tree, err) ||
        !acme_directory_read(ca->config->directory, tree, &directory, err))
        return;
    acme_directory_free(ca->directory);
    ca->directory = directory;
}

static void directory_load(struct survey *s, struct known_ca *ca)
{
    struct rows rows;
    if (s->house->store == NULL ||
        !store_query(s->house->store, &rows, NULL, SQL_AUTHORITY_GET, "t", ca->config->directory))
        return;
    if (rows_next(&rows) && rows_text(&rows, 0) != NULL)
        directory_parse(ca, str_of(rows_text(&rows, 0)), NULL);
    rows_end(&rows, NULL);
}

struct fetching {
    struct survey *survey;
    struct known_ca *ca;
};

static void directory_fetched(void *arg, const struct http_reply *reply, const struct err *err)
{
    struct fetching *f = arg;
    struct err why = {0};
    f->survey->is_done = true;
    if (reply == NULL)
        why = *err;
    else if (reply->status != 200)
        err_set(&why, ERR_BROKEN, "status %d", reply->status);
    else
        directory_parse(f->ca, reply->body, &why);
    if (f->ca->directory == NULL)
        f->ca->note =
            mem_printf("the directory of %s cannot be read: %s", f->ca->config->name, why.text);
}

static bool directory_fetch(struct survey *s, struct known_ca *ca)
{
    struct fetching fetching = {s, ca};
    struct http_request request = {.method = "GET",
                                   .url = ca->config->directory,
                                   .ca_file = ca->config->ca_file,
                                   .public_only = !ca->config->is_private,
                                   .follow = true,
                                   .timeout_ms = DIRECTORY_MS};
    s->is_done = false;
    ca->is_fetched = true;
    struct http_call *call = http_start(s->house->http, &request, directory_fetched, &fetching);
    if (survey_wait(s))
        return true;
    http_cancel(call);
    return false;
}

/* Where several accounts are bound to one directory, the one whose binding comes from the same place. */
static void account_load(struct survey *s, struct known_ca *ca)
{
    const char *from = ca->config->eab_kid != NULL ? ca->config->eab_kid : "";
    struct rows rows;
    size_t n = 0;
    if (s->house->store == NULL ||
        !store_query(s->house->store, &rows, NULL, SQL_ACCOUNT_URLS, "t", ca->config->directory))
        return;
    while (rows_next(&rows))
        if (n++ == 0 || strcmp(rows_text(&rows, 1), from) == 0)
            mem_set_str(&ca->account_url, rows_text(&rows, 0));
    rows_end(&rows, NULL);
}

static struct known_ca *ca_learn(struct survey *s, const char *name)
{
    const struct authority_config *config = config_authority(s->house->config, name);
    for (size_t i = 0; i < s->n_cas; i++)
        if (s->cas[i].config == config)
            return &s->cas[i];
    struct known_ca *ca = &s->cas[s->n_cas++];
    ca->config = config;
    directory_load(s, ca);
    if (ca->directory == NULL && !directory_fetch(s, ca))
        return NULL;
    account_load(s, ca);
    return ca;
}

/* ---- recommended records ---- */

/* Where the records of a name belong: beside those that count already, else at the registered domain, so that one serves all names below. */
static const char *advice_owner(struct survey *s, const struct preflight_view *view)
{
    const struct caa_rrset *rrset = view->finding.rrset;
    const char *base = strncmp(view->name, "*.", 2) == 0 ? view->name + 2 : view->name;
    AUTO(mem_fini)
    char *registered = name_registered_domain(base);
    if (rrset != NULL && !rrset->is_unknown && dns_name_is_below(rrset->owner, registered))
        return arena_strdup(s->arena, rrset->at != NULL ? rrset->at : rrset->owner);
    return arena_strdup(s->arena, registered);
}

static void advice_add(struct survey *s, struct survey_view *view, struct caa_advice *list,
                       const struct preflight_view *name)
{
    bool wildcard = name->name[0] == '*';
    struct caa_advice advice = {.owner = advice_owner(s, name),
                                .tag = wildcard ? "issuewild" : "issue"};
    for (size_t i = 0; i < view->n_advice; i++)
        if (strcmp(list[i].owner, advice.owner) == 0 && strcmp(list[i].tag, advice.tag) == 0)
            return;
    AUTO(buf_fini)
    struct buf value = BUF(VALUE_MAX);
    struct caa_who who = {view->identities, view->n_identities, view->account_url,
                          challenge_name(view->set->challenge), wildcard};
    caa_recommend(&who, &value);
    advice.value = arena_strdup(s->arena, buf_cstr(&value));
    list[view->n_advice++] = advice;
}

static void advice_make(struct survey *s, struct survey_view *view)
{
    struct caa_advice *list = arena_alloc(s->arena, (view->n_names + 1) * sizeof *list);
    for (size_t i = 0; view->n_identities > 0 && i < view->n_names; i++) {
        struct preflight_view name = preflight_view(view->preflight, i);
        advice_add(s, view, list, &name);
    }
    view->advice = list;
}

/* ---- profiles ---- */

/* A profile that the directory of the store does not list may be there by now. False: a signal came. */
static bool profile_look(struct survey *s, struct known_ca *ca, const char *profile,
                         struct err *ret_fault)
{
    if (!ca->is_fetched && ca->directory != NULL && !profile_is_offered(ca->directory, profile) &&
        !directory_fetch(s, ca))
        return false;
    if (ca->directory != NULL)
        profile_check(ca->directory, profile, ret_fault);
    return true;
}

/* ---- a set ---- */

static void survey_over(void *arg)
{
    struct survey *s = arg;
    s->is_done = true;
}

static bool survey_authority(struct survey *s, const struct set_config *set, struct known_ca *ca,
                             survey_told *told, void *arg)
{
    struct err profile_fault = {0};
    const char *profile = set_profile_of(set, ca->config->name, ca->config->directory);
    if (!profile_look(s, ca, profile, &profile_fault))
        return false;
    struct survey_view view = {.set = set,
                               .authority = ca->config,
                               .profile = profile,
                               .profile_fault = &profile_fault,
                               .account_url = ca->account_url,
                               .note = ca->note != NULL ? ca->note : "",
                               .judges_dnssec =
                                   preflight_judges_dnssec(s->house->config, ca->config),
                               .n_names = set->n_names};
    if (!ca->config->checks_caa)
        view.note = "CAA is not looked at: `caa: ignore`";
    else if (!preflight_identities(ca->config->directory, ca->directory, &view.identities,
                                   &view.n_identities) &&
             view.note[0] == '\0')
        view.note = "CAA cannot be judged: the CA's directory does not say by which names it goes";
    struct preflight_wish wish = {.names = (const char *const *)set->names,
                                  .n_names = set->n_names,
                                  .identities = view.identities,
                                  .n_identities = view.n_identities,
                                  .judges_dnssec = view.judges_dnssec,
                                  .account_url = ca->account_url,
                                  .method = challenge_name(set->challenge)};
    s->is_done = false;
    struct preflight *p = preflight_start(s->preflights, &wish, survey_over, s);
    bool ok = survey_wait(s);
    view.preflight = p;
    if (ok) {
        advice_make(s, &view);
        told(arg, &view);
    }
    preflight_free(p);
    arena_reset(s->arena);
    return ok;
}

bool survey_set(struct survey *s, const struct set_config *set, survey_told *told, void *arg)
{
    for (char **name = set->authorities; *name != NULL; name++) {
        struct known_ca *ca = ca_learn(s, *name);
        if (ca == NULL || !survey_authority(s, set, ca, told, arg))
            return false;
    }
    return true;
}
