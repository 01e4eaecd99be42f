# The rules of RFC 8555 6 on the wire. Every request of every story is held against them (wire_rules.h); here they are the point.

story  an account, orders, a renewal, a new account key, a revocation: every request keeps the rules of the wire
ca     knob odd_urls 1, knob alternates 2
want   example.com, *.example.com
run
wait   61d
run until quiet
account rolls
revoke main
run until quiet
expect 3 certificates, at least 40 requests keep the rules of the wire
