#include "sut/master/catalogue.h"

#include <string>
#include <string_view>
#include <utility>

namespace sut {
namespace {

// The byte after KeySpace::kRow says what the row is; its 16-byte id follows.
constexpr char kKeyspace = 'k';
constexpr char kTable = 't';
constexpr char kSnapshot = 's';
constexpr char kRestoration = 'x';

std::string RowKey(char kind, std::string_view id) { return StoreKey(KeySpace::kRow, std::string(1, kind).append(id)); }

void PutRow(const Transition& transition, StoreBatch* batch) {
  if (transition.keyspace) {
    batch->Put(RowKey(kKeyspace, transition.keyspace->id()), transition.keyspace->SerializeAsString());
  }
  if (transition.keyspace_gone) batch->Delete(RowKey(kKeyspace, Bytes(*transition.keyspace_gone)));
  if (transition.table_gone) batch->Delete(RowKey(kTable, Bytes(*transition.table_gone)));
  if (transition.table) {
    batch->Put(RowKey(kTable, transition.table->id()), transition.table->SerializeAsString());
  }
  if (transition.snapshot) {
    batch->Put(RowKey(kSnapshot, transition.snapshot->id()), transition.snapshot->SerializeAsString());
  }
  if (transition.restoration) {
    batch->Put(RowKey(kRestoration, transition.restoration->id()), transition.restoration->SerializeAsString());
  }
}

template <typename Id, typename Info>
absl::Status ReadRow(std::string_view id, std::string_view value, std::map<Id, Info>* objects) {
  const auto parsed = IdFromBytes<Id>(id);
  Info info;
  if (!parsed.ok() || !info.ParseFromArray(value.data(), static_cast<int>(value.size())) || info.id() != id) {
    return absl::DataLossError("catalogue: a row is damaged");
  }
  objects->emplace(*parsed, std::move(info));
  return absl::OkStatus();
}

// `row` is the key without its key space.
absl::Status ReadRow(std::string_view row, std::string_view value, CatalogueState* state) {
  if (row.empty()) return absl::DataLossError("catalogue: a row has an empty key");
  const std::string_view id = row.substr(1);
  switch (row[0]) {
    case kKeyspace:
      return ReadRow(id, value, &state->keyspaces);
    case kTable:
      return ReadRow(id, value, &state->tables);
    case kSnapshot:
      return ReadRow(id, value, &state->snapshots);
    case kRestoration:
      return ReadRow(id, value, &state->restorations);
    default:
      return absl::DataLossError("catalogue: a row is of an unknown kind");
  }
}

}  // namespace

absl::Status Catalogue::Load(const TabletStore& store) {
  const std::string begin = StoreKey(KeySpace::kRow, "");
  const std::string end(1, static_cast<char>(begin[0] + 1));
  CatalogueState loaded;
  absl::Status damage;
  const absl::Status read = store.Latest().Scan(begin, end, [&](std::string_view key, std::string_view value) {
    damage = ReadRow(key.substr(begin.size()), value, &loaded);
    return damage.ok();
  });
  // An unreadable catalogue must never pass for an empty one.
  const bool readable = read.ok() && damage.ok();
  if (!readable && bugs_.has(Bug::kUnreadableCatalogueIsEmpty)) loaded = CatalogueState();
  if (!readable && !bugs_.has(Bug::kUnreadableCatalogueIsEmpty)) return read.ok() ? damage : read;
  state_ = std::move(loaded);
  staged_.reset();
  Changed();
  return absl::OkStatus();
}

absl::StatusOr<proto::Reply> Catalogue::Apply(const proto::Command& command, OpId /*op*/, HybridTime /*time*/,
                                              const TabletStore& /*store*/, StoreBatch* batch) {
  if (!command.has_catalogue()) {
    staged_.reset();
    return RefusedReply(proto::BAD_REQUEST, "The master keeps no rows");
  }
  return ApplyCommand(command.catalogue(), batch);
}

proto::Reply Catalogue::ApplyCommand(const proto::CatalogueCommand& command, StoreBatch* batch) {
  Transition transition = Decide(state_, command, bugs_);
  PutRow(transition, batch);
  proto::Reply reply = transition.reply;
  staged_ = std::move(transition);
  return reply;
}

void Catalogue::Committed() {
  if (!staged_) return;
  const Transition transition = *std::exchange(staged_, std::nullopt);
  if (!transition.changes()) return;
  ApplyTransition(transition, &state_);
  Changed();
}

void Catalogue::Changed() {
  ++version_;
  if (on_changed_) on_changed_();
}

}  // namespace sut
