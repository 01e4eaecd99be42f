#include "acme/renewal_info.h"

enum { CERT_ID_MAX = 256, EXPLANATION_MAX = 512, RANDOM_N = 1000000 };
enum {
    LOOK_PARTS = 20,   /* of the life: the longest pause between two looks */
    LATEST_PARTS = 10, /* of the life: what a window may not reach into */
    BRAKE_PARTS = 6    /* of the life: between two renewals that a CA asks for in a row */
};
#define LOOK_LEAST_MS  MS_MINUTE
#define LOOK_MOST_MS   MS_DAY
#define LASTING_MS     (6 * MS_HOUR)
#define BRAKE_MOST_MS  (36 * MS_HOUR)
#define BACK_OFF_STEPS 10

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t life_ms(const struct renewal_life *life)
{
    return larger(life->not_after_at_ms - life->not_before_at_ms, 0);
}

/* ---- the question ---- */

/* Two parts of base64url with a dot between them. */
static bool cert_id_is_good(const char *cert_id)
{
    size_t n_dots = 0, len = cert_id != NULL ? strlen(cert_id) : 0;
    if (len < 3 || len > CERT_ID_MAX || cert_id[0] == '.' || cert_id[len - 1] == '.')
        return false;
    for (const char *p = cert_id; *p != '\0'; p++) {
        bool is_plain = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
                        (*p >= '0' && *p <= '9') || *p == '-' || *p == '_';
        n_dots += *p == '.' ? 1 : 0;
        if (!is_plain && *p != '.')
            return false;
    }
    return n_dots == 1;
}

bool renewal_info_url(const struct acme_directory *directory, const char *cert_id, struct buf *out,
                      struct err *err)
{
    const char *base = directory->renewal_info;
    if (base == NULL)
        return err_set(err, ERR_ABSENT, "the CA offers no renewal information");
    if (!cert_id_is_good(cert_id))
        return err_set(err, ERR_BROKEN, "the certificate has no identifier to ask for");
    size_t len = strlen(base);
    buf_printf(out, "%s%s%s", base, len > 0 && base[len - 1] == '/' ? "" : "/", cert_id);
    return !out->overflow || err_set(err, ERR_BROKEN, "the URL of renewalInfo is too long");
}

/* ---- the answer ---- */

static const char *explanation_read(const struct json *tree, struct arena *arena)
{
    const char *text = json_text(tree, "explanationURL");
    AUTO(buf_fini)
    struct buf safe = BUF(EXPLANATION_MAX + 16);
    if (text == NULL ||
        (!str_starts(str_of(text), STR("https://")) && !str_starts(str_of(text), STR("http://"))))
        return NULL;
    text_escape(&safe, str_of(text), EXPLANATION_MAX);
    return arena_strdup(arena, buf_cstr(&safe));
}

static bool instant_read(const struct json *window, const char *key, int64_t *ret, struct err *err)
{
    const char *text = json_text(window, key);
    AUTO(buf_fini)
    struct buf shown = BUF(96);
    if (text != NULL && time_parse(str_of(text), ret))
        return true;
    text_escape(&shown, str_of(text != NULL ? text : "absent"), 64);
    return err_set(err, ERR_BROKEN, "suggestedWindow.%s is no time: %s", key, buf_cstr(&shown));
}

/* From here on a window is too late to leave time for a failure. */
static int64_t latest_at_ms(const struct renewal_life *life)
{
    return life->not_after_at_ms - life_ms(life) / LATEST_PARTS;
}

static bool window_read(const struct json *tree, const struct renewal_life *life,
                        struct renewal_info *ret, struct err *err)
{
    const struct json *window = json_find(tree, "suggestedWindow");
    int64_t start_at_ms, end_at_ms;
    char start[TIME_TEXT_MAX], other[TIME_TEXT_MAX];
    if (!json_is(window, JSON_OBJECT))
        return err_set(err, ERR_BROKEN, "there is no suggestedWindow");
    if (!instant_read(window, "start", &start_at_ms, err) ||
        !instant_read(window, "end", &end_at_ms, err))
        return false;
    time_format(start_at_ms, false, start);
    time_format(end_at_ms <= start_at_ms ? end_at_ms : life->not_after_at_ms, false, other);
    if (end_at_ms <= start_at_ms)
        return err_set(err, ERR_BROKEN, "the suggestedWindow ends at %s, not after its start at %s",
                       other, start);
    if (start_at_ms >= latest_at_ms(life))
        return err_set(err, ERR_BROKEN,
                       "the suggestedWindow starts at %s, too late for a certificate that ends at "
                       "%s",
                       start, other);
    ret->has_window = true;
    ret->start_at_ms = start_at_ms;
    ret->end_at_ms = end_at_ms;
    return true;
}

static void fault_set(const struct acme_answer *answer, struct renewal_info *ret)
{
    bool passes;
    if (answer->status == 0) {
        ret->why = *answer->lost;
        err_wrap(&ret->why, "renewalInfo");
        passes = ret->why.kind == ERR_AGAIN || ret->why.kind == ERR_THROTTLED ||
                 ret->why.kind == ERR_LOCAL;
    } else {
        if (answer->problem != NULL)
            acme_problem_err(answer->problem, "renewalInfo", answer->retry_at_ms, &ret->why);
        else
            err_set(&ret->why, ERR_BROKEN, "renewalInfo: status %d without an object",
                    answer->status);
        passes = answer->status >= 500 || answer->status == 429;
    }
    ret->fate = passes ? RENEWAL_PASSING : RENEWAL_LASTING;
}

void renewal_info_hear(const struct acme_answer *answer, const struct renewal_life *life,
                       struct arena *arena, struct renewal_info *ret)
{
    *ret = (struct renewal_info){.fate = RENEWAL_LASTING, .retry_at_ms = answer->retry_at_ms};
    if (answer->status != 200 || answer->problem != NULL || !json_is(answer->tree, JSON_OBJECT)) {
        fault_set(answer, ret);
        return;
    }
    if (!window_read(answer->tree, life, ret, &ret->why)) {
        err_wrap(&ret->why, "renewalInfo");
        return;
    }
    ret->explanation = explanation_read(answer->tree, arena);
    if (answer->retry_at_ms == 0)
        err_set(&ret->why, ERR_BROKEN, "renewalInfo: no good Retry-After");
    else
        ret->fate = RENEWAL_HEARD;
}

/* ---- what follows ---- */

static int64_t part_of(int64_t span_ms, uint64_t random)
{
    return (int64_t)((double)span_ms * (double)(random % RANDOM_N) / RANDOM_N);
}

int64_t renewal_info_draw(const struct renewal_info *info, const struct renewal_life *life,
                          uint64_t random)
{
    int64_t end_at_ms = smaller(info->end_at_ms, latest_at_ms(life));
    return info->start_at_ms + part_of(end_at_ms - info->start_at_ms, random);
}

static int64_t back_off_ms(int64_t n_failures)
{
    int64_t wait_ms = LOOK_LEAST_MS;
    for (int64_t i = 1; i < n_failures && i < BACK_OFF_STEPS; i++)
        wait_ms *= 2;
    return smaller(wait_ms, LASTING_MS);
}

/* Those that were asked about together shall not come back together, nor later than may be. */
static int64_t within(int64_t jittered_ms, int64_t wait_ms, int64_t most_ms)
{
    if (jittered_ms <= most_ms)
        return jittered_ms;
    return larger(2 * wait_ms - jittered_ms, LOOK_LEAST_MS);
}

int64_t renewal_info_next_at_ms(const struct renewal_info *info, const struct renewal_life *life,
                                int64_t n_failures, int64_t now_ms, uint64_t random)
{
    int64_t most_ms = larger(LOOK_LEAST_MS, smaller(LOOK_MOST_MS, life_ms(life) / LOOK_PARTS));
    int64_t said_ms = info->retry_at_ms - now_ms, wait_ms = 0;
    switch (info->fate) {
    case RENEWAL_HEARD:
        wait_ms = smaller(larger(said_ms, LOOK_LEAST_MS), most_ms);
        return now_ms + within(wait_ms + part_of(wait_ms / 10, random), wait_ms, most_ms);
    case RENEWAL_PASSING:
        wait_ms = larger(back_off_ms(n_failures), smaller(said_ms, LOOK_MOST_MS));
        break;
    case RENEWAL_LASTING:
        wait_ms = LASTING_MS;
        break;
    }
    return now_ms + wait_ms + part_of(wait_ms / 10, random);
}

int64_t renewal_info_brake_at_ms(const struct renewal_life *life, int64_t issued_at_ms,
                                 int64_t previous_at_ms)
{
    int64_t brake_ms = smaller(life_ms(life) / BRAKE_PARTS, BRAKE_MOST_MS);
    bool in_a_row = previous_at_ms != 0 && issued_at_ms - previous_at_ms < 2 * brake_ms;
    return in_a_row ? issued_at_ms + brake_ms : issued_at_ms;
}
