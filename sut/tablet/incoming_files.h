// The files of an install on the receiver's disk: from the offer to the directories in their places.
//
// Order: ValidOffer, PrepareIncoming, the chunks, VerifyShipped for each directory; then, once the journal says that
// the install has happened, MoveInPlace, which may be repeated from any point. Thread rule: on the Worker, or on the
// loop during start-up; ValidOffer anywhere.

#ifndef SUT_TABLET_INCOMING_FILES_H_
#define SUT_TABLET_INCOMING_FILES_H_

#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "sut/base/bugs.h"
#include "sut/base/ids.h"
#include "sut/proto/service.pb.h"
#include "sut/proto/storage.pb.h"
#include "sut/runtime/seams.h"
#include "sut/storage/layout.h"

namespace sut {

// What comes from another process is checked before it touches the disk: ids are ids, names are plain names, and there
// is something to receive.
bool ValidOffer(const proto::InstallOffer& offer);
// Files of an offer by their places in it: directory, file.
using OfferedFiles = std::set<std::pair<uint32_t, uint32_t>>;
// Makes the incoming directories ready for what is offered, and says which files are there already: those that an
// earlier session brought as they are offered now (name, size and checksum), and the empty ones, for which no chunk
// would come. Whatever else an earlier session left there is removed.
absl::StatusOr<OfferedFiles> PrepareIncoming(const StorageSeam& storage, const ReplicaLayout& layout,
                                             const proto::InstallOffer& offer);
// Verifies what came into `path`, and makes it durable. A snapshot directory also has to be what its own metadata says:
// damage that its source had already is not taken over.
absl::Status VerifyShipped(const StorageSeam& storage, const std::string& path,
                           const proto::ShippedDirectory& directory);
// Makes the set of snapshot directories exactly `wanted`, of which those that are in the incoming directory replace
// what is there; then removes the incoming directory.
absl::Status MoveInPlace(const StorageSeam& storage, const ReplicaLayout& layout, const std::vector<SnapshotId>& wanted,
                         BugSet bugs);

}  // namespace sut

#endif  // SUT_TABLET_INCOMING_FILES_H_
