// SPDX-License-Identifier: Apache-2.0
#include "agent/sensors/trial_process.h"

#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <string>

#include "agent/privileges/confine.h"

namespace stillframe::sensors {
namespace {

// Of the same program on both sides, so that they agree on its layout.
struct Message {
  enum class Kind : std::uint8_t { begin, go, done, failed };
  Kind kind = Kind::begin;
  TrialGround ground = TrialGround::overlay;  // begin, from the agent
  UpperRoot root = {};                        // begin's answer
  std::uint64_t done = 0;  // a bit for each FileOp, by its number
  int error = 0;
  std::array<char, 256> why = {};
};

bool send(int socket, const Message& message) {
  ssize_t n = 0;
  do {
    n = ::send(socket, &message, sizeof message, MSG_NOSIGNAL);
  } while (n < 0 && errno == EINTR);
  return n == static_cast<ssize_t>(sizeof message);
}

bool receive(int socket, Message& message) {
  ssize_t n = 0;
  do {
    n = ::recv(socket, &message, sizeof message, 0);
  } while (n < 0 && errno == EINTR);
  return n == static_cast<ssize_t>(sizeof message);
}

Message failure(const Error& error) {
  Message message{.kind = Message::Kind::failed, .error = error.code};
  error.message.copy(message.why.data(), message.why.size() - 1);
  return message;
}

Message outcome(const Result<Trial>& trial) {
  if (!trial) return failure(trial.error());
  Message message{.kind = Message::Kind::done, .root = trial->root};
  for (const FileOp op : trial->done) {
    message.done |= std::uint64_t{1} << static_cast<unsigned>(op);
  }
  return message;
}

Trial trial_of(const Message& message) {
  Trial trial{message.root, {}};
  for (unsigned bit = 0; bit < 64; ++bit) {
    if ((message.done >> bit & 1) != 0) {
      trial.done.insert(static_cast<FileOp>(bit));
    }
  }
  return trial;
}

// Until the agent's end of the socket is closed.
void serve(int socket) {
  const auto confined = privileges::confine(privileges::Role::trial);
  Message asked;
  while (receive(socket, asked)) {
    if (!confined) {
      if (!send(socket, failure(confined.error()))) return;
      continue;
    }
    const auto trial = try_files(asked.ground, [&](const UpperRoot& root) {
      Message go;
      if (send(socket, {.kind = Message::Kind::begin, .root = root})) {
        static_cast<void>(receive(socket, go));
      }
    });
    if (!send(socket, outcome(trial))) return;
  }
}

// Holds nothing of the agent's but its log.
[[noreturn]] void live(int socket) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::prctl(PR_SET_NAME, "stillframe-try");
  constexpr int kSocket = STDERR_FILENO + 1;
  if (socket != kSocket) ::dup2(socket, kSocket);
  ::close_range(kSocket + 1, ~0U, 0);
  ::close(STDIN_FILENO);
  ::close(STDOUT_FILENO);
  serve(kSocket);
  ::_exit(0);
}

}  // namespace

Result<std::unique_ptr<TrialProcess>> TrialProcess::start() {
  std::array<int, 2> pair{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair.data()) !=
      0) {
    return fail("the process for trials", errno);
  }
  Fd ours(pair[0]);
  const Fd theirs(pair[1]);
  const pid_t pid = ::fork();
  if (pid < 0) return fail("the process for trials", errno);
  if (pid == 0) live(theirs);
  return std::unique_ptr<TrialProcess>(new TrialProcess(pid, std::move(ours)));
}

TrialProcess::~TrialProcess() {
  socket_ = Fd();
  ::waitpid(pid_, nullptr, 0);
}

Result<Trial> TrialProcess::try_files(
    TrialGround ground, const std::function<void(const UpperRoot&)>& begin) {
  Message message{.kind = Message::Kind::begin, .ground = ground};
  if (!send(socket_, message) || !receive(socket_, message)) {
    return fail("the process for trials is gone");
  }
  if (message.kind == Message::Kind::begin) {
    begin(message.root);
    if (!send(socket_, {.kind = Message::Kind::go}) ||
        !receive(socket_, message)) {
      return fail("the process for trials is gone");
    }
  }
  if (message.kind == Message::Kind::failed) {
    return tl::unexpected<Error>(Error{message.error, message.why.data()});
  }
  return trial_of(message);
}

}  // namespace stillframe::sensors
