#include "sut/cql/statement_buffer.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "sut/cql/lexer.h"

namespace sut::cql {
namespace {

bool EndsWithItsLine(std::string_view text) {
  static constexpr std::string_view kCommands[] = {"help", "?", "exit", "quit", "describe", "desc"};
  return std::find(std::begin(kCommands), std::end(kCommands), FirstWord(text)) != std::end(kCommands);
}

}  // namespace

std::string FirstWord(std::string_view text) {
  const size_t begin = std::min(text.find_first_not_of(" \t\r\n"), text.size());
  if (begin < text.size() && text[begin] == '?') return "?";
  size_t end = begin;
  while (end < text.size() && absl::ascii_isalpha(text[end])) ++end;
  return absl::AsciiStrToLower(std::string(text.substr(begin, end - begin)));
}

void StatementBuffer::Add(std::string_view line) {
  if (is_overfull()) return;
  text_.append(line);
  text_.push_back('\n');
}

std::optional<StatementBuffer::Statement> StatementBuffer::Next() {
  DropLeadingBlanks();
  const size_t line_end = text_.find('\n');
  const auto end = StatementEnd(text_);
  if (EndsWithItsLine(text_) && line_end != text_.npos && (!end || *end > line_end)) return Take(line_end + 1);
  return end ? Take(*end) : std::nullopt;
}

std::optional<StatementBuffer::Statement> StatementBuffer::Rest() {
  DropLeadingBlanks();
  return text_.empty() ? std::nullopt : Take(text_.size());
}

bool StatementBuffer::is_pending() const { return BlanksEnd(text_) < text_.size(); }

void StatementBuffer::Clear() { text_.clear(); }

// Semicolons without a statement, and comments before one, are none of it: an error would name the wrong line.
void StatementBuffer::DropLeadingBlanks() {
  const size_t at = BlanksEnd(text_);
  line_ += static_cast<int>(std::count(text_.begin(), text_.begin() + static_cast<ptrdiff_t>(at), '\n'));
  text_.erase(0, at);
}

std::optional<StatementBuffer::Statement> StatementBuffer::Take(size_t bytes) {
  Statement out{text_.substr(0, bytes), line_};
  line_ += static_cast<int>(std::count(out.text.begin(), out.text.end(), '\n'));
  text_.erase(0, bytes);
  absl::StripAsciiWhitespace(&out.text);
  return out;
}

}  // namespace sut::cql
