/* SEES: base store */
/*
 * postgresql_check URL: every statement of the program is prepared by a real server in the types it is used with, and what both drivers
 * promise is tried on it: one writer, a lost transaction, a lost connection, values as they went in. Started by tests/e2e/test_postgresql.py.
 */
#include "base/mem.h"
#include "store/postgres/postgres.h"

#include <stdio.h>

static int n_wrong;

static void expect(bool ok, const char *what)
{
    if (!ok) {
        n_wrong++;
        printf("wrong: %s\n", what);
    }
}

/* A parameter that stands for an integer alone must not be guessed to be a text. */
static void statements_prepare(struct postgres_store *store)
{
    for (int i = 0; i < SQL_N; i++) {
        AUTO(buf_fini)
        struct buf text = BUF(64 * 1024);
        char name[24];
        Oid types[BINDS_MAX];
        postgres_translate(statement_texts[i].sql, &text);
        snprintf(name, sizeof name, "check%d", i);
        bool ok = false;
        /* Both of the types that parameters have: what is right for one of them is understood. */
        for (int as_number = 0; as_number < 2 && !ok; as_number++) {
            for (size_t k = 0; k < BINDS_MAX; k++)
                types[k] = as_number ? 20 : 0;
            PGresult *result =
                PQprepare(store->conn, name, buf_cstr(&text), as_number ? BINDS_MAX : 0, types);
            ok = PQresultStatus(result) == PGRES_COMMAND_OK ||
                 strstr(PQerrorMessage(store->conn), "but expression is of type text") != NULL;
            PQclear(result);
        }
        if (!ok)
            printf("%s: %s", statement_texts[i].name, PQerrorMessage(store->conn));
        n_wrong += !ok;
    }
}

static void values_try(struct store *store)
{
    struct err err = {0};
    int64_t id = 0, again = 1, n = 0;
    const struct str sealed = STR("\0\x01 quote ' backslash \\ \xff");
    expect(store_begin(store, &err), err.text);
    expect(store_insert(store, &id, &err, SQL_KEY_INSERT, "tttbi", "certificate", "ecdsa-p256",
                        "a'b\\c\xc3\xa4", sealed, INT64_C(4102444800123)) &&
               id > 0,
           "a row gets an id");
    expect(store_insert(store, &again, &err, SQL_KEY_INSERT, "tttbi", "certificate", "ecdsa-p256",
                        "a'b\\c\xc3\xa4", sealed, INT64_C(1)) &&
               again == 0,
           "ON CONFLICT DO NOTHING gives id 0");
    expect(store_commit(store, &err), err.text);
    struct rows rows;
    expect(store_query(store, &rows, &err, SQL_KEY_GET, "i", id), err.text);
    expect(rows_next(&rows), "the row is there");
    expect(strcmp(rows_text(&rows, 0), "a'b\\c\xc3\xa4") == 0, "a text comes back as it was");
    expect(str_eq(rows_blob(&rows, 1), sealed), "bytes come back as they were");
    expect(!rows_next(&rows) && rows_end(&rows, &err), "there is one");
    expect(store_int(store, 7, &n, &err, SQL_KEY_ID, "t", "not there") && n == 7, "otherwise");
    expect(store_int(store, 7, &n, &err, SQL_KEY_IS_OF_ACCOUNT, "t", "x") && n == 0, "false is 0");
    expect(store_n_commits(store) == 1, "one commit changed something");
}

static void lost_transaction_try(struct store *store)
{
    struct err err = {0};
    int64_t n = 0;
    expect(store_begin(store, &err), err.text);
    expect(store_run(store, NULL, &err, SQL_META_SET, "tt", "lost", "1"), err.text);
    /* An authorization must belong to an order that there is. */
    expect(!store_run(store, NULL, &err, SQL_AUTHZ_SAVE, "iittBttttBtt", INT64_C(987654),
                      INT64_C(0), "https://ca.test/1", NULL, 0, "unread", NULL, NULL, NULL, 0, NULL,
                      NULL) &&
               err.kind == ERR_STORE,
           "a statement that fails is told");
    expect(!store_run(store, NULL, &err, SQL_META_SET, "tt", "after", "1"),
           "what follows in the transaction fails");
    expect(!store_commit(store, &err), "and so does the commit");
    struct rows rows;
    expect(store_query(store, &rows, &err, SQL_META_GET, "t", "lost") && !rows_next(&rows) &&
               rows_end(&rows, &err),
           "nothing of it was kept");
    expect(store_int(store, 0, &n, &err, SQL_KEY_NEWEST, "") && n > 0, "the store works on");
}

static void writers_try(struct store *store, const char *url)
{
    struct err err = {0};
    struct store *other = NULL;
    struct store_options options = {.path = url, .busy_timeout_ms = 300};
    expect(store_open(&options, &other, &err), err.text);
    expect(store_begin(store, &err), err.text);
    expect(!store_begin(other, &err) && strstr(err.text, "another chancery writes") != NULL,
           "a second writer waits, then is told");
    expect(store_commit(store, &err) && store_begin(other, &err) && store_commit(other, &err),
           "then it is let in");
    store_close(other);
}

/* The server ends the connection, as at its own restart. */
static void connection_end(struct postgres_store *store, const char *url)
{
    char sql[80];
    PGconn *conn = PQconnectdb(url);
    snprintf(sql, sizeof sql, "SELECT pg_terminate_backend(%d, 5000)", PQbackendPID(store->conn));
    PQclear(PQexec(conn, sql));
    PQfinish(conn);
}

static void lost_connection_try(struct store *store, const char *url)
{
    struct err err = {0};
    int64_t n = 0;
    connection_end(postgres_of(store), url);
    expect(store_int(store, 0, &n, &err, SQL_KEY_NEWEST, "") && n > 0,
           "a connection that was lost while it was idle is opened anew for a question");
    connection_end(postgres_of(store), url);
    expect(store_begin(store, &err), "and for a change");
    expect(store_run(store, NULL, &err, SQL_META_SET, "tt", "lost", "2"), err.text);
    connection_end(postgres_of(store), url);
    expect(!store_run(store, NULL, &err, SQL_META_SET, "tt", "after", "2") &&
               strstr(err.text, "the server is ending or starting") != NULL,
           "in the middle of a change it is told, with the server's reason");
    expect(!store_commit(store, &err), "and the change is over");
    struct rows rows;
    expect(store_query(store, &rows, &err, SQL_META_GET, "t", "lost") && !rows_next(&rows) &&
               rows_end(&rows, &err),
           "nothing of it was kept, either");
}

int main(int argc, char **argv)
{
    struct err err = {0};
    struct store *store = NULL;
    struct store_options options = {.path = argc > 1 ? argv[1] : "", .create = true};
    if (!store_open(&options, &store, &err)) {
        printf("%s\n", err.text);
        return 1;
    }
    statements_prepare(postgres_of(store));
    values_try(store);
    lost_transaction_try(store);
    writers_try(store, options.path);
    lost_connection_try(store, options.path);
    store_close(store);
    printf("%d wrong\n", n_wrong);
    return n_wrong == 0 ? 0 : 1;
}
