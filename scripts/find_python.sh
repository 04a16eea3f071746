#!/bin/sh
# Prints the path of a Python interpreter, or says on stderr what was looked for and exits 1.
#
#   find_python.sh          any Python that taskspan supports, python3 first
#   find_python.sh 3.12     this version, on the PATH or among pyenv's
#   find_python.sh /a/path  this one
set -u
wanted=${1:-}

# Prints where interpreter $1 really is, if it runs and is new enough and of version $2 (or any).
# A pyenv shim exists also for versions that are not switched on, so it has to be run to know.
probe() {
    "$1" -c '
import sys
wanted = sys.argv[1]
have = "%d.%d" % sys.version_info[:2]
if sys.version_info < (3, 10) or wanted not in ("", have):
    sys.exit(1)
print(sys.executable)
' "$2" 2>/dev/null
}

case $wanted in
'')
    for name in python3 python3.14 python3.13 python3.12 python3.11 python3.10; do
        probe "$name" '' && exit 0
    done
    echo "No Python 3.10 or newer found: install one (python3), or name it: make … PYTHON=/path/to/python3" >&2
    ;;
[0-9]*)
    probe "python$wanted" "$wanted" && exit 0
    for path in "${PYENV_ROOT:-$HOME/.pyenv}/versions/$wanted".*/bin/python; do
        probe "$path" "$wanted" && exit 0
    done
    echo "No working Python $wanted found, neither on the PATH nor among pyenv's (3.10 is the oldest supported)." >&2
    ;;
*)
    probe "$wanted" '' && exit 0
    echo "$wanted is no working Python 3.10 or newer." >&2
    ;;
esac
exit 1
