# How often a DNS API may be asked, and what it says of that: `api` is a provider of type vultr.

story  a record API: each name is added once and removed once by its id
config provider vultr
want   40 names
run
expect certificate, no TXT left, 40 POST calls at api, 40 DELETE calls at api, 2 GET calls at api
expect the token is nowhere

story  the rate of a person's plan is kept, in any stretch of time and over all orders
config provider vultr, rate 20/1m
want   40 names
set    other names www.example.net mail.example.net
run until quiet
expect certificate, certificate of other for www.example.net mail.example.net
expect no TXT left, 42 POST calls at api, never more than 20 calls in 1m at api

story  a run that is killed takes what was asked into the next one
config provider vultr, rate 20/10m
want   10 names
kill   after api number 9
run
expect was killed, 8 POST calls at api
run every 1m for 20m
expect certificate, no TXT left, 10 POST calls at api, never more than 20 calls in 10m at api

story  killed after each request of the API: no record twice, none left, and never above the rate
config provider vultr, rate 20/1m
want   4 names
kill here and there
run
run until quiet
expect certificate, no TXT left, at most 7 POST calls at api, never more than 20 calls in 1m at api

story  an hourly limit that cannot be met in time: said at once, and nothing is published
config provider vultr, rate 10/1h
want   30 names
run
expect failed "its limit of 10 requests in 1h", failed "its order cannot wait so long", no certificate, no TXT left
expect 0 POST calls at api, took at most 5s

story  the API says when: nothing of that account is asked before, in no zone and no run
config provider vultr
want   www.example.com
api    throttles example.com for 15m
set    other names www.example.net
run
expect no certificate, no certificate of other, 1 calls about example.com at api, 1 events dns.parked
expect 2 events order.retry, the token is nowhere
run every 1m for 12m
expect 0 calls about example.com at api
run every 1m for 12m
expect certificate, certificate of other for www.example.net, no TXT left, 1 events dns.parked
expect 2 orders at ca

story  parked for longer than an order waits: the order fails with that
config provider vultr
want   www.example.com
api    throttles example.com for 5h
run
expect failed "slow down", failed "its order cannot wait so long", no certificate
expect next try in 299m, 1 calls about example.com at api
wait   5h
run until quiet
expect certificate, no TXT left, 2 orders at ca

story  the credential is refused when records are to be removed: kept, told once, removed when it works again
config provider vultr
want   www.example.com
kill   after finalize
run
api    denies us
wait   1m
run every 10m for 1h
expect 1 TXT left, 1 events txt.left
api    works
wait   10m
run until quiet
expect no TXT left, certificate

story  five orders for five names each in one zone are few messages
set    a names a0.example.com a1.example.com a2.example.com a3.example.com a4.example.com
set    b names b0.example.com b1.example.com b2.example.com b3.example.com b4.example.com
set    c names c0.example.com c1.example.com c2.example.com c3.example.com c4.example.com
set    d names d0.example.com d1.example.com d2.example.com d3.example.com d4.example.com
set    e names e0.example.com e1.example.com e2.example.com e3.example.com e4.example.com
run
expect certificate of e for e0.example.com e1.example.com e2.example.com e3.example.com e4.example.com
expect no TXT left, at most 6 updates
