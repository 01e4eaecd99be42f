#!/usr/bin/env bash
# Quickstart: from a bare Debian 12 to a certificate that is ordered, delivered, served and watched - on this machine only.
#
# Installs what is missing (Debian packages), builds a release, starts a test CA (Pebble), a name server (BIND, a zone that takes signed updates) and a
# web server (nginx) on free loopback ports, writes a configuration, and runs the main job. What it leaves in ./play is yours to play with.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
. tests/needs.sh

step() { printf '\n\033[1m== %s\033[0m\n' "$*"; }
show() { printf '\033[2m$ %s\033[0m\n' "$*"; "$@"; }

step "1. install what is missing, build a release"
needs_install $QUICKSTART_NEEDS
needs_pebble
cmake --preset release >build/configure.log 2>&1 || { tail -n 30 build/configure.log; exit 1; }
cmake --build --preset release -j "$(nproc)" >build/build.log 2>&1 || { tail -n 40 build/build.log; exit 1; }
chancery=$PWD/build/release/chancery
ls -l "$chancery"

step "2. start a CA, a name server and a web server on free loopback ports"
play=$here/play
rm -rf "$play"
mkdir -p "$play/sets.d"
pids=""
stop() { for pid in $pids; do kill "$pid" 2>/dev/null || true; done; }
trap stop EXIT
PYTHONPATH=tests/e2e /usr/bin/python3 examples/quickstart/play_servers.py "$play" &
pids="$pids $!"
for _ in $(seq 150); do [ -f "$play/ready" ] && break; sleep 0.1; done
[ -f "$play/ready" ] || { echo "the servers did not start; see $play/*/*.log" >&2; exit 1; }
. "$play/ready"
echo "CA $CA_URL   name server $DNS   web server https://127.0.0.1:$WEB_PORT (started once there is a certificate)"

step "3. write a configuration: one file for the office, one for the domain set"
cat >"$play/chancery.yaml" <<YAML
store: sqlite:chancery.db
seal: file:seal.key
sets: sets.d/*.yaml
authorities:
  test: {directory: $CA_URL, ca_file: $CA_FILE, agree_tos: true, contact: [mailto:ops@example.com]}
providers:
  bind:
    type: rfc2136
    zones: [example.com]
    server: "$DNS"
    tsig: {name: chancery., algorithm: hmac-sha256, secret: "file:tsig"}
    resolvers: ["$DNS"]                # only because this name server is not known to the world
    authoritative_port: $DNS_PORT
defaults: {authority: test, key: ecdsa-p256}
YAML
cat >"$play/sets.d/shop.yaml" <<YAML
names: [shop.example.com, "*.shop.example.com"]
deploy:
  - files: {dir: live, mode: "0640"}
    check: [nginx, -t, -q, -c, $play/nginx/nginx.conf, -e, $play/nginx/check.log]
    activate: [$play/nginx/activate]
endpoints:
  - {endpoint: "shop.example.com:443", connect: "127.0.0.1:$WEB_PORT"}
YAML
cat "$play/chancery.yaml" "$play/sets.d/shop.yaml"
export CHANCERY_CONFIG=$play/chancery.yaml
show "$chancery" init       # makes what the configuration names and is missing: the sealing key and the store
show "$chancery" check

step "4. what is to be done, and why"
show "$chancery" plan

step "5. do it: issue, deliver, look whether it is served"
show "$chancery" renew

step "6. how things stand"
show "$chancery" status
show "$chancery" history shop

step "7. what a client sees"
printf '\033[2m$ openssl s_client -connect 127.0.0.1:%s -servername shop.example.com\033[0m\n' "$WEB_PORT"
openssl s_client -connect "127.0.0.1:$WEB_PORT" -servername shop.example.com </dev/null 2>/dev/null |
    openssl x509 -noout -subject -issuer -enddate -fingerprint -sha256 -ext subjectAltName
served=$(openssl s_client -connect "127.0.0.1:$WEB_PORT" -servername shop.example.com </dev/null 2>/dev/null |
    openssl x509 -outform DER | sha256sum | cut -d' ' -f1)
stored=$(openssl x509 -in "$play/live/current/cert.pem" -outform DER | sha256sum | cut -d' ' -f1)
[ "$served" = "$stored" ] || { echo "the served certificate is not the stored one" >&2; exit 1; }
echo "served = stored"

step "8. the same again: nothing to do, nobody is asked"
show "$chancery" renew

step "9. a name is added: the set is issued anew, and served"
sed -i 's/^names:.*/names: [shop.example.com, "*.shop.example.com", pay.example.com]/' "$play/sets.d/shop.yaml"
show "$chancery" plan
show "$chancery" renew
openssl s_client -connect "127.0.0.1:$WEB_PORT" -servername shop.example.com </dev/null 2>/dev/null | openssl x509 -noout -ext subjectAltName

step "done"
cat <<TXT
Everything lies in ${play#"$PWD"/}. The test servers stop with this script; start them again to go on playing:

  PYTHONPATH=tests/e2e /usr/bin/python3 examples/quickstart/play_servers.py $play --again &
  export CHANCERY_CONFIG=$play/chancery.yaml
  $chancery status

For a real CA: set  directory: https://acme-staging-v02.api.letsencrypt.org/directory  (then acme-v02), drop ca_file, name your own zone and
provider (\`chancery provider list\`), and drop resolvers and authoritative_port. Then, from cron, at a minute of your own:

  17 * * * *  chancery renew --config /etc/chancery/chancery.yaml
TXT
