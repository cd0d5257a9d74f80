// SPDX-License-Identifier: Apache-2.0
//
// Makes a small bbolt database: one page per bucket, or a bucket kept inline.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

namespace stillframe::containers {

template <typename Number>
void put(std::string& bytes, std::size_t at, Number value) {
  std::memcpy(bytes.data() + at, &value, sizeof value);
}

struct BoltItem {
  std::string key;
  std::string value;
  std::uint32_t flags = 0;  // 1: a bucket
};

// A leaf (kind 2) or branch (kind 1) page; a branch's values are page numbers.
inline std::string bolt_page(std::uint64_t id, std::uint16_t kind,
                             const std::vector<BoltItem>& items) {
  std::string page(16 + items.size() * 16, '\0');
  put(page, 0, id);
  put(page, 8, kind);
  put(page, 10, static_cast<std::uint16_t>(items.size()));
  for (std::size_t i = 0; i < items.size(); ++i) {
    const std::size_t element = 16 + i * 16;
    const auto position = static_cast<std::uint32_t>(page.size() - element);
    const auto key_size = static_cast<std::uint32_t>(items[i].key.size());
    if (kind == 1) {
      put(page, element, position);
      put(page, element + 4, key_size);
      put(page, element + 8, std::stoull(items[i].value));
      page += items[i].key;
    } else {
      put(page, element, items[i].flags);
      put(page, element + 4, position);
      put(page, element + 8, key_size);
      put(page, element + 12,
          static_cast<std::uint32_t>(items[i].value.size()));
      page += items[i].key + items[i].value;
    }
  }
  return page;
}

// What a bucket's value is: its root page's number, or 0 and the page itself.
inline std::string bolt_bucket(std::uint64_t root,
                               const std::string& inline_page = "") {
  std::string value(16, '\0');
  put(value, 0, root);
  return value + inline_page;
}

constexpr std::size_t kBoltPage = 4096;

// Page 0 and 1 are metas, the root is page 2; `pages` are 2 and on. A page that
// is too long overflows into the next numbers. `transaction` is the older one.
inline std::string bolt_file(const std::vector<std::string>& pages,
                             std::uint64_t transaction = 0) {
  std::string body;
  for (std::string page : pages) {
    const std::size_t count = (page.size() + kBoltPage - 1) / kBoltPage;
    put(page, 12, static_cast<std::uint32_t>(count - 1));
    page.resize(count * kBoltPage);
    body += page;
  }
  std::string metas;
  for (std::uint64_t i = 0; i < 2; ++i) {
    std::string meta(kBoltPage, '\0');
    put(meta, 0, i);
    put(meta, 8, std::uint16_t{4});
    put(meta, 16, std::uint32_t{0xED0CDAED});
    put(meta, 20, std::uint32_t{2});
    put(meta, 24, static_cast<std::uint32_t>(kBoltPage));
    put(meta, 32, std::uint64_t{2});
    put(meta, 16 + 48, transaction + i);
    std::uint64_t hash = 0xcbf29ce484222325u;
    for (std::size_t at = 16; at < 16 + 56; ++at) {
      hash = (hash ^ static_cast<unsigned char>(meta[at])) * 0x100000001b3u;
    }
    put(meta, 16 + 56, hash);
    metas += meta;
  }
  return metas + body;
}

// libpod's: bucket ctr or pod / bucket ID / key config.
using LibpodConfigs = std::vector<std::pair<std::string, std::string>>;
inline std::string libpod_database(const LibpodConfigs& containers,
                                   const LibpodConfigs& pods = {}) {
  const auto page = [](std::uint64_t id, const LibpodConfigs& configs) {
    std::vector<BoltItem> items;
    for (const auto& [name, config] : configs) {
      items.push_back(
          {name, bolt_bucket(0, bolt_page(0, 2, {{"config", config}})), 1});
    }
    return bolt_page(id, 2, items);
  };
  return bolt_file(
      {bolt_page(2, 2,
                 {{"ctr", bolt_bucket(4), 1}, {"pod", bolt_bucket(3), 1}}),
       page(3, pods), page(4, containers)});
}

}  // namespace stillframe::containers
