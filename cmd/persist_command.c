/* persist: the standing records of a set. */
#include "cmd/options.h"
#include "cmd/output.h"
#include "cmd/run_commands.h"
#include "cmd/set_words.h"

#include "inventory/register.h"
#include "leader/persist.h"

#include <stdio.h>

enum { WAIT_MS = 10 * 60 * 1000, STRING_MAX = 255 };

/* ---- the command line ---- */

static bool wait_read(struct invocation *in, int64_t *ret_ms)
{
    const char *wait = option_value(in, "wait");
    *ret_ms = option_is_on(in, "no-wait") ? 0 : WAIT_MS;
    return wait == NULL || duration_parse(str_of(wait), ret_ms) ||
           err_set(&in->err, ERR_CONFIG,
                   "--wait takes a length of time like 30s or 10m, not \"%.40s\"", wait);
}

/* A day alone means its beginning, UTC. */
static bool time_read(const char *text, int64_t *ret_at_ms)
{
    AUTO(mem_fini)
    char *day = mem_printf("%sT00:00:00Z", text);
    return time_parse(str_of(text), ret_at_ms) || time_parse(str_of(day), ret_at_ms);
}

static bool until_read(struct invocation *in, int64_t *ret_at_ms)
{
    const char *until = option_value(in, "until"), *length = option_value(in, "for");
    int64_t now_ms = house_now(&in->house), length_ms = 0;
    if (until != NULL && length != NULL)
        return err_set(&in->err, ERR_CONFIG, "--until and --for say the same thing: give one");
    if (until != NULL && !time_read(until, ret_at_ms))
        return err_set(&in->err, ERR_CONFIG,
                       "--until takes a day or a time like 2027-06-01T12:00:00Z, not \"%.40s\"",
                       until);
    if (length != NULL && !duration_parse(str_of(length), &length_ms))
        return err_set(&in->err, ERR_CONFIG, "--for takes a length of time like 90d, not \"%.40s\"",
                       length);
    if (length != NULL)
        *ret_at_ms = now_ms + length_ms;
    return (until == NULL && length == NULL) || *ret_at_ms > now_ms ||
           err_set(&in->err, ERR_CONFIG, "the end of the permission must lie in the future");
}

static bool options_read(struct invocation *in, struct persist_options *ret)
{
    bool removes = option_is_on(in, "remove");
    *ret = (struct persist_options){.publishes = option_is_on(in, "publish"),
                                    .wildcard = option_is_on(in, "wildcard")};
    if (removes &&
        (ret->publishes || ret->wildcard || option_is_on(in, "until") || option_is_on(in, "for")))
        return err_set(&in->err, ERR_CONFIG, "--remove removes all records; nothing goes with it");
    return wait_read(in, &ret->wait_ms) && until_read(in, &ret->until_at_ms);
}

/* ---- printing ---- */

static const char *line_place(const struct persist_line *line)
{
    return line->alias != NULL ? line->alias : line->challenge;
}

/* As a zone file has it: long values in several strings. */
static void value_print(const char *value)
{
    for (size_t len = strlen(value); len > 0;) {
        size_t n = len < STRING_MAX ? len : STRING_MAX;
        printf(" \"%.*s\"", (int)n, value);
        value += n;
        len -= n;
    }
}

static void line_print(const struct persist_line *line)
{
    char until[TIME_TEXT_MAX] = "";
    if (line->until_at_ms != 0)
        time_format(line->until_at_ms, false, until);
    printf("; %s, account %s, %s%s; %s\n", line->authority, line->account_url,
           line->until_at_ms != 0 ? "until " : "without an end", until,
           line->stands ? "published" : "not published from here");
    printf("%s. IN TXT", line_place(line));
    value_print(line->value);
    printf("\n");
}

static struct json *line_json(const struct persist_line *line)
{
    struct json *tree = json_set_text(json_object(), "authority", line->authority);
    json_set_text(tree, "directory", line->directory);
    json_set_text(tree, "account", line->account_url);
    json_set_text(tree, "name", line->base);
    json_set_text(tree, "owner", line_place(line));
    json_set_text(tree, "value", line->value);
    json_set_time(tree, "until", line->until_at_ms);
    json_set_bool(tree, "published", line->stands);
    return json_set_bool(tree, "issuer_is_from_directory", line->is_guessed);
}

static void report_json(const struct invocation *in, const struct persist_report *report)
{
    AUTO(json_fini)
    struct json *tree = json_set_text(json_object(), "set", in->words[0]);
    struct json *list = json_array();
    for (size_t i = 0; i < report->n; i++)
        json_push(list, line_json(&report->lines[i]));
    json_set(tree, "records", list);
    json_set_int(tree, "removed", (int64_t)report->n_removed);
    json_print(tree);
}

static void report_notes(const struct invocation *in, const struct persist_report *report,
                         const struct set_config *set)
{
    bool guessed = false;
    for (size_t i = 0; i < report->n; i++)
        guessed = guessed || report->lines[i].is_guessed;
    if (option_common(in, "quiet") != NULL)
        return;
    if (guessed)
        fprintf(stderr, "what the CA calls itself is taken from its directory, since no order has "
                        "told yet; the first order shows whether it is right\n");
    if (!challenge_stands(set->challenge))
        fprintf(stderr,
                "set %s proves control by %s: the records serve no order before it says "
                "`challenge: dns-persist-01`\n",
                set->name, challenge_name(set->challenge));
    if (report->n_removed > 0)
        fprintf(stderr, "%zu record%s of the set that were not needed any more %s removed\n",
                report->n_removed, report->n_removed == 1 ? "" : "s",
                report->n_removed == 1 ? "was" : "were");
}

static void report_print(const struct invocation *in, const struct persist_report *report,
                         const struct set_config *set)
{
    if (in->json) {
        report_json(in, report);
        return;
    }
    for (size_t i = 0; i < report->n; i++)
        line_print(&report->lines[i]);
    report_notes(in, report, set);
}

/* ---- the command ---- */

static bool persist_make(struct invocation *in, const struct persist_options *options)
{
    struct persist_report report = {0};
    struct set_config *set = NULL;
    if (!register_set(&in->house, in->words[0], &set, &in->err))
        return false;
    struct progress_view *view = progress_view_new(in);
    in->house.progress = progress_view_front(view);
    bool ok = leader_persist(&in->house, set, options, &report, &in->err);
    progress_view_free(view);
    in->house.progress = (struct progress){0};
    if (ok)
        report_print(in, &report, set);
    persist_report_fini(&report);
    set_config_free(set);
    return ok;
}

static bool persist_remove(struct invocation *in, int64_t wait_ms)
{
    struct persist_report report = {0};
    if (!leader_persist_remove(&in->house, in->words[0], wait_ms, &report.n_removed, &in->err) &&
        in->err.kind != ERR_ABSENT)
        return false;
    if (in->json)
        report_json(in, &report);
    else if (option_common(in, "quiet") == NULL && report.n_removed == 0)
        printf("%s\n", in->err.text);
    else if (option_common(in, "quiet") == NULL)
        printf("%zu standing record%s of set %s removed\n", report.n_removed,
               report.n_removed == 1 ? "" : "s", in->words[0]);
    err_clear(&in->err);
    return true;
}

enum exit_code persist_run(struct invocation *in)
{
    struct persist_options options;
    if (!options_read(in, &options) || !set_words_check(in))
        return exit_code_of(&in->err);
    bool ok = option_is_on(in, "remove") ? persist_remove(in, options.wait_ms)
                                         : persist_make(in, &options);
    return ok ? EXIT_CODE_DONE : exit_code_of(&in->err);
}
