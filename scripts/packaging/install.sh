#!/bin/sh
# Puts @PROGRAM@ @VERSION@ on this machine, from the directory in which this file lies. Asks no network for anything.
set -eu
program=@PROGRAM@ version=@VERSION@ machine=@MACHINE@ unit=@UNIT@
prefix=/usr/local
action=install
downgrade=no

usage() {
  cat <<END
Usage: sh install.sh [--prefix DIR] [--downgrade]
       sh install.sh --uninstall [--prefix DIR]

Copies $program $version to PREFIX/bin, and the licenses of what is in it to PREFIX/share/doc/$program.
A service that it made of an earlier version is installed again from the new one. May be repeated.

  --prefix DIR  /usr/local by default
  --downgrade   in the place of a newer version too
  --uninstall   removes the service, if $program made one, and both files; state and data stay
END
}

refuse() { # WHAT HINT
  printf 'error: %s\n  hint: %s\n' "$1" "$2" >&2
  exit 1
}

while [ $# -gt 0 ]; do
  case $1 in
    --prefix) [ $# -gt 1 ] || { usage >&2; exit 2; }; prefix=$2; shift ;;
    --downgrade) downgrade=yes ;;
    --uninstall) action=uninstall ;;
    --help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
  esac
  shift
done
case $prefix in /*) ;; *) refuse "--prefix $prefix is no absolute path" "give it from the root: --prefix /usr/local" ;; esac

[ "$(id -u)" = 0 ] || refuse "this takes root: what may write $prefix/bin/$program is the program" "run it as root: sudo sh install.sh"
target=$prefix/bin/$program
licenses=$prefix/share/doc/$program

has_service() { [ -n "$unit" ] && [ -d /run/systemd/system ] && [ -e "/etc/systemd/system/$unit" ]; }

if [ "$action" = uninstall ]; then
  if has_service; then
    [ -x "$target" ] || refuse "$unit is installed, and $target, which would remove it, is gone" "install it first: sh install.sh"
    "$target" @UNINSTALL@
  fi
  rm -f "$target" "$licenses/THIRD-PARTY-LICENSES"
  rmdir "$licenses" "${licenses%/*}" 2>/dev/null || true
  echo "$target is removed"
  exit 0
fi

here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
cd "$here"
for file in "$program" THIRD-PARTY-LICENSES SHA256SUMS; do
  [ -f "$file" ] || refuse "$here/$file is missing" "unpack the archive again"
  # A list that was cut off lists fewer.
  [ "$file" = SHA256SUMS ] || grep -q "^[0-9a-f]\{64\}  $file\$" SHA256SUMS || refuse "SHA256SUMS does not list $file" "unpack the archive again"
done
sha256sum --check --quiet --strict SHA256SUMS >&2 || refuse "these files are not what was released" "fetch the archive again, and check its own sum"
[ "$(uname -m)" = "$machine" ] || refuse "this is $program for $machine, and the machine is $(uname -m)" "fetch the archive for this machine"

if [ -e "$target" ]; then
  present=$("$target" --version 2>/dev/null) || present=
  # A prerelease comes before its release: sort(1) knows that of a tilde alone.
  newest=$(printf '%s\n%s\n' "$version" "$present" | sed 's/-/~/' | sort --version-sort | tail -n 1 | sed 's/~/-/')
  if [ "$newest" != "$version" ] && [ "$downgrade" = no ]; then
    refuse "$target is $present, newer than $version" "to go back all the same: sh install.sh --downgrade"
  fi
fi

mkdir -p "$prefix/bin" "$licenses"
part=$target.part
trap 'rm -f "$part"' EXIT
trap 'exit 130' INT TERM HUP
# Beside its place and then into it by one rename: who runs the earlier one goes on, and nobody meets half a file.
rm -f "$part"
if ! { cp "$program" "$part" && chmod 0755 "$part" && chown 0:0 "$part" && sync "$part"; }; then
  refuse "$prefix/bin takes no file of this size" "make room there; what was installed is as it was"
fi
said=$("$part" --version 2>&1) || refuse "$program does not start here: $said" "it needs glibc 2.28 or newer with libstdc++, and a place where programs may run"
[ "$said" = "$version" ] || refuse "$program says that it is $said" "fetch the archive again"
cp THIRD-PARTY-LICENSES "$licenses/THIRD-PARTY-LICENSES"
chmod 0644 "$licenses/THIRD-PARTY-LICENSES"
mv -fT "$part" "$target"
sync "$prefix/bin"
echo "$target is $program $version"

if has_service; then
  "$target" @REINSTALL@
else
  echo "next: @NEXT@"
fi
