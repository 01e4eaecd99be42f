#include "config/table_inside.h"

#include "base/clock.h"

#include <inttypes.h>
#include <stdio.h>

enum { SECTIONS_MAX = 128, DEPTH_MAX = 16 };

struct book {
    struct buf *out;
    const struct section *written[SECTIONS_MAX];
    size_t n;
};

static void cell_add(struct buf *out, const char *text)
{
    for (const char *p = text; p != NULL && *p != '\0'; p++)
        if (*p == '|')
            buf_add_cstr(out, "\\|");
        else
            buf_add_char(out, *p == '\n' ? ' ' : *p);
}

static void choices_add(struct buf *out, const char *choices)
{
    struct str rest = str_of(choices), choice;
    bool first = true;
    while (str_split(&rest, '|', &choice)) {
        buf_printf(out, "%s`%.*s`", first ? "" : ", ", STR_ARG(choice));
        first = false;
    }
}

static void limits_add(struct buf *out, const struct setting *s)
{
    char least[TIME_TEXT_MAX], most[TIME_TEXT_MAX];
    if (s->min == 0 && s->max == 0)
        return;
    if (s->kind == SETTING_DURATION) {
        duration_format(s->min, least);
        duration_format(s->max, most);
        buf_printf(out, ", %s to %s", least, most);
    } else if (s->kind == SETTING_MODE) {
        buf_printf(out, ", %04o to %04o", (unsigned)s->min, (unsigned)s->max);
    } else {
        buf_printf(out, ", %" PRId64 " to %" PRId64 "%s", s->min, s->max,
                   s->kind == SETTING_TEXT || s->kind == SETTING_MAP ? " bytes" : "");
    }
}

static void row_add(struct buf *out, const struct setting *s)
{
    buf_printf(out, "| `%s` | ", s->name);
    if (s->choices != NULL && s->kind != SETTING_TEXTS)
        choices_add(out, s->choices);
    else
        buf_add_cstr(out, s->kind == SETTING_MAP && s->section == NULL
                              ? "named texts"
                              : setting_kind_name(s->kind));
    if (s->choices != NULL && s->kind == SETTING_TEXTS) {
        buf_add_cstr(out, " of ");
        choices_add(out, s->choices);
    }
    if (s->section != NULL)
        buf_printf(out, ": see %s", s->section->name);
    limits_add(out, s);
    buf_add_cstr(out, " | ");
    if (s->otherwise != NULL) {
        buf_add_char(out, '`');
        cell_add(out, s->otherwise);
        buf_add_char(out, '`');
    } else {
        buf_add_cstr(out, s->required ? "**required**" : "");
    }
    buf_add_cstr(out, " | ");
    cell_add(out, s->sentence);
    buf_add_cstr(out, " |\n");
}

static void section_write(struct book *book, const struct section *section, int level)
{
    for (size_t i = 0; i < book->n; i++)
        if (book->written[i] == section)
            return;
    CHECK(book->n < SECTIONS_MAX);
    book->written[book->n++] = section;
    for (int i = 0; i < level; i++)
        buf_add_char(book->out, '#');
    buf_printf(book->out, " %s\n\n", section->name);
    if (section->sentence != NULL)
        buf_printf(book->out, "%s\n\n", section->sentence);
    buf_add_cstr(book->out, "| Setting | Kind | Default | Meaning |\n|---|---|---|---|\n");
    for (size_t i = 0; i < section->n; i++)
        row_add(book->out, &section->settings[i]);
    buf_add_char(book->out, '\n');
    for (size_t i = 0; i < section->n; i++)
        if (section->settings[i].section != NULL)
            section_write(book, section->settings[i].section, level < 6 ? level + 1 : 6);
}

void table_document(const struct section *section, int heading_level, struct buf *out)
{
    struct book book = {.out = out};
    section_write(&book, section, heading_level);
}

static struct json *section_schema(const struct section *section, int depth);

static struct json *schema_of(const char *type)
{
    return json_set_text(json_object(), "type", type);
}

static void schema_range(struct json *schema, const struct setting *s, const char *least,
                         const char *most)
{
    if (s->min == 0 && s->max == 0)
        return;
    json_set_int(schema, least, s->min);
    json_set_int(schema, most, s->max);
}

static struct json *text_schema(const struct setting *s)
{
    struct json *schema = schema_of("string");
    if (s->choices == NULL)
        return schema;
    struct json *list = json_array();
    struct str rest = str_of(s->choices), choice;
    while (str_split(&rest, '|', &choice))
        json_push(list, json_new_text_str(choice));
    return json_set(schema, "enum", list);
}

static struct json *pattern_schema(const char *pattern)
{
    return json_set_text(schema_of("string"), "pattern", pattern);
}

static struct json *list_schema(struct json *take_item, const struct setting *s)
{
    struct json *schema = json_set(schema_of("array"), "items", take_item);
    schema_range(schema, s, "minItems", "maxItems");
    return schema;
}

static struct json *texts_schema(const struct setting *s)
{
    struct json *either = json_array();
    json_push(either, text_schema(s));
    json_push(either, list_schema(text_schema(s), s));
    return json_set(json_object(), "anyOf", either);
}

static struct json *map_schema(const struct setting *s, int depth)
{
    struct json *schema = schema_of("object");
    json_set(schema, "propertyNames",
             json_set_text(json_object(), "pattern", "^[A-Za-z0-9_-]{1,64}$"));
    struct json *value = s->kind == SETTING_SECRET_MAP ? pattern_schema("^(file|cred|exec|env):.")
                         : s->section != NULL          ? section_schema(s->section, depth + 1)
                                                       : text_schema(s);
    return json_set(schema, "additionalProperties", value);
}

static struct json *kind_schema(const struct setting *s, int depth)
{
    struct json *schema;
    switch (s->kind) {
    case SETTING_TEXT:
        schema = text_schema(s);
        if (s->choices == NULL)
            schema_range(schema, s, "minLength", "maxLength");
        return schema;
    case SETTING_INT:
        schema = schema_of("integer");
        schema_range(schema, s, "minimum", "maximum");
        return schema;
    case SETTING_BOOL:
        return schema_of("boolean");
    case SETTING_DURATION:
        return pattern_schema("^(?=.)([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$");
    case SETTING_MODE:
        return pattern_schema("^0?[0-7]{3,4}$");
    case SETTING_SECRET:
        return pattern_schema("^(file|cred|exec|env):.");
    case SETTING_TEXTS:
        return texts_schema(s);
    case SETTING_ARGV:
        return json_set_int(json_set(schema_of("array"), "items", schema_of("string")), "minItems",
                            1);
    case SETTING_SECTION:
        return section_schema(s->section, depth + 1);
    case SETTING_SECTIONS:
        return list_schema(section_schema(s->section, depth + 1), s);
    case SETTING_MAP:
    case SETTING_SECRET_MAP:
        return map_schema(s, depth);
    case SETTING_ANY:
        break;
    }
    return json_object();
}

/* As it would be written: a duration stays a text. */
static struct json *default_schema(const struct setting *s)
{
    if (s->kind == SETTING_DURATION || s->kind == SETTING_MODE || s->kind == SETTING_TEXT ||
        s->kind == SETTING_SECRET)
        return json_new_text(s->otherwise);
    return setting_default(s);
}

static struct json *section_schema(const struct section *section, int depth)
{
    CHECK(depth < DEPTH_MAX);
    struct json *schema = schema_of("object"), *members = json_object(), *required = json_array();
    if (section->sentence != NULL)
        json_set_text(schema, "description", section->sentence);
    for (size_t i = 0; i < section->n; i++) {
        const struct setting *s = &section->settings[i];
        struct json *one = kind_schema(s, depth);
        if (s->sentence != NULL)
            json_set_text(one, "description", s->sentence);
        if (s->otherwise != NULL && s->kind != SETTING_SECTION)
            json_set(one, "default", default_schema(s));
        json_set(members, s->name, one);
        if (s->required && s->otherwise == NULL)
            json_push_text(required, s->name);
    }
    json_set(schema, "properties", members);
    json_set_bool(schema, "additionalProperties", false);
    return json_set(schema, "required", required);
}

struct json *table_schema(const struct section *section)
{
    struct json *schema = json_object();
    json_set_text(schema, "$schema", "https://json-schema.org/draft/2020-12/schema");
    AUTO(json_fini)
    struct json *inner = section_schema(section, 0);
    void *position = NULL;
    const char *key;
    const struct json *value;
    json_set_text(schema, "title", section->name);
    while (json_next(inner, &position, &key, &value))
        json_set(schema, key, json_copy(value));
    return schema;
}
