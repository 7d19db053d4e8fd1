// The journal of a chaos disk: what of a real data directory a loss of power might undo. It outlives a SIGKILL, being
// in the page cache, and is played forward when it is opened.
//
// A file that the journal does not know is durable as it is. Which changes of names stand on which, and so what a sync
// of a directory makes durable, is as in harness/sim/sim_directory_tree.h:
// - a change stands on the earlier ones of its names;
// - the removal of a directory, on all that was removed from it;
// - a rename, on what was added to its target's directory before it, and if it comes from another directory, also on
// the
//   making of that directory.
//
// Durable state: records framed by length and checksum; one that is torn at the end was never acted upon. Thread rule:
// the owner locks. Append comes before the act that it notes, but for syncs, which are noted after it.

#ifndef FAULTS_CHAOS_JOURNAL_H_
#define FAULTS_CHAOS_JOURNAL_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "faults/chaos_journal.pb.h"

namespace holdfast::faults {

class ChaosJournal {
 public:
  struct File {
    uint64_t guaranteed_bytes = 0;
    // What was dirty then stays doubtful for good; so does, more harshly than on the simulated disk, all that follows.
    bool sync_failed = false;
    std::vector<chaos::Record::Overwrite> overwrites;  // since the last sync, oldest first
  };

  // `directory` exists. DataLoss if the journal is broken elsewhere than at its end.
  static absl::StatusOr<std::unique_ptr<ChaosJournal>> Open(const std::string& directory);
  ~ChaosJournal();
  ChaosJournal(const ChaosJournal&) = delete;
  ChaosJournal& operator=(const ChaosJournal&) = delete;

  absl::Status Append(const chaos::Record& record);
  // Forgets everything: all is durable now.
  absl::Status Clear();

  // Changes that a loss of power might undo, oldest first.
  const std::vector<chaos::DirectoryChange>& changes() const { return changes_; }
  // By inode.
  const std::map<uint64_t, File>& files() const { return files_; }
  const File* FindFile(uint64_t inode) const;
  // A number for what is removed next, never used before.
  uint64_t NewTrash() { return ++last_trash_; }
  // Trash that nothing can bring back any more, each once.
  std::vector<uint64_t> TakeObsoleteTrash();

 private:
  explicit ChaosJournal(std::string directory) : directory_(std::move(directory)) {}
  absl::Status Load();
  absl::Status Write(const chaos::Record& record);
  // Writes the state anew, in place of how it came about.
  absl::Status Rewrite();
  absl::Status WriteFileState(uint64_t inode, const File& file);
  void Apply(const chaos::Record& record);
  void SyncDirectory(uint64_t directory);
  std::string path() const { return directory_ + "/journal"; }

  const std::string directory_;
  int descriptor_ = -1;
  uint64_t bytes_ = 0;
  std::vector<chaos::DirectoryChange> changes_;
  std::map<uint64_t, File> files_;
  std::vector<uint64_t> obsolete_trash_;
  uint64_t last_trash_ = 0;
};

}  // namespace holdfast::faults

#endif  // FAULTS_CHAOS_JOURNAL_H_
