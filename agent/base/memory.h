// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace stillframe {

// Sets the allocator up for a process that lives for months and is idle nearly
// always. To be called once, before there are threads.
void set_up_allocator();

// Gives what is free back to the system, and the pages of the program and of
// its libraries that are not in use: of what starts it little is needed again.
// Takes milliseconds, in proportion to what there is: for after something large
// was released.
void give_back_memory();

}  // namespace stillframe
