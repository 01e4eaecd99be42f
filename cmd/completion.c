#include "cmd/help.h"

static void words_of(const struct option *options, size_t n, struct buf *out)
{
    for (size_t i = 0; i < n; i++)
        buf_printf(out, " --%s", options[i].name);
}

/* "[SET ...]", "SET --reason REASON": names of sets may stand there. */
static bool takes_sets(const struct command *c)
{
    struct str usage = str_of(c->usage);
    return str_find(usage, STR("SET")) < usage.len;
}

static bool is_first_of_group(size_t i)
{
    return i == 0 || strcmp(commands[i]->name, commands[i - 1]->name) != 0;
}

static void first_words(struct buf *out)
{
    for (size_t i = 0; i < n_commands; i++)
        if (!commands[i]->hidden && is_first_of_group(i))
            buf_printf(out, "%s ", commands[i]->name);
    buf_add_cstr(out, "help");
}

static void second_words(struct buf *out)
{
    for (size_t i = 0; i < n_commands; i++) {
        if (commands[i]->sub == NULL || !is_first_of_group(i))
            continue;
        buf_printf(out, "        %s) words=\"", commands[i]->name);
        for (size_t k = i; k < n_commands && strcmp(commands[k]->name, commands[i]->name) == 0; k++)
            buf_printf(out, "%s%s", k > i ? " " : "", commands[k]->sub);
        buf_add_cstr(out, "\" ;;\n");
    }
}

static void command_words(struct buf *out)
{
    for (size_t i = 0; i < n_commands; i++) {
        const struct command *c = commands[i];
        if (c->hidden)
            continue;
        buf_printf(out, "        \"%s %s\"*) words=\"$common", c->name,
                   c->sub != NULL ? c->sub : "");
        words_of(c->options, c->n_options, out);
        buf_printf(out, "\"; sets=%s ;;\n", takes_sets(c) ? "yes" : "no");
    }
}

/* Names of sets come from the configuration that the line itself names. */
void completion_bash(struct buf *out)
{
    buf_add_cstr(
        out,
        "# bash completion for chancery; made from its command table by `chancery documents`.\n"
        "_chancery() {\n"
        "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} words=\"\" "
        "sets=no i\n"
        "    local config=()\n    local common=\"");
    AUTO(buf_fini)
    struct buf common = BUF(4096);
    words_of(common_options, n_common_options, &common);
    buf_add_str(out, str_trim(buf_str(&common)));
    buf_add_cstr(
        out,
        "\"\n    COMPREPLY=()\n"
        "    for ((i = 1; i < COMP_CWORD - 1; i++)); do\n"
        "        case ${COMP_WORDS[i]} in -c | --config) config=(--config \"${COMP_WORDS[i+1]}\") "
        ";; esac\n"
        "    done\n"
        "    case $prev in -c | --config | -o | --out)\n"
        "        mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n        return ;;\n    esac\n"
        "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n        words=\"");
    first_words(out);
    buf_add_cstr(out, "\"\n    else\n        case \"${COMP_WORDS[1]} ${COMP_WORDS[2]}\" in\n");
    command_words(out);
    buf_add_cstr(out, "        esac\n    fi\n    if [ \"$COMP_CWORD\" -eq 2 ]; then\n        case "
                      "${COMP_WORDS[1]} in\n");
    second_words(out);
    buf_add_cstr(out, "        esac\n    fi\n"
                      "    case $cur in\n    -*) ;;\n"
                      "    *) [ $sets = yes ] && words=$(chancery status --names \"${config[@]}\" "
                      "2>/dev/null) ;;\n    esac\n"
                      "    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n}\n"
                      "complete -F _chancery chancery\n");
}
