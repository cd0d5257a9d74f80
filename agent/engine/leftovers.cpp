// SPDX-License-Identifier: Apache-2.0
#include "agent/engine/leftovers.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <unordered_set>

#include "agent/base/log.h"
#include "agent/base/text.h"

namespace stillframe::engine {
namespace {

struct CloseDir {
  void operator()(DIR* dir) const { ::closedir(dir); }
};

}  // namespace

Leftovers::Leftovers(Context& context, Fleet& fleet)
    : context_(context), fleet_(fleet) {}

void Leftovers::turn(bool all_known) {
  if (done_ || !all_known) return;
  done_ = true;
  std::unordered_set<std::string> present;
  for (const auto& container : fleet_.all()) {
    present.insert(container->state_name());
    container->recall_state(context_.now());
  }
  // Whoever was there before and has not been named by now is gone.
  context_.events.agent("roll_call", "",
                        {{"containers", std::to_string(present.size())}});
  const std::string directory = state_files_in(context_.settings.state_dir);
  const std::unique_ptr<DIR, CloseDir> dir(::opendir(directory.c_str()));
  if (dir == nullptr) {
    log_error("what is kept of containers cannot be listed",
              {{"error", fail(directory, errno).value()}});
    return;
  }
  while (const dirent* entry = ::readdir(dir.get())) {
    const std::string file = entry->d_name;
    const std::string owner = file.substr(0, file.find('.'));
    if (!owner.empty() && !present.contains(owner)) look_at(directory, file);
  }
}

void Leftovers::look_at(const std::string& directory, const std::string& file) {
  const std::string path = directory + '/' + file;
  if (file.ends_with(archive::kSuffix)) {
    context_.archive.add_kept(path, file.substr(0, file.find('.')));
    return;
  }
  struct stat st{};
  if (::lstat(path.c_str(), &st) != 0 || !S_ISREG(st.st_mode)) return;
  const auto age = std::chrono::nanoseconds(
      context_.clock.wall().ns -
      (st.st_mtim.tv_sec * 1'000'000'000 + st.st_mtim.tv_nsec));
  if (age > context_.settings.journal.retention) ::unlink(path.c_str());
}

}  // namespace stillframe::engine
