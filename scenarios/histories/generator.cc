#include "scenarios/histories/generator.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "scenarios/histories/model.h"

namespace holdfast::scenarios {
namespace {

using history::kPending;
using history::Outcome;
using history::Row;

constexpr std::string_view kDefectNames[kDefectCount] = {"none",
                                                         "row-lost",
                                                         "row-resurrected",
                                                         "post-cut-write",
                                                         "pre-cut-write-missing",
                                                         "torn-batch",
                                                         "torn-scan",
                                                         "torn-between-tablets",
                                                         "older-snapshot-restored",
                                                         "increment-twice",
                                                         "tablets-swapped",
                                                         "replica-differs",
                                                         "acknowledged-lost",
                                                         "snapshot-changed",
                                                         "restore-ignored",
                                                         "restore-merged",
                                                         "write-behind-restore",
                                                         "dropped-restored",
                                                         "deleted-back"};

constexpr int kWeightGet = 44, kWeightPut = 34, kWeightDelete = 6, kWeightIncrement = 8,
              kWeightBatch = 7;  // rest: scan

}  // namespace

History ModelCluster::Run() {
  for (uint32_t key = 0; key < options_.keys; ++key) {
    const Symbol symbol = history_.symbols.Intern("k" + std::to_string(key));
    if (key == 0) first_key_ = symbol;
  }
  tablets_.resize(options_.tablets);
  for (Tablet& tablet : tablets_) tablet.rows.resize(options_.keys);
  clients_.resize(options_.clients);
  for (Client& client : clients_) client.process = next_process_++;
  if (options_.zipf_exponent > 0) {
    double sum = 0;
    for (uint32_t key = 0; key < options_.keys; ++key)
      zipf_.push_back(sum += std::pow(key + 1, -options_.zipf_exponent));
    for (double& share : zipf_) share /= sum;
  }
  history_.operations.reserve(options_.operations + 1024);
  bool staged = options_.defect == Defect::kNone;
  while (history_.operations.size() < options_.operations) {
    if (!staged && static_cast<double>(history_.operations.size()) >= options_.defect_at * options_.operations) {
      StageDefect();
      staged = true;
    }
    Step();
  }
  Drain();
  return std::move(history_);
}

// One event of one client: call, effect or reply.
void ModelCluster::Step() {
  if (!late_.empty() && random_.Below(64) == 0) {
    const size_t i = random_.Below(static_cast<uint32_t>(late_.size()));
    Apply(late_[i], 0);
    Forget(&history_.operations[late_[i]]);
    late_[i] = late_.back();
    late_.pop_back();
  }
  Client& client = clients_[random_.Below(static_cast<uint32_t>(clients_.size()))];
  if (client.calls.empty()) return InvokeNext(&client);
  if (client.applied < client.calls.size() && !client.skips) {
    Apply(client.calls[client.applied], client.snapshot);
    ++client.applied;
    return;
  }
  Finish(&client);
}

void ModelCluster::InvokeNext(Client* client) {
  const double share = static_cast<double>(history_.operations.size()) / options_.operations;
  if (snapshots_made_ < options_.snapshots && share * (options_.snapshots + 1) > snapshots_made_ + 1) {
    return InvokeSnapshot(client);
  }
  if (restores_made_ < options_.restores && share * (options_.restores + 1) > restores_made_ + 1) {
    return InvokeRestore(client);
  }
  InvokeData(client);
}

uint32_t ModelCluster::PickKey() {
  if (zipf_.empty()) return random_.Below(options_.keys);
  const auto found = std::lower_bound(zipf_.begin(), zipf_.end(), random_.Unit());
  return std::min(static_cast<uint32_t>(found - zipf_.begin()), options_.keys - 1);
}

uint32_t ModelCluster::PickTextKey() {
  const uint32_t key = PickKey();
  return IsCounter(key) ? (key + 1) % options_.keys : key;
}

size_t ModelCluster::Open(Client* client, Kind kind, uint32_t tablet) {
  Operation op;
  op.kind = kind;
  op.object = tablet;
  op.process = client->process;
  op.invoke = event_++;
  history_.operations.push_back(op);
  client->calls.push_back(history_.operations.size() - 1);
  return history_.operations.size() - 1;
}

void ModelCluster::InvokeData(Client* client) {
  if (random_.Unit() < options_.indeterminate) {
    client->doomed = true;
    client->skips = random_.Below(2) == 0;
  }
  const uint32_t tablet = random_.Below(options_.tablets);
  int dice = static_cast<int>(random_.Below(100));
  const auto is = [&dice](int weight) { return (dice -= weight) < 0; };
  if (is(kWeightGet)) {
    Operation& op = history_.operations[Open(client, Kind::kGet, tablet)];
    op.key = first_key_ + PickKey();
  } else if (is(kWeightPut)) {
    Operation& op = history_.operations[Open(client, Kind::kPut, tablet)];
    op.key = first_key_ + PickTextKey();
    op.value = NewValue();
  } else if (is(kWeightDelete)) {
    Operation& op = history_.operations[Open(client, Kind::kDelete, tablet)];
    op.key = first_key_ + PickKey();
  } else if (is(kWeightIncrement)) {
    Operation& op = history_.operations[Open(client, Kind::kIncrement, tablet)];
    op.key = first_key_ + PickKey() / kCounterEvery * kCounterEvery;
    op.delta = 1 + random_.Below(1000000);
  } else if (is(kWeightBatch)) {
    const size_t position = Open(client, Kind::kBatch, tablet);
    std::vector<Mutation> parts;
    const uint32_t count = 2 + random_.Below(3);
    for (uint32_t i = 0; i < count; ++i) {
      Mutation part;
      const uint32_t key = PickKey();
      part.key = first_key_ + key;
      part.value = kUnobserved;
      if (random_.Below(8) == 0) {
        part.kind = Kind::kDelete;
      } else if (IsCounter(key)) {
        part.kind = Kind::kIncrement;
        part.delta = 1 + random_.Below(1000000);
      } else {
        part.value = NewValue();
      }
      parts.push_back(part);
    }
    history_.operations[position].list = history_.AddMutations(parts);
  } else {
    Open(client, Kind::kScan, tablet);
  }
}

void ModelCluster::InvokeSnapshot(Client* client) {
  ++snapshots_made_;
  Snapshot snapshot;
  snapshot.id = history_.symbols.Intern("s" + std::to_string(snapshots_.size()));
  snapshot.tablets.resize(options_.tablets);
  client->snapshot = snapshots_.size();
  ++group_;
  for (uint32_t tablet = 0; tablet < options_.tablets; ++tablet) {
    Operation& op = history_.operations[Open(client, Kind::kSnapshot, tablet)];
    op.key = snapshot.id;
    op.group = group_;
  }
  snapshots_.push_back(std::move(snapshot));
}

void ModelCluster::InvokeRestore(Client* client) {
  ++restores_made_;
  std::vector<size_t> complete;
  for (size_t i = 0; i < snapshots_.size(); ++i) {
    if (snapshots_[i].complete) complete.push_back(i);
  }
  if (complete.empty()) return InvokeData(client);
  // Mostly a recent one, sometimes an old one.
  const uint32_t back = std::min(random_.Below(3), static_cast<uint32_t>(complete.size()) - 1);
  client->snapshot = complete[complete.size() - 1 - back];
  ++group_;
  for (uint32_t tablet = 0; tablet < options_.tablets; ++tablet) {
    Operation& op = history_.operations[Open(client, Kind::kRestore, tablet)];
    op.key = snapshots_[client->snapshot].id;
    op.group = group_;
  }
}

void ModelCluster::Finish(Client* client) {
  if (client->doomed) {
    const size_t position = client->calls[0];
    Forget(&history_.operations[position]);
    // What has not taken effect yet does so later, or never.
    if (client->skips && random_.Below(2) == 0) late_.push_back(position);
    client->process = next_process_++;
  } else {
    for (const size_t position : client->calls) {
      Operation& op = history_.operations[position];
      op.complete = event_++;
      op.outcome = Outcome::kOk;
      if (op.kind == Kind::kSnapshot) snapshots_[client->snapshot].complete = true;
    }
  }
  client->calls.clear();
  client->applied = 0;
  client->doomed = client->skips = false;
}

// Nobody heard an answer.
void ModelCluster::Forget(Operation* op) {
  op->outcome = Outcome::kIndeterminate;
  op->complete = kPending;
  op->hint = {};
  if (op->kind == Kind::kGet || op->kind == Kind::kIncrement) op->value = kUnobserved;
  if (op->kind == Kind::kScan) op->list = history::kNoList;
  if (op->kind != Kind::kBatch) return;
  std::vector<Mutation> parts(history_.mutations(op->list).begin(), history_.mutations(op->list).end());
  for (Mutation& part : parts) {
    if (part.kind == Kind::kIncrement) part.value = kUnobserved;
  }
  op->list = history_.AddMutations(parts);
}

uint32_t ModelCluster::ListCells(const std::vector<Cell>& cells) {
  std::vector<Row> rows;
  rows.reserve(cells.size());
  for (uint32_t key = 0; key < cells.size(); ++key) {
    if (cells[key].value != kAbsent) rows.push_back({first_key_ + key, cells[key].value});
  }
  return history_.AddRows(std::move(rows));
}

void ModelCluster::ApplyMutation(Tablet* tablet, Mutation* mutation) {
  Cell& cell = tablet->rows[KeyNumber(mutation->key)];
  switch (mutation->kind) {
    case Kind::kDelete:
      cell = Cell();
      break;
    case Kind::kIncrement:
      cell.number += mutation->delta;
      cell.value = NumberSymbol(cell.number);
      mutation->value = cell.value;
      break;
    default:
      cell.value = mutation->value;
      break;
  }
}

void ModelCluster::Apply(size_t position, size_t snapshot) {
  Operation& op = history_.operations[position];
  Tablet& tablet = tablets_[op.object];
  const bool reads = op.kind == Kind::kGet || op.kind == Kind::kScan;
  if (!reads) ++tablet.index;
  if (options_.hints) op.hint = {tablet.index, 1, 0};
  switch (op.kind) {
    case Kind::kGet:
      op.value = tablet.rows[KeyNumber(op.key)].value;
      break;
    case Kind::kScan:
      op.list = ListCells(tablet.rows);
      break;
    case Kind::kBatch: {
      std::vector<Mutation> parts(history_.mutations(op.list).begin(), history_.mutations(op.list).end());
      for (Mutation& part : parts) ApplyMutation(&tablet, &part);
      op.list = history_.AddMutations(parts);
      break;
    }
    case Kind::kSnapshot:
      if (!options_.one_cut) {
        Save(position, snapshot);
      } else if (op.object == 0) {
        // All tablets of the cut, which were called one after another, take effect in this moment.
        for (uint32_t other = 0; other < options_.tablets; ++other) Save(position + other, snapshot);
      }
      break;
    case Kind::kRestore: {
      const SavedTablet& saved = snapshots_[snapshot].tablets[op.object];
      tablet.rows = saved.rows;
      break;
    }
    case Kind::kDrop:
      // The model keeps the rows: a restore of them is a defect to stage.
      break;
    default: {
      Mutation mutation{op.kind, op.key, op.value, op.delta};
      ApplyMutation(&tablet, &mutation);
      if (op.kind == Kind::kIncrement) op.value = mutation.value;
      break;
    }
  }
}

void ModelCluster::Save(size_t position, size_t snapshot) {
  Operation& op = history_.operations[position];
  SavedTablet& saved = snapshots_[snapshot].tablets[op.object];
  saved.rows = tablets_[op.object].rows;
  if (options_.snapshot_rows) op.list = ListCells(saved.rows);
}

std::string_view DefectName(Defect defect) { return kDefectNames[static_cast<int>(defect)]; }

History Generate(const GeneratorOptions& options) { return ModelCluster(options).Run(); }

}  // namespace holdfast::scenarios
