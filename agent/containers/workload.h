// SPDX-License-Identifier: Apache-2.0
//
// What outlives one container, from what its runtime says of it.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "agent/model/container.h"

namespace stillframe::containers {

// Of a container of a pod: the pod's uid, by whichever way it became known.
inline constexpr const char* kPodUidLabel = "io.kubernetes.pod.uid";

// Fills pod fields, name, image and labels from OCI annotations as the CRI
// plugin, CRI-O and others write them. What is set already stays.
void apply_annotations(const std::map<std::string, std::string>& annotations,
                       ContainerInfo& info);

// Whether they are those of a pod's sandbox. Only what a runtime writes may be
// asked for this: labels come from images, too.
bool marks_sandbox(const std::map<std::string, std::string>& annotations);

// None of a sandbox. Pod owner/container, compose project/service, systemd
// unit, app label, the name if a person gave it, else the image's repository.
// May be empty.
std::string workload_of(const ContainerInfo& info, bool name_given);

// adjective_surname, as podman and docker make up names (docker adds a digit
// when that is taken).
bool looks_generated(std::string_view name);

// Without the suffixes that controllers add: web-7d4b9c6f5d-x2x8z is web.
std::string pod_owner(std::string_view pod);

// Without tag and digest.
std::string image_repository(std::string_view image);

}  // namespace stillframe::containers
