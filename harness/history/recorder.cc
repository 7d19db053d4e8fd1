#include "harness/history/recorder.h"

#include <cstdlib>
#include <iostream>

namespace holdfast::history {
namespace {

// A wrong use of the recorder is a bug of the harness: a history with a false event is worth nothing.
void Require(bool condition, const char* what) {
  if (condition) return;
  std::cerr << "holdfast::history::Recorder: " << what << std::endl;
  std::abort();
}

}  // namespace

void Recorder::SetInitial(uint32_t object, const std::vector<std::pair<std::string, std::string>>& rows) {
  history_.initial_rows[object] = InternRows(rows);
}

Recorder::Position Recorder::Invoke(const Call& call) {
  Operation op;
  op.invoke = next_event_++;
  op.kind = call.kind;
  op.object = call.object;
  op.process = call.process;
  op.step = call.step;
  op.group = call.group;
  op.delta = call.delta;
  SymbolTable& symbols = history_.symbols;
  switch (call.kind) {
    case Kind::kGet:
    case Kind::kDelete:
    case Kind::kIncrement:
    case Kind::kSnapshot:
    case Kind::kRestore:
    case Kind::kDrop:
      op.key = symbols.Intern(call.key);
      break;
    case Kind::kPut:
    case Kind::kAppend:
      op.key = symbols.Intern(call.key);
      op.value = symbols.Intern(call.value);
      break;
    case Kind::kCompareAndSet:
    case Kind::kRefusedCompare:
      op.expected = symbols.Intern(call.expected);
      op.value = symbols.Intern(call.value);
      break;
    case Kind::kWrite:
      op.value = symbols.Intern(call.value);
      break;
    case Kind::kBatch: {
      std::vector<Mutation> mutations;
      for (const BatchPart& part : call.batch) {
        Mutation mutation{part.kind, symbols.Intern(part.key), kUnobserved, part.delta};
        if (part.kind == Kind::kPut) mutation.value = symbols.Intern(part.value);
        mutations.push_back(mutation);
      }
      op.list = history_.AddMutations(mutations);
      break;
    }
    case Kind::kScan:
    case Kind::kRead:
      break;
  }
  history_.operations.push_back(op);
  return history_.operations.size() - 1;
}

void Recorder::Ok(Position position, const Reply& reply) {
  Require(position < history_.operations.size(), "no such operation");
  Operation& op = history_.operations[position];
  Require(op.complete == kPending, "an operation ends once");
  op.complete = next_event_++;
  op.outcome = Outcome::kOk;
  op.hint = reply.hint;
  const bool observes = op.kind == Kind::kGet || op.kind == Kind::kRead || op.kind == Kind::kIncrement;
  if (observes && reply.value.has_value()) op.value = history_.symbols.Intern(*reply.value);
  if (observes && reply.absent) op.value = kAbsent;
  if (reply.rows.has_value() && op.kind != Kind::kBatch) op.list = history_.AddRows(InternRows(*reply.rows));
  if (op.kind == Kind::kBatch && !reply.numbers.empty()) {
    const std::span<const Mutation> asked = history_.mutations(op.list);
    std::vector<Mutation> answered(asked.begin(), asked.end());
    size_t next = 0;
    for (Mutation& mutation : answered) {
      if (mutation.kind != Kind::kIncrement || next == reply.numbers.size()) continue;
      mutation.value = history_.symbols.Intern(reply.numbers[next++]);
    }
    op.list = history_.AddMutations(answered);
  }
}

void Recorder::Fail(Position position, std::string_view reason) {
  Require(position < history_.operations.size(), "no such operation");
  Operation& op = history_.operations[position];
  Require(op.complete == kPending, "an operation ends once");
  op.complete = next_event_++;
  op.outcome = Outcome::kFail;
  Note(position, reason);
}

void Recorder::Indeterminate(Position position, std::string_view reason) {
  Require(position < history_.operations.size(), "no such operation");
  Require(history_.operations[position].complete == kPending, "an operation ends once");
  next_event_++;
  Note(position, reason);
}

void Recorder::CloseWindow(Position position) {
  Require(position < history_.operations.size(), "no such operation");
  Operation& op = history_.operations[position];
  Require(op.complete == kPending && op.indeterminate(), "only a pending operation has a window to close");
  op.complete = next_event_++;
}

void Recorder::Note(Position position, std::string_view text) {
  if (!text.empty()) history_.notes[position] = std::string(text);
}

void Recorder::SetHint(Position position, OpId hint) { history_.operations[position].hint = hint; }

void Recorder::SetRows(Position position, const std::vector<std::pair<std::string, std::string>>& rows) {
  history_.operations[position].list = history_.AddRows(InternRows(rows));
}

std::vector<Row> Recorder::InternRows(const std::vector<std::pair<std::string, std::string>>& rows) {
  std::vector<Row> interned;
  interned.reserve(rows.size());
  for (const auto& [key, value] : rows) {
    interned.push_back({history_.symbols.Intern(key), history_.symbols.Intern(value)});
  }
  return interned;
}

}  // namespace holdfast::history
