/* Stamps of the files that a configuration names: trust, credentials, keys. */
#include "inventory/config_inside.h"

#include "io/files.h"

#include <inttypes.h>

enum { STAMPS_MAX = 4 * 1024 * 1024 };

struct stamping {
    const struct config *config;
    struct buf text;
};

static void stamp_add(struct stamping *s, const char *path, const struct file_stamp *stamp)
{
    buf_printf(&s->text, "%s %" PRId64 " %" PRId64 " %" PRIu64 "\n", path, stamp->mtime_ns,
               stamp->size, stamp->inode);
}

/* Which settings are paths is not asked: a text that happens to be the name of a file does no harm here. */
static void text_stamp(struct stamping *s, const char *text)
{
    struct file_stamp stamp;
    struct str path = str_of(text);
    if (str_starts(path, STR("file:")))
        text += strlen("file:");
    if (text[0] == '\0')
        return;
    AUTO(mem_fini)
    char *whole = path_from(s->config->folder, text);
    if (file_stat(whole, &stamp, NULL))
        stamp_add(s, whole, &stamp);
}

static void tree_stamp(struct stamping *s, const struct json *tree)
{
    const char *text = json_as_text(tree), *key;
    const struct json *value;
    void *position = NULL;
    if (text != NULL)
        text_stamp(s, text);
    for (size_t i = 0; json_is(tree, JSON_ARRAY) && i < json_len(tree); i++)
        tree_stamp(s, json_at(tree, i));
    while (json_is(tree, JSON_OBJECT) && json_next(tree, &position, &key, &value))
        tree_stamp(s, value);
}

void config_stamp(const struct config *config, char ret_hex[65])
{
    struct stamping s = {.config = config, .text = BUF(STAMPS_MAX)};
    tree_stamp(&s, config->tree);
    sha256_hex(s.text.p, s.text.len, ret_hex);
    buf_fini(&s.text);
}
