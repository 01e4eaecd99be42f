# The straight way.

story  a first certificate
want   www.example.com
run
expect certificate for www.example.com, no TXT left, 1 orders at ca, not failed, issued 1, 0 open orders
expect 1 certificates, nothing surplus, 0 failed validations at ca
expect at most 9 newNonce requests at ca

story  a name and its wildcard share one challenge name
clock  2030-01-01T00:00        ca issues in 2s, says retry-after 5s
dns    ns1 shows at once, ns2 after 40s
want   www.example.com, *.www.example.com
run until quiet
expect certificate for www.example.com *.www.example.com, no TXT left, 1 orders at ca, 0 failed validations at ca

story  a second run has nothing to do and asks nobody
want   www.example.com
run
wait   1h
run
expect issued 0, asked nobody, 1 orders at ca, at most 0 commits

story  a hundred names are one order
ca     validates in 1s, issues in 2s
want   100 names
run
expect certificate, 1 orders at ca, 1 newOrder requests at ca, 100 challenge requests at ca, no TXT left, 0 failed validations at ca
expect at most 40 newNonce requests at ca, took at most 30s

story  names whose authorizations are still valid are not proved again
ca     knob authz_reuse 100
want   www.example.com, mail.example.com
run
want   www.example.com, mail.example.com, new.example.com
run
expect certificate for www.example.com mail.example.com new.example.com, 2 certificates
expect 2 orders at ca, 3 challenge requests at ca, no TXT left

story  every authorization is reused: no TXT record is needed
ca     knob authz_reuse 100
want   www.example.com
run
updates are refused
run by hand
expect 2 certificates, 2 orders at ca, 1 challenge requests at ca, issued 1

story  keys of each kind
for    ecdsa-p256 ecdsa-p384 rsa-2048
set    main key $
want   www.example.com
run
expect certificate for www.example.com, key $, no TXT left

story  values of others at the challenge name stay
dns    holds not-ours at _acme-challenge.www.example.com
want   www.example.com
run
expect certificate, no TXT left, 1 foreign TXT

story  the challenge name is a CNAME into another zone
dns    _acme-challenge.www.example.com is an alias of www.proofs.example.net
want   www.example.com
run
expect certificate, no TXT left, 0 failed validations at ca

story  a set names its alias itself
dns    _acme-challenge.www.example.com is an alias of proofs.example.net
set    main alias proofs.example.net
want   www.example.com
run
expect certificate, no TXT left, 0 failed validations at ca

story  a program of the administrator changes the zone, one record a run
config provider exec
want   www.example.com, *.www.example.com, mail.example.com
run
expect certificate, no TXT left, 1 orders at ca

story  URLs with queries are taken as they are
ca     knob odd_urls 1
want   www.example.com
run
expect certificate, no TXT left

story  several sets at once, at two CAs
want   www.example.com
set    shop names shop.example.com *.shop.example.com
set    mail names mail.example.net, authority ca2, key ecdsa-p384
run
expect certificate for www.example.com, certificate of shop for shop.example.com *.shop.example.com
expect certificate of mail for mail.example.net, 2 orders at ca1, 1 orders at ca2, no TXT left, nothing surplus

story  only so many orders are in flight, the others follow in the same run
config parallel 2
ca     validates in 3s
want   www.example.com
set    a names a.example.com
set    b names b.example.com
set    c names c.example.com
set    d names d.example.com
run
expect certificate of a for a.example.com, certificate of b for b.example.com, certificate of c for c.example.com
expect certificate of d for d.example.com, certificate for www.example.com, issued 5, took at least 6s

story  slices are short while others wait for the store: one order a turn, and all come through
slices are short
ca     validates in 3s
want   www.example.com
set    a names a.example.com
set    b names b.example.com
set    c names c.example.com *.c.example.com
run
expect certificate of a for a.example.com, certificate of b for b.example.com, certificate of c for c.example.com *.c.example.com
expect certificate for www.example.com, issued 4, took at most 1m, no TXT left, nothing surplus, 4 orders at ca

story  slices are short, and a run dies at each third point
kill here and there
slices are short
ca     knob order_reuse 1
want   www.example.com
set    a names a.example.com
run
run until quiet
run until quiet
expect certificate for www.example.com, certificate of a for a.example.com, no TXT left, nothing surplus, 0 open orders
