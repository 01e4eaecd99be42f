#!/usr/bin/env sh
# Writes into PowerDNS: the whole set of a name is read, changed and written back.

dns_pdnstest_add() {
  _pdnstest_values "$1" || return 1
  _pdnstest_write "$1" "$(printf "%s\n%s\n" "$_values" "$2" | grep . | sort -u)"
}

dns_pdnstest_rm() {
  _pdnstest_values "$1" || return 1
  _pdnstest_write "$1" "$(printf "%s\n" "$_values" | grep -v -x -e "$2")"
}

_pdnstest_values() {
  PDNSTEST_Key="${PDNSTEST_Key:-$(_readaccountconf_mutable PDNSTEST_Key)}"
  export _H1="X-API-Key: $PDNSTEST_Key"
  response="$(_get "$PDNSTEST_Url/zones/$PDNSTEST_Zone.")" || return 1
  _values="$(echo "$response" | sed 's/{"comments"/\n&/g' | grep "\"name\": *\"$1\\.\"" | _egrep_o '\\"[^"\\]*\\"' | tr -d '\\"')"
}

_pdnstest_write() {
  _records=""
  for _value in $2; do
    _records="$_records${_records:+,}{\"content\":\"\\\"$_value\\\"\",\"disabled\":false}"
  done
  _change=REPLACE
  [ -z "$_records" ] && _change=DELETE
  _post "{\"rrsets\":[{\"name\":\"$1.\",\"type\":\"TXT\",\"ttl\":60,\"changetype\":\"$_change\",\"records\":[$_records]}]}" \
    "$PDNSTEST_Url/zones/$PDNSTEST_Zone." "" PATCH "application/json" >/dev/null || return 1
  if ! grep -q "^HTTP/[0-9.]* 20" "$HTTP_HEADER"; then
    _err "PowerDNS refused: $(_head_n 1 <"$HTTP_HEADER")"
    return 1
  fi
}
