#include "harness/check/fold.h"

#include <algorithm>
#include <cstdlib>
#include <utility>
#include <vector>

namespace holdfast::check {

const char* FoldEffectName(FoldEffect effect) {
  switch (effect) {
    case FoldEffect::kApplied:
      return "applied";
    case FoldEffect::kNothing:
      return "without effect";
    case FoldEffect::kRemembered:
      return "a repetition";
    case FoldEffect::kStale:
      return "refused as stale";
    case FoldEffect::kFenced:
      return "refused, its session is closed";
    case FoldEffect::kClosed:
      return "refused, the table was dropped";
    case FoldEffect::kWrongType:
      return "refused, increment of what is no number";
    case FoldEffect::kImpossible:
      return "impossible";
  }
  return "";
}

TabletFold::TabletFold()
    : rows_(std::make_shared<FoldedRows>()), snapshots_(std::make_shared<const FoldedSnapshots>()) {}

FoldEffect TabletFold::Apply(const LedgerEntry& entry, std::shared_ptr<const FoldedRows> adopted) {
  switch (entry.kind) {
    case LedgerEntry::Kind::kNothing:
      return FoldEffect::kNothing;
    case LedgerEntry::Kind::kWrite:
      return Write(entry);
    case LedgerEntry::Kind::kFence:
      sessions_[entry.client].fenced = true;
      books_.Fence(entry.client);
      return FoldEffect::kApplied;
    case LedgerEntry::Kind::kClose:
      books_.Close();
      return std::exchange(closed_, true) ? FoldEffect::kNothing : FoldEffect::kApplied;
    case LedgerEntry::Kind::kCreateSnapshot:
      return Create(entry, rows_);
    case LedgerEntry::Kind::kAdoptSnapshot:
      return Create(entry, std::move(adopted));
    case LedgerEntry::Kind::kRestore:
      return Restore(entry);
    case LedgerEntry::Kind::kDropSnapshot:
      return Remove(entry, Marker::kDropped);
    case LedgerEntry::Kind::kAbortCreate:
      return Remove(entry, Marker::kAborted);
  }
  return FoldEffect::kNothing;
}

FoldEffect TabletFold::Write(const LedgerEntry& entry) {
  if (entry.client == 0) {
    if (closed_) return FoldEffect::kClosed;
    return Mutate(entry) ? FoldEffect::kApplied : FoldEffect::kWrongType;
  }
  Session& session = sessions_[entry.client];
  if (session.fenced) return FoldEffect::kFenced;
  if (entry.sequence != 0) {
    if (entry.sequence < session.first_incomplete) return FoldEffect::kStale;
    if (session.remembered.contains(entry.sequence)) return FoldEffect::kRemembered;
  }
  if (closed_) return FoldEffect::kClosed;
  const bool done = Mutate(entry);
  if (entry.sequence != 0) {
    session.first_incomplete = std::max(session.first_incomplete, entry.first_incomplete);
    books_.SetLowerBound(entry.client, session.first_incomplete);
    while (!session.remembered.empty() && *session.remembered.begin() < session.first_incomplete) {
      books_.Forget(entry.client, *session.remembered.begin());
      session.remembered.erase(session.remembered.begin());
    }
    session.remembered.insert(entry.sequence);
    books_.Remember(entry.client, entry.sequence);
  }
  return done ? FoldEffect::kApplied : FoldEffect::kWrongType;
}

bool TabletFold::Mutate(const LedgerEntry& entry) {
  // First what it comes to, since a refusal of the last mutation undoes the first.
  std::map<std::string, std::optional<std::string>> changed;
  for (const LedgerMutation& mutation : entry.mutations) {
    if (mutation.kind == LedgerMutation::Kind::kPut) {
      changed[mutation.key] = mutation.value;
    } else if (mutation.kind == LedgerMutation::Kind::kDelete) {
      changed[mutation.key] = std::nullopt;
    } else {
      std::optional<std::string> before;
      if (const auto own = changed.find(mutation.key); own != changed.end()) {
        before = own->second;
      } else if (const auto row = rows_->rows.find(mutation.key); row != rows_->rows.end()) {
        before = row->second;
      }
      const std::optional<int64_t> number = before.has_value() ? DecimalValue(*before) : 0;
      int64_t sum = 0;
      if (!number.has_value() || __builtin_add_overflow(*number, mutation.delta, &sum)) return false;
      changed[mutation.key] = std::to_string(sum);
    }
  }
  for (const auto& [key, value] : changed) {
    if (value.has_value()) {
      SetRow(key, *value);
    } else {
      EraseRow(key);
    }
  }
  return true;
}

FoldEffect TabletFold::Create(const LedgerEntry& entry, std::shared_ptr<const FoldedRows> content) {
  if (markers_.contains(entry.snapshot)) return FoldEffect::kNothing;
  if (content == nullptr) return FoldEffect::kImpossible;
  markers_.emplace(entry.snapshot, Marker::kCreated);
  books_.MarkSnapshot(entry.snapshot, true);
  auto changed = std::make_shared<FoldedSnapshots>(*snapshots_);
  (*changed)[entry.snapshot] = {entry.op, std::move(content)};
  snapshots_ = std::move(changed);
  return FoldEffect::kApplied;
}

FoldEffect TabletFold::Restore(const LedgerEntry& entry) {
  if (restorations_.contains(entry.restoration)) return FoldEffect::kNothing;
  const auto snapshot = snapshots_->find(entry.snapshot);
  if (snapshot == snapshots_->end()) return FoldEffect::kImpossible;
  restorations_.insert(entry.restoration);
  books_.MarkRestoration(entry.restoration);
  // Shared with the snapshot until the next write, which copies (MutableRows), so the snapshot stays as it is.
  rows_ = std::const_pointer_cast<FoldedRows>(snapshot->second.content);
  return FoldEffect::kApplied;
}

FoldEffect TabletFold::Remove(const LedgerEntry& entry, Marker marker) {
  const auto [present, inserted] = markers_.emplace(entry.snapshot, marker);
  if (inserted) books_.MarkSnapshot(entry.snapshot, false);
  if (inserted) return FoldEffect::kApplied;
  if (present->second != Marker::kCreated) return FoldEffect::kNothing;
  present->second = marker;
  books_.MarkSnapshot(entry.snapshot, false);
  auto changed = std::make_shared<FoldedSnapshots>(*snapshots_);
  changed->erase(entry.snapshot);
  snapshots_ = std::move(changed);
  return FoldEffect::kApplied;
}

FoldedRows& TabletFold::MutableRows() {
  if (rows_.use_count() > 1) rows_ = std::make_shared<FoldedRows>(*rows_);
  return *rows_;
}

void TabletFold::SetRow(const std::string& key, const std::string& value) {
  FoldedRows& version = MutableRows();
  const auto [row, inserted] = version.rows.try_emplace(key, value);
  if (!inserted) {
    version.fingerprint.Remove(key, row->second);
    row->second = value;
  }
  version.fingerprint.Add(key, value);
}

void TabletFold::EraseRow(const std::string& key) {
  if (!rows_->rows.contains(key)) return;
  FoldedRows& version = MutableRows();
  const auto row = version.rows.find(key);
  version.fingerprint.Remove(key, row->second);
  version.rows.erase(row);
}

}  // namespace holdfast::check
