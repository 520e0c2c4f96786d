#!/bin/bash
# Gajim on a virtual screen, driven over D-Bus: sign in, roster, send, receive, screenshot. By hand, as root; see desk.sh.
# apt-get install -y --no-install-recommends gajim   and what desk.sh and echo.py want
# usage: gajim.sh HOST PORT CA JID PASSWORD PEER OUT.png     PEER must be a contact and answer (echo.py)
set -u
here=$(cd "$(dirname "$0")" && pwd)
if [ -z "${INSIDE:-}" ]; then
  w=$(mktemp -d); chmod 755 "$w"; INSIDE=1 "$here/desk.sh" "$w/desk" "$3" "$here/gajim.sh" "$@"; r=$?
  cp "$w/desk/shot.png" "$7" 2>/dev/null; rm -rf "$w"; exit $r
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
kill $m; gajim-remote change_status offline bye test >/dev/null 2>&1; sleep 0.5; kill $g
[ $bad = 0 ] || { grep -E 'nbxmpp|client ' "$HOME/gajim.log" | tail -40; cat "$HOME/contacts"; }
[ $bad = 0 ]
