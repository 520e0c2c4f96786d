#!/bin/bash
# go-sendxmpp: one listens, one sends, over STARTTLS and over direct TLS; then a message for who is away.
# apt-get install -y --no-install-recommends go-sendxmpp
# usage: go_sendxmpp_pair.sh HOST PORT TLSPORT CA JID1 PASSWORD1 JID2 PASSWORD2
set -u
host=$1 port=$2 tlsport=$3 ca=$4 j1=$5 p1=$6 j2=$7 p2=$8
export SSL_CERT_FILE=$ca; w=$(mktemp -d); bad=0; listener=
trap '[ -z "$listener" ] || kill $listener 2>/dev/null; rm -rf "$w"' EXIT
check() { # text, what: up to 15 s
  for _ in $(seq 150); do grep -qF -- "$1" "$w/heard" 2>/dev/null && { echo "ok   $2"; return; }; sleep 0.1; done
  bad=$((bad + 1)); echo "FAIL $2: '$1' was not heard"; cat "$w"/heard "$w"/listener.err
}
send() { # text, server, options: sends as the first
  echo "$1" | timeout 20 go-sendxmpp "${@:3}" -j "$2" -u "$j1" -p "$p1" "$j2" || { bad=$((bad + 1)); echo "FAIL sending '$1'"; }
}
listen() { go-sendxmpp -l -j "$host:$port" -u "$j2" -p "$p2" >>"$w/heard" 2>>"$w/listener.err" & listener=$!; }
send "kept until you come" "$host:$port"
listen; check "kept until you come" "offline message"
send "over STARTTLS" "$host:$port"; check "over STARTTLS" "message over STARTTLS"
send "over direct TLS" "$host:$tlsport" -t; check "over direct TLS" "message over direct TLS"
[ $bad = 0 ]
