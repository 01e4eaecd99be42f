# Revocation: replaced first, then revoked; or at once, and then replaced.

story  the usual order: the replacement is there before the old one is revoked
want   www.example.com
run
revoke main
run
expect certificate, 2 certificates, 2 orders at ca, 1 revoked at ca, 1 events certificate.revoked, nothing surplus
run
expect issued 0, 1 revoked at ca

story  no replacement can be had: nothing is revoked, the wish stands
want   www.example.com
run
revoke main
ca     fault newOrder "problem:403:unauthorized:not today" times 3
run
expect 0 revoked at ca, 1 certificates
wait   12m
run
expect 1 revoked at ca, 2 certificates, certificate

story  at once: revoked though there is no replacement, which follows when it can
want   www.example.com
run
revoke main now
ca     fault newOrder "problem:403:unauthorized:not today" times 1
run
expect 1 revoked at ca, 1 certificates
wait   12m
run
expect 1 revoked at ca, 2 certificates, certificate

story  the CA does not answer the revocation: it is tried again
want   www.example.com
run
revoke main
ca     fault revokeCert 500 times 20
run
expect 0 revoked at ca, 2 certificates
ca     mends
wait   2h
run
expect 1 revoked at ca, 2 certificates, 1 events certificate.revoked

story  revoked in the usual order, killed anywhere
want   www.example.com
run
revoke main
kill everywhere
run
run until quiet
run until quiet
expect certificate, 2 certificates, 1 revoked at ca, 1 events certificate.revoked, no TXT left

story  of two kinds of keys only the one that is revoked is replaced
want   www.example.com
set    main keys ecdsa-p256 rsa-2048
run
revoke main
run
expect keys ecdsa-p256 rsa-2048, 3 certificates, 1 revoked at ca
