/*
 * `chancery provider test`: a wish of its own, published, seen, removed and seen gone, by small turns of the desk.
 */
#include "crypto/key.h"
#include "dns/txt_turns.h"

static bool rehearse_present(struct txt_desk *desk, const char *challenge, const char *value,
                             const char *proof, struct err *err)
{
    const int64_t rehearsal_id = -1;
    enum txt_fate fate = TXT_PENDING;
    struct err why = {0};
    if (!store_begin(desk->house->store, err))
        return false;
    if (!txt_desk_want(desk, rehearsal_id, "(rehearsal)", challenge, value, proof, NULL,
                       house_now(desk->house) + 10 * MS_MINUTE, err) ||
        !store_commit(desk->house->store, err)) {
        store_rollback(desk->house->store);
        return false;
    }
    while ((fate = txt_desk_fate(desk, rehearsal_id, &why)) == TXT_PENDING &&
           loop_n_stops(desk->house->loop) == 0) {
        if (!txt_turn(desk, err))
            return false;
        loop_wait(desk->house->loop, txt_desk_next_at_ms(desk));
    }
    if (fate == TXT_FAILED)
        *err = why;
    if (fate == TXT_PENDING)
        err_set(err, ERR_AGAIN, "stopped by a signal%s%s",
                txt_desk_trouble(desk, rehearsal_id, &why) ? "; so far: " : "", why.text);
    return txt_desk_release(desk, rehearsal_id, fate == TXT_SERVED ? err : NULL) &&
           fate == TXT_SERVED;
}

/* A value as a challenge would have it: some programs are told what it is the digest of. */
static void rehearsal_value(struct buf *proof, struct buf *value)
{
    unsigned char noise[32], digest[32];
    random_bytes(noise, sizeof(noise));
    base64url_encode(proof, noise, 16);
    buf_add_char(proof, '.');
    base64url_encode(proof, noise, sizeof(noise));
    sha256(proof->p, proof->len, digest);
    base64url_encode(value, digest, sizeof(digest));
}

bool txt_desk_rehearse(struct house *house, const char *owner, struct err *err)
{
    AUTO(buf_fini)
    struct buf proof = BUF(128);
    AUTO(buf_fini)
    struct buf value = BUF(128);
    struct txt_desk *desk = txt_desk_new(house);

    rehearsal_value(&proof, &value);
    bool ok = rehearse_present(desk, owner, buf_cstr(&value), buf_cstr(&proof), err);
    ok = txt_turns_until_gone(desk, ok ? err : NULL) && ok;
    if (ok && txt_desk_n_left(desk) > 0)
        ok = err_set(err, ERR_AGAIN,
                     "the value was published but could not be removed again: TXT %s at %s; the "
                     "next `chancery "
                     "renew` tries again",
                     buf_cstr(&value), owner);
    txt_desk_free(desk);
    return ok;
}
