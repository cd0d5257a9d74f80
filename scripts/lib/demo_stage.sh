# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# What scripts/demo starts, shows and cleans up. To be sourced.
#
# Everything lies in one directory, $stage: state, logs, `pids` with a line
# "PID START-TIME" for each process, `images`, and `kept` once --keep has left
# it. The containers bear its name as a label, so that no others are touched.

LABEL=stillframe-demo
stage=""
keep=0
suffix="" # of names, where the plain ones are taken
web_port=""
prometheus_port=""

bold="" dim="" red="" green="" reset=""
if [[ -t 1 && -z ${NO_COLOR:-} && ${TERM:-dumb} != dumb ]]; then
  bold=$'\e[1m' dim=$'\e[2m' red=$'\e[31m' green=$'\e[32m' reset=$'\e[0m'
fi

title() { printf '\n%s%s%s\n\n' "$bold" "$1" "$reset"; }
say() { printf '%s\n' "$*"; }

# A command that a person would type, and what it prints.
shown() {
  local word line=""
  for word in "$@"; do
    if [[ $word == *[[:space:]\>]* ]]; then word="\"$word\""; fi
    line+=" $word"
  done
  printf '  %s$%s%s\n' "$dim" "${line/"$stage"\//}" "$reset"
  "$@" >"$stage/output" 2>&1 || {
    cat "$stage/output"
    fail "this command failed:$line"
  }
}

# stillframe_shown FILTER ARGUMENT…: through a shell command that leaves out
# what would hide the story; "": none.
stillframe_shown() {
  local filter=$1 color=never
  shift
  printf '  %s$ stillframe %s%s%s\n' "$dim" "$*" "${filter:+ | $filter}" "$reset"
  [[ -z $reset ]] || color=always
  "$DEMO_BINARY" "$@" --socket "$DEMO_SOCKET" --color "$color" \
    >"$stage/output" 2>"$stage/reason" ||
    fail "stillframe $* failed: $(<"$stage/reason")"
  bash -c "${filter:-cat}" <"$stage/output" | sed '/./s/^/  /'
  echo
}

# show_audit COMMAND DIRECTORY
show_audit() {
  printf '  %s$ stillframe audit %s %s%s\n' "$dim" "$1" "${2/"$stage"\//}" "$reset"
  "$DEMO_BINARY" audit "$@" >"$stage/output" 2>"$stage/reason" ||
    fail "stillframe audit $1 failed: $(<"$stage/reason")"
  sed -e "s|$stage/||" -e '/./s/^/  /' "$stage/output"
  echo
}

forgery_is_found() {
  ! "$DEMO_BINARY" audit verify "$stage/forged" >"$stage/verdict" 2>&1 &&
    grep -e "was changed" "$stage/verdict" >"$stage/output"
}

show_state() { stillframe_shown "grep -e NAME -e demo-" ps; }
show_replaced() { stillframe_shown "grep replaced" events --container "$(nick "$1")"; }
show_diff() { stillframe_shown "" diff "$(nick "$1")"; }

fail() {
  printf '%s%s%s\n' "$red" "demo: $1" "$reset" >&2
  exit 1
}

ask() { /usr/bin/python3 -B scripts/lib/demo_ask.py "$@"; }

# claim TEXT COMMAND…: says it once the command has found it to be so.
claim() {
  local text=$1
  shift
  [[ -z $reset ]] || printf '  %s… %s%s' "$dim" "$text" "$reset"
  if ! "$@" >/dev/null 2>"$stage/reason"; then
    [[ -z $reset ]] || printf '\r\e[K'
    printf '  %sNO%s %s\n' "$red" "$reset" "$text"
    fail "what it claims did not happen: $text: $(<"$stage/reason")"
  fi
  [[ -z $reset ]] || printf '\r\e[K'
  printf '  %sok%s %s\n' "$green" "$reset" "$text"
}

build_agent() {
  DEMO_BINARY=${STILLFRAME_BINARY:-build/release/stillframe}
  if [[ -z ${STILLFRAME_BINARY:-} ]]; then
    # Beside the story, which is what standard output is for.
    cmake --preset release >&2
    cmake --build --preset release --parallel "$(nproc)" >&2
  elif [[ ! -x $DEMO_BINARY ]]; then
    _die "demo: no program at $DEMO_BINARY"
  fi
  export DEMO_BINARY
}

set_stage() {
  stage=$(mktemp -d "${TMPDIR:-/tmp}/stillframe-demo.XXXXXX")
  : >"$stage/pids"
  : >"$stage/images"
  if [[ -n $(podman ps -aq --filter 'name=^demo-') ]] ||
    podman image exists "$(image 1)" || podman image exists "$(image 2)"; then
    suffix="-${stage##*.}"
    suffix=${suffix,,}
  fi
  export DEMO_SOCKET=$stage/agent.sock
}

nick() { echo "demo-$1$suffix"; }
image() { echo "localhost/demo-shop$suffix:$1"; }
id_of() { podman inspect -f '{{.Id}}' "$(nick "$1")"; }

# launch LOG COMMAND…: outlives a closed terminal, for --keep.
launch() {
  local log=$1 pid
  shift
  setsid "$@" </dev/null >"$log" 2>&1 &
  pid=$!
  echo "$pid $(start_time "$pid")" >>"$stage/pids"
  launched=$pid
}

# Knows a process from a later one with the same id.
start_time() {
  local stat
  stat=$(<"/proc/$1/stat") 2>/dev/null || return 1
  # The 20th field after the name, which may hold anything.
  read -ra stat <<<"${stat##*) }"
  echo "${stat[19]}"
}

start_agent() {
  local launched
  web_port=$(ask port 12015)
  launch "$stage/agent.log" "$DEMO_BINARY" run --state-dir "$stage/state" \
    --socket "$DEMO_SOCKET" --web.listen-address "127.0.0.1:$web_port"
  claim "the agent is ready: http://127.0.0.1:$web_port/metrics" \
    ask up "http://127.0.0.1:$web_port/-/ready" "$launched"
}

start_prometheus() {
  local launched
  prometheus_port=$(ask port 9090)
  export DEMO_PROMETHEUS=http://127.0.0.1:$prometheus_port
  cat >"$stage/prometheus.yml" <<TEXT
global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}
rule_files:
  - $PWD/dashboards/alerts/*.yaml
  - $PWD/dashboards/rules/*.yaml
scrape_configs:
  - job_name: stillframe
    static_configs: [{targets: ["127.0.0.1:$web_port"]}]
TEXT
  promtool check config "$stage/prometheus.yml" >"$stage/output" 2>&1 || {
    cat "$stage/output"
    fail "Prometheus would refuse its configuration"
  }
  launch "$stage/prometheus.log" prometheus --log.level=warn \
    --config.file="$stage/prometheus.yml" \
    --storage.tsdb.path="$stage/prometheus" \
    --web.listen-address="127.0.0.1:$prometheus_port"
  claim "Prometheus is ready: $DEMO_PROMETHEUS/alerts" \
    ask up "$DEMO_PROMETHEUS/-/ready" "$launched"
}

# make_image VERSION GREETING
make_image() {
  local root=$stage/image-$1 applet
  mkdir -p "$root"/{bin,etc,srv/www,tmp,var/lib/dpkg/info,packages}
  cp /bin/busybox "$root/bin/busybox"
  while read -r applet; do
    [[ $applet == busybox ]] || ln -s busybox "$root/bin/$applet"
  done < <(/bin/busybox --list)
  : >"$root/var/lib/dpkg/status"
  echo "threads = 2" >"$root/etc/shop.conf"
  echo "$2" >"$root/srv/www/index.html"
  image "$1" >>"$stage/images"
  tar -C "$root" -c . | podman import -q -c 'ENV PATH=/bin' - \
    "$(image "$1")" >"$stage/output" 2>&1 || {
    cat "$stage/output"
    fail "podman could not make an image"
  }
  printf '  %sok%s image %s is built\n' "$green" "$reset" "$(image "$1")"
  [[ -e $stage/packages ]] || make_package
}

# A package that the container's own dpkg can install.
make_package() {
  local tree=$stage/package
  mkdir -p "$stage/packages" "$tree/usr/share/shop-tools"
  echo "eur 1.00" >"$tree/usr/share/shop-tools/rates"
  cat >"$tree/control" <<'TEXT'
Package: shop-tools
Version: 1.1
Architecture: all
Maintainer: Stillframe demo <demo@localhost>
Description: Something to install in place
TEXT
  # By hand: dpkg-deb would add the root directory, which would be one more
  # change, of its mode, to explain.
  echo 2.0 >"$tree/debian-binary"
  tar -C "$tree" -czf "$tree/control.tar.gz" ./control
  tar -C "$tree" -czf "$tree/data.tar.gz" ./usr
  ar rc "$stage/packages/shop-tools.deb" "$tree"/{debian-binary,control.tar.gz,data.tar.gz}
}

# start_container NAME IMAGE-VERSION
start_container() {
  local command="exec httpd -f -p 8080 -h /srv/www"
  [[ $1 != selfedit ]] || command="echo 'threads = 8' >/etc/shop.conf; $command"
  # runc, since crun refuses hybrid cgroups; low limits, since root in a
  # container may not raise them.
  podman run -d --name "$(nick "$1")" --label "$LABEL=${stage##*/}" \
    --runtime runc --network none --stop-signal KILL \
    --ulimit nofile=1024:1024 --ulimit nproc=1024:1024 \
    -v "$stage/packages:/packages:ro" "$(image "$2")" \
    sh -c "$command" >"$stage/output" 2>&1 || {
    cat "$stage/output"
    fail "podman could not start $(nick "$1")"
  }
  printf '  %s$ podman run -d --name %s … %s%s\n' "$dim" "$(nick "$1")" \
    "$(image "$2")" "$reset"
}

show_alerts() {
  say "  Alerts that fire now:"
  ask alerts >"$stage/output" || fail "Prometheus did not give its alerts"
  sed 's/^/    /' "$stage/output"
  echo
}

# show_metrics NAME-PATTERN TEXT…: lines that hold one of the texts, ids short.
show_metrics() {
  local name=$1 text url="http://127.0.0.1:$web_port/metrics"
  shift
  /usr/bin/python3 -c 'import sys, urllib.request as r
sys.stdout.write(r.urlopen(sys.argv[1]).read().decode())' "$url" \
    >"$stage/output" || fail "no metrics from $url"
  for text in "$@"; do
    grep -E "^stillframe_$name" "$stage/output" | grep -F "$text" |
      sed -E 's/([0-9a-f]{12})[0-9a-f]{52}/\1…/; s/^/    /' ||
      fail "no metric $name of $text"
  done
}

# clean_up DIRECTORY: ends and removes all that was started from it.
clean_up() {
  local directory=$1 pid began name ids=() attempt
  mapfile -t ids < <(podman ps -aq --filter "label=$LABEL=${directory##*/}")
  ((${#ids[@]} == 0)) || podman rm -f -t 0 "${ids[@]}" >/dev/null 2>&1 || true
  while read -r name; do
    podman image rm "$name" >/dev/null 2>&1 || true
  done <"$directory/images"
  while read -r pid began; do
    [[ $(start_time "$pid") == "$began" ]] 2>/dev/null || continue
    kill "$pid" 2>/dev/null || continue
    for ((attempt = 0; attempt < 100; ++attempt)); do
      [[ $(start_time "$pid" 2>/dev/null) == "$began" ]] || continue 2
      sleep 0.1
    done
    kill -KILL "$pid" 2>/dev/null || true
  done <"$directory/pids"
  rm -rf "$directory"
}

# leave STATUS: the end, however it came.
leave() {
  local status=$1
  trap '' INT TERM
  if ((status == 1)) && [[ -s $stage/agent.log ]]; then
    echo "The agent's last words:" >&2
    tail -n 5 "$stage/agent.log" >&2
  fi
  if ((status == 0 && keep)); then
    touch "$stage/kept"
    cat <<TEXT

All of it is left running.
  containers  podman ps --filter label=$LABEL=${stage##*/}
  state       $DEMO_BINARY ps --socket $DEMO_SOCKET
  metrics     http://127.0.0.1:$web_port/metrics
  alerts      $DEMO_PROMETHEUS/alerts
  report      $stage/report.html
  logs        $stage/agent.log $stage/prometheus.log
Stop it:      scripts/demo --stop
TEXT
    return
  fi
  [[ -z $stage ]] || clean_up "$stage"
}

stop_kept() {
  local directory found=0
  for directory in "${TMPDIR:-/tmp}"/stillframe-demo.*; do
    [[ -O $directory && -e $directory/kept ]] || continue
    clean_up "$directory"
    found=1
    echo "Stopped and removed: $directory"
  done
  ((found)) || echo "No demo was left running."
}
