# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# What must be true before anything is downloaded. Each check prints one line and fails. Sourced by
# ./dev, which may run on a machine that has nothing but bash and coreutils.

# Measured: 3 GB on a bare machine for packages, Java, the speech model and the build; the tests'
# builds and data need 1 GB more.
PREFLIGHT_FREE_MB_FRESH=5000
PREFLIGHT_FREE_MB_AGAIN=500

preflight_cpu() { # uname -m
    case $1 in
        x86_64 | aarch64) ;;
        *)
            echo "dev: unknown CPU '$1': chunkscribe is built for x86_64 and aarch64" >&2
            return 1
            ;;
    esac
}

preflight_distribution() { # ID VERSION_ID, as in /etc/os-release
    case "$1 $2" in
        "debian 12") ;;
        "ubuntu 24.04")
            echo "dev: Ubuntu 24.04 is untried: package names are taken from its lists" >&2
            ;;
        *)
            echo "dev: unknown distribution '$1 $2': ./dev knows Debian 12" \
                "(and, untried, Ubuntu 24.04)" >&2
            return 1
            ;;
    esac
}

preflight_disk() { # free MB, needed MB, folder
    if ((10#$1 < 10#$2)); then
        echo "dev: $1 MB free in $3, but $2 MB are needed" >&2
        return 1
    fi
}

preflight_port() { # port
    case $1 in
        *[!0-9]* | '' | ??????*)
            echo "dev: port '$1' is not a number from 1 to 32767" >&2
            return 1
            ;;
    esac
    if ((10#$1 < 1 || 10#$1 > 32767)); then
        echo "dev: port $1 is not in 1–32767 (higher ones are used by outgoing connections)" >&2
        return 1
    fi
    if (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; then
        echo "dev: port $1 is taken" >&2
        return 1
    fi
}

preflight_free_mb() { # folder
    df -Pm "$1" | awk 'NR == 2 { print $4 }'
}

# A checkout that was set up before needs little more.
preflight_needed_mb() { # .dev folder
    if [[ -e $1/deps/kafka/.stamp ]]; then
        echo "$PREFLIGHT_FREE_MB_AGAIN"
    else
        echo "$PREFLIGHT_FREE_MB_FRESH"
    fi
}

preflight_machine() { # checkout
    local id version_id
    id=$(. /etc/os-release && echo "${ID:-unknown}")
    version_id=$(. /etc/os-release && echo "${VERSION_ID:-}")
    preflight_cpu "$(uname -m)" &&
        preflight_distribution "$id" "$version_id" &&
        preflight_disk "$(preflight_free_mb "$1")" "$(preflight_needed_mb "$1/.dev")" "$1"
}
