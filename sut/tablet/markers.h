// Markers: what has become of each snapshot and restoration on this tablet. They make repeated snapshot operations
// no-ops, and name the set of snapshot directories as a function of the applied index. And whether the tablet was closed.
//
// Loop rule: on the node's loop.

#ifndef SUT_TABLET_MARKERS_H_
#define SUT_TABLET_MARKERS_H_

#include <map>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "sut/base/ids.h"
#include "sut/proto/tablet.pb.h"
#include "sut/storage/tablet_store.h"

namespace sut {

class Markers {
 public:
  // Replaces the cache by what the store holds. DataLoss if it does not parse.
  absl::Status Load(const TabletStore& store);

  std::optional<proto::SnapshotMarker> snapshot(SnapshotId id) const;
  std::optional<proto::RestorationMarker> restoration(RestorationId id) const;
  // Snapshots that shall have a directory now, ascending.
  std::vector<SnapshotId> live_snapshots() const;

  // Set once the tablet was closed: it serves no rows any more.
  const std::optional<proto::ClosedMarker>& closed() const { return closed_; }

  void PutClosed(const proto::ClosedMarker& marker, StoreBatch* batch);
  void Put(SnapshotId id, const proto::SnapshotMarker& marker, StoreBatch* batch);
  void Put(RestorationId id, const proto::RestorationMarker& marker, StoreBatch* batch);

 private:
  std::map<SnapshotId, proto::SnapshotMarker> snapshots_;
  std::map<RestorationId, proto::RestorationMarker> restorations_;
  std::optional<proto::ClosedMarker> closed_;
};

}  // namespace sut

#endif  // SUT_TABLET_MARKERS_H_
