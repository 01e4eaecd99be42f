#include "cmd/options.h"

#include "config/table.h"

#include <stdlib.h>
#include <unistd.h>

const struct option common_options[] = {
    {"config", 'c', "FILE", "the configuration (default: $CHANCERY_CONFIG, else /etc/chancery/chancery.yaml)"},
    {"json", 'j', NULL, "one JSON document on standard output instead of text"},
    {"quiet", 'q', NULL, "no progress, only results and complaints"},
    {"verbose", 'v', NULL, "log every event to standard error, at level debug"},
    {"color", 0, "WHEN", "auto, always or never"},
    {"help", 'h', NULL, "what this command does and takes"},
};
const size_t n_common_options = sizeof(common_options) / sizeof(common_options[0]);

static const char *value_of(const struct option *options, size_t n, const char **values, const char *name)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(options[i].name, name) == 0)
            return values != NULL ? values[i] : NULL;
    }
    CHECK(!"an option that is not in the table");
    return NULL;
}

const char *option_value(const struct invocation *in, const char *name)
{
    return value_of(in->command->options, in->command->n_options, in->values, name);
}

const char *option_common(const struct invocation *in, const char *name)
{
    return value_of(common_options, n_common_options, in->common, name);
}

const char *const *invocation_sets(const struct invocation *in)
{
    return in->n_words > 0 ? (const char *const *)in->words : NULL;
}

bool invocation_wants_json(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--json") == 0 || strcmp(argv[i], "-j") == 0)
            return true;
    }
    return false;
}

/* ---- which command ---- */

static bool group_exists(const char *name)
{
    for (size_t i = 0; i < n_commands; i++) {
        if (strcmp(commands[i]->name, name) == 0 && commands[i]->sub != NULL)
            return true;
    }
    return false;
}

static const struct command *command_find(const char *name, const char *sub)
{
    for (size_t i = 0; i < n_commands; i++) {
        const struct command *c = commands[i];
        if (strcmp(c->name, name) == 0 && (c->sub == NULL || (sub != NULL && strcmp(c->sub, sub) == 0)))
            return c;
    }
    return NULL;
}

static bool command_unknown(const char *name, const char *sub, struct err *err)
{
    const char **known = NEW_N(n_commands, const char *);
    bool in_group = group_exists(name);
    size_t n = 0;
    for (size_t i = 0; i < n_commands; i++) {
        if (!in_group)
            known[n++] = commands[i]->name;
        else if (strcmp(commands[i]->name, name) == 0 && commands[i]->sub != NULL)
            known[n++] = commands[i]->sub;
    }
    const char *near = table_suggest(in_group ? (sub != NULL ? sub : "") : name, known, n);
    mem_free(known);
    return err_set(err, ERR_CONFIG, "there is no command \"%s%s%s\"%s%s%s", name, in_group && sub != NULL ? " " : "",
                   in_group && sub != NULL ? sub : "", near != NULL ? "; did you mean \"" : "", near != NULL ? near : "",
                   near != NULL ? "\"?" : "");
}

/* ---- options ---- */

struct place { /* where the value of an option goes */
    const struct option *option;
    const char **slot;
};

static bool option_matches(const struct option *o, struct str name, char letter)
{
    return letter != 0 ? o->letter == letter : str_eq(str_of(o->name), name);
}

static bool option_find(struct invocation *in, struct str name, char letter, struct place *ret)
{
    const struct command *c = in->command;
    for (size_t i = 0; c != NULL && i < c->n_options; i++) {
        if (option_matches(&c->options[i], name, letter)) {
            *ret = (struct place){&c->options[i], &in->values[i]};
            return true;
        }
    }
    for (size_t i = 0; i < n_common_options; i++) {
        if (option_matches(&common_options[i], name, letter)) {
            *ret = (struct place){&common_options[i], &in->common[i]};
            return true;
        }
    }
    return false;
}

static bool option_unknown(const struct invocation *in, const char *word, struct err *err)
{
    const struct command *c = in->command;
    size_t n = 0, n_own = c != NULL ? c->n_options : 0;
    const char **known = NEW_N(n_own + n_common_options, const char *);
    for (size_t i = 0; i < n_own; i++)
        known[n++] = c->options[i].name;
    for (size_t i = 0; i < n_common_options; i++)
        known[n++] = common_options[i].name;
    const char *near = word[1] == '-' ? table_suggest(word + 2, known, n) : NULL;
    mem_free(known);
    return err_set(err, ERR_CONFIG, "%s%s: unknown option \"%s\"%s%s%s", c != NULL ? c->name : "chancery", "", word,
                   near != NULL ? "; did you mean \"--" : "", near != NULL ? near : "", near != NULL ? "\"?" : "");
}

/* Takes one option and perhaps the next word as its value. */
static bool option_take(struct invocation *in, char **argv, int argc, int *i, struct err *err)
{
    const char *word = argv[*i];
    struct str rest = str_of(word), name;
    struct place place;
    bool is_long = word[1] == '-';
    const char *equals = is_long ? strchr(word, '=') : NULL;

    name = is_long ? str_mem(word + 2, equals != NULL ? (size_t)(equals - word - 2) : rest.len - 2) : STR_NONE;
    if ((!is_long && rest.len != 2) || !option_find(in, name, is_long ? 0 : word[1], &place))
        return option_unknown(in, word, err);
    if (place.option->value == NULL) {
        if (equals != NULL)
            return err_set(err, ERR_CONFIG, "--%s takes no value", place.option->name);
        *place.slot = "";
        return true;
    }
    if (equals == NULL && *i + 1 >= argc)
        return err_set(err, ERR_CONFIG, "--%s needs a value: --%s %s", place.option->name, place.option->name,
                       place.option->value);
    *place.slot = equals != NULL ? equals + 1 : argv[++*i];
    return true;
}

static bool words_take(struct invocation *in, int argc, char **argv, int from, struct err *err)
{
    bool options_over = false;
    in->words = NEW_N((size_t)argc + 1, char *);
    for (int i = from; i < argc; i++) {
        if (!options_over && strcmp(argv[i], "--") == 0)
            options_over = true;
        else if (!options_over && argv[i][0] == '-' && argv[i][1] != '\0') {
            if (!option_take(in, argv, argc, &i, err))
                return false;
        } else {
            in->words[in->n_words++] = argv[i];
        }
    }
    return true;
}

static bool words_check(const struct invocation *in, struct err *err)
{
    const struct command *c = in->command;
    if (option_common(in, "help") != NULL)
        return true;
    if (in->n_words < (size_t)c->min_words)
        return err_set(err, ERR_CONFIG, "%s%s%s needs %s", c->name, c->sub != NULL ? " " : "", c->sub != NULL ? c->sub : "", c->usage);
    if (c->max_words >= 0 && in->n_words > (size_t)c->max_words)
        return err_set(err, ERR_CONFIG, "%s%s%s: \"%s\" is one word too many; usage: %s", c->name, c->sub != NULL ? " " : "",
                       c->sub != NULL ? c->sub : "", in->words[c->max_words], c->usage);
    return true;
}

static bool look_read(struct invocation *in, struct err *err)
{
    const char *when = option_common(in, "color");
    in->json = option_common(in, "json") != NULL;
    in->terminal = isatty(STDOUT_FILENO) == 1;
    in->color = in->terminal && getenv("NO_COLOR") == NULL;
    if (when == NULL || strcmp(when, "auto") == 0)
        return true;
    if (strcmp(when, "always") != 0 && strcmp(when, "never") != 0)
        return err_set(err, ERR_CONFIG, "--color takes auto, always or never");
    in->color = strcmp(when, "always") == 0;
    return true;
}

bool invocation_parse(struct invocation *in, int argc, char **argv, struct err *err)
{
    int from = 1;
    in->common = NEW_N(n_common_options, const char *);
    if (argc > 1 && argv[1][0] != '-' && strcmp(argv[1], "help") != 0) {
        const char *sub = argc > 2 ? argv[2] : NULL;
        in->command = command_find(argv[1], sub);
        if (in->command == NULL) {
            if (sub != NULL && (strcmp(sub, "--help") == 0 || strcmp(sub, "-h") == 0) && group_exists(argv[1])) {
                in->words = NEW_N(2, char *);
                in->words[in->n_words++] = argv[1];
                return true;
            }
            return command_unknown(argv[1], sub, err);
        }
        from = in->command->sub != NULL ? 3 : 2;
        in->values = NEW_N(in->command->n_options + 1, const char *);
    } else if (argc > 1 && strcmp(argv[1], "help") == 0) {
        from = 2;
    }
    return words_take(in, argc, argv, from, err) && look_read(in, err) && (in->command == NULL || words_check(in, err));
}

void invocation_fini(struct invocation *in)
{
    mem_free(in->words);
    mem_free(in->values);
    mem_free(in->common);
}
