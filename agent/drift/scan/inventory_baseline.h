// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/drift/scan/inventory.h"
#include "agent/drift/scan/plain_baseline.h"

namespace stillframe::drift {

// An inventory of a rootfs that has no image to be compared with. The first
// scan of everything makes it.
class InventoryBaseline : public PlainBaseline {
 public:
  InventoryBaseline(Scanner::Start start, const Clock& clock)
      : start_(std::move(start)), clock_(clock) {}

  bool begin(const RootFile& root, bool full, std::stop_token stop,
             Faults* faults) override;
  void end(bool everything) override;
  std::unique_ptr<Dir> root() override;
  Tried<> compare_root(const RootFile& root, Entry* entry) override;
  std::string unknowable() const override {
    return inventory_ ? inventory_->unknowable : "";
  }

 private:
  class Directory;

  void compare_known(const struct stat& st,
                     const std::optional<Inventory::Item>& known, bool another,
                     Entry* entry) const;
  Tried<bool> is_another(const UpperFile& file,
                         const std::optional<Inventory::Item>& known) const;
  Tried<std::vector<Inventory::Item>> present(
      int dir, const std::vector<std::string>& names) const;

  Scanner::Start start_;
  const Clock& clock_;
  std::optional<Inventory> inventory_;
  std::stop_token stop_;
  std::string rootfs_;     // for messages
  bool building_ = false;  // by the scan under way
  bool damaged_ = false;   // what was kept, so that it is made again
};

}  // namespace stillframe::drift
