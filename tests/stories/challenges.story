# dns-account-01 and dns-persist-01.

story  dns-account-01: a value below a label of the account's own, gone afterwards
ca     knob challenges 7
set    main challenge dns-account-01
want   example.com, *.example.com, mail.example.net
run
expect certificate for example.com *.example.com mail.example.net, no TXT left, 0 failed validations at ca, 1 orders at ca

story  dns-account-01 where a CNAME leads away
ca     knob challenges 2
dns    _acme-challenge.www.example.com is an alias of elsewhere.example.net
set    main challenge dns-account-01
want   www.example.com
run
expect certificate, no TXT left, 0 failed validations at ca

story  a CA that does not offer what the set wants says what it offers
for    dns-account-01 dns-persist-01
set    main challenge $
want   www.example.com
run
expect failed "no $ challenge", no certificate, no TXT left
expect failed "http-01, dns-01"

story  dns-persist-01: the record that is missing is told, and nothing is answered
for    0 1
ca     knob challenges 7, knob persist_form $
set    main challenge dns-persist-01
want   www.example.com
run
expect no certificate, failed "no standing record at _validation-persist.www.example.com", 0 challenge requests at ca
expect failed "ca.test; accounturi=https://ca1.test/acme/account/1", failed "chancery persist main --publish", no TXT left

story  dns-persist-01: what a person published serves every order, and nothing is changed in DNS
for    0 1
ca     knob challenges 7, knob persist_form $, certificates live 90d
dns    holds "ca.test; accounturi=https://ca1.test/acme/account/1" at _validation-persist.www.example.com
set    main challenge dns-persist-01
want   www.example.com
updates are refused
run
expect certificate, 0 failed validations at ca, 1 foreign TXT
wait   70d
run
expect 2 certificates, 2 orders at ca, 0 failed validations at ca, 1 foreign TXT

story  dns-persist-01: a record that does not fit is told with its reason
ca     knob challenges 7
dns    holds "ca.test; accounturi=https://ca1.test/acme/account/1" at _validation-persist.example.com
dns    holds "v=spf1 -all" at _validation-persist.example.com
set    main challenge dns-persist-01
want   example.com, *.example.com
run
expect no certificate, failed "lacks policy=wildcard", 0 challenge requests at ca
dns    holds "ca.test; accounturi=https://ca1.test/acme/account/1; policy=wildcard" at _validation-persist.example.com
wait   until due
run
expect certificate for example.com *.example.com, not failed, 0 failed validations at ca

story  dns-persist-01: a record whose time is over
ca     knob challenges 7
dns    holds "ca.test; accounturi=https://ca1.test/acme/account/1; persistUntil=1893456000" at _validation-persist.www.example.com
set    main challenge dns-persist-01
want   www.example.com
run
expect no certificate, failed "persistUntil"

story  dns-persist-01: of several records one fits, and a second name of the CA will do
ca     knob challenges 7, knob persist_form 1
dns    holds "big.test; accounturi=https://big.test/1" at _validation-persist.www.example.com
dns    holds "ca.test; accounturi=https://ca1.test/acme/account/7" at _validation-persist.www.example.com
dns    holds "ca.test; policy=wildcard; accounturi=https://ca1.test/acme/account/1; new=thing" at _validation-persist.www.example.com
set    main challenge dns-persist-01
want   www.example.com
run
expect certificate, 3 foreign TXT, 0 failed validations at ca

story  dns-persist-01: one name server lags behind: waited for, not failed
ca     knob challenges 7
dns    ns2 after 20s
set    main challenge dns-persist-01
dns    holds "ca.test; accounturi=https://ca1.test/acme/account/1" at _validation-persist.www.example.com
want   www.example.com
run until quiet
expect certificate, not failed, 1 orders at ca, 0 failed validations at ca

story  dns-persist-01: the record lies behind a CNAME, in a zone that no provider of ours serves
ca     knob challenges 7
dns    _validation-persist.www.example.com is an alias of proofs.example.org
dns    holds "ca.test; accounturi=https://ca1.test/acme/account/1" at proofs.example.org
set    main challenge dns-persist-01
want   www.example.com
run
expect certificate, 0 failed validations at ca

story  dns-persist-01: name servers that say nothing are asked again
ca     knob challenges 7
dns    holds "ca.test; accounturi=https://ca1.test/acme/account/1" at _validation-persist.www.example.com
dns    ns1 is silent, ns2 is silent
set    main challenge dns-persist-01
want   www.example.com
run
expect no certificate, 1 open orders
dns    ns1 answers, ns2 answers
run until quiet
expect certificate, 1 orders at ca

story  dns-persist-01: killed anywhere
kill here and there
ca     knob challenges 7, validates in 1s, issues in 1s
dns    holds "ca.test; accounturi=https://ca1.test/acme/account/1; policy=wildcard" at _validation-persist.example.com
set    main challenge dns-persist-01
want   example.com, *.example.com
run
run until quiet
run until quiet
expect certificate, at most 1 certificates at ca, 1 foreign TXT, 0 failed validations at ca

story  dns-account-01: killed anywhere
kill here and there
ca     knob challenges 7, validates in 1s, issues in 1s
set    main challenge dns-account-01
want   example.com, *.example.com
run
run until quiet
run until quiet
expect certificate, at most 1 certificates at ca, no TXT left, nothing surplus

story  persist: published once, it serves two certificates; removed, none
for    0 1 2
ca     knob challenges 7, knob persist_form $
set    main challenge dns-persist-01
want   example.com, *.example.com, mail.example.net
persist main for 400d
expect 2 TXT left, 2 events txt.stands
run
expect certificate for example.com *.example.com mail.example.net, 2 TXT left, 0 failed validations at ca, 1 orders at ca
wait   70d
run
expect 2 certificates, 2 TXT left, 2 orders at ca
persist main
expect 2 TXT left
persist main removed
expect 0 TXT left, no TXT left
run by hand
expect failed "no standing record", 2 certificates

story  persist: the CA turns to the new draft: told, published anew, and the old record goes
ca     knob challenges 7
dns    holds not-ours at _validation-persist.www.example.com
set    main challenge dns-persist-01
want   www.example.com
persist main
run
expect certificate, 1 TXT left
ca     knob persist_form 2
wait   70d
run
expect failed "names another account", failed "accounturi=acct:sha-256/", 1 certificates
persist main
expect 1 TXT left, 1 foreign TXT, 2 events txt.stands, 1 events txt.unstands
run
expect 2 certificates, not failed, 1 TXT left

story  persist: a set that failed for want of its record is taken up at once
ca     knob challenges 7
set    main challenge dns-persist-01
want   www.example.com
run
run by hand
expect failed "no standing record", next try in 10m
persist main
run
expect certificate, not failed

story  persist: near its end a record gets another life, and the old one goes
ca     knob challenges 7
set    main challenge dns-persist-01
want   www.example.com
persist main for 100d
wait   30d
persist main
expect 1 TXT left, 1 events txt.stands, 0 events txt.unstands
wait   60d
persist main
expect 1 TXT left, 2 events txt.stands, 1 events txt.unstands
wait   50d
run
expect certificate, 0 failed validations at ca

story  persist: two sets stand on one record: the first that goes leaves it
ca     knob challenges 7
want   example.com, *.example.com
set    main challenge dns-persist-01
set    other names example.com *.example.com mail.example.net, challenge dns-persist-01
persist main
persist other
expect 2 TXT left
persist main removed
expect 2 TXT left
persist other removed
expect 0 TXT left, no TXT left

story  persist: killed anywhere, repeated: one record, and no run removes it
kill here and there
ca     knob challenges 7
dns    holds not-ours at _validation-persist.example.com
set    main challenge dns-persist-01
want   example.com, *.example.com
persist main for 400d
persist main for 400d
run
run until quiet
expect certificate, 1 TXT left, 1 foreign TXT, 0 failed validations at ca

story  persist: its removal killed anywhere, repeated
ca     knob challenges 7
dns    holds not-ours at _validation-persist.www.example.com
set    main challenge dns-persist-01
want   www.example.com
persist main
kill everywhere
persist main removed
persist main removed
expect 0 TXT left, 1 foreign TXT

story  persist: the provider refuses: told, nothing is half done
ca     knob challenges 7
set    main challenge dns-persist-01
want   www.example.com
updates are refused
persist main
expect error "REFUSED", 0 TXT left
updates work
persist main
run
expect certificate, 1 TXT left

story  persist: with an alias all names of a set share a record
ca     knob challenges 7
dns    _validation-persist.a.example.com is an alias of proofs.example.net
dns    _validation-persist.b.example.com is an alias of proofs.example.net
set    main challenge dns-persist-01, alias proofs.example.net
want   a.example.com, b.example.com
persist main
run
expect certificate, 1 TXT left, 0 failed validations at ca
persist main removed
expect 0 TXT left

story  persist: the account's key is rolled: a record bound to the key is published anew
ca     knob challenges 7, knob persist_form 2
set    main challenge dns-persist-01
want   www.example.com
persist main
run
account rolls
run by hand
expect failed "names another account", 1 certificates, 1 TXT left
persist main
expect 1 TXT left, 2 events txt.stands, 1 events txt.unstands
run
expect 2 certificates, not failed

story  persist: the account's key is rolled: a record that names the account stays good
for    0 1
ca     knob challenges 7, knob persist_form $
set    main challenge dns-persist-01
want   www.example.com
persist main
run
account rolls
run by hand
expect 2 certificates, not failed, 1 TXT left

story  persist: two CAs, a record for each side by side
ca1    knob challenges 7, knob persist_form 1
ca2    knob challenges 7, knob persist_form 2
set    main challenge dns-persist-01, authority "ca1, ca2"
want   www.example.com
persist main
expect 2 TXT left
run
set    main authority "ca2, ca1"
run by hand
expect 2 certificates, issued by ca2, 2 TXT left, 0 failed validations at ca1, 0 failed validations at ca2

story  dns-persist-01: a set may change its mind while an order is open
ca     knob challenges 7, validates in 1h, says retry-after 600s
want   www.example.com
run
set    main challenge dns-persist-01
run every 10m for 2h
expect certificate, 1 orders at ca, no TXT left
