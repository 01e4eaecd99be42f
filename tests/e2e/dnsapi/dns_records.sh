#!/usr/bin/env sh
# A script of the kind that keeps records with ids behind a bearer token and finds its zone by dropping labels.

RECORDS_Api_Default="http://127.0.0.1:1/v1"

dns_records_add() {
  fulldomain="$1"
  txtvalue="$2"
  _records_settings || return 1
  _records_zone "$fulldomain" || return 1
  _info "Adding a record to $_zone"
  if ! _records_rest POST "zones/$_zone_id/records" "{\"type\":\"TXT\",\"name\":\"$_label\",\"content\":\"$txtvalue\"}"; then
    _err "Cannot add the record."
    return 1
  fi
  if ! _contains "$response" "\"content\":\"$txtvalue\""; then
    _err "Unexpected answer" "$response"
    return 1
  fi
  _saveaccountconf_mutable RECORDS_Token "$RECORDS_Token"
}

dns_records_rm() {
  fulldomain="$1"
  txtvalue="$2"
  _records_settings || return 1
  _records_zone "$fulldomain" || return 1
  _records_rest GET "zones/$_zone_id/records?name=$(printf "%s" "$fulldomain" | _url_encode)&content=$(printf "%s" "$txtvalue" | _url_encode)" || return 1
  _id=$(echo "$response" | _normalizeJson | _egrep_o '"id":"[^"]*"' | _head_n 1 | cut -d : -f 2 | tr -d '"')
  if [ -z "$_id" ]; then
    _info "There is no such record"
    return 0
  fi
  _records_rest DELETE "zones/$_zone_id/records/$_id"
}

_records_settings() {
  RECORDS_Token="${RECORDS_Token:-$(_readaccountconf_mutable RECORDS_Token)}"
  RECORDS_Api="${RECORDS_Api:-$RECORDS_Api_Default}"
  if [ -z "$RECORDS_Token" ]; then
    _err "RECORDS_Token is not set."
    return 1
  fi
  _secure_debug RECORDS_Token "$RECORDS_Token"
}

_records_zone() {
  _i=2
  _p=1
  while true; do
    _zone=$(printf "%s" "$1" | cut -d . -f "$_i"-100)
    [ -z "$_zone" ] && return 1
    _records_rest GET "zones?name=$_zone" || return 1
    if _contains "$response" "\"name\" *: *\"$_zone\""; then
      _zone_id=$(echo "$response" | _normalizeJson | _egrep_o '"id":"[^"]*"' | _head_n 1 | _getfield_id)
      _label=$(printf "%s" "$1" | cut -d . -f "1-$_p")
      return 0
    fi
    _p=$_i
    _i=$(_math "$_i" + 1)
  done
}

_getfield_id() {
  _getfield "$(cat)" 4 '"'
}

_records_rest() {
  export _H1="Authorization: Bearer $RECORDS_Token"
  export _H2="Accept: application/json"
  if [ "$1" = GET ]; then
    response="$(_get "$RECORDS_Api/$2")"
  else
    response="$(_post "$3" "$RECORDS_Api/$2" "" "$1" "application/json")"
  fi
  _ret="$?"
  _debug2 response "$response"
  _code="$(grep "^HTTP" "$HTTP_HEADER" | _tail_n 1 | cut -d " " -f 2)"
  if [ "$_ret" != 0 ] || [ "$_code" -ge 400 ]; then
    _err "$1 $2 failed with $_code: $response"
    return 1
  fi
}
