// How a defect is staged: the open calls end, a few calls run alone, the model errs once, and readers look.
#include "scenarios/histories/model.h"

namespace holdfast::scenarios {

void ModelCluster::Drain() {
  for (Client& client : clients_) {
    while (client.applied < client.calls.size() && !client.skips) {
      Apply(client.calls[client.applied], client.snapshot);
      ++client.applied;
    }
    if (!client.calls.empty()) Finish(&client);
  }
}

size_t ModelCluster::Alone(Kind kind, uint32_t tablet, const std::function<void(Operation*)>& ask) {
  Client& client = clients_[0];
  const size_t position = Open(&client, kind, tablet);
  ask(&history_.operations[position]);
  Apply(position, client.snapshot);
  client.applied = 1;
  Finish(&client);
  return position;
}

Symbol ModelCluster::Put(uint32_t tablet, uint32_t key) {
  const Symbol value = NewValue();
  Alone(Kind::kPut, tablet, [&](Operation* op) {
    op->key = first_key_ + key;
    op->value = value;
  });
  return value;
}

void ModelCluster::Delete(uint32_t tablet, uint32_t key) {
  Alone(Kind::kDelete, tablet, [&](Operation* op) { op->key = first_key_ + key; });
}

void ModelCluster::Scan(uint32_t tablet) {
  Alone(Kind::kScan, tablet, [](Operation*) {});
}

void ModelCluster::Get(uint32_t tablet, uint32_t key) {
  Alone(Kind::kGet, tablet, [&](Operation* op) { op->key = first_key_ + key; });
}

size_t ModelCluster::TakeSnapshot() {
  Client& client = clients_[0];
  InvokeSnapshot(&client);
  for (const size_t position : client.calls) Apply(position, client.snapshot);
  Finish(&client);
  return client.snapshot;
}

void ModelCluster::RestoreSnapshot(size_t snapshot) {
  Client& client = clients_[0];
  client.snapshot = snapshot;
  ++group_;
  for (uint32_t tablet = 0; tablet < options_.tablets; ++tablet) {
    Operation& op = history_.operations[Open(&client, Kind::kRestore, tablet)];
    op.key = snapshots_[snapshot].id;
    op.group = group_;
  }
  for (const size_t position : client.calls) Apply(position, snapshot);
  Finish(&client);
}

// The snapshot as it lies on disk holds another value; so does what was read off it, where that is told.
void ModelCluster::Err(size_t snapshot, uint32_t tablet, uint32_t key, Cell cell) {
  std::vector<Cell>& rows = snapshots_[snapshot].tablets[tablet].rows;
  rows[key] = cell;
  if (!options_.snapshot_rows) return;
  for (size_t i = history_.operations.size(); i-- > 0;) {
    Operation& op = history_.operations[i];
    if (op.kind == Kind::kSnapshot && op.object == tablet && op.key == snapshots_[snapshot].id) {
      op.list = ListCells(rows);
      return;
    }
  }
}

void ModelCluster::StageDefect() {
  Drain();
  late_.clear();
  const uint32_t tablet = random_.Below(options_.tablets);
  const uint32_t other = (tablet + 1) % options_.tablets;
  // Two keys that hold text, and one that counts.
  const uint32_t a = 1, b = options_.keys > 2 ? 2 : 1, counter = 0;
  switch (options_.defect) {
    case Defect::kNone:
      return;
    case Defect::kPostCutWrite:
    case Defect::kPreCutWriteMissing:
    case Defect::kSnapshotChanged:
    case Defect::kOlderSnapshotRestored:
    case Defect::kDroppedRestored:
      return StageSnapshotDefect(tablet, a, b);
    case Defect::kTornBatch:
    case Defect::kTornScan:
    case Defect::kTornBetweenTablets:
      return StageTear(tablet, other, a, b);
    case Defect::kRowLost:
    case Defect::kRowResurrected:
    case Defect::kTabletsSwapped:
    case Defect::kRestoreIgnored:
    case Defect::kRestoreMerged:
    case Defect::kWriteBehindRestore:
      return StageRestoreDefect(tablet, other, a, b);
    case Defect::kIncrementTwice:
    case Defect::kReplicaDiffers:
    case Defect::kAcknowledgedLost:
    case Defect::kDeletedBack:
      return StageRowDefect(tablet, a, counter);
  }
}

void ModelCluster::StageSnapshotDefect(uint32_t tablet, uint32_t a, uint32_t b) {
  const auto now = [&](uint32_t key) { return tablets_[tablet].rows[key]; };
  Put(tablet, a);
  Put(tablet, b);
  const Cell earlier = now(a);
  if (options_.defect == Defect::kPreCutWriteMissing) Put(tablet, a);
  const size_t first = TakeSnapshot();
  switch (options_.defect) {
    case Defect::kPostCutWrite:
      Put(tablet, a);
      Err(first, tablet, a, now(a));
      break;
    case Defect::kPreCutWriteMissing:
      Err(first, tablet, a, earlier);
      break;
    case Defect::kSnapshotChanged:
      RestoreSnapshot(first);
      Get(tablet, a);
      Put(tablet, a);
      snapshots_[first].tablets[tablet].rows[a] = now(a);
      break;
    case Defect::kOlderSnapshotRestored: {
      Put(tablet, a);
      const size_t second = TakeSnapshot();
      RestoreSnapshot(second);
      tablets_[tablet].rows = snapshots_[first].tablets[tablet].rows;
      Get(tablet, a);
      return;
    }
    default:
      for (uint32_t each = 0; each < options_.tablets; ++each) {
        Alone(Kind::kDrop, each, [&](Operation* op) { op->key = snapshots_[first].id; });
      }
      break;
  }
  RestoreSnapshot(first);
  Get(tablet, a);
  Scan(tablet);
}

void ModelCluster::StageTear(uint32_t tablet, uint32_t other, uint32_t a, uint32_t b) {
  const bool between = options_.defect == Defect::kTornBetweenTablets;
  Put(tablet, a);
  Put(between ? other : tablet, b);
  const Cell a_before = tablets_[tablet].rows[a], b_before = tablets_[tablet].rows[b];
  Client& reader = clients_[clients_.size() - 1];
  if (options_.defect == Defect::kTornScan || between) {
    // The long read is called, a is written, then b; it shows b's write and not a's.
    if (between) {
      InvokeSnapshot(&reader);
    } else {
      Open(&reader, Kind::kScan, tablet);
    }
    Put(tablet, a);
    Put(between ? other : tablet, b);
    const Cell a_after = tablets_[tablet].rows[a];
    tablets_[tablet].rows[a] = a_before;
    for (const size_t position : reader.calls) Apply(position, reader.snapshot);
    tablets_[tablet].rows[a] = a_after;
    reader.applied = reader.calls.size();
    Finish(&reader);
    Scan(tablet);
    return;
  }
  // A batch and a snapshot overlap; the snapshot holds one half.
  Client& writer = clients_[0];
  const size_t batch = Open(&writer, Kind::kBatch, tablet);
  Mutation parts[2] = {{Kind::kPut, first_key_ + a, NewValue(), 0}, {Kind::kPut, first_key_ + b, NewValue(), 0}};
  history_.operations[batch].list = history_.AddMutations(parts);
  InvokeSnapshot(&reader);
  Apply(batch, 0);
  writer.applied = 1;
  for (const size_t position : reader.calls) Apply(position, reader.snapshot);
  reader.applied = reader.calls.size();
  const size_t snapshot = reader.snapshot;
  Finish(&reader);
  Finish(&writer);
  Err(snapshot, tablet, b, b_before);
  RestoreSnapshot(snapshot);
  Scan(tablet);
}

void ModelCluster::StageRestoreDefect(uint32_t tablet, uint32_t other, uint32_t a, uint32_t b) {
  std::vector<Cell>& rows = tablets_[tablet].rows;
  if (options_.defect == Defect::kRestoreMerged || options_.defect == Defect::kRowResurrected) {
    Delete(tablet, a);
    Delete(tablet, b);
  } else {
    Put(tablet, a);
    Put(tablet, b);
    Put(other, a);
  }
  const size_t snapshot = TakeSnapshot();
  Put(tablet, a);
  Put(tablet, b);
  const std::vector<Cell> before = rows;
  RestoreSnapshot(snapshot);
  switch (options_.defect) {
    case Defect::kRowLost:
      rows[a] = Cell();
      break;
    case Defect::kRowResurrected:
      rows[a] = before[a];
      break;
    case Defect::kTabletsSwapped:
      std::swap(rows, tablets_[other].rows);
      break;
    case Defect::kRestoreIgnored:
      rows = before;
      break;
    case Defect::kRestoreMerged:
      for (size_t key = 0; key < rows.size(); ++key) {
        if (rows[key].value == kAbsent) rows[key] = before[key];
      }
      break;
    default: {
      const Cell restored = rows[a];
      Put(tablet, a);
      rows[a] = restored;
      break;
    }
  }
  Get(tablet, a);
  Scan(tablet);
  Scan(other);
}

void ModelCluster::StageRowDefect(uint32_t tablet, uint32_t a, uint32_t counter) {
  std::vector<Cell>& rows = tablets_[tablet].rows;
  const auto increment = [&] {
    Alone(Kind::kIncrement, tablet, [&](Operation* op) {
      op->key = first_key_ + counter;
      op->delta = 1 + random_.Below(1000000);
    });
  };
  Put(tablet, a);
  const Cell earlier = rows[a];
  switch (options_.defect) {
    case Defect::kIncrementTwice: {
      increment();
      Cell& cell = rows[counter];
      cell.number += 1 + random_.Below(1000);
      cell.value = NumberSymbol(cell.number);
      increment();
      break;
    }
    case Defect::kDeletedBack:
      Delete(tablet, a);
      rows[a] = earlier;
      break;
    case Defect::kReplicaDiffers: {
      Put(tablet, a);
      const Cell agreed = rows[a];
      rows[a] = earlier;
      Get(tablet, a);
      Scan(tablet);
      rows[a] = agreed;
      break;
    }
    default:
      Put(tablet, a);
      rows[a] = earlier;
      break;
  }
  Get(tablet, a);
  Scan(tablet);
}

}  // namespace holdfast::scenarios
