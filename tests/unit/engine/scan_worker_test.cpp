// SPDX-License-Identifier: Apache-2.0
#include "agent/engine/scan_worker.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <filesystem>
#include <fstream>

#include "agent/engine/reply.h"
#include "tests/unit/engine/fakes.h"

namespace stillframe::engine::test {
namespace {

std::shared_ptr<drift::Scanner> scanner_of(const ContainerRecord& record) {
  return std::make_shared<drift::Scanner>(
      record.layers, [](const InodeId&, bool) { return true; }, system_clock());
}

TEST(ScanWorker, HandsResultsToTheLoop) {
  World world;
  const auto record = world.make("aaaa");
  Mailbox mailbox;
  ScanWorker worker(&mailbox);
  std::size_t entries = 0;
  worker.submit(scanner_of(record), {.full = true, .parts = {}}, false,
                [&](const Scanned& scanned) {
                  entries = std::get<drift::ScanResult>(scanned).entries.size();
                });
  pollfd readable{mailbox.poll_fd(), POLLIN, 0};
  ASSERT_EQ(::poll(&readable, 1, 30'000), 1);
  mailbox.run();
  EXPECT_EQ(entries, 1u);  // the root
}

TEST(ScanWorker, StopsAmidAScanAndDropsWhatWaits) {
  World world;
  const auto record = world.make("aaaa");
  for (int i = 0; i < 20'000; ++i) {
    std::ofstream(record.layers.upper + "/f" + std::to_string(i));
  }
  Mailbox mailbox;
  std::vector<Asked<int>> asked(3);
  {
    ScanWorker worker(&mailbox);
    for (const auto& one : asked) {
      worker.submit(
          scanner_of(record), {.full = true, .parts = {}}, false,
          [reply = one.reply()](const Scanned&) mutable { reply.answer(1); });
    }
  }
  mailbox.close();
  for (const auto& one : asked) EXPECT_TRUE(one.once());
}

}  // namespace
}  // namespace stillframe::engine::test
