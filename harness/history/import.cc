#include "harness/history/import.h"

#include "harness/history/edn.h"
#include "harness/history/jepsen_log.h"
#include "harness/history/jsonl.h"

namespace holdfast::history {
namespace {

constexpr std::string_view kFormatNames[] = {"jsonl", "register-edn", "kv-edn", "register-log"};
constexpr size_t kHeadBytes = 64 * 1024;

// The narrowest specification that knows all the operations; empty for none.
std::string ModelOf(const History& history) {
  bool kinds[kKindCount] = {};
  for (const Operation& op : history.operations) kinds[static_cast<int>(op.kind)] = true;
  const auto has = [&](Kind kind) { return kinds[static_cast<int>(kind)]; };
  const bool snapshots =
      has(Kind::kScan) || has(Kind::kSnapshot) || has(Kind::kRestore) || has(Kind::kDrop) || has(Kind::kBatch);
  const bool registers = has(Kind::kWrite) || has(Kind::kCompareAndSet) || has(Kind::kRefusedCompare);
  const bool keyed = has(Kind::kGet) || has(Kind::kPut) || has(Kind::kDelete);
  if (snapshots) return "snapshot-map";
  if (has(Kind::kAppend)) return "kv-append";
  if (registers) return "cas-register";
  if (keyed && has(Kind::kIncrement)) return "snapshot-map";
  if (keyed) return "kv";
  if (has(Kind::kIncrement)) return "counter";
  if (has(Kind::kRead)) return "cas-register";
  return "";
}

}  // namespace

std::string_view FormatName(Format format) { return kFormatNames[static_cast<int>(format)]; }

bool FormatFromName(std::string_view name, Format* format) {
  for (int i = 0; i < 4; ++i) {
    if (kFormatNames[i] == name) {
      *format = static_cast<Format>(i);
      return true;
    }
  }
  return false;
}

std::optional<Format> RecognizeFormat(std::string_view head) {
  size_t at = 0;
  while (at < head.size()) {
    if (head[at] == ';') {
      while (at < head.size() && head[at] != '\n') ++at;
    } else if (std::string_view(" \t\r\n,").find(head[at]) != std::string_view::npos) {
      ++at;
    } else {
      break;
    }
  }
  const std::string_view text = head.substr(at);
  if (text.empty()) return std::nullopt;
  if (text[0] == '[' || text[0] == '(') return Format::kRegisterEdn;
  if (text[0] == '{') {
    const size_t inner = text.find_first_not_of(" \t\r\n,", 1);
    if (inner != std::string_view::npos && (text[inner] == '"' || (text[inner] == '}' && text.size() > 1)))
      return Format::kJsonl;
    const size_t end = text.find('}');
    return text.substr(0, end).find(":key") != std::string_view::npos ? Format::kKvEdn : Format::kRegisterEdn;
  }
  for (const std::string_view level : {"INFO ", "WARN ", "ERROR ", "DEBUG "}) {
    if (text.starts_with(level)) return Format::kRegisterLog;
  }
  return std::nullopt;
}

bool Import(TextSource* source, std::optional<Format> format, Imported* imported, ParseError* error) {
  *imported = Imported();
  if (!format.has_value()) {
    const std::string_view head = source->Head(kHeadBytes);
    format = RecognizeFormat(head);
    if (!format.has_value()) {
      // Blank text is an empty history in any form.
      imported->format = Format::kJsonl;
      if (head.find_first_not_of(" \t\r\n") == std::string_view::npos && head.size() < kHeadBytes) return true;
      *error = {1, 1, "the form of this text is not known; name it with --format"};
      return false;
    }
  }
  imported->format = *format;
  bool read = false;
  switch (*format) {
    case Format::kJsonl:
      read = ImportJsonl(source, imported, error);
      break;
    case Format::kRegisterEdn:
    case Format::kKvEdn:
      read = ImportEdn(source, &imported->history, error);
      break;
    case Format::kRegisterLog:
      read = ImportJepsenLog(source, &imported->history, error);
      break;
  }
  if (read && imported->model.empty()) imported->model = ModelOf(imported->history);
  return read;
}

}  // namespace holdfast::history
