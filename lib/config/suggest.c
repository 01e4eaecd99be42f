#include "config/table.h"

enum { WORD_MAX = 64, EDITS_MAX = 3 };

static char plain_letter(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (char)(c - 'A' + 'a');
    return c == '-' ? '_' : c;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Insertions, deletions, changes and swaps of neighbours that lead from a to b; case and - _
 * do not count. */
static size_t edits_count(struct str a, struct str b)
{
    size_t rows[3][WORD_MAX + 1];
    size_t *before = rows[0], *last = rows[1], *now = rows[2];
    for (size_t j = 0; j <= b.len; j++)
        last[j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        now[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            bool same = plain_letter(a.p[i - 1]) == plain_letter(b.p[j - 1]);
            now[j] = least(last[j - 1] + (same ? 0 : 1), 1 + least(last[j], now[j - 1]));
            if (i > 1 && j > 1 && plain_letter(a.p[i - 1]) == plain_letter(b.p[j - 2]) &&
                plain_letter(a.p[i - 2]) == plain_letter(b.p[j - 1]))
                now[j] = least(now[j], before[j - 2] + 1);
        }
        size_t *spare = before;
        before = last;
        last = now;
        now = spare;
    }
    return last[b.len];
}

const char *table_suggest(const char *word, const char *const *candidates, size_t n)
{
    const char *nearest = NULL;
    struct str a = str_of(word);
    size_t best = EDITS_MAX + 1;
    if (a.len > WORD_MAX)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        struct str b = str_of(candidates[i]);
        if (b.len > WORD_MAX)
            continue;
        size_t edits = edits_count(a, b);
        if (edits < best && 2 * edits < a.len) {
            best = edits;
            nearest = candidates[i];
        }
    }
    return nearest;
}
