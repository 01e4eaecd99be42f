/*
 * Stories: text files in which an order, or a month of renewals, is told line by line.
 *
 *     story  a certificate renews while one name server lags
 *     clock  2030-01-01 00:00        ca issues in 2s, says retry-after 5s
 *     dns    ns1 shows at once, ns2 after 40s
 *     want   www.example.com, *.example.com
 *     run
 *     expect certificate for www.example.com *.example.com, no TXT left, 1 orders at ca
 *
 * A file holds one story or several; each begins in a new world. A line is a subject and CLAUSES, parted by commas; several lines may stand
 * on one, eight blanks apart. The clauses are tables (`story --words` prints them). "#" begins a comment. Two lines make a story many:
 *
 *     for A B C          right after the title: told once for each word, which stands for $ in all lines
 *     kill everywhere    told once for each point at which a run can die from this line on
 *     kill here and there    the same for each third of them
 *     kill no more       the points end here
 */
#ifndef STORIES_STORY_H
#define STORIES_STORY_H

#include "program.h"

enum { WORDS_MAX = 160, ARGS_MAX = 4, WORD_MAX = 256 };

struct story {
    const char *file;
    int line;
    struct program program;
    struct run run;
    bool has_run, error_is_seen;
    size_t n_expired, n_runs;
    int64_t kill_at;     /* of a story with "kill everywhere": which point; else 0 */
    struct wanted *set;  /* the subject of a line "set NAME ..." */
    struct world_ca *ca; /* of a line "ca ..." */
    bool failed;
    char why[2048];
};

struct args {            /* what the holes of a pattern were filled with */
    int64_t n[ARGS_MAX]; /* %n numbers, %t lengths of time in ms, %m moments: in order */
    size_t n_n;
    const char *w[WORDS_MAX]; /* %w words, %s quoted texts, %* all that is left */
    size_t n_w;
};

struct clause {
    const char *subject, *pattern, *sentence;
    void (*act)(struct story *s, const struct args *a);
};
/* The tables of clauses, story_NAME.c each; each ends with a row without a subject. */
#define STORY_TABLES(X)                                                                            \
    X(world)                                                                                       \
    X(run)                                                                                         \
    X(account)                                                                                     \
    X(api)                                                                                         \
    X(expect)                                                                                      \
    X(stand)                                                                                       \
    X(when)                                                                                        \
    X(caa)                                                                                         \
    X(lock)                                                                                        \
    X(keys)
#define X(name) extern const struct clause story_##name##_clauses[];
STORY_TABLES(X)
#undef X

/* The story is wrong: the first reason counts, what follows is skipped. */
void story_fail(struct story *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* One statement: subject and clauses. */
void story_say(struct story *s, const char *text);

/* For expectations: between least and most; what the store says (program_look_end when true). */
void expect_number(struct story *s, const char *what, int64_t got, int64_t least, int64_t most);
bool expect_look(struct story *s, struct house *house);

#endif
