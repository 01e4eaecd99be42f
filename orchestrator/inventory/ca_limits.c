#include "inventory/ca_limits.h"

#include "base/clock.h"
#include "config/table.h"
#include "dns-providers/builtin.h"
#include "inventory/config_inside.h"

enum { KEPT_PERCENT = 10, SPAN_DAYS_MAX = 10000 };

static const struct {
    const char *name, *what;
    bool is_shared;
} kinds[CA_LIMIT_N] = {
#define X(kind, name, is_shared, what) [CA_LIMIT_##kind] = {name, what, is_shared},
#include "inventory/ca_limits.def"
#undef X
};

const char *ca_limit_name(enum ca_limit limit)
{
    return kinds[limit].name;
}

const char *ca_limit_what(enum ca_limit limit)
{
    return kinds[limit].what;
}

bool ca_limit_is_shared(enum ca_limit limit)
{
    return kinds[limit].is_shared;
}

bool ca_limit_find(const char *name, enum ca_limit *ret)
{
    for (size_t i = 0; i < CA_LIMIT_N; i++)
        if (strcmp(kinds[i].name, name) == 0) {
            *ret = (enum ca_limit)i;
            return true;
        }
    return false;
}

void ca_limits_fini(struct ca_limits *limits)
{
    mem_free(limits->file);
    mem_free(limits->source);
    mem_free(limits->as_of);
    *limits = (struct ca_limits){0};
}

bool ca_rate_parse(const char *text, struct ca_rate *ret)
{
    struct str whole = str_of(text);
    size_t slash = str_find_char(whole, '/');
    struct ca_rate rate = {0};
    if (slash == whole.len || !str_to_i64(str_mem(whole.p, slash), &rate.count) || rate.count < 1 ||
        rate.count > INT32_MAX ||
        !duration_parse(str_mem(whole.p + slash + 1, whole.len - slash - 1), &rate.period_ms) ||
        rate.period_ms < MS_SECOND || rate.period_ms > SPAN_DAYS_MAX * MS_DAY)
        return false;
    rate.bucket = gcra_bucket(rate.count, rate.period_ms);
    *ret = rate;
    return true;
}

void ca_rate_format(const struct ca_rate *rate, struct buf *out)
{
    char period[TIME_TEXT_MAX];
    duration_format(rate->period_ms, period);
    buf_printf(out, "%lld in %s", (long long)rate->count, period);
}

/* ---- a file ---- */

#define RATE_ROW(key, what)                                                                        \
    {                                                                                              \
        .name = (key), .kind = SETTING_TEXT, .sentence = (what)                                    \
    }
static const struct setting file_settings[] = {
    {.name = "directories",
     .kind = SETTING_TEXTS,
     .min = 1,
     .max = 16,
     .sentence = "URLs of the directories it is about."},
    {.name = "source", .kind = SETTING_TEXT, .sentence = "Where the CA says so."},
    {.name = "as_of", .kind = SETTING_TEXT, .sentence = "The day on which it was read."},
#define X(kind, name, is_shared, what) RATE_ROW(name, what),
#include "inventory/ca_limits.def"
#undef X
    {.name = "same_set_within",
     .kind = SETTING_DURATION,
     .sentence = "A set of names issued in this time counts for `set` only."},
    {.name = "replaced_in_window",
     .kind = SETTING_BOOL,
     .otherwise = "false",
     .sentence = "An order that names its predecessor inside the CA's window is not limited."},
};
static const struct section section_file = {.name = "limits of a CA",
                                            .sentence = "What a CA limits.",
                                            .settings = file_settings,
                                            .n = sizeof file_settings / sizeof file_settings[0]};

static void rates_fill(struct reader *r, const struct json *tree, struct ca_limits *ret)
{
    for (size_t i = 0; i < CA_LIMIT_N; i++) {
        const char *text = json_text(tree, kinds[i].name);
        if (text != NULL && !ca_rate_parse(text, &ret->rates[i]))
            reader_say(r, r->raw, kinds[i].name,
                       "%s: \"%.40s\" is no rate; write how many in how long, e.g. 300/3h",
                       kinds[i].name, text);
    }
}

bool ca_limits_parse(struct str text, const char *file, struct ca_limits *ret,
                     char ***ret_directories, struct err *err)
{
    AUTO(yaml_fini)
    struct yaml *yaml = NULL;
    if (!yaml_parse(text, file, &yaml, err))
        return false;
    AUTO(reader_fini)
    struct reader r = {.file = file, .yaml = yaml, .raw = yaml_tree(yaml)};
    AUTO(json_fini)
    struct json *tree = table_check(yaml, r.raw, &section_file, &r.complaints);
    struct ca_limits limits = {.kept_percent = KEPT_PERCENT,
                               .same_set_ms = json_int(tree, "same_set_within", 0),
                               .replaced_in_window = json_bool(tree, "replaced_in_window", false)};
    if (tree != NULL)
        rates_fill(&r, tree, &limits);
    if (!reader_is_content(&r, err))
        return false;
    limits.file = mem_strdup(file);
    limits.source = mem_strdup(json_text(tree, "source"));
    limits.as_of = mem_strdup(json_text(tree, "as_of"));
    if (ret_directories != NULL)
        *ret_directories = texts_from(json_find(tree, "directories"));
    *ret = limits;
    return true;
}

/* The files are few and small, and this is asked once a run and directory. */
void ca_limits_builtin(const char *directory, struct ca_limits *ret)
{
    for (const struct builtin_manifest *m = builtin_limits; m->name != NULL; m++) {
        struct ca_limits limits = {0};
        char **directories = NULL;
        bool fits = false;
        CHECK(ca_limits_parse(str_mem(m->text, m->len), m->name, &limits, &directories, NULL));
        for (size_t i = 0; directories[i] != NULL; i++)
            fits = fits || strcmp(directories[i], directory) == 0;
        texts_free(directories);
        if (fits) {
            *ret = limits;
            return;
        }
        ca_limits_fini(&limits);
    }
    *ret = (struct ca_limits){.kept_percent = KEPT_PERCENT};
}
