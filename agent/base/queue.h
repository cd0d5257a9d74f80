// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <list>

namespace stillframe {

// What waits, or came last, where mostly there is nothing: of a container there
// are ten such queues, and a thousand containers. An empty std::deque takes 600
// bytes of memory, an empty list none.
template <typename T>
using Queue = std::list<T>;

}  // namespace stillframe
