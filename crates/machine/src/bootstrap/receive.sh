# Takes a file from its input, and keeps it when it is the one that was sent.
# $1: the folder; $2: its name there; $3: its digest; $4: its mode.
set -eu
umask 077
part="$1/$2.part"
trap "rm -f \"$part\"" EXIT
cat >"$part"
found=$(sha256sum <"$part")
found="sha256:${found%% *}"
if test "$found" != "$3"; then
  echo "it arrived as $found" >&2
  exit 65
fi
chmod "$4" "$part"
mv -f "$part" "$1/$2"
echo "$(date -u +%Y-%m-%dT%H:%M:%SZ) copied $2 $3" >>"$1/journal"
