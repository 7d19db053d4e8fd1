// Jepsen's EDN histories: reading them, and writing ours so that Jepsen's checkers can read them.
//
// The subset of EDN that histories use: maps, vectors, lists, strings, numbers, keywords, symbols, nil, tagged values
// (the tag is dropped), comments and #_ discards. Nested at most kEdnDepthMax deep.
#ifndef HOLDFAST_HARNESS_HISTORY_EDN_H_
#define HOLDFAST_HARNESS_HISTORY_EDN_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "harness/history/history.h"
#include "harness/history/text_source.h"

namespace holdfast::history {

inline constexpr int kEdnDepthMax = 64;
inline constexpr size_t kEdnTokenBytesMax = size_t{1} << 26;

struct EdnValue {
  enum class Type : uint8_t { kNil, kText, kString, kKeyword, kList, kMap };
  Type type = Type::kNil;
  std::string text;             // kText: a number or symbol as written; kString; kKeyword without its colon
  std::vector<EdnValue> items;  // kList: elements; kMap: key, value, key, value ...
  int64_t line = 0, column = 0;

  bool nil() const { return type == Type::kNil; }
};

// Reads values one after another; the brackets of one outer list or vector are looked through.
class EdnReader {
 public:
  explicit EdnReader(TextSource* source) : source_(source) {}

  // False at the end of the text, or on an error (then error().message is set).
  bool Next(EdnValue* value);
  const ParseError& error() const { return error_; }

 private:
  bool SkipBlank();
  bool Read(EdnValue* value, int depth);
  bool ReadList(EdnValue* value, char close, int depth);
  bool ReadString(EdnValue* value);
  bool ReadToken(EdnValue* value);
  bool ReadDispatch(EdnValue* value, int depth);
  bool Fail(std::string message);

  TextSource* source_;
  ParseError error_;
  char outer_close_ = 0;  // what closes the outer list; 0: not in one
  bool outer_closed_ = false;
};

// Reads events into *history.
bool ImportEdn(TextSource* source, History* history, ParseError* error);

// Calls `write` with one line after another, each with its end.
void WriteEdn(const History& history, const std::function<void(std::string_view)>& write);

}  // namespace holdfast::history

#endif  // HOLDFAST_HARNESS_HISTORY_EDN_H_
