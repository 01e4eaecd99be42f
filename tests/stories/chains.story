# Chains: all are kept, one goes out; keys: new, kept, or elsewhere.

story  a CA without alternate chains: no request more than ever
want   www.example.com
run
expect certificate, 1 chains, chain of "Fake Root A", 1 certificate requests at ca

story  alternate chains: all are stored, the default goes out
ca     knob alternates 2
want   www.example.com
run
expect certificate, 3 chains, chain of "Fake Root A", 3 certificate requests at ca, 0 events chain.fallback

story  the chain that is wished for goes out, whichever way it is named
ca     knob alternates 2
set    main says "chain: fake root B"
want   www.example.com
run
expect certificate, 3 chains, chain of "Fake Root B", 0 events chain.fallback

story  a root that nobody offers: the default goes out, with a warning, once a certificate
ca     knob alternates 1, certificates live 9d
set    main says "chain: ISRG Root X1"
want   www.example.com
run
run
expect certificate, 2 chains, chain of "Fake Root A", 1 events chain.fallback
wait   until due
run
expect 2 certificates, 2 events chain.fallback

story  the wish changes: chosen again from what is stored, without a new order
ca     knob alternates 2
want   www.example.com
run
set    main says "chain: Fake Root C"
run
expect chain of "Fake Root C", 1 certificates, 1 orders at ca, 3 certificate requests at ca, 1 events chain.chosen
set    main says "chain: Fake Root Z"
run
expect chain of "Fake Root A", 1 orders at ca, 1 events chain.fallback
set    main says ""
run
expect chain of "Fake Root A", 1 orders at ca, 2 events chain.chosen

story  an alternate chain that cannot be had in passing is asked for a second time
ca     knob alternates 2, fault certificate 503 nth 2 times 1
want   www.example.com
run
expect certificate, 3 chains, 4 certificate requests at ca, 0 events chain.left_out

story  an alternate chain that cannot be had is left out
ca     knob alternates 2, fault certificate 503 nth 2 times 0
set    main says "chain: Fake Root B"
want   www.example.com
run
expect certificate, 1 chains, 2 events chain.left_out, 1 events chain.fallback, 5 certificate requests at ca, 1 orders at ca

story  an alternate chain that is not for our certificate, or no chain at all, is left out
for    other-key missing-name expired no-chain garbage shuffled
ca     knob alternates 1, fault certificate wrong-cert:$ nth 2 times 0
want   www.example.com
run
expect certificate, 1 chains, chain of "Fake Root A", 1 events chain.left_out, 1 orders at ca

story  the main chain is bad: no alternate replaces it
ca     knob alternates 1, fault certificate wrong-cert:other-key times 0
want   www.example.com
run
expect failed "held back", no certificate

story  killed anywhere while chains are fetched: one certificate, all chains
kill here and there
ca     knob alternates 2, knob order_reuse 1
set    main says "chain: Fake Root C"
want   www.example.com
run
run until quiet
run until quiet
expect certificate, 3 chains, chain of "Fake Root C", nothing surplus, 1 certificates at ca

story  each renewal makes a new key
ca     certificates live 9d
want   www.example.com
run
wait   until due
run
expect 2 certificates, another key

story  a key is kept, of whatever kind it is
for    rsa-2048 ecdsa-p384 ecdsa-p256
ca     certificates live 9d
set    main key $
want   www.example.com
run
set    main key keep
run
expect 1 certificates
wait   until due
run
expect 2 certificates, the same key, key $, certificate

story  the first key of a set that keeps is of the usual kind
ca     certificates live 9d
set    main key keep
want   www.example.com
run
expect key ecdsa-p256, certificate
wait   until due
run
expect 2 certificates, the same key, key ecdsa-p256

story  kind and keeping are both said: a key of another kind is replaced, then kept
ca     certificates live 9d
want   www.example.com
run
set    main key ecdsa-p384, says "keep_key: true"
run
expect 2 certificates, another key, key ecdsa-p384
wait   until due
run
expect 3 certificates, the same key, key ecdsa-p384

story  a key that was reported compromised is not kept
set    main key keep
want   www.example.com
run
revoke main
run
expect 2 certificates, another key, certificate, 1 events key.not_kept

story  a kept key is reported compromised while its next order is open: the order is left, the next one has a new key
ca     certificates live 9d
set    main key keep
want   www.example.com
run
wait   until due
ca     validates in 40m, says retry-after 1200s
run
expect 1 certificates, 2 orders at ca
revoke main
wait   20m
ca     validates in 1s, says retry-after 1s
run
expect 2 certificates, another key, certificate, 3 orders at ca, 1 events key.not_kept, 1 events order.given_up, no TXT left

story  killed anywhere while a kept key is renewed
ca     certificates live 9d, knob order_reuse 1
set    main key keep
want   www.example.com
run
wait   until due
kill here and there
run
run until quiet
run until quiet
expect certificate, 2 certificates, the same key

story  the key lives elsewhere: its request comes from a file
for    ecdsa-p256 rsa-2048
set    main request $ www.example.com example.com, says "csr: file:main.csr"
want   example.com, www.example.com
run
expect certificate for example.com www.example.com, foreign key, key $, 1 orders at ca

story  the key lives elsewhere: its request comes from a program that grumbles
set    main request ecdsa-p256 www.example.com, says "csr: exec:show-request main.csr"
want   www.example.com
run
expect certificate, foreign key

story  at renewal the request is read afresh
ca     certificates live 9d
set    main request ecdsa-p256 www.example.com, says "csr: file:main.csr"
want   www.example.com
run
set    main request ecdsa-p384 www.example.com
run
expect 1 certificates, asked nobody
wait   until due
run
expect 2 certificates, foreign key, key ecdsa-p384, another key, certificate

story  a request that must not be sent costs no order
want   www.example.com
set    main request ecdsa-p256 www.example.com mail.example.com, says "csr: file:main.csr"
run
expect failed "it also holds mail.example.com", no certificate, 0 orders at ca
set    main request ecdsa-p256 mail.example.com
run    by hand
expect failed "it lacks www.example.com", 0 orders at ca
set    main says "csr: file:nowhere.csr"
run    by hand
expect failed "nowhere.csr", 0 orders at ca
set    main says "csr: exec:no-such-program"
run    by hand
expect failed "no-such-program", 0 orders at ca
set    main says "csr: exec:show-request nowhere.csr"
run    by hand
expect failed "it said: warning", 0 orders at ca
set    main request ecdsa-p256 www.example.com, says "csr: file:main.csr"
run    by hand
expect certificate, foreign key, 1 orders at ca

story  the key of an account is no key for a certificate
want   www.example.com
run
set    main request by an account www.example.com
set    main says "csr: file:main.csr"
run
expect failed "that of an ACME account", 1 certificates, 1 orders at ca

story  a request whose key was reported compromised is not sent again
want   www.example.com
set    main request ecdsa-p256 www.example.com, says "csr: file:main.csr"
run
revoke main
run
expect failed "reported compromised", 1 certificates, 1 orders at ca
set    main request ecdsa-p256 www.example.com
run    by hand
expect 2 certificates, another key, foreign key, certificate

story  the key moves away and comes back: reissued each time
want   www.example.com
run
set    main request ecdsa-p256 www.example.com, says "csr: file:main.csr"
run
expect 2 certificates, foreign key
set    main says ""
run
expect 3 certificates, another key, certificate

story  killed anywhere on the way of a request: one certificate for its key
kill here and there
ca     knob order_reuse 1
want   www.example.com
set    main request ecdsa-p256 www.example.com, says "csr: exec:show-request main.csr"
run
run until quiet
run until quiet
expect certificate, foreign key, 1 certificates at ca
