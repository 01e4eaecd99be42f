#include "store/postgres/postgres.h"

#include <inttypes.h>
#include <stdio.h>

enum { OID_BOOL = 16, OID_BYTEA = 17, OID_INT8 = 20, OID_TEXT = 25 };

/* ---- preparing ---- */

static Oid oid_of(char letter)
{
    return letter == 't' ? OID_TEXT : letter == 'b' ? OID_BYTEA : OID_INT8;
}

/* The types are told: what the server would guess for `NULLIF(?3, 0)` is too small. */
static bool statement_prepare(struct postgres_store *store, enum sql_name name, bool wants_id,
                              const struct bind *binds, size_t n, char out_name[16],
                              struct err *err)
{
    size_t slot = (size_t)name + (wants_id ? SQL_N : 0);
    snprintf(out_name, 16, "s%zu", slot);
    if (store->prepared[slot])
        return true;
    Oid types[BINDS_MAX];
    char doing[DOING_MAX];
    AUTO(buf_fini)
    struct buf text = BUF(64 * 1024);
    for (size_t i = 0; i < n; i++)
        types[i] = oid_of(binds[i].letter);
    postgres_translate(statement_texts[name].sql, &text);
    if (wants_id)
        buf_add_cstr(&text, " RETURNING id");
    CHECK(!text.overflow);
    doing_set(name, doing);
    PGresult *result = answer_await(
        store, PQsendPrepare(store->conn, out_name, buf_cstr(&text), (int)n, types), false);
    bool ok = PQresultStatus(result) == PGRES_COMMAND_OK;
    if (!ok)
        postgres_fault(store, result, doing, err);
    PQclear(result);
    store->prepared[slot] = ok;
    return ok;
}

/* ---- running ---- */

struct values {
    const char *value[BINDS_MAX];
    int len[BINDS_MAX], format[BINDS_MAX];
    char numbers[BINDS_MAX][24];
};

static void values_fill(struct values *v, const struct bind *binds, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct bind *bind = &binds[i];
        v->format[i] = bind->letter == 'b';
        v->len[i] = 0;
        switch (bind->letter) {
        case 't':
            v->value[i] = bind->text;
            break;
        case 'b':
            v->value[i] = bind->blob.p;
            v->len[i] = (int)bind->blob.len;
            break;
        default:
            snprintf(v->numbers[i], sizeof v->numbers[i], "%" PRId64, bind->number);
            v->value[i] = v->numbers[i];
        }
    }
}

static PGresult *statement_exec(struct postgres_store *store, enum sql_name name, bool wants_id,
                                const struct bind *binds, size_t n, struct err *err)
{
    char doing[DOING_MAX], prepared[16];
    struct values v;
    doing_set(name, doing);
    if (!server_ready(store, doing, err) ||
        !statement_prepare(store, name, wants_id, binds, n, prepared, err))
        return NULL;
    values_fill(&v, binds, n);
    int was_sent = PQsendQueryPrepared(store->conn, prepared, (int)n, v.value, v.len, v.format, 0);
    PGresult *result = answer_await(store, was_sent, false);
    ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
        return result;
    postgres_fault(store, result, doing, err);
    PQclear(result);
    return NULL;
}

bool postgres_run(struct store *base, enum sql_name name, const struct bind *binds, size_t n,
                  int64_t *ret_changes, int64_t *ret_id, struct err *err)
{
    struct postgres_store *store = postgres_of(base);
    PGresult *result = statement_exec(store, name, ret_id != NULL, binds, n, err);
    if (result == NULL)
        return false;
    *ret_changes = 0;
    str_to_i64(str_of(PQcmdTuples(result)), ret_changes);
    if (ret_id != NULL) {
        *ret_id = 0;
        if (PQntuples(result) > 0)
            str_to_i64(str_of(PQgetvalue(result, 0, 0)), ret_id);
    }
    store->has_changed = store->has_changed || *ret_changes > 0;
    PQclear(result);
    return true;
}

/* ---- walking ---- */

struct walk {
    PGresult *result;
    struct arena *arena; /* of blobs; NULL: none was read yet */
};

bool postgres_query(struct store *base, struct rows *ret_rows, enum sql_name name,
                    const struct bind *binds, size_t n, struct err *err)
{
    PGresult *result = statement_exec(postgres_of(base), name, false, binds, n, err);
    if (result == NULL)
        return false;
    struct walk *walk = NEW(struct walk);
    walk->result = result;
    *ret_rows = (struct rows){base, walk, -1};
    return true;
}

bool postgres_rows_next(struct rows *rows)
{
    const struct walk *walk = rows->statement;
    CHECK(walk != NULL);
    if (rows->state < PQntuples(walk->result))
        rows->state++;
    return rows->state < PQntuples(walk->result);
}

static struct walk *walk_of(const struct rows *rows, int column)
{
    struct walk *walk = rows->statement;
    CHECK(walk != NULL && rows->state >= 0 && rows->state < PQntuples(walk->result) &&
          column >= 0 && column < PQnfields(walk->result));
    return walk;
}

bool postgres_rows_is_null(const struct rows *rows, int column)
{
    return PQgetisnull(walk_of(rows, column)->result, rows->state, column) != 0;
}

int64_t postgres_rows_int(const struct rows *rows, int column)
{
    const PGresult *result = walk_of(rows, column)->result;
    const char *text = PQgetvalue(result, rows->state, column);
    int64_t value = 0;
    if (PQftype(result, column) == OID_BOOL)
        return text[0] == 't';
    /* As SQLite does it: what stands before the point. */
    size_t len = strcspn(text, ".");
    str_to_i64(str_mem(text, len), &value);
    return value;
}

struct str postgres_rows_blob(const struct rows *rows, int column)
{
    struct walk *walk = walk_of(rows, column);
    if (PQgetisnull(walk->result, rows->state, column))
        return (struct str){0};
    const char *text = PQgetvalue(walk->result, rows->state, column);
    if (PQftype(walk->result, column) != OID_BYTEA)
        return str_of(text);
    size_t len = 0;
    unsigned char *bytes = PQunescapeBytea((const unsigned char *)text, &len);
    CHECK(bytes != NULL);
    if (walk->arena == NULL)
        walk->arena = arena_new();
    const char *copy = arena_strndup(walk->arena, (const char *)bytes, len);
    explicit_bzero(bytes, len);
    PQfreemem(bytes);
    return str_mem(copy, len);
}

const char *postgres_rows_text(const struct rows *rows, int column)
{
    const struct walk *walk = walk_of(rows, column);
    if (PQgetisnull(walk->result, rows->state, column))
        return NULL;
    return PQftype(walk->result, column) == OID_BYTEA
               ? postgres_rows_blob(rows, column).p
               : PQgetvalue(walk->result, rows->state, column);
}

bool postgres_rows_end(struct rows *rows, struct err *err)
{
    struct walk *walk = rows->statement;
    (void)err; /* the whole answer was there before the walk began */
    CHECK(walk != NULL);
    PQclear(walk->result);
    arena_free(walk->arena);
    mem_free(walk);
    return true;
}
