// Properties of the disk over random operations: what a loss of power may leave is checked against plain bookkeeping.

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <array>
#include <cstdint>
#include <map>
#include <ostream>
#include <set>
#include <string>
#include <vector>

#include "harness/sim/test_disk.h"

namespace holdfast::sim {
namespace {

struct Operation {
  int kind;
  int first;
  int second;
};

std::ostream& operator<<(std::ostream& out, const Operation& operation) {
  return out << "{" << operation.kind << "," << operation.first << "," << operation.second << "}";
}

rc::Gen<std::vector<Operation>> Operations() {
  return rc::gen::container<std::vector<Operation>>(
      rc::gen::construct<Operation>(rc::gen::inRange(0, 7), rc::gen::inRange(0, 6), rc::gen::inRange(0, 6)));
}

const std::array<std::string, 3> kDirectories = {"/a", "/b", "/a/c"};
std::string DirectoryOf(int name) { return kDirectories[name / 2]; }
std::string PathOf(int name) { return DirectoryOf(name) + (name % 2 == 0 ? "/x" : "/y"); }

// What may be left of names and bytes after a loss of power, kept by plain bookkeeping: for every name all the inodes
// (0: none) that it stood for since its directory's last fsync, for every inode the bytes that were synced.
class Model {
 public:
  explicit Model(Disk& disk) : disk_(disk) {
    for (const std::string& directory : kDirectories) Require(disk_.MakeDirectory(directory));
    Require(disk_.SyncDirectory("/a"));
    Require(disk_.SyncDirectory("/"));
    for (int name = 0; name < 6; ++name) possible_[name] = {0};
  }

  void Apply(const Operation& operation) {
    const std::string path = PathOf(operation.first);
    const std::string other = PathOf(operation.second);
    switch (operation.kind) {
      case 0:
        disk_.Append(path, std::string(300, static_cast<char>('a' + operation.second))).PermitUncheckedError();
        break;
      case 1:
        if (disk_.fs.Exists(path)) SyncFile(path);
        break;
      case 2:
        SyncDirectory(operation.first);
        break;
      case 3:
        Rename(operation);
        break;
      case 4:
        if (disk_.Link(path, other).ok()) unlinked_or_linked_.insert(InodeOf(operation.first));
        break;
      case 5:
        unlinked_or_linked_.insert(InodeOf(operation.first));
        disk_.Unlink(path).PermitUncheckedError();
        break;
      default:
        SyncFileAndDirectory(operation.first);
        break;
    }
    for (int name = 0; name < 6; ++name) possible_[name].insert(InodeOf(name));
  }

  void CheckAfterPowerLoss() {
    std::map<uint64_t, uint64_t> names_by_inode;
    for (int name = 0; name < 6; ++name) {
      const uint64_t inode = InodeOf(name);
      RC_ASSERT(possible_[name].contains(inode));
      if (inode == 0) continue;
      ++names_by_inode[inode];
      const std::string left = disk_.Read(PathOf(name));
      RC_ASSERT(left.substr(0, synced_[inode].size()) == synced_[inode]);
      RC_ASSERT(disk_.fs.Stat(PathOf(name))->durable);
    }
    for (const auto& [inode, names] : names_by_inode) {
      for (int name = 0; name < 6; ++name) {
        if (InodeOf(name) == inode) RC_ASSERT(disk_.fs.Stat(PathOf(name))->link_count == names);
      }
      RC_ASSERT(names == 1u || unlinked_or_linked_.contains(inode));
    }
    for (const uint64_t inode : named_durably_) {
      RC_ASSERT(names_by_inode.contains(inode) || unlinked_or_linked_.contains(inode));
    }
  }

 private:
  static void Require(const IOStatus& status) { RC_ASSERT(status.ok()); }
  uint64_t InodeOf(int name) {
    const auto info = disk_.fs.Stat(PathOf(name));
    return info.ok() ? info->inode : 0;
  }
  void SyncFile(const std::string& path) {
    Require(disk_.SyncFile(path));
    synced_[disk_.fs.Stat(path)->inode] = disk_.Read(path);
  }
  void SyncDirectory(int name) {
    Require(disk_.SyncDirectory(DirectoryOf(name)));
    for (int sibling = 0; sibling < 6; ++sibling) {
      if (DirectoryOf(sibling) != DirectoryOf(name)) continue;
      possible_[sibling] = {InodeOf(sibling)};
      if (InodeOf(sibling) != 0) named_durably_.insert(InodeOf(sibling));
    }
  }
  void Rename(const Operation& operation) {
    const uint64_t replaced = InodeOf(operation.second);
    const bool same = InodeOf(operation.first) == replaced;
    if (disk_.Rename(PathOf(operation.first), PathOf(operation.second)).ok() && !same) {
      unlinked_or_linked_.insert(replaced);
    }
  }
  void SyncFileAndDirectory(int name) {
    if (!disk_.fs.Exists(PathOf(name))) return;
    SyncFile(PathOf(name));
    SyncDirectory(name);
  }

  Disk& disk_;
  std::map<int, std::set<uint64_t>> possible_;
  std::map<uint64_t, std::string> synced_;
  std::set<uint64_t> named_durably_;
  // Inodes that were given a second name or had one taken away: only they may have several names, or none.
  std::set<uint64_t> unlinked_or_linked_;
};

RC_GTEST_PROP(SimFileSystemProperty, WhatWasSyncedSurvivesAndNothingElseAppears, ()) {
  const auto operations = *Operations();
  const auto more = *Operations();
  const auto seed = *rc::gen::arbitrary<uint64_t>();
  Disk disk;
  Model model(disk);
  for (const Operation& operation : operations) model.Apply(operation);
  for (const Operation& operation : more) model.Apply(operation);
  disk.LosePowerAndRestart(seed);
  model.CheckAfterPowerLoss();
  RC_ASSERT(disk.fs.UnsyncedNameChanges() == 0u);
  // Nothing is left to be lost: another loss of power takes nothing.
  const uint64_t state = disk.fs.StateHash();
  disk.LosePowerAndRestart(seed + 1);
  RC_ASSERT(disk.fs.StateHash() == state);
}

RC_GTEST_PROP(SimFileSystemProperty, DeathOfTheProcessChangesNothingOnTheDisk, ()) {
  const auto operations = *Operations();
  Disk disk;
  Model model(disk);
  for (const Operation& operation : operations) model.Apply(operation);
  const uint64_t state = disk.fs.StateHash();
  disk.fs.KillHandles();
  disk.fs.Restart();
  RC_ASSERT(disk.fs.StateHash() == state);
}

RC_GTEST_PROP(SimFileSystemProperty, TheSameOperationsGiveTheSameDisk, ()) {
  const auto operations = *Operations();
  const auto seed = *rc::gen::arbitrary<uint64_t>();
  std::array<uint64_t, 2> written;
  std::array<uint64_t, 2> left;
  for (int run = 0; run < 2; ++run) {
    Disk disk;
    Model model(disk);
    for (const Operation& operation : operations) model.Apply(operation);
    written[run] = disk.fs.StateHash();
    disk.LosePowerAndRestart(seed);
    left[run] = disk.fs.StateHash();
  }
  RC_ASSERT(written[0] == written[1]);
  RC_ASSERT(left[0] == left[1]);
}

}  // namespace
}  // namespace holdfast::sim
