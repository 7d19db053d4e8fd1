#include "sut/storage/log_records.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "sut/base/check.h"
#include "sut/raft/wire.h"
#include "sut/storage/crc32c.h"

namespace sut {
namespace {

constexpr size_t kTabletBytes = 16;
constexpr size_t kIndexBytes = 8;
constexpr size_t kChecksumBytes = 4;

absl::Status Damaged(std::string_view key, std::string_view how) {
  return absl::DataLossError(
      absl::StrCat("log record ", absl::BytesToHexString(std::string(key)), ": ", std::string(how)));
}

std::string Seal(std::string_view key, const google::protobuf::MessageLite& message) {
  std::string value(kChecksumBytes, '\0');
  SUT_CHECK(message.AppendToString(&value), "a log record beyond the size of a message");
  const uint32_t crc = ExtendCrc32c(Crc32c(key), std::string_view(value).substr(kChecksumBytes));
  for (size_t i = 0; i < kChecksumBytes; ++i) value[i] = static_cast<char>(crc >> (8 * i));
  return value;
}

absl::Status Unseal(std::string_view key, std::string_view value, google::protobuf::MessageLite& message) {
  if (value.size() < kChecksumBytes) return Damaged(key, "too short");
  uint32_t crc = 0;
  for (size_t i = 0; i < kChecksumBytes; ++i) crc |= uint32_t{static_cast<unsigned char>(value[i])} << (8 * i);
  const std::string_view payload = value.substr(kChecksumBytes);
  if (ExtendCrc32c(Crc32c(key), payload) != crc) return Damaged(key, "checksum mismatch");
  if (!message.ParseFromArray(payload.data(), static_cast<int>(payload.size()))) return Damaged(key, "does not parse");
  return absl::OkStatus();
}

void ToProto(OpId op, proto::OpId& to) {
  to.set_term(op.term.value);
  to.set_index(op.index.value);
}
OpId FromProto(const proto::OpId& op) { return OpId{Term{op.term()}, Index{op.index()}}; }

}  // namespace

std::string EncodeLogKey(const LogKey& key) {
  std::string bytes = Bytes(key.tablet);
  bytes.push_back(static_cast<char>(key.kind));
  if (key.kind == LogRecord::kEntry) {
    for (int shift = 56; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(key.index.value >> shift));
  }
  return bytes;
}

absl::StatusOr<LogKey> DecodeLogKey(std::string_view bytes) {
  if (bytes.size() <= kTabletBytes) return Damaged(bytes, "key too short");
  LogKey key;
  absl::StatusOr<TabletId> tablet = IdFromBytes<TabletId>(bytes.substr(0, kTabletBytes));
  if (!tablet.ok()) return tablet.status();
  key.tablet = *tablet;
  key.kind = static_cast<LogRecord>(bytes[kTabletBytes]);
  const std::string_view rest = bytes.substr(kTabletBytes + 1);
  switch (key.kind) {
    case LogRecord::kEntry:
      if (rest.size() != kIndexBytes) return Damaged(bytes, "entry key of wrong length");
      for (const char c : rest) key.index.value = key.index.value << 8 | static_cast<unsigned char>(c);
      return key;
    case LogRecord::kHardState:
    case LogRecord::kReplica:
    case LogRecord::kLogStart:
      if (!rest.empty()) return Damaged(bytes, "key too long");
      return key;
  }
  return Damaged(bytes, "key of unknown kind");
}

std::string EncodeEntryValue(std::string_view key, const raft::Entry& entry) {
  proto::Entry record;
  ToProto(entry.op, *record.mutable_op());
  record.set_type(static_cast<uint32_t>(entry.type));
  record.set_hybrid_time(entry.time.value);
  record.set_data(entry.data);
  return Seal(key, record);
}

absl::StatusOr<raft::Entry> DecodeEntryValue(std::string_view key, std::string_view value) {
  proto::Entry record;
  if (absl::Status status = Unseal(key, value, record); !status.ok()) return status;
  if (record.type() > static_cast<uint32_t>(raft::EntryType::kConfig)) return Damaged(key, "entry of unknown type");
  raft::Entry entry;
  entry.op = FromProto(record.op());
  entry.type = static_cast<raft::EntryType>(record.type());
  entry.time = HybridTime{record.hybrid_time()};
  entry.data = std::move(*record.mutable_data());
  return entry;
}

std::string EncodeHardStateValue(std::string_view key, const raft::HardState& state) {
  proto::HardStateRecord record;
  record.set_term(state.term.value);
  record.set_vote(state.vote.value);
  record.set_commit(state.commit.value);
  return Seal(key, record);
}

absl::StatusOr<raft::HardState> DecodeHardStateValue(std::string_view key, std::string_view value) {
  proto::HardStateRecord record;
  if (absl::Status status = Unseal(key, value, record); !status.ok()) return status;
  return raft::HardState{Term{record.term()}, ReplicaId{record.vote()}, Index{record.commit()}};
}

std::string EncodeLogStartValue(std::string_view key, const raft::LogStart& start) {
  proto::LogStartRecord record;
  ToProto(start.last, *record.mutable_last());
  *record.mutable_config() = raft::ToProto(start.config);
  return Seal(key, record);
}

absl::StatusOr<raft::LogStart> DecodeLogStartValue(std::string_view key, std::string_view value) {
  proto::LogStartRecord record;
  if (absl::Status status = Unseal(key, value, record); !status.ok()) return status;
  raft::LogStart start;
  start.last = FromProto(record.last());
  absl::StatusOr<raft::Config> config = raft::FromProto(record.config());
  if (!config.ok()) return Damaged(key, "no configuration");
  start.config = *std::move(config);
  return start;
}

std::string EncodeReplicaValue(std::string_view key, const proto::ReplicaRecord& record) { return Seal(key, record); }

absl::StatusOr<proto::ReplicaRecord> DecodeReplicaValue(std::string_view key, std::string_view value) {
  proto::ReplicaRecord record;
  if (absl::Status status = Unseal(key, value, record); !status.ok()) return status;
  return record;
}

}  // namespace sut
