/*
 * What `check` finds: complaints with their place, and notes that are no fault.
 *
 * Texts that already begin with "FILE:LINE:COLUMN: " (as the readers of configuration give them, several joined by newlines) are taken
 * apart, so that --json has the place in members of its own and text shows it in one form.
 */
#ifndef CMD_FINDINGS_H
#define CMD_FINDINGS_H

#include "cmd/output.h"

#include "config/yaml.h"

struct place {
    int line, column; /* 0: unknown */
};
struct finding {
    char *file, *text; /* file may be NULL */
    struct place place;
    bool is_note;
    size_t seq; /* in the order in which they were found */
};
struct findings {
    struct finding *items;
    size_t n, n_errors;
};
void findings_fini(struct findings *f);
/* file may be NULL. */
void findings_add(struct findings *f, const char *file, struct place place, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void findings_note(struct findings *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* One finding a line of text. A line without a place of its own gets the given one. */
void findings_add_lines(struct findings *f, const char *file, struct place place, const char *text);

/* Where the value of a key stands; where the object stands when it has no such key. */
struct place place_of_value(const struct yaml *doc, const struct json *object, const char *key);

/* By file - the first one named, then by name -, line and column; what stands at one place keeps its order. Notes come last. */
void findings_sort(struct findings *f, const char *first_file);
/* "FILE:LINE:COLUMN: text". */
void findings_print(const struct findings *f, const struct invocation *in);
struct json *findings_json(const struct findings *f);

#endif
