// SPDX-License-Identifier: Apache-2.0
#include "agent/containers/bolt_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace stillframe::containers {
namespace {

// Layouts of bbolt's page.go, db.go and bucket.go, little endian here.
// page: id u64, flags u16, count u16, overflow u32, then elements.
constexpr std::size_t kPageHeader = 16;
constexpr std::size_t kFlagsAt = 8;
constexpr std::size_t kCountAt = 10;
constexpr std::size_t kOverflowAt = 12;
constexpr std::uint16_t kBranchPage = 1;
constexpr std::uint16_t kLeafPage = 2;
constexpr std::size_t kElement = 16;
// bucket: root page u64, sequence u64, then an inline page when root is 0.
constexpr std::size_t kBucketHeader = 16;
constexpr std::uint32_t kBucketFlag = 1;
// meta: magic, version, page size, flags: u32; root u64, sequence u64,
// freelist u64, high-water mark u64, txid u64, checksum u64 (FNV-1a of those).
constexpr std::uint32_t kMagic = 0xED0CDAED;
constexpr std::uint32_t kVersion = 2;
constexpr std::size_t kMetaChecked = 56;
constexpr std::size_t kMetaSize = 64;
constexpr std::size_t kMaxKept = 64u << 20;
constexpr std::size_t kMaxListed = 65536;
constexpr int kMaxDepth = 32;

std::uint64_t fnv1a(std::string_view bytes) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : bytes) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001b3u;
  }
  return hash;
}

template <typename Number>
Number number_at(std::string_view bytes, std::size_t offset) {
  Number value = 0;
  if (offset <= bytes.size() && bytes.size() - offset >= sizeof value) {
    std::memcpy(&value, bytes.data() + offset, sizeof value);
  }
  return value;
}

struct Header {
  bool leaf = false;
  std::size_t count = 0;
};

// None: not a page of a tree.
std::optional<Header> header_of(std::string_view page) {
  if (page.size() < kPageHeader) return std::nullopt;
  const auto flags = number_at<std::uint16_t>(page, kFlagsAt);
  const std::size_t count = number_at<std::uint16_t>(page, kCountAt);
  if (flags != kLeafPage && flags != kBranchPage) return std::nullopt;
  if (count > (page.size() - kPageHeader) / kElement) return std::nullopt;
  return Header{flags == kLeafPage, count};
}

// leaf: flags, pos, key size, value size; branch: pos, key size, page id.
// Positions count from the element.
std::optional<std::string_view> key_at(std::string_view page,
                                       std::size_t element, bool leaf) {
  const std::size_t fields = element + (leaf ? 4 : 0);
  const std::size_t position = element + number_at<std::uint32_t>(page, fields);
  const std::size_t size = number_at<std::uint32_t>(page, fields + 4);
  if (position > page.size() || size > page.size() - position) {
    return std::nullopt;
  }
  return page.substr(position, size);
}

std::optional<std::string_view> value_at(std::string_view page,
                                         std::size_t element,
                                         std::string_view key) {
  const std::size_t size = number_at<std::uint32_t>(page, element + 12);
  const auto at =
      static_cast<std::size_t>(key.data() + key.size() - page.data());
  if (size > page.size() - at) return std::nullopt;
  return page.substr(at, size);
}

bool is_bucket(std::string_view page, std::size_t element) {
  return number_at<std::uint32_t>(page, element) == kBucketFlag;
}

}  // namespace

Result<BoltFile> BoltFile::read(const std::string& path) {
  BoltFile file;
  // O_NONBLOCK so that a FIFO put in the place of a file cannot hang us.
  file.fd_ =
      Fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (file.fd_ < 0) return fail(path, errno);
  struct stat st{};
  if (::fstat(file.fd_, &st) != 0) return fail(path, errno);
  if (!S_ISREG(st.st_mode)) return fail(path + " is not a file", EINVAL);
  file.size_ = static_cast<std::size_t>(st.st_size);
  auto opened = with_meta(std::move(file));
  if (!opened) return fail(opened, path);
  return opened;
}

Result<BoltFile> BoltFile::parse(std::string bytes) {
  BoltFile file;
  file.bytes_ = std::move(bytes);
  file.size_ = file.bytes_.size();
  return with_meta(std::move(file));
}

Result<BoltFile> BoltFile::with_meta(BoltFile file) {
  const auto meta = file.newest_meta();
  if (!meta) return fail("not a bolt database, or torn", EBADMSG);
  file.meta_ = *meta;
  return file;
}

bool BoltFile::copy(std::size_t offset, std::size_t size,
                    std::string& out) const {
  if (offset > size_ || size > size_ - offset) return false;
  if (fd_ < 0) {
    out.assign(bytes_, offset, size);
    return true;
  }
  out.resize(size);
  std::size_t done = 0;
  while (done < size) {
    const ssize_t n = ::pread(fd_, out.data() + done, size - done,
                              static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    done += static_cast<std::size_t>(n);
  }
  return true;
}

// Two metas take turns; the second is one page on, and the page size is not
// known when the first is torn.
std::optional<BoltFile::Meta> BoltFile::newest_meta() const {
  auto newest = meta_at(0);
  for (std::size_t size = 1024; size <= 65536; size *= 2) {
    const auto meta = meta_at(size);
    if (meta && (!newest || meta->transaction >= newest->transaction)) {
      newest = meta;
    }
  }
  return newest;
}

std::optional<BoltFile::Meta> BoltFile::meta_at(std::size_t offset) const {
  std::string bytes;
  if (!copy(offset + kPageHeader, kMetaSize, bytes)) return std::nullopt;
  if (number_at<std::uint32_t>(bytes, 0) != kMagic ||
      number_at<std::uint32_t>(bytes, 4) != kVersion) {
    return std::nullopt;
  }
  const auto checked = std::string_view(bytes).substr(0, kMetaChecked);
  if (number_at<std::uint64_t>(bytes, kMetaChecked) != fnv1a(checked)) {
    return std::nullopt;
  }
  const Meta meta{number_at<std::uint64_t>(bytes, 48),
                  number_at<std::uint32_t>(bytes, 8),
                  number_at<std::uint64_t>(bytes, 16)};
  if (meta.page_size < 512) return std::nullopt;
  return meta;
}

bool BoltFile::moved() const {
  const auto meta = newest_meta();
  return !meta || meta->transaction != meta_.transaction;
}

BoltFile::Page BoltFile::page(std::uint64_t id) {
  if (const auto it = pages_.find(id); it != pages_.end()) return it->second;
  const std::size_t total = size_ / meta_.page_size;
  if (id >= total) return std::nullopt;
  const std::size_t offset = id * meta_.page_size;
  std::string bytes;
  if (!copy(offset, kPageHeader, bytes)) return std::nullopt;
  if (number_at<std::uint64_t>(bytes, 0) != id) return std::nullopt;
  const std::size_t pages = number_at<std::uint32_t>(bytes, kOverflowAt) + 1u;
  if (pages > total - id) return std::nullopt;
  const std::size_t size = pages * meta_.page_size;
  if (size > kMaxKept - kept_ || !copy(offset, size, bytes)) {
    return std::nullopt;
  }
  kept_ += size;
  return pages_.emplace(id, std::move(bytes)).first->second;
}

BoltFile::Page BoltFile::bucket_page(std::string_view value) {
  if (value.size() < kBucketHeader) return std::nullopt;
  const auto id = number_at<std::uint64_t>(value, 0);
  if (id != 0) return page(id);
  return value.substr(kBucketHeader);
}

BoltFile::Page BoltFile::bucket(Path buckets) {
  auto at = page(meta_.root);
  for (const auto name : buckets) {
    if (!at) return std::nullopt;
    const auto item = find(*at, name);
    if (!item || !item->is_bucket) return std::nullopt;
    at = bucket_page(item->value);
  }
  return at;
}

std::optional<BoltFile::Item> BoltFile::find(std::string_view root,
                                             std::string_view key) {
  for (int depth = 0; depth < kMaxDepth; ++depth) {
    const auto header = header_of(root);
    if (!header) return std::nullopt;
    std::uint64_t child = 0;
    for (std::size_t i = 0; i < header->count; ++i) {
      const std::size_t element = kPageHeader + i * kElement;
      const auto found = key_at(root, element, header->leaf);
      if (!found) return std::nullopt;
      if (!header->leaf) {  // the last one whose first key is not beyond ours
        if (i != 0 && *found > key) break;
        child = number_at<std::uint64_t>(root, element + 8);
      } else if (*found == key) {
        const auto value = value_at(root, element, *found);
        if (!value) return std::nullopt;
        return Item{*found, *value, is_bucket(root, element)};
      }
    }
    if (header->leaf) return std::nullopt;
    const auto next = page(child);
    if (!next) return std::nullopt;
    root = *next;
  }
  return std::nullopt;
}

template <typename Visit>
void BoltFile::each(std::string_view page_bytes, int depth, std::size_t& left,
                    const Visit& visit) {
  const auto header = header_of(page_bytes);
  if (!header) return;
  for (std::size_t i = 0; i < header->count && left != 0; ++i) {
    const std::size_t element = kPageHeader + i * kElement;
    const auto key = key_at(page_bytes, element, header->leaf);
    if (!key) return;
    --left;  // of branches, too: pages may lead in a circle
    if (!header->leaf) {
      const auto child =
          page(number_at<std::uint64_t>(page_bytes, element + 8));
      if (child && depth < kMaxDepth) each(*child, depth + 1, left, visit);
    } else if (const auto value = value_at(page_bytes, element, *key)) {
      visit(Item{*key, *value, is_bucket(page_bytes, element)});
    }
  }
}

std::optional<std::string_view> BoltFile::get(Path buckets,
                                              std::string_view key) {
  const auto root = bucket(buckets);
  if (!root) return std::nullopt;
  const auto item = find(*root, key);
  if (!item || item->is_bucket) return std::nullopt;
  return item->value;
}

std::map<std::string, std::string> BoltFile::values(Path buckets) {
  std::map<std::string, std::string> result;
  std::size_t left = kMaxListed;
  const auto root = bucket(buckets);
  if (!root) return result;
  each(*root, 0, left, [&](const Item& item) {
    if (!item.is_bucket) result.emplace(item.key, item.value);
  });
  return result;
}

std::vector<std::string> BoltFile::names(Path buckets) {
  std::vector<std::string> result;
  std::size_t left = kMaxListed;
  const auto root = bucket(buckets);
  if (!root) return result;
  each(*root, 0, left, [&](const Item& item) {
    if (item.is_bucket) result.emplace_back(item.key);
  });
  return result;
}

}  // namespace stillframe::containers
