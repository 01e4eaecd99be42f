#include "dns-providers/manifest/template.h"

#include "dns-providers/pointer.h"

struct value value_of_cstr(struct arena *arena, const char *text)
{
    return text != NULL ? value_of_text(veiled_text(arena, str_of(text))) : (struct value){0};
}

bool value_is_empty(const struct value *value)
{
    if (value->kind == VALUE_NONE)
        return true;
    if (value->kind == VALUE_TEXT)
        return veiled_is_plain(value->text) && veiled_plain(value->text).len == 0;
    switch (json_type(value->json)) {
    case JSON_NULL:
        return true;
    case JSON_BOOL:
        return !json_as_bool(value->json, false);
    case JSON_TEXT:
        return json_as_text(value->json)[0] == '\0';
    case JSON_ARRAY:
    case JSON_OBJECT:
        return json_len(value->json) == 0;
    case JSON_INT:
    case JSON_REAL:
        break;
    }
    return false;
}

const struct veiled *value_text(struct arena *arena, const struct value *value)
{
    AUTO(buf_fini)
    struct buf text = BUF(JSON_SIZE_MAX);
    if (value->kind == VALUE_TEXT)
        return value->text;
    if (value->kind == VALUE_NONE || json_is(value->json, JSON_NULL))
        return NULL;
    if (json_as_text(value->json) != NULL)
        return veiled_text(arena, str_of(json_as_text(value->json)));
    json_format(value->json, &text, false);
    return veiled_text(arena, buf_str(&text));
}

const char *value_plain(struct arena *arena, const struct value *value)
{
    const struct veiled *text = value_text(arena, value);
    if (!veiled_is_plain(text))
        return NULL;
    struct str plain = veiled_plain(text);
    return arena_strndup(arena, plain.p, plain.len);
}

/* ---- variables ---- */

static const struct setting *setting_find(const struct section *section, struct str name)
{
    for (size_t i = 0; section != NULL && i < section->n; i++)
        if (str_eq(str_of(section->settings[i].name), name))
            return &section->settings[i];
    return NULL;
}

static struct value setting_value(const struct scope *scope, struct str name, struct arena *arena)
{
    const struct setting *setting = setting_find(scope->section, name);
    const char *key = arena_strndup(arena, name.p, name.len);
    const struct json *value = json_find(scope->settings, key);
    if (setting == NULL || value == NULL || json_is(value, JSON_NULL))
        return (struct value){0};
    return setting->kind == SETTING_SECRET ? value_of_text(veiled_secret(arena, key))
                                           : value_of_json(value);
}

static const struct scope *binding_find(const struct scope *scope, struct str name)
{
    for (; scope != NULL; scope = scope->outer)
        if (scope->name != NULL && str_eq(str_of(scope->name), name))
            return scope;
    return NULL;
}

/* "zone.id": the binding "zone.id", else the member "id" of the binding "zone". */
static struct value variable_value(const struct scope *scope, struct str name, struct arena *arena)
{
    const struct scope *binding = binding_find(scope, name);
    size_t dot = name.len;
    if (binding != NULL)
        return binding->value;
    while (dot > 0 && name.p[dot - 1] != '.')
        dot--;
    if (dot == 0)
        return (struct value){0};
    struct str outer = str_mem(name.p, dot - 1), member = str_mem(name.p + dot, name.len - dot);
    binding = binding_find(scope, outer);
    if (binding != NULL && binding->settings != NULL)
        return setting_value(binding, member, arena);
    struct value value = variable_value(scope, outer, arena);
    if (value.kind != VALUE_JSON)
        return (struct value){0};
    return value_of_json(json_find(value.json, arena_strndup(arena, member.p, member.len)));
}

bool scope_find(const struct scope *scope, struct str variable, const char *pointer,
                struct arena *arena, struct value *ret, struct err *err)
{
    struct value value = variable_value(scope, variable, arena);
    if (pointer == NULL || value.kind == VALUE_NONE) {
        *ret = value;
        return true;
    }
    if (value.kind == VALUE_JSON) {
        *ret = value_of_json(pointer_find(value.json, pointer));
        return true;
    }
    const struct veiled *arguments[] = {value.text, veiled_text(arena, str_of(pointer))};
    const struct veiled *at = NULL;
    if (!veiled_call(arena, VEILED_AT, arguments, 2, &at, err))
        return err_wrap(err, "%.*s", STR_ARG(variable));
    *ret = value_of_text(at);
    return true;
}
