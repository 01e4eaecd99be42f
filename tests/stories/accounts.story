# Accounts: what a person must see to, and what must never be asked twice.

story  a person must act at the CA: everything there waits, told once, and goes on after agreement
ca     fault newOrder "problem:403:userActionRequired:new terms" times 0, certificates live 90d
want   www.example.com
set    a names a.example.com
set    b names b.example.com
run
expect no certificate, 1 events account.terms, put off "new terms", not failed, 0 events order.failed, 0 events order.retry
run
expect asked nobody, at most 0 commits, postponed 3
run every 2h for 30h
expect at most 3 newOrder requests at ca, 1 events account.terms, postponed 3, 1 newAccount requests at ca
ca     mends
run every 2h for 30h
expect at most 3 newOrder requests at ca, no certificate
account agrees
run until quiet
expect certificate, certificate of b for b.example.com, 1 events account.resumed, 1 accounts at ca, nothing surplus

story  a changed configuration ends the hold
ca     fault newOrder "problem:403:userActionRequired:new terms" times 0
want   www.example.com
run
ca     mends
run every 1h for 3h
expect no certificate
config contact mailto:other@example.com
run
expect certificate, 1 events account.terms, 1 events account.resumed, 1 orders at ca

story  by hand nobody gets around a hold, and registering again ends it
ca     fault newOrder "problem:403:userActionRequired:new terms" times 1
want   www.example.com
run
run by hand
expect no certificate, 1 newOrder requests at ca, 1 events account.terms
account registers
run by hand
expect certificate, 1 accounts at ca, 2 newOrder requests at ca, 1 orders at ca

story  terms were not agreed to: held before a key is made, gone with the setting
config terms refuses
want   www.example.com
run every 15m for 3h
expect no certificate, 1 events account.terms, 0 newAccount requests at ca, 0 newOrder requests at ca, not failed
config terms agrees
run
expect certificate, 1 events account.resumed

story  newAccount is refused by policy: one event, however many sets
for    badPublicKey invalidContact rejectedIdentifier
ca     fault newAccount "problem:400:$:no" times 0
want   www.example.com
set    a names a.example.com
set    b names b.example.com
run every 4h for 20h
expect no certificate, 1 events account.failed, 1 newAccount requests at ca, not failed
ca     mends
config contact mailto:other@example.com
run
expect certificate, certificate of a for a.example.com

story  the CA is down: nothing is held
ca     fault newAccount 500 times 2
want   www.example.com
run until quiet
expect certificate, 0 events account.failed, 0 events account.resumed

story  a CA binds accounts: one event until it is configured
ca     binds kid-1 c2VjcmV0LWtleS1vZi10aGUtY3VzdG9tZXI
want   www.example.com
set    a names a.example.com
run every 1h for 5h
expect no certificate, 1 events account.binding, 0 newAccount requests at ca, not failed
config eab kid-1 c2VjcmV0LWtleS1vZi10aGUtY3VzdG9tZXI
run
expect certificate, certificate of a for a.example.com, 1 accounts at ca

story  a bound account needs its binding never again
ca     binds kid-1 c2VjcmV0LWtleS1vZi10aGUtY3VzdG9tZXI=
config eab kid-1 c2VjcmV0LWtleS1vZi10aGUtY3VzdG9tZXI=
want   www.example.com
run
expect certificate, 1 newAccount requests at ca
config eab is unreadable
run by hand
expect 2 certificates, 1 newAccount requests at ca, 1 accounts at ca, 0 events account.failed
account registers
account rolls
expect 1 accounts at ca

story  a binding that cannot be read holds the account, and mends by itself
ca     binds kid-1 c2VjcmV0LWtleS1vZi10aGUtY3VzdG9tZXI
config eab kid-1 c2VjcmV0LWtleS1vZi10aGUtY3VzdG9tZXI
config eab is unreadable
want   www.example.com
set    a names a.example.com
run every 5m for 2h
expect no certificate, 1 events account.failed, 0 newAccount requests at ca, not failed
account cannot registers "external account binding"
config eab kid-1 c2VjcmV0LWtleS1vZi10aGUtY3VzdG9tZXI
run every 1m for 15m
expect certificate, 1 events account.resumed

story  a wrong binding is refused once
ca     binds kid-1 c2VjcmV0LWtleS1vZi10aGUtY3VzdG9tZXI
config eab kid-2 c2VjcmV0LWtleS1vZi10aGUtY3VzdG9tZXI
want   www.example.com
run every 4h for 20h
expect no certificate, 1 events account.binding, 1 newAccount requests at ca

story  another key id is another account
ca     binds kid-1 c2VjcmV0LWtleS1vZi10aGUtY3VzdG9tZXI
config eab kid-1 c2VjcmV0LWtleS1vZi10aGUtY3VzdG9tZXI
want   www.example.com
run
ca     binds kid-2 YW5vdGhlci1zZWNyZXQta2V5LW9mLXVz
config eab kid-2 YW5vdGhlci1zZWNyZXQta2V5LW9mLXVz
run by hand
expect 2 accounts at ca, 2 certificates

story  the CA has lost the account: registered again with the same key, and said so
want   www.example.com
set    a names a.example.com
run
ca     forgets accounts
run by hand
run until quiet
expect 2 certificates, 1 events account.lost, 1 events account.made, 0 events account.failed, account valid, not failed

story  the CA has lost the account, and is killed anywhere while it notices
want   www.example.com
run
kill here and there
ca     forgets accounts
run by hand
kill no more
run until quiet
wait   70d
run until quiet
expect 1 events account.lost, account valid, 1 valid accounts, not failed

story  a CA that loses the account again and again is left alone
ca     fault newOrder "problem:400:accountDoesNotExist:who?" times 0
ca     fault newAccount "problem:400:accountDoesNotExist:who?" nth 2 times 1
ca     fault newAccount "problem:400:accountDoesNotExist:who?" nth 4 times 1
want   www.example.com
run every 4h for 20h
expect no certificate, 1 events account.lost, at most 5 newAccount requests at ca, at most 3 newOrder requests at ca

story  a bound account that is lost waits for a person
ca     binds kid-1 c2VjcmV0LWtleS1vZi10aGUtY3VzdG9tZXI
config eab kid-1 c2VjcmV0LWtleS1vZi10aGUtY3VzdG9tZXI
want   www.example.com
run
ca     forgets accounts
run by hand
expect 1 events account.lost, account lost, 1 certificates, put off "does not know account"
run every 3h for 30h
expect 2 newAccount requests at ca
account registers
run until quiet
expect account valid, 2 certificates

story  the account was deactivated by another: recognised, told once, nothing is registered silently
want   www.example.com
set    a names a.example.com
run
ca     fault newOrder "problem:401:unauthorized:the account is deactivated" times 0
ca     fault newAccount "problem:403:unauthorized:the account is deactivated" times 0
wait   70d
run every 3h for 30h
expect 1 events account.deactivated, account deactivated, 2 newAccount requests at ca, at most 4 newOrder requests at ca, not failed, 0 events order.failed
config contact mailto:other@example.com
run
expect 1 accounts at ca, account deactivated, 2 newAccount requests at ca
ca     mends
account registers
run until quiet
expect 2 certificates

story  "unauthorized" about a name is no matter of the account
ca     fault newOrder "problem:403:unauthorized:not this name" times 0
want   www.example.com
run
expect failed "not this name", 0 events account.deactivated, account valid, 2 newAccount requests at ca

story  the CA cannot be asked about the account: the refusal counts as it is
ca     fault newOrder "problem:403:unauthorized:not today", fault newAccount 503 nth 2 times 1
want   www.example.com
run
expect failed "not today", account valid

story  deactivated by us: nothing is ordered there without a word
want   www.example.com
run
account deactivates
account deactivates
expect account deactivated, 1 events account.deactivated, 0 valid accounts
wait   70d
run every 3h for 30h
expect 1 certificates, 1 newAccount requests at ca, 1 newOrder requests at ca, postponed 1
account registers
run
expect 2 certificates, account valid, 2 accounts at ca, 1 valid accounts

story  the account is deactivated: a certificate can be revoked all the same, by its own key
want   www.example.com
run
account deactivates
revoke main now
run every 1m for 5m
expect 1 events certificate.revoked, 1 events account.deactivated, 1 certificates, 0 valid accounts

story  orders are open: the key is not rolled under them
ca     validates in 1h, says retry-after 600s
want   www.example.com
run
account cannot rolls "orders of this account are open"
ca     validates in 0s
run every 10m for 2h
account rolls
run by hand
expect 2 certificates, 1 events account.rolled

story  deactivation is killed anywhere and said again
want   www.example.com
run
kill everywhere
account deactivates
kill no more
account deactivates
run by hand
expect account deactivated, 0 valid accounts, 1 events account.deactivated, 1 certificates

story  contacts change: sent once
config contact mailto:one@example.com
want   www.example.com
run
config contact mailto:two@example.com
account updates
account updates
expect 1 account requests at ca, 1 events account.changed, 1 newAccount requests at ca

story  an update needs an account
account cannot updates "no account"
account cannot deactivates "no account"
account cannot rolls "no account"
expect 0 newAccount requests at ca

story  the key is rolled: the account stays
want   www.example.com
run
account rolls
run by hand
expect 2 certificates, 1 accounts at ca, 1 events account.rolled, 1 keyChange requests at ca

story  key rollover is killed anywhere: the account remains usable
want   www.example.com
run
kill everywhere
account rolls
kill no more
wait   70d
run until quiet
expect 2 certificates, 1 accounts at ca, 1 valid accounts, account valid, not failed, 0 events account.lost, 0 events account.deactivated

story  key rollover is killed anywhere, and said again: at most one key more
want   www.example.com
run
kill everywhere
account rolls
account rolls
kill no more
run by hand
run until quiet
expect 2 certificates, 1 accounts at ca, account valid, not failed, 0 events account.lost, at most 2 keyChange requests at ca

story  the reply to a rollover is lost or spoiled: the CA is asked which key it knows
for    drop-reply truncate garbage empty
ca     fault keyChange $
want   www.example.com
run
account rolls
run by hand
expect 2 certificates, 1 accounts at ca, account valid, not failed, 1 events account.rolled, 1 keyChange requests at ca

story  a rollover that did not come to the CA: the account keeps its key
for    drop-request 500 503 html
ca     fault keyChange $
want   www.example.com
run
account cannot rolls "keeps its key"
run by hand
expect 2 certificates, 1 accounts at ca, 0 events account.rolled
account rolls
run by hand
expect 3 certificates, 1 accounts at ca, 1 events account.rolled

story  the CA refuses the new key: the account keeps its own
for    badPublicKey badSignatureAlgorithm unauthorized malformed
ca     fault keyChange "problem:400:$:no"
want   www.example.com
run
account cannot rolls "keeps its key"
run by hand
expect 2 certificates, 0 events account.rolled
account rolls
run by hand
expect 3 certificates, 1 events account.rolled

story  the CA offers no rollover
ca     fault directory remove:keyChange times 0
want   www.example.com
run
account cannot rolls "no key rollover"
run by hand
expect 2 certificates, 0 events account.rolled, account valid

story  the CA is down after a rollover was cut off: later runs settle it
ca     fault keyChange drop-reply
want   www.example.com
run
ca     fault newAccount 503 times 0
account cannot rolls "both are kept"
run by hand
expect 1 certificates
ca     mends
wait   70d
run until quiet
expect 2 certificates, 1 events account.rolled, 1 accounts at ca
