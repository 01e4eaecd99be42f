#include "acme/profile.h"

enum { SHOWN_MAX = 20, NAME_SHOWN_MAX = 64, TEXT_MAX = 2048 };

bool profile_is_offered(const struct acme_directory *directory, const char *profile)
{
    return profile == NULL || json_find(directory->profiles, profile) != NULL;
}

static void profiles_format(const struct acme_directory *directory, struct buf *out)
{
    const char *name;
    const struct json *what;
    for (size_t i = 0; json_member(directory->profiles, i, &name, &what); i++) {
        if (i == SHOWN_MAX) {
            buf_printf(out, " and %zu more", json_len(directory->profiles) - i);
            return;
        }
        buf_add_cstr(out, i > 0 ? ", " : "");
        text_escape(out, str_of(name), NAME_SHOWN_MAX);
    }
}

bool profile_check(const struct acme_directory *directory, const char *profile, struct err *err)
{
    AUTO(buf_fini)
    struct buf offered = BUF(TEXT_MAX);
    if (profile_is_offered(directory, profile))
        return true;
    if (json_len(directory->profiles) == 0)
        return err_set(err, ERR_CONFIG,
                       "profile \"%.64s\": the CA offers no profiles: leave `profile` out",
                       profile);
    profiles_format(directory, &offered);
    return err_set(err, ERR_CONFIG,
                   "profile \"%.64s\": the CA does not offer it: set `profile` to one of %s, or "
                   "leave it out",
                   profile, buf_cstr(&offered));
}

bool profile_check_echo(const char *asked, const struct json *order_object, struct err *err)
{
    const char *taken = json_text(order_object, "profile");
    AUTO(buf_fini)
    struct buf shown = BUF(128);
    if (asked == NULL || taken == NULL || strcmp(asked, taken) == 0)
        return true;
    text_escape(&shown, str_of(taken), NAME_SHOWN_MAX);
    return err_set(err, ERR_REFUSED,
                   "the CA took the order for profile \"%s\", but \"%.64s\" was asked for; nothing "
                   "is issued",
                   buf_cstr(&shown), asked);
}

/* ---- how many names ---- */

static struct str host_of(const char *url)
{
    struct str text = str_of(url);
    size_t at = str_find(text, STR("://"));
    if (at == text.len)
        return STR_NONE;
    struct str rest = str_mem(text.p + at + 3, text.len - at - 3);
    size_t len = 0;
    while (len < rest.len && strchr("/:?", rest.p[len]) == NULL)
        len++;
    return str_mem(rest.p, len);
}

int64_t profile_names_max(const char *directory_url, const char *profile)
{
    static const struct {
        const char *host, *profile;
        int64_t most;
    } limits[] = {
#define X(host, profile, most) {host, profile, most},
#include "acme/profile_limits.def"
#undef X
    };
    struct str host = directory_url != NULL ? host_of(directory_url) : STR_NONE;
    const char *name = profile != NULL ? profile : "";
    for (size_t i = 0; host.len > 0 && i < sizeof limits / sizeof limits[0]; i++)
        if (str_eq_nocase(host, str_of(limits[i].host)) && strcmp(limits[i].profile, name) == 0)
            return limits[i].most;
    return 0;
}

bool profile_check_names(const char *directory_url, const char *profile, size_t n_names,
                         struct err *err)
{
    int64_t most = profile_names_max(directory_url, profile);
    if (most == 0 || n_names <= (size_t)most)
        return true;
    AUTO(buf_fini)
    struct buf of = BUF(256);
    if (profile != NULL)
        buf_printf(&of, "profile \"%.64s\" at ", profile);
    buf_add_str(&of, host_of(directory_url));
    return err_set(err, ERR_CONFIG,
                   "%zu names, but a certificate of %s may have %lld: part them into several sets, "
                   "or ask for another profile",
                   n_names, buf_cstr(&of), (long long)most);
}
