// The real data directory of a chaos disk: changes of names and of synced bytes, each noted in the journal before it is
// done, so that ApplyPowerLoss can undo it.
//
// Files and directories are made in the disk's own directory, where their inode is learnt, and then moved to their
// place. What is removed or replaced moves to the trash until its removal is durable. Thread rule: any thread.

#ifndef FAULTS_CHAOS_NAMES_H_
#define FAULTS_CHAOS_NAMES_H_

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "faults/chaos_journal.h"
#include "rocksdb/io_status.h"

namespace holdfast::faults {

class ChaosNames {
 public:
  // `data_dir` is made if it is missing.
  static absl::StatusOr<std::unique_ptr<ChaosNames>> Open(const std::string& data_dir);

  // Below the data directory, and not the disk's own.
  bool IsInside(const std::string& path) const;
  const std::string& data_dir() const { return data_dir_; }

  using IOStatus = rocksdb::IOStatus;
  // Of a file. REQUIRES: nothing has that name.
  IOStatus Create(const std::string& path);
  IOStatus MakeDirectory(const std::string& path);
  struct SourceAndTarget {
    const std::string& source;
    const std::string& target;
  };
  IOStatus Link(SourceAndTarget paths);
  IOStatus Rename(SourceAndTarget paths);
  IOStatus Unlink(const std::string& path);
  IOStatus RemoveDirectory(const std::string& path);
  IOStatus SyncDirectory(uint64_t inode);

  // A file is about to be written to by a handle: from now on what is added to it is known to be unsynced.
  IOStatus NoteOpened(uint64_t inode, uint64_t bytes);
  IOStatus NoteSync(uint64_t inode, uint64_t bytes);
  IOStatus NoteFailedSync(uint64_t inode);
  struct FileRange {
    const std::string& path;
    uint64_t offset;
    uint64_t bytes;
  };
  // The range is about to be overwritten or cut off: keeps what of it is synced.
  IOStatus KeepOld(const FileRange& range);

 private:
  ChaosNames(std::string data_dir, std::unique_ptr<ChaosJournal> journal)
      : data_dir_(std::move(data_dir)), journal_(std::move(journal)) {}
  chaos::DirectoryChange NewChange(chaos::DirectoryChange::Kind kind, const std::string& path) const;
  IOStatus AddEntry(const std::string& path, bool adds, chaos::DirectoryChange* change) const;
  IOStatus Note(const chaos::Record& record);
  IOStatus Note(const chaos::DirectoryChange& change);
  IOStatus EmptyObsoleteTrash();

  const std::string data_dir_;
  std::mutex mutex_;
  const std::unique_ptr<ChaosJournal> journal_;
};

// Of what has this name; 0 if nothing has.
uint64_t InodeOf(const std::string& path);

}  // namespace holdfast::faults

#endif  // FAULTS_CHAOS_NAMES_H_
