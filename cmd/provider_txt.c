/* provider txt: TXT records by hand. */
#include "cmd/options.h"
#include "cmd/output.h"
#include "cmd/provider_words.h"
#include "cmd/run_commands.h"

#include "dns/txt_hand.h"

#include <stdio.h>

enum { VALUE_MAX = 255 };

struct hand {
    struct txt_by_hand records;
    char *owner;
    size_t n_removed;
    int64_t wait_ms;
};

/* ---- the command line ---- */

static bool value_is_fit(struct invocation *in, const char *value)
{
    size_t len = strlen(value);
    if (len == 0 || len > VALUE_MAX)
        return err_set(&in->err, ERR_CONFIG, "a value has 1 to %d bytes; this one has %zu",
                       VALUE_MAX, len);
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)value[i] < 0x20 || (unsigned char)value[i] > 0x7e)
            return err_set(&in->err, ERR_CONFIG, "a value is printable ASCII; byte %zu is not",
                           i + 1);
    return true;
}

static bool until_read(struct invocation *in, int64_t *ret_at_ms)
{
    const char *length = option_value(in, "for");
    int64_t length_ms = 0;
    if (length == NULL)
        return true;
    if (!duration_parse(str_of(length), &length_ms) || length_ms <= 0)
        return err_set(&in->err, ERR_CONFIG,
                       "--for takes a length of time like 1h or 7d, not \"%.40s\"", length);
    *ret_at_ms = house_now(&in->house) + length_ms;
    return true;
}

/* add|remove PROVIDER NAME VALUE ... */
static bool hand_read(struct invocation *in, bool adds, struct hand *hand)
{
    const char *const *values = (const char *const *)in->words + 3;
    size_t n = in->n_words > 3 ? in->n_words - 3 : 0;
    if (in->n_words < 3 || (adds && n == 0))
        return err_set(
            &in->err, ERR_CONFIG,
            "provider txt %s needs PROVIDER, NAME and %s; see `chancery provider txt --help`",
            in->words[0], adds ? "at least one VALUE" : "perhaps VALUEs");
    if (!zone_normalise(in->words[2], &hand->owner, &in->err))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!value_is_fit(in, values[i]))
            return false;
    hand->records = (struct txt_by_hand){.owner = hand->owner,
                                         .values = n > 0 ? values : NULL,
                                         .n = n,
                                         .is_unseen = option_is_on(in, "no-propagation")};
    return provider_fits(in, in->words[1], hand->owner) && wait_option_read(in, &hand->wait_ms) &&
           until_read(in, &hand->records.until_at_ms);
}

/* ---- add, remove ---- */

static struct json *hand_json(const struct invocation *in, const struct hand *hand)
{
    struct json *tree = json_set_text(json_object(), "provider", in->words[1]);
    struct json *values = json_array();
    json_set_text(tree, "name", hand->owner);
    for (size_t i = 0; i < hand->records.n; i++)
        json_push_text(values, hand->records.values[i]);
    return json_set(tree, "values", values);
}

static bool add_work(struct invocation *in, void *arg)
{
    struct hand *hand = arg;
    return txt_hand_add(&in->house, &hand->records, &in->err) ||
           provider_advise(in,
                           "`chancery provider txt list` shows what may be published already: add "
                           "it again once that is mended, or take it away with `chancery provider "
                           "txt remove %s %s`",
                           in->words[1], hand->owner);
}

static void add_tell(const struct invocation *in, const struct hand *hand)
{
    bool is_seen = !hand->records.is_unseen;
    if (in->json) {
        AUTO(json_fini)
        struct json *tree = hand_json(in, hand);
        json_set_bool(tree, "served", is_seen);
        json_set_time(tree, "until_at", hand->records.until_at_ms);
        json_print(tree);
    } else if (option_common(in, "quiet") == NULL) {
        ink_print(in, INK_GOOD, "published");
        printf(": %zu value%s at %s, %s; `chancery provider txt remove %s %s` takes %s away\n",
               hand->records.n, hand->records.n == 1 ? "" : "s", hand->owner,
               is_seen ? "served" : "as the provider says", in->words[1], hand->owner,
               hand->records.n == 1 ? "it" : "them");
    }
}

static bool remove_work(struct invocation *in, void *arg)
{
    struct hand *hand = arg;
    return txt_hand_remove(&in->house, &hand->records, &hand->n_removed, &in->err);
}

static void remove_tell(const struct invocation *in, const struct hand *hand)
{
    if (in->json) {
        AUTO(json_fini)
        struct json *tree = hand_json(in, hand);
        json_set_int(tree, "removed", (int64_t)hand->n_removed);
        json_print(tree);
    } else if (option_common(in, "quiet") == NULL && hand->n_removed == 0) {
        printf("nothing of that was published from here by hand: nothing was asked of %s\n",
               in->words[1]);
    } else if (option_common(in, "quiet") == NULL) {
        ink_print(in, INK_GOOD, "removed");
        printf(": %zu value%s at %s\n", hand->n_removed, hand->n_removed == 1 ? "" : "s",
               hand->owner);
    }
}

/* ---- list ---- */

static struct json *row_json(const struct rows *rows)
{
    struct json *one = json_set_text(json_object(), "name", rows_text(rows, 3));
    json_set_text(one, "value", rows_text(rows, 7));
    json_set_text(one, "provider", rows_text(rows, 4));
    json_set_text(one, "wish", rows_text(rows, 9));
    json_set_text(one, "state", rows_text(rows, 10));
    json_set_time(one, "created_at", rows_int(rows, 20));
    json_set_time(one, "until_at", rows_int(rows, 19));
    return json_set_text(one, "failure", rows_text(rows, 17));
}

static enum exit_code list_run(struct invocation *in)
{
    struct rows rows;
    AUTO(json_fini)
    struct json *tree = json_object();
    struct json *list = json_array();
    bool ok =
        store_query(in->house.store, &rows, &in->err, SQL_TXT_BY_HAND, "i", (int64_t)TXT_BY_HAND);
    while (ok && rows_next(&rows))
        json_push(list, row_json(&rows));
    json_set(tree, "records", list);
    if (!ok || !rows_end(&rows, &in->err))
        return exit_code_of(&in->err);
    if (in->json)
        json_print(tree);
    else if (json_len(list) > 0)
        tree_print(in, tree);
    else if (option_common(in, "quiet") == NULL)
        printf("no TXT record was published by hand\n");
    return EXIT_CODE_DONE;
}

/* ---- the command ---- */

enum exit_code provider_txt_run(struct invocation *in)
{
    const char *act = in->words[0];
    bool adds = strcmp(act, "add") == 0;
    struct hand hand = {0};
    if (strcmp(act, "list") == 0 && in->n_words == 1)
        return list_run(in);
    if (!adds && strcmp(act, "remove") != 0) {
        err_set(&in->err, ERR_CONFIG,
                "provider txt takes add, remove or list (alone), not \"%.40s\"", act);
        return EXIT_CODE_USAGE;
    }
    bool ok = hand_read(in, adds, &hand) &&
              provider_lead(in, adds ? "provider txt add" : "provider txt remove", hand.wait_ms,
                            adds ? add_work : remove_work, &hand);
    if (ok && adds)
        add_tell(in, &hand);
    else if (ok)
        remove_tell(in, &hand);
    mem_free(hand.owner);
    return ok ? EXIT_CODE_DONE : exit_code_of(&in->err);
}
