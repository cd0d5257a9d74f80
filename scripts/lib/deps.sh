# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Installs what is missing of Debian's packages, by groups. To be sourced.

declare -A PACKAGE_GROUPS=(
  [build]="g++ cmake ninja-build pkg-config git clang-19 libbpf-dev bpftool
    libbpfcc-dev prometheus-cpp-dev libcli11-dev libcpp-httplib-dev
    nlohmann-json3-dev libfmt-dev libssl-dev libcrypt-dev libcap-ng-dev
    libseccomp-dev libsystemd-dev libexpected-dev libyaml-cpp-dev libtomlplusplus-dev
    libutf8proc-dev libsqlite3-dev libzstd-dev zlib1g-dev zstd libgtest-dev libgmock-dev scdoc"
  [test]="libbenchmark-dev podman runc containerd busybox-static prometheus
    prometheus-alertmanager python3 python3-pytest python3-yaml python3-jsonschema
    clang-format-19 clang-tidy-19 libclang-rt-19-dev llvm-19 linux-libc-dev-arm64-cross shellcheck
    util-linux libcap2-bin btrfs-progs xfsprogs erofs-utils zstd openssl docker.io lxc
    systemd systemd-container fuse-overlayfs
    crun logrotate rsyslog docker-compose podman-compose mmdebstrap
    ansible-core procps puppet-agent python3-pip sudo uidmap zsh fish
    man-db mandoc"
  [browser]="chromium fonts-inter fonts-dejavu-core python3 python3-pytest podman
    prometheus busybox-static dpkg"
  [packages]="dpkg-dev lintian systemd iproute2 curl openssl binutils podman
    mmdebstrap util-linux python3 python3-pytest"
  [vm]="qemu-system-x86 busybox-static kmod zstd xz-utils dpkg e2fsprogs
    xfsprogs btrfs-progs debian-archive-keyring python3 python3-pytest crun
    podman util-linux"
)

_die() {
  printf '%s\n' "$@" >&2
  exit 1
}

_packages_of() {
  local group
  for group in "$@"; do
    [[ -n ${PACKAGE_GROUPS[$group]:-} ]] || _die "deps: no group '$group'"
    # Word splitting is what the lists are written for.
    # shellcheck disable=SC2086
    printf '%s\n' ${PACKAGE_GROUPS[$group]}
  done
  # Debian 12 has promtool inside prometheus, later ones apart.
  if [[ " $* " == *" test "* ]] && (($(_debian_version) >= 13)); then
    echo promtool
  fi
  # Debian 12 has docker's command line inside docker.io, later ones apart.
  if [[ " $* " == *" test "* ]] && (($(_debian_version) >= 13)); then
    echo docker-cli
  fi
  # Debian 12 has virtiofsd inside QEMU's packages, later ones apart.
  if [[ " $* " == *" vm "* ]] && (($(_debian_version) >= 13)); then
    echo virtiofsd
  fi
  # Node.js often comes from elsewhere, in one package with npm.
  if [[ " $* " == *" test "* ]] && ! command -v npm >/dev/null; then
    printf '%s\n' nodejs npm
  fi
}

_debian_version() {
  # shellcheck source=/dev/null
  (. /etc/os-release && echo "${VERSION_ID:-99}")
}

_missing_of() {
  local package
  for package in "$@"; do
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == \
      installed ]] || echo "$package"
  done
}

# Installs without starting services: a Prometheus that runs by itself would
# hold its port, and where there is no systemd starting it would fail.
_install() {
  local policy=/usr/sbin/policy-rc.d ours=0 status=0
  if [[ ! -e $policy ]]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    ours=1
    # Written now: the variables are gone when the trap runs.
    # shellcheck disable=SC2064
    trap "rm -f '$policy'" EXIT
  fi
  export DEBIAN_FRONTEND=noninteractive
  { apt-get update -q && apt-get install -q -y --no-install-recommends "$@"; } \
    >&2 || status=$?
  if ((ours)); then
    rm -f "$policy"
    trap - EXIT
  fi
  if [[ -d /run/systemd/system ]]; then
    local package
    for package in prometheus prometheus-alertmanager containerd rsyslog; do
      [[ " $* " != *" $package "* ]] ||
        systemctl --quiet disable --now "$package" || true
    done
    [[ " $* " != *" docker.io "* ]] ||
      systemctl --quiet disable --now docker.socket docker containerd || true
  fi
  return "$status"
}

# require_packages GROUP…: quiet when everything is there.
require_packages() {
  if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    _die "This needs Debian 12 or 13 (there is no dpkg or apt here)." \
      "Elsewhere, install what scripts/lib/deps.sh lists and use cmake."
  fi
  local list packages missing
  list=$(_packages_of "$@") || exit 1
  mapfile -t packages <<<"$list"
  mapfile -t missing < <(_missing_of "${packages[@]}")
  ((${#missing[@]})) || return 0
  ((EUID == 0)) ||
    _die "Missing packages: ${missing[*]}" \
      "Run this as root, or: apt-get install ${missing[*]}"
  echo "Installing: ${missing[*]}" >&2
  _install "${missing[@]}" ||
    _die "apt-get could not install: ${missing[*]}"
}
