# The exposed lock and orders of ours exclude each other, both ways.

story  somebody else holds the lock of a name: no order begins for its set, others do, and it goes on by itself
want   www.example.com *.www.example.com
set    other names www.example.net
lock   www.example.com for 10m
run
expect no certificate, certificate of other for www.example.net, 1 orders at ca, not failed, 1 left to the lock
run every 1m for 12m
expect 0 left to the lock, certificate for www.example.com *.www.example.com, 2 orders at ca, no TXT left

story  the lock ends while a run has patience: the same run orders
want   www.example.com
lock   www.example.com for 8s
run
expect certificate for www.example.com, 1 orders at ca, took at least 7s

story  an order of ours is in flight: the lock is refused, and granted when it is over
want   www.example.com *.www.example.com        ca issues in 8s
lock   www.example.com is tried after 2s
run
expect certificate, 1 orders at ca, the lock was refused "an order of set main is in flight for www.example.com"
lock   www.example.com for 1m
expect the lock was granted

story  the set lost the name while its order is in flight: the lock is refused all the same
want   www.example.com old.example.com        ca issues in 8s
kill   after newOrder
run
expect was killed
want   www.example.com
lock   old.example.com is tried after 2s
run
expect the lock was refused "in flight for old.example.com"

story  an order that was begun before somebody took the lock rests until the lock is over
want   www.example.com
kill   after newOrder
run
expect was killed
wait   1m
lock   www.example.com for 10m
run
expect no certificate
run every 1m for 12m
expect certificate, 2 orders at ca, no TXT left
