#include "sut/tablet/markers.h"

#include <string>

#include "absl/strings/str_cat.h"

namespace sut {
namespace {

constexpr char kSnapshotKind = 's';
constexpr char kRestorationKind = 'r';
constexpr char kClosedKind = 'c';  // one at most, under the nil id

std::string MarkerKey(char kind, const std::string& id) {
  return StoreKey(KeySpace::kMarker, absl::StrCat(std::string(1, kind), id));
}

template <typename Key, typename Value>
std::optional<Value> Find(const std::map<Key, Value>& map, const Key& key) {
  const auto found = map.find(key);
  if (found == map.end()) return std::nullopt;
  return found->second;
}

}  // namespace

absl::Status Markers::Load(const TabletStore& store) {
  snapshots_.clear();
  restorations_.clear();
  closed_.reset();
  bool parsed = true;
  const std::string end(1, static_cast<char>(static_cast<char>(KeySpace::kMarker) + 1));
  const auto visit = [&](std::string_view key, std::string_view value) {
    const char kind = key.size() == 18 ? key[1] : '\0';
    const auto parse = [&](auto* marker) {
      return marker->ParseFromArray(value.data(), static_cast<int>(value.size()));
    };
    if (kind == kSnapshotKind) {
      parsed = parse(&snapshots_[*IdFromBytes<SnapshotId>(key.substr(2))]);
    } else if (kind == kRestorationKind) {
      parsed = parse(&restorations_[*IdFromBytes<RestorationId>(key.substr(2))]);
    } else if (kind == kClosedKind) {
      parsed = parse(&closed_.emplace());
    } else {
      parsed = false;
    }
    return parsed;
  };
  if (absl::Status read = store.Latest().Scan(StoreKey(KeySpace::kMarker, ""), end, visit); !read.ok()) return read;
  return parsed ? absl::OkStatus() : absl::DataLossError("a marker does not parse");
}

std::optional<proto::SnapshotMarker> Markers::snapshot(SnapshotId id) const { return Find(snapshots_, id); }

std::optional<proto::RestorationMarker> Markers::restoration(RestorationId id) const { return Find(restorations_, id); }

std::vector<SnapshotId> Markers::live_snapshots() const {
  std::vector<SnapshotId> live;
  for (const auto& [id, marker] : snapshots_) {
    if (marker.state() == proto::SnapshotMarker::CREATED) live.push_back(id);
  }
  return live;
}

void Markers::PutClosed(const proto::ClosedMarker& marker, StoreBatch* batch) {
  closed_ = marker;
  batch->Put(MarkerKey(kClosedKind, UuidBytes(0, 0)), marker.SerializeAsString());
}

void Markers::Put(SnapshotId id, const proto::SnapshotMarker& marker, StoreBatch* batch) {
  snapshots_[id] = marker;
  batch->Put(MarkerKey(kSnapshotKind, Bytes(id)), marker.SerializeAsString());
}

void Markers::Put(RestorationId id, const proto::RestorationMarker& marker, StoreBatch* batch) {
  restorations_[id] = marker;
  batch->Put(MarkerKey(kRestorationKind, Bytes(id)), marker.SerializeAsString());
}

}  // namespace sut
