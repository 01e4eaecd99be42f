/* revoke, export: what is done with one certificate. */
#include "cmd/chain_words.h"
#include "cmd/house_open.h"
#include "cmd/options.h"
#include "cmd/output.h"
#include "cmd/run_commands.h"
#include "cmd/set_words.h"

#include "distribution/distribution.h"
#include "io/files.h"
#include "leader/follow.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { REVOKE_PATIENCE_MS = 10 * 60 * 1000 };

/* ---- revoke ---- */

static bool reason_read(struct invocation *in, int *ret_reason)
{
    const char *word = option_value(in, "reason");
    if (word == NULL)
        return err_set(
            &in->err, ERR_CONFIG,
            "revoke needs --reason, e.g. --reason superseded; `chancery help revoke` lists them");
    return revoke_reason_find(word, ret_reason) ||
           err_set(&in->err, ERR_CONFIG,
                   "--reason \"%.40s\" is none that CAs take from subscribers: unspecified (0), "
                   "key-compromise (1), superseded (4) or cessation-of-operation (5)",
                   word);
}

static bool is_confirmed(struct invocation *in, const struct certificate *c, const char *reason)
{
    char answer[16] = "";
    if (option_is_on(in, "yes"))
        return true;
    if (isatty(STDIN_FILENO) != 1 || isatty(STDERR_FILENO) != 1)
        return err_set(&in->err, ERR_CONFIG,
                       "revocation cannot be undone: say --yes where nobody can be asked; nothing "
                       "was revoked");
    fprintf(
        stderr,
        "Revoke version %lld of set %s (serial %s, %s), reason %s? This cannot be undone. [y/N] ",
        (long long)c->version, c->set_name, c->serial, c->is_current ? "current" : "not current",
        reason);
    fflush(stderr);
    if (fgets(answer, sizeof answer, stdin) != NULL && (answer[0] == 'y' || answer[0] == 'Y'))
        return true;
    return err_set(&in->err, ERR_CONFIG, "not confirmed; nothing was revoked");
}

/* What the run came to, as the row has it now. */
static void revoke_json(const struct certificate *before, const struct certificate *c,
                        const char *obstacle)
{
    AUTO(json_fini)
    struct json *tree = json_set_text(json_object(), "set", c->set_name);
    json_set_int(tree, "version", c->version);
    json_set_text(tree, "serial", c->serial);
    json_set_text(tree, "reason",
                  revoke_reason_name(c->revoked_at_ms != 0 ? c->revoked_reason : c->revoke_reason));
    json_set_bool(tree, "was_current", before->is_current);
    json_set_bool(tree, "was_revoked_before", before->revoked_at_ms != 0);
    json_set_bool(tree, "revoked", c->revoked_at_ms != 0);
    json_set_bool(tree, "replaced", before->is_current && !c->is_current);
    json_set_text(tree, "waits_for", c->revoked_at_ms == 0 ? obstacle : NULL);
    json_print(tree);
}

static void revoke_print(const struct invocation *in, const struct certificate *before,
                         const struct certificate *c)
{
    bool ended = certificate_is_ended(c);
    ink_print(in, INK_GOOD, before->revoked_at_ms != 0 ? "revoked already" : "revoked");
    printf(": set %s, version %lld, serial %s, reason %s\n", c->set_name, (long long)c->version,
           c->serial, revoke_reason_name(c->revoked_reason));
    if (c->is_current && ended)
        printf("nothing takes its place: remove %s.yaml from the folder of the sets, and what its "
               "targets serve; a change of its file would begin it anew\n",
               c->set_name);
    else if (c->is_current)
        printf("its replacement could not be had yet; `chancery renew` goes on\n");
    else if (before->is_current)
        printf("it was replaced\n");
}

static enum exit_code revoke_tell(struct invocation *in, const struct certificate *before)
{
    struct certificate *c = NULL;
    AUTO(buf_fini)
    struct buf obstacle = BUF(2048);
    if (!held_certificate(&in->house, before->id, false, &c, &in->err) ||
        !revocation_obstacle(&in->house, c, &obstacle, &in->err)) {
        certificate_free(c);
        return exit_code_of(&in->err);
    }
    bool done = c->revoked_at_ms != 0, quiet = option_common(in, "quiet") != NULL;
    if (obstacle.len == 0)
        buf_add_cstr(&obstacle, "the authority did not revoke it; `chancery history` tells why");
    if (in->json)
        revoke_json(before, c, buf_cstr(&obstacle));
    else if (done && !quiet)
        revoke_print(in, before, c);
    else if (!done)
        fprintf(stderr,
                "set %s, version %lld is not revoked yet: %s. The wish stands: each `chancery "
                "renew` goes on with it; --now does not wait\n",
                c->set_name, (long long)c->version, buf_cstr(&obstacle));
    bool replaced = !c->is_current || certificate_is_ended(c);
    certificate_free(c);
    return done && replaced ? EXIT_CODE_DONE : EXIT_CODE_FAILED;
}

/* Replacement, delivery, a look from outside, and the revocation in its place among them. */
static bool revoke_lead(struct invocation *in, const char *set, struct leader_result *ret)
{
    const char *const only[] = {set, NULL};
    struct leader_options options = {.request = REQUEST_REVOKE,
                                     .purpose = "revoke",
                                     .only = only,
                                     .renews = true,
                                     .delivers = true,
                                     .verifies = true,
                                     .patience_ms = REVOKE_PATIENCE_MS};
    return wait_option_read(in, &options.wait_ms) &&
           leader_run_or_follow(&in->house, &options, ret, &in->err);
}

enum exit_code revoke_run(struct invocation *in)
{
    struct certificate *certificate = NULL;
    struct leader_result result = {0};
    struct revocation_wish wish = {.by_key = option_is_on(in, "by-key"),
                                   .now = option_is_on(in, "now")};
    enum exit_code code = EXIT_CODE_DONE;
    bool ok = reason_read(in, &wish.reason) && set_words_certificate(in, &certificate);
    if (ok && certificate->revoked_at_ms == 0)
        ok = is_confirmed(in, certificate, revoke_reason_name(wish.reason)) &&
             held_revocation_ask(&in->house, certificate->id, &wish, &in->err);
    /* Revoked already, and nothing in its place yet: then that is what is left to do. */
    if (ok && (certificate->revoked_at_ms == 0 ||
               (certificate->is_current && !certificate_is_ended(certificate))))
        ok = revoke_lead(in, certificate->set_name, &result);
    if (ok)
        code = revoke_tell(in, certificate);
    if (ok && result.revocation.n_in_place > 0)
        code = EXIT_CODE_FAILED;
    certificate_free(certificate);
    return ok ? code : exit_code_of(&in->err);
}

/* ---- export ---- */

static const struct format {
    const char *name;
    unsigned formats; /* enum file_format */
    bool has_key;
} formats[] = {
    {"fullchain", FORMAT_FULLCHAIN, false},
    {"cert", FORMAT_CERT, false},
    {"chain", FORMAT_CHAIN, false},
    {"key", FORMAT_KEY, true},
    {"combined", FORMAT_COMBINED, true},
    {"keyfirst", FORMAT_KEYFIRST, true},
    {"p12", FORMAT_PKCS12, true},
    {"pem", FORMAT_KEY | FORMAT_CERT | FORMAT_CHAIN | FORMAT_FULLCHAIN, true},
};

static bool format_read(struct invocation *in, const struct format **ret)
{
    const char *word = option_value(in, "format");
    const char *names[sizeof formats / sizeof formats[0]];
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        names[i] = formats[i].name;
        if (strcmp(word != NULL ? word : formats[0].name, formats[i].name) != 0)
            continue;
        *ret = &formats[i];
        return true;
    }
    const char *near = table_suggest(word, names, sizeof formats / sizeof formats[0]);
    return err_set(&in->err, ERR_CONFIG,
                   "--format \"%.40s\" is none of fullchain, cert, chain, key, combined, keyfirst, "
                   "p12, pem%s%s%s",
                   word, near != NULL ? "; did you mean \"" : "", near != NULL ? near : "",
                   near != NULL ? "\"?" : "");
}

/* Where a private key must not go. */
static bool way_check(struct invocation *in, const struct format *format)
{
    bool to_file = option_is_on(in, "out"),
         several = (format->formats & (format->formats - 1)) != 0;
    if (to_file)
        return true;
    if (several)
        return err_set(&in->err, ERR_CONFIG,
                       "--format %s is several files: name a folder with --out", format->name);
    if (in->json && format->has_key)
        return err_set(&in->err, ERR_CONFIG,
                       "a private key is never put into JSON: name a file with --out");
    if (format->has_key && isatty(STDOUT_FILENO) == 1 && !option_is_on(in, "stdout"))
        return err_set(&in->err, ERR_CONFIG,
                       "this would show a private key on the terminal: name a file with --out, or "
                       "say --stdout");
    return true;
}

/* A certificate without its key needs no sealing key. */
static bool public_text(const struct certificate *certificate, const struct format *format,
                        struct buf *out, struct err *err)
{
    AUTO(chain_fini)
    struct chain *chain = NULL;
    if (!chain_parse_pem(buf_str(&certificate->chain_pem), &chain, err))
        return err_wrap(err, "set %s, version %lld in the store", certificate->set_name,
                        (long long)certificate->version);
    if (format->formats != FORMAT_CHAIN)
        chain_cert_pem(chain, 0, out);
    if (format->formats != FORMAT_CERT)
        chain_rest_pem(chain, out);
    return true;
}

static bool secret_bundle(struct invocation *in, const struct certificate *certificate,
                          const struct format *format, struct bundle **ret)
{
    const char *reference = option_value(in, "password");
    struct secret password = {0};
    bool ok = house_open_seal(in, &in->err) &&
              (reference == NULL || secret_resolve(in->config, reference, &password, &in->err)) &&
              bundle_new(&in->house, certificate, format->formats, &password,
                         option_is_on(in, "legacy"), ret, &in->err);
    secret_fini(&password);
    return ok;
}

struct exporting {
    struct invocation *in;
    const char *out; /* NULL: standard output */
    bool into_folder;
    struct json *files;
};

static bool bytes_write(struct exporting *e, const char *name, struct str bytes)
{
    struct err *err = &e->in->err;
    if (e->out == NULL)
        return (fwrite(bytes.p, 1, bytes.len, stdout) == bytes.len && fflush(stdout) == 0) ||
               err_set(err, ERR_LOCAL, "standard output cannot be written");
    AUTO(mem_fini)
    char *path = e->into_folder ? mem_printf("%s/%s", e->out, name) : mem_strdup(e->out);
    if (!file_replace(path, bytes, 0600, NULL, err))
        return false;
    json_push_text(e->files, path);
    return true;
}

static bool public_export(struct exporting *e, const struct certificate *certificate,
                          const struct format *format)
{
    AUTO(buf_fini)
    struct buf text = BUF(CHAIN_PEM_MAX);
    AUTO(mem_fini)
    char *name = mem_printf("%s.pem", format->name);
    if (!public_text(certificate, format, &text, &e->in->err))
        return false;
    if (e->out != NULL || !e->in->json)
        return bytes_write(e, name, buf_str(&text));
    AUTO(json_fini)
    struct json *tree = json_set_text(json_object(), "set", certificate->set_name);
    json_set_int(tree, "version", certificate->version);
    json_set_text(tree, "format", format->name);
    json_set_str(tree, "pem", buf_str(&text));
    json_print(tree);
    return true;
}

static bool secret_export(struct exporting *e, const struct certificate *certificate,
                          const struct format *format)
{
    struct bundle *bundle = NULL;
    bool ok = secret_bundle(e->in, certificate, format, &bundle);
    for (size_t i = 0; ok && i < bundle_n(bundle); i++)
        ok = bytes_write(e, bundle_name(bundle, i), bundle_bytes(bundle, i));
    bundle_free(bundle);
    return ok;
}

static void export_tell(const struct exporting *e, const struct certificate *certificate,
                        const struct format *format)
{
    if (e->out == NULL)
        return;
    if (e->in->json) {
        AUTO(json_fini)
        struct json *tree = json_set_text(json_object(), "set", certificate->set_name);
        json_set_int(tree, "version", certificate->version);
        json_set_text(tree, "format", format->name);
        json_set(tree, "files", json_copy(e->files));
        json_print(tree);
    } else if (option_common(e->in, "quiet") == NULL) {
        for (size_t i = 0; i < json_len(e->files); i++)
            printf("wrote %s\n", json_as_text(json_at(e->files, i)));
    }
}

/* A folder that is there, or one that is meant: several files, or a path that ends in "/". */
static bool out_prepare(struct exporting *e, const struct format *format)
{
    struct stat st;
    bool several = (format->formats & (format->formats - 1)) != 0;
    e->out = option_value(e->in, "out");
    if (e->out == NULL)
        return true;
    bool is_folder = stat(e->out, &st) == 0 && S_ISDIR(st.st_mode);
    e->into_folder = is_folder || several || str_ends(str_of(e->out), STR("/"));
    return !e->into_folder || is_folder || folder_make(e->out, 0700, &e->in->err);
}

static bool key_check(struct invocation *in, const struct certificate *certificate,
                      const struct format *format)
{
    return !format->has_key || certificate->key_id != 0 ||
           err_set(&in->err, ERR_CONFIG,
                   "the private key of set %s is elsewhere: version %lld was made from a "
                   "certificate request (csr). What can be exported: fullchain, cert, chain",
                   certificate->set_name, (long long)certificate->version);
}

enum exit_code export_run(struct invocation *in)
{
    struct certificate *certificate = NULL;
    const struct format *format = NULL;
    AUTO(json_fini)
    struct json *files = json_array();
    struct exporting e = {.in = in, .files = files};
    bool ok = format_read(in, &format) && way_check(in, format) &&
              set_words_certificate(in, &certificate) && key_check(in, certificate, format) &&
              chain_option_take(in, certificate) && out_prepare(&e, format);
    ok = ok && (format->has_key ? secret_export(&e, certificate, format)
                                : public_export(&e, certificate, format));
    if (ok)
        export_tell(&e, certificate, format);
    certificate_free(certificate);
    return ok ? EXIT_CODE_DONE : exit_code_of(&in->err);
}
