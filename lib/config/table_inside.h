/*
 * What table.c, setting.c and table_document.c share: the walk over a document beside its tables.
 */
#ifndef CONFIG_TABLE_INSIDE_H
#define CONFIG_TABLE_INSIDE_H

#include "config/table.h"

struct walk {
    const struct yaml *doc;
    struct complaints *complaints;
    struct buf path; /* "authorities.letsencrypt" */
    bool failed;
};

/* A value where it stands: a member (key) or item (index) of parent, or the root (parent NULL). */
struct spot {
    const struct json *value, *parent;
    const char *key;
    size_t index;
};

/* Complains at the spot, path first, and returns NULL. */
struct json *walk_complain(struct walk *w, const struct spot *spot, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The checked copy of the value, or NULL after complaining. */
struct json *setting_check(struct walk *w, const struct setting *s, const struct spot *spot);
/* The default as a checked tree, or NULL where there is none. A default its own table refuses
 * is a bug. */
struct json *setting_default(const struct setting *s);
struct json *section_check(struct walk *w, const struct section *section, const struct spot *spot);
bool setting_mode_parse(struct str text, int64_t *ret_mode);
/* "text", "duration" ...: for documents. */
const char *setting_kind_name(enum setting_kind kind);
/* A value that would be right: "10m". choice_buf serves settings with choices. */
const char *setting_example(const struct setting *s, char out[80]);

#endif
