// SPDX-License-Identifier: Apache-2.0
//
// Tree, ledger and verdicts joined: the rows that `diff` shows.
#pragma once

#include "agent/drift/ledger/books.h"
#include "agent/drift/ledger/verdicts.h"
#include "agent/model/change_list.h"
#include "agent/model/container.h"
#include "agent/model/mutation.h"

namespace stillframe::drift {

// In path order: names byte by byte, parents before children. The verdicts must
// not be stale.
ChangeList diff_rows(const ContainerRecord& record, const Books& books,
                     Verdicts& verdicts);

}  // namespace stillframe::drift
