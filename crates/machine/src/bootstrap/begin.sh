# Notes in the journal that a bootstrap begins. $1: the folder; $2: the digest of the description.
set -eu
umask 077
mkdir -p "$1"
chmod 0700 "$1"
echo "$(date -u +%Y-%m-%dT%H:%M:%SZ) begun $2" >>"$1/journal"
