// SPDX-License-Identifier: Apache-2.0
#include "agent/sensors/trial.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <functional>
#include <string>
#include <thread>

#include "agent/base/fd.h"
#include "agent/model/inode_identity.h"
#include "agent/privileges/capabilities.h"
#include "bpf/events.h"

namespace stillframe::sensors {
namespace {

// Mounted over in a mount namespace of our own: any directory will do.
constexpr std::array kPlaces = {"/tmp", "/run", "/mnt", "/dev"};

bool make_file(const std::string& path) {
  const Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
  return fd >= 0 && ::write(fd, "image\n", 6) == 6;
}

bool write_to(const std::string& path) {
  const Fd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  return fd >= 0 && ::write(fd, "x", 1) == 1;
}

bool open_only(const std::string& path) {
  const Fd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  return fd >= 0;
}

// Where things can be changed, and the directory that holds the changes.
struct Ground {
  std::string at;
  std::string root;
};

Result<> fill(const std::string& directory) {
  for (const char* name : {"/opened", "/written", "/removed", "/renamed"}) {
    if (!make_file(directory + name)) return fail(directory + name, errno);
  }
  return {};
}

Result<std::string> mount_tmpfs() {
  for (const char* place : kPlaces) {
    if (::mount("tmpfs", place, "tmpfs", MS_NOSUID | MS_NODEV, "size=1m") ==
        0) {
      return std::string(place);
    }
  }
  return fail("mounting a tmpfs to try the sensors on", errno);
}

Result<Ground> make_directory(const std::string& base) {
  const std::string root = base + "/root";
  if (::mkdir(root.c_str(), 0755) != 0) return fail(root, errno);
  if (auto filled = fill(root); !filled) return tl::unexpected(filled.error());
  return Ground{root, root};
}

// A lower, an upper and a work directory; the overlay at merged.
Result<Ground> make_overlay(const std::string& base) {
  for (const char* name : {"/lower", "/upper", "/work", "/merged"}) {
    if (::mkdir((base + name).c_str(), 0755) != 0) {
      return fail(base + name, errno);
    }
  }
  if (auto filled = fill(base + "/lower"); !filled) {
    return tl::unexpected(filled.error());
  }
  const std::string options = "lowerdir=" + base + "/lower,upperdir=" + base +
                              "/upper,workdir=" + base + "/work";
  if (::mount("overlay", (base + "/merged").c_str(), "overlay", 0,
              options.c_str()) != 0) {
    return fail("mounting an overlay to try the sensors on", errno);
  }
  return Ground{base + "/merged", base + "/upper"};
}

struct Step {
  FileOp op;
  std::function<bool()> run;
};

std::set<FileOp> change_all(TrialGround ground, const std::string& at) {
  const auto path = [&](const char* name) { return at + name; };
  const auto call = [](int result) { return result == 0; };
  // On files that no other step changes in the same way, so that none hides
  // behind another.
  const Step steps[] = {
      // Which changes nothing where nothing is copied up.
      {FileOp::open,
       [&] {
         return ground == TrialGround::overlay && open_only(path("/opened"));
       }},
      {FileOp::write, [&] { return write_to(path("/written")); }},
      {FileOp::create, [&] { return make_file(path("/created")); }},
      {FileOp::truncate,
       [&] { return call(::truncate(path("/created").c_str(), 1)); }},
      {FileOp::chmod,
       [&] { return call(::chmod(path("/created").c_str(), 0600)); }},
      {FileOp::chown,
       // To whom has it anyway: any other owner takes CAP_CHOWN.
       [&] {
         return call(
             ::chown(path("/created").c_str(), ::geteuid(), ::getegid()));
       }},
      {FileOp::utimes,
       [&] {
         return call(
             ::utimensat(AT_FDCWD, path("/created").c_str(), nullptr, 0));
       }},
      {FileOp::xattr,
       [&] {
         return call(::setxattr(path("/created").c_str(), "trusted.stillframe",
                                "x", 1, 0));
       }},
      {FileOp::link,
       [&] {
         return call(::link(path("/created").c_str(), path("/linked").c_str()));
       }},
      {FileOp::symlink,
       [&] { return call(::symlink("created", path("/symlink").c_str())); }},
      {FileOp::mknod,
       [&] { return call(::mkfifo(path("/fifo").c_str(), 0600)); }},
      {FileOp::mkdir,
       [&] { return call(::mkdir(path("/directory").c_str(), 0755)); }},
      {FileOp::rmdir,
       [&] { return call(::rmdir(path("/directory").c_str())); }},
      {FileOp::rename,
       [&] {
         return call(
             ::rename(path("/renamed").c_str(), path("/moved").c_str()));
       }},
      {FileOp::unlink,
       [&] { return call(::unlink(path("/removed").c_str())); }},
  };
  std::set<FileOp> done;
  for (const Step& step : steps) {
    if (step.run()) done.insert(step.op);
  }
  return done;
}

Result<Trial> change_files(TrialGround ground,
                           const std::function<void(const UpperRoot&)>& begin) {
  if (::unshare(CLONE_NEWNS) != 0) {
    return fail("making a mount namespace to try the sensors in", errno);
  }
  // Else the mounts would show on the host.
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    return fail("making a mount namespace private", errno);
  }
  auto base = mount_tmpfs();
  if (!base) return tl::unexpected(base.error());
  auto made = ground == TrialGround::overlay ? make_overlay(*base)
                                             : make_directory(*base);
  if (!made) return tl::unexpected(made.error());
  auto root = upper_root_of(made->root);
  if (!root) return tl::unexpected(root.error());
  begin(*root);
  return Trial{*root, change_all(ground, made->at)};
}

}  // namespace

Result<Trial> try_files(TrialGround ground,
                        const std::function<void(const UpperRoot&)>& begin) {
  if (const auto missing =
          privileges::missing_capabilities(privileges::Role::trial);
      !missing.empty()) {
    return fail(missing.front() + " is missing", EPERM);
  }
  // A thread's own mount namespace goes with the thread, and all mounts in it.
  Result<Trial> result = fail("the trial did not run");
  std::thread thread([&] { result = change_files(ground, begin); });
  thread.join();
  return result;
}

std::string to_string(const std::set<FileOp>& ops) {
#define STILLFRAME_OP(name) #name,
  constexpr std::array kNames = {SF_OPS(STILLFRAME_OP)};
#undef STILLFRAME_OP
  std::string text;
  for (const FileOp op : ops) {
    if (!text.empty()) text += ", ";
    text += kNames[static_cast<std::size_t>(op)];
  }
  return text;
}

}  // namespace stillframe::sensors
