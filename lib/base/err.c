#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const kind_names[] = {
#define X(kind, name, what) [ERR_##kind] = name,
    ERR_KINDS(X)
#undef X
};
_Static_assert(sizeof kind_names / sizeof kind_names[0] == ERR_KIND_N, "a name for each kind");

static const char *const class_names[] = {
#define X(class, name, what) [CLASS_##class] = name,
    ERR_CLASSES(X)
#undef X
};

/* What a kind says by itself. Nothing is slowed down or held on the word of a kind alone: what is wrong may lie outside the files we
 * watch, in a secret or at a DNS provider, and trying it costs a CA nothing. */
static const struct {
    enum err_class class;
    enum err_fault fault;
} usual[] = {
    [ERR_NONE] = {CLASS_LATER, FAULT_UNKNOWN},      [ERR_AGAIN] = {CLASS_LATER, FAULT_UNKNOWN},
    [ERR_THROTTLED] = {CLASS_LATER, FAULT_UNKNOWN}, [ERR_DENIED] = {CLASS_LATER, FAULT_CONFIG},
    [ERR_REFUSED] = {CLASS_LATER, FAULT_UNKNOWN},   [ERR_ABSENT] = {CLASS_LATER, FAULT_UNKNOWN},
    [ERR_BROKEN] = {CLASS_LATER, FAULT_UNKNOWN},    [ERR_CONFIG] = {CLASS_LATER, FAULT_CONFIG},
    [ERR_STORE] = {CLASS_LATER, FAULT_US},          [ERR_LOCAL] = {CLASS_LATER, FAULT_US},
    [ERR_HELD] = {CLASS_LATER, FAULT_US},           [ERR_BUG] = {CLASS_LATER, FAULT_US},
};
_Static_assert(sizeof usual / sizeof usual[0] == ERR_KIND_N, "a judgement for each kind");

static void text_make_plain(char *text)
{
    for (unsigned char *p = (unsigned char *)text; *p != '\0'; p++)
        if (*p < 0x20 || *p == 0x7f)
            *p = '?';
}

/* `whole` is the length the text would have had: when it did not fit, its end becomes "...",
 * without leaving half a UTF-8 character behind. */
static void text_mark_cut(char text[ERR_TEXT_MAX], int whole)
{
    if (whole < ERR_TEXT_MAX)
        return;
    size_t end = ERR_TEXT_MAX - 4;
    while (end > 0 && ((unsigned char)text[end] & 0xc0) == 0x80)
        end--;
    memcpy(text + end, "...", 4);
}

/* Formats beside the target first: the arguments may point into err->text itself. */
__attribute__((format(printf, 2, 0))) static void text_format(char out[ERR_TEXT_MAX],
                                                              const char *fmt, va_list ap)
{
    int whole = vsnprintf(out, ERR_TEXT_MAX, fmt, ap);
    CHECK(whole >= 0);
    text_mark_cut(out, whole);
    text_make_plain(out);
}

/* Puts context: text into err. Neither may lie inside *err. */
static void text_join(struct err *err, const char *context, const char *text)
{
    int whole = snprintf(err->text, sizeof err->text, "%s: %s", context, text);
    text_mark_cut(err->text, whole);
}

static void err_judge_as_usual(struct err *err, enum err_kind kind)
{
    err->kind = kind;
    err->class = usual[kind].class;
    err->fault = usual[kind].fault;
    err->advice = NULL;
}

__attribute__((format(printf, 4, 0))) static void err_fill(struct err *err, enum err_kind kind,
                                                           int64_t until_ms, const char *fmt,
                                                           va_list ap)
{
    char text[ERR_TEXT_MAX];
    text_format(text, fmt, ap);
    memcpy(err->text, text, strlen(text) + 1);
    err_judge_as_usual(err, kind);
    err->until_ms = until_ms;
}

bool err_judge(struct err *err, enum err_class class, enum err_fault fault, const char *advice)
{
    if (err == NULL)
        return false;
    err->class = class;
    err->fault = fault;
    err->advice = advice;
    return false;
}

bool err_set(struct err *err, enum err_kind kind, const char *fmt, ...)
{
    if (err == NULL)
        return false;
    va_list ap;
    va_start(ap, fmt);
    err_fill(err, kind, 0, fmt, ap);
    va_end(ap);
    return false;
}

bool err_throttled(struct err *err, int64_t until_ms, const char *fmt, ...)
{
    if (err == NULL)
        return false;
    va_list ap;
    va_start(ap, fmt);
    err_fill(err, ERR_THROTTLED, until_ms, fmt, ap);
    va_end(ap);
    return false;
}

bool err_wrap(struct err *err, const char *fmt, ...)
{
    if (err == NULL)
        return false;
    char context[ERR_TEXT_MAX], text[ERR_TEXT_MAX];
    va_list ap;
    va_start(ap, fmt);
    text_format(context, fmt, ap);
    va_end(ap);
    memcpy(text, err->text, sizeof text);
    text_join(err, context, text);
    return false;
}

static enum err_kind kind_of_errno(int errnum)
{
    switch (errnum) {
    case ENOENT:
    case ENOTDIR:
        return ERR_ABSENT;
    case EACCES:
    case EPERM:
        return ERR_DENIED;
    case EAGAIN:
    case EINTR:
    case ETIMEDOUT:
    case ECONNREFUSED:
    case ECONNRESET:
    case ECONNABORTED:
    case EHOSTUNREACH:
    case EHOSTDOWN:
    case ENETUNREACH:
    case ENETDOWN:
    case ENETRESET:
    case EPIPE:
        return ERR_AGAIN;
    default:
        return ERR_LOCAL;
    }
}

bool err_errno(struct err *err, int errnum, const char *fmt, ...)
{
    if (err == NULL)
        return false;
    char context[ERR_TEXT_MAX], why[128];
    va_list ap;
    va_start(ap, fmt);
    text_format(context, fmt, ap);
    va_end(ap);
    const char *text = strerror_r(errnum, why, sizeof why);
    err_judge_as_usual(err, kind_of_errno(errnum));
    err->until_ms = 0;
    text_join(err, context, text);
    return false;
}

void err_clear(struct err *err)
{
    if (err == NULL)
        return;
    err_judge_as_usual(err, ERR_NONE);
    err->until_ms = 0;
    err->text[0] = '\0';
}

const char *err_kind_name(enum err_kind kind)
{
    return (unsigned)kind < ERR_KIND_N ? kind_names[kind] : "unknown";
}

const char *err_class_name(enum err_class class)
{
    return (unsigned)class < ERR_CLASS_N ? class_names[class] : "unknown";
}

enum err_kind err_kind_find(const char *name)
{
    if (name == NULL)
        return ERR_NONE;
    for (unsigned kind = 0; kind < ERR_KIND_N; kind++)
        if (strcmp(kind_names[kind], name) == 0)
            return (enum err_kind)kind;
    return ERR_NONE;
}

_Noreturn void check_failed(const char *file, int line, const char *what)
{
    fprintf(stderr, "chancery: %s:%d: check failed: %s\n", file, line, what);
    abort();
}
