/*
 * The exposed lock on one name: two clients that want it, each once, an order of our own with the same name, a person who breaks it.
 * README.md says which function each part stands for; tests/model/test_model.py runs it, whole and with each guard taken out.
 *
 * Faults come from budgets, so every run ends:
 *   LAPSES   somebody stands still until its lease is over
 *   CRASHES  somebody dies while holding: its row stays until the lease is over
 *   BREAKS   a person breaks the lock
 * What is checked:
 *   - nobody who is sure to hold the name meets another who is (a lock that was broken excepted)     (assert in HOLDS)
 *   - no order of ours begins while the name is locked, and no lock is taken while one is in flight   (the same)
 *   - a resource that looks at the number never sees an older holder after a newer one                (assert in write_guarded)
 *   - numbers strictly grow                                                                          (assert in grant)
 *   - an old holder's renewal and release fail                                                       (assert in renew, release)
 *   - whoever waits gets it in the end                                                               (monitor)
 */
#ifndef LAPSES
#define LAPSES 2
#endif
#ifndef CRASHES
#define CRASHES 1
#endif
#ifndef BREAKS
#define BREAKS 1
#endif
#define ORDER 3 /* who: 1 and 2 are clients, 3 is our leader with its order */

/* ---- the store: the lease "name:<name>" and the lease "set:<set>" ---- */
byte number, holder;          /* holder 0: free */
byte set_number, set_holder;
/* Is the lease of that row over? By the store's clock (boot clock on one host, the server's otherwise). */
bool lapsed, set_lapsed;

/* ---- what only the proof knows ---- */
byte lapses = LAPSES, crashes = CRASHES, breaks = BREAKS;
bool is_sure[4];              /* holds, and by its own clock the lease is not over */
bool was_broken[4], is_done[4];
byte newest_granted, newest_seen; /* seen: by the resource */

#ifdef NO_EXPIRY_CHECK
#define NAME_IS_FREE (holder == 0 || true)
#else
#define NAME_IS_FREE (holder == 0 || lapsed)
#endif
#define SET_IS_FREE (set_holder == 0 || set_lapsed)
#ifdef LOCK_IGNORES_ORDER
#define NO_ORDER_IN_FLIGHT true
#else
#define NO_ORDER_IN_FLIGHT SET_IS_FREE
#endif
#ifdef ORDER_IGNORES_LOCK
#define NOT_LOCKED true
#else
#define NOT_LOCKED NAME_IS_FREE
#endif
#ifdef RENEW_WITHOUT_NUMBER
#define IS_MINE (holder != 0)
#else
#define IS_MINE (holder == me && number == mine)
#endif
#ifdef RENEW_REVIVES
#define MAY_RENEW IS_MINE
#else
#define MAY_RENEW (IS_MINE && !lapsed)
#endif

#define SET_IS_MINE (set_holder == me && set_number == mine)

inline check_alone()
{
    assert(!(is_sure[1] && is_sure[2] && !was_broken[1] && !was_broken[2]));
    assert(!(is_sure[1] && is_sure[ORDER] && !was_broken[1]));
    assert(!(is_sure[2] && is_sure[ORDER] && !was_broken[2]))
}

/* lock_take, in one write transaction */
inline grant()
{
#ifdef NUMBER_IS_DROPPED
    number = (holder == 0 -> 1 : number + 1);
#else
    number++;
#endif
    assert(number > newest_granted); newest_granted = number;
    holder = me; lapsed = false; mine = number; is_sure[me] = true; was_broken[me] = false;
#ifndef ORDER_REVIVES
    if
    :: set_holder != 0 && set_lapsed -> set_holder = 0; set_lapsed = false /* ends what was over, so that it cannot go on */
    :: else -> skip
    fi
#else
    skip
#endif
}

/* Something that the lock protects, and that was told to look at the number: it takes no older one than it has seen. */
inline write_guarded()
{
#ifndef RESOURCE_DOES_NOT_LOOK
    if
    :: mine < newest_seen -> skip
    :: else ->
#endif
        assert(mine >= newest_seen); newest_seen = mine
#ifndef RESOURCE_DOES_NOT_LOOK
    fi
#endif
}

inline forget()
{
    is_sure[me] = false; mine = 0
}

proctype client(byte me)
{
    byte mine;
wants: /* waits: `--wait`, or the long poll */
    atomic { NAME_IS_FREE && NO_ORDER_IN_FLIGHT -> grant(); check_alone() }
holds:
    do
    :: atomic { mine != 0 -> write_guarded() }; break   /* the child works, also one that does not know that the lease was lost */
    :: atomic { MAY_RENEW -> /* the heartbeat: prolonged */
        assert(holder == me && number == mine); lapsed = false; is_sure[me] = true; check_alone() }; break
    :: atomic { !MAY_RENEW -> /* the heartbeat: lost, the child is killed */
        forget(); goto wants }
    :: atomic { crashes > 0 -> crashes--; forget(); goto wants } /* dies; started again it wants the lock anew */
    od;
    if
    :: goto holds_more
    :: goto gives_back
    fi;
holds_more:
    do
    :: atomic { mine != 0 -> write_guarded() }; goto gives_back
    :: atomic { !MAY_RENEW -> forget(); goto wants }
    :: atomic { crashes > 0 -> crashes--; forget(); goto wants }
    od;
gives_back:
    atomic {
#ifdef RELEASE_WITHOUT_NUMBER
        if
        :: holder != 0 -> holder = 0
        :: else -> skip
        fi;
#else
        if
        :: holder == me && number == mine -> holder = 0; lapsed = false
        :: else -> skip /* HELD: it was not the holder any more */
        fi;
#endif
        forget(); is_done[me] = true
    }
}

/* Our own order of a set that has the name: begins in the transaction that looks at the locks (waiting_begin), sends, hears, ends. */
proctype own_order()
{
    byte me = ORDER, mine;
wants:
    atomic { SET_IS_FREE && NOT_LOCKED ->
        set_number++; set_holder = me; set_lapsed = false; mine = set_number; is_sure[me] = true; check_alone() }
    if
    :: true
    :: atomic { crashes > 0 -> crashes--; forget(); goto wants }
    fi;
    /* the act: who is not sure any more asks for the lead and for each of its orders once more */
    atomic {
        if
        :: is_sure[me] -> skip
#ifndef ORDER_IS_NOT_ASKED_FOR
        :: !is_sure[me] && !SET_IS_MINE -> forget(); goto wants /* left as it is, and goes on later */
        :: !is_sure[me] && SET_IS_MINE -> set_lapsed = false; is_sure[me] = true; check_alone()
#else
        :: else -> skip
#endif
        fi;
        assert(!(is_sure[1] && !was_broken[1]) && !(is_sure[2] && !was_broken[2])) /* asks the CA */
    }
    if
    :: atomic { SET_IS_MINE -> set_lapsed = false; is_sure[me] = true; check_alone() } /* job_is_ours, in the turn that hears the answer */
    :: atomic { !SET_IS_MINE -> forget(); goto wants }
    :: atomic { crashes > 0 -> crashes--; forget(); goto wants }
    fi;
    atomic {
        if
        :: SET_IS_MINE -> set_holder = 0; set_lapsed = false
        :: else -> skip
        fi;
        forget(); is_done[me] = true
    }
}

/* Time passes for one that does not move, or is dead; by its own clock, too: a client measures from before it asked, so it is never sure longer
 * than the store. */
active proctype time()
{
end_time:
    do
    :: atomic { lapses > 0 && holder != 0 && !lapsed -> lapses--; lapsed = true;
#ifndef CHILD_IS_NOT_KILLED
        is_sure[holder] = false
#endif
        }
    :: atomic { lapses > 0 && set_holder != 0 && !set_lapsed -> lapses--; set_lapsed = true; is_sure[ORDER] = false }
    /* The dead do not renew: their leases end without costing a fault. */
    :: atomic { holder != 0 && !lapsed && !is_sure[holder] -> lapsed = true }
    :: atomic { set_holder != 0 && !set_lapsed && !is_sure[ORDER] -> set_lapsed = true }
    od
}

active proctype person()
{
end_person:
    do
    :: atomic { breaks > 0 && holder != 0 -> breaks--; was_broken[holder] = true; holder = 0; lapsed = false }
    od
}

init { atomic { run client(1); run client(2); run own_order() } }

active proctype monitor()
{
end_monitor:
    timeout -> assert(is_done[1] && is_done[2] && is_done[ORDER])
}
