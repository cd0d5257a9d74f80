// SPDX-License-Identifier: Apache-2.0
#include "agent/model/container_name.h"

#include "agent/base/text.h"
#include "agent/model/runtime.h"

namespace stillframe {
namespace {

std::string pod_name(const ContainerInfo& info) {
  return info.pod_namespace + "/" + info.pod;
}

bool in_pod(const ContainerInfo& info) {
  return !info.pod_namespace.empty() && !info.pod.empty() && !info.sandbox;
}

}  // namespace

std::string key_of(const ContainerInfo& info) {
  if (info.space.empty() || info.space == kKubernetesSpace) return info.id;
  return info.space + "/" + info.id;
}

std::string listed(const std::vector<const ContainerInfo*>& several) {
  constexpr std::size_t kListed = 10;
  constexpr std::size_t kShortId = 12;
  std::string out;
  for (std::size_t i = 0; i < several.size() && i < kListed; ++i) {
    const ContainerInfo& info = *several[i];
    if (i != 0) out += ", ";
    const std::string id = display(info.id.substr(0, kShortId));
    const std::string name = display(full_name(info));
    // containerd's names are ids.
    out += name == id || name.ends_with('/' + id) ? name : id + ' ' + name;
  }
  if (several.size() > kListed) {
    out += " and " + std::to_string(several.size() - kListed) + " more";
  }
  return out;
}

const std::string& namespace_of(const ContainerInfo& info) {
  static const std::string kNone;
  if (!info.pod_namespace.empty()) return info.pod_namespace;
  return info.pod.empty() ? info.space : kNone;
}

std::string full_name(const ContainerInfo& info) {
  if (in_pod(info)) return pod_name(info) + "/" + info.name;
  if (auto key = key_of(info); key != info.id) return key;
  return info.name.empty() ? info.id.substr(0, 12) : info.name;
}

bool answers_to(const ContainerInfo& info, std::string_view text) {
  if (text == info.id || text == info.name || text == key_of(info)) return true;
  if (!in_pod(info)) return false;
  const std::string pod = pod_name(info);
  return text == pod || text == pod + "/" + info.pod_container;
}

}  // namespace stillframe
