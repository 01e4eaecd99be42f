/* SEES: base */
/*
 * Whatever parses must be within the caps, survive being written and read again as an equal tree,
 * and be readable by table without a leak; whatever does not must say so as BROKEN.
 */
#include "base/json.h"

struct order {
    char *status, *expires;
    int64_t count;
    bool ready;
    const struct json *list;
};
static const struct json_field order_fields[] = {
    {"status", JSON_FIELD_TEXT, offsetof(struct order, status), true, 16},
    {"expires", JSON_FIELD_TEXT, offsetof(struct order, expires), false, 0},
    {"count", JSON_FIELD_INT, offsetof(struct order, count), false, 0},
    {"ready", JSON_FIELD_BOOL, offsetof(struct order, ready), false, 0},
    {"list", JSON_FIELD_TREE, offsetof(struct order, list), false, 0},
};

static void tree_walk(const struct json *tree, size_t depth)
{
    void *position = NULL;
    const char *key;
    const struct json *value;
    CHECK(depth <= JSON_DEPTH_MAX);
    if (json_as_text(tree) != NULL)
        CHECK(strlen(json_as_text(tree)) <= JSON_SIZE_MAX);
    while (json_next(tree, &position, &key, &value)) {
        CHECK(json_find(tree, key) == value);
        tree_walk(value, depth + 1);
    }
    if (json_is(tree, JSON_ARRAY))
        for (size_t i = 0; i < json_len(tree); i++)
            tree_walk(json_at(tree, i), depth + 1);
}

static void tree_round_trip(const struct json *tree)
{
    AUTO(buf_fini)
    struct buf text = BUF(8 * JSON_SIZE_MAX);
    AUTO(json_fini)
    struct json *again = NULL;
    struct err err;
    json_format_canonical(tree, &text);
    CHECK(!text.overflow);
    CHECK(json_parse(buf_str(&text), 8 * JSON_SIZE_MAX, &again, &err));
    CHECK(json_equal(tree, again));
}

static void tree_read(const struct json *tree)
{
    struct order order = {0};
    struct err err = {0};
    bool good = json_read(tree, "order", order_fields, sizeof order_fields / sizeof order_fields[0],
                          &order, &err);
    CHECK(good || err.kind == ERR_BROKEN);
    CHECK(good == (order.status != NULL));
    mem_free(order.status);
    mem_free(order.expires);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(json_fini)
    struct json *tree = NULL;
    struct err err = {0};
    if (!json_parse(str_mem(data, size), JSON_SIZE_MAX, &tree, &err)) {
        CHECK(err.kind == ERR_BROKEN && err.text[0] != '\0' && tree == NULL);
        return 0;
    }
    CHECK(size <= JSON_SIZE_MAX);
    tree_walk(tree, 0);
    tree_round_trip(tree);
    tree_read(tree);
    return 0;
}
