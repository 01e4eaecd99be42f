# Several CAs: a fault on the side of the first costs seconds, not the certificate - and never a certificate too many.

story  the first CA is gone: the second one issues in the same run
config authorities ca1 ca2
ca1    is down
want   www.example.com, *.www.example.com
run
expect certificate, issued by ca2, 1 certificates, no TXT left, nothing surplus, not failed, failures 0, took at most 20s
expect 1 events order.left, 1 events ca.down

story  the first CA answers 503 at each kind of request
for    directory newNonce newAccount newOrder authz challenge order
config authorities ca1 ca2
ca1    fault $ 503 times 0, validates in 1s, issues in 1s
ca2    validates in 1s, issues in 1s
want   www.example.com
run
expect certificate, issued by ca2, 1 certificates, no TXT left, nothing surplus, not failed, took at most 60s

story  a 503 that names an hour is not waited for
config authorities ca1 ca2
ca1    fault newOrder 503 times 0 retry-after 3600
want   www.example.com
run
expect certificate, issued by ca2, 1 newOrder requests at ca1, nothing surplus, took at most 10s

story  the first CA swallows every request: half a minute, not minutes
config authorities ca1 ca2
ca1    is silent
want   www.example.com
run
expect certificate, issued by ca2, nothing surplus, not failed, took at most 40s

story  the first CA talks nonsense
for    garbage html problem:404:whatever
config authorities ca1 ca2
ca1    fault directory $ times 0
want   www.example.com
run
expect certificate, issued by ca2, nothing surplus, not failed

story  what one set found dead the others do not try
config authorities ca1 ca2, parallel 1
ca1    is silent
set    a names a.example.com
set    b names b.example.com
set    c names c.example.com
set    d names d.example.com
set    e names e.example.com
run
expect certificate of a for a.example.com, certificate of e for e.example.com, took at most 45s, nothing surplus, 1 events order.left

story  back to the first at the next renewal, which one set tries for all
config authorities ca1 ca2
ca1    is down, certificates live 2d
ca2    certificates live 2d
set    a names a.example.com
set    b names b.example.com
set    c names c.example.com
run
expect certificate of a for a.example.com, 3 certificates at ca2, 0 orders at ca1
ca1    is up
wait   until due
run
wait   1h
run
expect 3 certificates at ca1, 3 certificates at ca2, nothing surplus, 1 events ca.up

story  it is still down at the next renewal: one set tries, nobody waits
config authorities ca1 ca2
ca1    is down
ca2    certificates live 2d
want   www.example.com
run
wait   until due
run
expect 2 certificates, issued by ca2, nothing surplus, not failed, took at most 20s

story  both are gone: nothing is lost, and it goes on where it can
config authorities ca1 ca2
ca1    is down
ca2    is down
want   www.example.com
run
expect no certificate, 0 orders at ca1, 0 orders at ca2, postponed 1
ca2    is up
wait   1h
run
expect certificate, issued by ca2, nothing surplus, no TXT left

story  never for a fault that is ours, the DNS's or a person's
for    403:unauthorized 403:userActionRequired 400:malformed 403:caa 400:rejectedIdentifier 400:badCSR
config authorities ca1 ca2
ca1    fault newOrder problem:$:no times 0
want   www.example.com
run every 10m for 3h
expect no certificate, 0 orders at ca2, 0 newAccount requests at ca2

story  never when the DNS says no
config authorities ca1 ca2
updates are refused
want   www.example.com
run every 10m for 2h
expect no certificate, 0 newAccount requests at ca2

story  a limit that ends in time is waited for, one that does not is not
config authorities ca1 ca2
ca1    fault newOrder 429 times 1 retry-after 1800
want   www.example.com
run
expect no certificate, throttled 1, 0 orders at ca2
wait   31m
run
expect certificate, issued by ca1

story  a limit whose end comes too late
config authorities ca1 ca2
ca1    fault newOrder 429 times 0 retry-after 36000
want   www.example.com
run
expect certificate, issued by ca2, 1 newOrder requests at ca1, nothing surplus, not failed

story  a certificate that has time left waits for the quota
config authorities ca1 ca2
want   www.example.com
run
ca1    fault newOrder 429 times 1 retry-after 36000
set    main names www.example.com more.example.com
run
expect 1 certificates, throttled 1, 0 orders at ca2
wait   11h
run
expect 2 certificates, issued by ca1

story  finalize may have been sent: the first CA has its patience
for    drop-reply 503
config authorities ca1 ca2
ca1    fault finalize $ times 0, issues in 1h, says retry-after 10m
want   www.example.com
run
ca1    is down
run every 10m for 3h
expect 1 open orders, 0 orders at ca2, 1 orders at ca1
ca1    is up, mends
run every 10m for 3h
expect certificate, issued by ca1, 1 certificates, nothing surplus, no TXT left

story  finalize was sent and the CA goes for good: after its patience another one
config authorities ca1 ca2
want   www.example.com
ca1    issues in 1h, says retry-after 10m
run
ca1    is down
run every 30m for 20h
expect no certificate, 0 orders at ca2, 1 open orders
run every 30m for 30h
expect certificate, issued by ca2, no TXT left

story  the CA calls the order invalid for a fault of its own
config authorities ca1 ca2
ca1    fault finalize invalid-order
want   www.example.com
run until quiet
wait   until due
run until quiet
expect certificate, nothing surplus, no TXT left

story  an order that waits at a CA which dies is left by the next run
config authorities ca1 ca2
ca1    validates in 20m, says retry-after 10m
want   www.example.com
run
expect 1 open orders
ca1    is down
run every 10m for 1h
expect certificate, issued by ca2, nothing surplus, no TXT left

story  a kill anywhere on the way from one CA to the other
config authorities ca1 ca2
ca1    fault newOrder 503 times 0, knob order_reuse 1
ca2    knob order_reuse 1
want   www.example.com
kill   here and there
run
run every 2m for 20m
expect certificate, issued by ca2, 1 certificates at ca2, 0 certificates at ca1, no TXT left, nothing surplus

story  by hand a CA that is left alone is passed over all the same
config authorities ca1 ca2
ca1    is down
want   www.example.com
run
run by hand
expect 2 certificates, issued by ca2, nothing surplus

story  one CA alone: it is left alone for a minute, and its orders with it
ca     is down
want   www.example.com
run
expect no certificate, 1 events ca.down
ca     is up
wait   10m
run
expect certificate, 1 events ca.up
