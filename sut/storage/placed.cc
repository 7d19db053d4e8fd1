#include "sut/storage/placed.h"

#include <algorithm>
#include <memory>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "rocksdb/db.h"
#include "sut/storage/checkpoint.h"
#include "sut/storage/crc32c.h"
#include "sut/storage/directory.h"
#include "sut/storage/rocksdb_calls.h"
#include "sut/storage/rocksdb_options.h"
#include "sut/storage/tablet_store.h"

namespace sut {
namespace {

void AddSized(std::string_view bytes, std::string* to) {
  for (size_t i = 0; i < sizeof(uint32_t); ++i) to->push_back(static_cast<char>(bytes.size() >> (8 * i)));
  to->append(bytes);
}

absl::Status DigestRows(const StorageSeam& seam, const std::string& directory, SnapshotContents* contents) {
  const absl::StatusOr<OpenedStore> opened = OpenStoreReadOnly(TabletStoreOptions(seam), directory);
  if (!opened.ok()) return opened.status();
  const auto [begin, end] = KeySpaceRange(KeySpace::kRow);
  const rocksdb::Slice upper_bound(end);
  rocksdb::ReadOptions options;
  options.iterate_upper_bound = &upper_bound;
  const std::unique_ptr<rocksdb::Iterator> it(opened->db->NewIterator(options));
  std::string row;
  for (it->Seek(begin); it->Valid(); it->Next()) {
    row.clear();
    AddSized(it->key().ToStringView(), &row);
    AddSized(it->value().ToStringView(), &row);
    contents->rows_crc32c = ExtendCrc32c(contents->rows_crc32c, row);
    ++contents->rows;
  }
  return FromRocksdb(it->status(), absl::StrCat("read of ", directory));
}

bool SameOp(const proto::OpId& a, const proto::OpId& b) { return a.term() == b.term() && a.index() == b.index(); }

std::string Shown(const std::string& id) {
  const auto parts = ParseUuidBytes(id);
  return parts.ok() ? UuidHex(parts->first, parts->second) : "(malformed)";
}

}  // namespace

absl::StatusOr<SnapshotContents> InspectSnapshotDirectory(const StorageSeam& seam, const std::string& directory) {
  auto metadata = VerifySnapshot(seam, directory);
  if (!metadata.ok()) return metadata.status();
  SnapshotContents contents;
  contents.metadata = *std::move(metadata);
  if (absl::Status status = DigestRows(seam, directory, &contents); !status.ok()) return status;
  return contents;
}

absl::Status CheckPlaced(const SnapshotContents& contents, const PlacedExpectation& expected, BugSet bugs) {
  const proto::SnapshotMetadata& metadata = contents.metadata;
  const proto::SnapshotSource& source = expected.source;
  if (metadata.snapshot() != source.snapshot()) {
    return absl::DataLossError(
        absl::StrCat("it is of snapshot ", Shown(metadata.snapshot()), ", not of ", Shown(source.snapshot())));
  }
  if (metadata.tablet() != source.tablet()) {
    return absl::DataLossError(
        absl::StrCat("it is of tablet ", Shown(metadata.tablet()), ", not of ", Shown(source.tablet())));
  }
  const bool other_bounds = metadata.hash_begin() != expected.hash_begin || metadata.hash_end() != expected.hash_end;
  if (other_bounds && !bugs.has(Bug::kImportPairsByPosition)) {
    return absl::DataLossError("its partition bounds are others");
  }
  if (!SameOp(metadata.op(), source.op())) return absl::DataLossError("it was made at another log position");
  if (contents.rows != source.rows() || contents.rows_crc32c != source.rows_crc32c()) {
    return absl::DataLossError("its rows are not those that were exported");
  }
  return absl::OkStatus();
}

bool IsPlaced(const StorageSeam& seam, const std::string& directory, SnapshotId id) {
  const auto metadata = ReadMetadata(seam, directory);
  return metadata.ok() && metadata->snapshot() != Bytes(id);
}

absl::Status RemovePlaced(const StorageSeam& seam, const ReplicaLayout& layout, const std::vector<SnapshotId>& ids) {
  if (ids.empty()) return absl::OkStatus();
  auto names = ListDirectory(seam, layout.snapshots());
  if (!names.ok()) return names.status();
  for (const SnapshotId id : ids) {
    if (std::find(names->begin(), names->end(), Hex(id)) == names->end()) continue;
    if (!IsPlaced(seam, layout.snapshot(id), id)) continue;
    if (absl::Status status = RemoveTree(seam, layout.snapshot(id)); !status.ok()) return status;
  }
  return absl::OkStatus();
}

Adoption::Adoption(const StorageSeam& seam, const ReplicaLayout& layout, proto::SnapshotMetadata metadata,
                   proto::SnapshotSource source, BugSet bugs)
    : seam_(seam),
      parent_(layout.snapshots()),
      final_path_(layout.snapshot(IdFromBytes<SnapshotId>(metadata.snapshot()).value())),
      tmp_path_(layout.snapshot_tmp(IdFromBytes<SnapshotId>(metadata.snapshot()).value())),
      metadata_(std::move(metadata)),
      source_(std::move(source)),
      bugs_(bugs) {}

bool Adoption::IsAdopted(const proto::SnapshotMetadata& present) const {
  return present.snapshot() == metadata_.snapshot() && present.tablet() == metadata_.tablet() &&
         SameOp(present.op(), metadata_.op());
}

absl::Status Adoption::Verify() {
  const auto contents = InspectSnapshotDirectory(seam_, final_path_);
  if (!contents.ok()) return contents.status();
  adopted_ = IsAdopted(contents->metadata);
  if (!adopted_) {
    const absl::Status status = CheckPlaced(*contents, {source_, metadata_.hash_begin(), metadata_.hash_end()}, bugs_);
    if (!status.ok()) return absl::Status(status.code(), absl::StrCat(final_path_, ": ", status.message()));
    *metadata_.mutable_files() = contents->metadata.files();
  }
  // Who placed it need not have synced anything; and the process may have died between the rename and its fsync.
  if (absl::Status status = SyncFiles(seam_, final_path_); !status.ok()) return status;
  return SyncDirectory(seam_, parent_);
}

absl::Status Adoption::WriteMetadata() {
  if (adopted_) return absl::OkStatus();
  if (absl::Status status = RemoveTree(seam_, tmp_path_); !status.ok()) return status;
  if (absl::Status status = CreateDirectoryChain(seam_, tmp_path_); !status.ok()) return status;
  if (absl::Status status = WriteMetadataAsGiven(seam_, tmp_path_, metadata_); !status.ok()) return status;
  return SyncFiles(seam_, tmp_path_);
}

absl::Status Adoption::Publish() {
  if (!adopted_) {
    const std::string from = absl::StrCat(tmp_path_, "/", kSnapshotMetadataFile);
    const std::string to = absl::StrCat(final_path_, "/", kSnapshotMetadataFile);
    const rocksdb::Status renamed = seam_.env->RenameFile(from, to);
    if (!renamed.ok()) return FromRocksdb(renamed, absl::StrCat("rename to ", to));
    if (absl::Status status = SyncDirectory(seam_, final_path_); !status.ok()) return status;
  }
  return RemoveTree(seam_, tmp_path_);
}

}  // namespace sut
