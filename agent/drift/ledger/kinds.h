// SPDX-License-Identifier: Apache-2.0
//
// From what was done, or from what is there, to the kind of mutation.
#pragma once

#include <optional>

#include "agent/drift/entry.h"
#include "agent/drift/ledger/record.h"
#include "agent/model/observation.h"

namespace stillframe::drift {

// Making an inode of this st_mode.
Kind create_kind(std::uint32_t mode);
Kind delete_kind(std::uint32_t mode);

// What an observed operation did to the inode observed. None: only its state
// can show.
std::optional<Kind> kind_of(const FileObservation& seen);

// What the state alone says, for something that nobody was seen to change.
KindList state_kinds(const Entry& entry);

// The same for one that somebody was seen to change, in a way that the kernel
// had no name for: different content was then written.
KindList observed_kinds(const Entry& entry);

// What an operation on one of a directory's entries did to this entry.
KindList kinds_by_operation(FileOp op, const Entry& entry, bool direct = false);

// Whether the kinds say how a file that the image does not hold came to be.
bool shows_origin(const KindList& kinds);

// The recorded kinds, and those of the state that none of them accounts for: a
// file opened for writing whose bytes differ was written too, by whatever way.
KindList explained(KindList recorded, const Entry& entry);

// The final content equals the image again (or never left it).
bool restored(const KindList& recorded, const Entry& entry);

}  // namespace stillframe::drift
