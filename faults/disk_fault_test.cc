// Properties: a fault's text parses back to the fault; a fault strikes exactly the operations that it names; rot flips
// bits in files of its class only; bad text is refused with the reason.

#include "faults/disk_fault.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "faults/disk_fault_set.h"
#include "faults/disk_rot.h"

namespace holdfast::faults {
namespace {

using testing::HasSubstr;

constexpr char kNode[] = "/sim/node-1/disk-1/yb-data/tserver";

std::string Replica(const std::string& rest) { return std::string(kNode) + "/data/rocksdb/table-0a/tablet-0b" + rest; }

TEST(PathClassTest, EveryPlaceOfANodeHasItsClass) {
  EXPECT_EQ(PathClassOf(std::string(kNode) + "/raft-log/000004.log"), PathClass::kRaftLog);
  EXPECT_EQ(PathClassOf(std::string(kNode) + "/raft-log"), PathClass::kRaftLog);
  EXPECT_EQ(PathClassOf(Replica("/1/000009.sst")), PathClass::kSst);
  EXPECT_EQ(PathClassOf(Replica("/1/MANIFEST-000004")), PathClass::kManifest);
  EXPECT_EQ(PathClassOf(Replica("/1/CURRENT")), PathClass::kManifest);
  EXPECT_EQ(PathClassOf(Replica(".snapshots/0c/000009.sst")), PathClass::kSnapshot);
  EXPECT_EQ(PathClassOf(Replica(".snapshots/0c/MANIFEST-000004")), PathClass::kSnapshot);
  EXPECT_EQ(PathClassOf(Replica(".snapshots")), PathClass::kSnapshot);
  EXPECT_EQ(PathClassOf(Replica(".snapshots/0c/metadata")), PathClass::kSnapshotMetadata);
  EXPECT_EQ(PathClassOf(Replica(".snapshots/0c.tmp/metadata")), PathClass::kSnapshotMetadata);
  EXPECT_EQ(PathClassOf(Replica(".snapshots/0c.tmp/000009.sst")), PathClass::kTmp);
  EXPECT_EQ(PathClassOf(Replica(".incoming/rows/000009.sst")), PathClass::kTmp);
  EXPECT_EQ(PathClassOf(Replica(".outgoing/7/000009.sst")), PathClass::kTmp);
  EXPECT_EQ(PathClassOf(Replica("/1")), PathClass::kOther);
}

TEST(DiskFaultTest, TextParsesBackToTheFault) {
  for (int effect = 0; effect < kDiskEffectCount; ++effect) {
    for (int operation = 0; operation < kDiskOperationCount; ++operation) {
      for (int path_class = 0; path_class < kPathClassCount; ++path_class) {
        DiskFault fault{.effect = static_cast<DiskEffect>(effect),
                        .operation = static_cast<DiskOperation>(operation),
                        .path_class = static_cast<PathClass>(path_class),
                        .nth = static_cast<uint64_t>(1 + path_class),
                        .times = static_cast<uint64_t>(operation % 3)};
        if (fault.effect == DiskEffect::kLatency) fault.latency_us = 1500;
        const absl::StatusOr<DiskFault> parsed = ParseDiskFault(ToText(fault));
        ASSERT_EQ(parsed.ok(), CanStrike(fault.effect, fault.operation)) << ToText(fault) << ": " << parsed.status();
        if (parsed.ok()) {
          EXPECT_EQ(*parsed, fault) << ToText(fault);
        }
      }
    }
  }
}

TEST(DiskFaultTest, TextIsWhatItIsDocumentedToBe) {
  const absl::StatusOr<DiskFault> fault = ParseDiskFault("io-error sync raft-log nth=3");
  ASSERT_TRUE(fault.ok()) << fault.status();
  EXPECT_EQ(fault->effect, DiskEffect::kIoError);
  EXPECT_EQ(fault->operation, DiskOperation::kSync);
  EXPECT_EQ(fault->path_class, PathClass::kRaftLog);
  EXPECT_EQ(fault->nth, 3u);
  EXPECT_EQ(fault->times, 1u);
  EXPECT_EQ(ToText(*fault), "io-error sync raft-log nth=3");
}

TEST(DiskFaultTest, BadTextIsRefusedWithItsLineAndReason) {
  const auto reason = [](const std::string& text) { return std::string(ParseDiskFaults(text).status().message()); };
  EXPECT_THAT(reason("io-error sync\n"), HasSubstr("line 1: "));
  EXPECT_THAT(reason("# none\n\nbang sync any"), HasSubstr("line 3: unknown effect \"bang\""));
  EXPECT_THAT(reason("io-error jump any"), HasSubstr("unknown operation \"jump\""));
  EXPECT_THAT(reason("io-error sync moon"), HasSubstr("unknown class of paths \"moon\""));
  EXPECT_THAT(reason("short sync any"), HasSubstr("short can't befall sync"));
  EXPECT_THAT(reason("no-space unlink any"), HasSubstr("can't befall"));
  EXPECT_THAT(reason("io-error sync any nth=0"), HasSubstr("from 1"));
  EXPECT_THAT(reason("io-error sync any us=5"), HasSubstr("has no latency"));
  EXPECT_THAT(reason("latency sync any"), HasSubstr("a latency of nothing"));
  EXPECT_THAT(reason("io-error sync any loud"), HasSubstr("no setting"));
}

class DiskFaultSetTest : public testing::Test {
 protected:
  void Arm(const std::string& text) { set_.Arm(*ParseDiskFault(text)); }
  bool Strikes(DiskOperation kind, const std::string& path, const std::string& target = "") {
    return set_.OnOperation({kind, path, target}).has_value();
  }

  const std::string wal_ = std::string(kNode) + "/raft-log/000004.log";
  const std::string sst_ = Replica("/1/000009.sst");
  DiskFaultSet set_;
};

TEST_F(DiskFaultSetTest, StrikesTheNthOfItsKindAndClassAndNoOther) {
  Arm("io-error sync raft-log nth=2 times=2");
  EXPECT_FALSE(Strikes(DiskOperation::kSync, wal_));
  EXPECT_FALSE(Strikes(DiskOperation::kSync, sst_));
  EXPECT_FALSE(Strikes(DiskOperation::kAppend, wal_));
  EXPECT_TRUE(Strikes(DiskOperation::kSync, wal_));
  EXPECT_TRUE(Strikes(DiskOperation::kSync, wal_));
  EXPECT_FALSE(Strikes(DiskOperation::kSync, wal_));
  EXPECT_TRUE(set_.empty());
  EXPECT_EQ(set_.struck(DiskEffect::kIoError), 2u);
}

TEST_F(DiskFaultSetTest, AlwaysMeansUntilItIsTakenAway) {
  const uint64_t id = set_.Arm(*ParseDiskFault("no-space any any times=always"));
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(Strikes(DiskOperation::kAppend, wal_));
    EXPECT_FALSE(Strikes(DiskOperation::kUnlink, sst_)) << "what frees room is not struck";
  }
  set_.Disarm(id);
  EXPECT_FALSE(Strikes(DiskOperation::kAppend, wal_));
}

TEST_F(DiskFaultSetTest, ARenameIsStruckByEitherOfItsNames) {
  Arm("io-error rename snapshot");
  EXPECT_TRUE(Strikes(DiskOperation::kRename, Replica(".snapshots/0c.tmp"), Replica(".snapshots/0c")));
}

TEST_F(DiskFaultSetTest, TwoFaultsCountOnTheirOwn) {
  Arm("io-error append any");
  Arm("short append any nth=2");
  EXPECT_EQ(set_.OnOperation({DiskOperation::kAppend, wal_, ""})->effect, DiskEffect::kIoError);
  EXPECT_EQ(set_.OnOperation({DiskOperation::kAppend, wal_, ""})->effect, DiskEffect::kShort);
}

TEST(DiskRotTest, TextParsesBackAndBadTextIsRefused) {
  const DiskRot rot{.path_class = PathClass::kSst, .files = 2, .bits = 7};
  EXPECT_EQ(ToText(rot), "rot sst files=2 bits=7");
  EXPECT_EQ(*ParseDiskRot(ToText(rot)), rot);
  for (const char* text : {"rot", "rust sst", "rot moon", "rot sst files=0", "rot sst bits=x", "rot sst 3"}) {
    EXPECT_FALSE(ParseDiskRot(text).ok()) << text;
  }
}

TEST(DiskRotTest, FlipsSingleBitsInsideFilesOfTheClassOnly) {
  const std::vector<FileOnDisk> files = {{Replica("/1/000009.sst"), 100},
                                         {Replica("/1/000010.sst"), 1},
                                         {Replica("/1/000011.sst"), 0},
                                         {Replica("/1/CURRENT"), 16}};
  for (uint64_t salt = 0; salt < 100; ++salt) {
    const std::vector<BitFlip> flips = ChooseFlips({.path_class = PathClass::kSst, .files = 5, .bits = 3}, files, salt);
    ASSERT_GE(flips.size(), 4u);
    for (const BitFlip& flip : flips) {
      EXPECT_NE(flip.path, files[2].path);
      EXPECT_NE(flip.path, files[3].path);
      EXPECT_LT(flip.offset, flip.path == files[0].path ? 100u : 1u);
      EXPECT_EQ(flip.mask & (flip.mask - 1), 0);
      EXPECT_NE(flip.mask, 0);
    }
  }
  EXPECT_TRUE(ChooseFlips({.path_class = PathClass::kRaftLog}, files, 1).empty());
}

TEST(DiskRotTest, AnUnrelatedFileDoesNotMoveTheChoice) {
  std::vector<FileOnDisk> files = {{Replica("/1/000009.sst"), 100}, {Replica("/1/000010.sst"), 50}};
  const DiskRot rot{.path_class = PathClass::kSst, .files = 2, .bits = 1};
  const std::vector<BitFlip> flips = ChooseFlips(rot, files, 5);
  files.push_back({Replica("/1/CURRENT"), 16});
  EXPECT_EQ(ChooseFlips(rot, files, 5), flips);
}

}  // namespace
}  // namespace holdfast::faults
