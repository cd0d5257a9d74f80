// SPDX-License-Identifier: Apache-2.0
// What one container fills takes no room from the others.
#include <asm/unistd.h>
#include <gmock/gmock.h>

#include "tests/bpf/inlines.h"

namespace stillframe::sensors {
namespace {

using ::testing::IsEmpty;

struct Share {
  const char* name;
  std::int32_t own;
  std::int32_t all;  // by the programs; as many again by the agent
  bool room;
};

constexpr std::uint32_t kStarted = 4711;

class Shares : public Inlines {
 protected:
  std::uint32_t budget() const override { return 4 * SF_EVENTS_LEAST; }
  void fill(sf_tally programs, sf_tally agent, std::int32_t each) {
    put(object_->maps.tallies, std::uint32_t{programs}, each);
    put(object_->maps.tallies, std::uint32_t{agent}, each);
  }
  std::int32_t tally(sf_tally which) {
    return *get<std::int32_t>(object_->maps.tallies, std::uint32_t{which});
  }
  void begins(std::uint32_t tgid, std::uint64_t cgroup,
              std::uint32_t flags = 0) {
    test_follow test{cgroup, tgid, flags, 0, kStarted};
    run(object_->progs.life, test);
  }
  void ends(std::uint32_t tgid) {
    test_follow test{0, tgid, 0, 1, 0};
    run(object_->progs.life, test);
  }
  std::optional<sf_followed> followed(std::uint32_t tgid) {
    return get<sf_followed>(object_->maps.processes, tgid);
  }
  sf_cgroup_state family(std::uint64_t id) {
    return *get<sf_cgroup_state>(object_->maps.cgroups, id);
  }
  void add_family(std::uint64_t id, std::int32_t processes = 0) {
    sf_cgroup_state state{};
    state.family = id;
    state.processes = processes;
    put(object_->maps.cgroups, id, state);
  }
};

INSTANTIATE_TEST_SUITE_P(Reads, Shares, ::testing::Bool(), reads);

TEST_P(Shares, OfProcesses) {
  constexpr std::int32_t kQuarter = SF_PROCESSES_ROOM / 4;
  const Share cases[] = {
      {"little, in a map that is full by others", SF_PROCESSES_LEAST - 1,
       kQuarter, true},
      {"more, while there is room", SF_PROCESSES_LEAST, kQuarter - 1, true},
      {"more", SF_PROCESSES_LEAST, kQuarter, false},
      {"as much as one may have", SF_PROCESSES_MOST, 0, false},
  };
  std::uint64_t cgroup = 10;
  std::uint32_t tgid = 100'000'000;  // above any real one
  for (const Share& one : cases) {
    ++cgroup;
    ++tgid;
    add_family(cgroup, one.own);
    fill(SF_TALLY_PROCESSES, SF_TALLY_PROCESSES_ADOPTED, one.all);
    const auto before = lost(SF_LOSS_processes_full);
    begins(tgid, cgroup);
    EXPECT_EQ(followed(tgid).has_value(), one.room) << one.name;
    EXPECT_EQ(family(cgroup).processes, one.own + (one.room ? 1 : 0))
        << one.name;
    EXPECT_EQ(family(cgroup).crowd != 0, !one.room) << one.name;
    EXPECT_EQ(lost(SF_LOSS_processes_full), before + (one.room ? 0 : 1))
        << one.name;
    // It comes from the host, and what descends from it is known by it.
    begins(++tgid, cgroup, SF_FOLLOWED_LEADER);
    EXPECT_TRUE(followed(tgid)) << one.name;
  }
}

TEST_P(Shares, OfProcessesAreGivenBack) {
  constexpr std::uint32_t kTgid = 100'000'000;
  add_family(7);
  add_family(8);
  begins(kTgid, 7);
  begins(kTgid + 1, 7);
  EXPECT_EQ(family(7).processes, 2);
  begins(kTgid + 1, 8);  // the number is another's by now
  EXPECT_EQ(family(7).processes, 1);
  EXPECT_EQ(family(8).processes, 1);
  EXPECT_EQ(tally(SF_TALLY_PROCESSES), 2);
  ends(kTgid);
  EXPECT_EQ(family(7).processes, 0);
  EXPECT_EQ(tally(SF_TALLY_PROCESSES), 1);
  // One that the agent found is not in its container's number.
  put(object_->maps.processes, kTgid,
      sf_followed{0, 8, SF_FOLLOWED_ADOPTED, 0, 0});
  ends(kTgid);
  EXPECT_FALSE(followed(kTgid));
  EXPECT_EQ(family(8).processes, 1);
}

TEST_P(Shares, OfCgroupsWithinContainers) {
  constexpr std::int32_t kQuarter = SF_CGROUPS_ROOM / 4;
  const Share cases[] = {
      {"little, in a map that is full by others", SF_CHILDREN_LEAST - 1,
       kQuarter, true},
      {"more, while there is room", SF_CHILDREN_LEAST, kQuarter - 1, true},
      {"more", SF_CHILDREN_LEAST, kQuarter, false},
      {"as much as one may have", SF_CHILDREN_MOST, 0, false},
  };
  for (const Share& one : cases) {
    fill(SF_TALLY_CHILDREN, SF_TALLY_CHILDREN_ADOPTED, one.all);
    test_child test{static_cast<std::uint32_t>(one.own), 0};
    run(object_->progs.child, test);
    EXPECT_EQ(test.may != 0, one.room) << one.name;
  }
}

TEST_P(Shares, OfInodes) {
  constexpr std::int32_t kQuarter = SF_INODES_ROOM / 4;
  constexpr std::int32_t kKept = SF_INODES_KEPT_BACK;
  const struct {
    Share share;
    std::uint32_t mode;
  } cases[] = {
      {{"little, in a map that is full by others", SF_INODES_LEAST - 1,
        kQuarter, true},
       S_IFREG},
      {{"more, while there is room", SF_INODES_LEAST, kQuarter - kKept / 2 - 1,
        true},
       S_IFREG},
      {{"more", SF_INODES_LEAST, kQuarter - kKept / 2, false}, S_IFREG},
      {{"as many files as one may have", SF_INODES_MOST - kKept, 0, false},
       S_IFREG},
      {{"directories, while there is room", SF_INODES_LEAST, kQuarter - 1,
        true},
       S_IFDIR},
      {{"more directories", SF_INODES_LEAST, kQuarter, false}, S_IFDIR},
      {{"directories beside all the files", SF_INODES_MOST - kKept, 0, true},
       S_IFDIR},
      {{"as much as one may have", SF_INODES_MOST, 0, false}, S_IFDIR},
  };
  sf_inode root{2, 1, 77};
  for (const auto& [one, mode] : cases) {
    root.ino += 10;
    sf_root_state state{};
    state.inodes = one.own;
    put(object_->maps.roots, root, state);
    fill(SF_TALLY_INODES, SF_TALLY_INODES_SCANNED, one.all);
    const auto before = lost(SF_LOSS_inodes_full);
    const auto unlisted = counted(SF_COUNTER_UNLISTED);
    const auto changed = [&](std::uint32_t generation) {
      test_change test{};
      test.root = root;
      test.inode = {root.ino + 1, generation, root.dev};
      test.nr = __NR_write;
      test.mode = mode;
      run(object_->progs.change, test);
    };
    changed(1);
    changed(2);  // in the former's place
    const auto known = get<sf_inode_state>(
        object_->maps.upper_inodes, sf_inode_key{root.ino + 1, root.dev, 0});
    EXPECT_EQ(known.has_value(), one.room) << one.name;
    if (known) {
      EXPECT_EQ(known->generation, 2u) << one.name;
    }
    EXPECT_EQ(get<sf_root_state>(object_->maps.roots, root)->inodes,
              one.own + (one.room ? 1 : 0))
        << one.name;
    EXPECT_EQ(lost(SF_LOSS_inodes_full),
              before + (one.room || mode == S_IFREG ? 0 : 2))
        << one.name;
    EXPECT_EQ(counted(SF_COUNTER_UNLISTED),
              unlisted + (one.room || mode == S_IFDIR ? 0 : 2))
        << one.name;
    // Known or not, its change is reported.
    EXPECT_THAT(events(), Not(IsEmpty())) << one.name;
  }
}

TEST_P(Shares, OfTheRingBuffer) {
  const sf_inode root{2, 1, 77};
  const auto over = [&](std::uint32_t used) {
    auto state = *get<sf_root_state>(object_->maps.roots, root);
    state.used = used;
    put(object_->maps.roots, root, state);
    test_budget test{};
    test.root = root;
    run(object_->progs.budget, test);
    return test.over != 0;
  };
  put(object_->maps.roots, root, sf_root_state{});
  EXPECT_FALSE(over(0));  // its second has begun
  EXPECT_FALSE(over(budget())) << "there is room for all";
  fill_half_of_ring();
  EXPECT_FALSE(over(budget() - 1)) << "there is room for a share each";
  EXPECT_TRUE(over(budget())) << "who has had a share leaves the rest";
  fill_ring();
  EXPECT_FALSE(over(SF_EVENTS_LEAST - 1)) << "who has caused few may try";
  EXPECT_TRUE(over(SF_EVENTS_LEAST)) << "who has caused many leaves the rest";
  events();
  EXPECT_FALSE(over(budget()));
}

TEST_P(Shares, OfProcessesSayWhenTheyStarted) {
  begins(100'000'000, 7);
  EXPECT_EQ(followed(100'000'000)->started, kStarted);
}

struct CrowdCase {
  const char* name;
  std::optional<std::uint32_t> parent;  // how its parent is followed
  std::uint32_t crowd;                  // of the family of the cgroup it is in
  std::uint32_t flags;
  bool former = false;  // the parent's number was another's, who is followed
};

TEST_P(Shares, WhoIsNotFollowedIsKnownByItsAncestors) {
  constexpr std::uint64_t kOrigin = 77;
  constexpr auto kFollowed = SF_PROCESS_IN_CONTAINER | SF_PROCESS_FOLLOWED;
  constexpr auto kCrowd = SF_PROCESS_IN_CONTAINER | SF_PROCESS_CROWD;
  const CrowdCase cases[] = {
      {"a child whose fork was missed", 0, 0, kFollowed},
      {"a child", 0, 1, kFollowed},
      {"a session's", SF_FOLLOWED_LEADER, 1, kFollowed},
      {"init's, perhaps an orphan", SF_FOLLOWED_INIT, 1, kCrowd},
      {"too far from all", std::nullopt, 1, kCrowd},
      {"another container's crowd", std::nullopt, 0, SF_PROCESS_IN_CONTAINER},
      {"a former process' of its parent's number", 0, 0,
       SF_PROCESS_IN_CONTAINER, true},
  };
  test_process test{};
  run(object_->progs.process, test);
  const std::uint64_t here = test.process.cgroup;
  const std::uint32_t parent = test.process.ppid;
  for (const CrowdCase& one : cases) {
    bpf_map_delete_elem(bpf_map__fd(object_->maps.processes), &parent);
    add_family(kOrigin);
    sf_cgroup_state state{};
    state.family = here;
    state.crowd = one.crowd;
    put(object_->maps.cgroups, here, state);
    if (one.parent) {
      put(object_->maps.processes, parent,
          sf_followed{5, kOrigin, *one.parent,
                      start_ticks_of(parent) - (one.former ? 1 : 0), 0});
    }
    run(object_->progs.process, test);
    EXPECT_EQ(test.process.flags, one.flags | SF_PROCESS_HOST_MNT_NS)
        << one.name;
    EXPECT_EQ(test.process.session, one.flags & SF_PROCESS_FOLLOWED ? 5u : 0u)
        << one.name;
    EXPECT_EQ(test.process.cgroup, one.parent && !one.former ? kOrigin : here)
        << one.name;
  }
}

}  // namespace
}  // namespace stillframe::sensors
