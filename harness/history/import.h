// Reads histories in the forms that other tools write, and in our own.
//
//   jsonl         one operation a line, as WriteJsonl writes it (jsonl.h)
//   register-edn  Jepsen: one list of maps, or one map a line; :f :read, :write, :cas. A read of nil observed nothing.
//   kv-edn        Jepsen: :f :get, :put, :append ... with :key. Reads what WriteEdn writes, too.
//   register-log  Jepsen's log: `INFO  jepsen.util - PROCESS <tab> :TYPE <tab> :F <tab> VALUE`. A read of nil saw a
//                 register that was never written; a failed cas is a compare that was refused, which is an observation.
//
// In all of them the order of lines is the order of time, but for jsonl, which numbers its events. Texts are streamed.
// Malformed text gives a ParseError, never a crash, whatever the bytes.
#ifndef HOLDFAST_HARNESS_HISTORY_IMPORT_H_
#define HOLDFAST_HARNESS_HISTORY_IMPORT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "harness/history/history.h"
#include "harness/history/text_source.h"

namespace holdfast::history {

enum class Format : uint8_t { kJsonl, kRegisterEdn, kKvEdn, kRegisterLog };
std::string_view FormatName(Format format);
bool FormatFromName(std::string_view name, Format* format);

struct Imported {
  History history;
  Format format = Format::kJsonl;
  // What the file says of itself (jsonl header), or what its operations tell; empty if neither does.
  std::string model;
  std::optional<std::string> initial;
};

// The form of a text by its beginning; nothing if it is none of ours.
std::optional<Format> RecognizeFormat(std::string_view head);

// Reads a whole text. `format` empty: recognised. False: *error says where and why.
bool Import(TextSource* source, std::optional<Format> format, Imported* imported, ParseError* error);

}  // namespace holdfast::history

#endif  // HOLDFAST_HARNESS_HISTORY_IMPORT_H_
