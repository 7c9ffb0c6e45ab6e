# What the machine is and has, one `name value` a line. Nothing is written.
# $1: the folder of what is brought; the rest: files that may be there.
folder=$1
shift
echo "arch $(uname -m)"
echo "system $(uname -s)"
if test -d /run/systemd/system; then
  version=$(systemctl --version | head -n 1)
  version=${version#systemd }
  echo "systemd ${version%% *}"
fi
echo "run $(stat -f -c %T /run)"
for tool in dd head mkdir mv rm sha256sum systemd-run wc; do
  command -v "$tool" >/dev/null || echo "lacks $tool"
done
if test -e "$folder.json"; then
  echo "recorded yes"
fi
for file in "$@"; do
  if test -f "$file"; then
    found=$(sha256sum <"$file")
    echo "file $file sha256:${found%% *}"
  fi
done
if test -f "$folder/journal"; then
  while read -r line; do
    echo "journal $line"
  done <"$folder/journal"
fi
