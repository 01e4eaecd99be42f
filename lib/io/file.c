#include "io/files_at.h"

#include <endian.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { ENTRY_LEN_MIN = 16 * 1024, ENTRY_LEN_MAX = 1024 * 1024, READ_LEN = 16 * 1024 };

static bool id_parse(const char *text, uint32_t *ret_id)
{
    int64_t value;
    if (text[0] == '-' || !str_to_i64(str_of(text), &value) || value >= UINT32_MAX)
        return false;
    *ret_id = (uint32_t)value;
    return true;
}

/* One entry of the user database; 0, ENOENT when there is none, else an errno. */
static int user_find(const char *name, char *space, size_t len, uint32_t *ret_id)
{
    struct passwd entry, *found = NULL;
    int why = getpwnam_r(name, &entry, space, len, &found);
    if (found != NULL)
        *ret_id = entry.pw_uid;
    return why != 0 || found != NULL ? why : ENOENT;
}

static int group_find(const char *name, char *space, size_t len, uint32_t *ret_id)
{
    struct group entry, *found = NULL;
    int why = getgrnam_r(name, &entry, space, len, &found);
    if (found != NULL)
        *ret_id = entry.gr_gid;
    return why != 0 || found != NULL ? why : ENOENT;
}

/* Groups may have thousands of members, so the space for their names grows. */
static bool name_find(int (*find)(const char *, char *, size_t, uint32_t *), const char *kind,
                      const char *name, uint32_t *ret_id, struct err *err)
{
    if (name == NULL) {
        *ret_id = UINT32_MAX;
        return true;
    }
    if (id_parse(name, ret_id))
        return true;
    int why = ERANGE;
    for (size_t len = ENTRY_LEN_MIN; why == ERANGE && len <= ENTRY_LEN_MAX; len *= 4) {
        AUTO(mem_fini)
        char *space = mem_new(len, 1);
        why = find(name, space, len, ret_id);
    }
    if (why == 0)
        return true;
    if (why == ENOENT || why == ESRCH)
        return err_set(err, ERR_CONFIG, "there is no %s \"%s\" on this machine", kind, name);
    return err_errno(err, why, "look up %s \"%s\"", kind, name);
}

bool file_owner_find(const char *user, const char *group, struct file_owner *ret, struct err *err)
{
    struct file_owner owner = {.set = user != NULL || group != NULL};
    if (!name_find(user_find, "user", user, &owner.uid, err) ||
        !name_find(group_find, "group", group, &owner.gid, err))
        return false;
    *ret = owner;
    return true;
}

static bool final_name_is_free(int dirfd, const char *name, const char *path, struct err *err)
{
    struct stat st;
    if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT || err_errno(err, errno, "%s", path);
    if (S_ISLNK(st.st_mode))
        return err_set(err, ERR_DENIED, "%s: is a link; name the file itself", path);
    if (!S_ISREG(st.st_mode))
        return err_set(err, ERR_CONFIG, "%s: is there and not a regular file", path);
    return true;
}

static bool file_replace_at(int dirfd, const char *name, struct str bytes, uint32_t mode,
                            const struct file_owner *owner, const char *path, struct err *err)
{
    char temporary[NAME_TEXT_MAX];
    if (!final_name_is_free(dirfd, name, path, err))
        return false;
    temporaries_sweep(dirfd);
    name_temporary(temporary);
    if (!file_write_at(dirfd, temporary, bytes, mode, owner, "beside it", err))
        return false;
    if (rename_at(dirfd, temporary, name, "its folder", err))
        return fd_sync(dirfd, "its folder", err);
    unlinkat(dirfd, temporary, 0);
    return false;
}

bool file_replace(const char *path, struct str bytes, uint32_t mode, const struct file_owner *owner,
                  struct err *err)
{
    char name[NAME_TEXT_MAX];
    AUTO(fd_fini)
    int dirfd = folder_open_parent(path, name, err);
    if (dirfd < 0)
        return false;
    if (!file_replace_at(dirfd, name, bytes, mode, owner, path, err))
        return err_wrap(err, "replace %s", path);
    return true;
}

/* systemd hands a credential to a service user by an ACL, which shows as group bits. Such a file is
 * private when the only one it names is us. */
static bool acl_names_only_us(int fd)
{
    struct {
        uint32_t version;
        struct {
            uint16_t tag, perm;
            uint32_t id;
        } entries[32];
    } acl;
    enum {
        USER_OBJ = 0x01,
        USER = 0x02,
        GROUP_OBJ = 0x04,
        GROUP = 0x08,
        MASK = 0x10,
        OTHER = 0x20
    };
    ssize_t len = fgetxattr(fd, "system.posix_acl_access", &acl, sizeof acl);
    if (len < (ssize_t)sizeof acl.version || le32toh(acl.version) != 2)
        return false;
    size_t n = ((size_t)len - sizeof acl.version) / sizeof acl.entries[0];
    for (size_t i = 0; i < n; i++) {
        int tag = le16toh(acl.entries[i].tag);
        bool ours = tag == USER_OBJ || tag == MASK ||
                    (tag == USER && le32toh(acl.entries[i].id) == geteuid());
        if (!ours && le16toh(acl.entries[i].perm) != 0)
            return false;
    }
    return true;
}

static bool file_is_fit(int fd, size_t max, bool private_only, const char *path, struct stat *st,
                        struct err *err)
{
    if (fstat(fd, st) != 0)
        return err_errno(err, errno, "%s", path);
    if (!S_ISREG(st->st_mode))
        return err_set(err, ERR_CONFIG, "%s: not a regular file", path);
    if (private_only && (st->st_mode & 077) != 0 && !acl_names_only_us(fd))
        return err_set(err, ERR_DENIED,
                       "%s: holds a secret but others may read it (mode %04o): "
                       "chmod go= it",
                       path, (unsigned)(st->st_mode & 07777));
    if (st->st_size < 0 || (uint64_t)st->st_size > max)
        return err_set(err, ERR_BROKEN, "%s: larger than %zu bytes", path, max);
    return true;
}

/* Neither a file that grows nor one that shrinks under the reading is passed off as whole. */
static bool bytes_read(int fd, struct buf *out)
{
    char chunk[READ_LEN];
    ssize_t n;
    while ((n = read(fd, chunk, sizeof chunk)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n > 0)
            buf_add(out, chunk, (size_t)n);
        if (n < 0 || out->overflow)
            break;
    }
    int why = errno;
    mem_cleanse(chunk, sizeof chunk);
    errno = why;
    return n >= 0;
}

bool file_read(const char *path, size_t max, bool private_only, struct buf *ret_bytes,
               struct err *err)
{
    struct stat st;
    AUTO(fd_fini)
    int fd = file_open(path, err);
    if (fd < 0 || !file_is_fit(fd, max, private_only, path, &st, err))
        return false;
    AUTO(buf_fini)
    struct buf bytes = BUF(max);
    if (!bytes_read(fd, &bytes))
        return err_errno(err, errno, "read %s", path);
    if (bytes.overflow || bytes.len != (size_t)st.st_size)
        return err_set(err, ERR_AGAIN, "read %s: it changed meanwhile", path);
    buf_fini(ret_bytes);
    *ret_bytes = bytes;
    bytes = BUF(0);
    return true;
}

bool file_read_kernel(const char *path, size_t max, struct buf *ret_bytes, struct err *err)
{
    AUTO(fd_fini)
    int fd = file_open(path, err);
    if (fd < 0)
        return false;
    AUTO(buf_fini)
    struct buf bytes = BUF(max);
    if (!bytes_read(fd, &bytes))
        return err_errno(err, errno, "read %s", path);
    if (bytes.overflow)
        return err_set(err, ERR_BROKEN, "%s: larger than %zu bytes", path, max);
    buf_fini(ret_bytes);
    *ret_bytes = bytes;
    bytes = BUF(0);
    return true;
}

bool file_read_secret(const char *path, size_t max, struct secret *ret, struct err *err)
{
    AUTO(buf_fini)
    struct buf bytes = BUF(max);
    if (!file_read(path, max, true, &bytes, err))
        return false;
    secret_take_buf(ret, &bytes);
    return true;
}
