// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/scan/scanner.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <utility>

#include "agent/base/fd.h"
#include "agent/base/file.h"
#include "agent/drift/scan/baseline.h"
#include "agent/drift/scan/directory.h"
#include "agent/drift/scan/failure.h"
#include "agent/drift/scan/inspect.h"
#include "agent/drift/scan/known_files.h"
#include "agent/drift/scan/seen_directories.h"
#include "agent/drift/scan/walk.h"
#include "agent/model/inode_identity.h"

namespace stillframe::drift {

struct Scanner::Impl {
  OverlayLayers layers;
  ScanLimits limits;
  const Clock& clock;
  std::unique_ptr<Baseline> baseline;
  SeenDirectories seen;
  KnownFiles files;
  Inspector inspector;
  Walker walker;

  Impl(OverlayLayers l, Registrar registrar, const Clock& c, ScanLimits lim,
       const Start& start)
      : layers(std::move(l)),
        limits(lim),
        clock(c),
        baseline(make_baseline(layers, limits, start, clock)),
        inspector(std::move(registrar), *baseline, files),
        walker(*baseline, inspector, seen, limits) {}

  template <typename Result, typename Scan>
  void run(bool full, const std::stop_token& stop, Result* out,
           const Scan& scan);
  bool open_root(Fd* fd, RootFile* root, Faults* faults) const;
};

bool Scanner::Impl::open_root(Fd* fd, RootFile* root, Faults* faults) const {
  // The path itself is the host's: links in it are followed.
  constexpr int kFlags = O_PATH | O_DIRECTORY | O_CLOEXEC;
  *fd = layers.within ? open_without_links(layers.upper, kFlags)
                      : Fd(::open(layers.upper.c_str(), kFlags));
  root->path = layers.upper;
  root->file.fd = *fd;
  if (*fd < 0 || ::fstat(*fd, &root->file.st) != 0) {
    faults->add(layers.upper, {"open upper directory", errno});
    return false;
  }
  root->fs_magic = fs_magic_of(*fd);
  root->inode = inode_id(*fd, root->file.st, root->fs_magic);
  return true;
}

// What both kinds of scan have in common. `scan` fills in what was found.
template <typename Result, typename Scan>
void Scanner::Impl::run(bool full, const std::stop_token& stop, Result* out,
                        const Scan& scan) {
  out->started_boot_ns = clock.boot_ns();
  Faults faults;
  Fd fd;
  RootFile root;
  bool complete = open_root(&fd, &root, &faults) &&
                  baseline->begin(root, full, stop, &faults);
  if (complete) {
    seen.begin();
    inspector.begin(root.fs_magic, clock.wall(), &faults);
    walker.begin(root, stop, &faults);
    scan(root);
    complete = faults.count() == 0 && !stop.stop_requested();
    walker.end();
    seen.end();
    baseline->end(full && complete);
  }
  out->complete = complete;
  out->stopped = stop.stop_requested();
  if (out->stopped) {
    // Nobody will take in what was found so far.
    seen.clear();
    files.clear();
  } else {
    out->errors = faults.take_errors();
    out->exhausted = faults.exhausted();
    out->unread = faults.take_unread();
  }
  out->duration_ns = clock.boot_ns() - out->started_boot_ns;
}

Scanner::Scanner(OverlayLayers layers, Registrar registrar, const Clock& clock,
                 ScanLimits limits, const Start& start)
    : impl_(std::make_unique<Impl>(std::move(layers), std::move(registrar),
                                   clock, limits, start)) {}
Scanner::~Scanner() = default;

const OverlayLayers& Scanner::layers() const { return impl_->layers; }

ScanResult Scanner::scan(const std::stop_token& stop, bool thorough) {
  ScanResult out;
  if (thorough) impl_->files.clear();
  impl_->run(true, stop, &out, [&](const RootFile& root) {
    impl_->seen.clear();
    out.root = root.inode;
    impl_->walker.everything(&out);
  });
  if (out.stopped) static_cast<Met&>(out) = {};
  out.plain = impl_->layers.plain;
  out.by_trees = out.plain || impl_->baseline->by_trees();
  out.unknowable = impl_->baseline->unknowable();
  return out;
}

PartialResult Scanner::scan(const std::vector<PartialTask>& tasks,
                            const std::stop_token& stop) {
  PartialResult out;
  impl_->run(false, stop, &out, [&](const RootFile&) {
    std::size_t entries = 0;
    for (const PartialTask& task : tasks) {
      if (stop.stop_requested()) return;
      out.enough = entries >= impl_->limits.enough_entries;
      if (out.enough) return;
      out.directories.push_back(impl_->walker.part(task, &out.later));
      entries += out.directories.back().entries.size();
    }
  });
  if (out.stopped) {
    out.directories.clear();
    out.later.clear();
  }
  return out;
}

void give_up(ScanResult& scan) {
  static_cast<Met&>(scan) = {};
  scan.complete = false;
  scan.stopped = true;
}

void give_up(PartialResult& part) {
  part.directories.clear();
  part.complete = false;
  part.stopped = true;
}

}  // namespace stillframe::drift
