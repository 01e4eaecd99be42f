/*
 * The inside of register.h, for the files of this folder only.
 *
 *   register.c           one set, its row, its schedule
 *   register_walk.c      files against rows: which appeared, changed, vanished
 *   register_file.c      one such file: read it, write its row
 *   register_refresh.c   all of them, in one transaction
 *   register_settle.c    what follows for one set: conflicts, schedule, events
 *   register_follow.c    its deployments and endpoints kept in step
 */
#ifndef INVENTORY_REGISTER_INSIDE_H
#define INVENTORY_REGISTER_INSIDE_H

#include "inventory/held_inside.h"
#include "inventory/register.h"
#include "io/files.h"

enum { SET_ROW_COLUMNS_N = 15 };
/* The columns SET_ROW_COLUMNS of a walk, which start at `at`. */
void set_row_read(const struct house *house, const struct rows *rows, int at, struct set_row *ret);
/* The struct of a row and its doc (NULL: it never was good). Kinds CONFIG, BROKEN. */
bool set_load(struct house *house, const struct set_row *row, const char *doc,
              struct set_config **ret, struct err *err);

/* Names that were touched: of sets, account-and-names prints, paths. Texts live in an arena. */
struct touched {
    const char **texts;
    size_t n, cap;
};
void touched_add(struct touched *t, struct arena *arena, const char *text); /* NULL adds nothing */
/* Sorted, each once. */
void touched_sort(struct touched *t);
void touched_fini(struct touched *t);

/* Two sorted sequences, files and rows, side by side. */
struct finding {
    const char *file;
    const char *name; /* of what is gone: as its row says */
    struct file_stamp stamp;
};
struct findings {
    struct finding *items;
    size_t n, cap;
};

struct sets_walk {
    struct rows rows;
    bool has_row, read_all;
    struct arena *arena;
    struct findings changed, gone;
    size_t n_files;
};
/* arena and read_all (every file counts as changed) are the caller's. Kinds CONFIG, LOCAL, STORE. */
bool sets_walk(struct house *house, struct sets_walk *w, struct err *err);
void sets_walk_fini(struct sets_walk *w);

/* What reading a file brought, beside what was known before. */
struct reading {
    const char *name;
    struct set_config *set;   /* NULL: the file cannot be used */
    bool is_new;              /* no row, or a removed one */
    bool is_changed;          /* another tree than before */
    bool wants_anew;          /* another want than before */
    const char *fault_before; /* NULL: none */
};

struct refresh {
    struct house *house;
    struct arena *arena; /* all names and readings of this refresh */
    int64_t now_ms;
    bool config_changed;
    struct reading **readings; /* sorted by name before settling */
    size_t n_readings, cap_readings;
    struct touched sets, exacts, paths;
    struct register_result *result;
};

/* Inside the transaction: reads the file and writes its row. */
bool file_take(struct refresh *refresh, const struct finding *f, struct err *err);
/* Inside the transaction: marks its set removed. */
bool file_gone(struct refresh *refresh, const struct finding *f, struct err *err);
/* Inside the transaction: conflicts, schedule, events of one set. reading NULL: its file was not read now, another set touched it. */
bool set_settle(struct refresh *refresh, const char *name, const struct reading *reading,
                struct err *err);

/* What a set to be settled looks like. */
struct settling {
    struct house *house;
    int64_t now_ms;
    const struct set_config *set;
    const struct certificate *certificate; /* NULL: none yet */
    struct touched taken;                  /* paths that an earlier set has */
};
/* Every current certificate of the set finds its lane, or is retired. changed: another unit is wanted than was. */
bool lanes_follow(struct house *house, const struct set_config *set, bool *ret_changed,
                  struct err *err);
bool deployments_follow(const struct settling *s, struct err *err);
bool endpoints_follow(const struct settling *s, struct err *err);

#endif
