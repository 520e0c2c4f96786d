#!/bin/bash
# Two people with @xmpp/client in Node: SASL2 with a token, contacts, chat, a lost connection, messages for who is away.
# Node 18 or newer, npm
# usage: js_pair.sh HOST PORT TLSPORT CA JID1 PASSWORD1 JID2 PASSWORD2     prints ok/FAIL lines; exit status 0 when all is ok
set -euo pipefail
cd "$(dirname "$0")/js"
ca=$(realpath "$4")
exec 9>.lock # two tests may want the library at once
flock 9
if ! [ node_modules/.complete -nt package-lock.json ]; then
  for try in 1 2 3; do npm ci --silent --no-audit --no-fund --ignore-scripts && break || [ $try != 3 ]; sleep 5; done
  touch node_modules/.complete
fi
flock -u 9
NODE_EXTRA_CA_CERTS=$ca exec node pair.mjs "${@:1:3}" "${@:5}"
