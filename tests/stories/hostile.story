# A CA that misbehaves for hours: each fault is told once, what is served stays, nothing is asked without end.

story  issuance never ends: polled as the CA asks, until the step's patience is over, then another order
ca     certificates live 90d
want   www.example.com
run
wait   61d
ca     fault finalize processing-forever, says retry-after 3600s
run
expect 1 events order.waits, 0 events order.retry, 1 open orders, certificate
run every 30m for 20h
expect 1 events order.waits, 0 events order.failed, at most 30 order requests at ca, 1 certificates
ca     mends
run every 30m for 8h
expect 1 events order.waits, 1 events order.failed, certificate, 2 certificates, nothing surplus, no TXT left, not failed

story  a validation never ends
ca     certificates live 90d
want   www.example.com
run
wait   61d
ca     fault challenge processing-forever, says retry-after 600s
run every 10m for 3h
expect 1 events order.waits, 1 events order.failed, certificate, no TXT left, nothing surplus

story  issuance never ends, and the CA does not say when to look again
ca     certificates live 90d, knob retry_after_s -1
want   www.example.com
run
wait   61d
ca     fault finalize processing-forever
run
expect took at most 5m, 1 events order.waits, 1 open orders
run every 10m for 25h
expect 1 events order.failed, at most 400 order requests at ca, certificate

story  valid, but the order never says where the certificate is
ca     certificates live 90d, issues in 1s
want   www.example.com
run
wait   61d
ca     fault order remove:certificate times 0
run every 1h for 30h
expect 1 events order.failed, 1 certificates, at most 200 order requests at ca
ca     mends
wait   until due
run until quiet
expect certificate, not failed, no TXT left

story  the CA asks to wait for ten years: it is asked again after a day
ca     certificates live 90d
want   www.example.com
run
wait   61d
ca     fault newOrder 429 retry-after 315360000 times 0
run every 1h for 72h
expect at most 5 newOrder requests at ca, certificate, 1 certificates, 3 events order.retry
ca     mends
run every 1h for 25h
expect 2 certificates, not failed, nothing surplus

story  Retry-After in forms that say nothing: never within seconds again and again, never for more than a day
for    -1 0 soon 99999999999999999999999 1e9
ca     fault newOrder 429 retry-after $ times 0
want   www.example.com
run every 30m for 6h
expect at most 35 newOrder requests at ca, no certificate
ca     mends
run every 1h for 25h
expect certificate, not failed, nothing surplus

story  Retry-After as a date of the past, or of another age
for    1970 2100
ca     fault newOrder 503 retry-after "Thu, 01 Jan $ 00:00:00 GMT" times 0
want   www.example.com
run every 30m for 6h
expect at most 35 newOrder requests at ca, no certificate
ca     mends
run every 1h for 25h
expect certificate, not failed, nothing surplus

story  the account is paused: a person must act, told once, and the CA is not asked meanwhile
ca     certificates live 90d
want   www.example.com
run
wait   61d
ca     fault newOrder "problem:429:rateLimited:This account is paused, visit https://unpause.example/self" times 0
run
expect 1 events set.held, 0 events order.failed, failed "https://unpause.example/self", certificate
run every 1h for 5d
expect 1 events set.held, at most 3 newOrder requests at ca, certificate, 1 certificates
ca     mends
run retry
expect 2 certificates, not failed, nothing surplus

story  answers that trickle are cut off, and told once
for    newOrder authz challenge order
ca     certificates live 90d, issues in 1s, validates in 1s, knob order_reuse 1
want   www.example.com
run
wait   61d
ca     fault $ slow
run until quiet
expect 1 events order.recovered, 0 events order.failed, certificate, 2 certificates, no TXT left, nothing surplus

story  a reply is lost: told once, and it costs no certificate
for    newOrder authz challenge order finalize certificate
ca     certificates live 90d, issues in 1s, validates in 1s, knob order_reuse 1
want   www.example.com
run
wait   61d
ca     fault $ drop-reply
run until quiet
expect 1 events order.recovered, 0 events order.retry, 0 events order.failed, 2 certificates, 2 orders at ca, nothing surplus, not failed

story  a wrong certificate is told once, as held
for    other-key missing-name extra-name other-names expired future no-chain shuffled wrong-issuer
ca     certificates live 90d
want   www.example.com, example.com
run
wait   61d
ca     fault finalize wrong-cert:$
run until quiet
expect 1 events certificate.held, 0 events order.failed, 0 events order.retry, failed "held back", 1 certificates, no TXT left

story  what cannot be read as a certificate is downloaded again for ten minutes, then held
for    garbage truncated
ca     certificates live 90d
want   www.example.com
run
wait   61d
ca     fault certificate wrong-cert:$ times 0
run every 5m for 20m
expect 1 events certificate.held, 0 events order.failed, 1 certificates, no TXT left

story  an order that is handed out twice serves one set at a time
ca     knob order_reuse 1, fault newOrder drop-reply
want   www.example.com
run until quiet
expect certificate, 1 orders at ca, 1 certificates at ca, 1 events order.recovered

story  orders born ready, and with no authorization to read
ca     knob authz_reuse 100, certificates live 9d
want   www.example.com
run
wait   7d
ca     fault newOrder set:authorizations=[] times 0
run until quiet
expect certificate, 2 certificates, 1 challenge requests at ca, no TXT left, nothing surplus, 0 events order.failed

story  an order that claims to be valid at once, and is not
ca     fault newOrder set:status="valid"
want   www.example.com
run until quiet
expect certificate, 1 orders at ca, no TXT left, nothing surplus

story  a forced renewal that fails is tried again, as its event says
ca     certificates live 90d
want   www.example.com
run
ca     fault newOrder "problem:400:rejectedIdentifier:not today" times 2
run by hand
expect failed "not today", next try in 10m, 1 certificates
wait   until due
run
expect 2 certificates, not failed, nothing surplus
