# Certificates that must not be served, and those that must be renewed.

story  a wrong certificate is held back
for    other-key missing-name extra-name other-names expired future no-chain garbage truncated
ca     fault certificate wrong-cert:$ times 0
want   example.com, *.example.com
run until quiet
expect failed "held back", no certificate, no TXT left, next try in 1m, 1 certificates at ca
ca     mends
wait   until due
run until quiet
expect certificate for example.com *.example.com, not failed, no TXT left

story  a chain too large to be one: tried for a day, then given up
ca     fault certificate wrong-cert:1000-links times 0
want   www.example.com
run every 30m for 25h
expect failed "larger than", no certificate, no TXT left

story  a wrong certificate leaves the one that is served in place
ca     certificates live 9d
want   www.example.com
run
wait   5d
ca     fault certificate wrong-cert:other-key times 0
run
expect failed "held back", certificate for www.example.com, 1 certificates

story  certificates of 90 days over a year: each is renewed at two thirds of its life
want   www.example.com
run every 24h for 365d
expect never expired, at most 7 orders at ca, nothing surplus, no TXT left

story  certificates of six days over a month
ca     certificates live 6d
want   example.com, *.example.com
run every 4h for 30d
expect never expired, at most 11 orders at ca, nothing surplus, no TXT left

story  certificates of one day over a month
ca     certificates live 24h
want   www.example.com
run every 90m for 30d
expect never expired, at most 62 orders at ca, nothing surplus, no TXT left

story  certificates of ten minutes over an afternoon
ca     certificates live 10m
want   www.example.com
run every 1m for 3h
expect never expired, at most 46 orders at ca, nothing surplus, no TXT left

story  renewals go on through an outage of a day
ca     certificates live 9d
want   www.example.com
run every 1h for 4d
ca     is down
run every 1h for 24h
ca     is up
run every 1h for 10d
expect never expired, nothing surplus

story  names are added: reissued at once, once
want   www.example.com
run
want   www.example.com, mail.example.com
run
expect certificate for www.example.com mail.example.com, 2 certificates, 2 orders at ca
wait   1h
run
expect asked nobody, 2 orders at ca

story  the kind of key is changed: reissued
want   www.example.com
run
set    main key ecdsa-p384
run
expect key ecdsa-p384, 2 certificates

story  a revoked certificate is replaced
want   www.example.com
run
revoke main
run
expect certificate, 2 certificates, 2 orders at ca, nothing surplus

story  names change while an order is open: the order ends, the next has the new names
ca     issues in 10m, says retry-after 120s
want   www.example.com
run
expect 1 open orders
want   www.example.com, mail.example.com
ca     issues in 0s
run until quiet
run until quiet
run every 1m for 15m
expect certificate for www.example.com mail.example.com, no TXT left, nothing surplus

story  the set is removed while its order is open: what was published goes
kill   after publish
want   www.example.com
run
expect 1 TXT left, 1 open orders
set    main is removed
run until quiet
run until quiet
expect no TXT left, 0 open orders

story  the file of a set breaks: what is held stays, nothing is issued
want   www.example.com
run
set    main is broken
run
expect certificate, 1 orders at ca, main has fault "main.yaml"
wait   70d
run
expect 1 orders at ca, certificate
set    main is mended
run
expect 2 certificates, main has no fault

story  two sets with the same names: the later one is refused
want   www.example.com
set    zwei names www.example.com
run
expect certificate, zwei has fault "main", no certificate of zwei, 1 orders at ca

story  two sets with the same names in another order and case
want   www.example.com, mail.example.com
set    zwei names MAIL.example.com www.EXAMPLE.com.
run
expect certificate, zwei has fault "main", no certificate of zwei, 1 orders at ca
