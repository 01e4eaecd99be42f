#include "io/generation_unlink.h"

#include "io/files_at.h"

#include <unistd.h>

static bool current_remove(const char *dir, struct err *err)
{
    AUTO(fd_fini)
    int dirfd = folder_open(dir, false, err);
    if (dirfd < 0)
        return false;
    if (ACT_FAILS("files.unlink.before") || (unlinkat(dirfd, "current", 0) != 0 && errno != ENOENT))
        return err_errno(err, errno, "remove %s/current", dir);
    FAILPOINT("files.unlink.after");
    return fd_sync(dirfd, dir, err);
}

bool generation_unlink(const char *dir, struct err *err)
{
    struct err why = {.kind = ERR_NONE};
    AUTO(mem_fini)
    char *version = NULL;
    /* Whose link it is, and whether it is one, is judged by who reads it. */
    if (!generation_current(dir, &version, &why)) {
        if (why.kind == ERR_ABSENT)
            return true;
        err_set(err, why.kind, "%s", why.text);
        return err_wrap(err, "unlink %s/current", dir);
    }
    return current_remove(dir, err) || err_wrap(err, "unlink %s/current", dir);
}
