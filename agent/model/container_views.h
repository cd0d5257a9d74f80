// SPDX-License-Identifier: Apache-2.0
//
// The containers of a snapshot. What did not change since the last snapshot is
// shared with it: of a thousand containers that are quiet none is copied.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <utility>
#include <vector>

#include "agent/model/container_view.h"

namespace stillframe {

using ContainerViewPtr = std::shared_ptr<const ContainerView>;

class ContainerViews {
 public:
  class Iterator {
   public:
    using iterator_category = std::forward_iterator_tag;
    using value_type = ContainerView;
    using difference_type = std::ptrdiff_t;
    using pointer = const ContainerView*;
    using reference = const ContainerView&;

    explicit Iterator(std::vector<ContainerViewPtr>::const_iterator at)
        : at_(at) {}
    reference operator*() const { return **at_; }
    pointer operator->() const { return at_->get(); }
    Iterator& operator++() {
      ++at_;
      return *this;
    }
    Iterator operator++(int) {
      Iterator before = *this;
      ++at_;
      return before;
    }
    bool operator==(const Iterator&) const = default;

   private:
    std::vector<ContainerViewPtr>::const_iterator at_;
  };

  ContainerViews() = default;
  ContainerViews(std::initializer_list<ContainerView> views) {
    for (const auto& view : views) push_back(view);
  }

  void reserve(std::size_t count) { views_.reserve(count); }
  void push_back(ContainerViewPtr view) { views_.push_back(std::move(view)); }
  void push_back(ContainerView view) {
    views_.push_back(std::make_shared<const ContainerView>(std::move(view)));
  }
  void remove_gone() {
    std::erase_if(views_, [](const auto& view) { return view->gone; });
  }
  template <typename Wanted>
  void keep(const Wanted& wanted) {
    std::erase_if(views_, [&](const auto& view) { return !wanted(*view); });
  }

  std::size_t size() const { return views_.size(); }
  bool empty() const { return views_.empty(); }
  // One that no other snapshot shares, to be changed.
  ContainerView& edit(std::size_t i) {
    auto own = std::make_shared<ContainerView>(*views_[i]);
    ContainerView& view = *own;
    views_[i] = std::move(own);
    return view;
  }
  const ContainerView& operator[](std::size_t i) const { return *views_[i]; }
  Iterator begin() const { return Iterator(views_.begin()); }
  Iterator end() const { return Iterator(views_.end()); }

 private:
  std::vector<ContainerViewPtr> views_;
};

}  // namespace stillframe
