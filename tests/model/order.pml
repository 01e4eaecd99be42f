/*
 * The lead and the life of an order, as the code does it: two workers on one store, one CA, one zone of TXT records.
 * README.md says which function each part stands for; tests/model/test_model.py runs it, whole and with each guard taken out.
 *
 * One set is due for one certificate. Faults come from budgets, so every run ends:
 *   CRASHES   a worker dies between any two of its steps, and is started again
 *   FREEZES   a worker stands still until its lease is over; the other may take the lead
 *   LOSSES    a request, an answer, or the patience for an answer that comes late; the CA restarts
 *   LEAVES    a worker would like to leave its order for another one (another CA, a set that was changed)
 * What is checked:
 *   - no two orders are finalized for the one decision                          (assert in ca_finalize)
 *   - the key of every certificate is in the store when the CA issues           (assert in ca_finalize)
 *   - who was deposed writes nothing, and asks nothing                          (assert in COMMIT and SEND)
 *   - every newOrder that is sent was counted in the store before               (assert in SEND)
 *   - in the end: one certificate, nothing open, no TXT record anywhere         (monitor)
 *   - every run ends (the second pass, by non-progress cycles)
 */
#ifndef CRASHES
#define CRASHES 1
#endif
#ifndef FREEZES
#define FREEZES 1
#endif
#ifndef LOSSES
#define LOSSES 1
#endif
#ifndef LEAVES
#define LEAVES 1
#endif

#define WORKERS 2
#define MOST 7 /* orders at the CA, and keys: 1 .. MOST - 1 */

/* steps of an order (acme/order_steps.def; KEY and NEW are one commit, READ and TIDY have no say here) */
#define NEW 1
#define PUBLISH 2
#define VALIDATE 3
#define FINALIZE 4
#define ISSUE 5
#define FETCH 6

/* a TXT record as its row tells it; SERVED and GONE_SOON only in memory */
#define NONE 0
#define SENT 1
#define SERVED 2
#define REMOVING 3
#define WITHDRAWN 4

/* the CA's orders */
#define PENDING 1
#define READY 2
#define PROCESSING 3
#define VALID 4
#define INVALID 5
/* and answers beside them */
#define REFUSED 6 /* orderNotReady */
#define CERTIFICATE 7
#define LOST 8

typedef order_row {
    byte step, url, key, tries;
    bool is_open, new_sent, told, finalize_sent, finalize_asked
};

/* ---- the store ---- */
order_row row;
byte txt[MOST];       /* by the CA's order whose token it answers */
byte n_txt;           /* rows that are not gone */
bool key_stored[MOST];
byte n_certificates;
bool due = true;
byte lead_number, lead_holder; /* holder 0: free */
bool lead_is_of_dead;

/* ---- the world ---- */
byte ca_status[MOST], ca_key[MOST], ca_n;
bool zone[MOST];
bool is_over[WORKERS + 1]; /* by the boot clock: since it confirmed the lead, its lease has passed */
byte connection[WORKERS + 1];
chan new_orders = [3] of {byte, byte};             /* who, connection */
chan finalizes = [3] of {byte, byte, byte, byte};  /* who, connection, order, key */
chan reads = [3] of {byte, byte, byte, byte};      /* who, connection, order, step */
chan answers[WORKERS + 1] = [1] of {byte, byte};   /* status, order */

/* ---- budgets, and what only the proof knows ---- */
byte crashes = CRASHES, freezes = FREEZES, losses = LOSSES, leaves = LEAVES;
byte next_key = 1, n_finalized, n_new_sent, n_grants, newest_writer;

#define HAS_WORK (due || row.is_open || n_txt > 0)
#ifdef TAKE_ANYWAY
#define LEAD_IS_FREE (lead_holder == 0 || lead_is_of_dead || is_over[lead_holder] || (lead_holder != me && n_grants < 3))
#else
#define LEAD_IS_FREE (lead_holder == 0 || lead_is_of_dead || is_over[lead_holder])
#endif
#define MAY_HAVE_ISSUED (m.finalize_asked || m.finalize_sent || m.step == ISSUE || m.step == FETCH)

#ifdef NO_FENCING
#define GUARD true
#else
#define GUARD (lead_number == my_number && lead_holder != 0)
#endif
#ifdef NO_CONFIRM
#define IS_SURE true
#else
#define IS_SURE (!is_over[me])
#endif
#ifdef NO_CONFIRM_IN_JOB
#define JOB_IS_SURE true
#else
#define JOB_IS_SURE (!is_over[me])
#endif
#ifdef ACT_IS_SLOW
#define JOB_BEGINS(also) job != 0 && JOB_IS_SURE && (also) -> atomic { true
#else
#define JOB_BEGINS(also) atomic { job != 0 && JOB_IS_SURE && (also)
#endif
#ifdef NO_ISSUED_CHECK
#define MAY_LEAVE (m.step < FETCH)
#else
#define MAY_LEAVE (!MAY_HAVE_ISSUED)
#endif

inline row_copy(into, from_row)
{
    into.step = from_row.step; into.url = from_row.url; into.key = from_row.key; into.tries = from_row.tries;
    into.is_open = from_row.is_open; into.new_sent = from_row.new_sent; into.told = from_row.told;
    into.finalize_sent = from_row.finalize_sent; into.finalize_asked = from_row.finalize_asked
}

inline row_clear(which)
{
    which.step = 0; which.url = 0; which.key = 0; which.tries = 0; which.is_open = false; which.new_sent = false; which.told = false;
    which.finalize_sent = false; which.finalize_asked = false
}

/* ---- the CA ---- */

inline reply(who, conn, status, number)
{
    if
    :: connection[who] == conn -> answers[who]!status, number
    :: else -> skip /* nobody waits for it any more */
    fi
}

inline ca_finalize(o, k)
{
    if
    :: ca_status[o] == READY ->
        ca_status[o] = PROCESSING; ca_key[o] = k; n_finalized++;
        assert(n_finalized <= 1);   /* never two for one decision */
        assert(key_stored[k])       /* a durable key for each certificate */
    :: else -> skip
    fi
}

inline ca_read(o, step)
{
    if
    :: step == VALIDATE && ca_status[o] == PENDING -> ca_status[o] = (zone[o] -> READY : INVALID)
    :: step == ISSUE && ca_status[o] == PROCESSING -> ca_status[o] = VALID
    :: else -> skip
    fi
}

active proctype ca()
{
    byte who, conn, o, k, was;
end_ca:
    do
    :: atomic { new_orders?who, conn ->
        ca_n++; assert(ca_n < MOST); ca_status[ca_n] = PENDING; reply(who, conn, PENDING, ca_n); who = 0; conn = 0 }
    :: atomic { finalizes?who, conn, o, k ->
        was = ca_status[o]; ca_finalize(o, k);
        if
        :: was == READY -> reply(who, conn, PROCESSING, o)
        :: else -> reply(who, conn, REFUSED, o)
        fi;
        who = 0; conn = 0; o = 0; k = 0; was = 0 }
    :: atomic { reads?who, conn, o, k ->
        ca_read(o, k);
        if
        :: k == FETCH && ca_status[o] == VALID -> reply(who, conn, CERTIFICATE, o)
        :: else -> reply(who, conn, ca_status[o], o)
        fi;
        who = 0; conn = 0; o = 0; k = 0 }
    /* restarted: what it had not looked at is gone; whoever waits for it runs out of patience */
    :: atomic { losses > 0 && nempty(new_orders) -> losses--; new_orders?who, conn; reply(who, conn, LOST, 0); who = 0; conn = 0 }
    :: atomic { losses > 0 && nempty(finalizes) -> losses--; finalizes?who, conn, o, k; reply(who, conn, LOST, 0);
        who = 0; conn = 0; o = 0; k = 0 }
    :: atomic { losses > 0 && nempty(reads) -> losses--; reads?who, conn, o, k; reply(who, conn, LOST, 0);
        who = 0; conn = 0; o = 0; k = 0 }
    od
}

/* ---- time ---- */

active proctype boot_clock()
{
end_clock:
    do
    :: atomic { freezes > 0 && lead_holder == 1 && !lead_is_of_dead && !is_over[1] -> freezes--; is_over[1] = true }
    :: atomic { freezes > 0 && lead_holder == 2 && !lead_is_of_dead && !is_over[2] -> freezes--; is_over[2] = true }
    od
}

/* ---- a worker ---- */

#define MAY_DIE if :: true :: atomic { crashes > 0 -> crashes--; goto died } fi

/* A fresh order: its row, its key and "newOrder may have been sent" become one commit (waiting_begin, job_settle_key, new_ask). */
inline order_begin()
{
    row_clear(m);
    m.is_open = true; m.step = NEW;
#ifndef NO_INTENT
    m.new_sent = true;
#endif
#ifndef KEY_LATE
    m.key = next_key; next_key++; assert(next_key < MOST);
    makes_key = true;
#endif
    is_begun = true; asks = true
}

inline release(v)
{
    if
    :: v != 0 && (t[v] == SENT || t[v] == SERVED) -> t[v] = (may_stand[v] -> REMOVING : WITHDRAWN)
    :: else -> skip
    fi
}

/* job_fail: TIDY and the end; a new order may take its place (failover_replace, order_replace, or the next run). */
inline order_fail()
{
    release(m.url);
    m.is_open = false; asks = false
}

inline finalize_ask()
{
    if
    :: m.finalize_sent -> m.step = ISSUE
    :: else ->
#ifdef KEY_LATE
        if
        :: m.key == 0 -> m.key = next_key; next_key++
        :: else -> skip
        fi;
#endif
        m.finalize_sent = true; m.finalize_asked = true
    fi
}

inline hear(said, about)
{
    if
    :: said == LOST ->
        if
        :: m.step == NEW -> m.tries++; m.told = true; asks = false  /* job_again: counted, then a pause */
        :: m.step == FINALIZE ->
#ifdef NO_REREAD
            skip /* sends it again */
#else
            finalize_ask()
#endif
        :: else -> skip /* asked again */
        fi
    :: m.step == NEW && said != LOST ->
        m.url = about; m.tries = 0; m.step = PUBLISH; m.new_sent = true; t[about] = SENT; asks = false
#ifndef TXT_LATE
        ; may_stand[about] = true
#endif
    :: (m.step == VALIDATE || m.step == ISSUE) && said == READY ->
        m.finalize_sent = false; m.step = FINALIZE; finalize_ask()
    :: m.step >= VALIDATE && said == PROCESSING -> m.step = ISSUE
    :: m.step >= VALIDATE && said == VALID -> m.step = FETCH
    :: m.step == FINALIZE && said == REFUSED ->
#ifdef NO_REREAD
        order_fail()
#else
        m.step = ISSUE
#endif
    :: m.step >= VALIDATE && said == INVALID -> order_fail()
    :: said == CERTIFICATE -> is_issued = true; release(m.url); m.is_open = false; asks = false
    fi
}

/* What of the memory goes into the rows, in one transaction (turn_commit). */
inline write_rows()
{
    assert(my_grant >= newest_writer); /* the deposed leader writes nothing */
    newest_writer = my_grant;
    if
    :: is_begun -> n_new_sent = 0; is_begun = false
    :: else -> skip
    fi;
    if
    :: makes_key -> key_stored[m.key] = true; makes_key = false
    :: else -> skip
    fi;
#ifdef KEY_LATE
    if
    :: m.step > FINALIZE && m.key != 0 -> key_stored[m.key] = true
    :: else -> skip
    fi;
#endif
    row_copy(row, m);
#ifdef KEY_LATE
    if
    :: m.step <= FINALIZE -> row.key = 0
    :: else -> skip
    fi;
#endif
#ifdef NO_FINALIZE_INTENT
    if
    :: m.step == FINALIZE -> row.finalize_sent = false; row.finalize_asked = false
    :: else -> skip
    fi;
#endif
#ifdef NO_INTENT
    if
    :: m.url == 0 -> row.new_sent = false
    :: else -> skip
    fi;
#endif
    if
    :: is_issued -> assert(m.key == ca_key[m.url]); n_certificates++; due = false; is_issued = false
    :: else -> skip
    fi;
    n_txt = 0;
    for (i : 1 .. MOST - 1) {
        if
        :: t[i] == WITHDRAWN -> t[i] = NONE; txt[i] = NONE; may_stand[i] = false
        :: t[i] == SERVED -> txt[i] = SENT
#ifdef TXT_LATE
        :: t[i] == SENT && !may_stand[i] -> skip
#endif
        :: else -> txt[i] = t[i]
        fi;
        if
        :: txt[i] != NONE -> n_txt++
        :: else -> skip
        fi
    }
    i = 0
}

inline memory_clear()
{
    row_clear(m);
    for (i : 1 .. MOST - 1) { t[i] = NONE; may_stand[i] = false }
    i = 0; my_number = 0; my_grant = 0; job = 0; asks = false; is_issued = false; makes_key = false; is_begun = false; is_waiting = false;
    status = 0; number = 0
}

inline hang_up()
{
    connection[me]++;
    if
    :: len(answers[me]) > 0 -> answers[me]?_, _
    :: else -> skip
    fi
}

/* renewal_intake, txt_desk_load, job_resume */
inline intake()
{
    row_copy(m, row);
    for (i : 1 .. MOST - 1) {
        t[i] = txt[i];
#ifndef NO_MAY_STAND
        may_stand[i] = (txt[i] != NONE);
#endif
        if
        :: t[i] == SENT && !(m.is_open && m.url == i) ->
#ifdef NO_SWEEP
            t[i] = NONE
#else
            t[i] = REMOVING
#endif
#ifdef NO_SWEEP
        :: t[i] == REMOVING -> t[i] = NONE
#endif
        :: else -> skip
        fi
    }
    i = 0;
    asks = m.is_open;
    if
    :: leaves > 0 && m.is_open && MAY_LEAVE -> leaves--; order_fail() /* failover_leave_record, order_replace */
    :: true
    fi;
    if
    :: m.is_open && m.step == NEW && m.new_sent && !m.told -> m.tries++; m.told = true; asks = false
    :: m.is_open && m.step == PUBLISH -> asks = false
    :: m.is_open && m.step == FINALIZE -> finalize_ask()
    :: else -> skip
    fi
}

proctype worker(byte me)
{
    order_row m;
    byte t[MOST], my_number, my_grant, job, i, status, number;
    bool may_stand[MOST], asks, is_issued, makes_key, is_begun, is_waiting;

end_idle:
    /* leader_run, lease_take: only when there is something to do */
    atomic { HAS_WORK && LEAD_IS_FREE ->
#ifdef NUMBER_STAYS
        lead_number = 1;
#else
        lead_number++;
#endif
        lead_holder = me; lead_is_of_dead = false; is_over[me] = false; my_number = lead_number;
        n_grants++; my_grant = n_grants }
    /* the first turn reads what earlier runs left */
    atomic {
        if
        :: GUARD -> is_over[me] = false
        :: else -> goto lost
        fi;
        intake()
    }
turn:
    /* what is to be done next, in memory: leave the order, begin one, go on to answer the CA, or ask again after a pause */
    atomic {
        if
        :: leaves > 0 && m.is_open && !is_waiting && MAY_LEAVE -> leaves--; order_fail()
        :: true
        fi;
        if
        :: !m.is_open && due && !is_issued -> order_begin()
        :: m.is_open && m.step == NEW && !asks && !is_waiting -> m.told = false; asks = true;
#ifndef NO_INTENT
            m.new_sent = true
#endif
        :: m.is_open && m.step == PUBLISH && t[m.url] == SERVED -> m.step = VALIDATE; asks = true
        :: else -> skip
        fi;
        /* turn_commit: one transaction, behind the guard */
        if
        :: GUARD ->
            if
            :: lead_number == my_number -> is_over[me] = false
            :: else -> skip
            fi;
            write_rows()
        :: else -> goto lost
        fi
    }
    MAY_DIE;
    /* turn_is_sure, then act: job_send and txt_zone_act. From the look at the clock to the sending is less than the margin of the lease. */
#ifdef ACT_IS_SLOW
    if
    :: IS_SURE -> skip
    :: else -> atomic { if :: lead_number == my_number -> is_over[me] = false :: else -> goto lost fi }
    fi;
#endif
    atomic {
#ifndef ACT_IS_SLOW
        if
        :: IS_SURE -> skip
        :: else -> if :: lead_number == my_number -> is_over[me] = false :: else -> goto lost fi
        fi;
#endif
        if
        :: asks && m.is_open ->
#ifndef ACT_IS_SLOW
            assert(my_grant == n_grants); /* the deposed leader asks nothing */
#endif
            if
            :: m.step == NEW ->
#ifndef ACT_IS_SLOW
                n_new_sent++; assert(n_new_sent <= row.tries + 1);
#endif
                new_orders!me, connection[me]
            :: m.step == FINALIZE -> finalizes!me, connection[me], m.url, m.key
            :: else -> reads!me, connection[me], m.url, m.step
            fi;
            asks = false; is_waiting = true
        :: else -> skip
        fi;
        job = 0;
        for (i : 1 .. MOST - 1) {
            if
            :: job == 0 && (t[i] == REMOVING || (t[i] == SENT && m.is_open && m.step == PUBLISH && m.url == i)) -> job = i
            :: else -> skip
            fi
        }
        i = 0
    }
    MAY_DIE;
    /* loop_wait: the answer of the CA, or what a provider was asked. A provider asks several things one after the other, each from the
     * callback of the one before: before each the lead must be sure. */
    if
    :: atomic { is_waiting && len(answers[me]) > 0 -> answers[me]?status, number; is_waiting = false; asks = true; hear(status, number);
        status = 0; number = 0; goto turn }
    :: atomic { is_waiting && losses > 0 -> losses--; hang_up(); is_waiting = false; asks = true; hear(LOST, 0); goto turn }
    :: JOB_BEGINS(true) ->
        zone[job] = (t[job] == SENT);
        if
        :: t[job] == SENT -> t[job] = SERVED; may_stand[job] = true
        :: else -> t[job] = WITHDRAWN
        fi;
        job = 0 }
    :: JOB_BEGINS(losses > 0) -> /* done, but not heard of */
        losses = (losses > 0 -> losses - 1 : 0); zone[job] = (t[job] == SENT); job = 0 }
    :: atomic { job != 0 && !JOB_IS_SURE -> job = 0; goto turn } /* put off until the lead is confirmed */
    :: atomic { job == 0 && !is_waiting && m.is_open -> goto turn }
    :: atomic { job == 0 && !is_waiting && !m.is_open && due -> goto turn }
    :: atomic { job == 0 && !is_waiting && !m.is_open && !due -> /* turn_is_last: lease_drop */
        if
        :: lead_number == my_number -> lead_holder = 0
        :: else -> skip
        fi;
        memory_clear(); goto end_idle }
    fi;
    MAY_DIE; /* the zone has changed, and nobody wrote it down yet */
    goto turn;

lost: /* who was deposed lets go of everything: the rows are the state */
    atomic { hang_up(); memory_clear(); goto end_idle }
died:
    atomic {
        if
        :: lead_holder == me && lead_number == my_number -> lead_is_of_dead = true
        :: else -> skip
        fi;
        hang_up(); memory_clear(); goto end_idle
    }
}

init { atomic { run worker(1); run worker(2) } }

/* Nothing can move any more. */
active proctype monitor()
{
    byte v;
end_monitor:
    timeout ->
    d_step {
        assert(!due && n_certificates == 1);
        assert(!row.is_open);
#ifndef ZONE_IS_NOT_LOOKED_AT
        for (v : 1 .. MOST - 1) { assert(!zone[v]); assert(txt[v] == NONE) } /* a TXT set is followed by a TXT gone */
#endif
        v = 0
    }
}
