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

}  // namespace

std::vector<RuntimeLine> runtime_lines(const UpperTree& tree,
                                       const RuntimeTraits& runtime) {
  std::vector<RuntimeLine> out;
  const DiffTool tool = tool_for(tree, runtime);
  tree.for_each([&](const UpperTree::Place& at, const Entry& entry) {
    const Change change = tree.line_of(entry, tool);
    if (change != Change::none && !hides(runtime, at.path)) {
      out.push_back({change, {at.directory, entry.name}});
    }
    if (tool != DiffTool::docker || entry.hidden() == nullptr) return;
    const auto here = SharedPath::directory(at.directory, entry.name);
    for (const std::string& name : *entry.hidden()) {
      out.push_back({Change::deleted, {here, name}});
    }
  });
  return out;
}

bool runtime_shows(const UpperTree& tree, const RuntimeTraits& runtime,
                   std::string_view path, const Entry& entry) {
  return !hides(runtime, path) &&
         tree.line_of(entry, tool_for(tree, runtime)) != Change::none;
}

}  // namespace stillframe::drift
