#include "harness/plan/repair.h"

#include <algorithm>

#include "harness/plan/validate.h"

namespace holdfast::plan {
namespace {

// Calls `change` for every target of the step.
void ForEachTarget(Step* step, const std::function<void(fault::Target*)>& change) {
  if (step->has_when() && step->when().has_target()) change(step->mutable_when()->mutable_target());
  if (step->has_maintenance()) change(step->mutable_maintenance()->mutable_target());
  if (step->has_membership()) change(step->mutable_membership()->mutable_target());
  if (!step->has_fault()) return;
  fault::Fault* fault = step->mutable_fault();
  if (fault->has_crash() && fault->crash().has_target()) change(fault->mutable_crash()->mutable_target());
  if (fault->has_restart() && fault->restart().has_target()) change(fault->mutable_restart()->mutable_target());
  if (fault->has_pause() && fault->pause().has_target()) change(fault->mutable_pause()->mutable_target());
  if (fault->has_slow_link()) {
    change(fault->mutable_slow_link()->mutable_from());
    change(fault->mutable_slow_link()->mutable_to());
  }
  if (fault->has_disk() && fault->disk().has_target()) change(fault->mutable_disk()->mutable_target());
  if (fault->has_clock()) change(fault->mutable_clock()->mutable_target());
  if (fault->has_disk_loss()) change(fault->mutable_disk_loss()->mutable_target());
  if (fault->has_rot()) change(fault->mutable_rot()->mutable_target());
  if (!fault->has_partition()) return;
  for (fault::Target& target : *fault->mutable_partition()->mutable_side()) change(&target);
}

// Followers of groups that are smaller now: another one, or the leader if there is none.
void FitFollower(const Shape& shape, fault::Target* target) {
  if (target->role() != fault::Target::FOLLOWER && target->role() != fault::Target::MASTER_FOLLOWER) return;
  const uint32_t group = target->role() == fault::Target::FOLLOWER ? shape.replication_factor() : MasterCount(shape);
  if (group > 1) {
    target->set_ordinal(target->ordinal() % (group - 1));
    return;
  }
  target->set_role(target->role() == fault::Target::FOLLOWER ? fault::Target::LEADER : fault::Target::MASTER_LEADER);
  target->clear_ordinal();
}

// Table `removed` is gone: the ones above it move down. False if `table` was the one.
bool Renumber(uint32_t removed, uint32_t* table) {
  if (*table == removed) return false;
  if (*table > removed) --*table;
  return true;
}

// Into the first table only, as FoldTables does with all else.
void FoldTablesOf(TableOperation* operation) {
  if (operation->has_drop()) operation->mutable_drop()->clear_table();
  if (!operation->has_import_snapshot()) return;
  operation->mutable_import_snapshot()->clear_tables();
  operation->mutable_import_snapshot()->add_tables(0);
}

bool RemoveTableFrom(uint32_t removed, TableOperation* operation) {
  if (operation->has_drop()) {
    uint32_t table = operation->drop().table();
    if (!Renumber(removed, &table)) return false;
    operation->mutable_drop()->set_table(table);
  }
  if (!operation->has_import_snapshot()) return true;
  for (uint32_t& table : *operation->mutable_import_snapshot()->mutable_tables()) {
    if (!Renumber(removed, &table)) return false;
  }
  return true;
}

bool RemoveTableFromStep(uint32_t removed, Step* step) {
  ForEachTarget(step, [removed](fault::Target* target) {
    uint32_t table = target->table();
    // A fault stays a fault: it strikes the first table instead.
    target->set_table(Renumber(removed, &table) ? table : 0);
  });
  if (step->has_move()) {
    uint32_t table = step->move().table();
    step->mutable_move()->set_table(Renumber(removed, &table) ? table : 0);
  }
  if (step->has_table() && !RemoveTableFrom(removed, step->mutable_table())) return false;
  if (step->has_client()) {
    uint32_t table = step->client().table();
    if (!Renumber(removed, &table)) return false;
    step->mutable_client()->set_table(table);
  }
  if (!step->has_snapshot() || !step->snapshot().has_create()) return true;
  auto* tables = step->mutable_snapshot()->mutable_create()->mutable_tables();
  google::protobuf::RepeatedField<uint32_t> left;
  for (uint32_t table : *tables) {
    if (Renumber(removed, &table)) left.Add(table);
  }
  tables->Swap(&left);
  return true;
}

}  // namespace

void KeepSteps(Plan* plan, const std::function<bool(Step*)>& keep) {
  uint64_t carried_us = 0;
  int kept = 0;
  for (int i = 0; i < plan->steps_size(); ++i) {
    Step* step = plan->mutable_steps(i);
    step->set_gap_us(std::min(kGapUsMax, step->gap_us() + carried_us));
    if (!keep(step)) {
      carried_us = step->gap_us();
      continue;
    }
    carried_us = 0;
    if (kept != i) plan->mutable_steps()->SwapElements(kept, i);
    ++kept;
  }
  plan->mutable_steps()->DeleteSubrange(kept, plan->steps_size() - kept);
}

void Repair(Plan* plan) {
  StepChecker checker(*plan);
  KeepSteps(plan, [&checker](Step* step) { return checker.Check(*step).ok(); });
}

void SetNodes(Plan* plan, uint32_t nodes) {
  plan->mutable_shape()->set_nodes(nodes);
  if (plan->shape().masters() >= nodes) plan->mutable_shape()->clear_masters();
  for (Step& step : *plan->mutable_steps()) {
    ForEachTarget(&step, [nodes](fault::Target* target) {
      if (target->role() == fault::Target::NODE && target->node() > nodes)
        target->set_node((target->node() - 1) % nodes + 1);
    });
  }
  SetReplicationFactor(plan, std::min(nodes, plan->shape().replication_factor()));
}

void SetReplicationFactor(Plan* plan, uint32_t factor) {
  plan->mutable_shape()->set_replication_factor(factor);
  for (Step& step : *plan->mutable_steps()) {
    ForEachTarget(&step, [plan](fault::Target* target) { FitFollower(plan->shape(), target); });
  }
  Repair(plan);
}

void RemoveTable(Plan* plan, uint32_t table) {
  plan->mutable_shape()->set_tables(plan->shape().tables() - 1);
  KeepSteps(plan, [table](Step* step) { return RemoveTableFromStep(table, step); });
  Repair(plan);
}

void FoldTables(Plan* plan) {
  plan->mutable_shape()->set_tables(1);
  for (Step& step : *plan->mutable_steps()) {
    ForEachTarget(&step, [](fault::Target* target) { target->clear_table(); });
    if (step.has_move()) step.mutable_move()->clear_table();
    if (step.has_client()) step.mutable_client()->clear_table();
    if (step.has_table()) FoldTablesOf(step.mutable_table());
    if (!step.snapshot().has_create()) continue;
    SnapshotOperation::Create* create = step.mutable_snapshot()->mutable_create();
    create->clear_tables();
    create->add_tables(0);
  }
}

void SetTablets(Plan* plan, uint32_t tablets) {
  const uint32_t before = plan->shape().tablets_per_table();
  // Tablets are ranges of hashes: the new number is that of the range that holds most of the old one.
  const auto fit = [before, tablets](uint32_t tablet) { return tablet * tablets / before; };
  plan->mutable_shape()->set_tablets_per_table(tablets);
  for (Step& step : *plan->mutable_steps()) {
    ForEachTarget(&step, [&fit](fault::Target* target) { target->set_tablet(fit(target->tablet())); });
    if (step.has_move()) step.mutable_move()->set_tablet(fit(step.move().tablet()));
    if (step.client().has_scan()) {
      ClientOperation::Scan* scan = step.mutable_client()->mutable_scan();
      scan->set_tablet(fit(scan->tablet()));
    }
  }
  Repair(plan);
}

void SetClients(Plan* plan, uint32_t clients) {
  plan->set_clients(clients);
  for (Step& step : *plan->mutable_steps()) {
    if (step.has_client()) step.mutable_client()->set_client(step.client().client() % clients);
    if (step.has_snapshot()) step.mutable_snapshot()->set_client(step.snapshot().client() % clients);
    if (step.has_table()) step.mutable_table()->set_client(step.table().client() % clients);
    if (!step.fault().has_partition()) continue;
    auto* inside = step.mutable_fault()->mutable_partition()->mutable_clients_inside();
    for (uint32_t& client : *inside) client %= clients;
  }
}

}  // namespace holdfast::plan
