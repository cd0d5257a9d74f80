// SPDX-License-Identifier: Apache-2.0
//
// A Finder on a machine in a directory, with podman's files on it.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "agent/containers/cgroup_tree.h"
#include "agent/containers/finder.h"
#include "bolt_database.h"
#include "temp_host.h"

namespace stillframe::containers {

inline const std::string kA(64, 'a');
inline const std::string kLayer(64, '1');
inline const std::string kPath = "/machine.slice/libpod-" + kA + ".scope";
inline const std::string kCgroups = "/sys/fs/cgroup";
inline const std::string kStore = "/var/lib/containers/storage";

inline std::string overlay(const std::string& upper,
                           const std::string& more = ",workdir=/l/work") {
  return "77 50 0:40 / / rw - overlay overlay rw,lowerdir=/l/base,upperdir=" +
         upper + more + "\n78 77 0:41 / /proc ro - proc proc rw\n";
}

class FinderTest : public testing::Test {
 protected:
  FinderTest() {
    host_.process({.pid = 1, .ppid = 0, .root = "/hostroot", .ns = "[1]"});
    host_.directory(kCgroups + "/system.slice");
    host_.directory("/l/base");
    layout_.unified = layout_.observed_mount = kCgroups;
  }

  // A process in a cgroup, with a root and namespaces of its own.
  void contained(unsigned pid, const std::string& cgroup, TempHost::Task task) {
    task.pid = pid;
    task.cgroup = cgroup;
    host_.process(task);
    procs_[cgroup] += std::to_string(pid) + "\n";
    host_.file(kCgroups + cgroup + "/cgroup.procs", procs_[cgroup]);
  }

  std::string podman_store() {
    host_.file(kStore + "/overlay-containers/containers.json",
               fixture("podman-containers.json"));
    host_.file(kStore + "/libpod/bolt_state.db", libpod_database({}));
    host_.directory(kStore + "/overlay/l/ABC");
    host_.file(kStore + "/overlay/" + kLayer + "/lower", "l/ABC");
    return host_.directory(kStore + "/overlay/" + kLayer + "/diff");
  }

  LiveObservation seen(unsigned pid, const ContainerRecord& record) const {
    LiveObservation live;
    live.process.pid = pid;
    live.process.start_ns = record.init_start_ns;
    live.process.cgroup = record.cgroup;
    live.root = record.root;
    live.cgroup_name = "libpod-" + kA + ".scope";
    live.cgroup_parent = "machine.slice";
    return live;
  }

  std::uint64_t cgroup_id(const std::string& path) const {
    return CgroupTree(host_.prefix() + kCgroups).id_of(path).value();
  }

  Finder finder() const { return Finder(layout_, host_.prefix()); }

  TempHost host_;
  CgroupLayout layout_;
  std::map<std::string, std::string> procs_;
};

}  // namespace stillframe::containers
