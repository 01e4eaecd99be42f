/*
 * The inside of process.h, for the files of lib/io only: which file a word of a command line means, and what the
 * program that it holds is given.
 */
#ifndef IO_PROGRAM_H
#define IO_PROGRAM_H

#include "base/mem.h"

#define PROGRAM_PATH "/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin"

/* The path of a program that can be executed: an absolute one, or a bare word found in PROGRAM_PATH. The caller frees.
 * A file that is neither a binary nor begins with "#!" is refused, because execvp would hand it to a shell, and to
 * a shell an empty file is a success. Kinds: ABSENT, DENIED, CONFIG. */
bool program_find(const char *word, char **ret_path, struct err *err);

/* PATH, LANG and what was asked for, NULL-terminated. Only the array is fresh; mem_free it. */
char **program_environment(const char *const *asked);

/* Marks every descriptor above 2 close-on-exec, those of foreign libraries too. */
void descriptors_keep(void);

#endif
