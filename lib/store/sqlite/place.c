#include "store/sqlite/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

enum { MAGIC_FUSE = 0x65735546 };

/* Numbers of <linux/magic.h> and of the modules that are not in it. */
static const struct {
    uint32_t magic;
    const char *name;
} networks[] = {
    {0x6969, "NFS"},      {0x517B, "SMB"},        {0xFF534D42, "CIFS"}, {0xFE534D42, "SMB2"},
    {0x564C, "NCP"},      {0x5346414F, "AFS"},    {0x6B414653, "AFS"},  {0x73757245, "Coda"},
    {0x00C36400, "Ceph"}, {0x0BD00BD0, "Lustre"}, {0x01161970, "GFS2"}, {0x7461636F, "OCFS2"},
    {0x01021997, "9p"},   {0xAAD7AAEA, "PanFS"},  {0x47504653, "GPFS"}, {0x19830326, "BeeGFS"},
};

const char *place_network_name(uint32_t magic)
{
    for (size_t i = 0; i < sizeof networks / sizeof networks[0]; i++)
        if (networks[i].magic == magic)
            return networks[i].name;
    return NULL;
}

bool place_fuse_is_network(struct str type)
{
    static const char *const words[] = {"sshfs", "gluster", "s3",  "rclone", "ceph",   "nfs", "smb",
                                        "dav",   "ftp",     "gcs", "juice",  "goofys", "blob"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (str_find(type, str_of(words[i])) < type.len)
            return true;
    return false;
}

/* A line of mountinfo: "36 35 98:0 /root /mount options ... - type source ..." (proc(5)). */
static bool mountinfo_type(struct str line, dev_t device, struct str *ret_type)
{
    struct str piece, number = STR_NONE;
    char wanted[32];
    snprintf(wanted, sizeof wanted, "%u:%u", major(device), minor(device));
    for (int i = 0; i < 3; i++)
        if (!str_split(&line, ' ', &number))
            return false;
    if (!str_eq(number, str_of(wanted)))
        return false;
    while (str_split(&line, ' ', &piece))
        if (str_eq(piece, STR("-")))
            return str_split(&line, ' ', ret_type);
    return false;
}

/* FUSE has one magic for sshfs and for a local overlay: only the mount table tells them apart. */
static bool fuse_network_find(const char *folder, char *name, size_t name_size)
{
    struct stat st;
    FILE *file = fopen("/proc/self/mountinfo", "re");
    if (file == NULL || stat(folder, &st) != 0) {
        if (file != NULL)
            fclose(file);
        return false;
    }
    char line[4096];
    bool found = false;
    while (!found && fgets(line, sizeof line, file) != NULL) {
        struct str type;
        found = mountinfo_type(str_of(line), st.st_dev, &type) && place_fuse_is_network(type);
        if (found)
            snprintf(name, name_size, "%.*s", STR_ARG(type));
    }
    fclose(file);
    return found;
}

static bool filesystem_check(const char *path, const char *folder, struct err *err)
{
    struct statfs fs;
    if (statfs(folder, &fs) != 0)
        return err_set(err, ERR_STORE, "store %s: folder %s: %s", path, folder, strerror(errno));
    uint32_t magic = (uint32_t)fs.f_type;
    char fuse[64];
    const char *name = place_network_name(magic);
    if (name == NULL && magic == MAGIC_FUSE && fuse_network_find(folder, fuse, sizeof fuse))
        name = fuse;
    if (name == NULL)
        return true;
    return err_set(err, ERR_STORE,
                   "store %s: lies on a network filesystem (%s), whose locks and syncs cannot be "
                   "trusted with keys: put it on a local disk of the host that leads",
                   path, name);
}

/* mkdir of the last part only: a missing parent is more often a wrong path or an unmounted disk. */
static bool folder_find(const char *path, const char *folder, bool create, char **ret_real,
                        struct err *err)
{
    if (create && mkdir(folder, 0700) != 0 && errno != EEXIST)
        return err_set(err, ERR_STORE, "store %s: cannot make the folder %s: %s", path, folder,
                       strerror(errno));
    char real[PATH_MAX];
    if (realpath(folder, real) == NULL)
        return err_set(err, ERR_STORE,
                       "store %s: folder %s: %s: check `store:`, or make it with `chancery init`",
                       path, folder, strerror(errno));
    *ret_real = mem_strdup(real);
    return true;
}

static bool folder_sync(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool ok = fsync(fd) == 0 || errno == EINVAL;
    close(fd);
    return ok;
}

bool place_has_log(const char *path)
{
    AUTO(mem_fini)
    char *log = mem_printf("%s-wal", path);
    struct stat st;
    return stat(log, &st) == 0 && st.st_size > 0;
}

uint64_t place_inode(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? (uint64_t)st.st_ino : 0;
}

bool place_folder_is_writable(const char *path)
{
    AUTO(mem_fini)
    char *folder = mem_strndup(path, (size_t)(strrchr(path, '/') - path + 1));
    return access(folder, W_OK) == 0;
}

/* SQLite throws a log away that lies beside an empty file; it may be all that is left of a
 * register. */
static bool orphan_log_check(const char *path, struct err *err)
{
    if (!place_has_log(path))
        return true;
    return err_set(
        err, ERR_STORE,
        "store %s: the file is missing or empty, but its log %s-wal is there: put the file back "
        "or restore a backup; nothing was touched",
        path, path);
}

/* O_EXCL and 0600 from the first instant; SQLite then only ever opens what exists. */
static bool file_make(const char *path, const char *folder, struct err *err)
{
    int fd = open(path, O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_RDWR, 0600);
    if (fd < 0 && errno == EEXIST)
        return true;
    if (fd < 0)
        return err_set(err, ERR_STORE, "store %s: cannot create it: %s", path, strerror(errno));
    bool ok = fchmod(fd, 0600) == 0;
    int number = errno;
    close(fd);
    if (!ok || !folder_sync(folder))
        return err_set(err, ERR_STORE, "store %s: cannot create it: %s", path,
                       strerror(ok ? errno : number));
    return true;
}

static bool file_check(const char *path, struct err *err)
{
    struct stat st;
    if (lstat(path, &st) != 0)
        return err_set(err, ERR_STORE, "store %s: %s", path, strerror(errno));
    if (S_ISLNK(st.st_mode))
        return err_set(
            err, ERR_STORE,
            "store %s: is a symbolic link, which could lead a writer astray: name the file itself",
            path);
    if (!S_ISREG(st.st_mode))
        return err_set(err, ERR_STORE, "store %s: is not a regular file", path);
    if ((st.st_mode & 077) != 0)
        return err_set(err, ERR_STORE,
                       "store %s: others may read or write it (mode %04o): chmod 600 %s", path,
                       (unsigned)(st.st_mode & 07777), path);
    return st.st_size > 0 || orphan_log_check(path, err);
}

static bool file_find(const char *path, const char *folder, bool create, struct err *err)
{
    struct stat st;
    if (lstat(path, &st) == 0)
        return file_check(path, err);
    if (errno != ENOENT)
        return err_set(err, ERR_STORE, "store %s: %s", path, strerror(errno));
    if (!orphan_log_check(path, err))
        return false;
    if (!create)
        return err_set(
            err, ERR_STORE,
            "store %s: does not exist: make it with `chancery init`, or restore a backup", path);
    return file_make(path, folder, err) && file_check(path, err);
}

bool place_prepare(const char *path, bool create, char **ret_path, struct err *err)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    if (name[0] == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return err_set(err, ERR_STORE, "store \"%s\": is not the path of a file", path);
    AUTO(mem_fini)
    char *folder = slash == NULL ? mem_strdup(".") : mem_strndup(path, (size_t)(slash - path + 1));
    AUTO(mem_fini)
    char *real = NULL;
    if (!folder_find(path, folder, create, &real, err) || !filesystem_check(path, real, err))
        return false;
    AUTO(mem_fini)
    char *full = mem_printf("%s/%s", strcmp(real, "/") == 0 ? "" : real, name);
    if (!file_find(full, real, create, err))
        return false;
    *ret_path = full;
    full = NULL;
    return true;
}
