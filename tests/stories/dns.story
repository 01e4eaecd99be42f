# Name servers and the provider.

story  one name server lags: the CA is not asked before it shows the value
dns    ns1 shows at once, ns2 after 40s
want   www.example.com
run until quiet
expect certificate, 0 failed validations at ca, no TXT left, took at least 40s

story  one name server is silent: the others are enough
dns    ns2 is silent
want   www.example.com
run
expect certificate, 0 failed validations at ca, no TXT left

story  one name server answers SERVFAIL or REFUSED: the others are enough
for    says_servfail refuses
dns    3 servers, ns3 says servfail, ns2 refuses
want   www.example.com
run
expect certificate, 0 failed validations at ca, no TXT left

story  a name server never shows the value: given up, and said who did not
config propagation timeout 60s
dns    ns2 after 10h
want   www.example.com
run until quiet
expect failed "ns2.example.com (127.0.0.12)", failed "is not shown by every name server", no certificate
expect next try in 1m, no TXT left, 0 challenge requests at ca

story  no name server answers any more: the records go when one is back
want   www.example.com
ca     validates in 5s
dns    ns1 is silent, ns2 is silent
run
expect no certificate, 0 challenge requests at ca
dns    ns1 answers, ns2 answers
run until quiet
expect certificate, no TXT left, 0 failed validations at ca

story  the provider refuses our credentials: nothing else is tried in this run
updates are refused
want   www.example.com
run
expect failed "REFUSED", failed "provider corp", no certificate, failures 1, next try in 1m, 0 challenge requests at ca
updates work
run every 1m for 3m
expect certificate, not failed, no TXT left

story  the provider fails in passing
updates fail
want   www.example.com
run
expect no certificate
updates work
wait   2m
run until quiet
expect certificate, no TXT left

story  updates take effect but their answers are lost
updates are lost
want   example.com, *.example.com
run
expect no certificate
updates work
run until quiet
expect certificate, no TXT left, 1 orders at ca

story  removal is refused: counted, and tried again by later runs
want   www.example.com
ca     validates in 3s
run
expect certificate, no TXT left
want   www.example.com, new.example.com
kill   after finalize
run
updates are refused
run
expect certificate for www.example.com new.example.com, 2 TXT left
updates work
wait   10m
run
expect no TXT left, 2 orders at ca

story  the settle time of a provider passes before the CA is asked
config settle 15s
want   www.example.com
run
expect certificate, took at least 15s, no TXT left

story  the zone is none of ours
set    main names www.example.org
run
expect main has fault "example.org", no certificate, 0 newOrder requests at ca
