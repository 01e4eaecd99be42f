#include "authority/self.h"

#include "io/files.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

void self_read(struct self *ret)
{
    AUTO(buf_fini)
    struct buf boot = BUF(256);
    *ret = (struct self){.pid = (int64_t)getpid()};
    if (gethostname(ret->host, sizeof(ret->host) - 1) != 0)
        memcpy(ret->host, "localhost", sizeof("localhost"));
    ssize_t n = readlink("/proc/self/ns/pid", ret->pids, sizeof(ret->pids) - 1);
    ret->pids[n > 0 ? n : 0] = '\0';
    snprintf(ret->holder, sizeof(ret->holder), "%s:%lld:%s", ret->host, (long long)ret->pid,
             ret->pids);
    /* Without a boot id (no /proc) the wall clock judges. */
    if (!file_read_kernel("/proc/sys/kernel/random/boot_id", 256, &boot, NULL))
        buf_clear(&boot);
    snprintf(ret->boot_id, sizeof(ret->boot_id), "%.*s", STR_ARG(str_trim(buf_str(&boot))));
}

const char *self_boot(const struct self *self)
{
    return self->boot_id[0] != '\0' ? self->boot_id : NULL;
}

/* One that was killed and that nobody has waited for yet - the first process of many containers never does - keeps its number and holds nothing. */
static bool process_is_gone(int64_t pid)
{
    char path[64];
    AUTO(buf_fini)
    struct buf stat = BUF(4096);
    if (kill((pid_t)pid, 0) != 0 && errno == ESRCH)
        return true;
    snprintf(path, sizeof path, "/proc/%lld/stat", (long long)pid);
    if (!file_read_kernel(path, 4095, &stat, NULL))
        return false;
    const char *end = strrchr(buf_cstr(&stat), ')');
    return end != NULL && end[1] == ' ' && (end[2] == 'Z' || end[2] == 'X');
}

bool self_knows_dead(const struct self *self, const char *holder, const char *boot_id, int64_t pid)
{
    char here[sizeof(self->holder)];
    if (holder == NULL || boot_id == NULL || self->boot_id[0] == '\0' || self->pids[0] == '\0')
        return false;
    snprintf(here, sizeof here, "%s:%lld:%s", self->host, (long long)pid, self->pids);
    return strcmp(holder, here) == 0 && strcmp(boot_id, self->boot_id) == 0 && process_is_gone(pid);
}
