// Snapshot directories that did not come into being here, but were placed by hand: inspected, compared with what an
// export said, and adopted as a snapshot of this replica.
//
// A placed directory is a copy of another tablet's snapshot directory, under the final name of the snapshot that is to
// adopt it. It is told apart by its metadata, which names the snapshot it was made as; adopting is the replacing of
// that file, which is atomic. Its other files are taken as they are: never changed, and verified by then.
//
// Fault model: any part may be missing, damaged, of another tablet or of another snapshot, and nothing need be durable.
// Thread rule: on the Worker, or on the loop during start-up.

#ifndef SUT_STORAGE_PLACED_H_
#define SUT_STORAGE_PLACED_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "sut/base/bugs.h"
#include "sut/base/ids.h"
#include "sut/proto/storage.pb.h"
#include "sut/runtime/seams.h"
#include "sut/storage/layout.h"

namespace sut {

// What a snapshot directory holds: its metadata, with every file verified against it, and a digest of its rows.
struct SnapshotContents {
  proto::SnapshotMetadata metadata;
  uint64_t rows = 0;
  uint32_t rows_crc32c = 0;  // as in proto::SnapshotSource
};
// NotFound if there is no such directory, DataLoss if it is damaged.
absl::StatusOr<SnapshotContents> InspectSnapshotDirectory(const StorageSeam& seam, const std::string& directory);

// OK if `contents` is what `source` tells, of a tablet with these bounds. DataLoss with the difference if not.
struct PlacedExpectation {
  proto::SnapshotSource source;
  uint32_t hash_begin = 0;
  uint32_t hash_end = 0;
};
absl::Status CheckPlaced(const SnapshotContents& contents, const PlacedExpectation& expected, BugSet bugs = {});

// Whether the directory's metadata can be read and names another snapshot than `id`.
bool IsPlaced(const StorageSeam& seam, const std::string& directory, SnapshotId id);

// Removes the directories of these snapshots that are still as they were placed.
absl::Status RemovePlaced(const StorageSeam& seam, const ReplicaLayout& layout, const std::vector<SnapshotId>& ids);

// The steps of adopting, each durable when it ends; repeating them from any point gives the same.
class Adoption {
 public:
  // `metadata` is what the directory is to have: the adopting snapshot, table and tablet, and the adopting entry. Its
  // bounds are those that the placed one must have.
  Adoption(const StorageSeam& seam, const ReplicaLayout& layout, proto::SnapshotMetadata metadata,
           proto::SnapshotSource source, BugSet bugs = {});

  // Verifies what is there and makes it durable. Changes nothing if it is damaged or foreign.
  absl::Status Verify();
  // Writes the metadata beside the directory.
  absl::Status WriteMetadata();
  // Puts the metadata in its place.
  absl::Status Publish();

 private:
  bool IsAdopted(const proto::SnapshotMetadata& present) const;

  const StorageSeam seam_;
  const std::string parent_, final_path_, tmp_path_;
  proto::SnapshotMetadata metadata_;
  const proto::SnapshotSource source_;
  const BugSet bugs_;
  bool adopted_ = false;  // found so: only the fsyncs may be missing
};

}  // namespace sut

#endif  // SUT_STORAGE_PLACED_H_
