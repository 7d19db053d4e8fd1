// The file that describes an exported snapshot, so that another table or cluster can import it.
//
//   8 bytes   magic, "SUTSNAP\n"
//   4 bytes   format version, little endian
//   8 bytes   length of the payload, little endian
//   ...       payload: proto::SnapshotExport
//   4 bytes   CRC-32C of everything before, little endian
//
// All versions have this frame, so a damaged file is never taken for one of a later version. Fault model of reading:
// any bytes at all. What is read back is complete and consistent in itself; whether it fits the cluster is the import's
// question. Pure.

#ifndef SUT_BACKUP_EXPORT_FILE_H_
#define SUT_BACKUP_EXPORT_FILE_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "sut/proto/backup.pb.h"

namespace sut {

inline constexpr uint32_t kExportFormatVersion = 1;
inline constexpr size_t kExportBytesMax = size_t{64} << 20;

// InvalidArgument if the payload is not what a reader would accept.
absl::StatusOr<std::string> EncodeExport(const proto::SnapshotExport& payload);

// DataLoss for what is no export file, or a truncated or damaged one; Unimplemented for one of another version. One
// line each.
absl::StatusOr<proto::SnapshotExport> DecodeExport(std::string_view bytes);

}  // namespace sut

#endif  // SUT_BACKUP_EXPORT_FILE_H_
