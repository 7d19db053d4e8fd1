// Plans as text: protobuf's text format, one step a line.
//
// Contract: Print then Parse gives the plan back. Parse refuses what it does not know; every error is one line,
// "file:line:column: reason". The LineIndex that comes with a parsed plan lets validation name lines too.

#ifndef HARNESS_PLAN_PLAN_TEXT_H_
#define HARNESS_PLAN_PLAN_TEXT_H_

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "harness/plan/plan.pb.h"

namespace holdfast::plan {

// Where the fields of a plan stand in its file, as fine as header fields and whole steps.
class LineIndex {
 public:
  struct Location {
    int line = 0;  // from 1; 0 if unknown
    int column = 0;
  };

  explicit LineIndex(std::string file) : file_(std::move(file)) {}

  void AddField(std::string path, Location location) { fields_[std::move(path)] = location; }
  void AddStep(Location location) { steps_.push_back(location); }

  // "file:line:column" of a header field ("shape.nodes"), of the message around it, or of the file.
  std::string Field(std::string_view path) const;
  std::string Step(size_t index) const;

 private:
  std::string Format(Location location) const;

  std::string file_;
  std::map<std::string, Location, std::less<>> fields_;
  std::vector<Location> steps_;
};

struct ParsedPlan {
  Plan plan;
  LineIndex lines;
};

// `file` only names the text in errors.
absl::StatusOr<ParsedPlan> ParsePlan(std::string_view text, std::string_view file);

std::string PrintPlan(const Plan& plan);

// Reads, parses and validates.
absl::StatusOr<Plan> LoadPlan(const std::string& path);

}  // namespace holdfast::plan

#endif  // HARNESS_PLAN_PLAN_TEXT_H_
