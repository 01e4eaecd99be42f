#include "config/yaml.h"

#include "config/marks.h"
#include "config/yaml_fault.h"

#include <stdio.h>

enum { YAML_SIZE_MAX = 1024 * 1024, YAML_NODES_MAX = 100000, KEY_LEN_MAX = 256 };

struct yaml {
    char *file;
    struct json *tree;
    struct marks marks;
};

/* An open container; key waits for its value. */
struct level {
    struct json *node;
    bool is_object;
    char *key;
    struct place key_place;
};
struct reader {
    yaml_parser_t parser;
    struct yaml *doc;
    struct str text;
    struct level levels[JSON_DEPTH_MAX];
    int depth, n_nodes, n_documents;
    bool done;
};

static struct place place_of(yaml_mark_t mark)
{
    return (struct place){(int)mark.line + 1, (int)mark.column + 1};
}

__attribute__((format(printf, 4, 5))) static bool refuse(const struct reader *r, yaml_mark_t mark,
                                                         struct err *err, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return err_set(err, ERR_CONFIG, "%s:%zu:%zu: %s", r->doc->file, mark.line + 1, mark.column + 1,
                   text);
}

/* A digit first other than a lone 0, so that 0640 and 007 stay texts and nobody's octal. */
static bool scalar_is_int(struct str s, int64_t *ret)
{
    struct str digits = s.len > 0 && s.p[0] == '-' ? str_mem(s.p + 1, s.len - 1) : s;
    if (digits.len == 0 || (digits.p[0] == '0' && (digits.len > 1 || s.len > 1)))
        return false;
    return str_to_i64(s, ret);
}

static struct json *scalar_make(struct str s, bool plain)
{
    int64_t number;
    if (!plain)
        return json_new_text_str(s);
    if (s.len == 0 || str_eq(s, STR("null")) || str_eq(s, STR("~")))
        return json_new_null();
    if (str_eq(s, STR("true")) || str_eq(s, STR("false")))
        return json_new_bool(s.p[0] == 't');
    if (scalar_is_int(s, &number))
        return json_new_int(number);
    return json_new_text_str(s);
}

/* Takes the finished or just opened node into the container it stands in. */
static void node_attach(struct reader *r, struct json *node, struct place place)
{
    struct yaml *doc = r->doc;
    if (r->depth == 0) {
        doc->tree = node;
        return;
    }
    struct level *level = &r->levels[r->depth - 1];
    if (level->is_object) {
        json_set(level->node, level->key, node);
        marks_add_member(&doc->marks, level->node, level->key, level->key_place, place);
        mem_set_str(&level->key, NULL);
    } else {
        marks_add_item(&doc->marks, level->node, json_len(level->node), place);
        json_push(level->node, node);
    }
}

static bool node_add(struct reader *r, struct json *node, yaml_mark_t mark, bool plain)
{
    marks_add_node(&r->doc->marks, node, place_of(mark), plain);
    node_attach(r, node, place_of(mark));
    return true;
}

static bool key_take(struct reader *r, const yaml_event_t *event, struct err *err)
{
    struct level *level = &r->levels[r->depth - 1];
    const char *key = (const char *)event->data.scalar.value;
    size_t len = event->data.scalar.length;
    if (len == 0 || len > KEY_LEN_MAX)
        return refuse(r, event->start_mark, err,
                      len == 0 ? "a key is missing before \":\"" : "this key is too long");
    if (len == 2 && event->data.scalar.plain_implicit && memcmp(key, "<<", 2) == 0)
        return refuse(r, event->start_mark, err,
                      "merge keys (<<) are not used here: write the settings out");
    const struct mark *first = marks_member(&r->doc->marks, level->node, key);
    if (first != NULL)
        return refuse(r, event->start_mark, err,
                      "\"%s\" stands twice in this block: first in line %d", key,
                      first->place.line);
    mem_set_str(&level->key, key);
    level->key_place = place_of(event->start_mark);
    return true;
}

static bool awaits_key(const struct reader *r)
{
    return r->depth > 0 && r->levels[r->depth - 1].is_object && r->levels[r->depth - 1].key == NULL;
}

static bool scalar_take(struct reader *r, const yaml_event_t *event, struct err *err)
{
    struct str s = str_mem(event->data.scalar.value, event->data.scalar.length);
    bool plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    if (str_find_char(s, '\0') < s.len)
        return refuse(r, event->start_mark, err, "a text cannot hold a NUL character");
    if (awaits_key(r))
        return key_take(r, event, err);
    return node_add(r, scalar_make(s, plain), event->start_mark, plain);
}

static bool container_open(struct reader *r, const yaml_event_t *event, struct err *err)
{
    bool is_object = event->type == YAML_MAPPING_START_EVENT;
    if (awaits_key(r))
        return refuse(r, event->start_mark, err,
                      "a list or block cannot be a key; put a text that begins with \"[\" or \"{\" "
                      "in quotes");
    if (r->depth == JSON_DEPTH_MAX)
        return refuse(r, event->start_mark, err, "nested deeper than %d levels", JSON_DEPTH_MAX);
    struct json *node = is_object ? json_object() : json_array();
    node_add(r, node, event->start_mark, true);
    r->levels[r->depth++] = (struct level){.node = node, .is_object = is_object};
    return true;
}

static bool decoration_check(const struct reader *r, const yaml_event_t *event, struct err *err)
{
    const yaml_char_t *anchor = NULL, *tag = NULL;
    if (event->type == YAML_SCALAR_EVENT) {
        anchor = event->data.scalar.anchor;
        tag = event->data.scalar.tag;
    } else if (event->type == YAML_SEQUENCE_START_EVENT) {
        anchor = event->data.sequence_start.anchor;
        tag = event->data.sequence_start.tag;
    } else if (event->type == YAML_MAPPING_START_EVENT) {
        anchor = event->data.mapping_start.anchor;
        tag = event->data.mapping_start.tag;
    }
    if (anchor != NULL)
        return refuse(r, event->start_mark, err,
                      "anchors (&) are not used here: write the value out, or put a text that "
                      "begins with \"&\" in quotes");
    if (tag != NULL)
        return refuse(r, event->start_mark, err,
                      "tags (!) are not used here: put a text that begins with \"!\" in quotes");
    return true;
}

static bool document_open(struct reader *r, const yaml_event_t *event, struct err *err)
{
    if (r->n_documents++ > 0)
        return refuse(r, event->start_mark, err,
                      "a second document begins here; one file holds one");
    return true;
}

static bool event_take(struct reader *r, const yaml_event_t *event, struct err *err)
{
    if (!decoration_check(r, event, err))
        return false;
    switch (event->type) {
    case YAML_SCALAR_EVENT:
    case YAML_SEQUENCE_START_EVENT:
    case YAML_MAPPING_START_EVENT:
        if (++r->n_nodes > YAML_NODES_MAX)
            return refuse(r, event->start_mark, err, "more than %d values in one file",
                          YAML_NODES_MAX);
        return event->type == YAML_SCALAR_EVENT ? scalar_take(r, event, err)
                                                : container_open(r, event, err);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        r->depth--;
        return true;
    case YAML_ALIAS_EVENT:
        return yaml_fault_indicator(r->text, r->doc->file, event->start_mark, err);
    case YAML_DOCUMENT_START_EVENT:
        return document_open(r, event, err);
    case YAML_STREAM_END_EVENT:
        r->done = true;
        return true;
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_DOCUMENT_END_EVENT:
        return true;
    }
    return true;
}

static bool events_read(struct reader *r, struct err *err)
{
    while (!r->done) {
        yaml_event_t event;
        if (yaml_parser_parse(&r->parser, &event) == 0)
            return yaml_fault(&r->parser, r->text, r->doc->file, err);
        bool ok = event_take(r, &event, err);
        yaml_event_delete(&event);
        if (!ok)
            return false;
    }
    if (r->doc->tree == NULL)
        return err_set(err, ERR_CONFIG, "%s:1:1: the file holds nothing but blanks and comments",
                       r->doc->file);
    return true;
}

static bool bytes_check(struct str text, const char *file, struct err *err)
{
    int line, column;
    if (text.len > YAML_SIZE_MAX)
        return err_set(err, ERR_CONFIG, "%s: %zu bytes are more than the %d that are read", file,
                       text.len, YAML_SIZE_MAX);
    size_t at = text.len > 0 ? str_find_char(text, '\0') : 0;
    if (at == text.len)
        return true;
    yaml_fault_place(text, at, &line, &column);
    return err_set(
        err, ERR_CONFIG,
        "%s:%d:%d: a NUL byte cannot stand in a text file; is it UTF-16, or was it cut by a crash?",
        file, line, column);
}

bool yaml_parse(struct str text, const char *file, struct yaml **ret_doc, struct err *err)
{
    if (str_starts(text, STR("\xEF\xBB\xBF"))) /* some editors begin a file with a mark */
        text = str_mem(text.p + 3, text.len - 3);
    struct reader r = {.text = text};
    if (!bytes_check(text, file, err))
        return false;
    r.doc = NEW(struct yaml);
    r.doc->file = mem_strdup(file);
    marks_init(&r.doc->marks);
    CHECK(yaml_parser_initialize(&r.parser) == 1);
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)(text.len > 0 ? text.p : ""),
                                 text.len);
    bool ok = events_read(&r, err);
    for (int i = 0; i < r.depth; i++)
        mem_free(r.levels[i].key);
    yaml_parser_delete(&r.parser);
    if (!ok) {
        yaml_free(r.doc);
        return false;
    }
    *ret_doc = r.doc;
    return true;
}

void yaml_free(struct yaml *doc)
{
    if (doc == NULL)
        return;
    json_free(doc->tree);
    marks_fini(&doc->marks);
    mem_free(doc->file);
    mem_free(doc);
}

void yaml_fini(struct yaml **doc)
{
    yaml_free(*doc);
    *doc = NULL;
}

const struct json *yaml_tree(const struct yaml *doc)
{
    return doc->tree;
}

const char *yaml_file(const struct yaml *doc)
{
    return doc->file;
}

static void place_give(const struct place *place, int *ret_line, int *ret_column)
{
    *ret_line = place != NULL ? place->line : 0;
    *ret_column = place != NULL ? place->column : 0;
}

void yaml_place(const struct yaml *doc, const struct json *node, int *ret_line, int *ret_column)
{
    const struct mark *mark = doc != NULL ? marks_node(&doc->marks, node) : NULL;
    place_give(mark != NULL && mark->n_seen == 1 ? &mark->place : NULL, ret_line, ret_column);
}

void yaml_key_place(const struct yaml *doc, const struct json *object, const char *key,
                    int *ret_line, int *ret_column)
{
    const struct mark *mark = doc != NULL ? marks_member(&doc->marks, object, key) : NULL;
    place_give(mark != NULL ? &mark->place : NULL, ret_line, ret_column);
}

void yaml_value_place(const struct yaml *doc, const struct json *object, const char *key,
                      int *ret_line, int *ret_column)
{
    const struct mark *mark = doc != NULL ? marks_member(&doc->marks, object, key) : NULL;
    place_give(mark != NULL ? &mark->value : NULL, ret_line, ret_column);
}

void yaml_item_place(const struct yaml *doc, const struct json *array, size_t i, int *ret_line,
                     int *ret_column)
{
    const struct mark *mark = doc != NULL ? marks_item(&doc->marks, array, i) : NULL;
    place_give(mark != NULL ? &mark->place : NULL, ret_line, ret_column);
}

bool yaml_is_plain(const struct yaml *doc, const struct json *node)
{
    const struct mark *mark = doc != NULL ? marks_node(&doc->marks, node) : NULL;
    return mark != NULL && mark->plain;
}
