#include "inventory/persist_row.h"

#include "acme/persist.h"

static bool texts_equal(const char *a, const char *b)
{
    return a != NULL && b != NULL && strcmp(a, b) == 0;
}

static struct persist_row row_read(const struct rows *rows)
{
    const char *spki_now = rows_text(rows, 18);
    return (struct persist_row){
        .id = rows_int(rows, 0),
        .set = rows_text(rows, 1),
        .authority = rows_text(rows, 2),
        .directory = rows_text(rows, 3),
        .identifier = rows_text(rows, 4),
        .challenge = rows_text(rows, 5),
        .alias = rows_text(rows, 6),
        .value = rows_text(rows, 7),
        .until_at_ms = rows_int(rows, 8),
        .created_at_ms = rows_int(rows, 9),
        .form = rows_text(rows, 10),
        .present = texts_equal(rows_text(rows, 12), "present"),
        .state = rows_text(rows, 13),
        .failure = rows_text(rows, 14),
        .provider = rows_text(rows, 15),
        .ref = rows_text(rows, 16),
        .published_at_ms = rows_int(rows, 17),
        .has_account = spki_now != NULL,
        .has_key = texts_equal(spki_now, rows_text(rows, 11)),
        .has_set = rows_int(rows, 19) != 0,
    };
}

bool persist_each(struct house *house, const char *set, persist_visit *visit, void *arg,
                  struct err *err)
{
    struct rows rows;
    bool on = true;
    if (!(set != NULL ? store_query(house->store, &rows, err, SQL_PERSIST_OF_SET, "t", set)
                      : store_query(house->store, &rows, err, SQL_PERSIST_OPEN, "")))
        return false;
    while (on && rows_next(&rows)) {
        struct persist_row row = row_read(&rows);
        on = visit(arg, &row);
    }
    return rows_end(&rows, err);
}

const char *persist_row_place(const struct persist_row *row)
{
    return row->alias != NULL ? row->alias : row->challenge;
}

static void end_tell(const struct persist_row *row, int64_t now_ms, struct buf *out)
{
    char when[TIME_TEXT_MAX];
    time_format(row->until_at_ms, false, when);
    buf_printf(out, "it %s on %s, and no order succeeds after that: chancery persist %s --publish",
               row->until_at_ms <= now_ms ? "ended" : "ends", when, row->set);
}

static bool row_judge(const struct persist_row *row, int64_t now_ms, struct buf *out)
{
    bool near =
        row->until_at_ms != 0 &&
        now_ms >= row->until_at_ms - persist_margin_ms(row->created_at_ms, row->until_at_ms);
    if (!row->has_set)
        buf_printf(out,
                   "its set is gone, but it still lets the account issue: chancery persist %s "
                   "--remove",
                   row->set);
    else if (!row->present)
        buf_printf(out, "it is still to be removed: chancery persist %s --remove", row->set);
    else if (!row->has_account)
        buf_printf(out, "its account at %s is not ours any more: chancery persist %s --publish",
                   row->authority, row->set);
    else if (!row->has_key && texts_equal(row->form, "hashed"))
        buf_printf(out,
                   "the account's key was changed since, and the CA takes it no more: chancery "
                   "persist %s --publish",
                   row->set);
    else if (near)
        end_tell(row, now_ms, out);
    else if (row->published_at_ms == 0)
        buf_printf(out, "it has not been seen at every name server: chancery persist %s --publish",
                   row->set);
    else
        return false;
    return true;
}

bool persist_row_trouble(const struct persist_row *row, int64_t now_ms, struct buf *out)
{
    size_t before = out->len;
    buf_printf(out, "standing record at %s: ", persist_row_place(row));
    if (!row_judge(row, now_ms, out)) {
        buf_cut(out, before);
        return false;
    }
    if (row->failure != NULL)
        buf_printf(out, " (%.600s)", row->failure);
    return true;
}
