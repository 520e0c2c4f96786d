#!/bin/bash
# Two people with Smack, the library inside Spark and Jitsi.
# apt-get install -y --no-install-recommends openjdk-17-jdk-headless maven
# usage: smack_pair.sh HOST PORT CA JID1 PASSWORD1 JID2 PASSWORD2     prints ok/FAIL lines; exit status 0 when all is ok
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)/smack
lib=$here/lib
# Two tests may want the library at once.
exec 9>"$here/.lock"
flock 9
if ! [ "$lib/.complete" -nt "$here/pom.xml" ]; then
  for try in 1 2 3; do
    mvn -q -B -f "$here/pom.xml" dependency:copy-dependencies -DoutputDirectory="$lib" && break || [ $try != 3 ]
    sleep 5
  done
  touch "$lib/.complete"
fi
flock -u 9
exec java -XX:TieredStopAtLevel=1 -cp "$lib/*" "$here/SparkPair.java" "$@"
