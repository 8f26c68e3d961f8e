#!/bin/sh
# Make a virtual environment and install Touchline into it, once.
#
#   scripts/venv.sh DIR [EXTRAS]     e.g. scripts/venv.sh .venv-dev train,int8,dev
#
# Installs the versions of constraints.txt. Does nothing when DIR already holds these
# two files' install with these extras; one that was cut off is done again, for the
# stamp is written last.
set -eu

dir=$1
extras=${2:-}
need_mb=${TOUCHLINE_NEED_MB:-1500}
say() { printf 'touchline: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

stamp="$dir/.touchline-install"
want="$(cat pyproject.toml constraints.txt | cksum) [$extras] $(pwd)"
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$want" ] && [ -x "$dir/bin/python" ]; then
    exit 0
fi

# The interpreter: $PYTHON if set, else the first of these that is new enough.
is_new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' > /dev/null 2>&1
}
python=
if [ -n "${PYTHON:-}" ]; then
    is_new_enough "$PYTHON" || die "PYTHON=$PYTHON is not a Python 3.11 or newer"
    python=$PYTHON
else
    for name in python3.12 python3.13 python3.11 python3 python; do
        if is_new_enough "$name"; then python=$name; break; fi
    done
fi
[ -n "$python" ] || die "Python 3.11 or newer is needed: install it, or run 'make $(basename "$dir" | sed 's/^\.venv-dev$/test/; s/^\.venv$/serve/') PYTHON=/path/to/python3.11'"
"$python" -c 'import ensurepip, venv' 2> /dev/null ||
    die "$python has no venv module: on Debian, 'apt install python3-venv'"

free_mb=$(df -Pk . | awk 'NR == 2 {print int($4 / 1024)}')
[ "$free_mb" -ge "$need_mb" ] ||
    die "disk full: the install needs $need_mb MB here, $free_mb MB are free"

say "installing into $dir with $("$python" --version 2>&1) (needs about $need_mb MB; a minute or more)"
rm -f "$stamp"
if [ -d "$dir" ] && ! "$dir/bin/python" -m pip --version > /dev/null 2>&1; then
    rm -rf "$dir" # Half made, by an install that was cut off.
fi
[ -d "$dir" ] || "$python" -m venv "$dir" || die "could not make $dir (see above)"
target=.
[ -z "$extras" ] || target=".[$extras]"
"$dir/bin/python" -m pip install --disable-pip-version-check \
    --constraint constraints.txt --editable "$target" ||
    die "the install failed (see above); run the same command again to go on"
printf '%s' "$want" > "$stamp"
say "installed"
