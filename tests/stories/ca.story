# CAs in trouble.

story  the CA is down, then up
ca     is down
want   www.example.com
run
expect no certificate, 0 orders at ca
run every 1m for 10m
expect no certificate
ca     is up
run every 1m for 2h
expect certificate, 1 orders at ca, no TXT left

story  the CA swallows every connection
ca     is silent
want   www.example.com
run
expect no certificate
ca     is up
run every 10m for 3h
expect certificate, 1 orders at ca, no TXT left

story  nonces are refused in storms
ca     knob nonce_reject 40, validates in 1s, issues in 1s
want   40 names
run until quiet
expect certificate, 1 orders at ca, no TXT left

story  every nonce is refused for a while: an order is not lost
ca     knob nonce_reject 100
want   www.example.com
run
expect no certificate, 0 orders at ca
ca     knob nonce_reject 0
run every 1m for 2h
expect certificate, 1 orders at ca

story  newNonce fails for a while and many wait for nonces: no hail of requests
for    503 html no-header:replay-nonce drop-reply drop-request
ca     fault newNonce $ times 0, certificates live 1h
want   www.example.com
set    a names a.example.com
set    b names b.example.com
set    c names c.example.com
run
expect no certificate, at most 30 newNonce requests at ca
ca     mends
run every 1m for 2h
expect certificate, certificate of c for c.example.com, no TXT left, nothing surplus

story  429 with seconds: asked again when the time has come
ca     fault newOrder 429 retry-after 3600
want   www.example.com
run
expect no certificate, 1 newOrder requests at ca, throttled 1
wait   30m
run
expect 1 newOrder requests at ca, no certificate
wait   31m
run until quiet
expect certificate, 1 orders at ca

story  429 with a date
ca     fault newOrder 429 retry-after "Tue, 01 Jan 2030 02:00:00 GMT"
want   www.example.com
run
expect no certificate, throttled 1
wait   until 2030-01-01T01:59
run
expect 1 newOrder requests at ca
wait   until 2030-01-01T02:00:05Z
run until quiet
expect certificate, 1 orders at ca

story  a short 429 is waited for inside the run
ca     fault newOrder 429 retry-after 5
want   www.example.com
run
expect certificate, took at least 5s, issued 1

story  503 at each kind of request, three times
for    directory newNonce newAccount newOrder authz challenge order finalize certificate
ca     fault $ 503 times 3, validates in 1s, issues in 1s
want   example.com, *.example.com
run until quiet
expect certificate, at most 1 certificates at ca, no TXT left, nothing surplus, not failed

story  the reply to each kind of request is lost
for    directory newNonce newAccount authz challenge order finalize certificate
ca     fault $ drop-reply, validates in 1s, issues in 1s
want   example.com, *.example.com
run until quiet
expect certificate, 1 orders at ca, 1 certificates at ca, no TXT left, nothing surplus, not failed

story  the reply to newOrder is lost: at worst one order nobody finalizes, and none where the CA reuses
ca     fault newOrder drop-reply, knob order_reuse 1
want   www.example.com
run until quiet
expect certificate, 1 orders at ca, 1 certificates at ca, no TXT left

story  the body of each reply breaks in the middle
for    directory newAccount authz challenge order finalize certificate
ca     fault $ truncate, validates in 1s, issues in 1s
want   www.example.com
run until quiet
expect certificate, 1 orders at ca, 1 certificates at ca, no TXT left, nothing surplus

story  a certificate's bytes are spoiled on their way: downloaded again, not ordered again
for    garbage cut-body nul wrong-cert:garbage wrong-cert:truncated
ca     fault certificate $ times 2
want   www.example.com
run
expect certificate, 1 orders at ca, 1 certificates at ca, no TXT left, not failed

story  a load balancer answers with HTML
for    directory newOrder authz challenge order finalize certificate
ca     fault $ html times 2, validates in 1s, issues in 1s
want   www.example.com
run until quiet
expect certificate, 1 certificates at ca, no TXT left, nothing surplus

story  issuance takes an hour: the run does not wait for it, later ones fetch
ca     issues in 1h, says retry-after 600s
want   www.example.com
run
expect took at most 2m, no certificate, 1 open orders
run every 5m for 80m
expect certificate, no TXT left, 1 orders at ca, 1 finalize requests at ca, nothing surplus

story  issuance takes an hour, says a date
ca     issues in 1h, says retry-after 600s as a date
want   www.example.com
run every 5m for 80m
expect certificate, 1 orders at ca, 1 finalize requests at ca, at most 20 order requests at ca

story  validation takes ten minutes
ca     validates in 10m, says retry-after 30s
want   www.example.com
run until quiet
expect certificate, 1 orders at ca, no TXT left, 1 challenge requests at ca

story  one name of several cannot be validated: said which and why
ca     fault challenge invalid-authz name b.example.com
want   a.example.com, b.example.com, c.example.com
run until quiet
expect failed "b.example.com", no certificate, no TXT left, next try in 10m, 0 finalize requests at ca
ca     mends
wait   until due
run
expect certificate for a.example.com b.example.com c.example.com, not failed, no TXT left

story  the CA refuses a name by policy
ca     blocks bad.example.com
want   www.example.com, bad.example.com
run
expect failed "bad.example.com", no certificate, next try in 10m, no TXT left

story  the CA calls the order invalid at the end
ca     fault finalize invalid-order
want   www.example.com
run until quiet
expect no certificate, no TXT left, next try in 1m
wait   until due
run
expect certificate, 2 orders at ca, not failed

story  the CA forgets the order while it validates
ca     validates in 10m, says retry-after 60s
want   www.example.com
run
ca     forgets orders, validates in 0s
run until quiet
wait   until due
run until quiet
expect certificate, no TXT left, not failed, nothing surplus

story  the CA forgets our account: it is registered again, and the order goes on
want   www.example.com
run
ca     forgets accounts
run by hand
run until quiet
expect 2 certificates, not failed, 1 events account.lost

story  the CA offers no dns-01 challenge
ca     fault authz no-challenge times 0
want   www.example.com
run until quiet
expect failed "no dns-01 challenge", no certificate, no TXT left

story  a person must do something at the CA
ca     fault newOrder "problem:403:userActionRequired:new terms"
want   www.example.com
run
expect put off "new terms", no certificate, 1 events account.terms

story  what somebody must set right is tried again slowly
ca     fault newOrder "problem:403:unauthorized:not today" times 0
want   www.example.com
run
expect next try in 10m
wait   until due
run
expect next try in 100m
wait   until due
run
expect next try in 24h, 3 newOrder requests at ca

story  the ladder of retries
ca     fault newOrder "problem:409:conflict:not today" times 0
want   www.example.com
run
expect next try in 1m
wait   until due
run
expect next try in 10m
wait   until due
run
expect next try in 100m
wait   until due
run
expect next try in 24h
wait   until due
run
expect next try in 24h, 5 newOrder requests at ca
ca     mends
wait   until due
run
expect certificate, not failed

story  between the tries nobody is asked
ca     fault newOrder "problem:403:unauthorized:not today" times 0
want   www.example.com
run every 5m for 24h
expect at most 5 newOrder requests at ca, no certificate

story  another CA takes over by configuration: the account there is made
ca1    is down
want   www.example.com
run
expect no certificate
set    main authority ca2
run every 1m for 1h
expect certificate, issued by ca2, no TXT left

story  answers that flood or trickle
for    huge slow many-headers garbage nul duplicate-key cut-body
ca     fault authz $, validates in 1s
want   www.example.com
run every 1m for 3h
expect certificate, no TXT left, nothing surplus
