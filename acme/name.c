#include "acme/name.h"

#include "base/clock.h"

#include <idn2.h>
#include <libpsl.h>
#include <stdio.h>

enum { NAME_MAX_LEN = 253, LABEL_MAX_LEN = 63 };
/* What a person may have written: UTF-8 is longer than its A-label at most by this. */
enum { TEXT_MAX_LEN = 1024 };

/* Always CONFIG, always showing what was written. */
__attribute__((format(printf, 3, 4))) static bool name_fault(struct err *err, const char *text,
                                                             const char *fmt, ...)
{
    AUTO(buf_fini)
    struct buf shown = BUF(160), why = BUF(512);
    text_escape(&shown, str_of(text), 120);
    va_list ap;
    va_start(ap, fmt);
    buf_vprintf(&why, fmt, ap);
    va_end(ap);
    return err_set(err, ERR_CONFIG, "the name \"%s\" %s", buf_cstr(&shown), buf_cstr(&why));
}

/* "*." only in front; an IP address or a URL gets a sentence of its own instead of one about bytes.
 */
static const char *shape_fault(struct str base, bool is_wildcard)
{
    if (base.len == 0)
        return is_wildcard ? "is a wildcard of nothing" : "is empty";
    if (base.len > TEXT_MAX_LEN)
        return "is longer than 253 bytes";
    if (str_find_char(base, '*') < base.len)
        return "has a \"*\" elsewhere than alone in front, as in *.example.com";
    if (str_find_char(base, ':') < base.len || str_find_char(base, '/') < base.len)
        return "is an address or a URL; only host names can be ordered";
    if (str_find_char(base, '@') < base.len)
        return "is a mail address; only host names can be ordered";
    for (size_t i = 0; i < base.len; i++)
        if (base.p[i] >= 0 && base.p[i] <= 0x20)
            return "holds a blank or a control byte";
    return NULL;
}

static bool label_is_good(struct str label)
{
    if (label.len == 0 || label.len > LABEL_MAX_LEN || label.p[0] == '-' ||
        label.p[label.len - 1] == '-')
        return false;
    for (size_t i = 0; i < label.len; i++) {
        char c = label.p[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'))
            return false;
    }
    return true;
}

static bool label_is_number(struct str label)
{
    for (size_t i = 0; i < label.len; i++)
        if (label.p[i] < '0' || label.p[i] > '9')
            return false;
    return true;
}

/* Our own look at what the library made, so that nothing rests on its options alone. */
static const char *ascii_fault(struct str name, bool is_wildcard)
{
    struct str rest = name, label = STR_NONE;
    size_t n = 0;
    if (name.len + (is_wildcard ? 2 : 0) > NAME_MAX_LEN)
        return "is longer than 253 bytes";
    for (; str_split(&rest, '.', &label); n++) {
        if (label.len == 0)
            return "has an empty label (two dots, or one in front)";
        if (label.len > LABEL_MAX_LEN)
            return "has a label longer than 63 bytes";
        if (!label_is_good(label))
            return "holds something else than letters, digits and inner hyphens";
    }
    if (label_is_number(label))
        return "is an address; only host names can be ordered";
    if (n < 2)
        return "is a single label; a CA issues for names below a public domain only";
    return NULL;
}

/* UTS 46, non-transitional: a sharp s stays one. Not with IDN2_USE_STD3_ASCII_RULES: instead of
 * refusing what those rules forbid, the library leaves it out ("a_b" becomes "ab"). ascii_fault
 * applies them. Fresh text of the library, or NULL. */
static char *idna_to_ascii(const char *base, const char **ret_why)
{
    char *ascii = NULL;
    int code = idn2_to_ascii_8z(base, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
    if (code == IDN2_OK)
        return ascii;
    *ret_why = idn2_strerror(code);
    return NULL;
}

static void text_lower(char *text)
{
    for (char *p = text; *p != '\0'; p++)
        if (*p >= 'A' && *p <= 'Z')
            *p = (char)(*p - 'A' + 'a');
}

/* The ICANN part of the list only: operators of hosting domains (the private part) do order for
 * those themselves, and CAs let them. */
static bool is_public_suffix(const char *name)
{
    const psl_ctx_t *list = psl_builtin();
    return list != NULL && psl_is_public_suffix2(list, name, PSL_TYPE_ICANN) == 1;
}

static bool base_normalise(const char *text, struct str base, bool is_wildcard, char **ret_ascii,
                           struct err *err)
{
    const char *fault = shape_fault(base, is_wildcard);
    if (fault != NULL)
        return name_fault(err, text, "%s", fault);
    AUTO(mem_fini)
    char *copy = mem_strndup(base.p, base.len);
    char *ascii = idna_to_ascii(copy, &fault);
    if (ascii == NULL)
        return name_fault(err, text, "cannot be written in DNS: %s", fault);
    *ret_ascii = mem_strdup(ascii);
    idn2_free(ascii);
    text_lower(*ret_ascii);
    fault = ascii_fault(str_of(*ret_ascii), is_wildcard);
    if (fault == NULL && is_public_suffix(*ret_ascii))
        fault = is_wildcard ? "is a wildcard of a public suffix" : "is a public suffix";
    return fault == NULL || name_fault(err, text, "%s", fault);
}

bool name_normalise(const char *text, char **ret_name, struct err *err)
{
    struct str base = str_of(text);
    bool is_wildcard = str_starts(base, STR("*."));
    if (is_wildcard)
        base = str_mem(base.p + 2, base.len - 2);
    if (base.len > 1 && base.p[base.len - 1] == '.')
        base = str_mem(base.p, base.len - 1);
    AUTO(mem_fini)
    char *ascii = NULL;
    if (!base_normalise(text, base, is_wildcard, &ascii, err))
        return false;
    *ret_name = mem_printf("%s%s", is_wildcard ? "*." : "", ascii);
    return true;
}

static const char *without_wildcard(const char *name)
{
    return strncmp(name, "*.", 2) == 0 ? name + 2 : name;
}

/* ---- the public suffix list ---- */

struct suffix_list {
    psl_ctx_t *psl;
    int64_t made_at_ms;
};

/* "// VERSION: 2026-01-10_08-21-12_UTC" stands in its first lines. */
static int64_t version_find(struct str text)
{
    static const char mark[] = "// VERSION: ";
    struct str rest = str_mem(text.p, text.len < 4096 ? text.len : 4096), line;
    int64_t at_ms = 0;
    while (str_split(&rest, '\n', &line)) {
        char day[] = "0000-00-00T00:00:00Z";
        if (!str_starts(line, str_of(mark)) || line.len < sizeof mark - 1 + 10)
            continue;
        memcpy(day, line.p + sizeof mark - 1, 10);
        if (time_parse(str_of(day), &at_ms))
            return at_ms;
    }
    return 0;
}

bool suffix_list_load(struct str text, struct suffix_list **ret, struct err *err)
{
    AUTO(mem_fini)
    char *copy = mem_strndup(text.p, text.len);
    /* The library takes any text for a list of rules. */
    bool is_list = strstr(copy, "===BEGIN ICANN DOMAINS===") != NULL;
    FILE *file = is_list ? fmemopen(copy, text.len, "r") : NULL;
    psl_ctx_t *psl = file != NULL ? psl_load_fp(file) : NULL;
    if (file != NULL)
        fclose(file);
    if (psl == NULL || psl_suffix_count(psl) < 1) {
        psl_free(psl);
        return err_set(err, ERR_BROKEN, "this is no public suffix list");
    }
    struct suffix_list *list = NEW(struct suffix_list);
    list->psl = psl;
    list->made_at_ms = version_find(text);
    *ret = list;
    return true;
}

void suffix_list_free(struct suffix_list *list)
{
    if (list == NULL)
        return;
    psl_free(list->psl);
    mem_free(list);
}

int64_t suffix_list_made_at_ms(const struct suffix_list *list)
{
    return list != NULL ? list->made_at_ms : (int64_t)psl_builtin_file_time() * MS_SECOND;
}

char *suffix_list_domain(const struct suffix_list *list, const char *name)
{
    const psl_ctx_t *psl = list != NULL ? list->psl : psl_builtin();
    const char *base = without_wildcard(name);
    const char *domain = psl != NULL ? psl_registrable_domain(psl, base) : NULL;
    return mem_strdup(domain != NULL ? domain : base);
}

char *name_registered_domain(const char *name)
{
    return suffix_list_domain(NULL, name);
}

bool name_is_covered_by(const char *name, const char *wild)
{
    if (strncmp(wild, "*.", 2) != 0 || name[0] == '*')
        return false;
    const char *dot = strchr(name, '.');
    return dot != NULL && dot != name && strcmp(dot + 1, wild + 2) == 0;
}

void name_challenge(const char *name, struct buf *out)
{
    buf_printf(out, "_acme-challenge.%s", without_wildcard(name));
}
