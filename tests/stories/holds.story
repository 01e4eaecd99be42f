# What only a person can change is held, not tried daily; what names are at fault is said of each.

story  a name the CA issues for no kind of: held, and nobody is asked
for    400:unsupportedIdentifier 400:badPublicKey
ca     fault newOrder problem:$:never times 0
want   www.example.com
run
expect no certificate, held "", failed "never", 1 newOrder requests at ca, 1 events set.held
run every 1h for 20d
expect 1 newOrder requests at ca, no certificate, held ""
run
expect postponed 1

story  held until its file changes
ca     fault newOrder problem:400:unsupportedIdentifier:never times 1
want   www.example.com
run
wait   3h
run
expect held "take the name out", 1 newOrder requests at ca
set    main names more.example.com
run
expect certificate for more.example.com, not held, not failed

story  held until chancery.yaml changes
ca     fault newOrder problem:400:badPublicKey:never times 1
want   www.example.com
run
config parallel 7
run
expect certificate, not held, not failed

story  held until the CA offers something else
ca     offers short 6d, fault newOrder problem:400:invalidProfile:gone times 1
want   www.example.com
run
expect held "profile", 1 newOrder requests at ca
run every 6h for 3d
expect 1 newOrder requests at ca
ca     offers short 6d long 90d
run every 6h for 3d
expect certificate, not held, 2 newOrder requests at ca

story  a person has mended it and says so
ca     fault newOrder problem:400:badPublicKey:never times 1
want   www.example.com
run
expect held ""
run retry
expect certificate, not held, not failed

story  --retry forces no renewal that is not due
want   www.example.com
run
run retry
expect 1 certificates, 1 newOrder requests at ca

story  --retry overrides the ladder
ca     fault newOrder problem:403:unauthorized:no times 1
want   www.example.com
run
expect next try in 10m
run retry
expect certificate, not failed

story  a hold survives whatever kills the program
ca     fault newOrder problem:400:badPublicKey:never times 0
want   www.example.com
kill   here and there
run
run every 1h for 6h
expect held "", no certificate, at most 3 newOrder requests at ca

story  names that are paused: the address is shown, and nothing is tried
ca     fault newOrder "problem:429:rateLimited:Your account is paused. Visit https://ca1.test/unpause?jwt=abc" times 0
want   www.example.com
run
expect failed "https://ca1.test/unpause?jwt=abc", held "--retry", 1 newOrder requests at ca
run every 6h for 4d
expect 1 newOrder requests at ca
ca     mends
run retry
expect certificate, not held

story  some of the names are at fault: which, why, and that the others are not
ca     blocks bad.example.com worse.example.com
want   www.example.com, bad.example.com, worse.example.com
run
expect failed "2 of 3 names are at fault", names at fault bad.example.com worse.example.com rejectedIdentifier, 2 events name.refused

story  one authorization of several fails
ca     fault challenge invalid-authz name b.example.com
want   a.example.com, b.example.com, c.example.com
run until quiet
expect failed "the others can be ordered without it", names at fault b.example.com, 1 events name.refused

# What lies parked too long.

story  an order that expires at the CA while it waits: nothing is published for it again, a new one follows
ca     knob order_life_s 3600
dns    ns2 is silent, ns1 says servfail
want   www.example.com
run
expect 1 open orders
wait   2h
dns    ns1 answers, ns2 answers
run
expect 0 open orders, no TXT left, failed "expired at the CA", next try in 1m, 0 challenge requests at ca
wait   until due
run until quiet
expect certificate, 2 orders at ca, no TXT left, nothing surplus

story  answers that are too large: a few tries, not a day of them
ca     issues in 1s, fault order huge times 0
want   www.example.com
run every 10m for 4h
expect failed "given up after 8 tries", no certificate, at most 45 order requests at ca
