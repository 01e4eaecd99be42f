# What Chancery needs on Debian 12, for building and for testing; sourced by tests/run.sh and examples/quickstart/run.sh.
# Only Debian's own packages, only what is missing, never a change of the machine's package sources.

BUILD_NEEDS="gcc libc6-dev cmake ninja-build pkg-config libuv1-dev libcurl4-openssl-dev libc-ares-dev libjansson-dev libexpat1-dev libsqlite3-dev libpq-dev
 libyaml-dev libpsl-dev libidn2-dev libldns-dev libunbound-dev libmicrohttpd-dev libgnutls28-dev libssl-dev ca-certificates"
QUICKSTART_NEEDS="$BUILD_NEEDS openssl bind9 nginx-light python3 procps"
TEST_NEEDS="$QUICKSTART_NEEDS clang clang-format libclang-rt-14-dev libcmocka-dev libnghttp2-dev python3-pytest python3-dnspython certbot lego dehydrated
 python3-cryptography shellcheck pdns-server pdns-backend-sqlite3 knot bind9-dnsutils sqlite3 postgresql python3-pytest-xdist python3-psycopg2 iproute2 curl systemd python3-seccomp strace gdb mandoc e2fsprogs mount spin"

needs_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

needs_install() { # package ...
    local missing="" p
    for p in "$@"; do
        dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing="$missing $p"
    done
    [ -z "$missing" ] && return 0
    echo "installing:$missing"
    needs_root apt-get update -qq &&
        # Freshly installed daemons must not start: the tests start their own on free ports.
        needs_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends $missing >/dev/null || {
        echo "could not install:$missing - install them by hand and run this again" >&2
        return 1
    }
}

# Pebble, the test CA. Debian 12 has 2.4.0; 2.10 (ARI, profiles) is a package of Debian unstable whose program needs only libc: it is
# downloaded through a private list of sources and unpacked into the build folder; the machine's own sources stay as they are.
needs_pebble() {
    local here=$PWD/build/pebble
    PEBBLE=$here/usr/bin/pebble
    [ -x "$PEBBLE" ] && { export PEBBLE; return 0; }
    mkdir -p "$here/apt/lists/partial" "$here/apt/archives/partial"
    local mirror
    mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 2>/dev/null | grep -v security | sort | uniq -c | sort -rn | awk 'NR==1{print $2}')
    if [ -n "$mirror" ]; then
        echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror sid main" >"$here/apt/sources.list"
        local o="-o Dir::Etc::SourceList=$here/apt/sources.list -o Dir::Etc::SourceParts=/dev/null
         -o Dir::State::Lists=$here/apt/lists -o Dir::Cache=$here/apt -o Dir::Cache::Archives=$here/apt/archives
         -o APT::Sandbox::User=root"
        (cd "$here" && apt-get $o update -qq >update.log 2>&1 && apt-get $o download pebble >download.log 2>&1 && dpkg -x pebble_*.deb .)
    fi
    if [ ! -x "$PEBBLE" ]; then
        echo "Pebble 2.10 cannot be had here (see $here/*.log); falling back to Debian's own, without ARI and profiles"
        needs_install pebble || return 1
        PEBBLE=$(command -v pebble)
    fi
    case $PEBBLE in /*) ;; *) PEBBLE=$PWD/$PEBBLE ;; esac
    export PEBBLE
}
