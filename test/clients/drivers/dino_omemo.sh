#!/bin/bash
# Dino and profanity encrypt end to end (OMEMO, XEP-0384 in its old namespace), each way, on a virtual screen. As root; see desk.sh.
# HOST PORT must be 127.0.0.1 5222, the domain localhost, as dino.sh says.
# apt-get install -y --no-install-recommends dino-im profanity tmux   and what desk.sh wants
# usage: dino_omemo.sh HOST PORT CA JID1 PASSWORD JID2 OUT.png     Dino is JID1; both have the password and are contacts of each other
set -u
here=$(cd "$(dirname "$0")" && pwd)
if [ -z "${INSIDE:-}" ]; then
  w=$(mktemp -d); chmod 755 "$w"; INSIDE=1 "$here/desk.sh" "$w/desk" "$3" "$here/dino_omemo.sh" "$@"; r=$?
  cp "$w/desk/shot.png" "$7" 2>/dev/null; rm -rf "$w"; exit $r
fi
host=$1 port=$2 jid=$4 password=$5 peer=$6; bad=0; db=$XDG_DATA_HOME/dino/dino.db; export TERM=screen-256color
T() { tmux -f /dev/null -S "$HOME/tmux" "$@"; }
result() { if [ "$1" = 0 ]; then echo "ok   $2"; else bad=$((bad + 1)); echo "FAIL $2"; fi; }
await() { for _ in $(seq 300); do "${@:2}" && { result 0 "$1"; return 0; }; sleep 0.1; done; result 1 "$1"; return 1; } # up to 30 s
query() { python3 -c 'import sqlite3,sys; c=sqlite3.connect(sys.argv[1],timeout=5); print(*(r[0] for r in c.execute(*([sys.argv[2]]+([sys.argv[3:]] if sys.argv[3:] else [])))),sep="\n"); c.commit()' "$db" "$@" 2>/dev/null; }
has() { [ -n "$(query "$@")" ]; }
shows() { T capture-pane -p -t p | grep -qF -- "$1"; }
wire() { cat "$HOME"/p/data/profanity/logs/*.log | grep -q -- "$1"; }
say() { T send-keys -t p -l -- "$1"; T send-keys -t p Enter; }
# One Dino after the other: what is started while there is one is only a message to it.
owned() { gdbus call --session --dest org.freedesktop.DBus --object-path / --method org.freedesktop.DBus.NameHasOwner im.dino.Dino | grep -q true; }
gone() { ! owned; }
dino() { dino-im --print-xmpp=all >"$HOME/dino.log" 2>&1 & d=$!; await "Dino runs" owned; }
quit() { kill $d; wait $d 2>/dev/null; await "Dino has ended" gone; }
signed() { grep -q '{jabber:iq:roster}:query' "$HOME/dino.log"; }
online() { dino; await "Dino is signed in" signed; await "it has a roster" has "select 1 from roster where jid=?" "$peer"; timeout 20 dino-im "xmpp:$peer?message" >/dev/null 2>&1; }

mkdir -p "$HOME/p/config/profanity" "$HOME/p/data"
printf '[ui]\nsplash=false\ntitlebar.show=false\n[notifications]\nmessage=off\ntyping=off\ninvite=off\nsub=off\n' >"$HOME/p/config/profanity/profrc"
T new-session -d -s p -x 120 -y 40 "env XDG_CONFIG_HOME=$HOME/p/config XDG_DATA_HOME=$HOME/p/data profanity -l DEBUG"
await "profanity started" shows "Profanity"
say "/connect $peer server $host port $port tls force"; await "it asks for the password" shows "Enter password"
say "$password"; await "profanity is signed in" shows "logged in successfully"
say "/omemo trustmode blind"; say "/omemo gen"
await "its keys are published" wire "SENT:.*<publish node=\"eu.siacs.conversations.axolotl.bundles"

# The first start makes Dino's database, the second a conversation, which then is one that encrypts (2 is OMEMO).
dino; for _ in $(seq 100); do has "select 1 from sqlite_master where name='account'" && break; sleep 0.1; done
sleep 1; quit
query "insert into account (bare_jid, resourcepart, password, alias, enabled) values (?, 'dino', ?, '', 1)" "$jid" "$password" >/dev/null
online
await "a conversation with profanity" has "select 1 from conversation c join jid j on c.jid_id = j.id where j.bare_jid=?" "$peer"
await "profanity is told of Dino's keys" wire "RECV:.*<message.*from=.$jid.*axolotl.devicelist"
sleep 1; quit
query "update conversation set encryption = 2" >/dev/null
online
say "/msg $jid"; say "/omemo start"; await "profanity has a session" shows "[OMEMO]"
await "Dino has a window" test -n "$(xdotool search --sync --onlyvisible --class dino | tail -1)"
win=$(xdotool search --onlyvisible --class dino | tail -1)
xdotool windowsize "$win" 1180 760 windowfocus "$win" 2>/dev/null; sleep 2
xdotool type --delay 20 "hello from dino"; xdotool key Return
await "profanity reads what Dino wrote" shows ": hello from dino"
say "answer from profanity"
await "Dino reads what profanity wrote, encrypted" has "select 1 from message where body='answer from profanity' and encryption=2"
await "Dino wrote encrypted" has "select 1 from message where body='hello from dino' and encryption=2"
if grep -q 'hello from dino\|answer from profanity' "$HOME/dino.log"; then result 1 "no plaintext on the wire"; else result 0 "no plaintext on the wire"; fi
sleep 1; import -window root "$HOME/shot.png"
kill $d; T kill-server
[ $bad = 0 ] || { grep -v '^$' "$HOME/dino.log" | tail -25; query "select body || ' ' || encryption from message"; grep -i omemo "$HOME"/p/data/profanity/logs/*.log | tail -10; }
[ $bad = 0 ]
