# Certificates that live for days, hours or minutes: every length of time is a part of the life.

story  ten minutes each, for an hour: never expired, one order a life, no more than it takes
ca     certificates live 10m
want   www.example.com
run every 1m for 60m
expect never expired, at most 14 orders at ca, nothing surplus, no TXT left, not failed, rule ari
# At half of ten minutes twelve are the fewest; every order is a certificate.
expect at most 14 certificates at ca

story  ten minutes each by a profile, and no renewalInfo
ca     offers tiny 10m classic 90d
ca     knob ari 0
set    main profile tiny
want   www.example.com
run every 1m for 60m
expect never expired, at most 14 orders at ca, nothing surplus, no TXT left, not failed, rule life

story  ten minutes each at a slow CA and a name server that lags
ca     certificates live 10m
ca     validates in 5s, issues in 5s
dns    ns2 after 20s
want   example.com, *.example.com
run every 1m for 60m
expect never expired, at most 14 orders at ca, nothing surplus, no TXT left, not failed

story  ten minutes each, and every third request of the CA fails
ca     certificates live 10m
want   www.example.com
run
ca     fault any 500 percent 20 times 0
run every 1m for 60m
expect never expired, nothing surplus, at most 16 certificates at ca

story  ten minutes each: an order that never ends is given up while there is time for another
ca     certificates live 10m
want   www.example.com
run
wait   5m
ca     fault finalize processing-forever times 1
run every 30s for 20m
expect never expired, at most 8 orders at ca, no TXT left

story  a day each: an order that never ends is given up after hours, not after a day
ca     certificates live 24h, says retry-after 300s
want   www.example.com
run
ca     fault finalize processing-forever times 1
run every 30m for 48h
expect never expired, at most 6 orders at ca, no TXT left

story  a day each: failures of hours are outlived
ca     certificates live 24h
want   www.example.com
run every 30m for 11h
ca     fault newOrder 500 times 0
run every 30m for 9h
ca     mends
run every 30m for 3h
expect never expired, not failed, 2 certificates

story  six and a half days each, over five weeks
ca     offers shortlived 160h
set    main profile shortlived
want   www.example.com, *.www.example.com
run every 6h for 35d
expect never expired, at most 12 orders at ca, nothing surplus, no TXT left, profile shortlived

story  a certificate that has expired is tried for often, by the length of its life
ca     certificates live 10m
want   www.example.com
run
ca     is down
run every 1m for 2h
ca     is up
run every 1m for 35m
expect certificate, not failed

story  long lives keep the ladder
want   www.example.com
run
wait   61d
ca     fault newOrder problem:400:malformed times 0
run
run every 1m for 15m
expect next try in 100m
