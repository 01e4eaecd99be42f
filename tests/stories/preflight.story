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
