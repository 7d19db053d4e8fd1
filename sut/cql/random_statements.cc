#include "sut/cql/random_statements.h"

#include <functional>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "sut/cql/schema.h"

namespace sut::cql {
namespace {

template <typename T>
std::vector<T> Some(Prng* random, const std::function<T()>& one) {
  std::vector<T> out;
  for (uint64_t n = 1 + random->NextBelow(3); n > 0; --n) out.push_back(one());
  return out;
}

std::string RandomName(Prng* random) {
  static const std::vector<std::string> names = {"a",        "b1",         "user_id", "key",  "count",
                                                 "select",   "Mixed Case", "q\"uote", "type", "$",
                                                 "\xc3\xa4", "primary",    "from",    "true"};
  return names[random->NextBelow(names.size())];
}

TableName RandomTable(Prng* random) { return {random->OneIn(2) ? "" : RandomName(random), RandomName(random)}; }

Literal RandomLiteral(Prng* random) {
  using Kind = Literal::Kind;
  static const std::vector<Literal> literals = {{Kind::kNull, ""},
                                                {Kind::kString, ""},
                                                {Kind::kString, "it's; -- no /* comment"},
                                                {Kind::kString, "two\nlines and \xe6\x97\xa5"},
                                                {Kind::kInteger, "0"},
                                                {Kind::kInteger, "-9223372036854775808"},
                                                {Kind::kFloat, "-1.5e-7"},
                                                {Kind::kFloat, "3."},
                                                {Kind::kFloat, "nan"},
                                                {Kind::kFloat, "-infinity"},
                                                {Kind::kBoolean, "true"},
                                                {Kind::kBoolean, "false"},
                                                {Kind::kHex, "0x"},
                                                {Kind::kHex, "0xCAfe"},
                                                {Kind::kUuid, "123e4567-e89b-12d3-a456-426614174000"}};
  return literals[random->NextBelow(literals.size())];
}

std::vector<Relation> RandomWhere(Prng* random) {
  return Some<Relation>(random, [random] {
    return Relation{RandomName(random), static_cast<Operator>(random->NextBelow(5)), RandomLiteral(random)};
  });
}

std::vector<std::string> RandomNames(Prng* random) {
  return Some<std::string>(random, [random] { return RandomName(random); });
}

std::vector<Ordering> RandomOrdering(Prng* random) {
  return Some<Ordering>(random, [random] { return Ordering{RandomName(random), random->OneIn(2)}; });
}

CreateTable RandomCreateTable(Prng* random) {
  CreateTable out;
  out.table = RandomTable(random);
  out.if_not_exists = random->OneIn(2);
  out.columns = Some<ColumnDefinition>(random, [random] {
    return ColumnDefinition{RandomName(random), static_cast<Type>(random->NextBelow(10))};
  });
  if (!random->OneIn(3)) out.partition_key = RandomNames(random);
  if (!out.partition_key.empty() && random->OneIn(2)) out.clustering_key = RandomNames(random);
  if (random->OneIn(2)) out.clustering_order = RandomOrdering(random);
  if (random->OneIn(2)) out.tablets = static_cast<int64_t>(random->NextBelow(100)) - 50;
  return out;
}

Assignment RandomAssignment(Prng* random) {
  Assignment out;
  out.column = RandomName(random);
  out.kind = static_cast<Assignment::Kind>(random->NextBelow(3));
  if (out.kind != Assignment::Kind::kSet) out.counted = RandomName(random);
  out.value = RandomLiteral(random);
  return out;
}

Select RandomSelect(Prng* random) {
  Select out;
  out.table = RandomTable(random);
  out.count = random->OneIn(3);
  if (!out.count && random->OneIn(2)) out.columns = RandomNames(random);
  if (random->OneIn(2)) out.where = RandomWhere(random);
  if (random->OneIn(2)) out.order_by = RandomOrdering(random);
  if (random->OneIn(2)) out.limit = static_cast<int64_t>(random->NextBelow(1000)) - 1;
  return out;
}

Describe RandomDescribe(Prng* random) {
  Describe out;
  out.what = static_cast<Describe::What>(random->NextBelow(4));
  if (out.what == Describe::What::kTable) out.table = RandomTable(random);
  if (out.what == Describe::What::kKeyspace && random->OneIn(2)) out.table.keyspace = RandomName(random);
  return out;
}

// Writes token by token.
class Writer {
 public:
  explicit Writer(Prng* random) : random_(random) {}

  Writer& Word(std::string word) {
    if (random_->OneIn(2)) absl::AsciiStrToUpper(&word);
    return Token(word);
  }
  // Several words.
  Writer& Words(const std::vector<std::string>& words) {
    for (const std::string& word : words) Word(word);
    return *this;
  }
  Writer& Token(const std::string& token) {
    static const std::vector<std::string> blanks = {
        " ", "  ", "\n", "\t", " -- a ; comment '\n", "/* an\"other */", " // one; more\n"};
    absl::StrAppend(&text_, blanks[random_->NextBelow(blanks.size())], token);
    return *this;
  }
  // In quotes where it must be, and sometimes where it need not.
  Writer& Name(const std::string& name) {
    if (random_->OneIn(4)) return Token(absl::StrCat("\"", absl::StrReplaceAll(name, {{"\"", "\"\""}}), "\""));
    return Token(QuotedName(name));
  }
  Writer& Table(const TableName& table) {
    if (!table.keyspace.empty()) Name(table.keyspace).Token(".");
    return Name(table.name);
  }
  template <typename List, typename One>
  Writer& Each(const List& list, const std::string& separator, One one) {
    for (size_t i = 0; i < list.size(); ++i) {
      if (i > 0) Word(separator);
      one(list[i]);
    }
    return *this;
  }
  Writer& Names(const std::vector<std::string>& names) {
    return Each(names, ",", [this](const std::string& name) { Name(name); });
  }
  Writer& Constant(const Literal& literal) {
    switch (literal.kind) {
      case Literal::Kind::kNull:
        return Word("null");
      case Literal::Kind::kString:
        if (random_->OneIn(4)) return Token(absl::StrCat("$$", literal.text, "$$"));
        return Token(absl::StrCat("'", absl::StrReplaceAll(literal.text, {{"'", "''"}}), "'"));
      case Literal::Kind::kBoolean:
        return Word(literal.text);
      default:
        return Token(literal.text);
    }
  }
  Writer& Where(const std::vector<Relation>& where) {
    static const std::vector<std::string> operators = {"=", "<", "<=", ">", ">="};
    if (where.empty()) return *this;
    Word("where");
    return Each(where, "and", [this](const Relation& relation) {
      Name(relation.column).Token(operators[static_cast<size_t>(relation.op)]).Constant(relation.value);
    });
  }
  Writer& Orderings(const std::vector<Ordering>& orderings) {
    return Each(orderings, ",", [this](const Ordering& ordering) {
      Name(ordering.column);
      if (ordering.descending) Word("desc");
      if (!ordering.descending && random_->OneIn(2)) Word("asc");
    });
  }

  void operator()(const CreateKeyspace& s) {
    Words({"create", "keyspace"});
    if (s.if_not_exists) Words({"if", "not", "exists"});
    Name(s.name);
    if (random_->OneIn(3)) Words({"with", "replication", "=", "{", "'class'", ":", "'SimpleStrategy'", "}"});
  }
  void operator()(const DropKeyspace& s) {
    Words({"drop", "keyspace"});
    if (s.if_exists) Words({"if", "exists"});
    Name(s.name);
  }
  void operator()(const CreateTable& s) {
    Words({"create", "table"});
    if (s.if_not_exists) Words({"if", "not", "exists"});
    Table(s.table).Token("(");
    Each(s.columns, ",",
         [this](const ColumnDefinition& column) { Name(column.name).Word(std::string(TypeName(column.type))); });
    if (!s.partition_key.empty()) {
      Token(",").Words({"primary", "key"}).Token("(").Token("(").Names(s.partition_key).Token(")");
      if (!s.clustering_key.empty()) Token(",").Names(s.clustering_key);
      Token(")");
    }
    Token(")");
    if (!s.clustering_order.empty()) {
      Words({"with", "clustering", "order", "by"}).Token("(").Orderings(s.clustering_order).Token(")");
    }
    if (s.tablets)
      Word(s.clustering_order.empty() ? "with" : "and").Word("tablets").Token("=").Token(absl::StrCat(*s.tablets));
  }
  void operator()(const DropTable& s) {
    Words({"drop", "table"});
    if (s.if_exists) Words({"if", "exists"});
    Table(s.table);
  }
  void operator()(const Use& s) { Word("use").Name(s.keyspace); }
  void operator()(const Insert& s) {
    Words({"insert", "into"}).Table(s.table).Token("(").Names(s.columns).Token(")").Word("values").Token("(");
    Each(s.values, ",", [this](const Literal& value) { Constant(value); }).Token(")");
  }
  void operator()(const Update& s) {
    Word("update").Table(s.table).Word("set");
    Each(s.assignments, ",", [this](const Assignment& assignment) {
      Name(assignment.column).Token("=");
      if (assignment.kind != Assignment::Kind::kSet) {
        Name(assignment.counted).Token(assignment.kind == Assignment::Kind::kAdd ? "+" : "-");
      }
      Constant(assignment.value);
    });
    Where(s.where);
  }
  void operator()(const Delete& s) { Word("delete").Names(s.columns).Word("from").Table(s.table).Where(s.where); }
  void operator()(const Select& s) {
    Word("select");
    if (s.count) {
      Word("count").Token("(").Token(random_->OneIn(2) ? "*" : "1").Token(")");
    } else if (s.columns.empty()) {
      Token("*");
    }
    Names(s.columns).Word("from").Table(s.table).Where(s.where);
    if (!s.order_by.empty()) Words({"order", "by"}).Orderings(s.order_by);
    if (s.limit) Word("limit").Token(absl::StrCat(*s.limit));
    if (random_->OneIn(3)) Words({"allow", "filtering"});
  }
  void operator()(const Describe& s) {
    static const std::vector<std::string> whats = {"keyspaces", "keyspace", "tables", "table"};
    Word(random_->OneIn(2) ? "desc" : "describe").Word(whats[static_cast<size_t>(s.what)]);
    if (s.what == Describe::What::kTable) Table(s.table);
    if (!s.table.keyspace.empty() && s.what == Describe::What::kKeyspace) Name(s.table.keyspace);
  }

  std::string Take() { return random_->OneIn(2) ? text_ + " ;" : text_; }

 private:
  Prng* random_;
  std::string text_;
};

}  // namespace

Statement RandomStatement(Prng* random) {
  switch (random->NextBelow(10)) {
    case 0:
      return CreateKeyspace{RandomName(random), random->OneIn(2)};
    case 1:
      return DropKeyspace{RandomName(random), random->OneIn(2)};
    case 2:
      return RandomCreateTable(random);
    case 3:
      return DropTable{RandomTable(random), random->OneIn(2)};
    case 4:
      return Use{RandomName(random)};
    case 5:
      return Insert{RandomTable(random), RandomNames(random),
                    Some<Literal>(random, [random] { return RandomLiteral(random); })};
    case 6:
      return Update{RandomTable(random), Some<Assignment>(random, [random] { return RandomAssignment(random); }),
                    RandomWhere(random)};
    case 7:
      return Delete{RandomTable(random), random->OneIn(2) ? RandomNames(random) : std::vector<std::string>(),
                    RandomWhere(random)};
    case 8:
      return RandomSelect(random);
    default:
      return RandomDescribe(random);
  }
}

std::string StatementText(const Statement& statement, Prng* random) {
  Writer writer(random);
  std::visit(writer, statement);
  return writer.Take();
}

}  // namespace sut::cql
