#include "harness/plan/plan_text.h"

#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/text_format.h>

#include <fstream>
#include <sstream>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "harness/plan/validate.h"

namespace holdfast::plan {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::TextFormat;

// Far above what 100,000 steps need, and below what protobuf's int sizes hold.
constexpr size_t kTextBytesMax = 256 << 20;

// Keeps the first error; what follows it is mostly its consequence.
class FirstError : public google::protobuf::io::ErrorCollector {
 public:
  explicit FirstError(std::string file) : file_(std::move(file)) {}

  void AddError(int line, int column, const std::string& message) override {
    if (!text_.empty()) return;
    const std::string one_line = absl::StrReplaceAll(message, {{"\n", " "}, {"\r", " "}});
    text_ = line < 0 ? absl::StrCat(file_, ": ", one_line)
                     : absl::StrCat(file_, ":", line + 1, ":", column + 1, ": ", one_line);
  }
  const std::string& text() const { return text_; }

 private:
  std::string file_;
  std::string text_;
};

LineIndex::Location ToLocation(const TextFormat::ParseLocation& location) {
  return {.line = location.line + 1, .column = location.column + 1};
}

// Adds `message`'s singular fields, and those of its sub-messages, below `prefix`.
void IndexFields(const google::protobuf::Message& message, const TextFormat::ParseInfoTree& tree,
                 const std::string& prefix, LineIndex* index) {
  const google::protobuf::Descriptor* descriptor = message.GetDescriptor();
  for (int i = 0; i < descriptor->field_count(); ++i) {
    const FieldDescriptor* field = descriptor->field(i);
    if (field->is_repeated()) continue;
    const std::string path = absl::StrCat(prefix, field->name());
    const TextFormat::ParseLocation location = tree.GetLocation(field, -1);
    if (location.line >= 0) index->AddField(path, ToLocation(location));
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
    const TextFormat::ParseInfoTree* nested = tree.GetTreeForNested(field, -1);
    if (nested == nullptr) continue;
    IndexFields(message.GetReflection()->GetMessage(message, field), *nested, path + ".", index);
  }
}

void IndexPlan(const Plan& plan, const TextFormat::ParseInfoTree& tree, LineIndex* index) {
  IndexFields(plan, tree, "", index);
  const FieldDescriptor* steps = Plan::descriptor()->FindFieldByNumber(Plan::kStepsFieldNumber);
  for (int i = 0; i < plan.steps_size(); ++i) index->AddStep(ToLocation(tree.GetLocation(steps, i)));
  const FieldDescriptor* bugs = Plan::descriptor()->FindFieldByNumber(Plan::kBugsFieldNumber);
  for (int i = 0; i < plan.bugs_size(); ++i) {
    index->AddField(absl::StrCat("bugs[", i, "]"), ToLocation(tree.GetLocation(bugs, i)));
  }
}

}  // namespace

std::string LineIndex::Format(Location location) const {
  if (location.line <= 0) return file_;
  return absl::StrCat(file_, ":", location.line, ":", location.column);
}

std::string LineIndex::Field(std::string_view path) const {
  while (true) {
    if (const auto found = fields_.find(path); found != fields_.end()) return Format(found->second);
    const size_t dot = path.rfind('.');
    if (dot == std::string_view::npos) return file_;
    path = path.substr(0, dot);
  }
}

std::string LineIndex::Step(size_t index) const { return index < steps_.size() ? Format(steps_[index]) : file_; }

absl::StatusOr<ParsedPlan> ParsePlan(std::string_view text, std::string_view file) {
  if (text.size() > kTextBytesMax)
    return absl::InvalidArgumentError(absl::StrCat(std::string(file), ": larger than 256 MiB"));
  const std::string name(file);
  FirstError error(name);
  TextFormat::ParseInfoTree tree;
  TextFormat::Parser parser;
  parser.RecordErrorsTo(&error);
  parser.WriteLocationsTo(&tree);
  ParsedPlan parsed{.plan = Plan(), .lines = LineIndex(name)};
  google::protobuf::io::ArrayInputStream input(text.data(), static_cast<int>(text.size()));
  if (!parser.Parse(&input, &parsed.plan)) {
    return absl::InvalidArgumentError(error.text().empty() ? absl::StrCat(name, ": not a plan") : error.text());
  }
  IndexPlan(parsed.plan, tree, &parsed.lines);
  return parsed;
}

std::string PrintPlan(const Plan& plan) {
  Plan header = plan;
  header.clear_steps();
  TextFormat::Printer printer;
  std::string text;
  printer.PrintToString(header, &text);
  printer.SetSingleLineMode(true);
  std::string line;
  for (const Step& step : plan.steps()) {
    printer.PrintToString(step, &line);
    if (line.empty()) line = " ";  // a step with every field at its default
    absl::StrAppend(&text, "steps { ", line, "}\n");
  }
  return text;
}

absl::StatusOr<Plan> LoadPlan(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return absl::NotFoundError(absl::StrCat(path, ": cannot be read"));
  std::ostringstream text;
  text << file.rdbuf();
  if (file.bad()) return absl::UnavailableError(absl::StrCat(path, ": reading failed"));
  auto parsed = ParsePlan(text.str(), path);
  if (!parsed.ok()) return parsed.status();
  if (absl::Status valid = Validate(parsed->plan, &parsed->lines); !valid.ok()) return valid;
  return std::move(parsed->plan);
}

}  // namespace holdfast::plan
