#include "harness/check/reply_order.h"

#include <algorithm>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "harness/check/problem.h"

namespace holdfast::check {
namespace {

using history::Kind;
using history::Operation;

bool IsRead(const Operation& op) { return op.kind == Kind::kGet || op.kind == Kind::kScan; }

std::string Text(const Operation& op) {
  return absl::StrCat("step ", op.step, ": client ", op.process, ", ", std::string(history::KindName(op.kind)),
                      ", at op id ", op.hint.term, ".", op.hint.index, ", from event ", op.invoke, " to ", op.complete);
}

// `calls`: in order of invoke.
std::optional<Violation> FirstWrong(const std::vector<const Operation*>& calls) {
  std::vector<const Operation*> ends = calls;
  std::stable_sort(ends.begin(), ends.end(),
                   [](const Operation* a, const Operation* b) { return a->complete < b->complete; });
  auto end = ends.begin();
  const Operation* newest = nullptr;  // of those that had ended
  for (const Operation* op : calls) {
    for (; (*end)->complete < op->invoke; ++end) {
      if (newest == nullptr || (*end)->hint.index > newest->hint.index) newest = *end;
    }
    if (newest == nullptr || op->hint.index > newest->hint.index) continue;
    if (IsRead(*op) && op->hint.index == newest->hint.index) continue;
    return Violation{
        "reply-order",
        "",
        absl::StrCat("tablet ", op->object, ": ", IsRead(*op) ? "a read was served" : "a write stands", " at index ",
                     op->hint.index, ", after something at index ", newest->hint.index, " had ended"),
        {Text(*newest), Text(*op)}};
  }
  return std::nullopt;
}

}  // namespace

std::vector<Violation> CheckReplyOrder(const history::History& history) {
  std::vector<Violation> found;
  for (const ObjectOperations& object : OperationsByObject(history)) {
    std::vector<const Operation*> calls;
    for (const uint32_t position : object.positions) {
      const Operation& op = history.operations[position];
      if (op.ok() && op.hint.known() && op.group == 0) calls.push_back(&op);
    }
    std::stable_sort(calls.begin(), calls.end(),
                     [](const Operation* a, const Operation* b) { return a->invoke < b->invoke; });
    if (std::optional<Violation> wrong = FirstWrong(calls)) found.push_back(*std::move(wrong));
  }
  return found;
}

}  // namespace holdfast::check
