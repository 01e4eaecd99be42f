/* SEES: base */
/*
 * Whatever parses must be within the caps and, when it can be written, read again as an equal tree; whatever does not must say so as
 * BROKEN.
 */
#include "base/xml.h"

enum { SIZE = 64 * 1024 };

static void tree_walk(const struct json *tree, size_t depth)
{
    void *position = NULL;
    const char *key;
    const struct json *value;
    CHECK(depth <= 2 * XML_DEPTH_MAX);
    while (json_next(tree, &position, &key, &value))
        tree_walk(value, depth + 1);
    for (size_t i = 0; json_is(tree, JSON_ARRAY) && i < json_len(tree); i++)
        tree_walk(json_at(tree, i), depth + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const arrays[] = {"b", "/a/c", NULL};
    AUTO(json_fini)
    struct json *tree = NULL, *again = NULL;
    AUTO(buf_fini)
    struct buf text = BUF(32 * SIZE);
    struct err err = {0};
    if (!xml_parse(str_mem(data, size), SIZE, arrays, &tree, &err)) {
        CHECK(err.kind == ERR_BROKEN && err.text[0] != '\0' && tree == NULL);
        return 0;
    }
    tree_walk(tree, 0);
    if (!xml_format(tree, &text, &err)) {
        CHECK(err.kind == ERR_REFUSED);
        return 0;
    }
    CHECK(!text.overflow && xml_parse(buf_str(&text), 32 * SIZE, arrays, &again, &err));
    CHECK(json_equal(tree, again));
    return 0;
}
