#include "acme/persist.h"
#include "inventory/persist_row.h"
#include "leader/persist_inside.h"

struct making {
    struct errand *errand;
    const struct set_config *set;
    const struct persist_options *options;
    struct persist_report *report;
};

static void line_fini(struct persist_line *line)
{
    char *const texts[] = {line->authority, line->directory, line->account_url, line->form,
                           line->base,      line->challenge, line->alias,       line->value};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        mem_free(texts[i]);
}

void persist_report_fini(struct persist_report *report)
{
    for (size_t i = 0; i < report->n; i++)
        line_fini(&report->lines[i]);
    mem_free(report->lines);
    *report = (struct persist_report){0};
}

/* ---- names ---- */

static const char *base_of(const char *name)
{
    return strncmp(name, "*.", 2) == 0 ? name + 2 : name;
}

static bool base_is_first(const struct set_config *set, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (strcmp(base_of(set->names[k]), base_of(set->names[i])) == 0)
            return false;
    return true;
}

static bool base_has_wildcard(const struct set_config *set, const char *base)
{
    for (size_t i = 0; i < set->n_names; i++)
        if (set->names[i][0] == '*' && strcmp(base_of(set->names[i]), base) == 0)
            return true;
    return false;
}

/* ---- who the CA is ---- */

static bool offer_stored(struct house *house, const char *directory, struct persist_offer *ret)
{
    struct rows rows;
    bool found = false;
    if (!store_query(house->store, &rows, NULL, SQL_PERSIST_OFFER, "t", directory))
        return false;
    if (rows_next(&rows))
        found = persist_offer_parse(rows_text(&rows, 0), ret);
    rows_end(&rows, NULL);
    return found;
}

static bool offer_find(const struct making *m, struct persist_offer *ret, bool *ret_guessed,
                       struct err *err)
{
    const struct ca *ca = m->errand->ca;
    struct persist_offer guess = {0};
    struct err why = {0};
    bool is_told = offer_stored(m->errand->house, ca_directory_url(ca), ret);
    /* Also where an order told: whether the account may be entered at all is judged afresh. */
    bool is_good = persist_offer_guess(ca_directory(ca), ca_account_url(ca), &guess, &why);
    *ret_guessed = !is_told;
    if (is_told && (is_good || why.kind == ERR_ABSENT)) {
        persist_offer_fini(&guess);
        return true;
    }
    if (!is_told && is_good) {
        *ret = guess;
        return true;
    }
    if (is_told)
        persist_offer_fini(ret);
    if (why.kind != ERR_ABSENT)
        return err_set(err, why.kind, "%s", why.text);
    return err_set(err, ERR_CONFIG,
                   "%s: what the CA calls itself in such records is told with its first challenge: "
                   "run `chancery issue %s` once with `challenge: dns-persist-01`; it fails, and "
                   "then this command knows",
                   why.text, m->set->name);
}

/* ---- one line ---- */

struct
    standing { /* the record of the set that stands already for the same name and CA, and would do */
    const struct making *m;
    const struct persist_want *want;
    struct persist_line *line;
    int64_t life_ms; /* of the newest one, whether it would do or not; 0: without an end */
};

static bool standing_visit(void *arg, const struct persist_row *row)
{
    struct standing *s = arg;
    int64_t now_ms = house_now(s->m->errand->house);
    if (!row->present || strcmp(row->directory, s->line->directory) != 0 ||
        strcmp(row->identifier, s->line->base) != 0)
        return true;
    s->life_ms = row->until_at_ms != 0 ? row->until_at_ms - row->created_at_ms : 0;
    bool is_near =
        row->until_at_ms != 0 &&
        now_ms >= row->until_at_ms - persist_margin_ms(row->created_at_ms, row->until_at_ms);
    if (is_near || persist_match(str_of(row->value), s->want, now_ms) != PERSIST_FITS)
        return true;
    mem_set_str(&s->line->value, row->value);
    s->line->until_at_ms = row->until_at_ms;
    s->line->stands = row->published_at_ms != 0;
    return true;
}

/* Asked again without a time, a record keeps its end; near it, it gets another life as long as the last. */
static bool value_choose(const struct making *m, const struct persist_want *want,
                         struct persist_line *line, struct err *err)
{
    struct standing standing = {.m = m, .want = want, .line = line};
    struct house *house = m->errand->house;
    AUTO(buf_fini)
    struct buf record = BUF(PERSIST_RECORD_MAX);
    if (!persist_each(house, m->set->name, standing_visit, &standing, err))
        return false;
    if (line->value != NULL &&
        (m->options->until_at_ms == 0 ||
         m->options->until_at_ms / MS_SECOND == line->until_at_ms / MS_SECOND))
        return true;
    line->stands = false;
    line->until_at_ms = m->options->until_at_ms;
    if (line->until_at_ms == 0 && standing.life_ms > 0)
        line->until_at_ms = house_now(house) + standing.life_ms;
    line->until_at_ms -= line->until_at_ms % MS_SECOND;
    persist_want_format(want, line->until_at_ms / MS_SECOND, &record);
    mem_free(line->value);
    line->value = buf_take(&record);
    return true;
}

static bool line_make(const struct making *m, const char *base, struct err *err)
{
    struct ca *ca = m->errand->ca;
    struct persist_report *report = m->report;
    struct persist_offer offer = {0};
    struct persist_want want;
    bool is_guessed = false;
    AUTO(buf_fini)
    struct buf challenge = BUF(512);
    if (!offer_find(m, &offer, &is_guessed, err))
        return err_wrap(err, "authority %s", ca_config(ca)->name);
    challenge_owner(CHALLENGE_DNS_PERSIST_01, base, NULL, &challenge);
    report->lines = mem_grow(report->lines, report->n, report->n + 1, sizeof(struct persist_line));
    struct persist_line *line = &report->lines[report->n++];
    *line = (struct persist_line){
        .authority = mem_strdup(ca_config(ca)->name),
        .directory = mem_strdup(ca_directory_url(ca)),
        .account_url = mem_strdup(ca_account_url(ca)),
        .form = mem_strdup(offer.form == PERSIST_HASHED ? "hashed" : "plain"),
        .base = mem_strdup(base),
        .challenge = buf_take(&challenge),
        .alias = mem_strdup(m->set->challenge_alias),
        .account_id = ca_account_id(ca),
        .is_guessed = is_guessed,
    };
    persist_want_init(&want, &offer, ca_directory(ca), base,
                      m->options->wildcard || base_has_wildcard(m->set, base), ca_thumbprint(ca),
                      ca_account_url(ca));
    bool ok = value_choose(m, &want, line, err);
    persist_want_fini(&want);
    return ok;
}

static bool account_is_known(struct errand *errand, struct err *err)
{
    int64_t n = 0;
    if (!store_int(errand->house->store, 0, &n, err, SQL_PERSIST_N_ACCOUNTS, "t",
                   ca_directory_url(errand->ca)))
        return false;
    return n > 0 || err_set(err, ERR_CONFIG,
                            "there is no account at %s yet, and the record names it: chancery "
                            "account register %s",
                            ca_config(errand->ca)->name, ca_config(errand->ca)->name);
}

bool persist_lines_make(struct errand *errand, const struct set_config *set,
                        const struct persist_options *options, bool may_register,
                        struct persist_report *report, struct err *err)
{
    struct making m = {errand, set, options, report};
    for (size_t a = 0; set->authorities[a] != NULL; a++) {
        if (!ca_open(errand->office, set->authorities[a], &errand->ca, err) ||
            (!may_register && !account_is_known(errand, err)) || !errand_prepare(errand, err))
            return false;
        for (size_t i = 0; i < set->n_names; i++)
            if (base_is_first(set, i) && !line_make(&m, base_of(set->names[i]), err))
                return false;
    }
    return true;
}
