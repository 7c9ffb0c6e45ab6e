# Applies, in a unit of its own: it goes on when the connection breaks, and the directory in memory
# is removed by systemd however it ends.
# $1: the unit, which the directory is called after; $2: the folder; $3: what the unit does; the rest
# is for that.
set -eu
unit=$1
folder=$2
script=$3
shift 3
while systemctl is-active --quiet "$unit"; do
  test -n "${waits:-}" || echo "waiting for the bootstrap before this one, which goes on there" >&2
  waits=yes
  sleep 1
done
exec systemd-run --quiet --wait --pipe --collect --unit="$unit" \
  --property=RuntimeDirectory="$unit" --property=RuntimeDirectoryMode=0700 \
  --property=UMask=0077 --property=LimitCORE=0 --property=WorkingDirectory=/ \
  /bin/sh -c "$script" sh "/run/$unit" "$folder" "$@"
