# What the unit does: stages what comes in, and applies. systemd reads this text before the shell
# does, and would replace a name in braces.
# $1: the directory in memory; $2: the folder; then the description, and NAME LENGTH of each staged
# file.
set -eu
folder=$2
description=$3
cd "$1"
shift 3
mkdir secrets
while test $# -gt 0; do
  # Byte by byte, so that it takes no more than its own.
  timeout 60 dd bs=1 count="$2" of="$1" 2>/dev/null
  if test "$(wc -c <"$1")" -ne "$2"; then
    echo "the connection broke before all secrets were there" >&2
    exit 75
  fi
  shift 2
done
exec "$folder/gtc" single-vm apply --spec "$description" --secrets secrets --progress -o json </dev/null
