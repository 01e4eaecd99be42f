# Several kinds of keys: one certificate a kind, one unit.

story  two kinds of keys: a certificate of each in one run, one after the other
want   www.example.com, *.www.example.com
set    main keys ecdsa-p256 rsa-2048
run
expect keys ecdsa-p256 rsa-2048, 2 certificates, 2 orders at ca, issued 2, no TXT left, nothing surplus
wait   1h
run
expect issued 0, 2 orders at ca

story  the preferred kind comes first
want   www.example.com
set    main keys rsa-2048 ecdsa-p384
run
expect keys rsa-2048 ecdsa-p384, key rsa-2048

story  lanes stay in step over months: each renewal brings both
ca     certificates live 90d
want   www.example.com
set    main keys ecdsa-p256 rsa-2048
run every 12h for 70d
expect never expired, keys ecdsa-p256 rsa-2048, 4 certificates, 4 orders at ca, no TXT left

story  a kind is added: only it is ordered
want   www.example.com
run
set    main keys ecdsa-p256 rsa-2048
run
expect keys ecdsa-p256 rsa-2048, 2 certificates, 2 orders at ca

story  a kind is taken away: its certificate is retired, nothing is ordered
want   www.example.com
set    main keys ecdsa-p256 rsa-2048
run
set    main key ecdsa-p256
run
expect keys ecdsa-p256, 2 orders at ca, asked nobody
set    main key rsa-2048
run
expect keys rsa-2048, 3 orders at ca

story  one kind is exchanged for another of its family: the other stays
want   www.example.com
set    main keys ecdsa-p256 rsa-2048
run
set    main keys ecdsa-p384 rsa-2048
run
expect keys ecdsa-p384 rsa-2048, 3 orders at ca, 3 certificates

story  names change: both are reissued
want   www.example.com
set    main keys ecdsa-p256 rsa-2048
run
want   www.example.com, mail.example.com
run
expect keys ecdsa-p256 rsa-2048, certificate for www.example.com mail.example.com, 4 orders at ca

story  the CA refuses one kind: the other is had, the refused one is tried again by the ladder
want   www.example.com
set    main keys rsa-2048 ecdsa-p256
ca     knob spki_max 200
run
expect keys ecdsa-p256, failed "rsa-2048", next try in 10m, issued 1, failures 1
wait   12m
run
expect keys ecdsa-p256, failed "rsa-2048", next try in 100m, issued 0, failures 1
ca     knob spki_max 4096
wait   120m
run
expect keys rsa-2048 ecdsa-p256, not failed, issued 1

story  one kind fails for weeks: the other is renewed in time all the same
ca     certificates live 9d
want   www.example.com
set    main keys rsa-2048 ecdsa-p256
run
ca     knob spki_max 200
run every 6h for 6d
expect failed "rsa-2048", 3 certificates
run every 6h for 12d
expect 6 certificates
ca     knob spki_max 4096
wait   1d
run
expect keys rsa-2048 ecdsa-p256, not failed, 7 certificates

story  by hand: both kinds
want   www.example.com
set    main keys ecdsa-p256 rsa-2048
run
run by hand
expect keys ecdsa-p256 rsa-2048, 4 certificates, 4 orders at ca

story  killed anywhere: both kinds, no order too many
kill here and there
ca     knob order_reuse 1
want   www.example.com
set    main keys ecdsa-p256 rsa-2048
run until quiet
run until quiet
expect keys ecdsa-p256 rsa-2048, 2 orders at ca, 2 certificates at ca, no TXT left, nothing surplus

story  the kinds are changed while the second is ordered: what is not wanted any more is not current
ca     issues in 10m, says retry-after 120s
want   www.example.com
set    main keys ecdsa-p256 rsa-2048
run
set    main key ecdsa-p256
ca     issues in 0s
run every 1m for 15m
expect keys ecdsa-p256, no TXT left
