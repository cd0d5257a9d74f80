// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>
#include <vector>

#include "agent/base/result.h"
#include "exporters/container_list.h"

namespace stillframe::socket_api {

// By a column of `ps`, named as in its head, in lower case and with dashes
// ("last-actor"); with "-" in front from the end. What a row has nothing in
// comes last either way. Those that are equal stay as they are.
class ContainerOrder {
 public:
  // In the order of the table.
  static std::vector<std::string_view> columns();

  // The error is one printable line, and names the columns.
  static Result<ContainerOrder> parse(std::string_view text);

  void sort(std::vector<ContainerRow>& rows) const;

 private:
  std::size_t column_ = 0;
  bool descending_ = false;
};

}  // namespace stillframe::socket_api
