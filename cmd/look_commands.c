/* plan, history: what would be done, and what was done. */
#include "cmd/house_open.h"
#include "cmd/limits_view.h"
#include "cmd/options.h"
#include "cmd/output.h"
#include "cmd/park_view.h"
#include "cmd/persist_view.h"
#include "cmd/run_commands.h"
#include "cmd/set_words.h"

#include "inventory/event.h"
#include "inventory/plan.h"

#include <stdio.h>

/* ---- plan ---- */

struct planning {
    struct invocation *in;
    int64_t now_ms, next_at_ms;
    struct table *table;
    struct json *list, *standing;  /* standing: TXT records that need a person */
    struct json *parked;           /* DNS providers that are left alone for a while */
    struct json *limits, *limited; /* nearly used up; sets that wait for one */
    size_t n_now, n_shown;
    struct register_result changes; /* that could not be taken up */
};

/* Changed files are taken up as `renew` would; where the store cannot be written the plan is made of what was read last. */
static bool plan_open(struct planning *p)
{
    struct invocation *in = p->in;
    struct register_result result;
    struct err why = {0};
    if (house_open_store(in, in->config->store_path, false, false, &why) &&
        register_refresh(&in->house, &result, &why))
        return true;
    if (why.kind == ERR_CONFIG) {
        in->err = why;
        return false;
    }
    store_close(in->house.store);
    in->house.store = NULL;
    return house_open_store(in, in->config->store_path, false, true, &in->err) &&
           register_look(&in->house, &p->changes, &in->err);
}

static bool line_is_asked_for(const struct invocation *in, const struct plan_line *line)
{
    if (in->n_words == 0)
        return option_is_on(in, "all") || line->is_now;
    for (size_t i = 0; i < in->n_words; i++)
        if (strcmp(in->words[i], line->set) == 0)
            return true;
    return false;
}

static enum ink line_ink(const struct plan_line *line)
{
    if (line->action == PLAN_BROKEN)
        return INK_BAD;
    return line->is_now ? INK_WARN : line->action == PLAN_NONE ? INK_DIM : INK_NONE;
}

static void line_row(struct planning *p, const struct plan_line *line)
{
    char when[64];
    AUTO(buf_fini)
    struct buf why = BUF(16 * 1024);
    struct str rest = str_of(line->why), part;
    while (str_split(&rest, '\n', &part))
        buf_printf(&why, "%s%.*s", why.len > 0 ? "; " : "", STR_ARG(part));
    when_format(line->at_ms, p->now_ms, when);
    table_cell(p->table, INK_BOLD, "%s", line->set);
    table_cell(p->table, line_ink(line), "%s", plan_action_name(line->action));
    table_cell(p->table, INK_NONE, "%s", line->is_now ? "now" : when);
    table_cell(p->table, INK_NONE, "%s", buf_cstr(&why));
}

static struct json *line_json(const struct plan_line *line)
{
    struct json *tree = json_set_text(json_object(), "set", line->set);
    json_set_text(tree, "action", plan_action_name(line->action));
    json_set_text(tree, "why", line->why);
    json_set_text(tree, "due_rule", line->due_rule);
    json_set_text(tree, "explanation_url", line->explanation);
    json_set_time(tree, "at", line->at_ms);
    return json_set_bool(tree, "now", line->is_now);
}

static bool line_tell(void *arg, const struct plan_line *line)
{
    struct planning *p = arg;
    if (!line->is_now && line->at_ms < p->next_at_ms)
        p->next_at_ms = line->at_ms;
    if (!line_is_asked_for(p->in, line))
        return true;
    p->n_shown++;
    p->n_now += line->is_now;
    if (p->in->json)
        json_push(p->list, line_json(line));
    else
        line_row(p, line);
    return true;
}

static void plan_tell(const struct planning *p, int64_t n_faults)
{
    const struct invocation *in = p->in;
    size_t n_unread = p->changes.n_changed + p->changes.n_removed;
    if (in->json) {
        AUTO(json_fini)
        struct json *tree = json_set(json_object(), "plan", json_copy(p->list));
        json_set(tree, "standing_troubles", json_copy(p->standing));
        json_set(tree, "providers_parked", json_copy(p->parked));
        json_set(tree, "limits", json_copy(p->limits));
        json_set(tree, "sets_put_off", json_copy(p->limited));
        json_set_int(tree, "broken_set_files", n_faults);
        json_set_int(tree, "changed_files_not_read", (int64_t)n_unread);
        json_print(tree);
        return;
    }
    table_print(p->table, in);
    if (option_common(in, "quiet") == NULL && p->n_now == 0)
        printf("%s\n", in->n_words > 0 ? "none of them is due now" : "nothing is due now");
    persist_troubles_print(p->standing);
    parks_print(p->parked);
    limits_print(p->limits);
    limited_print(p->limited);
    if (n_faults > 0)
        fprintf(stderr,
                "%lld set file%s cannot be used: `chancery check` tells why; the certificates they "
                "had stay\n",
                (long long)n_faults, n_faults == 1 ? "" : "s");
    if (n_unread > 0)
        fprintf(stderr, "the store cannot be written: %zu changed set files are not in this plan\n",
                n_unread);
}

enum exit_code plan_run(struct invocation *in)
{
    static const char *const headings[] = {"SET", "ACTION", "WHEN", "WHY"};
    struct planning p = {
        .in = in, .now_ms = house_now(&in->house), .next_at_ms = INT64_MAX, .list = json_array()};
    bool all = in->n_words > 0 || option_is_on(in, "all");
    int64_t n_faults = 0;
    p.table = table_new(headings, sizeof headings / sizeof headings[0]);
    bool ok = plan_open(&p) && set_words_check(in) &&
              plan_each(&in->house, all, line_tell, &p, &in->err) &&
              store_int(in->house.store, 0, &n_faults, &in->err, SQL_SET_N_FAULTS, "") &&
              persist_troubles(in, &in->house, &p.standing) && parks_list(in, &p.parked) &&
              limits_list(in, true, &p.limits) && limited_list(in, &p.limited);
    if (ok)
        plan_tell(&p, n_faults);
    table_free(p.table);
    json_free(p.list);
    json_free(p.standing);
    json_free(p.parked);
    json_free(p.limits);
    json_free(p.limited);
    return ok ? EXIT_CODE_DONE : exit_code_of(&in->err);
}

/* ---- history ---- */

static enum ink level_ink(const char *level)
{
    if (strcmp(level, "error") == 0)
        return INK_BAD;
    return strcmp(level, "warning") == 0 ? INK_WARN : INK_NONE;
}

static void event_row(const struct rows *rows, struct table *table)
{
    char at[TIME_TEXT_MAX];
    const char *set = rows_text(rows, 4);
    time_format(rows_int(rows, 1), false, at);
    table_cell(table, INK_DIM, "%s", at);
    table_cell(table, level_ink(rows_text(rows, 2)), "%s", rows_text(rows, 3));
    table_cell(table, INK_BOLD, "%s", set != NULL ? set : "-");
    table_cell(table, INK_NONE, "%s", rows_text(rows, 6));
}

static struct json *event_json(const struct rows *rows)
{
    struct json *tree = json_set_int(json_object(), "id", rows_int(rows, 0));
    json_set_time(tree, "at", rows_int(rows, 1));
    json_set_text(tree, "level", rows_text(rows, 2));
    json_set_text(tree, "event", rows_text(rows, 3));
    json_set_text(tree, "set", rows_text(rows, 4));
    json_set(tree, "order",
             rows_is_null(rows, 5) ? json_new_null() : json_new_int(rows_int(rows, 5)));
    return json_set_text(tree, "text", rows_text(rows, 6));
}

static bool lines_read(struct invocation *in, int64_t *ret_n)
{
    const char *lines = option_value(in, "lines");
    int64_t n = 50;
    if (lines != NULL && (!str_to_i64(str_of(lines), &n) || n < 0))
        return err_set(&in->err, ERR_CONFIG, "--lines takes a number of events, not \"%.40s\"",
                       lines);
    *ret_n = n == 0 ? INT64_MAX : n;
    return true;
}

static bool events_open(struct invocation *in, int64_t n_lines, struct rows *rows)
{
    struct store *store = in->house.store;
    return in->n_words > 0 ? store_query(store, rows, &in->err, SQL_EVENT_TAIL_OF_SET, "ti",
                                         in->words[0], n_lines)
                           : store_query(store, rows, &in->err, SQL_EVENT_TAIL, "i", n_lines);
}

/* A set that never was is a mistake of the command line; a removed one still has its history. */
static bool set_was(struct invocation *in)
{
    struct set_row row = {0};
    if (in->n_words == 0)
        return true;
    if (!register_row(&in->house, in->words[0], &row, &in->err)) {
        if (in->err.kind == ERR_ABSENT)
            in->err.kind = ERR_CONFIG;
        return false;
    }
    set_row_fini(&row);
    return true;
}

static bool events_tell(struct invocation *in, int64_t n_lines)
{
    static const char *const headings[] = {"AT", "EVENT", "SET", "TEXT"};
    struct rows rows;
    if (!set_was(in) || !events_open(in, n_lines, &rows))
        return false;
    AUTO(json_fini)
    struct json *tree = json_object();
    struct json *list = json_array();
    struct table *table = table_new(headings, sizeof headings / sizeof headings[0]);
    while (rows_next(&rows)) {
        if (in->json)
            json_push(list, event_json(&rows));
        else
            event_row(&rows, table);
    }
    json_set(tree, "events", list);
    bool ok = rows_end(&rows, &in->err);
    if (ok && in->json)
        json_print(tree);
    else if (ok)
        table_print(table, in);
    table_free(table);
    return ok;
}

static enum exit_code history_check(struct invocation *in)
{
    int64_t n = 0;
    if (!event_chain_check(&in->house, &n, &in->err))
        return exit_code_of(&in->err);
    if (in->json) {
        AUTO(json_fini)
        struct json *tree = json_set_bool(json_object(), "ok", true);
        json_set_int(tree, "events", n);
        json_print(tree);
    } else if (option_common(in, "quiet") == NULL) {
        printf("%lld events, each as it was written\n", (long long)n);
    }
    return EXIT_CODE_DONE;
}

enum exit_code history_run(struct invocation *in)
{
    int64_t n_lines;
    bool all = option_is_on(in, "all"), checks = option_is_on(in, "check");
    if (checks && (all || in->n_words > 0)) {
        err_set(&in->err, ERR_CONFIG,
                "--check looks at the whole history; it takes neither a set nor --all");
        return EXIT_CODE_USAGE;
    }
    if (checks)
        return history_check(in);
    if (all == (in->n_words > 0)) {
        err_set(&in->err, ERR_CONFIG, "history needs the name of a set, or --all");
        return EXIT_CODE_USAGE;
    }
    return lines_read(in, &n_lines) && events_tell(in, n_lines) ? EXIT_CODE_DONE
                                                                : exit_code_of(&in->err);
}
