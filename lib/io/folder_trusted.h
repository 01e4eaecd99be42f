/*
 * Files that change what the program does, taken only from where nobody else can write.
 *
 * Whoever may write such a file, or exchange it in its folder, decides where credentials are sent. So the folder and each file must
 * belong to root or to us and must not be writable by group or others; a link counts only while it stays below the folder (a Kubernetes
 * volume is made of such links); a file must be a regular one of a bounded size. What is not so is not read at all, and said.
 */
#ifndef IO_FOLDER_TRUSTED_H
#define IO_FOLDER_TRUSTED_H

#include "base/buf.h"

enum { TRUSTED_FILES_MAX = 512 };

/* bytes are borrowed for the call. why: not NULL when the file was not read; kinds DENIED (who could have written it), BROKEN (size, no
 * regular file), ABSENT, LOCAL. */
typedef void trusted_visit(void *arg, const char *name, struct str bytes, const struct err *why);
/* Every entry whose name ends in suffix and does not begin with '.', in name order. Kinds: ABSENT, DENIED (the folder itself), BROKEN (more than
 * TRUSTED_FILES_MAX of them), LOCAL. */
bool folder_read_trusted(const char *folder, const char *suffix, size_t max, trusted_visit *visit,
                         void *arg, struct err *err);

#endif
