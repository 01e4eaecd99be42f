# An outage may begin at any request of a first order: however it looks, it costs neither a second order nor a second certificate.

story  connections break before the request arrives
for    1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16
ca     fault any drop-request nth $ times 6, validates in 1s, issues in 1s, knob order_reuse 1
want   www.example.com, *.www.example.com
run every 5m for 2h
expect certificate, 1 certificates at ca, 1 orders at ca, no TXT left, nothing surplus, not failed

story  connections break before the answer arrives
for    1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16
ca     fault any drop-reply nth $ times 6, validates in 1s, issues in 1s, knob order_reuse 1
want   www.example.com, *.www.example.com
run every 5m for 2h
expect certificate, 1 certificates at ca, 1 orders at ca, no TXT left, nothing surplus, not failed

story  a load balancer has nobody behind it
for    2 4 6 8 9 11 13 15
ca     fault any 503 nth $ times 6, validates in 1s, issues in 1s, knob order_reuse 1
want   www.example.com, *.www.example.com
run every 5m for 2h
expect certificate, 1 certificates at ca, 1 orders at ca, no TXT left, nothing surplus, not failed

story  requests are throttled without a time
for    2 4 6 8 9 11 13 15
ca     fault any 429 nth $ times 3, validates in 1s, issues in 1s, knob order_reuse 1
want   www.example.com, *.www.example.com
run every 5m for 6h
expect certificate, 1 certificates at ca, 1 orders at ca, no TXT left, nothing surplus

story  a network that loses a third of all answers
ca     fault any drop-reply percent 35 times 0, validates in 1s, issues in 1s, knob order_reuse 1
want   20 names
run every 5m for 8h
expect certificate, 1 certificates at ca, no TXT left, nothing surplus
