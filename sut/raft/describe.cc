// Text forms: only what says something is printed, so that goldens stay readable.

#include "sut/raft/describe.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace sut::raft {

namespace {

std::string Ids(const std::vector<ReplicaId>& ids) {
  return absl::StrJoin(ids, " ", [](std::string* out, ReplicaId id) { absl::StrAppend(out, id.value); });
}

const char* TypeName(MessageType type) {
  switch (type) {
    case MessageType::kPreVote:
      return "pre-vote";
    case MessageType::kPreVoteReply:
      return "pre-vote-reply";
    case MessageType::kVote:
      return "vote";
    case MessageType::kVoteReply:
      return "vote-reply";
    case MessageType::kAppend:
      return "append";
    case MessageType::kAppendReply:
      return "append-reply";
    case MessageType::kTimeoutNow:
      return "timeout-now";
  }
  return "unknown";
}

std::string Entries(const std::vector<Entry>& entries) {
  return absl::StrJoin(entries, "; ",
                       [](std::string* out, const Entry& entry) { absl::StrAppend(out, Describe(entry)); });
}

}  // namespace

const char* RoleName(Role role) {
  switch (role) {
    case Role::kFollower:
      return "follower";
    case Role::kPreCandidate:
      return "pre-candidate";
    case Role::kCandidate:
      return "candidate";
    case Role::kLeader:
      return "leader";
  }
  return "unknown";
}

std::string Describe(ReplicaId replica) { return absl::StrCat("replica ", replica.value); }

std::string Describe(const Config& config) {
  std::string out = absl::StrCat("voters ", Ids(config.voters));
  if (!config.learners.empty()) absl::StrAppend(&out, ", learners ", Ids(config.learners));
  if (config.version != 0) absl::StrAppend(&out, ", version ", config.version);
  return out;
}

std::string Describe(const Entry& entry) {
  switch (entry.type) {
    case EntryType::kNoop:
      return absl::StrCat(ToString(entry.op), " noop");
    case EntryType::kCommand:
      return absl::StrCat(ToString(entry.op), " command ", entry.data);
    case EntryType::kConfig: {
      const absl::StatusOr<Config> config = DecodeConfig(entry.data);
      return absl::StrCat(ToString(entry.op), " config ", config.ok() ? Describe(*config) : "undecodable");
    }
  }
  return "unknown";
}

std::string Describe(const Message& message) {
  std::string out = absl::StrCat(message.from.value, "->", message.to.value, " ", TypeName(message.type), " term ",
                                 message.term.value);
  switch (message.type) {
    case MessageType::kPreVote:
    case MessageType::kVote:
      absl::StrAppend(&out, ", log ends at ", ToString(message.previous), message.transfer ? ", transfer" : "");
      break;
    case MessageType::kPreVoteReply:
    case MessageType::kVoteReply:
      absl::StrAppend(&out, message.granted ? ", granted" : ", refused");
      break;
    case MessageType::kAppend:
      absl::StrAppend(&out, ", after ", ToString(message.previous), ", commit ", message.commit.value);
      if (!message.entries.empty()) absl::StrAppend(&out, ", entries ", Entries(message.entries));
      break;
    case MessageType::kAppendReply:
      if (message.granted) {
        absl::StrAppend(&out, ", match ", message.match.value);
      } else {
        absl::StrAppend(&out, ", refused ", ToString(message.previous), ", try ",
                        ToString(OpId{message.conflict_term, message.conflict}));
      }
      break;
    case MessageType::kTimeoutNow:
      break;
  }
  if (message.read_context != 0) absl::StrAppend(&out, ", read round ", message.read_context);
  return out;
}

std::string Describe(const Ready& ready) {
  std::string out;
  const auto line = [&out](const auto&... parts) { absl::StrAppend(&out, "  ", parts..., "\n"); };
  if (ready.hard_state.has_value()) {
    line("hard state term ", ready.hard_state->term.value, ", vote ", ready.hard_state->vote.value, ", commit ",
         ready.hard_state->commit.value);
  }
  if (ready.truncate_from.has_value()) line("truncate from ", ready.truncate_from->value);
  if (!ready.entries.empty()) line("write ", Entries(ready.entries));
  for (const Message& message : ready.messages) line("send ", Describe(message));
  for (const Message& message : ready.messages_after_sync) line("after sync ", Describe(message));
  if (!ready.committed.empty()) line("apply ", Entries(ready.committed));
  for (const ReadState& read : ready.reads) line("read ", read.id, " at index ", read.index.value);
  for (const uint64_t id : ready.lost_reads) line("read ", id, " is lost");
  for (const ReplicaId peer : ready.installs) line("install to ", peer.value);
  return out;
}

std::string Describe(const Status& status) {
  std::string out = absl::StrCat(RoleName(status.role), " in term ", status.term.value);
  if (!status.vote.is_none()) absl::StrAppend(&out, ", vote ", status.vote.value);
  if (!status.leader.is_none()) absl::StrAppend(&out, ", leader ", status.leader.value);
  absl::StrAppend(&out, ", commit ", status.commit.value, ", persisted ", status.persisted.value, ", log ",
                  ToString(status.start.last), " to ", ToString(status.last), ", ", Describe(status.config));
  if (!status.transfer_target.is_none()) absl::StrAppend(&out, ", handing over to ", status.transfer_target.value);
  return out;
}

}  // namespace sut::raft
