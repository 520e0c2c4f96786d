#!/bin/bash
# desk.sh WORKDIR CA COMMAND…: runs COMMAND on a virtual screen (1200x800) with a window manager and a session bus, HOME and
# XDG directories under WORKDIR, and CA among the system's authorities, for COMMAND only (a mount namespace). Needs root for
# that, and goes on as nobody (Gajim refuses root). All ends with COMMAND.
# apt-get install -y --no-install-recommends xvfb openbox xdotool imagemagick dbus-daemon x11-utils fonts-dejavu-core libglib2.0-bin
set -u
if [ "$(id -u)" = 0 ]; then
  w=$1 ca=$2; shift 2; mkdir -p "$w"; w=$(cd "$w" && pwd); chmod 755 "$w"; chown nobody "$w"
  cat /etc/ssl/certs/ca-certificates.crt "$ca" >"$w/authorities"
  export HOME=$w
  exec unshare -m -- sh -c 'mount --bind "$HOME/authorities" /etc/ssl/certs/ca-certificates.crt && unset SSL_CERT_FILE && exec setpriv --reuid=65534 --regid=65534 --clear-groups "$@"' sh "$0" "$@"
fi
w=$HOME
export XDG_CONFIG_HOME=$w/config XDG_DATA_HOME=$w/data XDG_CACHE_HOME=$w/cache XDG_RUNTIME_DIR=$w/run LANG=C.UTF-8 LC_ALL=C.UTF-8 \
  GDK_BACKEND=x11 NO_AT_BRIDGE=1 GSK_RENDERER=cairo LIBGL_ALWAYS_SOFTWARE=1 GTK_USE_PORTAL=0
mkdir -p "$XDG_CONFIG_HOME" "$XDG_DATA_HOME" "$XDG_CACHE_HOME" "$XDG_RUNTIME_DIR"; chmod 700 "$XDG_RUNTIME_DIR"; cd "$w"
Xvfb -displayfd 3 -screen 0 1200x800x24 -nolisten tcp 3>"$w/display" >/dev/null 2>&1 & x=$!
for _ in $(seq 100); do [ -s "$w/display" ] && break; sleep 0.1; done
DISPLAY=:$(cat "$w/display"); export DISPLAY
openbox >/dev/null 2>&1 & o=$!
trap 'kill $o $x 2>/dev/null' EXIT
dbus-run-session -- "$@"
