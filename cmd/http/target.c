#include "cmd/http/target.h"

static int hex_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool text_is_clean(const char *text, size_t len)
{
    struct str rest = str_mem(text, len);
    while (rest.len > 0) {
        size_t n = utf8_len(rest);
        if (n == 0 || (unsigned char)rest.p[0] < ' ' || rest.p[0] == 127)
            return false;
        rest = str_mem(rest.p + n, rest.len - n);
    }
    return true;
}

/* "%2e" at the start of in, -1 when it is none. */
static int escape_read(struct str in)
{
    int high = in.len >= 3 ? hex_of(in.p[1]) : -1;
    int low = high >= 0 ? hex_of(in.p[2]) : -1;
    return low >= 0 ? high * 16 + low : -1;
}

/* out has room for max bytes and a NUL. */
static bool decode(struct str in, bool plus_is_blank, char *out, size_t max)
{
    size_t n = 0;
    for (size_t i = 0; i < in.len; i++) {
        int c = (unsigned char)in.p[i];
        if (c == '%') {
            c = escape_read(str_mem(in.p + i, in.len - i));
            i += 2;
        } else if (c == '+' && plus_is_blank) {
            c = ' ';
        }
        if (c < 0 || n == max)
            return false;
        out[n++] = (char)c;
    }
    out[n] = '\0';
    return text_is_clean(out, n);
}

static bool words_parse(struct str path, struct target *t, struct err *err)
{
    struct str rest = path, word;
    if (path.len == 0 || path.p[0] != '/')
        return err_set(err, ERR_CONFIG, "the request line names no path");
    rest = str_mem(path.p + 1, path.len - 1);
    while (str_split(&rest, '/', &word)) {
        if (t->n_words == TARGET_WORDS_MAX)
            return err_set(err, ERR_CONFIG, "the path has more than %d parts", TARGET_WORDS_MAX);
        if (!decode(word, false, t->words[t->n_words++], TARGET_TEXT_MAX))
            return err_set(err, ERR_CONFIG,
                           "part %zu of the path is longer than %d bytes, or no text in UTF-8 and "
                           "percent-encoding",
                           t->n_words, TARGET_TEXT_MAX);
    }
    return true;
}

static bool field_parse(struct str text, struct target *t, struct err *err)
{
    size_t equals = str_find_char(text, '=');
    struct str value =
        equals < text.len ? str_mem(text.p + equals + 1, text.len - equals - 1) : STR_NONE;
    if (t->n_fields == TARGET_FIELDS_MAX)
        return err_set(err, ERR_CONFIG, "the query has more than %d fields", TARGET_FIELDS_MAX);
    char *name = t->fields[t->n_fields].name;
    if (!decode(str_mem(text.p, equals), true, name, sizeof t->fields[0].name - 1) ||
        !decode(value, true, t->fields[t->n_fields].value, TARGET_TEXT_MAX))
        return err_set(err, ERR_CONFIG,
                       "field %zu of the query is too long, or no text in UTF-8 and "
                       "percent-encoding",
                       t->n_fields + 1);
    if (target_field(t, name) != NULL)
        return err_set(err, ERR_CONFIG, "the query says \"%s\" twice", name);
    t->n_fields++;
    return true;
}

bool target_parse(struct str text, struct target *ret, struct err *err)
{
    size_t mark = str_find_char(text, '?');
    struct str query, field;
    ret->n_words = ret->n_fields = 0;
    if (!words_parse(str_mem(text.p, mark), ret, err))
        return false;
    if (mark >= text.len)
        return true;
    query = str_mem(text.p + mark + 1, text.len - mark - 1);
    while (str_split(&query, '&', &field))
        if (field.len > 0 && !field_parse(field, ret, err))
            return false;
    return true;
}

const char *target_field(const struct target *target, const char *name)
{
    for (size_t i = 0; i < target->n_fields; i++)
        if (strcmp(target->fields[i].name, name) == 0)
            return target->fields[i].value;
    return NULL;
}
