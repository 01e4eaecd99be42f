#include "cmd/help.h"

static void command_title(const struct command *c, struct buf *out)
{
    buf_printf(out, "%s%s%s", c->name, c->sub != NULL ? " " : "", c->sub != NULL ? c->sub : "");
}

static void option_title(const struct option *o, struct buf *out)
{
    if (o->letter != 0)
        buf_printf(out, "-%c, ", o->letter);
    buf_printf(out, "--%s%s%s", o->name, o->value != NULL ? " " : "", o->value != NULL ? o->value : "");
}

static void options_print(const struct option *options, size_t n, FILE *out)
{
    for (size_t i = 0; i < n; i++) {
        AUTO(buf_fini) struct buf title = BUF(256);
        option_title(&options[i], &title);
        fprintf(out, "  %-26s %s\n", buf_cstr(&title), options[i].sentence);
    }
}

void help_command(const struct command *c, FILE *out)
{
    AUTO(buf_fini) struct buf title = BUF(256);
    command_title(c, &title);
    fprintf(out, "chancery %s %s\n\n%s\n", buf_cstr(&title), c->usage, c->sentence);
    if (c->text != NULL)
        fprintf(out, "\n%s\n", c->text);
    if (c->n_options > 0) {
        fprintf(out, "\nOptions:\n");
        options_print(c->options, c->n_options, out);
    }
    fprintf(out, "\nOptions of every command:\n");
    options_print(common_options, n_common_options, out);
}

static void help_all(FILE *out)
{
    fprintf(out, "chancery COMMAND [OPTIONS] [WORDS]\n\n"
                 "Issues, delivers and watches TLS certificates: one leader, one store, one file a domain set.\n\nCommands:\n");
    for (size_t i = 0; i < n_commands; i++) {
        AUTO(buf_fini) struct buf title = BUF(256);
        command_title(commands[i], &title);
        fprintf(out, "  %-18s %s\n", buf_cstr(&title), commands[i]->sentence);
    }
    fprintf(out, "\nOptions of every command:\n");
    options_print(common_options, n_common_options, out);
    fprintf(out, "\n`chancery help COMMAND` tells more; so do the man pages chancery(1) and chancery-COMMAND(1).\n");
}

enum exit_code help_run(struct invocation *in)
{
    bool found = false;
    if (in->n_words == 0) {
        help_all(stdout);
        return EXIT_CODE_DONE;
    }
    for (size_t i = 0; i < n_commands; i++) {
        const struct command *c = commands[i];
        bool same_sub = in->n_words < 2 || (c->sub != NULL && strcmp(c->sub, in->words[1]) == 0);
        if (strcmp(c->name, in->words[0]) != 0 || !same_sub)
            continue;
        if (found)
            printf("\n");
        help_command(c, stdout);
        found = true;
    }
    if (!found)
        fprintf(stderr, "chancery: there is no command \"%s\"\n", in->words[0]);
    return found ? EXIT_CODE_DONE : EXIT_CODE_USAGE;
}

/* ---- man pages ---- */

static void roff_text(struct buf *out, const char *text)
{
    for (bool line_start = true; text != NULL && *text != '\0'; text++) {
        if (line_start && (*text == '.' || *text == '\''))
            buf_add_cstr(out, "\\&");
        if (*text == '\n' && text[1] == '\n') {
            buf_add_cstr(out, "\n.PP\n");
            text++;
            line_start = true;
            continue;
        }
        if (*text == '\\')
            buf_add_cstr(out, "\\e");
        else if (*text == '-')
            buf_add_cstr(out, "\\-");
        else
            buf_add_char(out, *text);
        line_start = *text == '\n';
    }
    buf_add_char(out, '\n');
}

static void man_head(struct buf *out, const char *title, const char *sentence)
{
    buf_printf(out, ".TH \"%s\" 1 \"\" \"chancery\" \"chancery manual\"\n.SH NAME\n%s \\- ", title, title);
    roff_text(out, sentence);
}

static void man_options(struct buf *out, const struct option *options, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        AUTO(buf_fini) struct buf title = BUF(256);
        option_title(&options[i], &title);
        buf_add_cstr(out, ".TP\n.B ");
        roff_text(out, buf_cstr(&title));
        roff_text(out, options[i].sentence);
    }
}

void man_command(const struct command *c, struct buf *out)
{
    AUTO(mem_fini) char *title =
        mem_printf("chancery-%s%s%s", c->name, c->sub != NULL ? "-" : "", c->sub != NULL ? c->sub : "");
    man_head(out, title, c->sentence);
    buf_printf(out, ".SH SYNOPSIS\n.B chancery %s%s%s\n", c->name, c->sub != NULL ? " " : "", c->sub != NULL ? c->sub : "");
    if (c->usage[0] != '\0')
        roff_text(out, c->usage);
    buf_add_cstr(out, ".SH DESCRIPTION\n");
    roff_text(out, c->sentence);
    if (c->text != NULL) {
        buf_add_cstr(out, ".PP\n");
        roff_text(out, c->text);
    }
    buf_add_cstr(out, ".SH OPTIONS\n");
    man_options(out, c->options, c->n_options);
    man_options(out, common_options, n_common_options);
    buf_add_cstr(out, ".SH SEE ALSO\n.BR chancery (1)\n");
}

void man_program(struct buf *out)
{
    static const struct {
        int code;
        const char *what;
    } codes[] = {
#define X(name, value, what) {value, what},
        EXIT_CODES(X)
#undef X
    };
    man_head(out, "chancery", "issue, deliver and watch TLS certificates");
    buf_add_cstr(out, ".SH SYNOPSIS\n.B chancery\n.I COMMAND\n[OPTIONS] [WORDS]\n.SH DESCRIPTION\n");
    roff_text(out, "A centralized ACME client and renewal orchestrator. One configuration file names authorities and DNS providers, one file a "
                   "domain set names what is wanted; `chancery renew`, run from cron on one host, does all the rest: it orders what is due, "
                   "delivers what is new and looks whether it is really served. Running anything twice changes nothing the second time.");
    buf_add_cstr(out, ".SH COMMANDS\n");
    for (size_t i = 0; i < n_commands; i++) {
        AUTO(buf_fini) struct buf title = BUF(256);
        command_title(commands[i], &title);
        buf_printf(out, ".TP\n.B %s\n", buf_cstr(&title));
        roff_text(out, commands[i]->sentence);
    }
    buf_add_cstr(out, ".SH OPTIONS\n");
    man_options(out, common_options, n_common_options);
    buf_add_cstr(out, ".SH EXIT STATUS\n");
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        buf_printf(out, ".TP\n.B %d\n", codes[i].code);
        roff_text(out, codes[i].what);
    }
    buf_add_cstr(out, ".SH FILES\n.TP\n.I /etc/chancery/chancery.yaml\nthe configuration\n.TP\n.I /etc/chancery/sets.d/*.yaml\none file a "
                      "domain set\n.TP\n.I /var/lib/chancery/chancery.db\nthe store\n");
}

/* ---- completion ---- */

void completion_bash(struct buf *out)
{
    buf_add_cstr(out, "# bash completion for chancery; generated from its command table.\n_chancery() {\n"
                      "    local cur=${COMP_WORDS[COMP_CWORD]} words=\"\"\n    case \"${COMP_WORDS[1]} ${COMP_WORDS[2]}\" in\n");
    for (size_t i = 0; i < n_commands; i++) {
        const struct command *c = commands[i];
        buf_printf(out, "    \"%s %s\"*) words=\"", c->name, c->sub != NULL ? c->sub : "");
        for (size_t k = 0; k < c->n_options; k++)
            buf_printf(out, "--%s ", c->options[k].name);
        buf_add_cstr(out, "$_chancery_common\" ;;\n");
    }
    buf_add_cstr(out, "    esac\n    if [ \"$COMP_CWORD\" -eq 1 ]; then\n        words=\"");
    for (size_t i = 0; i < n_commands; i++) {
        if (i == 0 || strcmp(commands[i]->name, commands[i - 1]->name) != 0)
            buf_printf(out, "%s ", commands[i]->name);
    }
    buf_add_cstr(out, "help\"\n    elif [ \"$COMP_CWORD\" -eq 2 ]; then\n        case ${COMP_WORDS[1]} in\n");
    for (size_t i = 0; i < n_commands; i++) {
        if (commands[i]->sub != NULL)
            buf_printf(out, "        %s) words=\"$words %s\" ;;\n", commands[i]->name, commands[i]->sub);
    }
    buf_add_cstr(out, "        esac\n    fi\n    case $cur in\n    -*) ;;\n"
                      "    *) words=\"$words $(chancery status --names 2>/dev/null)\" ;;\n    esac\n"
                      "    COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n}\n_chancery_common=\"");
    for (size_t i = 0; i < n_common_options; i++)
        buf_printf(out, "--%s ", common_options[i].name);
    buf_add_cstr(out, "\"\ncomplete -F _chancery chancery\n");
}
