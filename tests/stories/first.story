story  a first certificate
want   www.example.com
run
expect certificate for www.example.com, no TXT left, 1 orders at ca, not failed
