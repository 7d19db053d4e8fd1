#include "harness/history/edn.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "harness/history/event_builder.h"

namespace holdfast::history {
namespace {

bool IsBlank(int c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == ',' || c == '\f'; }
bool IsDelimiter(int c) {
  return c < 0 || IsBlank(c) || c == '(' || c == ')' || c == '[' || c == ']' || c == '{' || c == '}' || c == '"' ||
         c == ';';
}

}  // namespace

bool EdnReader::Fail(std::string message) {
  if (error_.message.empty()) error_ = {source_->line(), source_->column(), std::move(message)};
  return false;
}

// False at the end of the text.
bool EdnReader::SkipBlank() {
  while (true) {
    const int c = source_->Peek();
    if (c < 0) return false;
    if (c == ';') {
      while (source_->Peek() >= 0 && source_->Peek() != '\n') source_->Next();
    } else if (IsBlank(c)) {
      source_->Next();
    } else {
      return true;
    }
  }
}

bool EdnReader::Next(EdnValue* value) {
  while (true) {
    if (!SkipBlank()) {
      if (outer_close_ != 0 && !outer_closed_) return Fail("the list does not end");
      return false;
    }
    const int c = source_->Peek();
    if (outer_closed_) return Fail("text after the end of the list");
    if (outer_close_ != 0 && c == outer_close_) {
      source_->Next();
      outer_closed_ = true;
      continue;
    }
    if (outer_close_ == 0 && (c == '[' || c == '(')) {
      outer_close_ = c == '[' ? ']' : ')';
      source_->Next();
      continue;
    }
    return Read(value, 0);
  }
}

bool EdnReader::Read(EdnValue* value, int depth) {
  if (depth > kEdnDepthMax) return Fail("nested too deep");
  if (!SkipBlank()) return Fail("the text ends within a value");
  *value = EdnValue();
  value->line = source_->line();
  value->column = source_->column();
  const int c = source_->Peek();
  switch (c) {
    case '[':
      return ReadList(value, ']', depth);
    case '(':
      return ReadList(value, ')', depth);
    case '{':
      return ReadList(value, '}', depth);
    case '"':
      return ReadString(value);
    case '#':
      return ReadDispatch(value, depth);
    case ']':
    case ')':
    case '}':
      return Fail(std::string("unexpected '") + static_cast<char>(c) + "'");
    default:
      return ReadToken(value);
  }
}

bool EdnReader::ReadList(EdnValue* value, char close, int depth) {
  value->type = close == '}' ? EdnValue::Type::kMap : EdnValue::Type::kList;
  source_->Next();
  while (true) {
    if (!SkipBlank()) return Fail("the text ends within a list");
    if (source_->Peek() == close) break;
    EdnValue item;
    if (!Read(&item, depth + 1)) return false;
    value->items.push_back(std::move(item));
  }
  source_->Next();
  if (close == '}' && value->items.size() % 2 != 0) return Fail("a map has a key without a value");
  return true;
}

bool EdnReader::ReadString(EdnValue* value) {
  value->type = EdnValue::Type::kString;
  source_->Next();
  while (true) {
    int c = source_->Peek();
    if (c < 0) return Fail("the text ends within a string");
    source_->Next();
    if (c == '"') return true;
    if (c == '\\') {
      c = source_->Peek();
      if (c < 0) return Fail("the text ends within a string");
      source_->Next();
      switch (c) {
        case 'n':
          c = '\n';
          break;
        case 't':
          c = '\t';
          break;
        case 'r':
          c = '\r';
          break;
        case '"':
        case '\\':
          break;
        case 'u': {
          // One byte, as WriteEdn writes bytes that are no text.
          int code = 0;
          for (int i = 0; i < 4; ++i) {
            const int digit = source_->Peek();
            const char lower = static_cast<char>(digit | 0x20);
            int number = 0;
            if (digit >= '0' && digit <= '9') {
              number = digit - '0';
            } else if (digit > 0 && lower >= 'a' && lower <= 'f') {
              number = lower - 'a' + 10;
            } else {
              return Fail("\\u needs four hexadecimal digits");
            }
            source_->Next();
            code = code * 16 + number;
          }
          if (code > 0xFF) {
            if (code >= 0x800) value->text += static_cast<char>(0xE0 | (code >> 12));
            value->text += static_cast<char>(code >= 0x800 ? 0x80 | ((code >> 6) & 0x3F) : 0xC0 | (code >> 6));
            c = 0x80 | (code & 0x3F);
          } else {
            c = code;
          }
          break;
        }
        default:
          return Fail("unknown escape in a string");
      }
    }
    value->text += static_cast<char>(c);
    if (value->text.size() > kEdnTokenBytesMax) return Fail("a string is too long");
  }
}

bool EdnReader::ReadToken(EdnValue* value) {
  value->type = EdnValue::Type::kText;
  while (!IsDelimiter(source_->Peek())) {
    value->text += static_cast<char>(source_->Peek());
    source_->Next();
    if (value->text.size() > kEdnTokenBytesMax) return Fail("a token is too long");
  }
  if (value->text == "nil") {
    value->type = EdnValue::Type::kNil;
    value->text.clear();
  } else if (value->text[0] == ':') {
    value->type = EdnValue::Type::kKeyword;
    value->text.erase(0, 1);
  }
  return true;
}

bool EdnReader::ReadDispatch(EdnValue* value, int depth) {
  source_->Next();
  const int c = source_->Peek();
  if (c == '{') return ReadList(value, '}', depth) && (value->type = EdnValue::Type::kList, true);
  EdnValue tag;
  if (c == '_') {
    source_->Next();
    return Read(&tag, depth + 1) && Read(value, depth + 1);
  }
  if (!ReadToken(&tag)) return false;
  return Read(value, depth + 1);
}

namespace {

// One event as a map, by field.
class EdnImporter {
 public:
  EdnImporter(History* history, ParseError* error) : history_(*history), events_(history), error_(*error) {}

  bool Add(const EdnValue& event) {
    if (event.type != EdnValue::Type::kMap) return Fail(event, "an event is a map");
    const EdnValue* const process = Field(event, "process");
    const EdnValue* const type = Field(event, "type");
    if (process == nullptr || type == nullptr) return Fail(event, "an event needs :process and :type");
    int64_t number = 0;
    if (process->type == EdnValue::Type::kKeyword) return true;  // the nemesis
    if (!Integer(*process, &number)) return Fail(*process, ":process is a number");
    if (type->text == "invoke") return Invoke(event, number);
    if (type->text != "ok" && type->text != "fail" && type->text != "info") {
      return Fail(*type, ":type is :invoke, :ok, :fail or :info");
    }
    return End(event, number, type->text);
  }

 private:
  bool Fail(const EdnValue& where, std::string message) {
    error_ = {where.line, where.column, std::move(message)};
    return false;
  }

  static const EdnValue* Field(const EdnValue& event, std::string_view name) {
    for (size_t i = 0; i + 1 < event.items.size(); i += 2) {
      if (event.items[i].type == EdnValue::Type::kKeyword && event.items[i].text == name) return &event.items[i + 1];
    }
    return nullptr;
  }

  static bool Integer(const EdnValue& value, int64_t* number) {
    if (value.type != EdnValue::Type::kText) return false;
    std::string_view digits = value.text;
    if (!digits.empty() && digits.back() == 'N') digits.remove_suffix(1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), *number);
    return error == std::errc() && end == digits.data() + digits.size();
  }

  // A value as a byte string: a nil is `nil`.
  bool Scalar(const EdnValue& value, Symbol nil, Symbol* symbol) {
    if (value.type == EdnValue::Type::kList || value.type == EdnValue::Type::kMap) {
      return Fail(value, "a single value is needed here");
    }
    *symbol = value.nil() ? nil : history_.symbols.Intern(value.text);
    return true;
  }

  bool KindOf(const EdnValue& event, Kind* kind) {
    const EdnValue* const f = Field(event, "f");
    if (f == nullptr) return Fail(event, "an event needs :f");
    if (f->text == "add") {
      *kind = Kind::kIncrement;
      return true;
    }
    if (!KindFromName(f->text, kind)) return Fail(*f, "unknown :f");
    return true;
  }

  bool Small(const EdnValue& event, std::string_view name, uint32_t* number) {
    const EdnValue* const field = Field(event, name);
    int64_t value = 0;
    if (field == nullptr) return true;
    if (!Integer(*field, &value) || value < 0 || value > 0xFFFFFFFE)
      return Fail(*field, "a small number is needed here");
    *number = static_cast<uint32_t>(value);
    return true;
  }

  bool Invoke(const EdnValue& event, int64_t process) {
    Operation op;
    if (!KindOf(event, &op.kind) || !Small(event, "object", &op.object) || !Small(event, "group", &op.group) ||
        !Small(event, "step", &op.step)) {
      return false;
    }
    if (const EdnValue* key = Field(event, "key"); key != nullptr && !Scalar(*key, kAbsent, &op.key)) return false;
    EdnValue missing;
    missing.line = event.line;
    missing.column = event.column;
    const EdnValue* value = Field(event, "value");
    if (value == nullptr) value = &missing;
    switch (op.kind) {
      case Kind::kPut:
      case Kind::kWrite:
      case Kind::kAppend:
        if (!Scalar(*value, kAbsent, &op.value)) return false;
        break;
      case Kind::kCompareAndSet:
      case Kind::kRefusedCompare:
        if (value->type != EdnValue::Type::kList || value->items.size() != 2) {
          return Fail(*value, "the :value of a cas is [expected new]");
        }
        if (!Scalar(value->items[0], kAbsent, &op.expected) || !Scalar(value->items[1], kAbsent, &op.value))
          return false;
        break;
      case Kind::kIncrement:
        if (!Integer(value->type == EdnValue::Type::kList && !value->items.empty() ? value->items[0] : *value,
                     &op.delta)) {
          return Fail(*value, "the :value of an increment is a number");
        }
        break;
      case Kind::kBatch:
        if (!Batch(*value, &op)) return false;
        break;
      default:
        break;
    }
    events_.Invoke(process, op);
    return true;
  }

  bool Batch(const EdnValue& value, Operation* op) {
    if (value.type != EdnValue::Type::kList) return Fail(value, "the :value of a batch is a list of mutations");
    std::vector<Mutation> mutations;
    for (const EdnValue& item : value.items) {
      Mutation mutation;
      mutation.value = kUnobserved;
      if (item.type != EdnValue::Type::kList || item.items.size() < 2 ||
          !KindFromName(item.items[0].text, &mutation.kind)) {
        return Fail(item, "a mutation is [:put k v], [:delete k] or [:increment k n]");
      }
      if (!Scalar(item.items[1], kAbsent, &mutation.key)) return false;
      const bool known =
          (mutation.kind == Kind::kPut && item.items.size() == 3 && Scalar(item.items[2], kAbsent, &mutation.value)) ||
          (mutation.kind == Kind::kDelete && item.items.size() == 2) ||
          (mutation.kind == Kind::kIncrement && item.items.size() >= 3 && item.items.size() <= 4 &&
           Integer(item.items[2], &mutation.delta) &&
           (item.items.size() == 3 || Scalar(item.items[3], kUnobserved, &mutation.value)));
      if (!known) return Fail(item, "a mutation is [:put k v], [:delete k] or [:increment k n]");
      mutations.push_back(mutation);
    }
    op->list = history_.AddMutations(mutations);
    return true;
  }

  bool End(const EdnValue& event, int64_t process, std::string_view type) {
    Operation* const op = events_.Find(process);
    if (op == nullptr) {
      if (type == "info") return true;  // news of no call: the nemesis under a number, or a second end
      return Fail(event, "an end without a call of this process");
    }
    if (type == "ok" && !Answer(event, op)) return false;
    events_.End(process, type == "ok" ? Outcome::kOk : type == "fail" ? Outcome::kFail : Outcome::kIndeterminate);
    return true;
  }

  bool Answer(const EdnValue& event, Operation* op) {
    const EdnValue* const value = Field(event, "value");
    if (value == nullptr) return true;
    switch (op->kind) {
      case Kind::kGet:
      case Kind::kRead:
        if (value->type == EdnValue::Type::kKeyword && value->text == "absent") {
          op->value = kAbsent;
          return true;
        }
        return Scalar(*value, kUnobserved, &op->value);
      case Kind::kIncrement:
        // [delta new]; the bare delta says nothing of the new number.
        if (value->type == EdnValue::Type::kList && value->items.size() == 2) {
          return Scalar(value->items[1], kUnobserved, &op->value);
        }
        return true;
      case Kind::kBatch:
        return value->type != EdnValue::Type::kList || Batch(*value, op);
      case Kind::kScan:
      case Kind::kSnapshot:
      case Kind::kRestore: {
        if (value->type != EdnValue::Type::kMap) return true;
        std::vector<Row> rows(value->items.size() / 2);
        for (size_t i = 0; i < rows.size(); ++i) {
          if (!Scalar(value->items[2 * i], kAbsent, &rows[i].key)) return false;
          if (rows[i].key == kAbsent) return Fail(value->items[2 * i], "a row needs a key");
          if (!Scalar(value->items[2 * i + 1], kUnobserved, &rows[i].value)) return false;
        }
        std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.key < b.key; });
        for (size_t i = 1; i < rows.size(); ++i) {
          if (rows[i].key == rows[i - 1].key) return Fail(*value, "a key stands twice in the rows");
        }
        op->list = history_.AddRows(std::move(rows));
        return true;
      }
      default:
        return true;
    }
  }

  History& history_;
  EventBuilder events_;
  ParseError& error_;
};

}  // namespace

bool ImportEdn(TextSource* source, History* history, ParseError* error) {
  EdnReader reader(source);
  EdnImporter importer(history, error);
  EdnValue event;
  while (reader.Next(&event)) {
    if (!importer.Add(event)) return false;
  }
  *error = reader.error();
  return error->message.empty();
}

}  // namespace holdfast::history
