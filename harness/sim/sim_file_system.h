// SimFileSystem: the disk of one simulated machine, in memory, as a rocksdb::FileSystem. The fault model:
//
// - The death of the process keeps what was written; a loss of power keeps what was synced. Both release locks.
// - Of an unsynced tail any part may survive, short, zero-filled or garbage (of a MANIFEST only a prefix); synced bytes
//   never change, as rot is a fault of its own, see FlipBits. Unsynced directory operations persist as any
//   dependency-closed subset; an unsynced unlink may come back; a new directory needs its parent's fsync.
//   sim_file.h and sim_directory_tree.h state these rules in full.
// - rename is atomic and never torn (RocksDB's CURRENT relies on it); onto a non-empty directory it fails.
// - After a failed fsync the dirty bytes may be lost although the next fsync succeeds.
// - The observer hears of each mutation before it takes effect and may let it fail, cut it short, lose it silently,
// send
//   it elsewhere, or end the incarnation: then the mutation and all that follows on the same stack have no effect, a
//   crash with a clean cut. It hears of each read, and may let it fail.
//
// Deterministic: no real clock, no thread, no order of pointers. Free space is NotSupported (else RocksDB starts
// recovery threads), and so are OPTIONS files: nothing reads them back, and a store opens in half the time without.
// Loop rule: single-threaded; the observer runs on the caller's stack.

#ifndef HARNESS_SIM_SIM_FILE_SYSTEM_H_
#define HARNESS_SIM_SIM_FILE_SYSTEM_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "harness/sim/sim_directory_tree.h"
#include "rocksdb/file_system.h"

namespace holdfast::sim {

enum class MutationKind : uint8_t {
  kCreate,
  kAppend,
  kWriteAt,
  kTruncate,
  kSync,
  kMakeDirectory,
  kRemoveDirectory,
  kSyncDirectory,
  kRename,
  kLink,
  kUnlink,
};
std::string_view MutationKindName(MutationKind kind);

struct Mutation {
  MutationKind kind;
  std::string_view path;
  std::string_view target;  // the new name, of kRename and kLink
  uint64_t bytes;           // to be written, of kAppend and kWriteAt; the new size, of kTruncate
  uint64_t count;           // mutations of this disk so far, this one included, over all incarnations
};

struct MutationVerdict {
  enum class Action : uint8_t {
    kProceed,
    kIOError,     // no effect; a failed sync moreover loses hold of the dirty bytes
    kShortWrite,  // only the first `bytes_written` are written, then an IOError; no effect on other kinds
    kNoSpace,     // no effect
    // Of writes only, others proceed. The process dies in the middle: `bytes_written` are written, then OnTorn kills
    // the incarnation.
    kTorn,
    // Of writes only, which are told that all went well; others proceed.
    kLost,         // the bytes read as zeros
    kMisdirected,  // the same, and they land in `other_path` from `other_offset` on, as far as that file goes
  };
  Action action = Action::kProceed;
  uint64_t bytes_written = 0;
  std::string other_path = {};
  uint64_t other_offset = 0;
};

// A look at the disk by the process (inspections are none).
struct DiskRead {
  enum class Kind : uint8_t { kOpen, kRead };
  Kind kind;
  std::string_view path;
};

// The one hook of crashes and disk faults. It may call KillHandles, PowerLoss and Restart of the file system it
// observes.
class MutationObserver {
 public:
  virtual ~MutationObserver() = default;
  virtual MutationVerdict OnMutation(const Mutation& mutation) = 0;
  // REQUIRES: the incarnation is dead afterwards.
  virtual void OnTorn() {}
  // False: the read fails with an IOError.
  virtual bool OnRead(const DiskRead&) { return true; }
};

// Reading, and refusing to write: the base of the live file system and of its read-only view.
class SimReadOnlyFileSystem : public rocksdb::FileSystem {
 public:
  explicit SimReadOnlyFileSystem(std::shared_ptr<SimDirectoryTree> tree) : tree_(std::move(tree)) {}

  const char* Name() const override { return "SimReadOnlyFileSystem"; }

  using IOStatus = rocksdb::IOStatus;
  using IOOptions = rocksdb::IOOptions;
  using FileOptions = rocksdb::FileOptions;
  using Debug = rocksdb::IODebugContext;

  IOStatus NewSequentialFile(const std::string& path, const FileOptions& options,
                             std::unique_ptr<rocksdb::FSSequentialFile>* result, Debug* debug) override;
  IOStatus NewRandomAccessFile(const std::string& path, const FileOptions& options,
                               std::unique_ptr<rocksdb::FSRandomAccessFile>* result, Debug* debug) override;
  IOStatus FileExists(const std::string& path, const IOOptions& options, Debug* debug) override;
  IOStatus GetChildren(const std::string& path, const IOOptions& options, std::vector<std::string>* result,
                       Debug* debug) override;
  IOStatus GetFileSize(const std::string& path, const IOOptions& options, uint64_t* size, Debug* debug) override;
  IOStatus GetFileModificationTime(const std::string& path, const IOOptions& options, uint64_t* time_s,
                                   Debug* debug) override;
  IOStatus NumFileLinks(const std::string& path, const IOOptions& options, uint64_t* count, Debug* debug) override;
  IOStatus AreFilesSame(const std::string& first, const std::string& second, const IOOptions& options, bool* same,
                        Debug* debug) override;
  IOStatus IsDirectory(const std::string& path, const IOOptions& options, bool* is_directory, Debug* debug) override;
  IOStatus GetAbsolutePath(const std::string& path, const IOOptions& options, std::string* result,
                           Debug* debug) override;
  IOStatus NewLogger(const std::string& path, const IOOptions& options, std::shared_ptr<rocksdb::Logger>* result,
                     Debug* debug) override;
  IOStatus GetFreeSpace(const std::string& path, const IOOptions& options, uint64_t* free_bytes, Debug* debug) override;

  IOStatus NewWritableFile(const std::string& path, const FileOptions& options,
                           std::unique_ptr<rocksdb::FSWritableFile>* result, Debug* debug) override;
  IOStatus NewDirectory(const std::string& path, const IOOptions& options,
                        std::unique_ptr<rocksdb::FSDirectory>* result, Debug* debug) override;
  IOStatus DeleteFile(const std::string& path, const IOOptions& options, Debug* debug) override;
  IOStatus CreateDir(const std::string& path, const IOOptions& options, Debug* debug) override;
  IOStatus CreateDirIfMissing(const std::string& path, const IOOptions& options, Debug* debug) override;
  IOStatus DeleteDir(const std::string& path, const IOOptions& options, Debug* debug) override;
  IOStatus RenameFile(const std::string& source, const std::string& target, const IOOptions& options,
                      Debug* debug) override;
  IOStatus LockFile(const std::string& path, const IOOptions& options, rocksdb::FileLock** lock, Debug* debug) override;
  IOStatus UnlockFile(rocksdb::FileLock* lock, const IOOptions& options, Debug* debug) override;
  IOStatus GetTestDirectory(const IOOptions& options, std::string* path, Debug* debug) override;

  // An error for handles and calls of an incarnation that is dead.
  virtual IOStatus CheckAlive(uint64_t incarnation) const;
  // An error for a read that is to fail.
  virtual IOStatus AdmitRead(const DiskRead& read) const;
  uint64_t incarnation() const { return incarnation_; }

 protected:
  const std::shared_ptr<SimDirectoryTree> tree_;
  // Grows with each restart of the machine.
  uint64_t incarnation_ = 1;
};

class SimFileSystem final : public SimReadOnlyFileSystem {
 public:
  // `now_us` is the machine's virtual time in microseconds.
  explicit SimFileSystem(std::function<uint64_t()> now_us);
  ~SimFileSystem() override;

  const char* Name() const override { return "SimFileSystem"; }

  // --- The machine's life. Objects of the dead incarnation (stores, handles) may be destroyed any time after its end;
  // what they still ask for after a Restart by path, not by handle, would count as the new incarnation's, so:
  // REQUIRES of Restart: the dead incarnation's stores are destroyed.

  // The process dies: its handles, and every call until Restart, fail without effect. What was written stays.
  void KillHandles();
  // The machine loses power (which kills the process, if it lives): what was not synced meets its fate.
  void PowerLoss(uint64_t seed);
  // Everything on the disk is gone, as after its replacement by an empty one. REQUIRES: !alive().
  void Wipe();
  // A new incarnation may use the disk.
  void Restart();
  bool alive() const { return alive_; }

  // --- Crash points and disk faults. The observer must outlive its stay; null: none.
  void SetObserver(MutationObserver* observer) { observer_ = observer; }
  uint64_t mutation_count() const { return mutation_count_; }
  // Rot of data at rest: flips the bits of `mask` in one byte of a file.
  absl::Status FlipBits(std::string_view path, uint64_t offset, uint8_t mask);
  struct FileSize {
    std::string path;
    uint64_t bytes;
  };
  // Every name of a file, in order.
  std::vector<FileSize> ListFiles() const;

  // --- Inspection: no effects, not observed, works whether the machine lives or not.
  struct FileInfo {
    uint64_t inode;
    uint64_t link_count;
    uint64_t size;
    uint64_t version;       // grows with each change of the content
    uint64_t content_hash;  // computed once a version
    bool durable;           // the content is safe from a loss of power (its names need not be)
  };
  bool Exists(std::string_view path) const;
  bool HasDirectory(std::string_view path) const;
  // Names in order.
  absl::StatusOr<std::vector<std::string>> ListDirectory(std::string_view path) const;
  // The view is good until the next mutation of the file.
  absl::StatusOr<std::string_view> ReadFile(std::string_view path) const;
  absl::StatusOr<FileInfo> Stat(std::string_view path) const;
  struct DurableBytes {
    uint64_t size = 0;
    uint64_t durable = 0;  // how many of the first ones are safe, if the file is only ever appended to
  };
  // nullopt: no file of that name.
  std::optional<DurableBytes> DurableSize(std::string_view path) const;
  uint64_t TotalBytes() const;
  // Hash of everything that decides the disk's future, durable or not.
  uint64_t StateHash() const { return tree_->StateHash(); }
  // Changes of names that a loss of power might undo.
  size_t UnsyncedNameChanges() const { return tree_->journal_size(); }
  // A file system on the same files for inspecting a store with DB::OpenForReadOnly: every mutation is NotSupported,
  // and it neither dies with the machine nor is observed. It may outlive this object.
  std::shared_ptr<rocksdb::FileSystem> NewReadOnlyView() const;

  // --- rocksdb::FileSystem, what mutates.
  IOStatus NewWritableFile(const std::string& path, const FileOptions& options,
                           std::unique_ptr<rocksdb::FSWritableFile>* result, Debug* debug) override;
  IOStatus ReopenWritableFile(const std::string& path, const FileOptions& options,
                              std::unique_ptr<rocksdb::FSWritableFile>* result, Debug* debug) override;
  IOStatus NewRandomRWFile(const std::string& path, const FileOptions& options,
                           std::unique_ptr<rocksdb::FSRandomRWFile>* result, Debug* debug) override;
  IOStatus NewDirectory(const std::string& path, const IOOptions& options,
                        std::unique_ptr<rocksdb::FSDirectory>* result, Debug* debug) override;
  IOStatus DeleteFile(const std::string& path, const IOOptions& options, Debug* debug) override;
  IOStatus Truncate(const std::string& path, size_t size, const IOOptions& options, Debug* debug) override;
  IOStatus CreateDir(const std::string& path, const IOOptions& options, Debug* debug) override;
  IOStatus CreateDirIfMissing(const std::string& path, const IOOptions& options, Debug* debug) override;
  IOStatus DeleteDir(const std::string& path, const IOOptions& options, Debug* debug) override;
  IOStatus RenameFile(const std::string& source, const std::string& target, const IOOptions& options,
                      Debug* debug) override;
  IOStatus LinkFile(const std::string& source, const std::string& target, const IOOptions& options,
                    Debug* debug) override;
  IOStatus LockFile(const std::string& path, const IOOptions& options, rocksdb::FileLock** lock, Debug* debug) override;
  IOStatus UnlockFile(rocksdb::FileLock* lock, const IOOptions& options, Debug* debug) override;

  IOStatus CheckAlive(uint64_t incarnation) const override;
  IOStatus AdmitRead(const DiskRead& read) const override;

  // --- For the handles of open files: the same checks and the same hook.
  IOStatus WriteFile(const FilePtr& file, std::string_view path, uint64_t offset, std::string_view data);
  IOStatus TruncateFile(const FilePtr& file, std::string_view path, uint64_t size);
  IOStatus SyncFile(const FilePtr& file, std::string_view path);
  IOStatus SyncDirectory(const DirectoryPtr& directory, std::string_view path);

 private:
  // Asks the observer. Not ok: the mutation has no effect (see kShortWrite for the exception, left in `*verdict`).
  IOStatus Admit(Mutation mutation, MutationVerdict* verdict);
  IOStatus Admit(Mutation mutation);
  IOStatus AdmitAndCommit(IOStatus prepared, SimDirectoryTree::Change change, Mutation mutation);
  IOStatus OpenForWriting(const std::string& path, FilePtr* file);

  const std::function<uint64_t()> now_us_;
  bool alive_ = true;
  MutationObserver* observer_ = nullptr;
  uint64_t mutation_count_ = 0;
  // Path of each locked file, with the incarnation that holds it. Invariant: only the current incarnation's.
  std::map<std::string, uint64_t> locks_;
};

}  // namespace holdfast::sim

#endif  // HARNESS_SIM_SIM_FILE_SYSTEM_H_
