// The leader's side of an install: ships a store to a follower that the log can't serve any more (Raft paper, section
// 7).
//
// The source pins one applied index: as a barrier it flushes, and hard-links the rows and every snapshot directory into
// an outgoing directory. From there it offers the files with their checksums and sends the chunks that the receiver
// asks for, so that loss, duplication and reordering cost only time. What is pinned goes away when the session ends or
// makes no progress.
//
// Bounds: one session a peer, kSessionsMax at once; a session without progress for install_timeout_us ends in vain.
// Loop rule: on the node's loop.

#ifndef SUT_TABLET_INSTALL_SOURCE_H_
#define SUT_TABLET_INSTALL_SOURCE_H_

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "sut/base/ids.h"
#include "sut/proto/service.pb.h"

namespace sut {

class Replica;

class InstallSource {
 public:
  explicit InstallSource(Replica* replica) : replica_(*replica) {}

  // Begins to ship to `peer`, unless that is under way.
  void Start(ReplicaId peer);
  void OnReply(const proto::InstallEnvelope& envelope);
  void Tick();
  // Leadership is lost: ends all sessions.
  void StopAll();

  bool busy() const { return !sessions_.empty() || !wanted_.empty() || removals_ > 0 || !left_over_.empty(); }
  // The log is kept from here on, or what is being shipped would be of no use.
  std::optional<Index> oldest_index() const;

 private:
  struct Session {
    ReplicaId peer;
    proto::InstallOffer offer;
    bool pinning = false;   // the barrier has begun
    bool pinned = false;    // the outgoing directory is complete
    bool answered = false;  // the receiver has asked for the first chunk
    bool reading = false;   // a chunk; what is asked for meanwhile is asked for again
    int64_t progress_us = 0;
    int64_t offered_us = 0;
    uint64_t sends = 0;
    uint32_t directory = 0, file = 0;  // furthest chunk asked for
    uint64_t offset = 0;
  };
  // Asks for a barrier; one at a time, whatever is waiting.
  void WantPin();
  void PinNext();
  void Pin(uint64_t id);
  void Pinned(uint64_t id, const proto::InstallOffer& offer, const absl::Status& status);
  void SendOffer(uint64_t id, Session* session);
  void ReadWanted(uint64_t id, Session* session, const proto::InstallReply& wanted);
  void SendChunk(uint64_t id, const proto::InstallReply& wanted, absl::StatusOr<std::string> data);
  void End(uint64_t id, std::optional<Index> installed);
  void RemoveOutgoing(uint64_t id);
  void Send(uint64_t id, Session* session, proto::InstallEnvelope envelope);

  static constexpr size_t kSessionsMax = 2;
  Replica& replica_;
  std::map<uint64_t, Session> sessions_;
  std::set<ReplicaId> wanted_;  // peers that wait for room
  bool pin_wanted_ = false;     // Invariant: then PinNext waits for its turn
  uint64_t started_ = 0;
  int removals_ = 0;              // of outgoing directories, under way
  std::set<uint64_t> left_over_;  // those that could not be removed; tried again, one with every tick
};

}  // namespace sut

#endif  // SUT_TABLET_INSTALL_SOURCE_H_
