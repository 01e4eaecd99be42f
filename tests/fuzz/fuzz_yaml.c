/* SEES: base config */
/*
 * Whatever parses must be within the caps, have a place for every member and item, and go
 * through a table with either a checked tree or complaints; whatever does not parse must say so
 * as CONFIG, with the file's name first.
 */
#include "config/table.h"

static const struct setting leaf_settings[] = {
    {.name = "dir", .kind = SETTING_TEXT, .required = true, .max = 64},
    {.name = "mode", .kind = SETTING_MODE, .otherwise = "0640"},
    {.name = "wait", .kind = SETTING_DURATION, .otherwise = "10m", .min = 1, .max = 1000000},
    {.name = "check", .kind = SETTING_ARGV},
    {.name = "token", .kind = SETTING_SECRET},
};
static const struct section leaf = {"leaf", "A leaf.", leaf_settings, 5};
static const struct setting root_settings[] = {
    {.name = "names", .kind = SETTING_TEXTS, .otherwise = "[]"},
    {.name = "profile", .kind = SETTING_TEXT, .choices = "classic|tlsserver|shortlived"},
    {.name = "parallel", .kind = SETTING_INT, .min = 1, .max = 64},
    {.name = "agree", .kind = SETTING_BOOL, .otherwise = "false"},
    {.name = "files", .kind = SETTING_SECTION, .section = &leaf},
    {.name = "deploy", .kind = SETTING_SECTIONS, .section = &leaf},
    {.name = "providers", .kind = SETTING_MAP, .section = &leaf},
    {.name = "extra", .kind = SETTING_ANY},
};
static const struct section root = {"root", "All.", root_settings, 8};

static void tree_walk(const struct yaml *doc, const struct json *tree, int depth)
{
    void *position = NULL;
    const char *key;
    const struct json *value;
    int line, column;
    CHECK(depth <= JSON_DEPTH_MAX);
    while (json_next(tree, &position, &key, &value)) {
        yaml_key_place(doc, tree, key, &line, &column);
        CHECK(line > 0 && column > 0);
        yaml_value_place(doc, tree, key, &line, &column);
        CHECK(line > 0 && column > 0);
        tree_walk(doc, value, depth + 1);
    }
    for (size_t i = 0; json_is(tree, JSON_ARRAY) && i < json_len(tree); i++) {
        yaml_item_place(doc, tree, i, &line, &column);
        CHECK(line > 0 && column > 0);
        tree_walk(doc, json_at(tree, i), depth + 1);
    }
}

static void tree_check(const struct yaml *doc)
{
    struct complaints complaints = {0};
    AUTO(buf_fini)
    struct buf text = BUF(1 << 20);
    AUTO(json_fini)
    struct json *checked = table_check(doc, yaml_tree(doc), &root, &complaints);
    CHECK((checked == NULL) == (complaints.n > 0));
    complaints_format(&complaints, &text);
    CHECK(!text.overflow && complaints.n <= 101);
    complaints_fini(&complaints);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(yaml_fini)
    struct yaml *doc = NULL;
    struct err err = {0};
    if (!yaml_parse(str_mem(data, size), "f.yaml", &doc, &err)) {
        CHECK(err.kind == ERR_CONFIG && doc == NULL);
        CHECK(str_starts(str_of(err.text), STR("f.yaml:")));
        return 0;
    }
    tree_walk(doc, yaml_tree(doc), 0);
    tree_check(doc);
    return 0;
}
