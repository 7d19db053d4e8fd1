// Holdfast's own text form of a history: one JSON object a line.
//
//   {"holdfast":"history","version":1,"model":"snapshot-map","initial":"0"}          first line, optional
//   {"f":"initial","object":2,"rows":{"k":"v"}}                                     what an object holds at the start
//   {"f":"put","object":1,"process":3,"key":"a","value":"x","outcome":"ok","invoke":40,"complete":47,
//    "at":[2,15,0],"step":12,"group":3,"note":"..."}                                (on one line)
//
// "at" is [term, index, order]. A "value" of null is nothing there, a missing one was not observed. "complete" is
// missing while an operation may still take effect. Scans, snapshots and restores have "rows"; batches have "parts":
// [["put","k","v"],["delete","k"],["increment","k",5,"12"]]. "expected" belongs to cas, "delta" to increment.
// Byte strings: \u0000 to \u00ff stand for that one byte, so that every byte survives; higher escapes become UTF-8.
#ifndef HOLDFAST_HARNESS_HISTORY_JSONL_H_
#define HOLDFAST_HARNESS_HISTORY_JSONL_H_

#include <functional>
#include <string>
#include <string_view>

#include "harness/history/history.h"
#include "harness/history/import.h"
#include "harness/history/text_source.h"

namespace holdfast::history {

struct JsonlHeader {
  std::string model;                   // empty: not said
  std::optional<std::string> initial;  // as Imported::initial
};

// Calls `write` with one line after another, each with its end.
void WriteJsonl(const History& history, const JsonlHeader& header, const std::function<void(std::string_view)>& write);
std::string ToJsonl(const History& history, const JsonlHeader& header);

bool ImportJsonl(TextSource* source, Imported* imported, ParseError* error);

// Appends a byte string as a JSON string.
void AppendJsonString(std::string* out, std::string_view bytes);

}  // namespace holdfast::history

#endif  // HOLDFAST_HARNESS_HISTORY_JSONL_H_
