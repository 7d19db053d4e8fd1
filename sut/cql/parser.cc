#include "sut/cql/parser.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "sut/cql/token_reader.h"

namespace sut::cql {
namespace {

constexpr std::string_view kReserved[] = {
    "add",      "allow",    "alter",    "and",    "apply",        "asc",      "authorize", "batch",
    "begin",    "by",       "create",   "delete", "desc",         "describe", "drop",      "execute",
    "from",     "full",     "grant",    "if",     "in",           "index",    "infinity",  "insert",
    "into",     "is",       "keyspace", "limit",  "materialized", "modify",   "nan",       "norecursive",
    "not",      "null",     "of",       "on",     "or",           "order",    "primary",   "rename",
    "replace",  "revoke",   "schema",   "select", "set",          "table",    "to",        "token",
    "truncate", "unlogged", "update",   "use",    "using",        "view",     "where",     "with"};

// Methods that return a bool say whether the rule was there; if not, error() has the first place that did not fit.
class Parser : private TokenReader {
 public:
  using TokenReader::TokenReader;

  absl::StatusOr<Statement> Run() {
    Statement out;
    if (!AnyStatement(&out)) return error();
    AcceptSymbol(";");
    if (Peek().kind != Kind::kEnd) return Unexpected("';'"), error();
    return out;
  }

 private:
  bool AnyStatement(Statement* out) {
    if (AcceptWord("create")) return Create(out);
    if (AcceptWord("drop")) return Drop(out);
    if (AcceptWord("use")) return Name(&out->emplace<Use>().keyspace);
    if (AcceptWord("insert")) return InsertRule(&out->emplace<Insert>());
    if (AcceptWord("update")) return UpdateRule(&out->emplace<Update>());
    if (AcceptWord("delete")) return DeleteRule(&out->emplace<Delete>());
    if (AcceptWord("select")) return SelectRule(&out->emplace<Select>());
    if (AcceptWord("describe") || AcceptWord("desc")) return DescribeRule(&out->emplace<Describe>());
    return Unexpected("");
  }

  // CREATE and DROP.

  bool Create(Statement* out) {
    if (AcceptWord("keyspace") || AcceptWord("schema")) {
      auto& create = out->emplace<CreateKeyspace>();
      return IfNotExists(&create.if_not_exists) && Name(&create.name) && KeyspaceOptions();
    }
    if (AcceptWord("table") || AcceptWord("columnfamily")) return CreateTableRule(&out->emplace<CreateTable>());
    return Unexpected("KEYSPACE or TABLE");
  }

  bool Drop(Statement* out) {
    if (AcceptWord("keyspace") || AcceptWord("schema")) {
      auto& drop = out->emplace<DropKeyspace>();
      return IfExists(&drop.if_exists) && Name(&drop.name);
    }
    if (AcceptWord("table") || AcceptWord("columnfamily")) {
      auto& drop = out->emplace<DropTable>();
      return IfExists(&drop.if_exists) && Table(&drop.table);
    }
    return Unexpected("KEYSPACE or TABLE");
  }

  bool IfNotExists(bool* found) {
    *found = AcceptWord("if");
    return !*found || (ExpectWord("not") && ExpectWord("exists"));
  }
  bool IfExists(bool* found) {
    *found = AcceptWord("if");
    return !*found || ExpectWord("exists");
  }

  // Replication is the cluster's, and every write is durable: what scripts for other clusters say of it has no effect.
  bool KeyspaceOptions() {
    if (!AcceptWord("with")) return true;
    do {
      const bool replication = IsWord("replication");
      if (!replication && !IsWord("durable_writes")) return Unexpected("REPLICATION or DURABLE_WRITES");
      Skip();
      Literal ignored;
      if (!ExpectSymbol("=") || !(replication ? IgnoredMap() : Constant(&ignored))) return false;
    } while (AcceptWord("and"));
    return true;
  }

  bool IgnoredMap() {
    if (!ExpectSymbol("{")) return false;
    if (AcceptSymbol("}")) return true;
    Literal ignored;
    do {
      if (!Constant(&ignored) || !ExpectSymbol(":") || !Constant(&ignored)) return false;
    } while (AcceptSymbol(","));
    return ExpectSymbol("}");
  }

  bool CreateTableRule(CreateTable* out) {
    if (!IfNotExists(&out->if_not_exists) || !Table(&out->table) || !ExpectSymbol("(")) return false;
    do {
      if (!(IsWord("primary") ? PrimaryKey(out) : Column(out))) return false;
    } while (AcceptSymbol(","));
    return ExpectSymbol(")") && TableOptions(out);
  }

  bool Column(CreateTable* out) {
    ColumnDefinition column;
    if (!Name(&column.name)) return false;
    const auto type = Peek().kind == Kind::kWord ? TypeFromName(Peek().text) : std::nullopt;
    if (!type) return Fail(absl::StrCat("unknown type ", Shown()));
    column.type = *type;
    Skip();
    if (IsWord("primary")) {
      if (!PrimaryKeyWords(out)) return false;
      out->partition_key = {column.name};
    }
    out->columns.push_back(std::move(column));
    return true;
  }

  bool PrimaryKey(CreateTable* out) {
    if (!PrimaryKeyWords(out) || !ExpectSymbol("(")) return false;
    if (AcceptSymbol("(")) {
      if (!Names(&out->partition_key) || !ExpectSymbol(")")) return false;
    } else if (!Name(&out->partition_key.emplace_back())) {
      return false;
    }
    if (AcceptSymbol(",") && !Names(&out->clustering_key)) return false;
    return ExpectSymbol(")");
  }

  bool PrimaryKeyWords(const CreateTable* out) {
    if (!out->partition_key.empty()) return Fail("more than one PRIMARY KEY");
    return ExpectWord("primary") && ExpectWord("key");
  }

  bool TableOptions(CreateTable* out) {
    if (!AcceptWord("with")) return true;
    do {
      if (!(AcceptWord("clustering") ? ClusteringOrder(&out->clustering_order) : TableOption(out))) return false;
    } while (AcceptWord("and"));
    return true;
  }

  bool ClusteringOrder(std::vector<Ordering>* out) {
    return ExpectWord("order") && ExpectWord("by") && ExpectSymbol("(") && Orderings(out) && ExpectSymbol(")");
  }

  bool TableOption(CreateTable* out) {
    if (!IsWord("tablets")) return Fail(absl::StrCat("unknown property ", Shown()));
    Skip();
    return ExpectSymbol("=") && Integer(&out->tablets.emplace());
  }

  // Rows.

  bool InsertRule(Insert* out) {
    if (!ExpectWord("into") || !Table(&out->table) || !ExpectSymbol("(") || !Names(&out->columns) ||
        !ExpectSymbol(")") || !ExpectWord("values") || !ExpectSymbol("(")) {
      return false;
    }
    do {
      if (!Constant(&out->values.emplace_back())) return false;
    } while (AcceptSymbol(","));
    return ExpectSymbol(")");
  }

  bool UpdateRule(Update* out) {
    if (!Table(&out->table) || !ExpectWord("set")) return false;
    do {
      if (!AssignmentRule(&out->assignments.emplace_back())) return false;
    } while (AcceptSymbol(","));
    return Where(&out->where);
  }

  bool AssignmentRule(Assignment* out) {
    if (!Name(&out->column) || !ExpectSymbol("=")) return false;
    const bool next_is_sign = PeekNext().kind == Kind::kSymbol && (PeekNext().text == "+" || PeekNext().text == "-");
    if (!next_is_sign || (Peek().kind != Kind::kWord && Peek().kind != Kind::kQuotedName)) return Constant(&out->value);
    if (!Name(&out->counted)) return false;
    out->kind = AcceptSymbol("+") ? Assignment::Kind::kAdd : Assignment::Kind::kSubtract;
    if (out->kind == Assignment::Kind::kSubtract) Skip();
    return Constant(&out->value);
  }

  bool DeleteRule(Delete* out) {
    if (!IsWord("from") && !Names(&out->columns)) return false;
    return ExpectWord("from") && Table(&out->table) && Where(&out->where);
  }

  bool Where(std::vector<Relation>* out) {
    if (!ExpectWord("where")) return false;
    do {
      if (!RelationRule(&out->emplace_back())) return false;
    } while (AcceptWord("and"));
    return true;
  }

  bool RelationRule(Relation* out) {
    if (!Name(&out->column)) return false;
    static constexpr std::pair<std::string_view, Operator> kOperators[] = {{"=", Operator::kEqual},
                                                                           {"<", Operator::kLess},
                                                                           {"<=", Operator::kLessOrEqual},
                                                                           {">", Operator::kGreater},
                                                                           {">=", Operator::kGreaterOrEqual}};
    for (const auto& [symbol, op] : kOperators) {
      if (!AcceptSymbol(symbol)) continue;
      out->op = op;
      return Constant(&out->value);
    }
    return Unexpected("one of = < <= > >=");
  }

  bool SelectRule(Select* out) {
    if (!Selection(out) || !ExpectWord("from") || !Table(&out->table)) return false;
    if (IsWord("where") && !Where(&out->where)) return false;
    if (AcceptWord("order") && !(ExpectWord("by") && Orderings(&out->order_by))) return false;
    if (AcceptWord("limit") && !Integer(&out->limit.emplace())) return false;
    // Filtering is always allowed here.
    return !AcceptWord("allow") || ExpectWord("filtering");
  }

  bool Selection(Select* out) {
    if (AcceptSymbol("*")) return true;
    if (!IsWord("count") || PeekNext().text != "(") return Names(&out->columns);
    Skip();
    out->count = true;
    if (!ExpectSymbol("(")) return false;
    if (!AcceptSymbol("*") && !(Peek().kind == Kind::kInteger && Peek().text == "1")) return Unexpected("*");
    if (Peek().kind == Kind::kInteger) Skip();
    return ExpectSymbol(")");
  }

  bool Orderings(std::vector<Ordering>* out) {
    do {
      Ordering& ordering = out->emplace_back();
      if (!Name(&ordering.column)) return false;
      ordering.descending = AcceptWord("desc");
      if (!ordering.descending) AcceptWord("asc");
    } while (AcceptSymbol(","));
    return true;
  }

  bool DescribeRule(Describe* out) {
    if (AcceptWord("keyspaces")) {
      out->what = Describe::What::kKeyspaces;
      return true;
    }
    if (AcceptWord("tables")) {
      out->what = Describe::What::kTables;
      return true;
    }
    if (AcceptWord("table")) {
      out->what = Describe::What::kTable;
      return Table(&out->table);
    }
    if (!AcceptWord("keyspace")) return Unexpected("KEYSPACES, KEYSPACE, TABLES or TABLE");
    out->what = Describe::What::kKeyspace;
    const bool current = Peek().kind == Kind::kEnd || Peek().text == ";";
    return current || Name(&out->table.keyspace);
  }
};

}  // namespace

absl::StatusOr<Statement> Parse(std::string_view text) {
  auto tokens = Lex(text);
  if (!tokens.ok()) return tokens.status();
  return Parser(*std::move(tokens)).Run();
}

bool IsReserved(std::string_view word) {
  return std::find(std::begin(kReserved), std::end(kReserved), word) != std::end(kReserved);
}

}  // namespace sut::cql
