// What sut-cqlsh does with what it reads: runs the statements of a script, or of a user at a prompt.
//
// Results go to `out`; an error is one line on `err`, and what failed has changed nothing, unless the line says that
// this is not known. Thread rule: single-threaded.

#ifndef SUT_TOOLS_SUT_CQLSH_SHELL_H_
#define SUT_TOOLS_SUT_CQLSH_SHELL_H_

#include <ostream>
#include <string>
#include <string_view>

#include "sut/cql/executor.h"
#include "sut/cql/statement_buffer.h"

namespace sut {

class CqlShell {
 public:
  struct Streams {
    std::ostream& out;
    std::ostream& err;
  };
  // The executor and the streams must outlive it.
  CqlShell(cql::Executor* executor, Streams streams) : executor_(executor), streams_(streams) {}

  // False if a statement failed. If any of them can't be understood, none is run. Otherwise, as with cqlsh, the others
  // are run even if one fails. `name` is what errors call the script, as in "NAME:LINE:".
  bool RunScript(const std::string& name, std::string_view text);

  // At a prompt: a line that was typed.
  void AddLine(std::string_view line);
  // Ctrl-C: forgets what was typed of a statement without an end.
  void Cancel() { buffer_.Clear(); }
  // "cqlsh> ", "cqlsh:ks> ", or dots as far to the right when the statement has no end yet.
  std::string Prompt() const;
  // After EXIT or QUIT.
  bool is_over() const { return is_over_; }

 private:
  // What failed gets a line that begins with `place`.
  bool Run(const std::string& text, const std::string& place);
  bool Report(const absl::Status& status, const std::string& place);

  cql::Executor* executor_;
  Streams streams_;
  cql::StatementBuffer buffer_;  // of the prompt
  bool is_over_ = false;
};

}  // namespace sut

#endif  // SUT_TOOLS_SUT_CQLSH_SHELL_H_
