// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/scan/runtime_diff.h"

#include <algorithm>

namespace stillframe::drift {
namespace {

bool hides(const RuntimeTraits& runtime, std::string_view path) {
  const auto hidden = runtime.diff_hides;
  return std::find(hidden.begin(), hidden.end(), path) != hidden.end();
}

DiffTool tool_for(const UpperTree& tree, const RuntimeTraits& runtime) {
  return tree.by_trees() ? DiffTool::docker : runtime.diff_tool;
}

std::string line(Change change, std::string_view path) {
  return std::string{static_cast<char>(change), ' '}.append(path);
}

}  // namespace

std::vector<std::string> runtime_diff_lines(const UpperTree& tree,
                                            const RuntimeTraits& runtime) {
  std::vector<std::string> out;
  const DiffTool tool = tool_for(tree, runtime);
  tree.for_each([&](const std::string& path, const Entry& entry) {
    const Change change = tree.line_of(entry, tool);
    if (change != Change::none && !hides(runtime, path)) {
      out.push_back(line(change, path));
    }
    if (tool != DiffTool::docker || !entry.hidden) return;
    for (const std::string& name : *entry.hidden) {
      out.push_back(line(Change::deleted, path + "/" + name));
    }
  });
  return out;
}

bool runtime_shows(const UpperTree& tree, const RuntimeTraits& runtime,
                   std::string_view path) {
  if (hides(runtime, path)) return false;
  const DiffTool tool = tool_for(tree, runtime);
  if (const Entry* entry = tree.find_path(path)) {
    return tree.line_of(*entry, tool) != Change::none;
  }
  const std::size_t slash = path.rfind('/');
  if (tool != DiffTool::docker || slash == std::string_view::npos) return false;
  const Entry* parent = tree.find_path(path.substr(0, slash));
  if (!parent || !parent->hidden) return false;
  return std::find(parent->hidden->begin(), parent->hidden->end(),
                   path.substr(slash + 1)) != parent->hidden->end();
}

}  // namespace stillframe::drift
