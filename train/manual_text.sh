#!/bin/sh
# Text of the manual pages of Debian packages, a paragraph to a line, as a domain for `whet adapt vocab`: OUT/train.txt, and
# every tenth page in OUT/test.txt. Links and pages of one line that name another are left out.
#   manual_text.sh OUT PACKAGE...     for example: manual_text.sh domain manpages-dev
set -eu
out=$1
shift
mkdir -p "$out"
: > "$out/train.txt"
: > "$out/test.txt"
n=0
dpkg -L "$@" | grep '^/usr/share/man/man[0-9]/.*\.gz$' | sort | while read -r page; do
  [ -h "$page" ] && continue
  zcat "$page" | head -1 | grep -q '^\.so ' && continue
  n=$((n + 1))
  into=train
  [ $((n % 10)) -eq 0 ] && into=test
  # Without tables, without header and footer, which repeat the name and the version, and without indentation.
  zcat "$page" | sed '/^\.TS/,/^\.TE/d' | groff -man -Tascii -P-cbou -rLL=9000n -rHY=0 -dAD=l 2> /dev/null |
    sed -e '1d;$d' -e 's/^ *//;s/   */  /g' | cat -s >> "$out/$into.txt"
done
wc -c "$out/train.txt" "$out/test.txt"
