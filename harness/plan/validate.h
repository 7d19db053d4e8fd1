// What a plan must obey to mean something: targets that exist, snapshots made before they are used, numbers in range.
//
// Contract: a plan that validates can be run; what the cluster may legally refuse (an increment of a row that holds no
// number, a restore of a snapshot that was deleted) is for it to refuse and stays valid here. A refusal is one line
// with file, line and reason, or with the step's number alone where the plan has no file.

#ifndef HARNESS_PLAN_VALIDATE_H_
#define HARNESS_PLAN_VALIDATE_H_

#include <cstdint>
#include <map>
#include <set>
#include <string_view>

#include "absl/status/status.h"
#include "harness/plan/plan.pb.h"
#include "harness/plan/plan_text.h"

namespace holdfast::plan {

inline constexpr uint64_t kGapUsMax = 60'000'000;
inline constexpr uint64_t kDurationUsMax = 3'600'000'000;
inline constexpr int kStepsMax = 100'000;
inline constexpr size_t kKeyBytesMax = 4096;
inline constexpr size_t kValueBytesMax = 1 << 20;
inline constexpr int kBatchMutationsMax = 1000;
inline constexpr uint32_t kCrashTimesMax = 50;

// `lines` may be null: for plans that were not read from a file.
absl::Status Validate(const Plan& plan, const LineIndex* lines);

// Replicas of the master's group.
inline uint32_t MasterCount(const Shape& shape) { return shape.masters() == 0 ? shape.nodes() : shape.masters(); }

// The range of one field of Options or World. 0 is always allowed and means the default.
struct FieldRange {
  std::string_view field;
  uint64_t min;
  uint64_t max;
};

// Checks the steps of a plan one after the other. Keeps what earlier steps made, so that later ones may use it.
class StepChecker {
 public:
  // REQUIRES: `plan` outlives the checker; its header is valid.
  explicit StepChecker(const Plan& plan) : plan_(plan) {}

  // The reason alone, without file and line. What an accepted step makes counts for those after it.
  absl::Status Check(const Step& step);

 private:
  absl::Status CheckAction(const Step& step);
  absl::Status CheckClient(const ClientOperation& operation) const;
  absl::Status CheckBatch(const ClientOperation::Batch& batch, uint32_t table) const;
  absl::Status CheckSnapshot(const SnapshotOperation& operation);
  absl::Status CheckCreate(const SnapshotOperation::Create& create);
  absl::Status CheckWhen(const When& when) const;
  // validate_tables.cc
  absl::Status CheckTable(const TableOperation& operation);
  absl::Status CheckExport(const TableOperation::Export& exported);
  absl::Status CheckImport(const TableOperation::Import& import);
  absl::Status CheckFault(const fault::Fault& fault, bool has_when);
  absl::Status CheckDisk(const fault::Disk& disk, bool has_when);
  absl::Status CheckRot(const fault::Rot& rot);
  absl::Status CheckClock(const fault::Clock& clock) const;
  // Of a fault that damages a disk.
  absl::Status CheckDamage();
  absl::Status CheckPartition(const fault::Partition& partition, bool has_when) const;
  absl::Status CheckSlowLink(const fault::SlowLink& slow) const;
  absl::Status CheckMove(const LeaderMove& move) const;
  absl::Status CheckMembership(const Membership& membership);
  absl::Status CheckDiskLoss(const fault::DiskLoss& loss);
  // Of a step that damages a disk, or changes groups: a plan may do one of the two.
  absl::Status CheckNotBoth(bool damages);
  // Of an import, and of a step that changes groups, once its flag is set: directories are placed by hand at the
  // replicas that there are.
  absl::Status CheckNoImportMeetsAChange() const;
  absl::Status CheckMaintenance(const Maintenance& maintenance) const;
  absl::Status CheckTarget(const fault::Target& target) const;
  absl::Status CheckTablet(uint32_t table, uint32_t tablet) const;
  // Replicas of a tablet, or of the master.
  uint32_t GroupSize(bool master) const;

  const Plan& plan_;
  uint64_t duration_us_ = 0;
  std::map<uint32_t, int> snapshots_;  // with the number of their tables
  std::map<uint32_t, int> exports_;    // likewise
  std::set<uint32_t> restorations_;
  bool damages_ = false;
  bool changes_groups_ = false;
  bool imports_ = false;
};

}  // namespace holdfast::plan

#endif  // HARNESS_PLAN_VALIDATE_H_
