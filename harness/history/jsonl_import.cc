// Reads histories from lines of JSON: one object a line, the fields in any order. The text is streamed.
#include <algorithm>
#include <cstring>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "harness/history/jsonl.h"
#include "harness/history/jsonl_scanner.h"
#include "harness/history/late_symbols.h"

namespace holdfast::history {
namespace {

// What a file's size may make room for in advance.
constexpr size_t kReservedOperationsMax = size_t{1} << 24;

class JsonlImporter {
 public:
  explicit JsonlImporter(Imported* imported)
      : imported_(*imported),
        history_(imported->history),
        late_(&history_.symbols, &history_.operations),
        late_rows_(&history_.symbols, &rows_) {}

  // Reads one line. False: the scanner says why.
  bool Add(JsonlScanner* in) {
    position_ = history_.operations.size();
    history_.operations.emplace_back().invoke = -1;
    has_rows_ = has_note_ = initial_ = header_ = has_f_ = has_outcome_ = false;
    if (in->TakeBytes("{\"f\":")) {
      if (!FieldsAsWritten(in)) return false;
      if (in->Take(',') && !Fields(in)) return false;
    } else {
      if (!in->Expect('{')) return false;
      if (in->Peek() != '}' && !Fields(in)) return false;
    }
    if (!in->Expect('}')) return false;
    if (!in->AtEnd()) return in->Fail("text after the end of the object");
    if (header_ || initial_) return FinishOther(in);
    return FinishOperation(in);
  }

  // To be called before the text of the lines added goes away.
  void Flush() { late_.Flush(); }

  // Puts the operations in order of time.
  void Sort() {
    std::vector<Operation>& operations = history_.operations;
    const auto earlier = [](const Operation& a, const Operation& b) { return a.invoke < b.invoke; };
    if (std::is_sorted(operations.begin(), operations.end(), earlier)) return;
    // Notes go by position: sort an index, then both.
    std::vector<size_t> order(operations.size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::stable_sort(order.begin(), order.end(),
                     [&](size_t a, size_t b) { return operations[a].invoke < operations[b].invoke; });
    std::vector<Operation> in_order;
    std::map<size_t, std::string> notes;
    in_order.reserve(order.size());
    for (size_t i = 0; i < order.size(); ++i) {
      in_order.push_back(operations[order[i]]);
      const auto note = history_.notes.find(order[i]);
      if (note != history_.notes.end()) notes[i] = std::move(note->second);
    }
    operations = std::move(in_order);
    history_.notes = std::move(notes);
  }

 private:
  Operation& op() { return history_.operations[position_]; }

  // As many fields as stand in the order in which they are written here (jsonl.cc), without blanks: no name needs to be
  // looked up. The name "f" has been taken.
  bool FieldsAsWritten(JsonlScanner* in) {
    return KindField(in) && (!in->TakeBytes(",\"object\":") || in->Small(&op().object)) &&
           (!in->TakeBytes(",\"process\":") || in->Small(&op().process)) &&
           (!in->TakeBytes(",\"key\":") || SymbolField(&Operation::key, in)) &&
           (!in->TakeBytes(",\"delta\":") || in->Integer(&op().delta)) &&
           (!in->TakeBytes(",\"value\":") || SymbolField(&Operation::value, in)) &&
           (!in->TakeBytes(",\"parts\":") || Parts(in)) && (!in->TakeBytes(",\"rows\":") || Rows(in)) &&
           (!in->TakeBytes(",\"outcome\":") || OutcomeField(in)) && (!in->TakeBytes(",\"invoke\":") || Invoke(in)) &&
           (!in->TakeBytes(",\"complete\":") || in->Integer(&op().complete)) &&
           (!in->TakeBytes(",\"at\":") || Hint(in)) && (!in->TakeBytes(",\"step\":") || in->Small(&op().step));
  }

  // At least one more, in any order.
  bool Fields(JsonlScanner* in) {
    do {
      uint64_t name = 0;
      if (!in->Name(&name) || !in->Expect(':') || !Field(name, in)) return false;
    } while (in->Take(','));
    return true;
  }

  bool Invoke(JsonlScanner* in) {
    return in->Integer(&op().invoke) && (op().invoke >= 0 || in->Fail("\"invoke\" is negative"));
  }

  bool Hint(JsonlScanner* in) {
    OpId& hint = op().hint;
    return in->Expect('[') && in->Small(&hint.term) && in->Expect(',') && in->Integer(&hint.index) && in->Expect(',') &&
           in->Small(&hint.sub) && in->Expect(']');
  }

  bool Field(uint64_t name, JsonlScanner* in) {
    switch (name) {
      case Packed("f"):
        return KindField(in);
      case Packed("object"):
        return in->Small(&op().object);
      case Packed("process"):
        return in->Small(&op().process);
      case Packed("key"):
        return SymbolField(&Operation::key, in);
      case Packed("value"):
        return SymbolField(&Operation::value, in);
      case Packed("expected"):
        return SymbolField(&Operation::expected, in);
      case Packed("outcome"):
        return OutcomeField(in);
      case Packed("invoke"):
        return Invoke(in);
      case Packed("complete"):
        return in->Integer(&op().complete);
      case Packed("at"):
        return Hint(in);
      case Packed("step"):
        return in->Small(&op().step);
      case Packed("group"):
        return in->Small(&op().group);
      case Packed("delta"):
        return in->Integer(&op().delta);
      case Packed("rows"):
        return Rows(in);
      case Packed("parts"):
        return Parts(in);
      case Packed("note"):
        has_note_ = true;
        return Text(&note_, in);
      default:
        return HeaderField(name, in);
    }
  }

  bool HeaderField(uint64_t name, JsonlScanner* in) {
    std::string_view text;
    uint32_t version = 0;
    switch (name) {
      case Packed("holdfast"):
        header_ = true;
        return in->String(&text) && (text == "history" || in->Fail("this is not a history"));
      case Packed("version"):
        return in->Small(&version) && (version == 1 || in->Fail("this version of the form is not known"));
      case Packed("model"):
        return Text(&imported_.model, in);
      case Packed("initial"):
        return Text(&imported_.initial.emplace(), in);
      default:
        return in->Fail("unknown field");
    }
  }

  bool Text(std::string* kept, JsonlScanner* in) {
    std::string_view text;
    if (!in->String(&text)) return false;
    *kept = text;
    return true;
  }

  bool KindField(JsonlScanner* in) {
    std::string_view text;
    if (!in->String(&text)) return false;
    has_f_ = true;
    initial_ = text == "initial";
    return initial_ || KindFromName(text, &op().kind) || in->Fail("unknown \"f\"");
  }

  bool OutcomeField(JsonlScanner* in) {
    uint64_t name = 0;
    if (!in->Name(&name)) return false;
    has_outcome_ = true;
    switch (name) {
      case Packed("ok"):
        op().outcome = Outcome::kOk;
        return true;
      case Packed("fail"):
        op().outcome = Outcome::kFail;
        return true;
      case Packed("info"):
        op().outcome = Outcome::kIndeterminate;
        return true;
      default:
        return in->Fail("\"outcome\" is \"ok\", \"fail\" or \"info\"");
    }
  }

  // A string, a number (taken as written) or null, as a symbol of the operation.
  bool SymbolField(Symbol Operation::*field, JsonlScanner* in) {
    std::string_view text;
    const bool null = in->TakeNull();
    if (!null && !in->StringOrNumber(&text)) return false;
    if (!null && in->Owns(text)) {
      late_.Add(text, position_, field);
      return true;
    }
    // A field may come twice: the last one counts.
    if (!null || op().*field == LateSymbols<Operation>::kLate) late_.Flush();
    op().*field = null ? kAbsent : history_.symbols.Intern(text);
    return true;
  }

  // The same outside of the fields of the operation.
  bool Scalar(Symbol null, Symbol* symbol, JsonlScanner* in) {
    *symbol = null;
    if (in->TakeNull()) return true;
    std::string_view text;
    if (!in->StringOrNumber(&text)) return false;
    *symbol = history_.symbols.Intern(text);
    return true;
  }

  bool Rows(JsonlScanner* in) {
    late_.Flush();
    rows_.clear();
    has_rows_ = true;
    if (!in->Expect('{')) return false;
    if (in->Take('}')) return true;
    do {
      const size_t row = rows_.size();
      rows_.emplace_back();
      std::string_view text;
      if (!in->String(&text)) return false;
      RowSymbol(text, row, &Row::key, in);
      if (!in->Expect(':')) return false;
      if (in->TakeNull()) {
        rows_[row].value = kUnobserved;
      } else {
        if (!in->StringOrNumber(&text)) return false;
        RowSymbol(text, row, &Row::value, in);
      }
    } while (in->Take(','));
    late_rows_.Flush();
    return in->Expect('}');
  }

  void RowSymbol(std::string_view text, size_t row, Symbol Row::*field, JsonlScanner* in) {
    if (in->Owns(text)) return late_rows_.Add(text, row, field);
    late_rows_.Flush();
    rows_[row].*field = history_.symbols.Intern(text);
  }

  bool Parts(JsonlScanner* in) {
    late_.Flush();
    parts_.clear();
    if (!in->Expect('[')) return false;
    if (!in->Take(']')) {
      do {
        if (!Part(&parts_.emplace_back(), in)) return false;
      } while (in->Take(','));
      if (!in->Expect(']')) return false;
    }
    op().list = history_.AddMutations(parts_);
    return true;
  }

  bool Part(Mutation* part, JsonlScanner* in) {
    part->value = kUnobserved;
    std::string_view kind;
    if (!in->Expect('[') || !in->String(&kind)) return false;
    if (kind != "put" && kind != "delete" && kind != "increment") return in->Fail("a part is put, delete or increment");
    KindFromName(kind, &part->kind);
    if (!in->Expect(',') || !Scalar(kAbsent, &part->key, in)) return false;
    if (part->kind == Kind::kIncrement && !(in->Expect(',') && in->Integer(&part->delta))) return false;
    if (part->kind == Kind::kPut && in->Peek() != ',') return in->Fail("a put needs a value");
    if (part->kind != Kind::kDelete && in->Take(',') && !Scalar(kUnobserved, &part->value, in)) return false;
    return in->Expect(']');
  }

  // A header, or what an object holds at the start.
  bool FinishOther(JsonlScanner* in) {
    if (!header_ && !has_f_) return in->Fail("\"f\" is missing");
    if (!header_) {
      std::vector<Row>& rows = history_.initial_rows[op().object];
      rows.insert(rows.end(), rows_.begin(), has_rows_ ? rows_.end() : rows_.begin());
    }
    late_.Flush();
    history_.operations.pop_back();
    return true;
  }

  bool FinishOperation(JsonlScanner* in) {
    const Operation& done = op();
    if (!has_f_) return in->Fail("\"f\" is missing");
    if (done.invoke < 0) return in->Fail("\"invoke\" is missing");
    if (!has_outcome_) return in->Fail("\"outcome\" is missing");
    if (done.complete <= done.invoke) return in->Fail("\"complete\" is not after \"invoke\"");
    if (done.ok() && done.complete == kPending) return in->Fail("an operation that is ok needs \"complete\"");
    const bool wide = done.kind == Kind::kScan || done.kind == Kind::kSnapshot || done.kind == Kind::kRestore;
    if ((done.kind == Kind::kBatch) != (done.list != kNoList)) return in->Fail("a batch, and only that, has \"parts\"");
    if (has_rows_ && !wide) return in->Fail("only a scan, a snapshot and a restore have \"rows\"");
    if (has_rows_ && !KeepRows(in)) return false;
    const bool writes = done.kind == Kind::kPut || done.kind == Kind::kWrite || done.kind == Kind::kAppend ||
                        done.kind == Kind::kCompareAndSet;
    if (writes && done.value == kUnobserved) return in->Fail("\"value\" is missing");
    if (done.kind == Kind::kCompareAndSet && done.expected == kUnobserved) return in->Fail("\"expected\" is missing");
    if (has_note_ && !note_.empty()) history_.notes[position_] = std::move(note_);
    return true;
  }

  bool KeepRows(JsonlScanner* in) {
    const auto before = [](const Row& a, const Row& b) { return a.key < b.key; };
    if (!std::is_sorted(rows_.begin(), rows_.end(), before)) std::sort(rows_.begin(), rows_.end(), before);
    for (size_t i = 1; i < rows_.size(); ++i) {
      if (rows_[i].key == rows_[i - 1].key) return in->Fail("a key stands twice in \"rows\"");
    }
    op().list = history_.AddRows(rows_);
    return true;
  }

  Imported& imported_;
  History& history_;
  LateSymbols<Operation> late_;
  size_t position_ = 0;  // of the line at hand, in the operations
  std::string note_;
  std::vector<Row> rows_;
  LateSymbols<Row> late_rows_;
  std::vector<Mutation> parts_;
  bool has_rows_ = false, has_note_ = false, initial_ = false, header_ = false, has_f_ = false, has_outcome_ = false;
};

// Makes room for a whole file once its first windows have shown what it is like: a table that doubles time and again
// would touch twice the memory.
class Growth {
 public:
  Growth(size_t text_bytes, History* history) : text_bytes_(text_bytes), history_(*history) {}

  void AfterWindow(size_t bytes) {
    read_bytes_ += bytes;
    if (++windows_ == kWindowsToLearn && text_bytes_ > read_bytes_) {
      const double windows = 1.02 * static_cast<double>(text_bytes_ - read_bytes_) / static_cast<double>(bytes);
      history_.operations.reserve(Expected(history_.operations.size(), operations_before_, windows));
      history_.symbols.Reserve(Expected(history_.symbols.size(), symbols_before_, windows));
    }
    operations_before_ = history_.operations.size();
    symbols_before_ = history_.symbols.size();
  }

 private:
  static constexpr int kWindowsToLearn = 4;

  static size_t Expected(size_t now, size_t before, double windows) {
    const double expected = static_cast<double>(now) + windows * static_cast<double>(now - before);
    return static_cast<size_t>(std::min(expected, static_cast<double>(kReservedOperationsMax)));
  }

  const size_t text_bytes_;
  History& history_;
  int windows_ = 0;
  size_t read_bytes_ = 0;
  size_t operations_before_ = 0;
  size_t symbols_before_ = 0;
};

std::string_view TakeLine(std::string_view* lines) {
  const size_t end = lines->find('\n');
  std::string_view line = lines->substr(0, end);
  lines->remove_prefix(end == std::string_view::npos ? lines->size() : end + 1);
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  return line;
}

}  // namespace

bool ImportJsonl(TextSource* source, Imported* imported, ParseError* error) {
  JsonlImporter importer(imported);
  std::string scratch;
  int64_t line_number = 0;
  std::string_view lines;
  Growth growth(source->size_hint(), &imported->history);
  while (source->NextLines(&lines)) {
    const size_t size = lines.size();
    while (!lines.empty()) {
      ++line_number;
      JsonlScanner scanner(TakeLine(&lines), &scratch);
      if (scanner.AtEnd()) continue;
      if (!importer.Add(&scanner)) {
        *error = {line_number, scanner.column(), scanner.message()};
        return false;
      }
    }
    importer.Flush();
    growth.AfterWindow(size);
  }
  if (source->too_long()) {
    *error = {line_number + 1, 1, "the line is too long"};
    return false;
  }
  importer.Sort();
  return true;
}

}  // namespace holdfast::history
