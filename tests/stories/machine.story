# Our own machine in trouble.

story  our clock is two hours off: nothing is issued, and said why
for    ahead behind
clock  ours is 2h $
want   www.example.com
run
expect put off "clock", no certificate, 0 orders at ca, failures 1, 1 events clock.trouble, took at most 1s
run every 10m for 24h
expect put off "clock", no certificate, 0 orders at ca, at most 160 directory requests at ca
clock  ours is right
run
expect certificate, 1 orders at ca, not failed

story  our clock goes wrong in the middle of an order, for many sets
ca     validates in 1m, says retry-after 60s
want   www.example.com
set    a names a.example.com
set    b names b.example.com
run
expect 3 orders at ca
clock  ours is 5h ahead
wait   1m
run
expect put off "clock", no certificate, 1 events clock.trouble
clock  ours is right
wait   10m
run
expect certificate, certificate of b for b.example.com, 3 orders at ca, no TXT left, nothing surplus

story  the clock jumps during the life of a certificate
want   www.example.com
run
clock  ours is 30m ahead
run every 1h for 3d
expect 1 orders at ca
clock  ours is right
run every 1h for 3d
expect 1 orders at ca, never expired

story  the store is full: nothing is asked of anybody
store  is full
want   www.example.com
run
expect error "full"
store  has room
expect 0 newOrder requests at ca, 0 newAccount requests at ca
run
expect certificate, 1 orders at ca, no TXT left

story  the store fills up in the middle of an order
ca     validates in 1m, says retry-after 60s
want   www.example.com
run
expect 1 open orders
store  is full
run
expect error "full"
store  has room
wait   2m
run until quiet
expect certificate, 1 orders at ca, no TXT left, nothing surplus

story  a signal stops the run, the next goes on
ca     validates in 5s, says retry-after 5s
want   www.example.com
signals 1
run
expect no certificate
signals 0
run until quiet
expect certificate, no TXT left, at most 1 orders at ca
