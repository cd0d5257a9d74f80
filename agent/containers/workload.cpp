// SPDX-License-Identifier: Apache-2.0
#include "agent/containers/workload.h"

#include <algorithm>

namespace stillframe::containers {
namespace {

using Map = std::map<std::string, std::string>;

std::string value_of(const Map& map, std::initializer_list<const char*> keys) {
  for (const char* key : keys) {
    const auto it = map.find(key);
    if (it != map.end() && !it->second.empty()) return it->second;
  }
  return "";
}

void set_if_empty(std::string& target, std::string value) {
  if (target.empty()) target = std::move(value);
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// The letters of Kubernetes' rand.SafeEncodeString: no vowels, no 0, 1, 3.
bool is_random_part(std::string_view text) {
  return text.find_first_not_of("bcdfghjklmnpqrstvwxz2456789") ==
         std::string_view::npos;
}

// Cuts "-suffix" off when the suffix has min to max characters that suit.
template <typename Suits>
bool cut_suffix(std::string_view& name, std::size_t min, std::size_t max,
                const Suits& suits) {
  const std::size_t dash = name.rfind('-');
  if (dash == std::string_view::npos || dash == 0) return false;
  const std::string_view suffix = name.substr(dash + 1);
  if (suffix.size() < min || suffix.size() > max || !suits(suffix)) {
    return false;
  }
  name = name.substr(0, dash);
  return true;
}

std::string pod_workload(const ContainerInfo& info) {
  std::string owner = pod_owner(info.pod);
  if (owner.empty() || info.pod_container.empty()) return owner;
  return owner + "/" + info.pod_container;
}

std::string compose_workload(const Map& labels) {
  const std::string project = value_of(
      labels, {"com.docker.compose.project", "io.podman.compose.project"});
  const std::string service = value_of(labels, {"com.docker.compose.service"});
  if (project.empty() || service.empty()) return "";
  return project + "/" + service;
}

}  // namespace

void apply_annotations(const Map& annotations, ContainerInfo& info) {
  set_if_empty(info.pod,
               value_of(annotations, {"io.kubernetes.cri.sandbox-name",
                                      "io.kubernetes.pod.name"}));
  set_if_empty(info.pod_namespace,
               value_of(annotations, {"io.kubernetes.cri.sandbox-namespace",
                                      "io.kubernetes.pod.namespace"}));
  set_if_empty(info.pod_container,
               value_of(annotations, {"io.kubernetes.cri.container-name",
                                      "io.kubernetes.container.name"}));
  set_if_empty(info.image,
               value_of(annotations, {"io.kubernetes.cri.image-name",
                                      "io.kubernetes.cri-o.ImageName",
                                      "org.opencontainers.image.ref.name"}));
  set_if_empty(info.image_id,
               value_of(annotations, {"io.kubernetes.cri-o.ImageRef"}));
  set_if_empty(info.name, info.pod_container.empty()
                              ? value_of(annotations, {"nerdctl/name"})
                              : info.pod_container);
  const std::string uid =
      value_of(annotations, {"io.kubernetes.cri.sandbox-uid"});
  if (!uid.empty()) info.labels.emplace(kPodUidLabel, uid);
}

bool marks_sandbox(const Map& annotations) {
  return value_of(annotations, {"io.kubernetes.cri.container-type",
                                "io.kubernetes.cri-o.ContainerType"}) ==
         "sandbox";
}

std::string workload_of(const ContainerInfo& info, bool name_given) {
  if (info.sandbox) return "";
  if (auto pod = pod_workload(info); !pod.empty()) return pod;
  if (auto compose = compose_workload(info.labels); !compose.empty()) {
    return compose;
  }
  if (auto unit = value_of(info.labels, {"PODMAN_SYSTEMD_UNIT"});
      !unit.empty()) {
    return unit;
  }
  if (auto app =
          value_of(info.labels, {"app.kubernetes.io/name", "k8s-app", "app"});
      !app.empty()) {
    return app;
  }
  if (name_given && !info.name.empty()) return info.name;
  return image_repository(info.image);
}

bool looks_generated(std::string_view name) {
  while (!name.empty() && is_digit(name.back())) name.remove_suffix(1);
  const std::size_t underscore = name.find('_');
  if (underscore == std::string_view::npos || underscore == 0 ||
      underscore + 1 == name.size()) {
    return false;
  }
  const auto is_letter = [](char c) { return c >= 'a' && c <= 'z'; };
  const auto second = name.begin() + static_cast<std::ptrdiff_t>(underscore);
  return std::all_of(name.begin(), second, is_letter) &&
         std::all_of(second + 1, name.end(), is_letter);
}

std::string pod_owner(std::string_view pod) {
  const auto digits = [](std::string_view text) {
    return std::all_of(text.begin(), text.end(), is_digit);
  };
  // web-7d4b9c6f5d-x2x8z, agent-x2x8z, nightly-29012345-x2x8z, db-0
  if (cut_suffix(pod, 5, 5, is_random_part)) {
    if (!cut_suffix(pod, 8, 10, digits)) cut_suffix(pod, 6, 10, is_random_part);
  } else {
    cut_suffix(pod, 1, 5, digits);
  }
  return std::string(pod);
}

std::string image_repository(std::string_view image) {
  image = image.substr(0, image.find('@'));
  const std::size_t slash = image.rfind('/');
  // A colon before the last slash is a registry's port.
  const std::size_t colon =
      image.find(':', slash == std::string_view::npos ? 0 : slash);
  return std::string(image.substr(0, colon));
}

}  // namespace stillframe::containers
