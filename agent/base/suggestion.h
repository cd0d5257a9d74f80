// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace stillframe {

// The one of `words` that `typed` most likely stands for: the only one that it
// is the beginning of, else the nearest. Empty: none is near.
std::string_view nearest(std::string_view typed,
                         std::span<const std::string_view> words);

// "did you mean 'x'?", or "did you mean one of x, y?" where it is a part of
// them, or else "known: a, b, c".
std::string suggestion(std::string_view typed,
                       std::span<const std::string_view> words);

}  // namespace stillframe
