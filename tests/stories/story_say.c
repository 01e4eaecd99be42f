/* From a line's text to the clause that it means. */
#include "story.h"

#include <stdarg.h>
#include <stdio.h>

struct words {
    char text[WORDS_MAX][WORD_MAX];
    bool ends_clause[WORDS_MAX];
    size_t n;
};

void story_fail(struct story *s, const char *fmt, ...)
{
    va_list ap;
    if (s->failed)
        return;
    s->failed = true;
    va_start(ap, fmt);
    vsnprintf(s->why, sizeof s->why, fmt, ap);
    va_end(ap);
}

/* Words end at blanks, clauses at a comma behind a word; a quoted text is one word. */
static bool words_read(const char *text, struct words *words)
{
    *words = (struct words){0};
    for (const char *p = text + strspn(text, " \t"); *p != '\0'; p += strspn(p, " \t")) {
        bool quoted = *p == '"';
        size_t len = quoted ? strcspn(++p, "\"") : strcspn(p, " \t");
        if (words->n == WORDS_MAX || len >= WORD_MAX || (quoted && p[len] == '\0'))
            return false;
        char *word = words->text[words->n];
        memcpy(word, p, len);
        p += len + (quoted ? 1 : 0);
        if (quoted && *p == ',')
            words->ends_clause[words->n] = *p++ == ',';
        if (!quoted && len > 1 && word[len - 1] == ',') {
            word[len - 1] = '\0';
            words->ends_clause[words->n] = true;
        }
        words->n++;
    }
    return words->n > 0;
}

static bool number_read(const char *word, int64_t *ret)
{
    return str_to_i64(str_of(word), ret);
}

/* "2030-01-01T00:00", "2030-01-01T00:00:30Z" */
static bool moment_read(const char *word, int64_t *ret)
{
    char whole[64];
    snprintf(whole, sizeof whole, "%.40s:00Z", word);
    return time_parse(str_of(word), ret) || time_parse(str_of(whole), ret);
}

static bool hole_fill(char hole, const char *word, struct args *a)
{
    bool ok = a->n_n < ARGS_MAX;
    switch (hole) {
    case 'n':
        return ok && number_read(word, &a->n[a->n_n++]);
    case 't':
        return ok && duration_parse(str_of(word), &a->n[a->n_n++]);
    case 'm':
        return ok && moment_read(word, &a->n[a->n_n++]);
    case 'w':
    case 's':
        a->w[a->n_w++] = word;
        return true;
    }
    return false;
}

static bool clause_fits(const char *pattern, const struct words *words, size_t from, size_t to,
                        struct args *a)
{
    struct str rest = str_of(pattern), piece;
    *a = (struct args){0};
    while (rest.len > 0 && str_split(&rest, ' ', &piece)) {
        if (str_eq(piece, STR("%*"))) {
            for (; from < to; from++)
                a->w[a->n_w++] = words->text[from];
            return a->n_w > 0;
        }
        if (from == to)
            return false;
        const char *word = words->text[from++];
        if (piece.len == 2 && piece.p[0] == '%' ? !hole_fill(piece.p[1], word, a)
                                                : !str_eq(piece, str_of(word)))
            return false;
    }
    return from == to;
}

static bool clause_try(struct story *s, const struct clause *clauses, const char *subject,
                       const struct words *words, size_t from, size_t to)
{
    struct args a;
    for (; clauses->subject != NULL; clauses++) {
        if (strcmp(clauses->subject, subject) != 0 ||
            !clause_fits(clauses->pattern, words, from, to, &a))
            continue;
        clauses->act(s, &a);
        return true;
    }
    return false;
}

/* "set shop ..." and "ca2 ..." name whom they are about. */
static const char *subject_read(struct story *s, const struct words *words, size_t *ret_from)
{
    const char *subject = words->text[0];
    *ret_from = 1;
    if (strcmp(subject, "set") == 0 && words->n > 1) {
        s->set = program_set(&s->program, words->text[1]);
        *ret_from = 2;
    } else if (strcmp(subject, "want") == 0) {
        s->set = program_set(&s->program, "main");
        while (s->set->n_names > 0)
            mem_free(s->set->names[--s->set->n_names]);
    } else if (world_ca(subject) != NULL) {
        s->ca = world_ca(subject);
        return "ca";
    }
    return subject;
}

void story_say(struct story *s, const char *text)
{
    static struct words words;
    size_t from, to;
    if (s->failed)
        return;
    if (!words_read(text, &words)) {
        story_fail(s, "not understood: %s", text);
        return;
    }
    const char *subject = subject_read(s, &words, &from);
    bool expects_error =
        strcmp(subject, "expect") == 0 && from < words.n && strcmp(words.text[from], "error") == 0;
    if (s->has_run && !s->run.ok && !s->run.was_killed && !s->error_is_seen && !expects_error) {
        story_fail(s, "the run failed: %s", s->run.err.text);
        return;
    }
    do {
        for (to = from; to < words.n && !words.ends_clause[to]; to++)
            ;
        to += to < words.n ? 1 : 0;
        bool understood = false;
#define X(name)                                                                                    \
    understood = understood || clause_try(s, story_##name##_clauses, subject, &words, from, to);
        STORY_TABLES(X)
#undef X
        if (!understood)
            story_fail(s, "not understood: %s%s", subject, strstr(text, subject) + strlen(subject));
        if (world.wrong[0] != '\0')
            story_fail(s, "%s", world.wrong);
        from = to;
    } while (from < words.n && !s->failed);
}
