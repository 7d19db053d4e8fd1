// What both sides of an install agree on: how its directories are named inside the outgoing and the incoming one, and
// when they repeat what was not answered.

#ifndef SUT_TABLET_SHIPPED_DIRECTORY_H_
#define SUT_TABLET_SHIPPED_DIRECTORY_H_

#include <algorithm>
#include <cstdint>
#include <string>

#include "sut/base/check.h"
#include "sut/base/ids.h"
#include "sut/proto/storage.pb.h"
#include "sut/runtime/node_options.h"

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

// Before the nth repetition of what was not answered. It grows, or on a link slower than the pause every answer would
// find more repetitions under way than the one before.
inline int64_t RepeatPauseUs(const NodeOptions& options, int nth) {
  const int64_t pause_us_min = 4 * options.tick_us;
  const int64_t pause_us_max = std::max(pause_us_min, options.install_timeout_us / 4);
  return std::min(pause_us_min << std::clamp(nth - 1, 0, 16), pause_us_max);
}

}  // namespace sut

#endif  // SUT_TABLET_SHIPPED_DIRECTORY_H_
