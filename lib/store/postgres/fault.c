#include "store/postgres/postgres.h"

struct advice {
    const char *state; /* SQLSTATE, or its beginning */
    const char *why, *what_to_do;
    bool is_of_connection;
};

static const struct advice advices[] = {
    {"08", "the connection to the server was lost", "it is opened anew at the next try", true},
    {"57P", "the server is ending or starting", "it is tried again at the next run", true},
    {"25P03", "this process stood still in the middle of a change, and the server ended it",
     "nothing of the change was kept; it is opened anew at the next try", true},
    {"25006", "the server takes no changes: it is a standby",
     "name all servers in `store:` with target_session_attrs=read-write", true},
    {"53100", "the disk of the server is full",
     "free space there; nothing of this change was kept, all before it is safe", false},
    {"53300", "the server takes no more connections", "raise max_connections, or end others", true},
    {"55P03", "another chancery writes", "let it end, then try again", false},
    {"57014", "the statement was cancelled", "try again", false},
    {"40", "it collided with another change", "nothing of this change was kept; try again", false},
    {"28", "the server refuses this user", "check user, password and pg_hba.conf", true},
    {"3D000", "there is no such database", "create it: createdb -O USER NAME", true},
    {"3F000", "there is no such schema", "create it: CREATE SCHEMA NAME", true},
    {"42P01", "a table is gone: the register was moved or dropped while it was open",
     "see what `store:` of chancery.yaml should be", true},
    {"42501", "the user may not do that", "make the user owner of the database", false},
    {"23", "a rule of the schema forbids it", "that change was not made; this is a bug: report it",
     false},
    {"25P02", "refused because an earlier step of the same change failed",
     "nothing of the change was kept", false},
};

static const struct advice *advice_find(const char *state)
{
    for (size_t i = 0; state != NULL && i < sizeof advices / sizeof advices[0]; i++)
        if (str_starts(str_of(state), str_of(advices[i].state)))
            return &advices[i];
    return NULL;
}

/* One line, without what the client library adds for itself. */
static void message_add(const char *message, struct buf *out)
{
    struct str text = str_trim(str_of(message)), line;
    if (str_split(&text, '\n', &line))
        text_escape(out, line, 300);
}

bool postgres_fault(struct postgres_store *store, const PGresult *result, const char *doing,
                    struct err *err)
{
    const char *state = result != NULL ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    if (state == NULL && store->farewell[0] != '\0')
        state = store->farewell;
    const char *said = result != NULL ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;
    bool is_lost =
        store->conn == NULL || PQstatus(store->conn) != CONNECTION_OK || store->silence != NULL;
    const struct advice *advice = advice_find(state);
    AUTO(buf_fini)
    struct buf detail = BUF(2048);
    if (said == NULL)
        said = store->silence;
    if (said == NULL && store->conn != NULL)
        said = PQerrorMessage(store->conn);
    message_add(said != NULL ? said : "", &detail);
    if (is_lost || (advice != NULL && advice->is_of_connection))
        store->distrust = true;
    if (store->base.in_transaction)
        store->has_failed = true;
    if (advice != NULL)
        return err_set(err, ERR_STORE, "store %s: %s: %s (%s): %s", store->base.path, doing,
                       advice->why, buf_cstr(&detail), advice->what_to_do);
    if (is_lost)
        return err_set(err, ERR_STORE, "store %s: %s: the server cannot be reached (%s)",
                       store->base.path, doing, buf_cstr(&detail));
    return err_set(err, ERR_STORE, "store %s: %s: %s (SQLSTATE %s); this is a bug: report it",
                   store->base.path, doing, buf_cstr(&detail), state != NULL ? state : "none");
}
