#include "sut/backup/export_file.h"

#include <set>

#include "absl/strings/str_cat.h"
#include "sut/base/ids.h"
#include "sut/storage/crc32c.h"
#include "sut/tablet/partition.h"

namespace sut {
namespace {

constexpr std::string_view kMagic = "SUTSNAP\n";
constexpr size_t kHeaderBytes = 8 + 4 + 8;
constexpr size_t kTrailerBytes = 4;

void AppendNumber(uint64_t number, size_t bytes, std::string* to) {
  for (size_t i = 0; i < bytes; ++i) to->push_back(static_cast<char>(number >> (8 * i)));
}

uint64_t NumberAt(std::string_view bytes, size_t offset, size_t count) {
  uint64_t number = 0;
  for (size_t i = 0; i < count; ++i) number |= uint64_t{static_cast<uint8_t>(bytes[offset + i])} << (8 * i);
  return number;
}

bool IsId(const std::string& bytes) {
  const auto id = ParseUuidBytes(bytes);
  return id.ok() && (id->first != 0 || id->second != 0);
}

absl::Status Damaged(std::string_view how) {
  return absl::DataLossError(absl::StrCat("the snapshot file is damaged: ", std::string(how)));
}

absl::Status CheckTablets(const proto::SnapshotExport::Table& table, const std::string& snapshot,
                          std::set<std::string>* seen) {
  uint32_t covered = 0;
  for (const auto& tablet : table.tablets()) {
    if (!IsId(tablet.id()) || !seen->insert(tablet.id()).second) return Damaged("a tablet's id is not valid");
    if (tablet.hash_begin() != covered || tablet.hash_end() <= covered || tablet.hash_end() > kHashSpace) {
      return Damaged("the partitions of a table leave a gap or overlap");
    }
    covered = tablet.hash_end();
    const proto::SnapshotSource& source = tablet.source();
    // A snapshot that was itself imported has directories of its own since it was adopted.
    if (source.snapshot() != snapshot || source.tablet() != tablet.id() || source.op().index() == 0) {
      return Damaged("a tablet's part of the snapshot is not described");
    }
  }
  return covered == kHashSpace ? absl::OkStatus() : Damaged("the partitions of a table leave a gap or overlap");
}

absl::Status Check(const proto::SnapshotExport& payload) {
  if (!IsId(payload.snapshot())) return Damaged("the snapshot's id is not valid");
  if (payload.state() != proto::SnapshotInfo::COMPLETE) return Damaged("the snapshot is not COMPLETE");
  if (payload.tables().empty()) return Damaged("it names no table");
  std::set<std::string> tables, tablets;
  for (const auto& table : payload.tables()) {
    if (!IsId(table.id()) || !tables.insert(table.id()).second) return Damaged("a table's id is not valid");
    if (!IsId(table.keyspace().id())) return Damaged("a keyspace's id is not valid");
    if (table.name().empty() || table.keyspace().name().empty()) return Damaged("a name is empty");
    if (absl::Status status = CheckTablets(table, payload.snapshot(), &tablets); !status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> EncodeExport(const proto::SnapshotExport& payload) {
  if (absl::Status status = Check(payload); !status.ok()) return absl::InvalidArgumentError(status.message());
  const std::string body = payload.SerializeAsString();
  std::string bytes(kMagic);
  AppendNumber(kExportFormatVersion, 4, &bytes);
  AppendNumber(body.size(), 8, &bytes);
  bytes.append(body);
  AppendNumber(Crc32c(bytes), 4, &bytes);
  return bytes;
}

absl::StatusOr<proto::SnapshotExport> DecodeExport(std::string_view bytes) {
  const std::string_view magic = bytes.substr(0, kMagic.size());
  if (magic.empty() || magic != kMagic.substr(0, magic.size())) {
    return absl::DataLossError("it is not a snapshot file");
  }
  if (bytes.size() < kHeaderBytes + kTrailerBytes) return absl::DataLossError("the snapshot file is truncated");
  const uint64_t length = NumberAt(bytes, kMagic.size() + 4, 8);
  const uint64_t present = bytes.size() - kHeaderBytes - kTrailerBytes;
  if (length > present) return absl::DataLossError("the snapshot file is truncated");
  if (length < present) return Damaged("there is more after its end");
  const std::string_view sealed = bytes.substr(0, bytes.size() - kTrailerBytes);
  if (NumberAt(bytes, sealed.size(), kTrailerBytes) != Crc32c(sealed)) return Damaged("its checksum is wrong");
  const uint64_t version = NumberAt(bytes, kMagic.size(), 4);
  if (version != kExportFormatVersion) {
    return absl::UnimplementedError(absl::StrCat("the snapshot file has format version ", version, ", only version ",
                                                 kExportFormatVersion, " is known"));
  }
  proto::SnapshotExport payload;
  const std::string_view body = sealed.substr(kHeaderBytes);
  if (!payload.ParseFromArray(body.data(), static_cast<int>(body.size()))) return Damaged("it does not parse");
  if (absl::Status status = Check(payload); !status.ok()) return status;
  return payload;
}

}  // namespace sut
