#include "harness/history/jepsen_log.h"

#include <charconv>
#include <string>
#include <string_view>

#include "harness/history/event_builder.h"

namespace holdfast::history {
namespace {

class LogImporter {
 public:
  explicit LogImporter(History* history) : history_(*history), events_(history) {}

  // False: message() and column() say why.
  bool Add(std::string_view line) {
    line_ = line;
    rest_ = line;
    if (line.find_first_not_of(" \t") == std::string_view::npos) return true;
    if (!line.starts_with(kJepsenLogPrefix)) {
      for (const std::string_view level : {"INFO ", "WARN ", "ERROR ", "DEBUG "}) {
        if (line.starts_with(level)) return true;  // somebody else's line
      }
      return Fail("this is no line of a Jepsen log");
    }
    rest_.remove_prefix(kJepsenLogPrefix.size());
    const std::string_view process_text = Field();
    if (process_text == ":nemesis") return true;
    int64_t process = 0;
    if (!Number(process_text, &process)) return Fail("the process is a number");
    const std::string_view type = Field();
    const std::string_view f = Field();
    const std::string_view value = rest_;
    if (type == ":invoke") return Invoke(process, f, value);
    if (type != ":ok" && type != ":fail" && type != ":info") return Fail("the type is :invoke, :ok, :fail or :info");
    return End(process, type, f, value);
  }

  const std::string& message() const { return message_; }
  int64_t column() const { return column_; }

 private:
  bool Fail(std::string message) {
    message_ = std::move(message);
    column_ = static_cast<int64_t>(rest_.data() - line_.data()) + 1;
    return false;
  }

  // Up to the next tab.
  std::string_view Field() {
    const size_t tab = rest_.find('\t');
    const std::string_view field = rest_.substr(0, tab);
    rest_.remove_prefix(tab == std::string_view::npos ? rest_.size() : tab + 1);
    return field;
  }

  static bool Number(std::string_view digits, int64_t* number) {
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), *number);
    return error == std::errc() && end == digits.data() + digits.size() && !digits.empty();
  }

  Symbol Value(std::string_view text) { return text == "nil" ? kAbsent : history_.symbols.Intern(text); }

  bool Invoke(int64_t process, std::string_view f, std::string_view value) {
    Operation op;
    if (f == ":read") {
      op.kind = Kind::kRead;
    } else if (f == ":write") {
      op.kind = Kind::kWrite;
      op.value = Value(value);
    } else if (f == ":cas") {
      const size_t space = value.find(' ');
      if (value.size() < 5 || value.front() != '[' || value.back() != ']' || space == std::string_view::npos) {
        return Fail("the value of a cas is [expected new]");
      }
      op.kind = Kind::kCompareAndSet;
      op.expected = Value(value.substr(1, space - 1));
      op.value = Value(value.substr(space + 1, value.size() - space - 2));
    } else {
      return Fail("the function is :read, :write or :cas");
    }
    events_.Invoke(process, op);
    return true;
  }

  bool End(int64_t process, std::string_view type, std::string_view f, std::string_view value) {
    Operation* const op = events_.Find(process);
    if (op == nullptr) return type == ":info" ? true : Fail("an end without a call of this process");
    if (f != ":" + std::string(KindName(op->kind))) return Fail("the end is of another function than the call");
    if (type == ":ok") {
      if (op->kind == Kind::kRead) op->value = Value(value);
      events_.End(process, Outcome::kOk);
    } else if (type == ":fail" && op->kind == Kind::kCompareAndSet && value != ":timed-out") {
      op->kind = Kind::kRefusedCompare;
      events_.End(process, Outcome::kOk);
    } else {
      // A write or cas that timed out may take effect at any later time.
      const bool harmless = op->kind == Kind::kRead || (type == ":fail" && value != ":timed-out");
      events_.End(process, harmless ? Outcome::kFail : Outcome::kIndeterminate);
    }
    return true;
  }

  History& history_;
  EventBuilder events_;
  std::string_view line_, rest_;
  std::string message_;
  int64_t column_ = 0;
};

}  // namespace

bool ImportJepsenLog(TextSource* source, History* history, ParseError* error) {
  LogImporter importer(history);
  std::string_view line;
  while (source->NextLine(&line)) {
    if (importer.Add(line)) continue;
    *error = {source->line() - 1, importer.column(), importer.message()};
    return false;
  }
  if (source->too_long()) *error = {source->line(), 1, "the line is too long"};
  return !source->too_long();
}

}  // namespace holdfast::history
