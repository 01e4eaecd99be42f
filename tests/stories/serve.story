# One process that leads for hours: what becomes due is taken up without another run, and what others want is done beside it.

story  ten minutes each, for an hour, in one process
ca     certificates live 10m
want   www.example.com
serve  for 60m
expect never expired, at most 14 orders at ca, nothing surplus, no TXT left, rule ari

story  a set that failed is tried again at its time
want   www.example.com
updates are refused
serve  for 5m
updates work
serve  for 2h
expect certificate for www.example.com, no TXT left, 0 open orders, 1 certificates

story  what two others want at once is one piece of work
want   www.example.com
ca     validates in 5s, issues in 5s
serve  for 2m
serve  for 5m asked by 2 after 1m
expect certificate for www.example.com, no TXT left, 2 certificates, 2 orders at ca, 0 open requests

story  what was asked for is gone on with by the next leader, and is done once
for    finalize newOrder publish
want   www.example.com
serve  for 2m
kill   after $
serve  for 5m asked by 1 after 1m
kill   no more
serve  for 5m
expect certificate for www.example.com, no TXT left, at most 2 certificates at ca, 2 certificates, 0 open requests, 0 open orders

story  a run of cron carries out what was asked of a daemon that died
want   www.example.com
serve  for 2m
kill   after newOrder
serve  for 5m asked by 1 after 1m
kill   no more
run
expect certificate for www.example.com, no TXT left, 2 certificates, 0 open orders

story  a daemon that is asked hears one answer, then the others' turn comes
slices are short
want   www.example.com
set    a names a.example.com
set    b names b.example.com
set    c names c.example.com
serve  for 2m
expect certificate for www.example.com, certificate of a for a.example.com, certificate of c for c.example.com
expect no TXT left, 4 orders at ca, at most 1 answers a wait

story  nobody asks: what came together is heard together
want   www.example.com
set    a names a.example.com
set    b names b.example.com
set    c names c.example.com
serve  for 2m
expect certificate for www.example.com, no TXT left, 4 orders at ca, at least 4 answers a wait
