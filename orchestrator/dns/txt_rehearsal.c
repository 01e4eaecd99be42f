/*
 * `chancery provider test`: a wish of its own, published, seen, removed and seen gone, by small turns of the desk.
 */
#include "crypto/key.h"
#include "dns/txt_wish.h"

enum { REMOVAL_PATIENCE_MS = 2 * 60 * 1000, STOP_GRACE_MS = 3000, SOON_MS = 60 * 1000 };

static bool rehearse_turn(struct txt_desk *desk, struct err *err)
{
    if (!store_begin(desk->house->store, err))
        return false;
    if (!txt_desk_collect(desk, err) || !store_commit(desk->house->store, err)) {
        store_rollback(desk->house->store);
        return false;
    }
    txt_desk_act(desk);
    return true;
}

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
        if (!rehearse_turn(desk, err))
            return false;
        loop_wait(desk->house->loop, txt_desk_next_at_ms(desk));
    }
    if (fate == TXT_FAILED)
        *err = why;
    if (fate == TXT_PENDING)
        err_set(err, ERR_AGAIN, "stopped by a signal");
    return txt_desk_release(desk, rehearsal_id, fate == TXT_SERVED ? err : NULL) &&
           fate == TXT_SERVED;
}

/* What a person must mend is not waited for: its next try lies further off than "soon". */
static bool removal_goes_on(const struct txt_desk *desk, const struct house *house,
                            int64_t give_up_at_ms)
{
    int64_t now_ms = house_now(house);
    return txt_desk_n_left(desk) > 0 && now_ms < give_up_at_ms &&
           (txt_desk_is_busy(desk) || txt_desk_next_at_ms(desk) < now_ms + SOON_MS);
}

static bool rehearse_removal(struct txt_desk *desk, struct house *house, struct err *err)
{
    int64_t give_up_at_ms = house_now(house) + REMOVAL_PATIENCE_MS;
    for (;;) {
        int64_t stop_at_ms = house_now(house) + STOP_GRACE_MS;
        if (!rehearse_turn(desk, err))
            return false;
        if (!removal_goes_on(desk, house, give_up_at_ms))
            return true;
        if (loop_n_stops(house->loop) > 0 && stop_at_ms < give_up_at_ms)
            give_up_at_ms = stop_at_ms;
        int64_t next_at_ms = txt_desk_next_at_ms(desk);
        loop_wait(house->loop, next_at_ms < give_up_at_ms ? next_at_ms : give_up_at_ms);
    }
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

bool txt_desk_rehearse(struct house *house, const char *name, struct err *err)
{
    AUTO(buf_fini)
    struct buf proof = BUF(128);
    AUTO(buf_fini)
    struct buf value = BUF(128);
    AUTO(buf_fini)
    struct buf challenge = BUF(512);
    struct txt_desk *desk = txt_desk_new(house);

    rehearsal_value(&proof, &value);
    buf_printf(&challenge, "_acme-challenge.%s", name);
    bool ok = rehearse_present(desk, buf_cstr(&challenge), buf_cstr(&value), buf_cstr(&proof), err);
    ok = rehearse_removal(desk, house, ok ? err : NULL) && ok;
    if (ok && txt_desk_n_left(desk) > 0)
        ok = err_set(err, ERR_AGAIN,
                     "the value was published but could not be removed again: TXT %s at %s; the "
                     "next `chancery "
                     "renew` tries again",
                     buf_cstr(&value), buf_cstr(&challenge));
    txt_desk_free(desk);
    return ok;
}
