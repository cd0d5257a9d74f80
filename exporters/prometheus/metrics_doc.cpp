// SPDX-License-Identifier: Apache-2.0
#include <iostream>

#include "exporters/prometheus/metrics_text.h"

int main() {
  std::cout << stillframe::metrics::metrics_markdown();
  return std::cout.flush() ? 0 : 1;
}
