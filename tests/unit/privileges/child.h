// SPDX-License-Identifier: Apache-2.0
//
// What cannot be undone is tried in a process of its own.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <functional>

namespace stillframe::privileges {

// The status (wait(2)) of a child that does `work` and exits with its result,
// which is below 256.
inline int status_of(const std::function<int()>& work) {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(work());
  int status = -1;
  ::waitpid(pid, &status, 0);
  return status;
}

// The child's result; -1: it was killed.
inline int result_of(const std::function<int()>& work) {
  const int status = status_of(work);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

// The signal that killed the child; 0: none did.
inline int signal_of(const std::function<int()>& work) {
  const int status = status_of(work);
  return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

}  // namespace stillframe::privileges
