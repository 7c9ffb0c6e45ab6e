# Notes in the journal how far it came. $1: the folder; $2: what is noted.
set -eu
umask 077
mkdir -p "$1"
chmod 0700 "$1"
echo "$(date -u +%Y-%m-%dT%H:%M:%SZ) $2" >>"$1/journal"
