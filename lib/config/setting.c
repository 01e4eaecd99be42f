#include "config/table_inside.h"

#include "base/clock.h"

#include <inttypes.h>
#include <stdio.h>

enum { FOUND_MAX = 160, SHOWN_MAX = 40 };

/* kind, name in documents, what is expected, example */
#define KINDS(X)                                                                                   \
    X(TEXT, "text", "a text", "\"some text\"")                                                     \
    X(INT, "whole number", "a whole number", "10")                                                 \
    X(BOOL, "true or false", "true or false", "true")                                              \
    X(DURATION, "duration", "a duration (number and unit ms, s, m, h or d)", "10m")                \
    X(MODE, "file mode", "a file mode in quotes", "\"0640\"")                                      \
    X(SECRET, "secret", "a reference to a secret (file:, cred:, exec: or env:)",                   \
      "file:/etc/chancery/secret")                                                                 \
    X(TEXTS, "list of texts", "a text or a list of texts", "[one, two]")                           \
    X(ARGV, "program and arguments", "a list: the program and its arguments",                      \
      "[/usr/sbin/nginx, -t]")                                                                     \
    X(SECTION, "section", "a block of settings (key: value)", "{...}")                             \
    X(SECTIONS, "list of sections", "a list of blocks of settings (- key: value)", "[{...}]")      \
    X(MAP, "named sections", "a block of names, each with its settings", "{name: {...}}")          \
    X(SECRET_MAP, "named secrets", "a block of names, each with a reference to a secret",          \
      "{NAME: file:/etc/chancery/secret}")                                                         \
    X(ANY, "anything", "a value", "...")

static const struct {
    const char *name, *expected, *example;
} kinds[] = {
#define X(kind, name, expected, example) [SETTING_##kind] = {name, expected, example},
    KINDS(X)
#undef X
};
_Static_assert(sizeof kinds / sizeof kinds[0] == SETTING_ANY + 1, "words for each kind");

const char *setting_kind_name(enum setting_kind kind)
{
    return kinds[kind].name;
}

const char *setting_example(const struct setting *s, char out[80])
{
    struct str rest = str_of(s->choices), first;
    if (s->choices == NULL || !str_split(&rest, '|', &first))
        return kinds[s->kind].example;
    snprintf(out, 80, s->kind == SETTING_TEXTS ? "[%.*s]" : "%.*s", STR_ARG(first));
    return out;
}

/* "the text "soon"", cut and on one line. */
static const char *found_words(const struct json *value, char out[FOUND_MAX])
{
    const char *text = json_as_text(value);
    AUTO(buf_fini)
    struct buf shown = BUF(4 * SHOWN_MAX + 8);
    switch (json_type(value)) {
    case JSON_TEXT:
        text_escape(&shown, str_of(text), SHOWN_MAX);
        snprintf(out, FOUND_MAX, "the text \"%s\"", buf_cstr(&shown));
        return out;
    case JSON_INT:
        snprintf(out, FOUND_MAX, "the number %" PRId64, json_as_int(value, 0));
        return out;
    case JSON_BOOL:
        return json_as_bool(value, false) ? "true" : "false";
    case JSON_NULL:
        return "nothing";
    case JSON_OBJECT:
        return "a block of settings";
    case JSON_ARRAY:
        return "a list";
    case JSON_REAL:
        break;
    }
    return "a number";
}

static struct json *wrong_type(struct walk *w, const struct setting *s, const struct spot *spot,
                               const char *hint)
{
    char found[FOUND_MAX], example[80];
    const char *what =
        s->choices != NULL && s->kind == SETTING_TEXT ? "a text" : kinds[s->kind].expected;
    return walk_complain(
        w, spot, "%s is expected, e.g. %s: %s; found %s%s", what, s->name,
        setting_example(s, example),
        s->kind == SETTING_SECRET ? "something else" : found_words(spot->value, found), hint);
}

static bool is_limited(const struct setting *s)
{
    return s->min != 0 || s->max != 0;
}

/* unit: "", " bytes", " texts". */
static bool within(struct walk *w, const struct setting *s, const struct spot *spot, int64_t value,
                   const char *unit)
{
    if (!is_limited(s) || (value >= s->min && value <= s->max))
        return true;
    walk_complain(w, spot, "%" PRId64 "%s: must lie between %" PRId64 " and %" PRId64, value, unit,
                  s->min, s->max);
    return false;
}

static bool choice_fits(const char *choices, struct str text)
{
    struct str rest = str_of(choices), choice;
    while (str_split(&rest, '|', &choice))
        if (str_eq(choice, text))
            return true;
    return false;
}

static void choice_complain(struct walk *w, const struct setting *s, const struct spot *spot)
{
    enum { CHOICES_MAX = 32 };
    const char *names[CHOICES_MAX];
    AUTO(mem_fini)
    char *copy = mem_strdup(s->choices);
    AUTO(buf_fini)
    struct buf list = BUF(1024);
    char found[FOUND_MAX];
    size_t n = 0;
    for (char *p = copy; p != NULL && n < CHOICES_MAX; n++) {
        char *bar = strchr(p, '|');
        if (bar != NULL)
            *bar = '\0';
        names[n] = p;
        buf_printf(&list, "%s%s", n > 0 ? ", " : "", p);
        p = bar != NULL ? bar + 1 : NULL;
    }
    const char *near = table_suggest(json_as_text(spot->value), names, n);
    walk_complain(w, spot, "one of %s is expected; found %s%s%s%s", buf_cstr(&list),
                  found_words(spot->value, found), near != NULL ? "; did you mean \"" : "",
                  near != NULL ? near : "", near != NULL ? "\"?" : "");
}

/* Newlines and tabs may stand in a text (a pasted PEM); what steers a terminal may not. */
static bool text_is_clean(const char *text)
{
    for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++)
        if ((*p < 0x20 && *p != '\n' && *p != '\t') || *p == 0x7f)
            return false;
    return true;
}

/* What a text of any kind must be: clean, one of the choices. */
static struct json *text_judge(struct walk *w, const struct setting *s, const struct spot *spot)
{
    const char *text = json_as_text(spot->value);
    if (!text_is_clean(text))
        return walk_complain(w, spot, "a control character cannot stand in this text");
    if (s->choices != NULL && !choice_fits(s->choices, str_of(text))) {
        choice_complain(w, s, spot);
        return NULL;
    }
    return json_new_text(text);
}

static struct json *text_check(struct walk *w, const struct setting *s, const struct spot *spot)
{
    const char *text = json_as_text(spot->value);
    if (text == NULL)
        return wrong_type(w, s, spot,
                          json_is(spot->value, JSON_INT) || json_is(spot->value, JSON_BOOL)
                              ? "; put it in quotes"
                              : "");
    if (s->choices == NULL && !within(w, s, spot, (int64_t)strlen(text), " bytes"))
        return NULL;
    if (text[0] == '\0' && s->required && s->choices == NULL)
        return walk_complain(w, spot, "must not be empty");
    return text_judge(w, s, spot);
}

static struct json *int_check(struct walk *w, const struct setting *s, const struct spot *spot)
{
    int64_t value;
    const char *text = json_as_text(spot->value);
    if (!json_is(spot->value, JSON_INT)) {
        bool quoted =
            text != NULL && !yaml_is_plain(w->doc, spot->value) && str_to_i64(str_of(text), &value);
        return wrong_type(w, s, spot, quoted ? "; leave the quotes away" : "");
    }
    value = json_as_int(spot->value, 0);
    return within(w, s, spot, value, "") ? json_new_int(value) : NULL;
}

static struct json *bool_check(struct walk *w, const struct setting *s, const struct spot *spot)
{
    if (!json_is(spot->value, JSON_BOOL))
        return wrong_type(w, s, spot, "");
    return json_new_bool(json_as_bool(spot->value, false));
}

static struct json *duration_check(struct walk *w, const struct setting *s, const struct spot *spot)
{
    int64_t ms;
    char least[TIME_TEXT_MAX], most[TIME_TEXT_MAX], given[TIME_TEXT_MAX];
    const char *text = json_as_text(spot->value);
    if (text == NULL || !duration_parse(str_of(text), &ms))
        return wrong_type(w, s, spot, json_is(spot->value, JSON_INT) ? " without a unit" : "");
    if (!is_limited(s) || (ms >= s->min && ms <= s->max))
        return json_new_int(ms);
    duration_format(ms, given);
    duration_format(s->min, least);
    duration_format(s->max, most);
    return walk_complain(w, spot, "%s: must lie between %s and %s", given, least, most);
}

bool setting_mode_parse(struct str text, int64_t *ret_mode)
{
    int64_t mode = 0;
    if (text.len < 3 || text.len > 5 || (text.len == 5 && text.p[0] != '0'))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.p[i] < '0' || text.p[i] > '7')
            return false;
        mode = mode * 8 + (text.p[i] - '0');
    }
    *ret_mode = mode;
    return true;
}

static struct json *mode_check(struct walk *w, const struct setting *s, const struct spot *spot)
{
    int64_t mode;
    const char *text = json_as_text(spot->value);
    if (json_is(spot->value, JSON_INT) || (text != NULL && yaml_is_plain(w->doc, spot->value)))
        return wrong_type(w, s, spot, "; without quotes programs read it as different numbers");
    if (text == NULL || !setting_mode_parse(str_of(text), &mode))
        return wrong_type(w, s, spot, "");
    if (is_limited(s) && (mode < s->min || mode > s->max))
        return walk_complain(w, spot, "%04o: must lie between %04o and %04o", (unsigned)mode,
                             (unsigned)s->min, (unsigned)s->max);
    return json_new_int(mode);
}

/* What stands here may be the secret itself, so it is never shown. */
static struct json *secret_check(struct walk *w, const struct setting *s, const struct spot *spot)
{
    static const char *const schemes[] = {"file:", "cred:", "exec:", "env:"};
    const char *text = json_as_text(spot->value);
    for (size_t i = 0; text != NULL && i < sizeof schemes / sizeof schemes[0]; i++)
        if (str_starts(str_of(text), str_of(schemes[i])) && text[strlen(schemes[i])] != '\0') {
            if (!text_is_clean(text))
                return walk_complain(w, spot, "a control character cannot stand in a reference");
            return json_new_text(text);
        }
    return walk_complain(w, spot,
                         "a secret is given by reference, never bare: %s: file:/etc/chancery/NAME, "
                         "cred:NAME (systemd), "
                         "exec:PROGRAM or env:NAME",
                         s->name);
}

static struct json *texts_check(struct walk *w, const struct setting *s, const struct spot *spot)
{
    struct setting item = *s;
    struct json *out = json_array();
    bool ok = true;
    item.kind = SETTING_TEXT;
    item.min = item.max = 0;
    if (json_is(spot->value, JSON_ARRAY)) {
        for (size_t i = 0; i < json_len(spot->value); i++) {
            struct spot at = {json_at(spot->value, i), spot->value, NULL, i};
            struct json *text = json_as_text(at.value) != NULL ? text_judge(w, &item, &at)
                                                               : text_check(w, &item, &at);
            ok = text != NULL && ok;
            if (text != NULL)
                json_push(out, text);
        }
    } else {
        struct json *text = json_as_text(spot->value) != NULL ? text_judge(w, &item, spot)
                                                              : wrong_type(w, s, spot, "");
        ok = text != NULL;
        if (ok)
            json_push(out, text);
    }
    if (ok && s->required && json_len(out) == 0)
        ok = walk_complain(w, spot, "the list is empty; at least one is needed") != NULL;
    ok = ok && within(w, s, spot, (int64_t)json_len(out), json_len(out) == 1 ? " text" : " texts");
    if (ok)
        return out;
    json_free(out);
    return NULL;
}

/* The words of "nginx -t" as they should have been written. */
static struct json *argv_as_list(struct walk *w, const struct setting *s, const struct spot *spot)
{
    AUTO(buf_fini)
    struct buf words = BUF(256);
    struct str rest = str_of(json_as_text(spot->value)), word;
    while (str_split(&rest, ' ', &word))
        if (word.len > 0)
            buf_printf(&words, "%s%.*s", words.len > 0 ? ", " : "", STR_ARG(word));
    return walk_complain(
        w, spot, "programs are given as a list of words, because no shell is used: %s: [%s]",
        s->name, buf_cstr(&words));
}

static struct json *argv_check(struct walk *w, const struct setting *s, const struct spot *spot)
{
    if (json_as_text(spot->value) != NULL)
        return argv_as_list(w, s, spot);
    if (!json_is(spot->value, JSON_ARRAY) || json_len(spot->value) == 0)
        return wrong_type(w, s, spot, "");
    struct setting item = *s;
    item.required = true;
    struct json *out = texts_check(w, &item, spot);
    const char *program = out != NULL ? json_as_text(json_at(out, 0)) : NULL;
    if (out == NULL || program[0] != '\0')
        return out;
    json_free(out);
    return walk_complain(w, spot, "the first word is the program and must not be empty");
}

static struct json *sections_check(struct walk *w, const struct setting *s, const struct spot *spot)
{
    if (!json_is(spot->value, JSON_ARRAY))
        return wrong_type(w, s, spot,
                          json_is(spot->value, JSON_OBJECT) ? "; put \"- \" before its first key"
                                                            : "");
    struct json *out = json_array();
    size_t before = w->path.len;
    for (size_t i = 0; i < json_len(spot->value); i++) {
        struct spot at = {json_at(spot->value, i), spot->value, NULL, i};
        buf_printf(&w->path, "[%zu]", i + 1);
        struct json *checked = section_check(w, s->section, &at);
        if (checked != NULL)
            json_push(out, checked);
        buf_cut(&w->path, before);
    }
    if (within(w, s, spot, (int64_t)json_len(spot->value), " items"))
        return out;
    json_free(out);
    return NULL;
}

static bool name_is_good(struct str name)
{
    if (name.len == 0 || name.len > 64)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.p[i];
        bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '-' || c == '_';
        if (!good)
            return false;
    }
    return true;
}

/* One member of a map: a section, a text or a reference. */
static struct json *entry_check(struct walk *w, const struct setting *s, const struct spot *at)
{
    if (s->kind == SETTING_SECRET_MAP)
        return secret_check(w, &(struct setting){.name = at->key}, at);
    return s->section != NULL ? section_check(w, s->section, at) : text_check(w, s, at);
}

static struct json *map_check(struct walk *w, const struct setting *s, const struct spot *spot)
{
    void *position = NULL;
    const char *key;
    const struct json *value;
    if (!json_is(spot->value, JSON_OBJECT))
        return wrong_type(w, s, spot, "");
    struct json *out = json_object();
    while (json_next(spot->value, &position, &key, &value)) {
        struct spot at = {value, spot->value, key, 0};
        size_t before = w->path.len;
        if (!name_is_good(str_of(key))) {
            complaints_add_key(
                w->complaints, w->doc, spot->value, key,
                "%s: \"%.80s\" cannot be a name: use 1 to 64 letters, digits, \"-\" and \"_\"",
                buf_cstr(&w->path), key);
            w->failed = true;
        }
        buf_printf(&w->path, ".%s", key);
        struct json *checked = entry_check(w, s, &at);
        if (checked != NULL)
            json_set(out, key, checked);
        buf_cut(&w->path, before);
    }
    return out;
}

static struct json *part_check(struct walk *w, const struct setting *s, const struct spot *spot)
{
    if (!json_is(spot->value, JSON_OBJECT))
        return wrong_type(w, s, spot, "");
    return section_check(w, s->section, spot);
}

static struct json *any_check(struct walk *w, const struct setting *s, const struct spot *spot)
{
    (void)w;
    (void)s;
    return json_copy(spot->value);
}

typedef struct json *check(struct walk *w, const struct setting *s, const struct spot *spot);

struct json *setting_check(struct walk *w, const struct setting *s, const struct spot *spot)
{
    static check *const checks[] = {
        [SETTING_TEXT] = text_check,    [SETTING_INT] = int_check,
        [SETTING_BOOL] = bool_check,    [SETTING_DURATION] = duration_check,
        [SETTING_MODE] = mode_check,    [SETTING_SECRET] = secret_check,
        [SETTING_TEXTS] = texts_check,  [SETTING_ARGV] = argv_check,
        [SETTING_SECTION] = part_check, [SETTING_SECTIONS] = sections_check,
        [SETTING_MAP] = map_check,      [SETTING_SECRET_MAP] = map_check,
        [SETTING_ANY] = any_check,
    };
    _Static_assert(sizeof checks / sizeof checks[0] == SETTING_ANY + 1, "a check for each kind");
    if (json_is(spot->value, JSON_NULL) && s->kind != SETTING_ANY && s->kind != SETTING_SECRET)
        return wrong_type(w, s, spot, "; remove the key to leave it out");
    return checks[s->kind](w, s, spot);
}
