#include "sut/tools/sut_cqlsh_shell.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "sut/cql/parser.h"

namespace sut {
namespace {

constexpr char kHelp[] = R"(
Statements, each ended by a semicolon:

  CREATE KEYSPACE [IF NOT EXISTS] ks;
  CREATE TABLE [IF NOT EXISTS] ks.t (a INT, b TEXT, ..., PRIMARY KEY ((a), b))
      [WITH tablets = N [AND CLUSTERING ORDER BY (b DESC)]];
  DROP TABLE [IF EXISTS] ks.t;       DROP KEYSPACE [IF EXISTS] ks;
  USE ks;
  INSERT INTO t (a, b, ...) VALUES (1, 'x', ...);
  UPDATE t SET c = 2, ... WHERE a = 1 AND b = 'x';       counters: SET c = c + 1
  DELETE [c, ...] FROM t WHERE a = 1 AND b = 'x';
  SELECT * | c, ... | COUNT(*) FROM t [WHERE a = 1 AND b > 'x' ...] [ORDER BY b DESC] [LIMIT N];

Types: INT BIGINT TEXT VARCHAR BOOLEAN DOUBLE FLOAT BLOB TIMESTAMP UUID COUNTER

Commands of the shell:

  DESCRIBE KEYSPACES | TABLES | KEYSPACE [ks] | TABLE t
  HELP                               EXIT or QUIT

)";

bool IsShellCommand(const std::string& word) {
  return word == "help" || word == "?" || word == "exit" || word == "quit";
}

}  // namespace

bool CqlShell::RunScript(const std::string& name, std::string_view text) {
  cql::StatementBuffer script;
  std::vector<cql::StatementBuffer::Statement> statements;
  for (const absl::string_view line : absl::StrSplit(absl::string_view(text.data(), text.size()), '\n')) {
    script.Add(std::string_view(line.data(), line.size()));
    while (auto statement = script.Next()) statements.push_back(*std::move(statement));
    if (!script.is_overfull()) continue;
    return Report(absl::InvalidArgumentError("a statement is longer than 1 MiB"), absl::StrCat(name, ":"));
  }
  // The last statement may do without its semicolon.
  if (auto rest = script.Rest()) statements.push_back(*std::move(rest));
  const auto place = [&name](const auto& statement) { return absl::StrCat(name, ":", statement.line, ":"); };
  bool understood = true;
  for (const auto& statement : statements) {
    if (IsShellCommand(cql::FirstWord(statement.text))) continue;
    const auto parsed = cql::Parse(statement.text);
    if (!parsed.ok()) understood = Report(parsed.status(), place(statement));
  }
  if (!understood) return false;
  bool good = true;
  for (const auto& statement : statements) {
    if (!is_over_ && !Run(statement.text, place(statement))) good = false;
  }
  return good;
}

void CqlShell::AddLine(std::string_view line) {
  buffer_.Add(line);
  while (const auto statement = buffer_.Next()) {
    if (!is_over_) Run(statement->text, "");
  }
  if (!buffer_.is_overfull()) return;
  Report(absl::InvalidArgumentError("a statement is longer than 1 MiB"), "");
  buffer_.Clear();
}

std::string CqlShell::Prompt() const {
  const std::string prompt =
      executor_->keyspace().empty() ? "cqlsh> " : absl::StrCat("cqlsh:", executor_->keyspace(), "> ");
  constexpr std::string_view kDots = "... ";
  if (!buffer_.is_pending()) return prompt;
  return absl::StrCat(std::string(prompt.size() - kDots.size(), ' '), std::string(kDots));
}

bool CqlShell::Run(const std::string& text, const std::string& place) {
  const std::string word = cql::FirstWord(text);
  if (word == "exit" || word == "quit") {
    is_over_ = true;
    return true;
  }
  if (IsShellCommand(word)) {
    streams_.out << kHelp << std::flush;
    return true;
  }
  const auto printed = executor_->Execute(text);
  if (!printed.ok()) return Report(printed.status(), place);
  streams_.out << *printed << std::flush;
  return true;
}

bool CqlShell::Report(const absl::Status& status, const std::string& place) {
  streams_.err << place << std::string(status.message()) << std::endl;
  return false;
}

}  // namespace sut
