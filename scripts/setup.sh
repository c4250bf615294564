# The set-up that scripts/demo and scripts/test share; sourced, not run. It finds cargo, a C compiler and the
# servers, fetches the last where there are none (scripts/get-mysqld), and changes nothing else.
#
# gives: say, die, need_cargo, need_mysqld, need_mariadbd, look_for_zstd; the current folder is then the checkout's top.

top=$(cd "$(dirname "$0")/.." && pwd)
cd "$top"
me=$(basename "$0")

say() { echo "$me: $*"; }
die() { echo "$me: $1" >&2; echo "hint: $2" >&2; exit 1; }

# Cargo's own installer puts it where a new shell would find it, which is not this one.
need_cargo() {
  command -v cargo >/dev/null 2>&1 || PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"
  command -v cargo >/dev/null 2>&1 ||
    die "cargo is missing: Rust 1.85 or later is needed to build myriad" "install it from https://rustup.rs and run this again"
  version=$(cargo --version | awk '{print $2}')
  major=${version%%.*}; rest=${version#*.}; minor=${rest%%.*}
  { [ "$major" -gt 1 ] || [ "$minor" -ge 85 ]; } 2>/dev/null ||
    die "cargo $version is too old: Rust 1.85 or later is needed to build myriad" "run rustup update, or install it from https://rustup.rs"
  command -v cc >/dev/null 2>&1 || command -v gcc >/dev/null 2>&1 ||
    die "a C compiler is missing: zstd is built from source" "install one, on Debian with: apt-get install gcc"
  say "using cargo $version"
}

# One test restores a backup by hand, as docs/format.md says.
look_for_zstd() {
  command -v zstd >/dev/null 2>&1 ||
    say "the program zstd is missing: the test that restores by hand will be skipped (on Debian: apt-get install zstd)"
}

# The same places, in the same order, as the program itself looks in.
find_mysqld() {
  find_server "${MYRIAD_MYSQLD:-}" mysqld "${MYRIAD_MYSQL_HOME:-${XDG_CACHE_HOME:-$HOME/.cache}/myriad/mysql}" -v
}

find_mariadbd() {
  find_server "${MYRIAD_MARIADBD:-}" mariadbd "${MYRIAD_MARIADB_HOME:-${XDG_CACHE_HOME:-$HOME/.cache}/myriad/mariadb}"
}

# usage: find_server NAMED PROGRAM FETCHED_HOME [-v, where it must not be MariaDB]
find_server() {
  if [ -n "$1" ]; then
    echo "$1"
    return
  fi
  old=$IFS
  IFS=:
  for folder in $PATH /usr/sbin /usr/libexec /usr/local/mysql/bin /usr/bin "$3/bin"; do
    if [ -x "$folder/$2" ] && "$folder/$2" --no-defaults --version 2>/dev/null | grep -q ${4:-} MariaDB; then
      echo "$folder/$2"
      break
    fi
  done
  IFS=$old
}

need_mysqld() {
  mysqld=$(find_mysqld)
  if [ -z "$mysqld" ]; then
    say "no MySQL server on this machine: getting a private copy"
    scripts/get-mysqld
    mysqld=$(find_mysqld)
    [ -n "$mysqld" ] || die "no MySQL server after scripts/get-mysqld" "run scripts/get-mysqld by itself and read what it says"
  fi
  say "using $mysqld"
}

need_mariadbd() {
  mariadbd=$(find_mariadbd)
  if [ -z "$mariadbd" ]; then
    say "no MariaDB server on this machine: getting a private copy"
    scripts/get-mysqld --mariadb
    mariadbd=$(find_mariadbd)
    [ -n "$mariadbd" ] || die "no MariaDB server after scripts/get-mysqld --mariadb" "run scripts/get-mysqld --mariadb by itself and read what it says"
  fi
  say "using $mariadbd"
}
