#include "base/xml.h"

#include <expat.h>

/* ---- reading ---- */

struct element {
    struct element *around;
    char *name;
    struct json *tree; /* attributes and elements; NULL: none so far */
    struct buf text;
    bool has_elements;
};
struct reading {
    XML_Parser parser;
    const char *const *arrays;
    struct element *open; /* the innermost */
    struct json *root;
    size_t depth, n_nodes, max_len;
    const char *refused; /* a literal: why it was stopped */
};

static void reading_stop(struct reading *reading, const char *why)
{
    if (reading->refused == NULL)
        reading->refused = why;
    XML_StopParser(reading->parser, XML_FALSE);
}

static void element_free(struct element *element)
{
    mem_free(element->name);
    json_free(element->tree);
    buf_fini(&element->text);
    mem_free(element);
}

static void element_set(struct element *element, const char *key, struct json *take)
{
    if (element->tree == NULL)
        element->tree = json_object();
    json_set(element->tree, key, take);
}

/* From the innermost name outwards. */
static bool place_fits(struct str place, const struct element *element)
{
    bool is_anchored = str_starts(place, STR("/"));
    if (is_anchored)
        place = str_mem(place.p + 1, place.len - 1);
    for (;;) {
        size_t from = place.len;
        while (from > 0 && place.p[from - 1] != '/')
            from--;
        struct str last = str_mem(place.p + from, place.len - from);
        if (element == NULL || !str_eq(last, str_of(element->name)))
            return false;
        element = element->around;
        if (from == 0)
            return !is_anchored || element == NULL;
        place.len = from - 1;
    }
}

static bool element_is_in_array(const struct reading *reading, const struct element *element)
{
    for (size_t i = 0; reading->arrays != NULL && reading->arrays[i] != NULL; i++)
        if (place_fits(str_of(reading->arrays[i]), element))
            return true;
    return false;
}

static struct json *element_value(struct element *element)
{
    struct str text = buf_str(&element->text);
    if (element->tree == NULL)
        return json_new_text_str(text.p != NULL ? text : STR(""));
    if (element->has_elements)
        text = str_trim(text);
    if (text.len > 0)
        json_set_str(element->tree, "$", text);
    struct json *tree = element->tree;
    element->tree = NULL;
    return tree;
}

static void element_into(const struct reading *reading, const struct element *element,
                         struct json *around, struct json *take)
{
    /* Values of elements are never arrays themselves. */
    struct json *there = (struct json *)(uintptr_t)json_find(around, element->name);
    if (json_is(there, JSON_ARRAY)) {
        json_push(there, take);
    } else if (there != NULL) {
        struct json *array = json_push(json_array(), json_copy(there));
        json_set(around, element->name, json_push(array, take));
    } else {
        bool is_array = element_is_in_array(reading, element);
        json_set(around, element->name, is_array ? json_push(json_array(), take) : take);
    }
}

static void on_start(void *arg, const char *name, const char **attributes)
{
    struct reading *reading = arg;
    struct element *element = NEW(struct element);
    element->around = reading->open;
    element->name = mem_strdup(name);
    buf_init(&element->text, reading->max_len * 4);
    reading->open = element;
    reading->n_nodes++;
    for (size_t i = 0; attributes[i] != NULL; i += 2) {
        AUTO(mem_fini)
        char *key = mem_printf("@%s", attributes[i]);
        element_set(element, key, json_new_text(attributes[i + 1]));
        reading->n_nodes++;
    }
    if (++reading->depth > XML_DEPTH_MAX)
        reading_stop(reading, "nested too deep");
    else if (reading->n_nodes > XML_NODES_MAX)
        reading_stop(reading, "too many elements and attributes");
}

static void on_end(void *arg, const char *name)
{
    struct reading *reading = arg;
    struct element *element = reading->open;
    (void)name;
    reading->open = element->around;
    reading->depth--;
    struct json *value = element_value(element);
    if (element->around != NULL) {
        if (element->around->tree == NULL)
            element->around->tree = json_object();
        element->around->has_elements = true;
        element_into(reading, element, element->around->tree, value);
    } else {
        element_into(reading, element, reading->root, value);
    }
    element_free(element);
}

static void on_text(void *arg, const char *text, int len)
{
    struct reading *reading = arg;
    if (reading->open != NULL)
        buf_add(&reading->open->text, text, (size_t)len);
}

static void on_doctype(void *arg, const char *name, const char *system_id, const char *public_id,
                       int has_internal_subset)
{
    (void)name, (void)system_id, (void)public_id, (void)has_internal_subset;
    reading_stop(arg, "it declares a document type, which is refused");
}

static bool reading_run(struct reading *reading, struct str text, struct err *err)
{
    XML_Parser parser = reading->parser;
    XML_SetUserData(parser, reading);
    XML_SetElementHandler(parser, on_start, on_end);
    XML_SetCharacterDataHandler(parser, on_text);
    XML_SetStartDoctypeDeclHandler(parser, on_doctype);
    if (XML_Parse(parser, text.p, (int)text.len, XML_TRUE) == XML_STATUS_OK &&
        reading->refused == NULL)
        return true;
    enum XML_Error code = XML_GetErrorCode(parser);
    if (code == XML_ERROR_NO_MEMORY)
        mem_need(NULL);
    return err_set(err, ERR_BROKEN, "XML, line %lu column %lu: %s",
                   (unsigned long)XML_GetCurrentLineNumber(parser),
                   (unsigned long)XML_GetCurrentColumnNumber(parser) + 1,
                   reading->refused != NULL ? reading->refused : XML_ErrorString(code));
}

bool xml_parse(struct str text, size_t max_len, const char *const *arrays, struct json **ret_tree,
               struct err *err)
{
    if (text.len > max_len || text.len > INT32_MAX)
        return err_set(err, ERR_BROKEN, "XML of %zu bytes is larger than %zu", text.len, max_len);
    if (text.len == 0)
        return err_set(err, ERR_BROKEN, "XML expected, but there is nothing");
    struct reading reading = {.arrays = arrays, .root = json_object(), .max_len = max_len};
    reading.parser = mem_need(XML_ParserCreate(NULL));
    bool ok = reading_run(&reading, text, err);
    XML_ParserFree(reading.parser);
    while (reading.open != NULL) {
        struct element *around = reading.open->around;
        element_free(reading.open);
        reading.open = around;
    }
    if (ok)
        *ret_tree = reading.root;
    else
        json_free(reading.root);
    return ok;
}

/* ---- names ---- */

bool xml_name_is_good(struct str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.p[i];
        bool is_first = ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '_';
        bool is_next = (c >= '0' && c <= '9') || c == '-' || c == '.' || c == ':';
        if (!is_first && (i == 0 || !is_next))
            return false;
    }
    return name.len > 0;
}

bool xml_place_is_good(struct str place)
{
    struct str rest = place, name;
    if (str_starts(place, STR("/")))
        rest = str_mem(place.p + 1, place.len - 1);
    while (str_split(&rest, '/', &name))
        if (!xml_name_is_good(name))
            return false;
    return place.len > 0;
}

/* ---- writing ---- */

/* Length of the character at the start of text as XML 1.0 allows it, 0 when it does not. */
static size_t char_len(struct str text)
{
    unsigned char c = (unsigned char)text.p[0];
    size_t n = utf8_len(text);
    if (n == 3 && memcmp(text.p, "\xef\xbf", 2) == 0 && (unsigned char)text.p[2] >= 0xbe)
        return 0;
    return c >= 0x20 || c == '\t' || c == '\n' || c == '\r' ? n : 0;
}

/* Line ends and tabs as references: in attributes they would become blanks, and CR LF a LF. */
static const char *char_escaped(char c, bool in_attribute)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    case '\r':
        return "&#13;";
    case '\n':
        return in_attribute ? "&#10;" : NULL;
    case '\t':
        return in_attribute ? "&#9;" : NULL;
    default:
        return NULL;
    }
}

static bool text_write(struct buf *out, struct str text, bool in_attribute, bool is_strict)
{
    while (text.len > 0) {
        size_t n = char_len(text);
        const char *escaped = char_escaped(text.p[0], in_attribute);
        if (n == 0 && is_strict)
            return false;
        if (n == 0 || escaped != NULL)
            buf_add_cstr(out, n == 0 ? "\xef\xbf\xbd" : escaped);
        else
            buf_add(out, text.p, n);
        n = n > 0 ? n : 1;
        text = str_mem(text.p + n, text.len - n);
    }
    return true;
}

void xml_escape(struct buf *out, struct str text)
{
    text_write(out, text, true, false);
}

static bool value_write(struct buf *out, const char *name, const struct json *value,
                        bool in_attribute, struct err *err)
{
    AUTO(buf_fini)
    struct buf number = BUF(64);
    struct str text = str_of(json_as_text(value));
    if (json_is(value, JSON_OBJECT) || json_is(value, JSON_ARRAY))
        return err_set(err, ERR_REFUSED, "XML, %s: a text is needed there", name);
    if (text.p == NULL && json_type(value) != JSON_NULL) {
        json_format(value, &number, false);
        text = buf_str(&number);
    }
    return text_write(out, text, in_attribute, true) ||
           err_set(err, ERR_REFUSED, "XML, %s: the text has characters that XML cannot hold", name);
}

static bool element_write(struct buf *out, const char *name, const struct json *value, int depth,
                          struct err *err);

static bool attributes_write(struct buf *out, const struct json *object, struct err *err)
{
    const struct json *value;
    const char *key;
    void *position = NULL;
    while (json_next(object, &position, &key, &value)) {
        if (key[0] != '@')
            continue;
        if (!xml_name_is_good(str_of(key + 1)))
            return err_set(err, ERR_REFUSED, "XML: \"%s\" cannot be an attribute", key);
        buf_printf(out, " %s=\"", key + 1);
        if (!value_write(out, key, value, true, err))
            return false;
        buf_add_char(out, '"');
    }
    return true;
}

static bool inside_write(struct buf *out, const char *name, const struct json *value, int depth,
                         struct err *err)
{
    const struct json *member;
    const char *key;
    void *position = NULL;
    if (!json_is(value, JSON_OBJECT))
        return value_write(out, name, value, false, err);
    while (json_next(value, &position, &key, &member)) {
        if (key[0] == '@')
            continue;
        bool ok = strcmp(key, "$") == 0 ? value_write(out, name, member, false, err)
                                        : element_write(out, key, member, depth + 1, err);
        if (!ok)
            return false;
    }
    return true;
}

static bool element_write(struct buf *out, const char *name, const struct json *value, int depth,
                          struct err *err)
{
    if (depth > XML_DEPTH_MAX)
        return err_set(err, ERR_REFUSED, "XML, %s: nested too deep", name);
    if (!xml_name_is_good(str_of(name)))
        return err_set(err, ERR_REFUSED, "XML: \"%s\" cannot be an element", name);
    for (size_t i = 0; i < json_len(value) && json_is(value, JSON_ARRAY); i++) {
        if (json_is(json_at(value, i), JSON_ARRAY))
            return err_set(err, ERR_REFUSED, "XML, %s: a list directly in a list", name);
        if (!element_write(out, name, json_at(value, i), depth, err))
            return false;
    }
    if (json_is(value, JSON_ARRAY))
        return true;
    buf_printf(out, "<%s", name);
    if (!attributes_write(out, value, err))
        return false;
    buf_add_char(out, '>');
    if (!inside_write(out, name, value, depth, err))
        return false;
    buf_printf(out, "</%s>", name);
    return true;
}

bool xml_format(const struct json *tree, struct buf *out, struct err *err)
{
    const struct json *root = NULL;
    const char *name = NULL;
    if (json_len(tree) != 1 || !json_member(tree, 0, &name, &root) || json_is(root, JSON_ARRAY))
        return err_set(err, ERR_REFUSED, "XML: one root element is needed");
    buf_add_cstr(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>");
    return element_write(out, name, root, 1, err);
}
