// SPDX-License-Identifier: Apache-2.0
#include "agent/archive/shelf.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "agent/archive/pack.h"
#include "agent/base/fd.h"
#include "agent/base/file.h"
#include "agent/base/number.h"
#include "agent/base/text.h"
#include "agent/model/container_name.h"

namespace stillframe::archive {
namespace {

constexpr std::size_t kTimeDigits = 20;
constexpr std::uint64_t kBlock = 4096;

struct CloseDir {
  void operator()(DIR* dir) const { ::closedir(dir); }
};

std::string file_of(WallTime gone, std::string_view name) {
  return fmt::format("{:0{}}-{}{}", gone.ns, kTimeDigits, name, kSuffix);
}

std::uint64_t blocks(std::uint64_t bytes) {
  return std::max<std::uint64_t>(1, (bytes + kBlock - 1) / kBlock) * kBlock;
}

// Which containers `heads` are about, each once, newest first.
template <typename Key>
std::vector<const ContainerInfo*> distinct(const std::vector<DiffAnswer>& heads,
                                           const Key& key) {
  std::vector<const ContainerInfo*> infos;
  std::set<std::string> keys;
  for (const auto& head : heads) {
    const ContainerInfo& info = head.container.info;
    if (keys.insert(key(info)).second) infos.push_back(&info);
  }
  return infos;
}

std::string unread_text(std::size_t count, const Error& why) {
  return fmt::format("of {} that are gone it cannot be read who they were: {}",
                     count, why.message);
}

}  // namespace

Shelf::Shelf(std::string directory, Bounds bounds, Format format,
             const Clock& clock)
    : directory_(std::move(directory)),
      bounds_(bounds),
      format_(std::move(format)),
      clock_(clock) {}

// Oldest first.
Result<std::vector<Shelf::File>> Shelf::list() const {
  const std::unique_ptr<DIR, CloseDir> dir(::opendir(directory_.c_str()));
  if (dir == nullptr) return fail(directory_, errno);
  std::vector<File> files;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(dir.get());
    if (entry == nullptr) break;
    struct stat st{};
    if (::fstatat(::dirfd(dir.get()), entry->d_name, &st,
                  AT_SYMLINK_NOFOLLOW) != 0 ||
        !S_ISREG(st.st_mode)) {
      continue;
    }
    File file{.name = entry->d_name,
              .gone = {st.st_mtim.tv_sec * 1'000'000'000 + st.st_mtim.tv_nsec},
              .bytes = blocks(static_cast<std::uint64_t>(st.st_size)),
              .state = false};
    const std::string_view name = file.name;
    const auto time = parse_number<std::int64_t>(name.substr(0, kTimeDigits));
    if (time && name.substr(0, kTimeDigits + 1).ends_with('-')) {
      file.gone.ns = *time;
      file.state = name.ends_with(kSuffix);
    }
    files.push_back(std::move(file));
  }
  if (errno != 0) return fail(directory_, errno);
  std::sort(files.begin(), files.end(), [](const File& a, const File& b) {
    return std::pair(a.gone, a.name) < std::pair(b.gone, b.name);
  });
  return files;
}

void Shelf::set_apart(const std::string& file, const Error& why) {
  const std::string path = directory_ + '/' + file;
  if (::rename(path.c_str(), (path + ".damaged").c_str()) != 0) return;
  const std::lock_guard lock(mutex_);
  trouble_.push_back("the last state of a container was set apart: " +
                     why.message);
}

Result<DiffAnswer> Shelf::head_of(const std::string& file) {
  auto head = read_head(format_, directory_, file);
  if (!head && head.error().code == EBADMSG) set_apart(file, head.error());
  return head;
}

Result<DiffAnswer> Shelf::read(const File& file) {
  auto answer = read_all(format_, directory_, file.name);
  if (!answer) {
    if (answer.error().code == EBADMSG) set_apart(file.name, answer.error());
    return answer;
  }
  if (answer->gone->since.ns == 0) answer->gone->since = file.gone;
  return answer;
}

Result<> Shelf::put(std::string_view name, WallTime gone,
                    std::string_view packed) {
  if (auto made = make_directories(directory_); !made) return made;
  const std::string path = directory_ + '/' + file_of(gone, name);
  if (auto written = write_file_durably(path, packed); !written) {
    return written;
  }
  const std::lock_guard lock(mutex_);
  bytes_ += blocks(packed.size());
  ++files_;
  return {};
}

bool Shelf::has_later(std::string_view name, WallTime as_of) {
  const auto files = list();
  if (!files) return false;
  return std::any_of(files->begin(), files->end(), [&](const File& file) {
    if (!file.state || file.name != file_of(file.gone, name)) return false;
    const auto head = head_of(file.name);
    return head && head->gone->as_of >= as_of;
  });
}

Result<> Shelf::take_in(const std::string& path, std::string_view name) {
  if (auto made = make_directories(directory_); !made) return made;
  const std::size_t slash = path.rfind('/');
  const std::string from = path.substr(0, slash);
  const std::string file = path.substr(slash + 1);
  const auto kept = read_all(format_, from, file);
  if (!kept && is_absence(kept.error().code)) return {};
  if (!kept && kept.error().code != EBADMSG) {
    return tl::unexpected<Error>(kept.error());
  }
  if (kept && has_later(name, kept->gone->as_of)) {
    if (::unlink(path.c_str()) != 0) return fail(path, errno);
    return {};
  }
  const std::string as = file_of(clock_.wall(), name);
  const std::string to = directory_ + '/' + as;
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (fd < 0 || ::fsync(fd) != 0) return fail(path, errno);
  if (::rename(path.c_str(), to.c_str()) != 0) return fail(path, errno);
  if (!kept) {
    set_apart(as, kept.error());
    return {};
  }
  if (auto synced = sync_directory(directory_); !synced) return synced;
  return sync_directory(from);
}

Result<std::optional<DiffAnswer>> Shelf::find(const std::string& container) {
  const auto files = list();
  if (!files) {
    if (is_absence(files.error().code)) return std::nullopt;
    return tl::unexpected<Error>(files.error());
  }
  std::vector<DiffAnswer> exact;
  std::vector<DiffAnswer> prefixed;
  const File* newest_exact = nullptr;
  const File* newest_prefixed = nullptr;
  std::size_t unread = 0;
  Error why;
  for (auto file = files->rbegin(); file != files->rend(); ++file) {
    if (!file->state) continue;
    auto head = head_of(file->name);
    if (!head) {
      if (is_absence(head.error().code)) continue;
      ++unread;
      why = head.error();
      continue;
    }
    const ContainerInfo& info = head->container.info;
    if (answers_to(info, container)) {
      if (newest_exact == nullptr) newest_exact = &*file;
      exact.push_back(std::move(*head));
    } else if (!container.empty() && starts_with(info.id, container)) {
      if (newest_prefixed == nullptr) newest_prefixed = &*file;
      prefixed.push_back(std::move(*head));
    }
  }
  const auto several =
      exact.empty() ? distinct(prefixed, key_of) : distinct(exact, full_name);
  if (several.size() > 1) {
    return tl::unexpected<Error>(
        Error{EINVAL, display(container) +
                          " means several containers that are gone (" +
                          listed(several) + "): give more of " +
                          (exact.empty() ? "the id" : "the name, or the id")});
  }
  if (several.empty()) {
    if (unread == 0) return std::nullopt;
    return fail(unread_text(unread, why));
  }
  auto found = read(exact.empty() ? *newest_prefixed : *newest_exact);
  if (!found) return fail(found, "the last state of " + display(container));
  return std::move(*found);
}

Result<GoneContainers> Shelf::heads() {
  GoneContainers gone;
  const auto files = list();
  if (!files) {
    if (is_absence(files.error().code)) return gone;
    return tl::unexpected<Error>(files.error());
  }
  std::set<std::string> keys;
  for (auto file = files->rbegin(); file != files->rend(); ++file) {
    if (!file->state) continue;
    auto head = head_of(file->name);
    if (!head) {
      if (is_absence(head.error().code)) continue;
      ++gone.unread;
      gone.why = unread_text(gone.unread, head.error());
      continue;
    }
    if (!keys.insert(key_of(head->container.info)).second) continue;
    if (head->gone->since.ns == 0) head->gone->since = file->gone;
    gone.containers.push_back(std::move(*head));
  }
  return gone;
}

Result<> Shelf::remove(const File& file) {
  const std::string path = directory_ + '/' + file.name;
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return fail(path, errno);
  return {};
}

bool Shelf::full() {
  const std::lock_guard lock(mutex_);
  return bytes_ > bounds_.most_bytes || files_ > bounds_.most_files;
}

Result<> Shelf::prune() {
  auto files = list();
  if (!files) {
    if (is_absence(files.error().code)) return {};
    return tl::unexpected<Error>(files.error());
  }
  const std::int64_t since =
      clock_.wall().ns - std::chrono::nanoseconds(bounds_.retention).count();
  std::vector<File> left;
  for (auto& file : *files) {
    if (file.gone.ns >= since) {
      left.push_back(std::move(file));
    } else if (auto removed = remove(file); !removed) {
      return removed;
    }
  }
  return make_room(std::move(left));
}

Result<> Shelf::make_room(std::vector<File> files) {
  std::uint64_t bytes = 0;
  std::size_t count = files.size();
  for (const auto& file : files) bytes += file.bytes;
  if (bytes > bounds_.most_bytes || count > bounds_.most_files) {
    std::map<std::string, std::vector<File>> images;  // newest first
    std::map<std::string, std::uint64_t> taken;
    for (auto file = files.rbegin(); file != files.rend(); ++file) {
      const auto head =
          file->state ? head_of(file->name) : Result<DiffAnswer>(DiffAnswer());
      const std::string image = head ? head->container.info.image : "";
      taken[image] += file->bytes;
      images[image].push_back(std::move(*file));
    }
    while (bytes > bounds_.most_bytes / 8 * 7 ||
           count > bounds_.most_files / 8 * 7) {
      const auto most = std::max_element(
          taken.begin(), taken.end(),
          [](const auto& a, const auto& b) { return a.second < b.second; });
      auto& of_image = images[most->first];
      const File oldest = std::move(of_image.back());
      of_image.pop_back();
      if (auto removed = remove(oldest); !removed) return removed;
      bytes -= oldest.bytes;
      --count;
      most->second -= oldest.bytes;
    }
  }
  const std::lock_guard lock(mutex_);
  bytes_ = bytes;
  files_ = count;
  return {};
}

std::vector<std::string> Shelf::take_trouble() {
  const std::lock_guard lock(mutex_);
  return std::exchange(trouble_, {});
}

}  // namespace stillframe::archive
