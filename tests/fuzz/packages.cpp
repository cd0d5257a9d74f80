// SPDX-License-Identifier: Apache-2.0
//
// What package managers keep in a container: all of it is the container's to
// write. The input is a path, a newline and a file.
#include "agent/drift/scan/packages.h"

#include "tests/fuzz/fuzz.h"

using namespace stillframe::drift;
using stillframe::fuzz::require;

namespace {

void check(const std::string& text) {
  require(text.size() <= 214, "a text is bounded");
  for (const char c : text) require(c > ' ' && c < 127, "it can be printed");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  const std::string text(stillframe::fuzz::text_of(data, size));
  const auto path = text.substr(0, text.find('\n'));
  for (const auto kind :
       {stillframe::Kind::file_create, stillframe::Kind::file_delete}) {
    const auto hint = package_at(path, kind);
    if (!hint) continue;
    check(hint->name);
    check(hint->version);
  }
  for (const auto& versions : {dpkg_versions(text), apk_versions(text)}) {
    for (const auto& [name, version] : versions) {
      check(name);
      check(version);
    }
  }
  check(npm_version(text));
  return 0;
}
