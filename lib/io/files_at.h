/*
 * The inside of files.h, for the files of lib/io only: single acts relative to an open folder.
 *
 * A path is walked once, component by component, and ends as a folder descriptor; from there on
 * everything is a plain name below that descriptor, so nobody can slip a link in between. On the
 * way a link counts only when root or we own it: such links are an administrator's arrangement
 * (/var/run, a Kubernetes volume), all others are planted. Names that are written are never links,
 * whoever owns them.
 *
 * Whatever is not finished has a temporary name ".chancery-tmp.<pid>.<random>": a crash leaves it,
 * and the next act in that folder sweeps those whose process is gone. `where` is the folder's path,
 * for texts only.
 */
#ifndef IO_FILES_AT_H
#define IO_FILES_AT_H

#include "base/failpoint.h"
#include "io/files.h"

#include <errno.h>
#include <sys/stat.h>

enum { NAME_TEXT_MAX = 256 };

/* For AUTO(fd_fini) int fd = ...; */
void fd_fini(int *fd);
/* errno is EIO when the armed act of a failpoint is "error". */
#define ACT_FAILS(name) (FAILPOINT_ERROR(name) && (errno = EIO, true))

/* Not empty, no '/', no leading '.', no control bytes, at most 200 bytes. */
bool name_is_plain(const char *name);
void name_temporary(char out[NAME_TEXT_MAX]);

/* Folder descriptors (readable, so that they can be synced); -1 on failure. A last component that
 * is a link is refused unless follow_last, which still asks for an owner we trust. */
int folder_open(const char *path, bool follow_last, struct err *err);
/* The folder that holds the last component, and that component. Kind CONFIG when there is none
 * (".", "/", "a/.."). */
int folder_open_parent(const char *path, char ret_name[NAME_TEXT_MAX], struct err *err);
/* As folder_open; when only the last component is absent it is made with mode, and synced. */
int folder_open_or_make(const char *path, uint32_t mode, struct err *err);
/* Mode 0700. 1 made, 0 was there, -1 failed. */
int folder_make_at(int dirfd, const char *name, const char *where, struct err *err);
/* The same one level below dirfd. Links are refused. */
int folder_open_at(int dirfd, const char *name, const char *where, struct err *err);
int folder_open_or_make_at(int dirfd, const char *name, uint32_t mode,
                           const struct file_owner *owner, const char *where, struct err *err);
/* The file at path for reading, without waiting for a FIFO's writer; -1 on failure. */
int file_open(const char *path, struct err *err);

bool fd_sync(int fd, const char *what, struct err *err);
/* Owner first, then mode: a new owner never sees a mode meant for another. */
bool fd_dress(int fd, uint32_t mode, const struct file_owner *owner, const char *what,
              struct err *err);
/* A new file, dressed, written and synced. Nothing of that name is left on failure. */
bool file_write_at(int dirfd, const char *name, struct str bytes, uint32_t mode,
                   const struct file_owner *owner, const char *where, struct err *err);
/* A regular file for reading; -1 when there is none of that name. */
int file_open_at(int dirfd, const char *name);
/* False also when it cannot be read. */
bool file_equals_at(int dirfd, const char *name, struct str bytes);
bool rename_at(int dirfd, const char *from, const char *to, const char *where, struct err *err);
/* Removes a file, a link, or a folder that holds no folders. Absent is fine. */
bool entry_remove_at(int dirfd, const char *name, const char *where, struct err *err);
/* Removes what a crash left. Best effort: what cannot be removed harms nobody. */
void temporaries_sweep(int dirfd);

/* Calls visit for each entry but "." and "..", in no order, until it returns false. Descriptor
 * stays the caller's. */
typedef bool entry_visit(void *arg, const char *name, unsigned char d_type);
bool folder_each(int dirfd, entry_visit *visit, void *arg, const char *where, struct err *err);

#endif
