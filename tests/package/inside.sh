#!/bin/sh
# What a user does with the package, in a Debian that has nothing else of whet: installs it, runs it, reads its manual,
# completes its commands, builds a program against it, removes it. Run by tests/package/run.sh in /try.
set -eu

step() { printf '== %s\n' "$*"; }
expect() { # WHAT PATTERN: the pattern is in what stdin says
  text=$(cat)
  printf '%s\n' "$text" | grep -q -- "$2" || {
    printf 'FAILED: %s: expected "%s", found:\n%s\n' "$1" "$2" "$text" >&2
    exit 1
  }
}
model=whetstone-2.8m-q8_0.gguf

step "install"
apt-get update -qq
apt-get install -y -qq --no-install-recommends ./whet.deb >apt.log 2>&1 || { cat apt.log >&2; exit 1; }
ldd /usr/bin/whet | grep "not found" && exit 1

step "run"
whet --version | expect "whet --version" "^whet 0"
whet run -m $model --temp 0 -n 8 "2+2=" >answer.txt
[ -s answer.txt ] || { echo "FAILED: whet run said nothing" >&2; exit 1; }
whet show -m $model | expect "whet show" "llama"
whet bench -m $model -p 16 -n 4 -r 1 -o json | expect "whet bench" '"n_gen"'

step "manual and completions"
# A minimal Debian leaves manuals and documents out unless told otherwise.
rm -f /etc/dpkg/dpkg.cfg.d/docker
apt-get install -y -qq --no-install-recommends man-db bash-completion zsh fish >apt.log 2>&1 || { cat apt.log >&2; exit 1; }
man whet 2>man.log | expect "man whet" "NAME"
warnings=$(man --warnings -E UTF-8 -l -Tutf8 -Z /usr/share/man/man1/whet.1* 2>&1 >/dev/null)
[ -z "$warnings" ] || { printf 'FAILED: the manual: %s\n' "$warnings" >&2; exit 1; }
bash -c '. /usr/share/bash-completion/bash_completion
  _completion_loader whet
  f=$(complete -p whet | sed "s/.*-F \([^ ]*\).*/\1/")
  COMP_WORDS=(whet ben) COMP_CWORD=1 COMP_LINE="whet ben" COMP_POINT=8
  $f whet ben whet; printf "%s\n" "${COMPREPLY[@]}"' | expect "bash completion" "^bench"
fish -c 'complete -C "whet adapt vocab "' | expect "fish completion" "^mine"
zsh -c 'autoload -U compinit && compinit -u && print -- $_comps[whet]' | expect "zsh completion" "^_whet"

step "server unit"
apt-get install -y -qq --no-install-recommends systemd curl >apt.log 2>&1 || { cat apt.log >&2; exit 1; }
XDG_RUNTIME_DIR=/tmp systemd-analyze verify --man=no --user /usr/lib/systemd/user/whet.service
whet serve -m $model --port 18080 >serve.log 2>&1 &
server=$!
curl -s --retry 40 --retry-delay 1 --retry-connrefused http://127.0.0.1:18080/v1/models | expect "whet serve" "whetstone"
kill $server
wait $server || { echo "FAILED: whet serve ended with $?" >&2; cat serve.log >&2; exit 1; }

step "consumer projects"
apt-get install -y -qq --no-install-recommends g++ cmake make pkg-config >apt.log 2>&1 || { cat apt.log >&2; exit 1; }
mkdir -p consumer
cp ask.cc consumer/
cat >consumer/CMakeLists.txt <<'CMAKE'
cmake_minimum_required(VERSION 3.25)
project(ask CXX)
find_package(whet 0.1 REQUIRED)
add_executable(ask ask.cc)
target_link_libraries(ask PRIVATE whet::whet)
CMAKE
cmake -S consumer -B consumer/build >cmake.log && cmake --build consumer/build >>cmake.log || { cat cmake.log >&2; exit 1; }
consumer/build/ask $model "2+2=" >by_cmake.txt
# shellcheck disable=SC2046
g++ -std=c++20 ask.cc $(pkg-config --cflags --libs whet) -o ask
./ask $model "2+2=" >by_pkg_config.txt
[ -s by_cmake.txt ] && cmp by_cmake.txt by_pkg_config.txt

step "remove"
apt-get remove -y -qq whet >apt.log 2>&1
left=$(find /usr -name '*whet*' -not -path '*/try/*')
[ -z "$left" ] || { printf 'FAILED: left behind:\n%s\n' "$left" >&2; exit 1; }
step "the package is good"
