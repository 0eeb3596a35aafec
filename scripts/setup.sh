# Shared steps of ./demo and ./check; sourced by them from the root of the repository.

step() { printf '\n== %s\n' "$*"; }

# packages_of SECTION...: names in these sections of packages.txt
packages_of() {
  awk -v wanted=" $* " '
    /^# section:/ { within = index(wanted, " " $3 " "); next }
    /^#/ || /^$/ { next }
    within { print $1 }' packages.txt
}

# install_packages SECTION...
install_packages() {
  missing=""
  for package in $(packages_of "$@"); do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q '^install ok installed$' ||
      missing="$missing $package"
  done
  [ -n "$missing" ] || return 0
  step "Installing packages:$missing"
  if [ "$(id -u)" = 0 ]; then sudo=""; else sudo="sudo"; fi
  $sudo apt-get update -qq
  # shellcheck disable=SC2086
  DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends $missing
}

# build PRESET [TARGETS, in one word]
build() {
  step "Building the $1 preset"
  cmake --preset "$1" >"/tmp/whet-configure-$$.log" 2>&1 || {
    cat "/tmp/whet-configure-$$.log"
    exit 1
  }
  rm -f "/tmp/whet-configure-$$.log"
  # shellcheck disable=SC2086
  cmake --build --preset "$1" ${2:+--target $2}
}
