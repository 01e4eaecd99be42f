# What hinders an order that is under way: a set that goes, an authority that moves, a CA that asks for patience, a program that dies again and
# again, a clock that jumps.

story  the set goes while its order is open: the order is given up and nothing has failed
ca     validates in 10m, says retry-after 10m
want   www.example.com
run
expect 1 open orders, 1 TXT left
set    main is removed
run
expect 0 open orders, no TXT left, 0 certificates at ca, failures 0, postponed 0, 1 events order.given_up
run
expect asked nobody, at most 0 commits

story  the same while the CA asks for patience: nothing waits for that time
ca     fault newOrder 429 times 0 retry-after 7200
want   www.example.com
run
expect 1 open orders, throttled 1
set    main is removed
run
expect 0 open orders, 1 events order.given_up, 0 orders at ca

story  an order that never was placed gets nowhere when its directory moves: another one takes its place
want   www.example.com
kill   after newOrder
run
set    main authority ca2
config authority ca2
run until quiet
expect certificate, issued by ca1, no TXT left, nothing surplus

story  a 429 is told until it is over, and costs one request
ca     fault newOrder 429 retry-after 7200
want   www.example.com
run
expect postponed 1, throttled 1, failures 1, 1 open orders
run every 10m for 110m
expect postponed 1, throttled 1, failures 0, 1 newOrder requests at ca
wait   20m
run
expect certificate, 2 newOrder requests at ca

story  a 429 that names no time is not tried again within a minute
ca     fault newOrder 429 retry-after soon
want   www.example.com
run
expect 1 newOrder requests at ca, took at most 5s, throttled 1
run until quiet
expect certificate, 2 newOrder requests at ca

story  an account without quota is not asked for every set
ca     fault newOrder 429 times 0 retry-after 3000
config parallel 1
set    a names a.example.com
set    b names b.example.com
set    c names c.example.com
set    d names d.example.com
set    e names e.example.com
set    f names f.example.com
run
expect 1 newOrder requests at ca, postponed 6, throttled 6
run every 10m for 40m
expect 1 newOrder requests at ca, postponed 6, throttled 6
ca     mends
wait   20m
run
expect certificate of a for a.example.com, certificate of f for f.example.com

story  a program that dies after each newOrder does not flood the CA with orders
want   www.example.com
kill   after newOrder
run
kill   after newOrder
run
kill   after newOrder
run
kill   after newOrder
run
kill   after newOrder
run
kill   after newOrder
run
kill   after newOrder
run
expect at most 5 orders at ca
run until quiet
expect certificate, nothing surplus, no TXT left

story  a directory that cannot be read costs no order that was placed
ca     knob order_reuse 1
want   www.example.com
kill   after newOrder
run
ca     fault directory $ times 0
for    garbage html problem:403:unauthorized
wait   25h
run
expect 1 open orders, 1 orders at ca
ca     mends
run until quiet
expect certificate, 1 orders at ca, 1 certificates at ca, nothing surplus

story  after a month of silence an answer that is lost does not end the order
ca     knob order_reuse 1, knob order_life_s 7776000, knob authz_pending_s 7776000
want   www.example.com
kill   after publish
run
wait   30d
ca     fault order drop-reply, fault challenge drop-reply
dns    ns1 after 5s
run until quiet
expect certificate, 1 orders at ca, no TXT left, nothing surplus

story  a clock that was a year ahead: what failed then is tried now
clock  ours is 8760h ahead
ca     is down
want   www.example.com
run
run
clock  ours is right
ca     is up
run until quiet
expect certificate, no TXT left

story  the settle time passes, and no more than that
config settle 3s
want   www.example.com
run
expect certificate, took at most 5s
