#!/bin/sh
# Install what checks the page (ESLint, TypeScript, axe-core) into node_modules, and a
# server of Azure's blobs for tests into tests/azurite/node_modules; each once.
#
#   scripts/node.sh [--optional]
#
# Needs node 18.18 or newer and npm: on Debian root gets them by apt, everybody else is
# told what is missing. With --optional that is no failure:
# the tests that need them say so themselves. Nothing of this is needed to run Touchline.
set -eu

say() { printf 'touchline: %s\n' "$*" >&2; }
give_up() {
    say "$*"
    [ "${optional:-}" = --optional ] && exit 0
    exit 1
}
optional=${1:-}

is_there() {
    command -v npm > /dev/null 2>&1 &&
        node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 18 || (a == 18 && b >= 18) ? 0 : 1)' 2> /dev/null
}

if ! is_there && command -v apt-get > /dev/null && [ "$(id -u)" = 0 ]; then
    say "installing nodejs and npm by apt"
    { apt-get update -qq &&
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends nodejs npm; } > /dev/null ||
        say "apt could not install them"
fi
is_there || give_up "node 18.18 or newer and npm are needed to check the page (found: $(node --version 2> /dev/null || echo none)): install them from your system's packages or from nodejs.org"

# install_in FOLDER WHAT
install_in() {
    stamp="$1/node_modules/.touchline-install"
    want="$(cd "$1" && cat package.json package-lock.json .npmrc | cksum) $(node --version)"
    if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$want" ]; then
        return
    fi
    say "installing $2 into $1/node_modules"
    (cd "$1" && npm ci --no-progress > /dev/null) ||
        give_up "npm ci failed in $1 (see above); run the same command again to go on"
    printf '%s' "$want" > "$stamp"
}

install_in . "the page's checks"
install_in tests/azurite "a server of Azure's blobs for tests"
