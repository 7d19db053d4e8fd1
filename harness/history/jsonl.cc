// Writes histories as lines of JSON.
#include "harness/history/jsonl.h"

#include <span>

namespace holdfast::history {
namespace {

void AppendValue(std::string* out, const History& history, Symbol value) {
  if (value == kAbsent || value == kUnobserved) {
    out->append("null");
  } else {
    AppendJsonString(out, history.text(value));
  }
}

void AppendRows(std::string* out, const History& history, std::span<const Row> rows) {
  out->append(",\"rows\":{");
  for (size_t i = 0; i < rows.size(); ++i) {
    if (i > 0) out->push_back(',');
    AppendJsonString(out, history.text(rows[i].key));
    out->push_back(':');
    AppendValue(out, history, rows[i].value);
  }
  out->push_back('}');
}

void AppendParts(std::string* out, const History& history, const Operation& op) {
  out->append(",\"parts\":[");
  const char* separator = "[\"";
  for (const Mutation& part : history.mutations(op.list)) {
    out->append(separator);
    separator = ",[\"";
    out->append(KindName(part.kind)).append("\",");
    AppendJsonString(out, history.text(part.key));
    if (part.kind == Kind::kIncrement) out->append(",").append(std::to_string(part.delta));
    if (part.kind != Kind::kDelete && part.value != kUnobserved) {
      out->push_back(',');
      AppendValue(out, history, part.value);
    }
    out->push_back(']');
  }
  out->push_back(']');
}

bool HasKey(Kind kind) {
  return kind == Kind::kGet || kind == Kind::kPut || kind == Kind::kDelete || kind == Kind::kIncrement ||
         kind == Kind::kSnapshot || kind == Kind::kRestore || kind == Kind::kDrop || kind == Kind::kAppend;
}

void AppendOperation(std::string* out, const History& history, size_t position) {
  const Operation& op = history.operations[position];
  const auto number = [&](const char* name, int64_t value) {
    out->append(",\"").append(name).append("\":").append(std::to_string(value));
  };
  out->append("{\"f\":\"").append(KindName(op.kind)).append("\"");
  number("object", op.object);
  number("process", op.process);
  if (HasKey(op.kind) && op.key != kAbsent) {
    out->append(",\"key\":");
    AppendJsonString(out, history.text(op.key));
  }
  if (op.expected != kUnobserved) {
    out->append(",\"expected\":");
    AppendValue(out, history, op.expected);
  }
  if (op.kind == Kind::kIncrement) number("delta", op.delta);
  if (op.value != kUnobserved) {
    out->append(",\"value\":");
    AppendValue(out, history, op.value);
  }
  if (op.kind == Kind::kBatch) AppendParts(out, history, op);
  if (History::HasRows(op)) AppendRows(out, history, history.rows(op.list));
  out->append(",\"outcome\":\"").append(OutcomeName(op.outcome)).append("\"");
  number("invoke", op.invoke);
  if (op.complete != kPending) number("complete", op.complete);
  if (op.hint.known()) {
    out->append(",\"at\":[").append(std::to_string(op.hint.term)).append(",");
    out->append(std::to_string(op.hint.index)).append(",").append(std::to_string(op.hint.sub)).append("]");
  }
  if (op.step != 0) number("step", op.step);
  if (op.group != 0) number("group", op.group);
  const auto note = history.notes.find(position);
  if (note != history.notes.end()) {
    out->append(",\"note\":");
    AppendJsonString(out, note->second);
  }
  out->append("}\n");
}

}  // namespace

void AppendJsonString(std::string* out, std::string_view bytes) {
  static constexpr char kHex[] = "0123456789abcdef";
  out->push_back('"');
  for (const char c : bytes) {
    const unsigned char byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out->push_back('\\');
      out->push_back(c);
    } else if (byte >= 0x20 && byte < 0x7F) {
      out->push_back(c);
    } else {
      out->append("\\u00");
      out->push_back(kHex[byte >> 4]);
      out->push_back(kHex[byte & 15]);
    }
  }
  out->push_back('"');
}

void WriteJsonl(const History& history, const JsonlHeader& header, const std::function<void(std::string_view)>& write) {
  std::string line = "{\"holdfast\":\"history\",\"version\":1";
  if (!header.model.empty()) {
    line.append(",\"model\":");
    AppendJsonString(&line, header.model);
  }
  if (header.initial.has_value()) {
    line.append(",\"initial\":");
    AppendJsonString(&line, *header.initial);
  }
  line.append("}\n");
  write(line);
  for (const auto& [object, rows] : history.initial_rows) {
    line = "{\"f\":\"initial\",\"object\":" + std::to_string(object);
    AppendRows(&line, history, rows);
    line.append("}\n");
    write(line);
  }
  for (size_t i = 0; i < history.operations.size(); ++i) {
    line.clear();
    AppendOperation(&line, history, i);
    write(line);
  }
}

std::string ToJsonl(const History& history, const JsonlHeader& header) {
  std::string text;
  WriteJsonl(history, header, [&text](std::string_view line) { text.append(line); });
  return text;
}

}  // namespace holdfast::history
