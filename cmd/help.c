#include "cmd/help.h"

void command_title(const struct command *c, struct buf *out)
{
    buf_printf(out, "%s%s%s", c->name, c->sub != NULL ? " " : "", c->sub != NULL ? c->sub : "");
}

void option_title(const struct option *o, struct buf *out)
{
    if (o->letter != 0)
        buf_printf(out, "-%c, ", o->letter);
    buf_printf(out, "--%s%s%s", o->name, o->value != NULL ? " " : "",
               o->value != NULL ? o->value : "");
}

/* ---- for people ---- */

/* Words of text up to column WIDTH, continued at `indent`; the cursor stands at `column`. */
static void text_fold(const char *text, size_t column, size_t indent, FILE *out)
{
    enum { WIDTH = 100 };
    struct str rest = str_of(text), word;
    for (bool first = true; str_split(&rest, ' ', &word); first = false) {
        if (!first && column + 1 + word.len > WIDTH) {
            fprintf(out, "\n%*s", (int)indent, "");
            column = indent;
            first = true;
        }
        fprintf(out, "%s%.*s", first ? "" : " ", STR_ARG(word));
        column += word.len + (first ? 0 : 1);
    }
    fputc('\n', out);
}

static void row_print(const char *title, const char *sentence, FILE *out)
{
    enum { COLUMN = 24 };
    size_t len = strlen(title);
    fprintf(out, "  %-*s", COLUMN - 2, title);
    if (len > COLUMN - 3)
        fprintf(out, "\n%*s", COLUMN, "");
    text_fold(sentence, COLUMN, COLUMN, out);
}

static void options_print(const struct option *options, size_t n, FILE *out)
{
    for (size_t i = 0; i < n; i++) {
        AUTO(buf_fini)
        struct buf title = BUF(256);
        option_title(&options[i], &title);
        row_print(buf_cstr(&title), options[i].sentence, out);
    }
}

static void text_print(const char *text, FILE *out)
{
    struct str rest = str_of(text), line;
    while (text != NULL && str_split(&rest, '\n', &line)) {
        AUTO(mem_fini)
        char *copy = mem_strndup(line.p, line.len);
        text_fold(copy, 0, 0, out);
    }
}

void help_command(const struct command *c, FILE *out)
{
    AUTO(buf_fini)
    struct buf title = BUF(256);
    command_title(c, &title);
    fprintf(out, "chancery %s%s%s\n\n%s\n", buf_cstr(&title), c->usage[0] != '\0' ? " " : "",
            c->usage, c->sentence);
    if (c->text != NULL) {
        fprintf(out, "\n");
        text_print(c->text, out);
    }
    if (c->n_options > 0)
        fprintf(out, "\nOptions:\n");
    options_print(c->options, c->n_options, out);
    fprintf(out, "\nOptions of every command:\n");
    options_print(common_options, n_common_options, out);
    if (c->n_meanings > 0)
        fprintf(out, "\nExit codes:\n");
    for (size_t i = 0; i < c->n_meanings; i++) {
        char code[16];
        snprintf(code, sizeof code, "%d", (int)c->meanings[i].code);
        row_print(code, c->meanings[i].sentence, out);
    }
    if (c->n_examples > 0)
        fprintf(out, "\nExamples:\n");
    for (size_t i = 0; i < c->n_examples; i++)
        fprintf(out, "  %s\n      %s\n", c->examples[i].line, c->examples[i].sentence);
}

static void help_all(FILE *out)
{
    fprintf(out, "chancery COMMAND [OPTIONS] [WORDS]\n\n"
                 "Issues, delivers and watches TLS certificates: one leader, one store, one file a "
                 "domain set.\n\nCommands:\n");
    for (size_t i = 0; i < n_commands; i++) {
        AUTO(buf_fini)
        struct buf title = BUF(256);
        command_title(commands[i], &title);
        if (!commands[i]->hidden)
            row_print(buf_cstr(&title), commands[i]->sentence, out);
    }
    fprintf(out, "\nOptions of every command:\n");
    options_print(common_options, n_common_options, out);
    fprintf(out, "\n`chancery help COMMAND` tells more; so do the man pages chancery(1) and "
                 "chancery-COMMAND(1).\n");
}

/* ---- for programs ---- */

static struct json *options_json(const struct option *options, size_t n)
{
    struct json *list = json_array();
    for (size_t i = 0; i < n; i++) {
        const char letter[2] = {options[i].letter, '\0'};
        struct json *one = json_set_text(json_object(), "name", options[i].name);
        json_set_text(one, "letter", letter[0] != '\0' ? letter : NULL);
        json_set_text(one, "value", options[i].value);
        json_push(list, json_set_text(one, "sentence", options[i].sentence));
    }
    return list;
}

static struct json *meanings_json(const struct command *c)
{
    struct json *list = json_array();
    for (size_t i = 0; i < c->n_meanings; i++) {
        struct json *one = json_set_int(json_object(), "code", c->meanings[i].code);
        json_push(list, json_set_text(one, "sentence", c->meanings[i].sentence));
    }
    return list;
}

struct json *help_json(const struct command *c)
{
    struct json *tree = json_set_text(json_object(), "name", c->name);
    struct json *examples = json_array();
    json_set_text(tree, "sub", c->sub);
    json_set_text(tree, "usage", c->usage);
    json_set_text(tree, "sentence", c->sentence);
    json_set_text(tree, "text", c->text);
    json_set(tree, "options", options_json(c->options, c->n_options));
    json_set(tree, "exit_codes", meanings_json(c));
    for (size_t i = 0; i < c->n_examples; i++) {
        struct json *one = json_set_text(json_object(), "line", c->examples[i].line);
        json_push(examples, json_set_text(one, "sentence", c->examples[i].sentence));
    }
    return json_set(tree, "examples", examples);
}

/* ---- which ---- */

static bool command_is_meant(const struct invocation *in, const struct command *c)
{
    if (in->n_words == 0)
        return !c->hidden;
    return strcmp(c->name, in->words[0]) == 0 &&
           (in->n_words < 2 || (c->sub != NULL && strcmp(c->sub, in->words[1]) == 0));
}

static struct json *commands_json(const struct invocation *in, size_t *ret_n)
{
    struct json *tree = json_object(), *list = json_array();
    for (size_t i = 0; i < n_commands; i++)
        if (command_is_meant(in, commands[i]))
            json_push(list, help_json(commands[i]));
    *ret_n = json_len(list);
    json_set_text(tree, "version", CHANCERY_VERSION);
    json_set(tree, "commands", list);
    return json_set(tree, "common_options", options_json(common_options, n_common_options));
}

static bool help_words(const struct invocation *in)
{
    bool found = false;
    for (size_t i = 0; i < n_commands; i++) {
        if (!command_is_meant(in, commands[i]))
            continue;
        if (found)
            printf("\n");
        help_command(commands[i], stdout);
        found = true;
    }
    return found;
}

enum exit_code help_run(struct invocation *in)
{
    size_t n = 1;
    if (in->json) {
        AUTO(json_fini)
        struct json *tree = commands_json(in, &n);
        AUTO(buf_fini)
        struct buf text = BUF(1024 * 1024);
        json_format(tree, &text, true);
        printf("%s\n", buf_cstr(&text));
    } else if (in->n_words == 0) {
        help_all(stdout);
    } else {
        n = help_words(in) ? 1 : 0;
    }
    if (n == 0)
        fprintf(stderr, "chancery: there is no command \"%s%s%s\"\n", in->words[0],
                in->n_words > 1 ? " " : "", in->n_words > 1 ? in->words[1] : "");
    return n > 0 ? EXIT_CODE_DONE : EXIT_CODE_USAGE;
}
