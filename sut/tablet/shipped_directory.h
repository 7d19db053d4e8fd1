// How the directories of an install are named inside the outgoing and the incoming one, on both sides of it.

#ifndef SUT_TABLET_SHIPPED_DIRECTORY_H_
#define SUT_TABLET_SHIPPED_DIRECTORY_H_

#include <string>

#include "sut/base/check.h"
#include "sut/base/ids.h"
#include "sut/proto/storage.pb.h"

namespace sut {

// The rows' directory; snapshots are named by their ids, which never look like this.
inline constexpr char kShippedRows[] = "rows";

// REQUIRES: the snapshot id is empty (the rows) or of 16 bytes.
inline std::string ShippedName(const proto::ShippedDirectory& directory) {
  if (directory.snapshot().empty()) return kShippedRows;
  const auto id = IdFromBytes<SnapshotId>(directory.snapshot());
  SUT_CHECK(id.ok(), "an offer was validated before its names are used");
  return Hex(*id);
}

}  // namespace sut

#endif  // SUT_TABLET_SHIPPED_DIRECTORY_H_
