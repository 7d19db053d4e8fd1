// Conversion between this folder's structs and sut/proto/raft.proto.

#include "sut/raft/wire.h"

#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"
#include "sut/proto/raft.pb.h"

namespace sut::raft {

namespace {

template <typename Proto>
bool Parse(std::string_view bytes, Proto& proto) {
  if (bytes.size() > static_cast<size_t>(std::numeric_limits<int>::max())) return false;
  return proto.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
}

void FillOpId(const OpId& op, proto::OpId& out) {
  out.set_term(op.term.value);
  out.set_index(op.index.value);
}

OpId ToOpId(const proto::OpId& op) { return {Term{op.term()}, Index{op.index()}}; }

void FillEntry(const Entry& entry, proto::Entry& out) {
  FillOpId(entry.op, *out.mutable_op());
  out.set_type(static_cast<uint32_t>(entry.type));
  out.set_hybrid_time(entry.time.value);
  out.set_data(entry.data);
}

absl::StatusOr<Entry> ToEntry(const proto::Entry& in) {
  if (in.type() > static_cast<uint32_t>(EntryType::kConfig)) {
    return absl::InvalidArgumentError(absl::StrCat("entry of unknown type ", in.type()));
  }
  if (in.op().term() == 0 || in.op().index() == 0) return absl::InvalidArgumentError("entry without an op id");
  return Entry{ToOpId(in.op()), static_cast<EntryType>(in.type()), HybridTime{in.hybrid_time()}, in.data()};
}

template <typename Ids>
absl::StatusOr<std::vector<ReplicaId>> ToAscendingIds(const Ids& ids) {
  std::vector<ReplicaId> out;
  for (const uint64_t id : ids) {
    if (id <= (out.empty() ? 0 : out.back().value)) {
      return absl::InvalidArgumentError("replicas of a configuration are not in ascending order");
    }
    out.push_back(ReplicaId{id});
  }
  return out;
}

}  // namespace

void ToProto(const Message& message, proto::RaftMessage* to) {
  proto::RaftMessage& out = *to;
  out.set_type(static_cast<uint32_t>(message.type));
  out.set_from(message.from.value);
  out.set_to(message.to.value);
  out.set_term(message.term.value);
  FillOpId(message.previous, *out.mutable_previous());
  for (const Entry& entry : message.entries) FillEntry(entry, *out.add_entries());
  out.set_commit(message.commit.value);
  out.set_read_context(message.read_context);
  out.set_transfer(message.transfer);
  out.set_granted(message.granted);
  out.set_match(message.match.value);
  out.set_conflict(message.conflict.value);
  out.set_conflict_term(message.conflict_term.value);
}

std::string EncodeMessage(const Message& message) {
  proto::RaftMessage out;
  ToProto(message, &out);
  return out.SerializeAsString();
}

absl::StatusOr<Message> DecodeMessage(std::string_view bytes) {
  proto::RaftMessage in;
  if (!Parse(bytes, in)) return absl::InvalidArgumentError("bytes are no Raft message");
  return FromProto(in);
}

absl::StatusOr<Message> FromProto(const proto::RaftMessage& in) {
  if (in.type() > static_cast<uint32_t>(MessageType::kTimeoutNow)) {
    return absl::InvalidArgumentError(absl::StrCat("Raft message of unknown type ", in.type()));
  }
  if (in.from() == 0 || in.to() == 0) return absl::InvalidArgumentError("Raft message without sender or receiver");
  Message message;
  message.type = static_cast<MessageType>(in.type());
  message.from = ReplicaId{in.from()};
  message.to = ReplicaId{in.to()};
  message.term = Term{in.term()};
  message.previous = ToOpId(in.previous());
  message.entries.reserve(static_cast<size_t>(in.entries_size()));
  for (const proto::Entry& entry : in.entries()) {
    absl::StatusOr<Entry> decoded = ToEntry(entry);
    if (!decoded.ok()) return decoded.status();
    message.entries.push_back(*std::move(decoded));
  }
  message.commit = Index{in.commit()};
  message.read_context = in.read_context();
  message.transfer = in.transfer();
  message.granted = in.granted();
  message.match = Index{in.match()};
  message.conflict = Index{in.conflict()};
  message.conflict_term = Term{in.conflict_term()};
  return message;
}

std::string EncodeEntry(const Entry& entry) {
  proto::Entry out;
  FillEntry(entry, out);
  return out.SerializeAsString();
}

absl::StatusOr<Entry> DecodeEntry(std::string_view bytes) {
  proto::Entry in;
  if (!Parse(bytes, in)) return absl::InvalidArgumentError("bytes are no log entry");
  return ToEntry(in);
}

proto::Config ToProto(const Config& config) {
  proto::Config out;
  for (const ReplicaId id : config.voters) out.add_voters(id.value);
  for (const ReplicaId id : config.learners) out.add_learners(id.value);
  for (const Address& address : config.addresses) {
    out.add_addresses()->set_replica(address.replica.value);
    out.mutable_addresses()->rbegin()->set_node(address.node.value);
  }
  out.set_version(config.version);
  return out;
}

std::string EncodeConfig(const Config& config) { return ToProto(config).SerializeAsString(); }

absl::StatusOr<Config> DecodeConfig(const std::string& data) {
  proto::Config in;
  if (!Parse(data, in)) return absl::InvalidArgumentError("bytes are no configuration");
  return FromProto(in);
}

absl::StatusOr<Config> FromProto(const proto::Config& in) {
  absl::StatusOr<std::vector<ReplicaId>> voters = ToAscendingIds(in.voters());
  if (!voters.ok()) return voters.status();
  absl::StatusOr<std::vector<ReplicaId>> learners = ToAscendingIds(in.learners());
  if (!learners.ok()) return learners.status();
  for (const ReplicaId id : *learners) {
    if (std::binary_search(voters->begin(), voters->end(), id)) {
      return absl::InvalidArgumentError(absl::StrCat("replica ", id.value, " is voter and learner"));
    }
  }
  Config config{*std::move(voters), *std::move(learners)};
  for (const proto::Config::Address& address : in.addresses()) {
    const bool follows = config.addresses.empty() || config.addresses.back().replica.value < address.replica();
    if (address.replica() == 0 || address.node() == 0 || !follows) {
      return absl::InvalidArgumentError("addresses of a configuration are not in ascending order");
    }
    config.addresses.push_back({ReplicaId{address.replica()}, NodeId{address.node()}});
  }
  config.version = in.version();
  return config;
}

}  // namespace sut::raft
