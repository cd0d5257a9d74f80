// SPDX-License-Identifier: Apache-2.0
#include "agent/cli/audit.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <optional>
#include <utility>

#include "agent/base/fd.h"
#include "agent/base/file.h"
#include "agent/base/text.h"
#include "agent/cli/journal_source.h"
#include "agent/journal/prometheus.h"
#include "agent/journal/signature.h"
#include "agent/journal/verify.h"
#include "agent/journal/witness.h"
#include "exporters/report/verification.h"

namespace stillframe::cli {
namespace {

// As long as an agent keeps its journal if nobody says otherwise.
constexpr std::int64_t kLookBackNs =
    std::chrono::nanoseconds(std::chrono::hours(24 * 90)).count();

Result<std::optional<journal::Witness>> ask_witness(
    const AuditOptions& audit, const std::string& directory) {
  if (audit.prometheus.empty()) return std::nullopt;
  const WallTime now = wall_now();
  // A journal that was begun again must not hide that there was another.
  const WallTime since = std::min(journal::begin_of(directory).value_or(now),
                                  WallTime{now.ns - kLookBackNs});
  auto scrapes = journal::ask_prometheus({.url = audit.prometheus,
                                          .instance = audit.instance,
                                          .since = since,
                                          .now = now});
  if (!scrapes) return fail(scrapes, "--prometheus");
  return journal::Witness(std::move(*scrapes));
}

Result<journal::Verification> verify(const std::string& directory,
                                     std::vector<journal::Key> keys,
                                     std::optional<journal::Witness>& witness,
                                     Streams streams) {
  Progress progress(streams.err, "verifying");
  journal::VerifyOptions options{.keys = std::move(keys)};
  options.progress = [&](std::uint64_t done, std::uint64_t of) {
    progress.show(done, of);
  };
  if (witness) {
    options.on_entry = [&](std::uint64_t entry, std::string_view hash,
                           std::string_view) { witness->see(entry, hash); };
  }
  return journal::verify(directory, options);
}

Result<> make_file(const std::string& path, std::string_view content,
                   unsigned mode) {
  const Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
                     static_cast<mode_t>(mode)));
  if (fd < 0) {
    if (errno == EEXIST) {
      return fail(printable(path) + " is there already: it is not replaced", 0);
    }
    return fail(printable(path), errno);
  }
  const ssize_t n = ::write(fd, content.data(), content.size());
  if (n != static_cast<ssize_t>(content.size()) || ::fchmod(fd, mode) != 0 ||
      ::fsync(fd) != 0) {
    const int error = n < 0 ? errno : EIO;
    ::unlink(path.c_str());
    return fail(printable(path), error);
  }
  return {};
}

// journal.key → journal.pub
std::string public_name(std::string path) {
  if (ends_with(path, ".key")) path.resize(path.size() - 4);
  return path + ".pub";
}

std::string keygen_text(const std::string& secret, const std::string& open,
                        const std::string& fingerprint) {
  return fmt::format(
      "key {2}\n"
      "{0}: signs. For the agent only: stillframe run --journal.key {0}\n"
      "{1}: checks. For whoever audits: stillframe audit verify --key {1}\n",
      display(secret), display(open), fingerprint);
}

}  // namespace

int run_audit_verify(const Options& options, Streams streams) {
  std::signal(SIGPIPE, SIG_IGN);
  const AuditOptions& audit = options.audit;
  auto keys = read_keys(audit.keys);
  if (!keys) return complain(keys.error(), streams);
  const std::string directory = journal_directory(audit.directory);
  // Before the journal is read: all that was scraped by then is in it.
  auto witness = ask_witness(audit, directory);
  if (!witness) return complain(witness.error(), streams);
  auto result = verify(directory, std::move(*keys), *witness, streams);
  if (!result) return complain(result.error(), streams);
  report::Audit found{.directory = directory,
                      .verification = std::move(*result),
                      .keys_given = !audit.keys.empty(),
                      .witness = {}};
  if (*witness) {
    found.witness = (*witness)->conclude(found.verification);
  }
  return finish(
      {.code = found.verification.fault_count == 0 ? kSuccess : kFailure,
       .out = audit.output == "json" ? report::audit_json(found)
                                     : report::audit_text(found),
       .err = {}},
      streams);
}

int run_audit_keygen(const Options& options, Streams streams) {
  const std::string& secret = options.audit.key_file;
  const std::string open = public_name(secret);
  const auto key = journal::Key::make();
  if (!key) return complain(key.error(), streams);
  if (exists(open)) {
    return complain(
        {0, printable(open) + " is there already: it is not replaced"},
        streams);
  }
  if (auto made = make_file(secret, key->private_pem(), 0600); !made) {
    return complain(made.error(), streams);
  }
  if (auto made = make_file(open, key->public_pem(), 0644); !made) {
    ::unlink(secret.c_str());
    return complain(made.error(), streams);
  }
  return finish({.code = kSuccess,
                 .out = keygen_text(secret, open, key->fingerprint()),
                 .err = {}},
                streams);
}

}  // namespace stillframe::cli
