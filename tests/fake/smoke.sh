#!/bin/sh
# Runs fake-ca and bare-client against each other for 100 certificates and holds their accounts side by side.
# usage: smoke.sh FAKE_CA BARE_CLIENT
set -eu
fake_ca=$1
bare_client=$2
dir=$(mktemp -d)
pid=
trap 'test -z "$pid" || kill "$pid" 2>/dev/null; rm -rf "$dir"' EXIT

"$fake_ca" --tls-cert-out "$dir/root.pem" --ledger "$dir/ledger.json" --latency-ms 2 \
    --set '{"retry_after_s": 0, "nonce_reject": 5, "validate_ms": 10, "issue_ms": 10}' >"$dir/out" &
pid=$!
tries=0
until grep -q '^listening on ' "$dir/out"; do
    tries=$((tries + 1))
    test "$tries" -lt 100 || { echo "smoke: fake-ca does not listen" >&2; exit 1; }
    sleep 0.1
done
directory=$(sed -n 's/^listening on //p' "$dir/out")

"$bare_client" --directory "$directory" --ca-file "$dir/root.pem" --sets 100 --names 2 --parallel 20 \
    --dns-delay-ms 10 >"$dir/bench.json"
kill -TERM "$pid"
wait "$pid"
pid=

python3 - "$dir/bench.json" "$dir/ledger.json" <<'PYTHON'
import json, sys
bench, ledger = (json.load(open(path)) for path in sys.argv[1:])
certificates, counts = ledger["certificates"], ledger["counts"]
def check(what, got, wanted):
    if got != wanted:
        sys.exit(f"smoke: {what}: {got}, should be {wanted}")
check("failed", bench["failed"], 0)
check("certificates at the client", bench["certificates"], 100)
check("certificates in the ledger", len(certificates), 100)
check("orders made", counts["orders_made"], 100)
check("orders finalized", counts["orders_finalized"], 100)
check("orders valid", sum(o["status"] == "valid" for o in ledger["orders"]), 100)
check("names", len({n for c in certificates for n in c["names"]}), 200)
check("keys", len({c["spki_sha256"] for c in certificates}), 100)
check("serial numbers", len({c["serial"] for c in certificates}), 100)
check("accounts", len(ledger["accounts"]), 1)
check("connections", counts["connections"], 1)
check("nonces refused", bench["bad_nonces"], counts["bad_nonces"])
if counts["bad_nonces"] == 0:
    sys.exit("smoke: no nonce was refused, though one in twenty should be")
print("smoke: 100 certificates,", json.dumps(bench))
PYTHON
