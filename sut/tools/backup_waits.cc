// What the backup commands wait for.

#include <chrono>
#include <functional>
#include <thread>

#include "absl/strings/str_cat.h"
#include "sut/tools/backup_commands.h"

namespace sut {
namespace {

constexpr int64_t kTimeoutUs = 60'000'000;
constexpr auto kPatience = std::chrono::minutes(10);
constexpr auto kPollInterval = std::chrono::milliseconds(20);

// True when it is over; an error ends it too.
using Look = std::function<absl::StatusOr<bool>(const proto::Reply::SnapshotList& list)>;

absl::Status Await(RemoteClient& client, const std::string& what, const Look& look) {
  const auto give_up = std::chrono::steady_clock::now() + kPatience;
  while (std::chrono::steady_clock::now() < give_up) {
    const auto list = client.ListSnapshots(kTimeoutUs);
    if (!list.ok()) return list.status();
    const auto over = look(*list);
    if (!over.ok()) return over.status();
    if (*over) return absl::OkStatus();
    std::this_thread::sleep_for(kPollInterval);
  }
  return absl::DeadlineExceededError(absl::StrCat(what, " does not come to its end"));
}

}  // namespace

absl::Status AwaitSnapshot(RemoteClient& client, SnapshotId snapshot, proto::SnapshotInfo::State wanted) {
  const std::string what = absl::StrCat("Snapshot ", Hex(snapshot));
  return Await(client, what, [&](const proto::Reply::SnapshotList& list) -> absl::StatusOr<bool> {
    for (const auto& one : list.snapshots()) {
      if (one.id() != Bytes(snapshot)) continue;
      if (one.state() == proto::SnapshotInfo::FAILED) {
        return absl::FailedPreconditionError(absl::StrCat(what, " has failed"));
      }
      return one.state() == wanted;
    }
    return absl::NotFoundError(absl::StrCat(what, " is gone"));
  });
}

absl::Status AwaitRestored(RemoteClient& client, RestorationId restoration) {
  const std::string what = absl::StrCat("Restoration ", Hex(restoration));
  return Await(client, what, [&](const proto::Reply::SnapshotList& list) -> absl::StatusOr<bool> {
    for (const auto& one : list.restorations()) {
      if (one.id() == Bytes(restoration)) return one.state() == proto::RestorationInfo::RESTORED;
    }
    return absl::NotFoundError(absl::StrCat(what, " is gone"));
  });
}

absl::Status DeleteSnapshotAndWait(RemoteClient& client, SnapshotId snapshot) {
  proto::CatalogueCommand change;
  change.mutable_delete_snapshot()->set_id(Bytes(snapshot));
  if (absl::Status status = client.Change(change, kTimeoutUs); !status.ok()) return status;
  return AwaitSnapshot(client, snapshot, proto::SnapshotInfo::DELETED);
}

}  // namespace sut
