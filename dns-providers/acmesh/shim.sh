# What a dnsapi script of acme.sh finds around it: the functions it calls, and one call of one of its own.
#
#     sh -s -- /path/dns_NAME.sh dns_NAME_add FULLDOMAIN VALUE < this
#
# Works in any POSIX shell. Needs curl and openssl. No secret becomes an argument of a program: curl reads its requests from its
# standard input, bodies stand in files of a private folder, and an HMAC is made from digests.
#
# What a script saves for the account lives as long as the call: the configuration holds the settings. What it saves for the domain
# - often the id of the record it added - is printed as a last line, kept with the record, and given back in CHANCERY_SAVED.

# shellcheck shell=sh disable=SC2034,SC2119,SC2120,SC2154,SC2317,SC2329

__work=$(mktemp -d "${TMPDIR:-/tmp}/chancery.XXXXXXXXXX") || exit 75
chmod 700 "$__work" || exit 75
trap 'rm -rf "$__work"' EXIT
trap 'exit 75' HUP INT TERM
umask 077

LE_WORKING_DIR=$__work
LE_CONFIG_HOME=$__work
DOMAIN_CONF=$__work/domain.conf
DOMAIN_PATH=$__work
ACCOUNT_CONF_PATH=$__work/account.conf
HTTP_HEADER=$__work/header
USER_AGENT=${USER_AGENT:-chancery}
ACME_OPENSSL_BIN=${ACME_OPENSSL_BIN:-openssl}
export LE_WORKING_DIR LE_CONFIG_HOME DOMAIN_CONF ACCOUNT_CONF_PATH HTTP_HEADER USER_AGENT ACME_OPENSSL_BIN
: >"$DOMAIN_CONF"
: >"$ACCOUNT_CONF_PATH"
: >"$HTTP_HEADER"

# ---- saying ----

__say() { # TEXT | NAME VALUE
    if [ $# -gt 1 ] && [ -n "$2" ]; then
        printf '%s=%s\n' "$1" "'$2'"
    else
        printf '%s\n' "$1"
    fi
}

_info() { __say "$@"; }
_log() { :; }
_usage() { __say "$@" >&2; }

_err() {
    __say "$@" >&2
    return 1
}

__debug_at() { # LEVEL TEXT | LEVEL NAME VALUE
    __level=$1
    shift
    [ "${DEBUG:-0}" -ge "$__level" ] 2>/dev/null && __say "$@" >&2
    return 0
}

_debug() { __debug_at 1 "$@"; }
_debug2() { __debug_at 2 "$@"; }
_debug3() { __debug_at 3 "$@"; }
_secure_debug() { __debug_at 1 "$1" "[not shown]"; }
_secure_debug2() { __debug_at 2 "$1" "[not shown]"; }
_secure_debug3() { __debug_at 3 "$1" "[not shown]"; }

# ---- settings ----

__is_name() {
    case $1 in
    '' | [0-9]* | *[!A-Za-z0-9_]*) return 1 ;;
    esac
}

# Values may hold anything, so they stand in the files as base64.
__keep() { # FILE NAME VALUE
    __forget "$1" "$2"
    printf '%s %s\n' "$2" "$(printf '%s' "$3" | _base64)" >>"$1"
}

__forget() { # FILE NAME
    awk -v name="$2" '$1 != name' "$1" >"$1.new" && cat "$1.new" >"$1"
    rm -f "$1.new"
}

__kept() { # FILE NAME
    awk -v name="$2" '$1 == name { found = 1; print $2 } END { exit !found }' "$1" | _dbase64
}

__is_kept() {
    awk -v name="$2" '$1 == name { found = 1 } END { exit !found }' "$1"
}

__variable() { # NAME: of the environment
    __is_name "$1" && eval "printf '%s' \"\${$1:-}\""
}

_saveaccountconf() { __keep "$ACCOUNT_CONF_PATH" "$1" "$2"; }
_saveaccountconf_mutable() { __keep "$ACCOUNT_CONF_PATH" "SAVED_$1" "$2"; }
_clearaccountconf() { __forget "$ACCOUNT_CONF_PATH" "$1"; }
_clearaccountconf_mutable() {
    __forget "$ACCOUNT_CONF_PATH" "SAVED_$1"
    __forget "$ACCOUNT_CONF_PATH" "$1"
}

_readaccountconf() {
    if __is_kept "$ACCOUNT_CONF_PATH" "$1"; then
        __kept "$ACCOUNT_CONF_PATH" "$1"
    else
        __variable "$1"
    fi
}

# Lines of an account.conf may have been moved into the configuration as they were: SAVED_NAME.
_readaccountconf_mutable() {
    __value=$(_readaccountconf "SAVED_$1")
    [ -n "$__value" ] || __value=$(_readaccountconf "$1")
    printf '%s' "$__value"
}

_savedomainconf() { __keep "$DOMAIN_CONF" "$1" "$2"; }
_cleardomainconf() { __forget "$DOMAIN_CONF" "$1"; }
_readdomainconf() {
    if __is_kept "$DOMAIN_CONF" "$1"; then
        __kept "$DOMAIN_CONF" "$1"
    fi
}

# ---- text ----

_contains() { printf '%s\n' "$1" | grep -e "$2" >/dev/null 2>&1; }
_startswith() { _contains "$1" "^$2"; }
_endswith() { _contains "$1" "$2\$"; }
_egrep_o() { grep -E -o -e "$1" 2>/dev/null; }
_head_n() { head -n "$1"; }
_tail_n() { tail -n "$1"; }
_lower_case() { LC_ALL=C tr '[:upper:]' '[:lower:]'; }
_upper_case() { LC_ALL=C tr '[:lower:]' '[:upper:]'; }

_math() {
    __sum="$*"
    # shellcheck disable=SC2004 # dash takes a whole expression only so
    printf '%s' "$(($__sum))"
}

# An empty field gives way to the one before it; when all are empty, the whole text is given.
_getfield() { # TEXT INDEX [SEPARATOR]
    [ -n "$2" ] || return 1
    __at=$2
    while [ "$__at" -ge 1 ]; do
        __field=$(printf '%s\n' "$1" | cut -d "${3:-,}" -f "$__at")
        [ -n "$__field" ] && break
        __at=$((__at - 1))
    done
    printf '%s' "${__field:-$1}"
}

_hasfield() { # TEXT FIELD [SEPARATOR]
    __separator=${3:-,}
    case "$__separator$1$__separator" in
    *"$__separator$2$__separator"*) return 0 ;;
    esac
    return 1
}

_sed_i() { # OPTIONS FILE
    [ -n "$2" ] || return 1
    sed "$1" "$2" >"$__work/sed" && cat "$__work/sed" >"$2"
}

_idn() {
    if printf '%s' "$1" | LC_ALL=C grep -q '[^ -~]' && _exists idn; then
        idn "$1"
    else
        printf '%s' "$1"
    fi
}

# Blanks around the colon of a member, before the lines, and the ends of the lines go.
_normalizeJson() {
    sed -e 's/^[[:space:]]*//' -e 's/"[[:space:]]*:[[:space:]]*\(["{[]\)/":\1/g' | tr -d '\r\n'
}

_json_decode() { sed -e 's,\\/,/,g'; }

# For between double quotes, of JSON and of a configuration file of curl.
_json_encode() {
    sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e "s/$(printf '\t')/\\\\t/g" -e "s/$(printf '\r')/\\\\r/g" |
        awk '{ printf "%s%s", (NR > 1 ? "\\n" : ""), $0 }'
}

# ---- codings ----

_hex_dump() { od -A n -v -t x1 | awk '{ for (i = 1; i <= NF; i++) printf " %s", $i }'; }

__hex() { _hex_dump | tr -d ' '; }

# Octal escapes, because not every printf knows hexadecimal ones.
_h2b() {
    __octal=$(tr -cd '0-9a-fA-F' | awk '
        function digit(c) { return index("0123456789abcdef", tolower(c)) - 1 }
        { for (i = 1; i < length($0); i += 2)
              printf "\\%03o", digit(substr($0, i, 1)) * 16 + digit(substr($0, i + 1, 1)) }')
    # shellcheck disable=SC2059 # nothing but escapes
    printf "$__octal"
}

_base64() { # [lines]
    if [ -n "$1" ]; then base64; else base64 | tr -d '\r\n'; fi
}

_dbase64() { tr -d ' \r\n\t' | base64 -d; }

_url_replace() { tr '/+' '_-' | tr -d '= '; }

_url_encode() { # [upper-hex]
    od -A n -v -t x1 | awk -v upper="$1" '
        BEGIN { for (i = 33; i < 127; i++) text[sprintf("%02x", i)] = sprintf("%c", i) }
        { for (i = 1; i <= NF; i++)
              if (text[$i] ~ /^[A-Za-z0-9._~-]$/) printf "%s", text[$i]
              else printf "%%%s", (upper == "upper-hex" ? toupper($i) : $i) }'
}

# ---- digests, signatures ----

__digest_bytes() { "$ACME_OPENSSL_BIN" dgst "-$1" -binary; }

__show_bytes() { # [hex]: else base64
    if [ -n "$1" ]; then __hex; else _base64; fi
}

_digest() { # ALGORITHM [hex]
    __digest_bytes "$1" | __show_bytes "$2"
}

# The key of an HMAC padded to a block, with each byte of both pads (RFC 2104).
__hmac_pads() { # BLOCK_LENGTH; the key in hexadecimal on stdin
    awk -v block="$1" '
        function digit(c) { return index("0123456789abcdef", c) - 1 }
        function xor(a, b,   bit, sum) {
            for (bit = 1; bit < 256; bit *= 2) {
                if (a % 2 != b % 2) sum += bit
                a = int(a / 2); b = int(b / 2)
            }
            return sum
        }
        { inner = outer = ""
          for (i = 0; i < block; i++) {
              byte = 0
              if (2 * i < length($0)) byte = digit(substr($0, 2 * i + 1, 1)) * 16 + digit(substr($0, 2 * i + 2, 1))
              inner = inner sprintf("%02x", xor(byte, 54)); outer = outer sprintf("%02x", xor(byte, 92))
          }
          print inner, outer }'
}

# openssl takes the key of an HMAC only as an argument, where every user of the machine can read it.
_hmac() { # ALGORITHM KEYHEX [hex]; the message on stdin
    __key=$(printf '%s' "$2" | tr -d ' ' | _lower_case)
    case $1 in
    sha384 | sha512) __block=128 ;;
    *) __block=64 ;;
    esac
    [ ${#__key} -gt $((2 * __block)) ] && __key=$(printf '%s' "$__key" | _h2b | _digest "$1" hex)
    __pads=$(printf '%s\n' "$__key" | __hmac_pads "$__block")
    __inner=$({
        printf '%s' "${__pads% *}" | _h2b
        cat
    } | _digest "$1" hex)
    printf '%s' "${__pads#* }$__inner" | _h2b | __digest_bytes "$1" | __show_bytes "$3"
}

_sign() { # KEYFILE ALGORITHM; the message on stdin
    "$ACME_OPENSSL_BIN" dgst "-$2" -sign "$1" | _base64
}

_isRSA() { # KEYFILE
    "$ACME_OPENSSL_BIN" rsa -in "$1" -noout >/dev/null 2>&1
}

# ---- HTTP ----

# A line of a configuration file of curl.
__option() { # NAME VALUE
    printf '%s = "%s"\n' "$1" "$(printf '%s' "$2" | _json_encode)"
}

__options() { # URL METHOD BODYFILE TYPE TIMEOUT
    printf 'silent\nshow-error\ngloboff\nlocation\nmax-redirs = 5\nproto = "=http,https"\nproto-redir = "=https"\n'
    __option url "$1"
    __option dump-header "$HTTP_HEADER"
    __option user-agent "$USER_AGENT"
    __option connect-timeout "${5:-30}"
    __option max-time 120
    [ -n "$HTTPS_INSECURE" ] && printf 'insecure\n'
    if [ "$2" = HEAD ]; then printf 'head\n'; else __option request "$2"; fi
    [ -n "$3" ] && __option data-binary "@$3"
    [ -n "$4" ] && __option header "Content-Type: $4"
    for __header in "$_H1" "$_H2" "$_H3" "$_H4" "$_H5"; do
        [ -n "$__header" ] && __option header "$__header"
    done
    return 0
}

__curl() { # URL METHOD BODYFILE TYPE TIMEOUT
    : >"$HTTP_HEADER"
    __options "$@" | curl -q --config -
}

_get() { # URL [onlyheader] [timeout]
    if [ -n "$2" ]; then
        __curl "$1" HEAD "" "" "$3"
    else
        __curl "$1" GET "" "" "$3"
    fi
}

_post() { # BODY URL [needbase64] [METHOD] [TYPE]
    __body=
    if [ -n "$1" ] || [ "${4:-POST}" = POST ]; then
        __body=$__work/body
        printf '%s' "$1" >"$__body"
    fi
    if [ -n "$3" ]; then
        __curl "$2" "${4:-POST}" "$__body" "$5" >"$__work/reply"
        __code=$?
        _base64 <"$__work/reply"
        return "$__code"
    fi
    __curl "$2" "${4:-POST}" "$__body" "$5"
}

_resethttp() { :; }
_inithttp() { :; }

# ---- the machine ----

_exists() { command -v "$1" >/dev/null 2>&1; }
_mktemp() { mktemp "$__work/XXXXXXXXXX"; }
_time() { date -u +%s; }
_utc_date() { date -u '+%Y-%m-%d %H:%M:%S'; }
_sleep() { sleep "$1"; }

_ns_lookup() { # NAME TYPE
    if ! _exists dig; then
        _err "looking up $2 records of $1 needs the program dig"
        return 1
    fi
    dig +short "$1" "$2"
}

# ---- the call ----

__main() { # SCRIPT FUNCTION FULLDOMAIN VALUE
    for __needed in curl "$ACME_OPENSSL_BIN" awk od base64; do
        if ! _exists "$__needed"; then
            _err "scripts of acme.sh need the program $__needed"
            exit 78
        fi
    done
    if ! [ -r "$1" ]; then
        _err "the script $1 cannot be read"
        exit 78
    fi
    [ -n "$CHANCERY_SAVED" ] && printf '%s' "$CHANCERY_SAVED" | _dbase64 >"$DOMAIN_CONF" 2>/dev/null
    unset CHANCERY_SAVED
    cd "$__work" || exit 75
    # shellcheck disable=SC1090 # the script is the caller's
    . "$1"
    if ! _exists "$2"; then
        _err "the script $1 has no function $2"
        exit 78
    fi
    "$2" "$3" "$4" || exit 1
    printf '\nchancery-saved=%s\n' "$(_base64 <"$DOMAIN_CONF")"
}

__main "$@" </dev/null
exit
