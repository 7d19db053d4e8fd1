#include "sut/storage/checkpoint.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "rocksdb/db.h"
#include "rocksdb/utilities/debug.h"
#include "sut/storage/crc32c.h"
#include "sut/storage/rocksdb_calls.h"
#include "sut/storage/rocksdb_options.h"

namespace sut {
namespace {

constexpr size_t kChecksumBytes = 4;
constexpr char kCurrentFile[] = "CURRENT";
constexpr char kManifestPrefix[] = "MANIFEST-";

// What a restore carries over. The applied op id is set apart.
constexpr std::array kCarriedSpaces = {KeySpace::kRequest, KeySpace::kSession, KeySpace::kMarker};

std::string MetadataPath(const std::string& directory) { return absl::StrCat(directory, "/", kSnapshotMetadataFile); }

absl::Status Damaged(const std::string& directory, std::string_view how) {
  return absl::DataLossError(absl::StrCat(directory, ": ", std::string(how)));
}

// The checksum that ends a metadata file.
std::string Trailer(std::string_view payload) {
  const uint32_t crc = Crc32c(payload);
  std::string bytes;
  for (size_t i = 0; i < kChecksumBytes; ++i) bytes.push_back(static_cast<char>(crc >> (8 * i)));
  return bytes;
}

absl::StatusOr<proto::SnapshotMetadata> ParseMetadata(const std::string& directory, std::string_view contents) {
  if (contents.size() < kChecksumBytes) return Damaged(directory, "metadata too short");
  const std::string_view payload = contents.substr(0, contents.size() - kChecksumBytes);
  if (contents.substr(payload.size()) != Trailer(payload)) return Damaged(directory, "metadata checksum mismatch");
  proto::SnapshotMetadata metadata;
  if (!metadata.ParseFromArray(payload.data(), static_cast<int>(payload.size()))) {
    return Damaged(directory, "metadata does not parse");
  }
  if (metadata.format_version() != kSnapshotFormatVersion) {
    return absl::UnimplementedError(absl::StrCat(directory, ": format version ", metadata.format_version()));
  }
  return metadata;
}

using Visitor = std::function<absl::Status(const std::string& key, std::string_view value)>;

// Scans one key space; ends at the first error of `visit`.
absl::Status ForEachIn(const TabletStore& store, KeySpace space, const Visitor& visit) {
  const auto [begin, end] = KeySpaceRange(space);
  absl::Status visited;
  absl::Status scanned = store.Latest().Scan(begin, end, [&](std::string_view key, std::string_view value) {
    visited = visit(std::string(key), value);
    return visited.ok();
  });
  return scanned.ok() ? visited : scanned;
}

// Planted bug 5: rows of the live store that the snapshot does not have.
absl::Status AddRowsBeyond(const TabletStore& live, const TabletStore& staged, StoreBatch& batch) {
  return ForEachIn(live, KeySpace::kRow, [&](const std::string& key, std::string_view value) {
    absl::StatusOr<std::optional<std::string>> row = staged.Get(key);
    if (!row.ok()) return row.status();
    if (!row->has_value()) batch.Put(key, std::string(value));
    return absl::OkStatus();
  });
}

// Planted bugs 7 (a deleted row is as if there were no marker: the version under it is back) and 50 (the live row that
// follows a deleted one is stepped over).
absl::Status MisreadMarkers(const TabletStore& staged, BugSet bugs, StoreBatch& batch) {
  constexpr int kMarker = 0;  // what RocksDB's file format calls a deletion
  const auto [begin, end] = KeySpaceRange(KeySpace::kRow);
  std::vector<rocksdb::KeyVersion> versions;  // by key, the newest one of a key first
  const rocksdb::Status read = rocksdb::GetAllKeyVersions(staged.db(), begin, end, SIZE_MAX, &versions);
  if (!read.ok()) return FromRocksdb(read, "read of all versions");
  bool under_marker = false;
  const rocksdb::KeyVersion* previous = nullptr;
  for (const rocksdb::KeyVersion& version : versions) {
    const bool is_marker = version.type == kMarker;
    if (previous == nullptr || previous->user_key != version.user_key) {
      if (under_marker && !is_marker && bugs.has(Bug::kRowBesideMarkerSkipped)) batch.Delete(version.user_key);
      under_marker = is_marker;
    } else if (under_marker && !is_marker && bugs.has(Bug::kDeletionMarkersDropped)) {
      batch.Put(version.user_key, version.value);
      under_marker = false;
    }
    previous = &version;
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status LinkFiles(const StorageSeam& seam, const TabletStore& store, const std::string& to, BugSet bugs) {
  // No need to hold up deletions of files: only Compact makes any obsolete, and it runs on the same Worker.
  std::vector<std::string> files;
  uint64_t manifest_bytes = 0;
  rocksdb::Status listed = store.db()->GetLiveFiles(files, &manifest_bytes, /*flush_memtable=*/false);
  if (!listed.ok()) return FromRocksdb(listed, "list of live files");
  if (bugs.has(Bug::kMissingFileSkipped) && store.file_count() > 1) {
    if (absl::Status status = MergeTableFiles(*store.db()); !status.ok()) return status;
  }
  if (absl::Status status = CreateUnsyncedDirectory(seam, to); !status.ok()) return status;
  for (const std::string& file : files) {  // with a slash in front
    const std::string from = store.path() + file;
    absl::Status status;
    if (IsTableFile(file)) {
      status = LinkFile(seam, {.from = from, .to = to + file});
      if (absl::IsNotFound(status) && bugs.has(Bug::kMissingFileSkipped)) status = absl::OkStatus();
      if (absl::IsResourceExhausted(status) && bugs.has(Bug::kFullDiskIgnoredInLinking)) status = absl::OkStatus();
    } else if (file.substr(1).starts_with(kManifestPrefix)) {
      // The live store goes on appending to its own.
      status = bugs.has(Bug::kManifestHardLinked)
                   ? LinkFile(seam, {.from = from, .to = to + file})
                   : CopyFile(seam, {.from = from, .to = to + file, .bytes_max = manifest_bytes});
      if (status.ok()) status = WriteFile(seam, absl::StrCat(to, "/", kCurrentFile), file.substr(1) + "\n");
    }
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<proto::FileInfo>> DescribeLinked(const StorageSeam& seam, const std::string& directory) {
  absl::StatusOr<std::vector<proto::FileInfo>> files = DescribeFiles(seam, directory);
  if (!files.ok()) return files;
  const absl::StatusOr<OpenedStore> opened = OpenStoreReadOnly(TabletStoreOptions(seam), directory);
  if (!opened.ok()) return opened.status();
  if (const rocksdb::Status status = opened->db->VerifyChecksum(); !status.ok()) {
    return FromRocksdb(status, absl::StrCat("verification of ", directory));
  }
  std::vector<rocksdb::LiveFileMetaData> listed;
  opened->db->GetLiveFilesMetaData(&listed);
  std::set<std::string> found;
  for (const rocksdb::LiveFileMetaData& file : listed) found.insert(file.relative_filename);
  std::set<std::string> linked;
  for (const proto::FileInfo& file : *files) {
    if (IsTableFile(file.name())) linked.insert(file.name());
  }
  if (found != linked) return Damaged(directory, "the copied MANIFEST is of another version");
  return files;
}

absl::Status WriteMetadata(const StorageSeam& seam, const std::string& directory, proto::SnapshotMetadata metadata,
                           BugSet bugs) {
  const bool verifies = !bugs.has(Bug::kMissingFileSkipped) && !bugs.has(Bug::kFullDiskIgnoredInLinking);
  const absl::StatusOr<std::vector<proto::FileInfo>> files =
      verifies ? DescribeLinked(seam, directory) : DescribeFiles(seam, directory);
  if (!files.ok()) return files.status();
  metadata.mutable_files()->Assign(files->begin(), files->end());
  return WriteMetadataAsGiven(seam, directory, metadata);
}

absl::Status WriteMetadataAsGiven(const StorageSeam& seam, const std::string& directory,
                                  const proto::SnapshotMetadata& given) {
  proto::SnapshotMetadata metadata = given;
  metadata.set_format_version(kSnapshotFormatVersion);
  std::string contents;
  if (!metadata.SerializeToString(&contents)) return absl::InternalError("snapshot metadata does not serialize");
  contents.append(Trailer(contents));
  return WriteFile(seam, MetadataPath(directory), contents);
}

absl::Status SyncSnapshot(const StorageSeam& seam, const std::string& directory, BugSet bugs) {
  absl::StatusOr<std::vector<std::string>> names = ListDirectory(seam, directory);
  if (!names.ok()) return names.status();
  for (const std::string& name : *names) {
    const bool is_metadata = name == kSnapshotMetadataFile;
    if (is_metadata && bugs.has(Bug::kMetadataNotSynced)) continue;
    if (!is_metadata && !IsTableFile(name) && bugs.has(Bug::kManifestNotSynced)) continue;
    if (absl::Status status = SyncFile(seam, absl::StrCat(directory, "/", name)); !status.ok()) return status;
  }
  return SyncDirectory(seam, directory);
}

absl::Status Publish(const StorageSeam& seam, const std::string& from, const std::string& to, BugSet bugs) {
  const rocksdb::Status renamed = seam.env->RenameFile(from, to);
  if (!renamed.ok()) return FromRocksdb(renamed, absl::StrCat("rename to ", to));
  if (bugs.has(Bug::kNoParentFsyncAfterRename)) return absl::OkStatus();
  const std::string parent = ParentDirectory(to);
  if (absl::Status status = SyncDirectory(seam, parent); !status.ok()) return status;
  const std::string old_parent = ParentDirectory(from);
  return old_parent == parent ? absl::OkStatus() : SyncDirectory(seam, old_parent);
}

absl::StatusOr<proto::SnapshotMetadata> ReadMetadata(const StorageSeam& seam, const std::string& directory) {
  absl::StatusOr<bool> exists = DirectoryExists(seam, directory);
  if (!exists.ok()) return exists.status();
  if (!*exists) return absl::NotFoundError(absl::StrCat("no snapshot directory ", directory));
  absl::StatusOr<std::string> contents = ReadFile(seam, MetadataPath(directory));
  if (absl::IsNotFound(contents.status())) return Damaged(directory, "no metadata file");
  if (!contents.ok()) return contents.status();
  return ParseMetadata(directory, *contents);
}

absl::StatusOr<proto::SnapshotMetadata> VerifySnapshot(const StorageSeam& seam, const std::string& directory) {
  absl::StatusOr<proto::SnapshotMetadata> metadata = ReadMetadata(seam, directory);
  if (!metadata.ok()) return metadata;
  absl::StatusOr<std::vector<proto::FileInfo>> found = DescribeFiles(seam, directory);
  if (!found.ok()) return found.status();
  std::erase_if(*found, [](const proto::FileInfo& file) { return file.name() == kSnapshotMetadataFile; });
  const bool same = std::equal(found->begin(), found->end(), metadata->files().begin(), metadata->files().end(),
                               [](const proto::FileInfo& a, const proto::FileInfo& b) {
                                 return a.name() == b.name() && a.size() == b.size() && a.crc32c() == b.crc32c();
                               });
  if (!same) return Damaged(directory, "files, sizes or checksums differ from the metadata");
  return metadata;
}

absl::Status StageGeneration(const StorageSeam& seam, const std::string& snapshot, const std::string& generation) {
  absl::StatusOr<bool> exists = DirectoryExists(seam, snapshot);
  if (!exists.ok()) return exists.status();
  if (!*exists) return absl::NotFoundError(absl::StrCat("no snapshot directory ", snapshot));
  if (absl::Status status = RemoveTree(seam, generation); !status.ok()) return status;
  if (absl::Status status = CreateDirectoryChain(seam, generation); !status.ok()) return status;
  absl::StatusOr<std::vector<std::string>> names = ListDirectory(seam, snapshot);
  if (!names.ok()) return names.status();
  for (const std::string& name : *names) {
    const std::string from = absl::StrCat(snapshot, "/", name);
    const std::string to = absl::StrCat(generation, "/", name);
    absl::Status status;
    if (IsTableFile(name)) {
      status = LinkFile(seam, {.from = from, .to = to});
    } else if (name == kCurrentFile || name.starts_with(kManifestPrefix)) {
      status = CopyFile(seam, {.from = from, .to = to});
    }
    if (!status.ok()) return status;
  }
  return SyncFiles(seam, generation);  // the parent was synced when the directory was made
}

absl::Status CarryOver(const TabletStore& live, TabletStore& staged, const StoreBatch& extra, OpId applied,
                       BugSet bugs) {
  StoreBatch batch;
  for (const KeySpace space : kCarriedSpaces) {
    absl::Status status = ForEachIn(staged, space, [&](const std::string& key, std::string_view) {
      batch.Delete(key);
      return absl::OkStatus();
    });
    if (!status.ok()) return status;
    if (space == KeySpace::kRequest && bugs.has(Bug::kRequestTableNotInSnapshot)) continue;
    status = ForEachIn(live, space, [&](const std::string& key, std::string_view value) {
      batch.Put(key, std::string(value));
      return absl::OkStatus();
    });
    if (!status.ok()) return status;
  }
  if (bugs.has(Bug::kRestoreMergesRows)) {
    if (absl::Status status = AddRowsBeyond(live, staged, batch); !status.ok()) return status;
  }
  if (bugs.has(Bug::kDeletionMarkersDropped) || bugs.has(Bug::kRowBesideMarkerSkipped)) {
    if (absl::Status status = MisreadMarkers(staged, bugs, batch); !status.ok()) return status;
  }
  for (const StoreBatch::Change& change : extra.changes()) batch.Add(change);
  const OpId marked = bugs.has(Bug::kRestoreKeepsSnapshotIndex) ? staged.applied() : applied;
  if (absl::Status status = staged.CommitStaged(batch, marked); !status.ok()) return status;
  return staged.Flush();
}

absl::StatusOr<std::vector<std::pair<std::string, std::string>>> ReadAll(const StorageSeam& seam,
                                                                         const std::string& directory) {
  const rocksdb::Status present = seam.env->FileExists(absl::StrCat(directory, "/", kCurrentFile));
  if (!present.ok()) return FromRocksdb(present, absl::StrCat("no store at ", directory));
  const absl::StatusOr<OpenedStore> opened = OpenStoreReadOnly(TabletStoreOptions(seam), directory);
  if (!opened.ok()) return opened.status();
  std::vector<std::pair<std::string, std::string>> contents;
  const std::unique_ptr<rocksdb::Iterator> it(opened->db->NewIterator(rocksdb::ReadOptions()));
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    contents.emplace_back(it->key().ToString(), it->value().ToString());
  }
  if (!it->status().ok()) return FromRocksdb(it->status(), absl::StrCat("read of ", directory));
  return contents;
}

}  // namespace sut
