// Writes histories as Jepsen writes them: one event a line, in the order of time.
#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "harness/history/edn.h"
#include "harness/history/jsonl.h"

namespace holdfast::history {
namespace {

struct Event {
  int64_t at = 0;
  size_t position = 0;
  bool end = false;
};

// Numbers stand bare, as Jepsen's registers have them; everything else is a string.
void AppendValue(std::string* out, const History& history, Symbol value, std::string_view absent) {
  if (value == kUnobserved) {
    out->append("nil");
  } else if (value == kAbsent) {
    out->append(absent);
  } else {
    const std::string_view text = history.text(value);
    const size_t sign = !text.empty() && text[0] == '-' ? 1 : 0;
    const bool number = text.size() > sign && text.size() < 18 + sign &&
                        text.substr(sign).find_first_not_of("0123456789") == std::string_view::npos &&
                        (text[sign] != '0' || text.size() == 1);
    if (number) {
      out->append(text);
    } else {
      AppendJsonString(out, text);
    }
  }
}

void AppendBatch(std::string* out, const History& history, const Operation& op, bool answered) {
  out->push_back('[');
  const char* separator = "[:";
  for (const Mutation& part : history.mutations(op.list)) {
    out->append(separator).append(KindName(part.kind)).append(" ");
    separator = " [:";
    AppendJsonString(out, history.text(part.key));
    if (part.kind == Kind::kIncrement) out->append(" ").append(std::to_string(part.delta));
    if (part.kind == Kind::kPut || (part.kind == Kind::kIncrement && answered && part.value != kUnobserved)) {
      out->push_back(' ');
      AppendValue(out, history, part.value, "nil");
    }
    out->push_back(']');
  }
  out->push_back(']');
}

void AppendRows(std::string* out, const History& history, const Operation& op) {
  out->push_back('{');
  const char* separator = "";
  for (const Row& row : history.rows(op.list)) {
    out->append(separator);
    separator = ", ";
    AppendJsonString(out, history.text(row.key));
    out->push_back(' ');
    AppendValue(out, history, row.value, "nil");
  }
  out->push_back('}');
}

// What stands behind :value, in the call and in its answer.
void AppendEventValue(std::string* out, const History& history, const Operation& op, bool answered) {
  switch (op.kind) {
    case Kind::kGet:
    case Kind::kRead:
      AppendValue(out, history, answered ? op.value : kUnobserved, ":absent");
      break;
    case Kind::kCompareAndSet:
    case Kind::kRefusedCompare:
      out->push_back('[');
      AppendValue(out, history, op.expected, "nil");
      out->push_back(' ');
      AppendValue(out, history, op.value, "nil");
      out->push_back(']');
      break;
    case Kind::kIncrement:
      if (answered && op.value != kUnobserved) {
        out->append("[").append(std::to_string(op.delta)).append(" ");
        AppendValue(out, history, op.value, "nil");
        out->push_back(']');
      } else {
        out->append(std::to_string(op.delta));
      }
      break;
    case Kind::kBatch:
      AppendBatch(out, history, op, answered);
      break;
    case Kind::kScan:
    case Kind::kSnapshot:
    case Kind::kRestore:
      if (answered && op.list != kNoList) {
        AppendRows(out, history, op);
      } else {
        out->append("nil");
      }
      break;
    case Kind::kDelete:
    case Kind::kDrop:
      out->append("nil");
      break;
    default:
      AppendValue(out, history, op.value, "nil");
      break;
  }
}

// Jepsen allows a process one open call, and none after one that never ended: calls beyond get process numbers of their own.
class Processes {
 public:
  explicit Processes(const History& history) : assigned_(history.operations.size()) {
    for (const Operation& op : history.operations) next_ = std::max(next_, int64_t{op.process} + 1);
  }
  int64_t Call(size_t position, const Operation& op) {
    const bool free = busy_.insert(op.process).second;
    assigned_[position] = free ? int64_t{op.process} : next_++;
    return assigned_[position];
  }
  int64_t End(size_t position, const Operation& op) {
    // An indeterminate call never frees its process.
    if (assigned_[position] == int64_t{op.process} && !op.indeterminate()) busy_.erase(op.process);
    return assigned_[position];
  }

 private:
  std::vector<int64_t> assigned_;
  std::set<uint32_t> busy_;
  int64_t next_ = 0;
};

// A refused compare is what Jepsen calls a failed cas.
std::string_view JepsenName(const Operation& op) {
  if (op.kind == Kind::kRefusedCompare) return "cas";
  if (op.kind == Kind::kIncrement && op.key == kAbsent) return "add";
  return KindName(op.kind);
}

}  // namespace

void WriteEdn(const History& history, const std::function<void(std::string_view)>& write) {
  std::vector<Event> events;
  events.reserve(history.operations.size() * 2);
  for (size_t i = 0; i < history.operations.size(); ++i) {
    events.push_back({history.operations[i].invoke, i, false});
    if (history.operations[i].complete != kPending) events.push_back({history.operations[i].complete, i, true});
  }
  std::stable_sort(events.begin(), events.end(), [](const Event& a, const Event& b) { return a.at < b.at; });
  Processes processes(history);
  std::string line;
  for (size_t i = 0; i < events.size(); ++i) {
    const Event& event = events[i];
    const Operation& op = history.operations[event.position];
    const int64_t process = event.end ? processes.End(event.position, op) : processes.Call(event.position, op);
    const bool refused = op.kind == Kind::kRefusedCompare && op.ok();
    line = "{:index " + std::to_string(i) + ", :process " + std::to_string(process) + ", :type :";
    line.append(!event.end ? "invoke" : refused ? "fail" : OutcomeName(op.outcome));
    line.append(", :f :").append(JepsenName(op));
    if (op.object != 0) line.append(", :object ").append(std::to_string(op.object));
    if (op.group != 0) line.append(", :group ").append(std::to_string(op.group));
    if (op.step != 0) line.append(", :step ").append(std::to_string(op.step));
    if (op.key != kAbsent) {
      line.append(", :key ");
      AppendJsonString(&line, history.text(op.key));
    }
    line.append(", :value ");
    AppendEventValue(&line, history, op, event.end && op.ok());
    line.append("}\n");
    write(line);
  }
}

}  // namespace holdfast::history
