# Renewal information (RFC 9773): the CA says when it wants a certificate renewed.

story  asked right after issuance, once, and then nobody is asked again
want   www.example.com
run
expect certificate, 1 renewalInfo requests at ca, rule ari, due at 65 to 68 percent
run
expect asked nobody, at most 0 commits, 1 renewalInfo requests at ca
wait   5h
run
expect asked nobody, 1 renewalInfo requests at ca

story  asked by Retry-After, from a day to a minute, as many times as that is due
for    1 60 21600 86400 8640000
ca     knob ari_retry_s $
want   www.example.com
run
wait   59s
run
expect asked nobody
wait   26h
run
expect 2 renewalInfo requests at ca, rule ari, 1 certificates

story  the window is followed: late or early
for    300 500 700 850
ca     knob ari_at_pm $
want   www.example.com
run
expect rule ari
wait   until due
run
expect 2 certificates, 1 replaced at ca, nothing surplus, 2 orders at ca

story  the window is in the past: renewed in the same run, once, though nothing else changed
want   www.example.com
run
wait   20d
ca     knob ari_now 2
run
expect 2 certificates, 2 orders at ca, 1 replaced at ca, nothing surplus, rule ari, 1 events renewal.moved
run
expect asked nobody, 2 orders at ca, at most 0 commits
run every 12h for 5d
expect 2 orders at ca

story  a window that moves: drawn anew, told, and kept while it stays
want   www.example.com
run
expect due at 65 to 68 percent
ca     knob ari_at_pm 500
run every 12h for 2d
expect due at 48 to 52 percent, 1 events renewal.moved, plan says "the CA asks for it between", 1 certificates
run every 12h for 5d
expect 1 events renewal.moved, 1 certificates

story  a CA that calls back every certificate at once: no quota is burnt
ca     knob ari_now 1
want   www.example.com
run
expect 2 certificates, 2 orders at ca
run every 1h for 24h
expect 2 orders at ca
run every 1h for 14d
expect at most 13 orders at ca, plan says "/incident/1"
ca     knob ari_now 0
run every 1h for 4d
expect never expired, at most 14 orders at ca, due at 65 to 68 percent

story  what is no answer leaves the decision to the fraction of life
for    ari-inverted ari-future 404 500 503 garbage empty drop-reply set:suggestedWindow={} html huge
ca     fault renewalInfo $ times 0
want   www.example.com
run
expect certificate, rule life, due at 65 to 67 percent, plan says "2/3 of its life", 1 orders at ca, not failed
run every 6h for 3d
expect rule life, 1 orders at ca, at most 20 renewalInfo requests at ca
wait   until due
run
expect 2 certificates, 2 orders at ca, nothing surplus

story  no Retry-After: the window counts, the next look is six hours later
ca     fault renewalInfo no-header:retry-after times 0
want   www.example.com
run
expect rule ari, 1 renewalInfo requests at ca
wait   5h
run
expect 1 renewalInfo requests at ca
wait   2h
run
expect 2 renewalInfo requests at ca, rule ari

story  a passing fault: asked again soon, then less and less often
ca     fault renewalInfo 503 times 0
want   www.example.com
run every 1m for 1h
expect at most 7 renewalInfo requests at ca, rule life
run every 10m for 24h
expect at most 14 renewalInfo requests at ca, rule life, 1 orders at ca
ca     mends
run every 10m for 8h
expect rule ari, 1 orders at ca

story  a window that is known is kept while the CA is silent
want   www.example.com
run
expect rule ari
ca     fault renewalInfo 500 times 0
run every 12h for 50d
expect rule ari, 1 orders at ca
run every 12h for 30d
expect 2 certificates, 1 replaced at ca, 2 orders at ca

story  trouble with renewalInfo is no trouble with orders
ca     fault renewalInfo drop-reply times 0
want   www.example.com
set    a names a.example.com
set    b names b.example.com
set    c names c.example.com
run
run every 1m for 30m
want   www.example.com, mail.example.com
run
expect certificate for www.example.com mail.example.com, issued 1

story  a CA without renewalInfo is not asked, and hears of no predecessor
ca     knob ari 0
want   www.example.com
run
expect rule life, 0 renewalInfo requests at ca
wait   until due
run every 12h for 30d
expect 2 certificates, 0 replaced at ca, 0 renewalInfo requests at ca

story  the predecessor is named only to the CA that issued it
set    main authority ca1
want   www.example.com
run
set    main authority ca2
run
expect 2 certificates, issued by ca2, 0 replaced at ca1, 1 orders at ca2, 1 newOrder requests at ca2

story  any refusal of the predecessor: placed once more without it
for    400:malformed 401:unauthorized 403:unauthorized 404:malformed 409:alreadyReplaced 409:conflict 500:serverInternal
want   www.example.com
run
ca     fault newOrder problem:$ times 1
run by hand
expect 2 certificates, 3 newOrder requests at ca, 2 orders at ca, 0 replaced at ca, not failed

story  a refusal that lasts is not repeated without end
want   www.example.com
run
ca     fault newOrder problem:403:unauthorized times 0
run by hand
expect failures 1, 3 newOrder requests at ca, 1 orders at ca

story  what was replaced, or has expired, is not asked about
ca     certificates live 9d
ca     knob ari_retry_s 3600
want   www.example.com
run
want   www.example.com, mail.example.com
run
expect 2 certificates, 2 renewalInfo requests at ca
ca     knob ari_retry_s 86400
run every 1h for 3h
expect 3 renewalInfo requests at ca
set    main is broken
wait   10d
run
wait   1d
run
expect 3 renewalInfo requests at ca

story  the set is gone: nobody is asked about it
want   www.example.com
run
set    main is removed
run every 12h for 10d
expect 1 renewalInfo requests at ca, 1 orders at ca

story  killed anywhere around the question: asked again soon, and never a second certificate
kill   everywhere
want   www.example.com
run
run every 1m for 5m
expect certificate, rule ari, 1 certificates, nothing surplus, no TXT left, at most 3 renewalInfo requests at ca

story  killed anywhere while the CA calls back: one renewal
want   www.example.com
run
wait   20d
ca     knob ari_now 2
kill   everywhere
run
run every 1m for 5m
expect 2 certificates, nothing surplus, rule ari, no TXT left

story  many due looks in one run, over one connection's worth of patience
want   www.example.com
set    a names a.example.com
set    b names b.example.com
set    c names c.example.com
set    d names d.example.com
set    e names e.example.com
run
expect 6 renewalInfo requests at ca
wait   7h
run
expect 12 renewalInfo requests at ca, took at most 1s

story  a set with two kinds of keys: each certificate is asked about, and each that is called back is replaced
set    main keys ecdsa-p256 rsa-2048
want   www.example.com
run
expect 2 certificates, 2 renewalInfo requests at ca
wait   20d
ca     knob ari_now 2
run every 1m for 5m
expect 4 certificates, 2 replaced at ca, nothing surplus, keys ecdsa-p256 rsa-2048
