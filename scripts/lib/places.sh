# Usage: . scripts/lib/places.sh   (sourced by the other scripts, not run)
#
# Where things are that Belfry's scripts share: the cache outside the repository, the Python that
# has pika and pymongo, and the MongoDB server. Needs `root`, the repository's folder.

cache=${XDG_CACHE_HOME:-${HOME:-/tmp/belfry-$(id -u)}/.cache}/belfry

# One Python environment for each list of packages, so that two checkouts do not fight over it.
venv=$cache/python-$(sha256sum "$root/scripts/lib/requirements.txt" | cut -c1-12)
deploy_venv=$cache/deploy-$(sha256sum "$root/scripts/lib/deploy-requirements.txt" | cut -c1-12)
python=${BELFRY_TEST_PYTHON:-$venv/bin/python}

mongodb_version=6.0.5
cached_mongod=$cache/mongodb-$mongodb_version/mongod

# Prints the mongod to use, or fails: $BELFRY_MONGOD, else one on the path, else the cached one.
find_mongod() {
  if [ -n "${BELFRY_MONGOD:-}" ]; then
    [ -x "$BELFRY_MONGOD" ] && echo "$BELFRY_MONGOD"
  elif command -v mongod; then
    :
  else
    [ -x "$cached_mongod" ] && echo "$cached_mongod"
  fi
}

# Prints the comment block at the top of a script: its help.
print_usage() { awk 'NR > 1 { if (!/^#/) exit; sub(/^# ?/, ""); print }' "$1"; }
