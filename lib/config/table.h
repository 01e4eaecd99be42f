/*
 * One table a section gives parsing, checking, defaults, docs/CONFIG.md and a JSON Schema.
 *
 * A setting is a row: name, kind, default, limits, one sentence. table_check walks a YAML
 * document beside its section and makes a new tree in which every default is filled in and every
 * duration is an integer of milliseconds; everything wrong is collected, with its place and, for
 * an unknown key, the nearest known one:
 *
 *     chancery.yaml:7:3: unknown key "contcat" in authorities.letsencrypt; did you mean "contact"?
 */
#ifndef CONFIG_TABLE_H
#define CONFIG_TABLE_H

#include "config/yaml.h"

enum setting_kind {
    SETTING_TEXT, /* any text; choices may restrict it ("a|b|c"); min..max bytes */
    SETTING_INT,  /* min..max */
    SETTING_BOOL,
    SETTING_DURATION, /* "10m"; in the checked tree: integer milliseconds; min..max in ms */
    SETTING_MODE,     /* "0640", always quoted in YAML; in the tree: integer; min..max */
    SETTING_SECRET,   /* a reference file:, cred:, exec:, env: ; a bare value is refused */
    /* One text or a list of texts, each of choices; in the tree: always an array; min..max
     * texts. */
    SETTING_TEXTS,
    SETTING_ARGV,     /* a list of at least one text (a program with its words) */
    SETTING_SECTION,  /* an object of `section` */
    SETTING_SECTIONS, /* a list of objects of `section` */
    /* Free keys (checked as identifiers [A-Za-z0-9_-]{1,64}), each value an object of `section`; without a section a text of
     * min..max bytes. */
    SETTING_MAP,
    SETTING_SECRET_MAP, /* free keys of the same form, each value a reference to a secret */
    SETTING_ANY,        /* checked elsewhere: taken over as it is */
};
struct section;
struct setting {
    const char *name;
    enum setting_kind kind;
    bool required;
    /* Default as it would stand in YAML (a JSON text for lists and sections); NULL: absent
     * stays absent. */
    const char *otherwise;
    const char *choices; /* "a|b|c", or NULL */
    int64_t min, max;    /* both 0: not limited */
    const struct section *section;
    const char *sentence; /* for people: what it does */
};
struct section {
    const char *name; /* "authorities.NAME" as shown in messages and headings */
    const char *sentence;
    const struct setting *settings;
    size_t n;
};

struct complaint {
    int line, column;
    char *text; /* "chancery.yaml:7:3: ..." */
};
struct complaints {
    struct complaint *items;
    size_t n;
};
void complaints_fini(struct complaints *c);
/* At a node; at a member's key (for true, false and null, and for what is wrong with the
 * key); at a known place. At most 100 are kept, then one more says that there are others. doc
 * may be NULL. */
void complaints_add(struct complaints *c, const struct yaml *doc, const struct json *node,
                    const char *fmt, ...) __attribute__((format(printf, 4, 5)));
void complaints_add_key(struct complaints *c, const struct yaml *doc, const struct json *object,
                        const char *key, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
void complaints_add_at(struct complaints *c, const struct yaml *doc, int line, int column,
                       const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* All texts, one a line, into out. */
void complaints_format(const struct complaints *c, struct buf *out);

/* NULL when anything was wrong (then complaints grew, sorted by place). node: the object to
 * check (yaml_tree(doc) for the whole). A key with nothing behind it counts as absent where a
 * section, a map or a list is expected, so that all within may be commented out. */
struct json *table_check(const struct yaml *doc, const struct json *node,
                         const struct section *section, struct complaints *complaints);
/* Nearest of the candidates to word (at most 3 edits and less than half its length), or NULL. */
const char *table_suggest(const char *word, const char *const *candidates, size_t n);

/* Generated: Markdown for one section (a heading and a table), recursively; a JSON Schema
 * (draft 2020-12) object. */
void table_document(const struct section *section, int heading_level, struct buf *out);
struct json *table_schema(const struct section *section);

#endif
