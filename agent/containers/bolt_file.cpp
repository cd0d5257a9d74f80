// SPDX-License-Identifier: Apache-2.0
#include "agent/containers/bolt_file.h"

#include <cstring>

#include "agent/base/file.h"

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
constexpr std::size_t kMaxFile = 64u << 20;
constexpr int kMaxDepth = 32;

std::uint64_t fnv1a(std::string_view bytes) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : bytes) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001b3u;
  }
  return hash;
}

}  // namespace

template <typename Number>
Number BoltFile::number_at(std::size_t offset) const {
  Number value = 0;
  if (offset <= bytes_.size() && bytes_.size() - offset >= sizeof value) {
    std::memcpy(&value, bytes_.data() + offset, sizeof value);
  }
  return value;
}

Result<BoltFile> BoltFile::read(const std::string& path) {
  auto bytes = read_file(path, kMaxFile);
  if (!bytes) return tl::unexpected<Error>(bytes.error());
  auto file = parse(std::move(*bytes));
  if (!file) return fail(file, path);
  return file;
}

Result<BoltFile> BoltFile::parse(std::string bytes) {
  BoltFile file;
  file.bytes_ = std::move(bytes);
  std::uint64_t newest = 0;
  // Two metas take turns; the second is one page on, and the page size is not
  // known when the first is torn.
  bool valid = file.load_meta(0, newest);
  for (std::size_t size = 1024; size <= 65536; size *= 2) {
    valid = file.load_meta(size, newest) || valid;
  }
  if (!valid) return fail("not a bolt database, or torn", EBADMSG);
  return file;
}

bool BoltFile::load_meta(std::size_t offset, std::uint64_t& newest) {
  const std::size_t meta = offset + kPageHeader;
  if (meta + kMetaSize > bytes_.size()) return false;
  if (number_at<std::uint32_t>(meta) != kMagic ||
      number_at<std::uint32_t>(meta + 4) != kVersion) {
    return false;
  }
  const auto checked = std::string_view(bytes_).substr(meta, kMetaChecked);
  if (number_at<std::uint64_t>(meta + kMetaChecked) != fnv1a(checked)) {
    return false;
  }
  const auto size = number_at<std::uint32_t>(meta + 8);
  const auto transaction = number_at<std::uint64_t>(meta + 48);
  if (size < 512 || (page_size_ != 0 && transaction < newest)) return false;
  newest = transaction;
  page_size_ = size;
  root_ = number_at<std::uint64_t>(meta + 16);
  return true;
}

std::optional<BoltFile::Root> BoltFile::page(std::uint64_t id) const {
  if (id >= bytes_.size() / page_size_) return std::nullopt;
  const std::size_t offset = id * page_size_;
  if (number_at<std::uint64_t>(offset) != id) return std::nullopt;
  const std::size_t pages = number_at<std::uint32_t>(offset + kOverflowAt) + 1u;
  if (pages > bytes_.size() / page_size_ - id) return std::nullopt;
  return Root{offset, pages * page_size_};
}

std::optional<BoltFile::Root> BoltFile::bucket_root(const Value& value) const {
  if (value.size < kBucketHeader) return std::nullopt;
  const auto id = number_at<std::uint64_t>(value.offset);
  if (id != 0) return page(id);
  if (value.size < kBucketHeader + kPageHeader) return std::nullopt;
  return Root{value.offset + kBucketHeader, value.size - kBucketHeader};
}

std::optional<std::string_view> BoltFile::key_at(Root page, std::size_t element,
                                                 bool leaf) const {
  // leaf: flags, pos, key size, value size; branch: pos, key size, page id.
  const std::size_t fields = element + (leaf ? 4 : 0);
  const std::size_t position =
      element - page.offset + number_at<std::uint32_t>(fields);
  const std::size_t size = number_at<std::uint32_t>(fields + 4);
  if (position > page.size || size > page.size - position) return std::nullopt;
  return std::string_view(bytes_).substr(page.offset + position, size);
}

std::optional<BoltFile::Value> BoltFile::find(Root root,
                                              std::string_view key) const {
  for (int depth = 0; depth < kMaxDepth; ++depth) {
    const auto flags = number_at<std::uint16_t>(root.offset + kFlagsAt);
    const std::size_t count = number_at<std::uint16_t>(root.offset + kCountAt);
    const bool leaf = flags == kLeafPage;
    if (!leaf && flags != kBranchPage) return std::nullopt;
    if (count > (root.size - kPageHeader) / kElement) return std::nullopt;
    std::uint64_t child = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t element = root.offset + kPageHeader + i * kElement;
      const auto found = key_at(root, element, leaf);
      if (!found) return std::nullopt;
      if (!leaf) {  // the last one whose first key is not beyond ours
        if (i != 0 && *found > key) break;
        child = number_at<std::uint64_t>(element + 8);
      } else if (*found == key) {
        const std::size_t size = number_at<std::uint32_t>(element + 12);
        const auto at = static_cast<std::size_t>(found->data() + found->size() -
                                                 bytes_.data());
        if (size > root.offset + root.size - at) return std::nullopt;
        const auto kind = number_at<std::uint32_t>(element);
        return Value{at, size, kind == kBucketFlag};
      }
    }
    if (leaf) return std::nullopt;
    const auto next = page(child);
    if (!next) return std::nullopt;
    root = *next;
  }
  return std::nullopt;
}

std::optional<std::string_view> BoltFile::get(
    std::initializer_list<std::string_view> buckets,
    std::string_view key) const {
  auto root = page(root_);
  for (const auto bucket : buckets) {
    if (!root) return std::nullopt;
    const auto value = find(*root, bucket);
    if (!value || !value->is_bucket) return std::nullopt;
    root = bucket_root(*value);
  }
  if (!root) return std::nullopt;
  const auto value = find(*root, key);
  if (!value || value->is_bucket) return std::nullopt;
  return std::string_view(bytes_).substr(value->offset, value->size);
}

}  // namespace stillframe::containers
