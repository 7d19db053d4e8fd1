// Keys and values of the Raft log store. All records of a group lie together, its entries in the order of their
// indexes:
//
//   <16 bytes tablet> 'e' <8 bytes index, big endian>   proto::Entry
//   <16 bytes tablet> 'h'                               proto::HardStateRecord
//   <16 bytes tablet> 'r'                               proto::ReplicaRecord
//   <16 bytes tablet> 's'                               proto::LogStartRecord
//
// A value is 4 bytes CRC-32C (little endian) of key and payload, then the payload, so that no record passes for another
// one.

#ifndef SUT_STORAGE_LOG_RECORDS_H_
#define SUT_STORAGE_LOG_RECORDS_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "sut/base/ids.h"
#include "sut/proto/storage.pb.h"
#include "sut/raft/raft.h"

namespace sut {

enum class LogRecord : char { kEntry = 'e', kHardState = 'h', kReplica = 'r', kLogStart = 's' };

struct LogKey {
  TabletId tablet;
  LogRecord kind = LogRecord::kEntry;
  Index index;  // kEntry only
};

std::string EncodeLogKey(const LogKey& key);
absl::StatusOr<LogKey> DecodeLogKey(std::string_view bytes);

// Values, sealed for the key that they stand under. Decoding fails with DataLoss.
std::string EncodeEntryValue(std::string_view key, const raft::Entry& entry);
absl::StatusOr<raft::Entry> DecodeEntryValue(std::string_view key, std::string_view value);
std::string EncodeHardStateValue(std::string_view key, const raft::HardState& state);
absl::StatusOr<raft::HardState> DecodeHardStateValue(std::string_view key, std::string_view value);
std::string EncodeLogStartValue(std::string_view key, const raft::LogStart& start);
absl::StatusOr<raft::LogStart> DecodeLogStartValue(std::string_view key, std::string_view value);
std::string EncodeReplicaValue(std::string_view key, const proto::ReplicaRecord& record);
absl::StatusOr<proto::ReplicaRecord> DecodeReplicaValue(std::string_view key, std::string_view value);

}  // namespace sut

#endif  // SUT_STORAGE_LOG_RECORDS_H_
