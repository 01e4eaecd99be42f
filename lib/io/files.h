/*
 * Files that are never half there.
 *
 * A generation of files is written into a fresh folder, each file with its owner and mode from the first byte, each synced, then the
 * folder, then its parent; one rename of one link switches readers from the old generation to the new. A kill at any call
 * leaves the old generation served. No path is ever followed through a planted link (O_NOFOLLOW, O_EXCL): on the way to a folder, and
 * to what is only read, a link counts only when root or we own it; what is written is never a link (DENIED). What a crash left
 * unfinished (".chancery-tmp.*") goes with the next act in that folder. All calls block; they are short.
 */
#ifndef IO_FILES_H
#define IO_FILES_H

#include "base/buf.h"

struct file_owner {
    bool set;
    uint32_t uid, gid; /* UINT32_MAX: leave */
};
/* "root", "0", NULL. Kind CONFIG when unknown. */
bool file_owner_find(const char *user, const char *group, struct file_owner *ret, struct err *err);

struct file_item {
    const char *name; /* a plain name: no '/', no leading '.' */
    struct str bytes;
    uint32_t mode; /* e.g. 0640 */
};
/* Writes <dir>/versions/<version>/ complete and synced. dir and versions are made (0755 / dir_mode) when absent. A folder of that
 * name left by a crash is removed first unless it is the one `current` points to, in which case it must equal (else BROKEN). One
 * that equals is kept, and given owner and modes where they differ. The parent of dir must be there (else ABSENT). */
bool generation_write(const char *dir, const char *version, uint32_t dir_mode,
                      const struct file_owner *owner, const struct file_item *items, size_t n_items,
                      struct err *err);
/* Points <dir>/current at versions/<version> in one rename, synced. Nothing happens when it already does. */
bool generation_switch(const char *dir, const char *version, struct err *err);
/* What current points at: the version's name, or ABSENT. The caller frees. */
bool generation_current(const char *dir, char **ret_version, struct err *err);
/* Removes versions except keep[]; never the current one; also stale temporary links. */
bool generation_prune(const char *dir, const char *const *keep, size_t n_keep, struct err *err);
/* True when versions/<version> holds exactly these items with these bytes. */
bool generation_equals(const char *dir, const char *version, const struct file_item *items,
                       size_t n_items, bool *ret_equal, struct err *err);
/* Puts stable names beside current: <dir>/<name> -> current/<name>, unless something of that name exists that is not such a link (CONFIG). */
bool generation_link_names(const char *dir, const char *const *names, size_t n_names,
                           struct err *err);

/* One file at path, atomically: temporary in the same folder, synced, renamed, folder synced. */
bool file_replace(const char *path, struct str bytes, uint32_t mode, const struct file_owner *owner,
                  struct err *err);
/* The whole of a regular file of at most max bytes (else BROKEN) replaces what *ret_bytes, an initialised buf, held. private_only:
 * refuses files readable by others (mode & 077; an ACL that names nobody but us is private, as systemd sets it): DENIED. */
bool file_read(const char *path, size_t max, bool private_only, struct buf *ret_bytes,
               struct err *err);
/* A file that the kernel makes up as it is read (/proc, /sys): it has no size before. */
bool file_read_kernel(const char *path, size_t max, struct buf *ret_bytes, struct err *err);
bool file_read_secret(const char *path, size_t max, struct secret *ret, struct err *err);
struct file_stamp {
    int64_t mtime_ns, size;
    uint64_t inode;
};
/* Every regular file (or link to one, see above) of folder/ that matches suffix (".yaml"), not starting with '.', in name order, with its stamp. visit
 * ends the walk by false. */
typedef bool file_visit(void *arg, const char *name, const struct file_stamp *stamp);
bool folder_walk(const char *folder, const char *suffix, file_visit *visit, void *arg,
                 struct err *err);
bool file_stat(const char *path, struct file_stamp *ret, struct err *err);
/* Makes path and its parents with mode; existing ones stay as they are. */
bool folder_make(const char *path, uint32_t mode, struct err *err);

/* A kernel lock (open file description lock) on path, created 0600: freed by the kernel when the process dies. HELD when
 * another has it; the text names the pid written inside. */
struct file_lock;
bool file_lock_take(const char *path, struct file_lock **ret_lock, struct err *err);
void file_lock_drop(struct file_lock *lock);

#endif
