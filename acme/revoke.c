#include "acme/account.h"

void acme_revoke_ask(const struct acme_directory *directory, struct str cert_der, int reason,
                     bool by_certificate_key, struct arena *arena, struct acme_ask *ret_ask)
{
    AUTO(buf_fini)
    struct buf der = BUF(JSON_SIZE_MAX), text = BUF(2 * JSON_SIZE_MAX);
    AUTO(json_fini)
    struct json *payload = json_object();
    base64url_encode(&der, cert_der.p, cert_der.len);
    json_set_str(payload, "certificate", buf_str(&der));
    if (reason >= 0)
        json_set_int(payload, "reason", reason);
    json_format(payload, &text, false);
    *ret_ask = (struct acme_ask){
        .method = ACME_POST,
        .signer = by_certificate_key ? ACME_SIGN_JWK : ACME_SIGN_KID,
        .what = "revokeCert",
        .url = arena_strdup(arena, directory->revoke_cert),
        .payload = str_mem(arena_strndup(arena, buf_cstr(&text), text.len), text.len)};
}

bool acme_revoke_hear(const struct acme_answer *answer, struct err *err)
{
    if (answer->status == 0) {
        err_set(err, ERR_AGAIN, "no answer");
        if (err != NULL && answer->lost != NULL)
            *err = *answer->lost;
        return err_wrap(err, "revokeCert");
    }
    if (answer->problem != NULL && answer->problem->type == PROBLEM_ALREADY_REVOKED)
        return true;
    /* The body of a success is empty and nobody reads it: JSON that is broken changes nothing. */
    if (answer->status == 200)
        return true;
    if (answer->problem != NULL)
        return acme_problem_err(answer->problem, "revokeCert", answer->retry_at_ms, err);
    return err_set(err, ERR_BROKEN, "revokeCert: the CA answered with status %d", answer->status);
}
