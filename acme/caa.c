#include "acme/caa.h"

/* How well an issue record fits; the greatest is told of. */
enum fit { FIT_NOT, FIT_MALFORMED, FIT_METHOD, FIT_ACCOUNT, FIT_ACCOUNT_UNKNOWN, FIT_WHOLLY };

const char *caa_verdict_name(enum caa_verdict verdict)
{
    static const char *const names[] = {"permitted", "forbidden", "unknown"};
    return names[verdict];
}

bool caa_is_critical(const struct caa_record *record)
{
    return (record->flags & (128 | 1)) != 0;
}

static bool tag_is(const struct caa_record *record, const char *tag)
{
    return str_eq_nocase(record->tag, str_of(tag));
}

/* RFC 8659 4, RFC 9495. */
static bool tag_is_known(const struct caa_record *record)
{
    static const char *const known[] = {"issue", "issuewild", "iodef", "issuemail"};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (tag_is(record, known[i]))
            return true;
    return false;
}

/* ---- one record ---- */

/* RFC 8657 3 and 4: a parameter that is there twice cannot be fulfilled. */
static size_t parameter_find(const struct caa_issue *issue, const char *tag, struct str *ret)
{
    size_t n = 0;
    for (size_t i = 0; i < issue->n_parameters; i++) {
        if (!str_eq_nocase(issue->parameters[i].tag, str_of(tag)))
            continue;
        *ret = issue->parameters[i].value;
        n++;
    }
    return n;
}

/* RFC 3986: a scheme, a colon, something behind it. */
static bool is_uri(struct str s)
{
    size_t colon = str_find_char(s, ':');
    for (size_t i = 0; i < colon; i++) {
        char c = s.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        bool other = (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
        if (!letter && (i == 0 || !other))
            return false;
    }
    return colon > 0 && colon + 1 < s.len;
}

/* RFC 8657 4: [*(label ",") label], label = 1*(ALPHA / DIGIT / "-"). False: malformed. */
static bool methods_hold(struct str list, const char *method, bool *ret_holds)
{
    struct str label;
    *ret_holds = false;
    while (list.len > 0 && str_split(&list, ',', &label)) {
        if (label.len == 0 || (list.p != NULL && list.len == 0))
            return false;
        for (size_t i = 0; i < label.len; i++) {
            char c = label.p[i];
            if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
                c != '-')
                return false;
        }
        *ret_holds = *ret_holds || str_eq(label, str_of(method));
    }
    return true;
}

static bool issuer_is(struct str issuer, const struct caa_who *who)
{
    for (size_t i = 0; i < who->n_identities; i++)
        if (str_eq_nocase(issuer, str_of(who->identities[i])))
            return true;
    return false;
}

/* Of a broken value only the name in front of it is looked at, to tell whose record it was meant to be. */
static enum fit broken_fit(struct str value, const struct caa_who *who)
{
    value.len = str_find_char(value, ';');
    return issuer_is(str_trim(value), who) ? FIT_MALFORMED : FIT_NOT;
}

static enum fit record_fit(const struct caa_record *record, const struct caa_who *who)
{
    struct caa_issue issue;
    struct str account = STR_NONE, methods = STR_NONE;
    bool has_method = true;
    if (!caa_issue_read(record->value, &issue))
        return broken_fit(record->value, who);
    if (!issuer_is(issue.issuer, who))
        return FIT_NOT;
    size_t n_accounts = parameter_find(&issue, "accounturi", &account),
           n_methods = parameter_find(&issue, "validationmethods", &methods);
    if (n_accounts > 1 || n_methods > 1 || (n_accounts == 1 && !is_uri(account)) ||
        (n_methods == 1 && !methods_hold(methods, who->method, &has_method)))
        return FIT_MALFORMED;
    if (!has_method)
        return FIT_METHOD;
    if (n_accounts == 1 && who->account_url == NULL)
        return FIT_ACCOUNT_UNKNOWN;
    return n_accounts == 0 || str_eq(account, str_of(who->account_url)) ? FIT_WHOLLY : FIT_ACCOUNT;
}

/* ---- words ---- */

static void rrset_name(const struct caa_rrset *rrset, struct buf *out)
{
    buf_add_cstr(out, rrset->owner);
    if (rrset->at != NULL)
        buf_printf(out, " (a CNAME to %s)", rrset->at);
}

static void needed_add(const struct caa_rrset *rrset, const char *tag, const struct caa_who *who,
                       struct buf *why)
{
    buf_printf(why, "; add `%s. CAA 0 %s \"", rrset->at != NULL ? rrset->at : rrset->owner, tag);
    caa_recommend(who, why);
    buf_add_cstr(why, "\"`");
}

static void critical_tell(const struct caa_finding *f, struct buf *why)
{
    buf_add_cstr(why, "the CAA record ");
    caa_record_format(f->record, why);
    buf_add_cstr(why, " of ");
    rrset_name(f->rrset, why);
    buf_add_cstr(why, " is marked critical and has a tag that CAs do not know, which forbids every "
                      "CA to issue; set its flags to 0, or remove it");
}

/* The records that were in question, as far as they help. */
static void records_list(const struct caa_rrset *rrset, const char *tag, struct buf *why)
{
    size_t n = 0;
    for (size_t i = 0; i < rrset->n; i++) {
        if (!tag_is(&rrset->records[i], tag))
            continue;
        if (++n <= 4) {
            buf_add_cstr(why, n > 1 ? ", " : "");
            caa_record_format(&rrset->records[i], why);
        }
    }
    if (n > 4)
        buf_printf(why, " and %zu more", n - 4);
}

static void forbidden_tell(const struct caa_finding *f, const char *tag, enum fit fit,
                           const struct caa_who *who, struct buf *why)
{
    buf_add_cstr(why, "CAA of ");
    rrset_name(f->rrset, why);
    buf_add_cstr(why, ": ");
    if (fit == FIT_NOT)
        records_list(f->rrset, tag, why);
    else
        caa_record_format(f->record, why);
    switch (fit) {
    case FIT_NOT:
        buf_printf(why, " does not permit %s to issue%s", who->identities[0],
                   who->wildcard ? " wildcards" : "");
        break;
    case FIT_MALFORMED:
        buf_add_cstr(why, " is malformed, or names a parameter twice, and so permits nobody");
        break;
    case FIT_METHOD:
        buf_printf(why, " does not permit %s", who->method);
        break;
    case FIT_ACCOUNT:
        buf_printf(why, " permits another account than ours, %s", who->account_url);
        break;
    case FIT_ACCOUNT_UNKNOWN:
        buf_add_cstr(why, " permits one account; ours is not registered yet");
        return;
    case FIT_WHOLLY:
        return;
    }
    needed_add(f->rrset, tag, who, why);
}

/* ---- the set that counts ---- */

static bool has_tag(const struct caa_rrset *rrset, const char *tag)
{
    for (size_t i = 0; i < rrset->n; i++)
        if (tag_is(&rrset->records[i], tag))
            return true;
    return false;
}

static struct caa_finding rrset_judge(const struct caa_rrset *rrset, const struct caa_who *who,
                                      struct buf *why)
{
    struct caa_finding f = {CAA_PERMITTED, rrset, NULL};
    const char *tag = who->wildcard && has_tag(rrset, "issuewild") ? "issuewild" : "issue";
    enum fit best = FIT_NOT;
    for (size_t i = 0; i < rrset->n; i++) {
        f.record = &rrset->records[i];
        if (caa_is_critical(f.record) && !tag_is_known(f.record)) {
            f.verdict = CAA_FORBIDDEN;
            critical_tell(&f, why);
            return f;
        }
    }
    f.record = NULL;
    for (size_t i = 0; i < rrset->n; i++) {
        if (!tag_is(&rrset->records[i], tag))
            continue;
        enum fit fit = record_fit(&rrset->records[i], who);
        if (f.record == NULL || fit > best)
            f.record = &rrset->records[i];
        best = fit > best ? fit : best;
    }
    if (f.record == NULL || best == FIT_WHOLLY)
        return f;
    f.verdict = best == FIT_ACCOUNT_UNKNOWN ? CAA_UNKNOWN : CAA_FORBIDDEN;
    forbidden_tell(&f, tag, best, who, why);
    return f;
}

struct caa_finding caa_judge(const struct caa_rrset *climb, size_t n, const struct caa_who *who,
                             struct buf *why)
{
    AUTO(buf_fini)
    struct buf unheard = BUF(1); /* for callers who want no words */
    struct buf *words = why != NULL ? why : &unheard;
    for (size_t i = 0; i < n; i++) {
        if (climb[i].is_unknown) {
            buf_add_cstr(words, "the CAA records of ");
            rrset_name(&climb[i], words);
            buf_add_cstr(words, " cannot be looked up");
            return (struct caa_finding){CAA_UNKNOWN, &climb[i], NULL};
        }
        if (climb[i].n > 0)
            return rrset_judge(&climb[i], who, words);
    }
    return (struct caa_finding){CAA_PERMITTED, NULL, NULL};
}
