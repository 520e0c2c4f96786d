#!/bin/bash
# Dino on a virtual screen: sign in, open a chat by xmpp: link, type, read the answer from its database, screenshot. As root; see
# desk.sh. Dino knows no other host or port than the domain's: HOST PORT must be 127.0.0.1 5222, the domain localhost.
# apt-get install -y --no-install-recommends dino-im   and what desk.sh and echo.py want
# usage: dino.sh HOST PORT CA JID PASSWORD PEER OUT.png     PEER must be a contact and answer (echo.py)
set -u
here=$(cd "$(dirname "$0")" && pwd)
if [ -z "${INSIDE:-}" ]; then
  w=$(mktemp -d); chmod 755 "$w"; INSIDE=1 "$here/desk.sh" "$w/desk" "$3" "$here/dino.sh" "$@"; r=$?
  cp "$w/desk/shot.png" "$7" 2>/dev/null; rm -rf "$w"; exit $r
fi
jid=$4 password=$5 peer=$6; bad=0; db=$XDG_DATA_HOME/dino/dino.db
result() { if [ "$1" = 0 ]; then echo "ok   $2"; else bad=$((bad + 1)); echo "FAIL $2"; fi; }
query() { python3 -c 'import sqlite3,sys; c=sqlite3.connect(sys.argv[1],timeout=5); print(*(r[0] for r in c.execute(*([sys.argv[2]]+([sys.argv[3:]] if sys.argv[3:] else [])))),sep="\n"); c.commit()' "$db" "$@" 2>/dev/null; }
dino-im >"$HOME/first.log" 2>&1 & d=$! # the first start makes the database
for _ in $(seq 50); do [ "$(query "select count(*) from sqlite_master where name='account'")" = 1 ] && break; sleep 0.2; done
sleep 1; kill $d; wait $d 2>/dev/null
query "insert into account (bare_jid, resourcepart, password, alias, enabled) values (?, 'dino', ?, '', 1)" "$jid" "$password" >/dev/null
dino-im --print-xmpp=all >"$HOME/dino.log" 2>&1 & d=$!
r=1; for _ in $(seq 150); do [ "$(query "select count(*) from roster where jid=?" "$peer")" = 1 ] && { r=0; break; }; sleep 0.1; done; result $r "signed in, roster has $peer"
dino-im "xmpp:$peer?message" >/dev/null 2>&1; sleep 2
win=$(xdotool search --onlyvisible --class dino 2>/dev/null | tail -1)
xdotool windowsize "$win" 1180 760 windowfocus "$win" 2>/dev/null; sleep 1
xdotool type --delay 20 "hello from dino"; xdotool key Return
r=1; for _ in $(seq 100); do query "select body from message" | grep -q "^echo: hello from dino" && { r=0; break; }; sleep 0.1; done; result $r "message out, answer back"
sleep 1; import -window root "$HOME/shot.png"
kill $d
[ $bad = 0 ] || { grep -v '^$' "$HOME/dino.log" | tail -25; query "select body from message"; }
[ $bad = 0 ]
