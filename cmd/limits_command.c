/* limits: what CAs allow, and how much of it is left. */
#include "cmd/limits_view.h"
#include "cmd/options.h"
#include "cmd/output.h"
#include "cmd/run_commands.h"

#include "acme/name.h"

#include <stdio.h>

static void entry_row(struct invocation *in, const struct json *e, struct table *table)
{
    const char *ca = json_text(e, "ca"), *rate = json_text(e, "rate");
    const char *next = json_text(e, "next_at"), *full = json_text(e, "full_at");
    int64_t left = json_int(e, "left", 0), used = json_int(e, "used", 0);
    bool is_known = rate != NULL;
    (void)in;
    table_cell(table, INK_BOLD, "%s", ca != NULL ? ca : json_text(e, "directory"));
    table_cell(table, INK_NONE, "%s", json_text(e, "limit"));
    table_cell(table, INK_NONE, "%s", json_text(e, "of"));
    table_cell(table, INK_NONE, "%s", is_known ? rate : "not known");
    if (is_known) {
        table_cell(table, INK_NONE, "%lld", (long long)used);
        table_cell(table, left > 0 ? INK_NONE : INK_BAD, "%lld", (long long)left);
    } else {
        table_cell(table, INK_NONE, "-");
        table_cell(table, INK_NONE, "-");
    }
    table_cell(table, INK_NONE, "%s", next != NULL ? next : "-");
    table_cell(table, INK_NONE, "%s", full != NULL ? full : "-");
}

static struct json *list_json(struct invocation *in, const struct suffix_list *list)
{
    struct json *tree = json_object();
    json_set_text(tree, "file", list != NULL ? in->config->suffixes_path : NULL);
    json_set_time(tree, "made_at", suffix_list_made_at_ms(list));
    const struct err *fault = &in->config->suffixes_fault;
    return json_set_text(tree, "fault", fault->kind != ERR_NONE ? fault->text : NULL);
}

static void list_print(const struct invocation *in, const struct suffix_list *list)
{
    char made[TIME_TEXT_MAX] = "an unknown time";
    int64_t made_at_ms = suffix_list_made_at_ms(list);
    if (made_at_ms != 0)
        time_format(made_at_ms, false, made);
    printf("registered domains are told by the public suffix list of %s (%s)\n", made,
           list != NULL ? in->config->suffixes_path : "libpsl");
    if (in->config->suffixes_fault.kind != ERR_NONE)
        printf("%s; the list of libpsl is used\n", in->config->suffixes_fault.text);
}

enum exit_code limits_run(struct invocation *in)
{
    static const char *const headings[] = {"CA",   "LIMIT", "OF",   "RATE",
                                           "USED", "LEFT",  "NEXT", "FULL AGAIN"};
    AUTO(json_fini)
    struct json *limits = NULL;
    AUTO(json_fini)
    struct json *limited = NULL;
    if (!limits_list(in, option_is_on(in, "near"), &limits) || !limited_list(in, &limited))
        return exit_code_of(&in->err);
    const struct suffix_list *list = config_suffixes(in->config);
    if (in->json) {
        AUTO(json_fini)
        struct json *tree = json_set(json_object(), "limits", json_copy(limits));
        json_set(tree, "sets_put_off", json_copy(limited));
        json_set(tree, "public_suffix_list", list_json(in, list));
        json_print(tree);
        return EXIT_CODE_DONE;
    }
    struct table *table = table_new(headings, sizeof headings / sizeof headings[0]);
    for (size_t i = 0; i < json_len(limits); i++)
        entry_row(in, json_at(limits, i), table);
    table_print(table, in);
    table_free(table);
    if (json_len(limits) == 0)
        printf("no limit is in use\n");
    limited_print(limited);
    if (option_common(in, "quiet") == NULL)
        list_print(in, list);
    return EXIT_CODE_DONE;
}
