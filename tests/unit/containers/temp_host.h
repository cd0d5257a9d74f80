// SPDX-License-Identifier: Apache-2.0
//
// A machine in a directory: what is read of a host, made for one test.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace stillframe::containers {

inline std::string fixture(const std::string& name) {
  std::ifstream file(std::string(STILLFRAME_FIXTURES) + "/containers/" + name,
                     std::ios::binary);
  EXPECT_TRUE(file) << name;
  return {std::istreambuf_iterator<char>(file), {}};
}

class TempHost {
 public:
  TempHost() {
    std::string pattern = testing::TempDir() + "hostXXXXXX";
    prefix_ = ::mkdtemp(pattern.data());
  }
  ~TempHost() { std::filesystem::remove_all(prefix_); }
  TempHost(const TempHost&) = delete;
  TempHost& operator=(const TempHost&) = delete;

  const std::string& prefix() const { return prefix_; }

  std::string directory(const std::string& path) const {
    std::filesystem::create_directories(prefix_ + path);
    return prefix_ + path;
  }

  void file(const std::string& path, const std::string& content) const {
    directory(std::filesystem::path(path).parent_path());
    std::ofstream(prefix_ + path, std::ios::binary) << content;
  }

  void link(const std::string& path, const std::string& target) const {
    directory(std::filesystem::path(path).parent_path());
    std::filesystem::remove(prefix_ + path);
    std::filesystem::create_symlink(target, prefix_ + path);
  }

  // Whoever opens or looks at it gets ELOOP.
  void unreadable(const std::string& path) const {
    remove(path);
    link(path, std::filesystem::path(path).filename());
  }

  void remove(const std::string& path) const {
    std::filesystem::remove_all(prefix_ + path);
  }

  struct Task {
    unsigned pid = 0;
    unsigned ppid = 1;
    unsigned start = 100;
    std::string cgroup = "/";
    std::string root = "/ctrroot";  // a directory below the prefix
    std::string ns = "[2]";         // its mount and its pid namespace
    std::string inner_pid = "";     // in its own pid namespace
    std::string mountinfo = "";
    unsigned uid = 33;
    std::string command = std::string("run\0it\0", 7);
    std::string state = "S";
    std::string comm = "a) b";
  };

  // Its /proc directory; not the cgroup.procs entry.
  void process(const Task& task) const {
    const std::string dir = "/proc/" + std::to_string(task.pid);
    const std::string pid = std::to_string(task.pid);
    file(dir + "/stat", pid + " (" + task.comm + ") " + task.state + " " +
                            std::to_string(task.ppid) +
                            " 0 0 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 " +
                            std::to_string(task.start) + " 0 0\n");
    const std::string uid = "\t" + std::to_string(task.uid);
    file(dir + "/status", "Name:\tx\nUid:" + uid + uid + uid + uid +
                              "\nNSpid:\t" + pid + "\t" + task.inner_pid +
                              "\n");
    file(dir + "/cgroup", "0::" + task.cgroup + "\n");
    file(dir + "/mountinfo", task.mountinfo);
    file(dir + "/cmdline", task.command);
    link(dir + "/root", directory(task.root));
    link(dir + "/ns/mnt", "mnt:" + task.ns);
    link(dir + "/ns/pid", "pid:" + task.ns);
  }

 private:
  std::string prefix_;
};

}  // namespace stillframe::containers
