#include "cmd/help.h"

/* One line of text: what roff would take for a command or an escape is made plain. */
static void roff_line(struct buf *out, struct str line)
{
    if (line.len > 0 && (line.p[0] == '.' || line.p[0] == '\''))
        buf_add_cstr(out, "\\&");
    for (size_t i = 0; i < line.len; i++) {
        if (line.p[i] == '\\')
            buf_add_cstr(out, "\\e");
        else if (line.p[i] == '-')
            buf_add_cstr(out, "\\-");
        else
            buf_add_char(out, line.p[i]);
    }
    buf_add_char(out, '\n');
}

/* Paragraphs are parted by empty lines. */
static void roff_text(struct buf *out, const char *text)
{
    struct str rest = str_of(text), line;
    while (text != NULL && str_split(&rest, '\n', &line)) {
        if (line.len == 0)
            buf_add_cstr(out, ".PP\n");
        else
            roff_line(out, line);
    }
}

static void man_row(struct buf *out, const char *title, const char *sentence)
{
    buf_add_cstr(out, ".TP\n.B ");
    roff_text(out, title);
    roff_text(out, sentence);
}

static void man_head(struct buf *out, const char *title, const char *sentence)
{
    struct str plain = str_of(sentence);
    if (str_ends(plain, STR(".")))
        plain.len--;
    buf_printf(out, ".TH \"%s\" 1 \"\" \"chancery %s\" \"chancery manual\"\n.SH NAME\n%s \\- ",
               title, CHANCERY_VERSION, title);
    roff_line(out, plain);
}

static void man_options(struct buf *out, const struct option *options, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        AUTO(buf_fini)
        struct buf title = BUF(256);
        option_title(&options[i], &title);
        man_row(out, buf_cstr(&title), options[i].sentence);
    }
}

static void man_codes(struct buf *out, const struct command *c)
{
    buf_add_cstr(out, ".SH EXIT STATUS\n");
    for (size_t i = 0; i < c->n_meanings; i++) {
        char code[16];
        snprintf(code, sizeof code, "%d", (int)c->meanings[i].code);
        man_row(out, code, c->meanings[i].sentence);
    }
    buf_add_cstr(out, ".PP\nOther codes mean what\n.BR chancery (1)\nsays.\n");
}

static void man_examples(struct buf *out, const struct command *c)
{
    if (c->n_examples > 0)
        buf_add_cstr(out, ".SH EXAMPLES\n");
    for (size_t i = 0; i < c->n_examples; i++)
        man_row(out, c->examples[i].line, c->examples[i].sentence);
}

void man_name(const struct command *c, struct buf *out)
{
    buf_printf(out, "chancery-%s%s%s", c->name, c->sub != NULL ? "-" : "",
               c->sub != NULL ? c->sub : "");
}

void man_command(const struct command *c, struct buf *out)
{
    AUTO(buf_fini)
    struct buf name = BUF(256);
    AUTO(buf_fini)
    struct buf title = BUF(256);
    man_name(c, &name);
    command_title(c, &title);
    man_head(out, buf_cstr(&name), c->sentence);
    buf_printf(out, ".SH SYNOPSIS\n.B chancery %s\n", buf_cstr(&title));
    if (c->usage[0] != '\0')
        roff_text(out, c->usage);
    roff_text(out, "[OPTIONS]");
    buf_add_cstr(out, ".SH DESCRIPTION\n");
    roff_text(out, c->text != NULL ? c->text : c->sentence);
    buf_add_cstr(out, ".SH OPTIONS\n");
    man_options(out, c->options, c->n_options);
    man_options(out, common_options, n_common_options);
    man_codes(out, c);
    man_examples(out, c);
    buf_add_cstr(out, ".SH SEE ALSO\n.BR chancery (1)\n");
}

static void man_commands(struct buf *out)
{
    buf_add_cstr(out, ".SH COMMANDS\n");
    for (size_t i = 0; i < n_commands; i++) {
        AUTO(buf_fini)
        struct buf title = BUF(256);
        command_title(commands[i], &title);
        if (!commands[i]->hidden)
            man_row(out, buf_cstr(&title), commands[i]->sentence);
    }
}

static void man_all_codes(struct buf *out)
{
    static const struct {
        int code;
        const char *what;
    } codes[] = {
#define X(name, value, what) {value, what},
        EXIT_CODES(X)
#undef X
    };
    buf_add_cstr(out, ".SH EXIT STATUS\n");
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        char code[16];
        snprintf(code, sizeof code, "%d", codes[i].code);
        man_row(out, code, codes[i].what);
    }
}

static void man_surroundings(struct buf *out)
{
    buf_add_cstr(out, ".SH ENVIRONMENT\n");
    man_row(out, "CHANCERY_CONFIG", "the configuration, when --config does not name one");
    man_row(out, "NO_COLOR", "when set, no colours");
    man_row(out, "CREDENTIALS_DIRECTORY", "set by systemd; where cred: references are read");
    buf_add_cstr(out, ".SH FILES\n");
    man_row(out, "/etc/chancery/chancery.yaml", "the configuration");
    man_row(out, "/etc/chancery/sets.d/*.yaml", "one file a domain set");
    man_row(out, "/etc/chancery/seal.key", "the key that seals private keys in the store");
    man_row(out, "/var/lib/chancery/chancery.db", "the store");
}

void man_program(struct buf *out)
{
    man_head(out, "chancery", "issue, deliver and watch TLS certificates");
    buf_add_cstr(out,
                 ".SH SYNOPSIS\n.B chancery\n.I COMMAND\n[OPTIONS] [WORDS]\n.SH DESCRIPTION\n");
    roff_text(out, "A centralized ACME client and renewal orchestrator. One configuration file "
                   "names authorities and DNS providers, one file a domain set names what is "
                   "wanted; `chancery renew`, run from cron on one host, does all the rest: it "
                   "orders what is due, delivers what is new and looks whether it is really "
                   "served. Running anything twice changes nothing the second time.");
    man_commands(out);
    buf_add_cstr(out, ".SH OPTIONS\nOptions may stand anywhere; -- ends them.\n");
    man_options(out, common_options, n_common_options);
    man_all_codes(out);
    man_surroundings(out);
}
