#!/bin/bash
# Gajim on a virtual screen, driven over D-Bus: sign in, roster, send, receive, what it says of the server, screenshots. As root; see desk.sh.
# apt-get install -y --no-install-recommends gajim xclip   and what desk.sh and echo.py want
# usage: gajim.sh HOST PORT CA JID PASSWORD PEER OUT.png     PEER must be a contact and answer (echo.py); the dialogue goes to OUT-server.png
set -u
here=$(cd "$(dirname "$0")" && pwd)
if [ -z "${INSIDE:-}" ]; then
  w=$(mktemp -d); chmod 755 "$w"; INSIDE=1 "$here/desk.sh" "$w/desk" "$3" "$here/gajim.sh" "$@"; r=$?
  cp "$w/desk/shot.png" "$7"; cp "$w/desk/server.png" "${7%.png}-server.png"; rm -rf "$w"; exit $r
fi
host=$1 port=$2 jid=$4 password=$5 peer=$6; bad=0; mkdir -p "$XDG_CONFIG_HOME/gajim"
result() { if [ "$1" = 0 ]; then echo "ok   $2"; else bad=$((bad + 1)); echo "FAIL $2"; fi; }
python3 - "$XDG_CONFIG_HOME/gajim/settings.sqlite" "$jid" "$password" "$host" "$port" <<'P'
import json, sqlite3, sys
path, jid, password, host, port = sys.argv[1:]
user, domain = jid.split("@")
c = sqlite3.connect(path)
c.executescript("CREATE TABLE settings (name TEXT UNIQUE, settings TEXT); CREATE TABLE account_settings (account TEXT UNIQUE, settings TEXT); PRAGMA user_version=5;")
app = {"remote_control": True, "use_keyring": False, "check_for_update": False, "show_trayicon": False, "ask_online_status": False, "plugins_update_check": False, "plugins_auto_update": False}
space = {"00000000-0000-4000-8000-000000000001": {"name": "Home", "color": "", "avatar_sha": "", "chats": []}}
for name, value in (("app", app), ("soundevents", {}), ("status_presets", {}), ("proxies", {}), ("plugins", {}), ("workspaces", space)):
    c.execute("INSERT INTO settings VALUES (?,?)", (name, json.dumps(value)))
account = {"name": user, "hostname": domain, "password": password, "savepass": True, "autoconnect": True, "active": True, "resource": "gajim",
           "use_custom_host": True, "custom_host": host, "custom_port": int(port), "custom_type": "START TLS"}
c.execute("INSERT INTO account_settings VALUES (?,?)", ("test", json.dumps({"account": account, "contact": {}, "group_chat": {}})))
c.commit()
P
gajim --verbose >"$HOME/gajim.log" 2>&1 & g=$!
r=1; for _ in $(seq 150); do [ "$(gajim-remote get_status test 2>/dev/null)" = online ] && { r=0; break; }; sleep 0.2; done; result $r "signed in"
gdbus monitor --session --dest org.gajim.Gajim >"$HOME/signals" 2>/dev/null & m=$!
sleep 1
gajim-remote list_contacts test >"$HOME/contacts" 2>&1; grep -q "'jid': '$peer'" "$HOME/contacts"; result $? "roster has $peer"
gajim-remote send_chat_message "$peer" "hello from gajim" test >/dev/null 2>&1
r=1; for _ in $(seq 100); do grep -q "NewMessage.*echo: hello from gajim" "$HOME/signals" && { r=0; break; }; sleep 0.1; done; result $r "message out, answer back"
gajim-remote open_chat "$peer" test >/dev/null 2>&1 &
xdotool search --onlyvisible --name '^Gajim$' windowsize 1200 780 mousemove --sync 245 186 click 1 2>/dev/null
sleep 2; import -window root "$HOME/shot.png"
# The dialogue about the server: its copy button gives what its rows show. Labels (XEP-0258) are not given here; rooms wait.
gdbus call --session --dest org.gajim.Gajim --object-path /org/gajim/Gajim --method org.gtk.Actions.Activate test-server-info "[<'test'>]" "{}" >/dev/null
w=; for _ in $(seq 100); do w=$(xdotool search --onlyvisible --name '^Server Info$' 2>/dev/null) && [ -n "$w" ] && break; sleep 0.1; done
sleep 1; xdotool windowfocus --sync "$w" windowmove "$w" 20 0 windowsize --sync "$w" 500 775 mousemove --window "$w" 327 18 click 1; sleep 1
import -window "$w" "$HOME/server.png"
xdotool mousemove --window "$w" 463 739 click 1; sleep 0.5
timeout 5 xclip -o -selection clipboard >"$HOME/rows" 2>/dev/null
said=$(grep -c '^XEP-.*: Available' "$HOME/rows"); missing=$(grep 'Not available' "$HOME/rows" | grep -v 'XEP-0258\|XEP-0045')
[ "$said" -ge 13 ] && [ -z "$missing" ]; result $? "server information: $said rows are green$missing"
kill $m; gajim-remote change_status offline bye test >/dev/null 2>&1; sleep 0.5; kill $g
[ $bad = 0 ] || { grep -E 'nbxmpp|client ' "$HOME/gajim.log" | tail -40; cat "$HOME/contacts" "$HOME/rows"; }
[ $bad = 0 ]
