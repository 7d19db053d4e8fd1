// The follower's side of an install: receives a store and a set of snapshot directories, and takes them over as a
// whole.
//
// It asks for one chunk after the other and stages everything in the incoming directory, while Raft and applying go on.
// Taking over is a barrier: verify every checksum, make all of it durable, move the rows under the next generation's
// name; then one synced record in the Raft log store names the new generation, resets the log and lists the snapshots
// that shall be there. From that record on the install has happened: directories that are not in the list are removed,
// those that came are moved in place, and a start-up goes on with that where a crash cut it short.
//
// Bounds: one session at a time; without progress for install_timeout_us it is given up.
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

namespace sut {

class Replica;

class InstallReceiver {
 public:
  explicit InstallReceiver(Replica* replica) : replica_(*replica) {}

  // An offer or a chunk.
  void OnEnvelope(const proto::InstallEnvelope& envelope);
  void Tick();
  // Gives up what is being received, if that can be done at once.
  void Cancel();
  bool busy() const { return session_.has_value() || removals_ > 0 || left_over_; }
  // Goes on with moving directories in place where a crash has cut it short. At start-up, before anything is opened.
  absl::Status FinishAtStart();

 private:
  enum class Phase { kReceiving, kTakingOver };
  struct Session {
    uint64_t id = 0;
    ReplicaId source;
    proto::InstallOffer offer;
    Phase phase = Phase::kReceiving;
    uint32_t directory = 0, file = 0;  // what comes next
    uint64_t offset = 0;
    bool writing = false;
    int64_t progress_us = 0;
    int64_t asked_us = 0;
    uint64_t sends = 0;
  };
  void OnOffer(const proto::InstallEnvelope& envelope);
  void OnChunk(const proto::InstallEnvelope& envelope);
  void SkipEmptyFiles();
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
  void RemoveIncoming();

  Replica& replica_;
  std::optional<Session> session_;
  int removals_ = 0;        // of the incoming directory, under way
  bool left_over_ = false;  // it could not be removed; tried again with every tick until it is gone
};

}  // namespace sut

#endif  // SUT_TABLET_INSTALL_RECEIVER_H_
