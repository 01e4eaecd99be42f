/* The grammar of issue values (RFC 8659 4.2), and values made. */
#include "acme/caa.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* *WSP */
static struct str blanks_off(struct str s)
{
    while (s.len > 0 && is_blank(s.p[0]))
        s = str_mem(s.p + 1, s.len - 1);
    while (s.len > 0 && is_blank(s.p[s.len - 1]))
        s.len--;
    return s;
}

/* (ALPHA / DIGIT) *( *("-") (ALPHA / DIGIT)): a label, or the tag of a parameter. */
static bool is_label(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!is_alnum(s.p[i]) && s.p[i] != '-')
            return false;
    return s.len > 0 && s.p[0] != '-' && s.p[s.len - 1] != '-';
}

static bool is_domain(struct str s)
{
    struct str label;
    while (str_split(&s, '.', &label))
        if (!is_label(label))
            return false;
    return true;
}

/* *(%x21-3A / %x3C-7E); a ";" cannot be here any more. */
static bool is_value(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.p[i] < '!' || s.p[i] > '~')
            return false;
    return true;
}

static bool parameter_read(struct str piece, struct caa_issue *issue)
{
    size_t at = str_find_char(piece, '=');
    if (at == piece.len || issue->n_parameters == CAA_PARAMETERS_MAX)
        return false;
    struct caa_parameter parameter = {
        blanks_off(str_mem(piece.p, at)),
        blanks_off(str_mem(piece.p + at + 1, piece.len - at - 1)),
    };
    issue->parameters[issue->n_parameters++] = parameter;
    return is_label(parameter.tag) && is_value(parameter.value);
}

bool caa_issue_read(struct str value, struct caa_issue *ret)
{
    struct caa_issue issue = {0};
    struct str rest = value, piece;
    size_t semicolon = str_find_char(value, ';');
    issue.issuer = blanks_off(str_mem(value.p, semicolon));
    if (issue.issuer.len > 0 && !is_domain(issue.issuer))
        return false;
    if (semicolon < value.len) {
        rest = blanks_off(str_mem(value.p + semicolon + 1, value.len - semicolon - 1));
        while (rest.len > 0 && str_split(&rest, ';', &piece))
            if (!parameter_read(piece, &issue) || (rest.p != NULL && rest.len == 0))
                return false;
    }
    *ret = issue;
    return true;
}

void caa_record_format(const struct caa_record *record, struct buf *out)
{
    AUTO(buf_fini)
    struct buf text = BUF(64 * 1024);
    text_escape(&text, record->tag, 64);
    buf_add_cstr(&text, " \"");
    for (size_t i = 0; i < record->value.len && i < 400; i++) {
        char c = record->value.p[i];
        if (c < ' ' || c > '~')
            buf_printf(&text, "\\%03d", (unsigned char)c);
        else
            buf_printf(&text, "%s%c", c == '"' || c == '\\' ? "\\" : "", c);
    }
    buf_printf(out, "%u %s%s\"", record->flags, buf_cstr(&text),
               record->value.len > 400 ? "..." : "");
}

void caa_recommend(const struct caa_who *who, struct buf *out)
{
    buf_add_cstr(out, who->identities[0]);
    if (who->account_url != NULL)
        buf_printf(out, "; accounturi=%s", who->account_url);
    buf_printf(out, "; validationmethods=%s", who->method);
}
