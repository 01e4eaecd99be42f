#include "config/table_inside.h"

static struct json *json_of(const char *text)
{
    struct json *tree = NULL;
    struct err err = {0};
    if (!json_parse(str_of(text), JSON_SIZE_MAX, &tree, &err))
        return NULL;
    return tree;
}

/* Tables may write a mode as in YAML, with its quotes. */
static struct str unquoted(const char *text)
{
    struct str s = str_of(text);
    return s.len >= 2 && s.p[0] == '"' && s.p[s.len - 1] == '"' ? str_mem(s.p + 1, s.len - 2) : s;
}

/* As the YAML reader would have given it. */
static struct json *default_value(const struct setting *s)
{
    switch (s->kind) {
    case SETTING_TEXT:
    case SETTING_SECRET:
    case SETTING_DURATION:
        return json_new_text(s->otherwise);
    case SETTING_MODE:
        return json_new_text_str(unquoted(s->otherwise));
    case SETTING_TEXTS:
        return s->otherwise[0] == '[' ? json_of(s->otherwise) : json_new_text(s->otherwise);
    case SETTING_INT:
    case SETTING_BOOL:
    case SETTING_ARGV:
    case SETTING_SECTION:
    case SETTING_SECTIONS:
    case SETTING_MAP:
    case SETTING_SECRET_MAP:
    case SETTING_ANY:
        break;
    }
    return json_of(s->otherwise);
}

struct json *setting_default(const struct setting *s)
{
    if (s->otherwise == NULL)
        return NULL;
    struct complaints complaints = {0};
    struct walk w = {.complaints = &complaints, .path = BUF(1024)};
    AUTO(json_fini)
    struct json *value = default_value(s);
    CHECK(value != NULL);
    struct spot spot = {.value = value};
    struct json *out = setting_check(&w, s, &spot);
    buf_fini(&w.path);
    complaints_fini(&complaints);
    CHECK(out != NULL && !w.failed);
    return out;
}
