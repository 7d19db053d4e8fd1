// Cuts what is typed, or read from a file, line by line into statements.
//
// A statement ends with a semicolon, a command of the shell (HELP, EXIT, DESCRIBE ...) also with its line.

#ifndef SUT_CQL_STATEMENT_BUFFER_H_
#define SUT_CQL_STATEMENT_BUFFER_H_

#include <optional>
#include <string>
#include <string_view>

namespace sut::cql {

class StatementBuffer {
 public:
  struct Statement {
    std::string text;  // without blanks around it; never blank
    int line = 0;      // where it begins, from 1
  };

  // Without the line's end.
  void Add(std::string_view line);
  // The next whole statement, if there is one.
  std::optional<Statement> Next();
  // At the end of the input: what is there without an end, as it is. None if only blanks and comments are left.
  std::optional<Statement> Rest();
  // Whether a statement has begun that has no end yet. REQUIRES: Next gave none.
  bool is_pending() const;
  void Clear();

  // More than this is no statement, and not kept: the server would not take it either.
  static constexpr size_t kBytesMax = 1 << 20;
  bool is_overfull() const { return text_.size() > kBytesMax; }

 private:
  void DropLeadingBlanks();
  std::optional<Statement> Take(size_t bytes);

  std::string text_;  // what is not yet taken
  int line_ = 1;      // where text_ begins
};

// The first word of a text in lower case, or "?"; empty if it begins otherwise.
std::string FirstWord(std::string_view text);

}  // namespace sut::cql

#endif  // SUT_CQL_STATEMENT_BUFFER_H_
