// Changes of who is in a tablet's group, as a plan's steps ask for them, and the loss of a disk.
//
// They are asked of the master like any operation of its catalogue. A change that would leave a group smaller than the
// plan's replication factor is left undone. While a disk is lost and its replicas are not all replaced, nothing else is
// changed and no other disk is lost: each group can do without one replica.

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "harness/cluster/plan_shape.h"
#include "harness/plan/step_text.h"
#include "harness/run/runner.h"

namespace holdfast::run {
namespace {

constexpr int64_t kPatientUs = 3'600'000'000;
constexpr int64_t kAskAgainUs = 200'000;

bool Contains(const std::vector<uint32_t>& nodes, uint32_t node) {
  return std::find(nodes.begin(), nodes.end(), node) != nodes.end();
}

}  // namespace

// The n-th node that is none of these, modulo their number; 0 if there is none.
uint32_t Runner::FreeNode(const std::vector<uint32_t>& taken, uint32_t ordinal) const {
  std::vector<uint32_t> free;
  for (uint32_t node = 1; node <= plan_.shape().nodes(); ++node) {
    if (!Contains(taken, node)) free.push_back(node);
  }
  return free.empty() ? 0 : free[ordinal % free.size()];
}

void Runner::ExecuteMembership(const plan::Step& step, uint32_t number) {
  const plan::Membership& membership = step.membership();
  const uint32_t object = membership.target().table() * ids_.tablets_per_table() + membership.target().tablet();
  const auto members = cluster_->MembersOf(object);
  if (!Take(members.status()) || !replacing_.empty()) return;
  const auto target = cluster_->Resolve(membership.target());
  if (!target) return;
  GroupChange change{.object = object, .text = plan::StepText(step), .step = number};
  switch (membership.kind()) {
    case plan::Membership::ADD:
      change.add_node = FreeNode(*members, membership.ordinal());
      if (change.add_node == 0) return;
      break;
    case plan::Membership::REMOVE:
      // The only one is asked to go, and must be kept.
      if (members->size() > 1 && members->size() <= plan_.shape().replication_factor()) return;
      change.remove_node = *target;
      break;
    default:
      change.remove_node = *target;
      change.add_node = FreeNode(*members, membership.ordinal());
      if (change.add_node != 0) break;
      // Between its end and the new one's beginning the group is smaller by one.
      if (members->size() < 3) return;
      change.add_node = *target;
  }
  result_.mutable_counters()->set_membership_changes(result_.counters().membership_changes() + 1);
  AskForChange(change);
}

void Runner::AskForChange(const GroupChange& change) {
  Cluster::Call call{epilogue_session(), check::kMasterObject, {}, cluster_->NowUs() + kPatientUs, 0};
  auto* command = call.body.mutable_catalogue()->mutable_change_replicas();
  command->set_table(Bytes(ids_.Table(ids_.TableOfObject(change.object))));
  command->set_tablet(Bytes(ids_.Tablet(change.object)));
  command->set_add_node(change.add_node);
  command->set_remove_node(change.remove_node);
  const uint64_t open = Track({change.text, change.step, epilogue_session(), /*changes_group=*/true});
  cluster_->Invoke(std::move(call), [this, open, change](const CallResult& result) {
    open_.erase(open);
    timeline_.Add(cluster_->NowUs(), absl::StrCat("  ", change.text, ": ", result.reply.message()));
    if (!change.replaces_lost) return;
    // Only one that is not there any more needs no replacement.
    if (result.outcome == CallOutcome::kOk || result.reply.code() == sut::proto::NOT_FOUND) {
      replacing_.erase(change.object);
      return;
    }
    if (!stopped()) cluster_->At(cluster_->NowUs() + kAskAgainUs, [this, change] { AskForChange(change); });
  });
}

void Runner::ExecuteDiskLoss(const fault::DiskLoss& loss, uint32_t number) {
  const uint32_t node = loss.target().node();
  std::vector<GroupChange> changes;
  for (uint32_t object = 0; object < ids_.object_count(); ++object) {
    const auto members = cluster_->MembersOf(object);
    if (!Take(members.status())) return;
    if (!Contains(*members, node)) continue;
    if (members->size() < 3 && !plan_.safety_only()) return;
    GroupChange change{.object = object, .remove_node = node, .step = number, .replaces_lost = true};
    change.add_node = loss.elsewhere() ? FreeNode(*members, node) : node;
    if (change.add_node == 0) change.add_node = node;
    change.text = absl::StrCat("replace what node ", node, " held of tablet ", object, ", on node ", change.add_node);
    changes.push_back(std::move(change));
  }
  if (!replacing_.empty() || !GroupsRest()) return;
  if (!Take(cluster_->LoseDisk(node))) return;
  result_.mutable_counters()->set_disks_lost(result_.counters().disks_lost() + 1);
  if (!healing_) coverage_.Strike(node, FaultKind::kDiskLoss);
  RestartLater(node, loss.restart_after_us());
  for (const GroupChange& change : changes) {
    replacing_.insert(change.object);
    AskForChange(change);
  }
}

// No group is just being changed, and none is going to be.
bool Runner::GroupsRest() const {
  const bool asked =
      std::any_of(open_.begin(), open_.end(), [](const auto& entry) { return entry.second.changes_group; });
  return !asked && !cluster_->ChangesGroups();
}

}  // namespace holdfast::run
