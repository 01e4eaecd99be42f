# The program dies, at every point at which it can: before and after each commit, request and DNS UPDATE.

story  a first certificate, killed anywhere
kill everywhere
ca     knob order_reuse 1, validates in 1s, issues in 2s
want   www.example.com, *.www.example.com
run
run until quiet
run until quiet
expect certificate for www.example.com *.www.example.com, 1 certificates, 1 certificates at ca, 1 orders at ca
expect no TXT left, nothing surplus, 0 open orders, 0 failed validations at ca, 1 accounts at ca

story  the same at a CA that never reuses an order: at worst one that nobody finalizes
kill here and there
ca     issues in 2s
want   www.example.com
run
run until quiet
run until quiet
expect certificate, 1 certificates, 1 certificates at ca, at most 2 orders at ca, no TXT left, nothing surplus

story  a failing order, killed anywhere, leaves nothing in the zone
kill everywhere
ca     fault challenge invalid-authz name b.example.com times 0, knob order_reuse 1
want   a.example.com, b.example.com
run
run until quiet
expect no certificate, no TXT left, 0 open orders, failed "b.example.com"

story  with a provider that takes one record a run
kill here and there
config provider exec
ca     knob order_reuse 1
want   www.example.com, *.www.example.com
run
run until quiet
run until quiet
expect certificate, 1 certificates at ca, 1 orders at ca, no TXT left, nothing surplus

story  killed again and again at the same place
for    newAccount newOrder authz publish challenge order finalize certificate remove
ca     knob order_reuse 1, validates in 1s, issues in 1s
want   www.example.com
kill   after $
run
kill   after $
run
kill   before $
run
run until quiet
run until quiet
expect certificate, 1 certificates, 1 certificates at ca, 1 orders at ca, no TXT left, nothing surplus

story  a month later: what was left behind by a kill is still removed
want   www.example.com
kill   after publish
run
expect was killed, 1 TXT left
wait   30d
run until quiet
expect no TXT left
wait   until due
run
expect certificate, no TXT left, nothing surplus

story  a renewal, killed anywhere: what is served stays until the new one is there
ca     knob order_reuse 1, certificates live 9d, issues in 1s
want   www.example.com
run
wait   5d
kill everywhere
run
expect certificate
run until quiet
run until quiet
expect certificate, 2 certificates, 2 certificates at ca, 2 orders at ca, no TXT left, nothing surplus, never expired

story  a removal that fails for a while, killed anywhere
want   www.example.com
kill   after publish
run
set    main is removed
updates are lost
kill here and there
run
updates work
run until quiet
run until quiet
expect no TXT left, 0 open orders

story  the certificate request is sent once, whenever the program dies
for    before after
ca     issues in 2s
want   www.example.com
kill   $ finalize
run
expect was killed
run until quiet
expect certificate, 1 finalize requests at ca, 1 certificates at ca, 1 orders at ca, no TXT left
