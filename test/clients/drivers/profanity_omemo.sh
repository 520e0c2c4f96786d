#!/bin/bash
# Two real profanity processes in tmux that encrypt end to end (OMEMO, XEP-0384 in its old namespace): devices and keys go over
# PEP nodes of each.
# apt-get install -y --no-install-recommends profanity tmux
# usage: profanity_omemo.sh HOST PORT CA JID1 PASSWORD1 JID2 PASSWORD2     prints ok/FAIL lines, the screens after a failure
set -u
host=$1 port=$2 ca=$3 j1=$4 p1=$5 j2=$6 p2=$7
w=$(mktemp -d); sock=$w/tmux; export LANG=C.UTF-8 TERM=screen-256color SSL_CERT_FILE=$ca; ok=0; bad=0
T() { tmux -f /dev/null -S "$sock" "$@"; }
trap 'T kill-server 2>/dev/null; rm -rf "$w"' EXIT
screen() { T capture-pane -p -t "p$1" 2>/dev/null; }
say() { T send-keys -t "p$1" -l -- "$2"; T send-keys -t "p$1" Enter; }
log() { cat "$w/$1"/data/profanity/logs/*.log 2>/dev/null; }
good() { ok=$((ok + 1)); echo "ok   $1"; }
wrong() { # what, client
  bad=$((bad + 1)); echo "FAIL $1"; screen "$2" | grep -v '^ *$' | tail -12; log "$2" | grep -i 'omemo\|error' | tail -12
}
await() { # client, text, what: up to 30 s
  for _ in $(seq 300); do if screen "$1" | grep -qF -- "$2"; then good "$3"; return 0; fi; sleep 0.1; done
  wrong "$3: no '$2' on screen $1" "$1"; return 1
}
wire() { # client, pattern, what: up to 30 s
  for _ in $(seq 300); do if log "$1" | grep -q -- "$2"; then good "$3"; return 0; fi; sleep 0.1; done
  wrong "$3: no '$2' in log $1" "$1"; return 1
}
start() {
  mkdir -p "$w/$1/config/profanity" "$w/$1/data" "$w/$1/home"
  printf '[ui]\nsplash=false\ntitlebar.show=false\n[notifications]\nmessage=off\ntyping=off\ninvite=off\nsub=off\n' >"$w/$1/config/profanity/profrc"
  T new-session -d -s "p$1" -x 120 -y 40 "env HOME=$w/$1/home XDG_CONFIG_HOME=$w/$1/config XDG_DATA_HOME=$w/$1/data SSL_CERT_FILE=$ca profanity -l DEBUG"
  await "$1" "Profanity" "profanity $1 started"
}
sign_in() { # client, JID, password
  say "$1" "/connect $2 server $host port $port tls force"
  await "$1" "Enter password" "password prompt $1" || return 1
  say "$1" "$3"; await "$1" "logged in successfully" "signed in as $2"
}
start 1; start 2
if sign_in 1 "$j1" "$p1" && sign_in 2 "$j2" "$p2"; then
  say 1 "/sub request $j2"; await 2 "authorization request" "request seen"
  say 2 "/sub allow $j1"; say 2 "/sub request $j1"; await 1 "authorization request" "request back seen"
  say 1 "/sub allow $j2"; sleep 0.5
  say 1 "/win 1"; say 1 "/roster"; await 1 "$j2 - both" "roster item with subscription both"
  for n in 1 2; do
    say $n "/omemo trustmode blind"; say $n "/omemo gen"
    wire $n "SENT:.*<publish node=\"eu.siacs.conversations.axolotl.bundles" "keys of $n published"
    wire $n "SENT:.*<publish node=\"eu.siacs.conversations.axolotl.devicelist" "devices of $n published"
  done
  # Each is told of the other's devices: that is PEP's notification, by capabilities.
  wire 1 "RECV:.*<message.*from=.$j2.*axolotl.devicelist" "one is told of two's devices"
  wire 2 "RECV:.*<message.*from=.$j1.*axolotl.devicelist" "two is told of one's devices"
  say 1 "/msg $j2"; say 2 "/msg $j1"
  for n in 1 2; do say $n "/omemo start"; await $n "[OMEMO]" "session of $n"; done
  wire 1 "RECV:.*axolotl.bundles" "one has keys of two"; wire 2 "RECV:.*axolotl.bundles" "two has keys of one"
  sleep 1
  say 1 "first from one"; await 2 ": first from one" "message one to two"
  say 2 "answer from two"; await 1 ": answer from two" "message two to one"
  wire 1 'SENT:.*<encrypted' "encrypted on the wire"
  if log 1 | grep -q 'SENT:.*first from one' || log 2 | grep -q 'SENT:.*answer from two'; then wrong "plaintext on the wire" 1; else good "no plaintext on the wire"; fi
fi
echo "$ok passed, $bad failed"; [ $bad = 0 ]
