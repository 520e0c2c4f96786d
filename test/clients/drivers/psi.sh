#!/bin/bash
# Psi+ on a virtual screen: type the password, roster, send by xmpp: link, read the answer from its history, screenshot. As root;
# see desk.sh.
# apt-get install -y --no-install-recommends psi-plus   and what desk.sh and echo.py want
# usage: psi.sh HOST PORT CA JID PASSWORD PEER OUT.png     PEER must be a contact and answer (echo.py)
set -u
here=$(cd "$(dirname "$0")" && pwd)
if [ -z "${INSIDE:-}" ]; then
  w=$(mktemp -d); chmod 755 "$w"; INSIDE=1 "$here/desk.sh" "$w/desk" "$3" "$here/psi.sh" "$@"; r=$?
  cp "$w/desk/shot.png" "$7" 2>/dev/null; rm -rf "$w"; exit $r
fi
host=$1 port=$2 jid=$4 password=$5 peer=$6; bad=0; p=$XDG_CONFIG_HOME/psi+/profiles/default; mkdir -p "$p"
result() { if [ "$1" = 0 ]; then echo "ok   $2"; else bad=$((bad + 1)); echo "FAIL $2"; fi; }
window() { xdotool search --onlyvisible --name "$1" 2>/dev/null | tail -1; }
await() { for _ in $(seq 200); do w=$("${@:2}") && [ -n "$w" ] && { result 0 "$1"; return; }; sleep 0.1; done; result 1 "$1"; }
cat >"$p/accounts.xml" <<X
<!DOCTYPE accounts><accounts version="1.4" xmlns="http://psi-im.org/options"><accounts><a0><name type="QString">test</name><id type="QString">{00000000-0000-4000-8000-000000000001}</id>
<enabled type="bool">true</enabled><auto type="bool">true</auto><jid type="QString">$jid</jid><opt-pass type="bool">true</opt-pass><use-host type="bool">true</use-host><host type="QString">$host</host><port type="int">$port</port>
<ssl type="QString">yes</ssl><resource type="QString">psi</resource></a0></accounts></accounts>
X
psi-plus --profile=default >"$HOME/psi.log" 2>&1 & pid=$!
await "speaks TLS and asks for the password" window Password
xdotool windowfocus --sync "$w" type "$password"; xdotool key Return
signed() { ls "$XDG_CACHE_HOME"/psi+/profiles/default/vcard/* 2>/dev/null | head -1; } # it asks for the own card when it is in
await "signed in" signed
psi-plus --profile=default --remote --uri="xmpp:$peer?message;body=hello%20from%20psi" >/dev/null 2>&1
await "a window to write in" window "$peer"
sleep 1; xdotool windowfocus --sync "$w" key ctrl+Return
answered() { grep -rlsa 'echo: hello from psi' "$XDG_DATA_HOME" "$XDG_CONFIG_HOME" | head -1; }
await "message out, answer back" answered
for name in "User Info" "Useful Tips"; do w=$(window "$name"); [ -z "$w" ] || xdotool windowclose "$w"; done
w=$(window 'Psi+'); xdotool mousemove --window "$w" 110 184 click --repeat 2 --delay 100 1 # opens what came
sleep 1; w=$(window "$peer"); [ -z "$w" ] || xdotool windowmove "$w" 320 44; sleep 0.5
import -window root -crop 900x480+0+0 "$HOME/shot.png"; kill $pid
[ $bad = 0 ] || tail -5 "$HOME/psi.log"
[ $bad = 0 ]
