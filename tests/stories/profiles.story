# Profiles: what a set asks for is what it gets, or nothing.

story  the profile that is asked for
for    short long
ca     offers default 90d short 6d long 45d
set    main profile $
want   www.example.com
run
expect certificate for www.example.com, profile $, not failed
run
expect asked nobody

story  a profile the CA does not offer: nothing is ordered, and what it offers is told
ca     offers classic 90d short 6d
set    main profile shorter
want   www.example.com
run
expect failed "the CA does not offer it: set `profile` to one of classic, short, or leave it out", no certificate
expect 0 orders at ca, 0 newOrder requests at ca, 1 directory requests at ca, no TXT left
run every 1h for 8h
expect 0 orders at ca, 0 newOrder requests at ca

story  a CA without profiles: told, nothing is ordered
set    main profile short
want   www.example.com
run
expect failed "the CA offers no profiles: leave `profile` out", 0 newOrder requests at ca

story  a profile that the CA offers since a moment ago: the directory is fetched again before it is judged
ca     offers classic 90d
want   www.example.com
run
expect certificate, 1 directory requests at ca
wait   1h
ca     offers classic 90d short 6d
set    main profile short
run
expect certificate, profile short, 2 certificates, 2 directory requests at ca, not failed

story  a profile that is no more: what is served stays, and nothing else takes its place
ca     offers classic 90d short 6d
set    main profile short
want   www.example.com
run
ca     offers classic 90d
wait   until due
run
expect certificate, profile short, 1 certificates, 1 orders at ca
expect failed "the CA does not offer it"
ca     offers classic 90d short 6d
wait   until due
run
expect 2 certificates, profile short, not failed

story  the CA takes the order for another profile: nothing is issued
ca     offers classic 90d short 6d
set    main profile short
want   www.example.com
ca     fault newOrder set:profile="classic" times 0
run
expect failed "took the order for profile", no certificate, 0 certificates at ca, no TXT left
ca     mends
wait   until due
run
expect certificate, profile short

story  the directory lists the profile, but the CA refuses it
for    newOrder finalize
ca     offers classic 90d short 6d
set    main profile short
want   www.example.com
ca     fault $ problem:400:invalidProfile:withdrawn times 0
run until quiet
expect failed "invalidProfile: withdrawn", no certificate, 0 certificates at ca, no TXT left, held "profile"
ca     mends
run retry
run until quiet
expect certificate, profile short, not failed

story  from one profile to another, and back
ca     offers classic 90d short 6d
set    main profile classic
want   www.example.com
run
set    main profile short
run
expect profile short, 2 certificates, 1 replaced at ca
set    main profile classic
run
expect profile classic, 3 certificates, 2 replaced at ca
run
expect asked nobody

story  two CAs call it differently: each is asked for its own, and a change of CA is no change of profile
config authorities ca1 ca2
ca1    offers default 90d short 6d
ca2    offers classic 90d brief 6d
set    main says "profiles: {ca1: short, ca2: brief}"
want   www.example.com
ca1    is down
run
expect certificate for www.example.com, issued by ca2, profile brief, 1 certificates, not failed
ca1    is up
run
expect asked nobody
set    main says "profiles: {ca1: short}"
run
expect issued by ca2, profile none, 2 certificates
