// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/model/container.h"
#include "agent/model/mutation.h"

namespace stillframe::policy {

struct Judgement {
  Verdict verdict = Verdict::violation;
  std::string rule;  // name of the rule that decided; empty: built in
};

// Which mutations are tolerated. Immutable; replaced whole on reload.
class Policy {
 public:
  // The built-in scratch places /tmp /var/tmp /run /var/run /dev: content and
  // metadata below them is scratch, code run from there is not.
  Policy();

  // `path` is absolute inside the container, raw bytes.
  Judgement judge(const ContainerInfo& container, Class mutation_class,
                  Kind kind, Origin origin, std::string_view path) const;

  const std::vector<std::string>& scratch() const { return scratch_; }

 private:
  std::vector<std::string> scratch_;
};

}  // namespace stillframe::policy
