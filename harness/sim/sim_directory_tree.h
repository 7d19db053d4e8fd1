// The names of one simulated disk, directories and hard links to files: as written, and as a loss of power leaves them.
//
// Fault model: a change of names (create, link, unlink, rename, mkdir, rmdir) is one atomic entry of a journal. An
// fsync of a directory makes the changes in it durable, with the earlier ones that they stand on, and nothing else: not
// the directory's own name in its parent. A loss of power keeps any subset of the journal in which every change has
// those that it stands on:
// - a change stands on the earlier ones of its names;
// - the removal of a directory, on the removal of all that was in it;
// - a rename, on what was added to its target's directory before it, and if it comes from another directory, also on
//   the making of that directory. (Journaling file systems give more. RocksDB needs this much: it points CURRENT at a
//   MANIFEST whose name was never fsynced.)
// What cannot be reached from the root is gone. A hard link carries its inode and does not need the name it came from.
//
// Changes are made in two steps, Prepare (can it be done?) and Commit, so that a caller can stop in between without
// effect. Loop rule: single-threaded, no callbacks.

#ifndef HARNESS_SIM_SIM_DIRECTORY_TREE_H_
#define HARNESS_SIM_SIM_DIRECTORY_TREE_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "harness/sim/sim_file.h"
#include "rocksdb/io_status.h"

namespace holdfast::sim {

struct SimDirectory;
using FilePtr = std::shared_ptr<SimFile>;
using DirectoryPtr = std::shared_ptr<SimDirectory>;
// What a name stands for; std::monostate: nothing.
using Node = std::variant<std::monostate, FilePtr, DirectoryPtr>;
using Entries = std::map<std::string, Node, std::less<>>;

struct SimDirectory {
  uint64_t inode;
  Entries written;  // what every lookup sees
  Entries durable;  // what is left when none of the journal survives
};

class SimDirectoryTree {
 public:
  // One journal entry. Only this class looks inside.
  class Change {
   private:
    friend class SimDirectoryTree;
    struct EntryChange {
      DirectoryPtr directory;
      std::string name;
      Node node;
    };
    std::vector<EntryChange> entries;
    DirectoryPtr emptied;  // the directory that this change removes: its removals come first
    DirectoryPtr made;     // the new directory, if this is a mkdir
    DirectoryPtr entered;  // the directory of a rename's target: what was added to it comes first
    bool moves_directory_across =
        false;              // a directory gets another parent: such moves survive in order, or loops arise
    uint64_t identity = 0;  // hash of kind and paths, for the draws of a power loss
  };
  struct SourceAndTarget {
    std::string_view source;
    std::string_view target;
  };

  SimDirectoryTree();
  SimDirectoryTree(const SimDirectoryTree&) = delete;
  SimDirectoryTree& operator=(const SimDirectoryTree&) = delete;
  ~SimDirectoryTree();

  // Paths count from the root, with or without a leading slash; empty components are skipped.
  Node Find(std::string_view path) const;
  FilePtr FindFile(std::string_view path) const;            // null: no file of that name
  DirectoryPtr FindDirectory(std::string_view path) const;  // null: no directory of that name

  // On success `*change` can be committed, as long as nothing else was committed in between. A change that would alter
  // nothing (a rename between two names of one inode) is a success with no entries, see IsNoChange.
  rocksdb::IOStatus PrepareCreate(std::string_view path, Change* change);
  rocksdb::IOStatus PrepareMakeDirectory(std::string_view path, Change* change);
  rocksdb::IOStatus PrepareLink(SourceAndTarget paths, Change* change) const;
  rocksdb::IOStatus PrepareRename(SourceAndTarget paths, Change* change) const;
  rocksdb::IOStatus PrepareUnlink(std::string_view path, Change* change) const;
  rocksdb::IOStatus PrepareRemoveDirectory(std::string_view path, Change* change) const;
  static bool IsNoChange(const Change& change) { return change.entries.empty(); }
  void Commit(Change change);

  // fsync of a directory.
  void SyncDirectory(const SimDirectory& directory);
  // Strikes names and the content of files; afterwards everything that is left is durable.
  void LosePower(uint64_t seed);
  // Removes everything, durably.
  void Clear();

  // Changes that a loss of power might undo.
  size_t journal_size() const { return journal_.size(); }
  // Calls `visit` for each name below the root, in order of names; with the path from the root.
  void ForEach(const std::function<void(const std::string& path, const Node& node)>& visit) const;
  // Hash of all that decides the disk's future: names, contents, what of it is durable.
  uint64_t StateHash() const;

 private:
  // Pointers into the tree, good until the next commit.
  struct Location {
    const DirectoryPtr* directory;  // null: a component of the path is no directory
    std::string_view name;          // empty: the path is the root
    const Node* node;               // null: no such entry
  };
  // What the changes of an fsync stand on.
  struct Needs {
    std::vector<const SimDirectory*> directories;  // every change in them
    std::vector<const SimDirectory*> additions;    // every change that adds a name to one of them
    std::vector<const SimDirectory*> makings;      // the mkdir of each
    std::vector<const Change::EntryChange*> names;
    bool directory_moves = false;
  };

  struct Losses;

  Location Locate(std::string_view path) const;
  // The same, component by component.
  Location WalkTo(std::string_view path) const;
  static bool IsNeeded(const Change& change, const Needs& needs);
  static void AddNeeds(const Change& change, const SimDirectory& synced, Needs& needs);
  static void SetEntry(Entries& entries, const std::string& name, const Node& node);
  void RecountLinks();

  const DirectoryPtr root_;
  uint64_t next_inode_ = 2;
  // Changes in the order in which they were written, none of them in `durable` of any directory.
  std::vector<Change> journal_;
  // Directories that were found by their path, until any directory is made, moved or removed. Points into the tree.
  mutable absl::flat_hash_map<std::string, const DirectoryPtr*> parents_;
};

}  // namespace holdfast::sim

#endif  // HARNESS_SIM_SIM_DIRECTORY_TREE_H_
