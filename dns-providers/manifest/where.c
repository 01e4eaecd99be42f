#include "dns-providers/manifest/engine.h"

/* What is wanted is worked out once and then held against every element of a list: a zone may have thousands. */

struct wanted {
    const char *pointer;
    const char *text; /* NULL: cannot be worked out, nothing fits */
    const char *of;   /* template over the element's text, or NULL */
    const char *zone; /* names without a final dot lie in it; NULL: they are whole */
    bool is_txt, is_name;
};
struct where {
    struct engine *engine;
    struct wanted wanted[WHERE_MAX];
    size_t n;
};

static const char *template_plain(struct engine *e, const char *template)
{
    struct template_context context = engine_context(e);
    const struct veiled *made = NULL;
    if (template == NULL || !template_text(&context, template, &made, NULL) ||
        !veiled_is_plain(made))
        return NULL;
    return arena_strndup(e->arena, veiled_plain(made).p, veiled_plain(made).len);
}

static void wanted_make(struct engine *e, const struct json *spec, struct wanted *w)
{
    const char *name = json_text(spec, "name");
    struct value value = value_of_json(spec);
    w->is_name = name != NULL;
    w->is_txt = json_bool(spec, "txt", false);
    w->of = json_text(spec, "of");
    w->zone = template_plain(e, json_text(spec, "in"));
    if (w->is_txt)
        w->text = e->txt;
    else if (json_is(spec, JSON_OBJECT))
        w->text = template_plain(e, name);
    else if (json_as_text(spec) != NULL)
        w->text = template_plain(e, json_as_text(spec));
    else /* a number or a truth */
        w->text = value_plain(e->arena, &value);
}

const struct where *where_make(struct engine *e, const struct json *spec)
{
    struct where *where = arena_alloc(e->arena, sizeof *where);
    const struct json *wanted;
    const char *pointer;
    void *position = NULL;
    where->engine = e;
    while (json_next(spec, &position, &pointer, &wanted)) {
        CHECK(where->n < WHERE_MAX);
        where->wanted[where->n].pointer = pointer;
        wanted_make(e, wanted, &where->wanted[where->n++]);
    }
    return where;
}

static bool ends_in_dot(struct str name)
{
    return name.len > 0 && name.p[name.len - 1] == '.';
}

/* name lies in zone: "www" in "example.com" is "www.example.com", and "@" the zone itself. */
static bool name_lies_at(struct str name, const char *zone, struct str whole)
{
    size_t len = strlen(zone);
    if (str_eq(name, STR("@")))
        return str_eq_nocase(str_of(zone), whole);
    return whole.len == name.len + 1 + len && whole.p[name.len] == '.' &&
           str_eq_nocase(name, str_mem(whole.p, name.len)) &&
           str_eq_nocase(str_of(zone), str_mem(whole.p + name.len + 1, len));
}

/* Whole names come with and without their final dot, also where others are relative. */
static bool names_equal(struct str a, struct str b, const char *zone)
{
    bool may_be_relative = zone != NULL && !ends_in_dot(a);
    while (ends_in_dot(a))
        a.len--;
    while (ends_in_dot(b))
        b.len--;
    return str_eq_nocase(a, b) || (may_be_relative && name_lies_at(a, zone, b));
}

static bool text_fits(const struct wanted *w, const char *text)
{
    if (text == NULL || w->text == NULL)
        return false;
    if (w->is_txt)
        return txt_equal(text, w->text);
    if (w->is_name)
        return names_equal(str_of(text), str_of(w->text), w->zone);
    return strcmp(text, w->text) == 0;
}

/* Every element would leave its texts in the arena of the job: they live in one of their own. */
static bool wanted_fits(const struct wanted *w, const struct json *element)
{
    const struct json *found = pointer_find(element, w->pointer);
    if (w->of == NULL && json_as_text(found) != NULL)
        return text_fits(w, json_as_text(found));
    if (found == NULL)
        return false;
    struct arena *arena = arena_new();
    struct value value = value_of_json(found), made = value;
    struct scope scope = {.name = "item", .value = value};
    unsigned char none[32] = {0};
    struct template_context context = {.scope = &scope, .arena = arena, .random = none};
    bool ok = (w->of == NULL || template_value(&context, w->of, &made, NULL)) &&
              made.kind != VALUE_NONE && text_fits(w, value_plain(arena, &made));
    arena_free(arena);
    return ok;
}

bool where_holds(const struct where *where, const struct json *element)
{
    for (size_t i = 0; i < where->n; i++)
        if (!wanted_fits(&where->wanted[i], element))
            return false;
    return true;
}

bool where_fits(struct engine *e, const struct json *spec, const struct json *element)
{
    return where_holds(where_make(e, spec), element);
}
