# What CAs limit. The CA of the stories counts for itself, in buckets that drip; what it has to refuse was not reckoned right here.

story  the limit is kept by us: the CA never has to refuse, and each set is told once when
ca     knob limit_orders 5, knob limit_orders_s 3600
config limits "orders: 5/1h, kept: 0", parallel 10
set    a names a.example.com
set    b names b.example.com
set    c names c.example.com
set    d names d.example.com
set    e names e.example.com
set    f names f.example.com
set    g names g.example.com
set    h names h.example.com
run
expect 5 orders at ca, throttled 3, postponed 3, 0 refusals by limits, 3 events limit.waits
run every 4m for 1h
expect 8 orders at ca, 0 refusals by limits, 3 events limit.waits, certificate of h for h.example.com
expect nothing surplus, no TXT left

story  sets of one registered domain in flight at once: together they do not overrun
ca     knob limit_domain 3, issues in 1h, says retry-after 10m
config limits "domain: 3/7d, kept: 0"
set    a names a.example.com
set    b names b.example.com
set    c names c.example.com
set    d names d.example.com
set    e names e.example.net
run
expect 4 orders at ca, throttled 1, 0 refusals by limits
run every 30m for 3h
expect 4 certificates at ca, certificate of e for e.example.net, no certificate of d, 0 refusals by limits
run every 6h for 3d
expect certificate of d for d.example.com, 0 refusals by limits

story  an order that came to nothing gives back what only a certificate spends
ca     knob limit_domain 1, fault challenge invalid-authz times 1
config limits "domain: 1/7d, kept: 0"
want   www.example.com
run
expect no certificate
wait   until due
run
expect certificate, 0 refusals by limits, 2 orders at ca

story  a refusal says which limit: learnt, kept over restarts, nothing else waits for it
ca     knob limit_domain 1
config parallel 1
set    a names a.example.com
set    b names b.example.com
set    c names c.example.com
set    d names d.example.net
run
expect certificate of a for a.example.com, certificate of d for d.example.net, 1 refusals by limits, 3 newOrder requests at ca
expect throttled 2, 1 events limit.told
run every 1h for 12h
expect 1 refusals by limits, 3 newOrder requests at ca

story  a refusal without a word: the account waits an hour at most, and costs one request
ca     knob limit_domain 1, knob limit_tells 0
config parallel 1
set    a names a.example.com
set    b names b.example.com
set    c names c.example.net
run
expect 1 refusals by limits, 2 newOrder requests at ca, no certificate of c
run every 10m for 40m
expect 2 newOrder requests at ca
run every 10m for 30m
expect certificate of c for c.example.net

story  sixty days in which every set fails, then all at once: no limit is crossed
ca     knob limit_orders 4, knob limit_orders_s 86400, knob limit_failures 5, fault challenge invalid-authz times 0
config limits "orders: 4/1d, failures: 5/1h, kept: 0"
set    a names a.example.com
set    b names b.example.com
set    c names c.example.com
set    d names d.example.com
set    e names e.example.com
set    f names f.example.com
run every 3h for 60d
expect 0 refusals by limits, at most 244 newOrder requests at ca, no certificate of a
ca     mends
run every 3h for 4d
expect certificate of a for a.example.com, certificate of f for f.example.com, 0 refusals by limits, no TXT left

story  a name that fails in several sets is not tried more often than the CA lets it
ca     knob limit_failures 3, fault challenge invalid-authz times 0
config limits "failures: 3/1h"
set    a names www.example.com a.example.com
set    b names www.example.com b.example.com
set    c names www.example.com c.example.com
set    d names www.example.com d.example.com
config parallel 1
run every 1m for 1h
expect 0 refusals by limits

story  killed at each of a third of all points: the limit holds
ca     knob limit_orders 3, knob limit_orders_s 3600, knob order_reuse 0
config limits "orders: 3/1h, kept: 0", parallel 2
set    a names a.example.com
set    b names b.example.com
kill   here and there
run
run every 20m for 3h
expect certificate of a for a.example.com, certificate of b for b.example.com, 0 refusals by limits

story  in one process that leads for hours: each is begun when its turn comes, told once
ca     knob limit_orders 2, knob limit_orders_s 3600
config limits "orders: 2/1h, kept: 0", parallel 10
set    a names a.example.com
set    b names b.example.com
set    c names c.example.com
set    d names d.example.com
set    e names e.example.com
set    f names f.example.com
serve  for 20m
expect 2 orders at ca, 4 events limit.waits, 0 refusals by limits
serve  for 2h
expect 6 orders at ca, 4 events limit.waits, certificate of f for f.example.com, 0 refusals by limits, nothing surplus

story  what is asked of it by hand crosses no limit either, and uses what is kept
ca     knob limit_set 2, knob limit_orders 4
config limits "orders: 4/3h, set: 2/7d, kept: 50"
want   www.example.com
serve  for 2m
serve  for 2m asked by 1 after 1m
expect 2 certificates
serve  for 2m asked by 1 after 1m
expect 2 certificates, 2 orders at ca, 0 refusals by limits
