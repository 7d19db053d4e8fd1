// The follower's side of an install: receives a store and a set of snapshot directories, and takes them over as a
// whole.
//
// It asks for one chunk after the other and stages everything in the incoming directory, while Raft and applying go on.
// Taking over is a barrier: verify every checksum, make all of it durable, move the rows under the next generation's
// name; then one synced record in the Raft log store names the new generation, resets the log and lists the snapshots
// that shall be there. From that record on the install has happened: directories that are not in the list are removed,
// those that came are moved in place, and a start-up goes on with that where a crash cut it short.
//
// A session that was interrupted, by a death of either side or by a source that fell silent, leaves its files to the
// next one: those that are offered again, whoever offers them, need not come again.
//
// Bounds: one session at a time; it is given up if the source is silent for install_timeout_us, and what it leaves is
// removed if none follows within a few times as long. The source hears that this side's disk is at work.
// Loop rule: on the node's loop.

#ifndef SUT_TABLET_INSTALL_RECEIVER_H_
#define SUT_TABLET_INSTALL_RECEIVER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "sut/base/ids.h"
#include "sut/proto/service.pb.h"
#include "sut/proto/storage.pb.h"
#include "sut/storage/tablet_store.h"
#include "sut/tablet/incoming_files.h"

namespace sut {

class Replica;

class InstallReceiver {
 public:
  explicit InstallReceiver(Replica* replica) : replica_(*replica) {}

  // An offer or a chunk.
  void OnEnvelope(const proto::InstallEnvelope& envelope);
  void Tick();
  // Gives up what is being received, or was left for a next session, if that can be done at once.
  void Cancel();
  bool busy() const { return session_.has_value() || removals_ > 0 || left_over_until_us_; }
  // Goes on with moving directories in place where a crash has cut it short. At start-up, before anything is opened.
  absl::Status FinishAtStart();
  // Keeps what a session left that a crash cut short. At start-up.
  absl::Status FindLeftOver();

 private:
  enum class Phase { kReceiving, kTakingOver };
  struct Session {
    uint64_t id = 0;
    ReplicaId source;
    proto::InstallOffer offer;
    Phase phase = Phase::kReceiving;
    OfferedFiles there;                // already, when the session began
    uint32_t directory = 0, file = 0;  // what comes next
    uint64_t offset = 0;
    bool writing = false;
    int64_t heard_us = 0;  // since when the source is silent; counts while nothing is written
    int64_t asked_us = 0;
    int asks = 0;  // for what comes next
    uint64_t sends = 0;
  };
  void OnOffer(const proto::InstallEnvelope& envelope);
  void OnChunk(const proto::InstallEnvelope& envelope);
  // What need not come is there: asks for the rest.
  void Prepared(OfferedFiles there);
  void SkipWhatIsThere();
  void FileReceived(uint64_t offset);
  bool complete() const;
  void AskNext();
  void Prepare();
  void TakeOver();
  void Commit(std::shared_ptr<TabletStore> staged, proto::ReplicaRecord record);
  void MoveDirectories();
  void Reply(Session* session, proto::InstallReply::Kind kind, uint64_t index);
  // Ends the session in vain, and removes what came.
  void Abandon();
  // Ends the session in vain, and leaves what came to the next one.
  void Interrupt();
  void KeepForAWhile();
  void RemoveIncoming();

  Replica& replica_;
  std::optional<Session> session_;
  int removals_ = 0;  // of the incoming directory, under way
  // Something may be in the incoming directory: removed at this time, and tried again with every tick until it is gone.
  std::optional<int64_t> left_over_until_us_;
};

}  // namespace sut

#endif  // SUT_TABLET_INSTALL_RECEIVER_H_
