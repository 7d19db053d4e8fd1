// Create, adopt, restore and drop of a snapshot on one replica: the entries whose effects lie outside the row store.
//
// Each is a barrier of its replica: a sequence of durable steps, then the mark. A crash between any two steps is made
// good by replaying the entry: create keeps a directory of the same op id, adopt one that has the entry's metadata,
// restore stages its generation anew unless the journal already names it, drop goes on removing.
//
// Loop rule: on the node's loop; the steps run on the Worker.

#ifndef SUT_TABLET_SNAPSHOT_BARRIERS_H_
#define SUT_TABLET_SNAPSHOT_BARRIERS_H_

#include <vector>

#include "absl/status/status.h"
#include "sut/proto/command.pb.h"
#include "sut/proto/service.pb.h"
#include "sut/raft/raft.h"
#include "sut/storage/tablet_store.h"
#include "sut/tablet/sequence.h"

namespace sut {

class Replica;

class SnapshotBarriers {
 public:
  explicit SnapshotBarriers(Replica* replica) : replica_(*replica) {}

  // Removes what a crash has left half made or half removed, and generations that are not live. At start-up, before the
  // store is opened.
  absl::Status RemoveLeftOvers();
  // Starts the barrier for a committed entry; false if the operation has nothing to do here (it is a repetition).
  bool Start(const raft::Entry& entry, const proto::Command& command);
  // The reply to an operation that has nothing to do: what it found.
  proto::Reply RepeatedReply(const proto::TabletSnapshotOp& op) const;
  // Whether applying the operation now would do nothing.
  bool IsRepetition(const proto::TabletSnapshotOp& op) const;
  // Whether applying it at any later time would do nothing either, with the same reply: then it needs no entry.
  bool IsSettled(const proto::TabletSnapshotOp& op) const;
  // Planted bug 49: the entry's change goes to the rows that a restore has replaced.
  bool IsLostInSwap(Index index) const { return index <= committed_before_swap_; }

 private:
  void Create(const raft::Entry& entry, const proto::Command& command);
  void Adopt(const raft::Entry& entry, const proto::Command& command);
  void Restore(const raft::Entry& entry, const proto::Command& command);
  void Remove(const raft::Entry& entry, const proto::Command& command);
  // Of this replica's directory of the snapshot that the entry makes; without its files.
  proto::SnapshotMetadata MetadataFor(const raft::Entry& entry, SnapshotId id) const;
  void CommitMark(const raft::Entry& entry, const proto::Command& command, StoreBatch batch);

  Replica& replica_;
  Index committed_before_swap_;  // 0 without planted bug 49
};

// Of a known kind, with ids where there must be some: what may be appended.
bool ValidSnapshotOp(const proto::TabletSnapshotOp& op);

}  // namespace sut

#endif  // SUT_TABLET_SNAPSHOT_BARRIERS_H_
