#include "base/log.h"

#include "base/json.h"
#include "base/redact.h"

#include <errno.h>
#include <unistd.h>

/* A line fits one atomic write to a pipe; a message is formatted whole before it is masked and cut,
 * else a secret could be cut in two and its first half be shown. */
enum { LINE_MAX_LEN = 4096, SET_MAX_LEN = 256, MESSAGE_MAX_LEN = 4 * 1024 * 1024 };

struct log {
    int fd;
    enum log_level least;
    bool as_json;
    const struct clock *clock;
    struct redactor redactor;
};

static const char *const level_names[] = {
    [LOG_LEVEL_DEBUG] = "debug",     [LOG_LEVEL_INFO] = "info",   [LOG_LEVEL_NOTICE] = "notice",
    [LOG_LEVEL_WARNING] = "warning", [LOG_LEVEL_ERROR] = "error",
};
enum { LEVEL_N = sizeof level_names / sizeof level_names[0] };
_Static_assert(LEVEL_N == LOG_LEVEL_ERROR + 1, "a name for each level");

struct log *log_new(int fd, enum log_level least, bool as_json, const struct clock *clock)
{
    struct log *log = NEW(struct log);
    *log = (struct log){.fd = fd, .least = least, .as_json = as_json, .clock = clock};
    return log;
}

void log_free(struct log *log)
{
    if (log == NULL)
        return;
    redactor_fini(&log->redactor);
    mem_free(log);
}

void log_mask(struct log *log, struct str secret)
{
    if (log != NULL)
        redactor_add(&log->redactor, secret);
}

bool log_is_on(const struct log *log, enum log_level level)
{
    return log != NULL && level >= log->least;
}

const char *log_level_name(enum log_level level)
{
    return (size_t)level < LEVEL_N ? level_names[level] : "unknown";
}

bool log_level_parse(const char *name, enum log_level *ret_level)
{
    if (name == NULL)
        return false;
    for (size_t i = 0; i < LEVEL_N; i++)
        if (strcmp(level_names[i], name) == 0) {
            *ret_level = (enum log_level)i;
            return true;
        }
    return false;
}

/* What one line says, each part masked already. */
struct entry {
    char time[TIME_TEXT_MAX];
    const char *level, *id, *set; /* set may be NULL */
    struct str message;
};

static void entry_format_text(const struct entry *e, struct buf *line)
{
    AUTO(buf_fini)
    struct buf raw = BUF(SIZE_MAX / 2);
    buf_printf(&raw, "%s %s %s ", e->time, e->level, e->id);
    if (e->set != NULL)
        buf_printf(&raw, "set=%s ", e->set);
    buf_add_str(&raw, e->message);
    text_escape(line, buf_str(&raw), LINE_MAX_LEN - 1);
}

static void entry_dump(const struct entry *e, struct str message, struct buf *line)
{
    AUTO(json_fini)
    struct json *tree = json_object();
    json_set_text(tree, "time", e->time);
    json_set_text(tree, "level", e->level);
    json_set_text(tree, "event", e->id);
    if (e->set != NULL)
        json_set_text(tree, "set", e->set);
    json_set_str(tree, "message", message);
    json_format(tree, line, false);
}

/* s without its last `excess` bytes and without half a character. */
static struct str str_shorten(struct str s, size_t excess)
{
    size_t len = s.len > excess ? s.len - excess : 0;
    while (len > 0 && ((unsigned char)s.p[len] & 0xc0) == 0x80)
        len--;
    return str_mem(s.p, len);
}

/* A byte of the message takes at least one byte of the line, so that cutting the excess off it once
 * is enough. */
static void entry_format_json(const struct entry *e, struct buf *line)
{
    entry_dump(e, e->message, line);
    if (line->len < LINE_MAX_LEN)
        return;
    AUTO(buf_fini)
    struct buf cut = BUF(SIZE_MAX / 2);
    buf_add_str(&cut, str_shorten(e->message, line->len + 4 - LINE_MAX_LEN));
    buf_add_cstr(&cut, "...");
    buf_clear(line);
    entry_dump(e, buf_str(&cut), line);
}

static void line_write(int fd, const struct buf *line)
{
    ssize_t written;
    do
        written = write(fd, line->p, line->len);
    while (written < 0 && errno == EINTR);
    /* There is nowhere to tell that the log itself failed. */
}

void log_line(struct log *log, enum log_level level, const char *id, const char *set,
              const char *fmt, ...)
{
    if (!log_is_on(log, level))
        return;
    AUTO(buf_fini)
    struct buf message = BUF(MESSAGE_MAX_LEN);
    AUTO(buf_fini)
    struct buf plain = BUF(SIZE_MAX / 2);
    AUTO(buf_fini)
    struct buf name = BUF(SIZE_MAX / 2);
    AUTO(buf_fini)
    struct buf line = BUF(SIZE_MAX / 2);
    va_list ap;
    va_start(ap, fmt);
    buf_vprintf(&message, fmt, ap);
    va_end(ap);
    redactor_apply(&log->redactor,
                   message.overflow ? STR("(a message too long to be logged)") : buf_str(&message),
                   &plain);
    redactor_apply(&log->redactor, str_of(set), &name);
    buf_cut(&name, SET_MAX_LEN);

    struct entry e = {.level = log_level_name(level), .id = id, .message = buf_str(&plain)};
    e.set = set != NULL ? buf_cstr(&name) : NULL;
    time_format(clock_wall_ms(log->clock), false, e.time);
    if (log->as_json)
        entry_format_json(&e, &line);
    else
        entry_format_text(&e, &line);
    buf_add_char(&line, '\n');
    line_write(log->fd, &line);
}
