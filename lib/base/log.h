/*
 * The front of the log. lib/, acme/ and dns-providers/ never log: they return. orchestrator/ and
 * cmd/ log once, where an error stops rising. A line is written with one write(2), is at most 4
 * KiB, has its control bytes escaped, and passes a redactor that masks every registered secret in
 * raw, hex, base64 and base64url form.
 *
 *   2026-11-21T22:01:23Z warning order.retry set=shop order=17 CA letsencrypt: 503 ... next try in
 * 1m
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/clock.h"

enum log_level {
    LOG_LEVEL_DEBUG,
    LOG_LEVEL_INFO,
    LOG_LEVEL_NOTICE,
    LOG_LEVEL_WARNING,
    LOG_LEVEL_ERROR
};

struct log;
/* fd is borrowed. as_json writes one JSON object a line instead of text. */
struct log *log_new(int fd, enum log_level least, bool as_json, const struct clock *clock);
void log_free(struct log *log);
bool log_is_on(const struct log *log, enum log_level level); /* NULL log: false */
/* id: a dotted event id. set may be NULL. */
void log_line(struct log *log, enum log_level level, const char *id, const char *set,
              const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* Registers bytes that must never appear; shorter than 6 bytes are ignored. Copied, cleansed at
 * log_free. */
void log_mask(struct log *log, struct str secret);
const char *log_level_name(enum log_level level);
bool log_level_parse(const char *name, enum log_level *ret_level);

#endif
