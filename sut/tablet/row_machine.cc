#include "sut/tablet/row_machine.h"

#include <charconv>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

namespace sut {
namespace {

proto::Reply WrongType(std::string message) {
  proto::Reply reply;
  reply.set_code(proto::WRONG_TYPE);
  reply.set_message(std::move(message));
  return reply;
}

}  // namespace

std::optional<int64_t> ParseCounter(std::string_view value) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc() || end != value.data() + value.size()) return std::nullopt;
  // Only what the machine would write itself: "007" and "-0" are no numbers.
  if (std::to_string(number) != value) return std::nullopt;
  return number;
}

absl::Status RowMachine::Validate(const proto::Write& write) const {
  if (write.mutations().empty()) return absl::InvalidArgumentError("a write without a mutation");
  for (const proto::Mutation& mutation : write.mutations()) {
    if (!range_.contains(PartitionHash(mutation.key()))) {
      return absl::InvalidArgumentError("a key lies outside the tablet's range");
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<proto::Reply> RowMachine::Apply(const proto::Command& command, OpId, HybridTime,
                                               const TabletStore& store, StoreBatch* batch) {
  proto::Reply reply;
  reply.set_code(proto::OK);
  proto::Reply::WriteResult* result = reply.mutable_write();
  // What the batch has changed so far, since a later mutation of it sees the earlier ones.
  std::map<std::string, std::optional<std::string>> changed;
  for (const proto::Mutation& mutation : command.write().mutations()) {
    std::string key = RowStoreKey(mutation.key());
    switch (mutation.kind()) {
      case proto::Mutation::PUT:
        changed[std::move(key)] = mutation.value();
        break;
      case proto::Mutation::DELETE:
        changed[std::move(key)] = std::nullopt;
        break;
      case proto::Mutation::INCREMENT: {
        std::optional<std::string> present;
        if (const auto found = changed.find(key); found != changed.end()) {
          present = found->second;
        } else {
          auto read = store.Get(key);
          if (!read.ok()) return read.status();
          present = *std::move(read);
        }
        const std::optional<int64_t> before = present ? ParseCounter(*present) : 0;
        if (!before) return WrongType("increment of a value that is no number");
        int64_t after = 0;
        if (__builtin_add_overflow(*before, mutation.delta(), &after)) return WrongType("increment overflows");
        result->add_counters(after);
        changed[std::move(key)] = absl::StrCat(after);
        break;
      }
      default:
        return WrongType("mutation of an unknown kind");
    }
  }
  for (auto& [key, value] : changed) {
    if (value) {
      batch->Put(key, *std::move(value));
    } else {
      batch->Delete(key);
    }
  }
  return reply;
}

}  // namespace sut
