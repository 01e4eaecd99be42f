#include "base/json.h"

enum { TEXT_MAX_DEFAULT = 4096 };

static void *field_at(void *out, const struct json_field *field)
{
    return (char *)out + field->offset;
}

static bool field_is(const struct json *value, enum json_type type, const char *what,
                     const struct json_field *field, struct err *err)
{
    if (json_is(value, type))
        return true;
    return err_set(err, ERR_BROKEN, "%s.%s: not %s", what, field->name, json_type_name(type));
}

static bool text_read(const struct json *value, const char *what, const struct json_field *field,
                      void *out, struct err *err)
{
    if (!field_is(value, JSON_TEXT, what, field, err))
        return false;
    const char *text = json_as_text(value);
    size_t max = field->max_len != 0 ? field->max_len : TEXT_MAX_DEFAULT;
    if (strlen(text) > max)
        return err_set(err, ERR_BROKEN, "%s.%s: longer than %zu bytes", what, field->name, max);
    *(char **)field_at(out, field) = mem_strdup(text);
    return true;
}

static bool field_read(const struct json *value, const char *what, const struct json_field *field,
                       void *out, struct err *err)
{
    switch (field->kind) {
    case JSON_FIELD_TEXT:
        return text_read(value, what, field, out, err);
    case JSON_FIELD_INT:
        if (!field_is(value, JSON_INT, what, field, err))
            return false;
        *(int64_t *)field_at(out, field) = json_as_int(value, 0);
        return true;
    case JSON_FIELD_BOOL:
        if (!field_is(value, JSON_BOOL, what, field, err))
            return false;
        *(bool *)field_at(out, field) = json_as_bool(value, false);
        return true;
    case JSON_FIELD_TREE:
        *(const struct json **)field_at(out, field) = value;
        return true;
    }
    return err_set(err, ERR_BUG, "%s.%s: no such kind of field", what, field->name);
}

static void fields_blank(const struct json_field *fields, size_t n, void *out)
{
    for (size_t i = 0; i < n; i++) {
        if (fields[i].kind == JSON_FIELD_TEXT)
            *(char **)field_at(out, &fields[i]) = NULL;
        if (fields[i].kind == JSON_FIELD_TREE)
            *(const struct json **)field_at(out, &fields[i]) = NULL;
    }
}

static void fields_release(const struct json_field *fields, size_t n, void *out)
{
    for (size_t i = 0; i < n; i++)
        if (fields[i].kind == JSON_FIELD_TEXT)
            mem_fini(field_at(out, &fields[i]));
    fields_blank(fields, n, out);
}

bool json_read(const struct json *object, const char *what, const struct json_field *fields,
               size_t n, void *out, struct err *err)
{
    fields_blank(fields, n, out);
    if (!json_is(object, JSON_OBJECT))
        return err_set(err, ERR_BROKEN, "%s: not %s", what, json_type_name(JSON_OBJECT));
    for (size_t i = 0; i < n; i++) {
        const struct json *value = json_find(object, fields[i].name);
        bool absent = value == NULL || json_is(value, JSON_NULL);
        bool good = true;
        if (!absent)
            good = field_read(value, what, &fields[i], out, err);
        else if (fields[i].required)
            good = err_set(err, ERR_BROKEN, "%s.%s: missing", what, fields[i].name);
        if (!good) {
            fields_release(fields, n, out);
            return false;
        }
    }
    return true;
}
