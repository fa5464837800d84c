# Finds an interpreter and makes virtual environments. Sourced by the other scripts; it runs nothing itself.

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"

# Compiled files make every later start faster, and an outer environment does not choose our Python.
unset PYTHONDONTWRITEBYTECODE PYTHONPATH PYTHONHOME VIRTUAL_ENV

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }

version_of() { "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null; }

path_of() { "$1" -c 'import sys; print(sys.executable)'; }

is_new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

all_pythons() {  # every Python 3.11 or later that starts, newest first
    local python
    for python in python3.14 python3.13 python3.12 python3.11 \
        "$HOME"/.pyenv/versions/3.1[4321]*/bin/python python3 python; do
        if command -v "$python" >/dev/null && is_new_enough "$python"; then
            echo "$(version_of "$python") $(path_of "$python")"
        fi
    done | sort -t. -k2,2nr -s | awk '!seen[$1]++ {print $2}'
}

find_python() {  # the one people mean by `python3`, or else the newest there is
    local python
    if is_new_enough python3; then
        path_of python3
        return
    fi
    python="$(all_pythons | head -n 1)"
    if [[ -n "$python" ]]; then
        echo "$python"
        return
    fi
    echo "no Python 3.11 or later found (python3 is $(version_of python3 || echo missing)); install one, for example with" >&2
    echo "'apt-get install python3.11 python3.11-venv' or 'uv python install 3.13', and run this again" >&2
    return 2
}

named_python() {  # named_python python3.13: also one that pyenv has and does not offer on PATH
    local python
    if command -v "$1" >/dev/null && is_new_enough "$1"; then
        path_of "$1"
        return
    fi
    for python in $(all_pythons); do
        if [[ "$1" == "python$(version_of "$python")" || "$1" == "$(version_of "$python")" ]]; then
            echo "$python"
            return
        fi
    done
    echo "no $1 that starts and is 3.11 or later; found: $(all_pythons | tr '\n' ' ')" >&2
    return 2
}

make_venv() {  # make_venv PYTHON DIR: leaves DIR/bin/python and DIR/bin/uv
    local python="$1" dir="$2"
    if [[ -x "$dir/bin/uv" ]] && is_new_enough "$dir/bin/python"; then
        return
    fi
    rm -rf "$dir"
    if ! "$python" -m venv "$dir" >/dev/null 2>&1; then
        echo "'$python -m venv' does not work here; on Debian and Ubuntu 'apt-get install python3-venv' brings it" >&2
        return 2
    fi
    "$dir/bin/python" -m pip install -qq --disable-pip-version-check uv
}

install() {  # install DIR WHAT...: uv is pip, ten times as fast
    local dir="$1"
    shift
    "$dir/bin/uv" pip install --quiet --compile-bytecode --python "$dir/bin/python" "$@"
}

install_once() {  # install_once DIR FILE WHAT...: again only when FILE has changed since
    local dir="$1" file="$2" stamp
    shift 2
    stamp="$(cksum "$file")"
    local mark="$dir/.installed-${file//\//-}"
    if [[ "$(cat "$mark" 2>/dev/null)" != "$stamp" ]]; then
        install "$dir" "$@"
        echo "$stamp" >"$mark"
    fi
}

install_wheel() {  # install_wheel DIR: the wheel is what users get, so the wheel is what is used here
    local dir="$1" stamp="$1/.installed-wheel" out
    if [[ -e "$stamp" && -z "$(cd "$root" && find src pyproject.toml README.md -name __pycache__ -prune -o -newer "$stamp" -print -quit)" ]]; then
        return
    fi
    out="$(mktemp -d)"
    touch "$stamp.next"  # what is edited from here on counts as newer
    "$dir/bin/uv" build --quiet --wheel --python "$dir/bin/python" --out-dir "$out" "$root"
    install "$dir" --reinstall-package fairlead "$out"/fairlead-*.whl
    mv "$stamp.next" "$stamp"
    rm -rf "$out"
}

with_mlflow() {  # with_mlflow PYTHON: tests of the observer find an MLflow; a minute and 900 MB, once
    make_venv "$1" "$root/.venvs/mlflow"
    install_once "$root/.venvs/mlflow" pyproject.toml "$root" mlflow
    export FAIRLEAD_TEST_MLFLOW="$root/.venvs/mlflow/bin/python"
}
