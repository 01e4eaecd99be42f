#include "cmd/options.h"

#include "config/table.h"

#include <stdlib.h>
#include <unistd.h>

const struct option common_options[] = {
    {"config", 'c', "FILE",
     "the configuration (default: $CHANCERY_CONFIG, else /etc/chancery/chancery.yaml)"},
    {"json", 'j', NULL, "one JSON document on standard output instead of text"},
    {"quiet", 'q', NULL, "no progress, only results and complaints"},
    {"verbose", 'v', NULL, "log every event to standard error, at level debug"},
    {"color", 0, "WHEN", "auto, always or never"},
    {"help", 'h', NULL, "what this command does and takes"},
    {"version", 'V', NULL, "the version of this program"},
};
const size_t n_common_options = sizeof(common_options) / sizeof(common_options[0]);

static const char *value_of(const struct option *options, size_t n, const char **values,
                            const char *name)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(options[i].name, name) == 0)
            return values != NULL ? values[i] : NULL;
    }
    bool is_in_the_table = false;
    CHECK(is_in_the_table);
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
        if (strcmp(c->name, name) == 0 &&
            (c->sub == NULL || (sub != NULL && strcmp(c->sub, sub) == 0)))
            return c;
    }
    return NULL;
}

/* "list, show, test"; the words that may follow the name of a group. */
static void group_words(const char *name, struct buf *out)
{
    for (size_t i = 0; i < n_commands; i++)
        if (strcmp(commands[i]->name, name) == 0 && commands[i]->sub != NULL)
            buf_printf(out, "%s%s", out->len > 0 ? ", " : "", commands[i]->sub);
}

static bool sub_unknown(const char *name, const char *sub, struct err *err)
{
    AUTO(buf_fini)
    struct buf words = BUF(1024);
    group_words(name, &words);
    if (sub == NULL)
        return err_set(err, ERR_CONFIG, "%s needs one of: %s", name, buf_cstr(&words));
    return err_set(err, ERR_CONFIG, "there is no command \"%s %.80s\"; %s takes one of: %s", name,
                   sub, name, buf_cstr(&words));
}

static bool command_unknown(const char *name, struct err *err)
{
    const char **known = NEW_N(n_commands + 1, const char *);
    size_t n = 0;
    for (size_t i = 0; i < n_commands; i++)
        if (!commands[i]->hidden)
            known[n++] = commands[i]->name;
    known[n++] = "help";
    const char *near = table_suggest(name, known, n);
    mem_free(known);
    return err_set(err, ERR_CONFIG, "there is no command \"%.80s\"%s%s%s", name,
                   near != NULL ? "; did you mean \"" : "", near != NULL ? near : "",
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
    return err_set(err, ERR_CONFIG, "%s: unknown option \"%.80s\"%s%s%s",
                   c != NULL ? c->name : "chancery", word,
                   near != NULL ? "; did you mean \"--" : "", near != NULL ? near : "",
                   near != NULL ? "\"?" : "");
}

/* word: "--name", "--name=value" or "-n". */
static bool option_at(struct invocation *in, const char *word, struct place *ret,
                      const char **ret_equals)
{
    bool is_long = word[1] == '-';
    const char *equals = is_long ? strchr(word, '=') : NULL;
    struct str name = is_long ? str_of(word + 2) : STR_NONE;
    if (equals != NULL)
        name.len = (size_t)(equals - word) - 2;
    *ret_equals = equals;
    return (is_long || word[2] == '\0') && option_find(in, name, is_long ? 0 : word[1], ret);
}

/* Takes one option and perhaps the next word as its value. */
static bool option_take(struct invocation *in, char **argv, int argc, int *i, struct err *err)
{
    struct place place;
    const char *equals;
    if (!option_at(in, argv[*i], &place, &equals))
        return option_unknown(in, argv[*i], err);
    if (place.option->value == NULL) {
        if (equals != NULL)
            return err_set(err, ERR_CONFIG, "--%s takes no value", place.option->name);
        *place.slot = "";
        return true;
    }
    /* What looks like the next option is one; a value of that form can be given by "=". */
    if (equals == NULL && (*i + 1 >= argc || strncmp(argv[*i + 1], "--", 2) == 0))
        return err_set(err, ERR_CONFIG, "--%s needs a value: --%s %s", place.option->name,
                       place.option->name, place.option->value);
    *place.slot = equals != NULL ? equals + 1 : argv[++*i];
    return true;
}

/* The command itself stands at [at, at + n). */
static bool words_take(struct invocation *in, int argc, char **argv, int at, int n, struct err *err)
{
    bool options_over = false;
    for (int i = 1; i < argc; i++) {
        if (i >= at && i < at + n)
            continue;
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
    if (option_common(in, "help") != NULL || option_common(in, "version") != NULL)
        return true;
    const char *space = c->sub != NULL ? " " : "", *sub = c->sub != NULL ? c->sub : "";
    if (in->n_words < (size_t)c->min_words)
        return err_set(err, ERR_CONFIG, "%s%s%s needs %s", c->name, space, sub, c->usage);
    if (c->max_words >= 0 && in->n_words > (size_t)c->max_words)
        return err_set(err, ERR_CONFIG, "\"%.80s\" is one word too many; usage: chancery %s%s%s %s",
                       in->words[c->max_words], c->name, space, sub, c->usage);
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

/* The first word that is neither an option nor the value of one; argc when there is none. */
static int command_place(struct invocation *in, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        struct place place;
        const char *equals;
        if (argv[i][0] != '-' || argv[i][1] == '\0')
            return i;
        if (strcmp(argv[i], "--") == 0)
            return argc;
        if (option_at(in, argv[i], &place, &equals) && place.option->value != NULL &&
            equals == NULL)
            i++;
    }
    return argc;
}

/* Gives how many words the command takes: 2 with a sub, 0 for help of everything or of a group. */
static bool command_choose(struct invocation *in, int argc, char **argv, int at, int *ret_n,
                           struct err *err)
{
    const char *name = argv[at];
    const char *sub = at + 1 < argc && argv[at + 1][0] != '-' ? argv[at + 1] : NULL;
    in->command = command_find(name, sub);
    *ret_n = in->command == NULL ? 0 : in->command->sub != NULL ? 2 : 1;
    if (in->command != NULL)
        return true;
    if (!group_exists(name))
        return command_unknown(name, err);
    bool wants_help = false;
    for (int i = 1; i < argc; i++)
        wants_help = wants_help || strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0;
    return wants_help || sub_unknown(name, sub, err);
}

bool invocation_parse(struct invocation *in, int argc, char **argv, struct err *err)
{
    int at, n = 0;
    in->common = NEW_N(n_common_options, const char *);
    in->words = NEW_N((size_t)argc + 1, char *);
    at = command_place(in, argc, argv);
    if (at < argc && strcmp(argv[at], "help") == 0)
        n = 1;
    else if (at < argc && !command_choose(in, argc, argv, at, &n, err))
        return false;
    if (in->command != NULL)
        in->values = NEW_N(in->command->n_options + 1, const char *);
    return words_take(in, argc, argv, at, n, err) && look_read(in, err) &&
           (in->command == NULL || words_check(in, err));
}

void invocation_fini(struct invocation *in)
{
    mem_free(in->words);
    mem_free(in->values);
    mem_free(in->common);
}
