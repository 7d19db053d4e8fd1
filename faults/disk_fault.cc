#include "faults/disk_fault.h"

#include <array>
#include <optional>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace holdfast::faults {
namespace {

constexpr std::array<std::string_view, kDiskOperationCount> kOperationNames = {
    "any",   "create", "append", "write", "truncate", "sync", "sync-directory",
    "mkdir", "rmdir",  "rename", "link",  "unlink",   "open", "read"};
constexpr std::array<std::string_view, kDiskEffectCount> kEffectNames = {"io-error", "no-space",    "short",
                                                                         "lost",     "misdirected", "latency"};
constexpr uint64_t kCountMax = 1'000'000'000;
constexpr uint64_t kLatencyUsMax = 60'000'000;

template <typename Value, size_t N>
std::optional<Value> FromName(const std::array<std::string_view, N>& names, std::string_view name) {
  for (size_t i = 0; i < N; ++i) {
    if (names[i] == name) return static_cast<Value>(i);
  }
  return std::nullopt;
}

template <typename... Parts>
absl::Status Refuse(const Parts&... parts) {
  return absl::InvalidArgumentError(absl::StrCat(parts...));
}

// One `name=value` of a fault's text.
absl::Status ParseSetting(const std::string& word, DiskFault* fault) {
  const std::vector<std::string> parts = absl::StrSplit(word, absl::MaxSplits('=', 1));
  if (parts.size() != 2) return Refuse("\"", word, "\" is no setting; nth=, times= or us= is wanted");
  if (parts[0] == "times" && parts[1] == "always") {
    fault->times = DiskFault::kAlways;
    return absl::OkStatus();
  }
  uint64_t value = 0;
  if (!absl::SimpleAtoi(parts[1], &value) || value == 0) return Refuse("\"", word, "\": a number from 1 is wanted");
  if (parts[0] == "nth") {
    fault->nth = value;
  } else if (parts[0] == "times") {
    fault->times = value;
  } else if (parts[0] == "us") {
    fault->latency_us = value;
  } else {
    return Refuse("unknown setting \"", parts[0], "\"; nth, times or us is wanted");
  }
  return absl::OkStatus();
}

}  // namespace

std::string_view DiskOperationName(DiskOperation operation) { return kOperationNames[static_cast<size_t>(operation)]; }

std::string_view DiskEffectName(DiskEffect effect) { return kEffectNames[static_cast<size_t>(effect)]; }

bool CanStrike(DiskEffect effect, DiskOperation operation) {
  const bool any = operation == DiskOperation::kAny;
  const bool writes = operation == DiskOperation::kAppend || operation == DiskOperation::kWrite;
  switch (effect) {
    case DiskEffect::kShort:
    case DiskEffect::kLost:
    case DiskEffect::kMisdirected:
      return any || writes;
    case DiskEffect::kNoSpace:
      return any || writes || operation == DiskOperation::kCreate || operation == DiskOperation::kMakeDirectory ||
             operation == DiskOperation::kLink;
    case DiskEffect::kIoError:
    case DiskEffect::kLatency:
      return true;
  }
  return false;
}

absl::Status Validate(const DiskFault& fault) {
  const std::string effect(DiskEffectName(fault.effect));
  if (!CanStrike(fault.effect, fault.operation)) {
    return Refuse(effect, " can't befall ", std::string(DiskOperationName(fault.operation)));
  }
  if (fault.nth < 1 || fault.nth > kCountMax) return Refuse("nth is ", fault.nth, ", outside 1..", kCountMax);
  if (fault.times > kCountMax) return Refuse("times is ", fault.times, ", more than ", kCountMax);
  if (fault.latency_us > kLatencyUsMax) return Refuse("us is ", fault.latency_us, ", more than ", kLatencyUsMax);
  const bool slow = fault.effect == DiskEffect::kLatency;
  if (slow && fault.latency_us == 0) return Refuse("a latency of nothing");
  if (!slow && fault.latency_us != 0) return Refuse(effect, " has no latency");
  return absl::OkStatus();
}

std::string ToText(const DiskFault& fault) {
  std::string text =
      absl::StrCat(std::string(DiskEffectName(fault.effect)), " ", std::string(DiskOperationName(fault.operation)), " ",
                   std::string(PathClassName(fault.path_class)));
  if (fault.nth != 1) absl::StrAppend(&text, " nth=", fault.nth);
  if (fault.times == DiskFault::kAlways) absl::StrAppend(&text, " times=always");
  if (fault.times > 1) absl::StrAppend(&text, " times=", fault.times);
  if (fault.latency_us != 0) absl::StrAppend(&text, " us=", fault.latency_us);
  return text;
}

absl::StatusOr<DiskFault> ParseDiskFault(std::string_view text) {
  const std::vector<std::string> words = absl::StrSplit(std::string(text), absl::ByAnyChar(" \t\r"), absl::SkipEmpty());
  if (words.size() < 3) return Refuse("a fault is an effect, an operation and a class of paths");
  DiskFault fault;
  const auto effect = FromName<DiskEffect>(kEffectNames, words[0]);
  if (!effect) return Refuse("unknown effect \"", words[0], "\"");
  const auto operation = FromName<DiskOperation>(kOperationNames, words[1]);
  if (!operation) return Refuse("unknown operation \"", words[1], "\"");
  const auto path_class = PathClassFromName(words[2]);
  if (!path_class) return Refuse("unknown class of paths \"", words[2], "\"");
  fault.effect = *effect;
  fault.operation = *operation;
  fault.path_class = *path_class;
  for (size_t i = 3; i < words.size(); ++i) {
    if (absl::Status status = ParseSetting(words[i], &fault); !status.ok()) return status;
  }
  if (absl::Status status = Validate(fault); !status.ok()) return status;
  return fault;
}

absl::StatusOr<std::vector<DiskFault>> ParseDiskFaults(std::string_view text) {
  std::vector<DiskFault> faults;
  int line_number = 0;
  const std::vector<std::string> lines = absl::StrSplit(std::string(text), '\n');
  for (const std::string& line : lines) {
    ++line_number;
    const std::string content = line.substr(0, line.find('#'));
    if (content.find_first_not_of(" \t\r") == std::string::npos) continue;
    absl::StatusOr<DiskFault> fault = ParseDiskFault(content);
    if (!fault.ok()) return Refuse("line ", line_number, ": ", fault.status().message());
    faults.push_back(*fault);
  }
  return faults;
}

}  // namespace holdfast::faults
