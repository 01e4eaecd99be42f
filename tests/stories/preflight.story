# What the CA would refuse is seen before it is asked.

story  CAA names another CA: no challenge is answered, and the text says what to change
caa    of example.com 0 issue "other.test"
want   www.example.com
run
expect no certificate, 0 challenge requests at ca, 0 failed validations at ca, no TXT left, 0 open orders
expect failed "www.example.com: CAA of example.com: 0 issue", failed "does not permit ca.test to issue"
expect failed "add `example.com. CAA 0 issue", failed "ca.test; accounturi=https://ca1.test/acme/account/"
caa    of example.com is gone
run by hand
expect certificate, not failed, no TXT left

story  CAA names our CA: no hindrance, and no request more
caa    of example.com 0 issue "ca.test"
want   example.com, *.example.com
run
expect certificate, not failed, no TXT left, 0 failed validations at ca, 0 events preflight.unknown

story  the records of the name itself count, not those of its parents
caa    of example.com 0 issue "other.test", of www.example.com 0 issue "ca.test; validationmethods=dns-01"
want   www.example.com
run
expect certificate, not failed

story  issuewild forbids the wildcard, though issue permits the name
caa    of example.com 0 issue "ca.test", of example.com 0 issuewild "other.test"
want   example.com, *.example.com
run
expect no certificate, 0 challenge requests at ca, no TXT left
expect failed "*.example.com: CAA of example.com: 0 issuewild", failed "to issue wildcards"

story  only the other kind of validation is permitted
caa    of example.com 0 issue "ca.test; validationmethods=http-01"
want   www.example.com
run
expect no certificate, 0 challenge requests at ca, failed "does not permit dns-01", no TXT left

story  a critical record that nobody knows forbids every CA
caa    of example.com 128 future "x"
want   www.example.com
run
expect no certificate, 0 challenge requests at ca, failed "is marked critical", no TXT left

story  the record of another account is seen before an authorization is lost
want   www.example.com
run
expect certificate
caa    of example.com 0 issue "ca.test; accounturi=https://ca1.test/acme/account/999"
run by hand
expect failed "permits another account than ours, https://ca1.test/acme/account/", 1 certificates, no TXT left
caa    of example.com is gone
caa    of example.com for our account
run by hand
expect 2 certificates, not failed, 0 failed validations at ca

story  a CNAME is followed, the parents of its end are not asked
dns    www.example.com is an alias of edge.example.net
caa    of example.net 0 issue "other.test", of example.com 0 issue "ca.test"
want   www.example.com
run
expect certificate, not failed

story  what stands at the end of a CNAME counts
dns    www.example.com is an alias of edge.example.net
caa    of edge.example.net 0 issue "other.test"
want   www.example.com
run
expect no certificate, 0 challenge requests at ca
expect failed "CAA of www.example.com (a CNAME to edge.example.net)", failed "add `edge.example.net. CAA", no TXT left

story  one name of many is forbidden: told with the count of the others
caa    of bad1.example.com 0 issue ";", of bad2.example.com 0 issue ";"
want   www.example.com, bad1.example.com, bad2.example.com
run
expect no certificate, failed "bad1.example.com: CAA of bad1.example.com", failed "(and 1 name more)", no TXT left

story  questions for CAA are not answered: the CA decides, and the order is late by seconds only
caa    of example.com 0 issue "other.test", questions are not answered
want   www.example.com
run
expect certificate, not failed, no TXT left, took at most 15s, 1 events preflight.unknown

story  every server says SERVFAIL to CAA: the CA decides
caa    questions meet servfail
want   www.example.com
run
expect certificate, not failed, no TXT left, took at most 10s, 1 events preflight.unknown

story  the setting of the authority turns it off
caa    of example.com 0 issue "other.test", is ignored
want   www.example.com
run
expect certificate, not failed

story  a bogus zone is refused before it costs a failed authorization
dnssec of example.com is bogus
want   www.example.com
run
expect no certificate, 0 challenge requests at ca, 0 failed validations at ca, no TXT left, 0 open orders
expect failed "DNSSEC of example.com is bogus (signature expired)", failed "mend the DS at its parent"
dnssec is in order
run by hand
expect certificate, not failed

story  the resolver finds nobody: no obstacle, and asked once a run only
dnssec cannot be judged
want   www.example.com, www.example.net
run
expect certificate, not failed, took at most 10s

story  a kill does not lose the verdict: it is looked for again
caa    of example.com 0 issue "other.test"
want   www.example.com
kill everywhere
run
run
wait 2h
run until quiet
expect no certificate, 0 challenge requests at ca, no TXT left, 0 open orders

story  a fallback waits for the verdict before it orders: what CAA forbids is not even placed there
config authorities ca1 ca2
ca1    is down
caa    of example.com 0 issue "other.test"
want   www.example.com
run
expect no certificate, 0 newOrder requests at ca2, no TXT left, 0 open orders

story  a fallback whose CAA fits issues, after the verdict
config authorities ca1 ca2
ca1    is down
caa    of example.com 0 issue "ca.test"
want   www.example.com
run
expect certificate, issued by ca2, 1 newOrder requests at ca2, not failed
