# Who says that a TXT record is served, and who is waited for.

story  a fixed wait: nobody is asked, the time passes
config propagation "wait: 90s"
dns    ns2 after 60s
want   www.example.com
run until quiet
expect certificate, 0 failed validations at ca, no TXT left, took at least 90s, 0 events txt.unheard

story  a fixed wait that is too short: the CA finds out
config propagation "wait: 5s"
dns    ns1 after 10h, ns2 after 10h
want   www.example.com
run
expect no certificate, 1 failed validations at ca, no TXT left

story  listed resolvers: what they show counts, whatever the name servers do
config propagation "resolvers: ['127.0.0.12']"
dns    ns1 after 3m, ns2 after 40s
want   www.example.com
ca     validates in 5m
run until quiet
expect certificate, 0 failed validations at ca, no TXT left, took at least 40s

story  listed resolvers: one that is silent does not block
config propagation "resolvers: ['127.0.0.11', '127.0.0.77']"
want   www.example.com
run
expect certificate, no TXT left, 1 events txt.unheard

story  listed resolvers: none shows it, and it is said who answered what
config propagation "resolvers: ['127.0.0.12']", propagation timeout 60s
dns    ns2 after 10h
want   www.example.com
run until quiet
expect failed "is not shown by every resolver", failed "127.0.0.12 answers NXDOMAIN", no certificate, no TXT left

story  a zone has rules of its own
config propagation "zones: [{zone: example.com, wait: 45s}]"
dns    ns1 after 30s, ns2 after 30s
want   www.example.com
run until quiet
expect certificate, 0 failed validations at ca, no TXT left, took at least 45s

story  the rules of one zone are not those of another
config propagation "zones: [{zone: example.net, wait: 30m}]", propagation timeout 60s
dns    ns2 after 10h
want   www.example.com
run until quiet
expect failed "is not shown by every name server", failed "asked last at 20", no certificate, no TXT left

story  a name server is down for good: passed over when enough answer, and told once
dns    4 servers, ns3 is silent, ns4 refuses
want   www.example.com, www.example.net
run
expect certificate, 0 failed validations at ca, no TXT left, 2 events txt.unheard

story  too few name servers answer: not passed over
config propagation "min_answers: all", propagation timeout 60s
dns    ns2 is silent
want   www.example.com
run until quiet
expect failed "1 of 2 answer, at least 2 must", failed "ns2.example.com (127.0.0.12) is silent", no certificate
expect 0 challenge requests at ca, no TXT left

story  too few name servers answer, until another comes back
config propagation "min_answers: 2", propagation timeout 60s
dns    ns2 is silent
want   www.example.com
run
expect no certificate
dns    ns2 answers
run every 1m for 3m
expect certificate, 0 failed validations at ca, no TXT left, 0 events txt.unheard

story  all that answer must show it, however many that are
config propagation "min_answers: 1", propagation timeout 60s
dns    3 servers, ns3 after 10h
want   www.example.com
run until quiet
expect failed "ns3.example.com (127.0.0.13) answers NXDOMAIN", no certificate, no TXT left
