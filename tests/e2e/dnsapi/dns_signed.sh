#!/usr/bin/env sh
# A script of the kind that signs requests, logs in for a cookie, and remembers ids for the domain.

dns_signed_add() {
  SIGNED_Key="${SIGNED_Key:-$(_readaccountconf_mutable SIGNED_Key)}"
  _signed_login || return 1
  _signed_call add "fqdn=$(printf "%s" "$1" | _url_encode upper-hex)&value=$(printf "%s" "$2" | _url_encode upper-hex)" || return 1
  _savedomainconf "SIGNED_Id_$(printf "%s" "$2" | _digest sha1 hex)" "$(_getfield "$response" 2 ,)"
}

dns_signed_rm() {
  SIGNED_Key="${SIGNED_Key:-$(_readaccountconf_mutable SIGNED_Key)}"
  _name="SIGNED_Id_$(printf "%s" "$2" | _digest sha1 hex)"
  _id="$(_readdomainconf "$_name")"
  if [ -z "$_id" ]; then
    _err "No id was saved for $1"
    return 1
  fi
  _signed_login || return 1
  _signed_call remove "id=$_id" || return 1
  _cleardomainconf "$_name"
}

_signed_login() {
  _get "$SIGNED_Api/login" onlyheader 10 >/dev/null || return 1
  _cookie="$(grep -i "^set-cookie:" "$HTTP_HEADER" | _egrep_o 'sid=[^;]*')"
  [ "$_cookie" ]
}

_signed_call() {
  _when="$(_time)"
  _keyhex="$(printf "%s" "$SIGNED_Key" | _hex_dump | tr -d " ")"
  _mac="$(printf "%s\n%s\n%s" "$1" "$2" "$_when" | _hmac sha256 "$_keyhex" hex)"
  _H1="X-Time: $_when"
  _H2="X-Mac: $_mac"
  _H3="Cookie: $_cookie"
  response="$(_post "$2" "$SIGNED_Api/$1" needbase64 | _dbase64 | tr -d '\r\n')"
  _H1="" _H2="" _H3=""
  if ! _startswith "$response" "ok,"; then
    _err "$1 was answered with '$response'"
    return 1
  fi
}
