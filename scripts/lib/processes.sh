# Usage: . scripts/lib/processes.sh   (sourced by scripts/rabbit and scripts/mongo, not run)
#
# Processes remembered by file, and ports of their own. A process is its pid *and* its start time:
# a pid alone may belong to somebody else by now. Needs `dir`, the server's private folder.

# Prints when process $1 started, in clock ticks since boot; nothing for a zombie or a dead one.
stamp() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | awk '$1 != "Z" { print $20 }'; }

# Remembers process $2 under the name $1.
save() { echo "$2 $(stamp "$2")" >"$dir/$1.id"; }

# Prints the pid remembered under the name $1, or fails when that process is gone.
pid_of() {
  local pid started
  { read -r pid started <"$dir/$1.id"; } 2>/dev/null || return 1
  [ -n "$started" ] && [ "$(stamp "$pid")" = "$started" ] && echo "$pid"
}

# Waits until process $1 is gone, at most $2 times 50 ms.
gone() {
  local n=0
  while [ -n "$(stamp "$1")" ]; do
    n=$((n + 1))
    [ "$n" -gt "$2" ] && return 1
    sleep 0.05
  done
}

# Ends the process remembered under the name $1 with signal $2; after 30 s with -9.
end() {
  local pid
  if pid=$(pid_of "$1"); then
    kill "-$2" "$pid" 2>/dev/null || true
    if ! gone "$pid" 600; then
      echo "$dir: $1 (pid $pid) did not end within 30 s of SIG$2: kill -9" >&2
      kill -9 "$pid" 2>/dev/null || true
      gone "$pid" 100 || true
    fi
  fi
  rm -f "$dir/$1.id"
}

print_status() {
  local pid
  if pid=$(pid_of "$1"); then
    echo "running pid=$pid port=$port rss_kb=$(awk '/VmRSS/ { print $2 }' "/proc/$pid/status")"
  else
    echo stopped
    exit 3
  fi
}

# Is none of the ports $1 … $1+9 in use on this machine, listening or not?
ports_are_free() {
  awk -v low="$1" -v high="$(($1 + 9))" '
    function value(hex,  i, n) {
      for (i = 1; i <= length(hex); i++) n = n * 16 + index("0123456789ABCDEF", substr(hex, i, 1)) - 1
      return n
    }
    FNR > 1 { split($2, at, ":"); p = value(at[2]); if (p >= low && p <= high) { found = 1; exit } }
    END { exit found }' /proc/net/tcp /proc/net/tcp6 2>/dev/null
}

# Keeps the ten ports from $1 on from other callers of this function, for as long as this process, or
# a server that it starts, lives. Fails when another one has them.
lock_ports() {
  local folder lock
  folder=/tmp/belfry-ports-$(id -u)
  mkdir -p "$folder"
  exec {lock}>"$folder/$1"
  flock -n "$lock" || { exec {lock}>&-; return 1; }
}

# Sets `port` to the first of ten free ports. They lie below the range from which the system takes
# ports for outgoing connections.
reserve_ports() {
  local base
  for _ in {1..200}; do
    base=$((20000 + 10 * (RANDOM % 1000)))
    if lock_ports "$base" && ports_are_free "$base"; then
      port=$base
      return
    fi
  done
  echo "no ten free ports between 20000 and 30000: stop what holds them, or name a PORT" >&2
  exit 69
}

# Sets `port`: the given one ($1), else the one this folder had before, else a free one.
choose_port() {
  if [ -n "$1" ]; then
    port=$1
  elif [ -s "$dir/port" ]; then
    port=$(<"$dir/port")
    lock_ports "$port" || true
  else
    reserve_ports
  fi
  echo "$port" >"$dir/port"
}
