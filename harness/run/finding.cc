#include "harness/run/finding.h"

#include <google/protobuf/util/json_util.h>

#include <cctype>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "harness/plan/plan_text.h"
#include "harness/run/result_text.h"

namespace holdfast::run {
namespace {

namespace fs = std::filesystem;

constexpr uint32_t kFormatVersion = 1;
constexpr size_t kNameBytesMax = 64;
constexpr int kNumberMax = 10'000;
constexpr const char* kPlanFile = "plan.textproto";
constexpr const char* kMinimalFile = "minimal.textproto";
constexpr const char* kHistoryFile = "history.jsonl";
constexpr const char* kTimelineFile = "timeline.txt";
constexpr const char* kVerdictFile = "verdict.json";
constexpr const char* kReadmeFile = "README.md";

// Checker and seed, in letters that every shell and file system takes.
std::string NameOf(const Finding& finding) {
  const std::string checker = finding.result.violations().empty() ? VerdictText(finding.result.verdict())
                                                                  : finding.result.violations(0).checker();
  std::string name;
  for (const char c : absl::StrFormat("%s-%016x", checker, finding.plan.seed())) {
    const auto byte = static_cast<unsigned char>(c);
    name += std::isalnum(byte) ? static_cast<char>(std::tolower(byte)) : '-';
  }
  return name.substr(0, kNameBytesMax);
}

FindingRecord RecordOf(const Finding& finding) {
  FindingRecord record;
  record.set_format_version(kFormatVersion);
  record.set_found_by(finding.found_by);
  record.set_verdict(finding.result.verdict());
  record.set_history_digest(DigestText(finding.result.history_digest()));
  record.set_final_draw(DigestText(finding.result.final_draw()));
  *record.mutable_violations() = finding.result.violations();
  *record.mutable_notes() = finding.result.notes();
  if (finding.minimal.has_crash_point()) *record.mutable_crash_point() = finding.minimal.crash_point();
  record.set_twice(finding.minimal.twice());
  record.set_is_minimal(finding.is_minimal);
  record.set_world(finding.minimal.world());
  record.set_speed(finding.minimal.speed());
  record.set_repeats(finding.repeats);
  record.set_repeats_failed(finding.repeats_failed);
  *record.mutable_refused() = finding.result.refused();
  return record;
}

absl::StatusOr<std::string> RecordText(const FindingRecord& record) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  options.preserve_proto_field_names = true;
  std::string text;
  const auto status = google::protobuf::util::MessageToJsonString(record, &text, options);
  if (!status.ok()) return absl::InternalError(absl::StrCat("verdict.json: ", status.ToString()));
  return text;
}

std::string ReadmeText(const Finding& finding, const std::string& folder) {
  std::string text = absl::StrCat("# ", HeadlineText(finding.result), "\n\n");
  absl::StrAppend(&text, "Verdict: ", VerdictText(finding.result.verdict()), ". Found by: ", finding.found_by, ".\n");
  if (!finding.plan.bugs().empty()) {
    absl::StrAppend(&text, "Planted bugs:");
    for (const std::string& bug : finding.plan.bugs()) absl::StrAppend(&text, " ", bug);
    absl::StrAppend(&text, ".\n");
  }
  if (finding.minimal.has_crash_point()) {
    absl::StrAppend(&text, "Crash point: ", CrashPointText(finding.minimal.crash_point()),
                    ", counted since the cluster was up.\n");
  }
  if (finding.minimal.world() == PROCESSES) {
    absl::StrAppend(&text, "Found in real processes, where no two runs are the same: ", finding.repeats_failed, " of ",
                    finding.repeats, " further runs failed in the same way. What is here is of the run that failed.\n");
    absl::StrAppend(&text, LimitsText(finding.result));
  }
  absl::StrAppend(&text, "The plan had ", finding.plan.steps_size(), " steps; minimal.textproto has ",
                  finding.minimal.plan().steps_size(),
                  finding.is_minimal ? ", and no smaller one that was tried fails in the same way.\n" : ".\n");
  absl::StrAppend(&text, "\nReplay it:\n\n    holdfast replay ", folder, "\n\n");
  absl::StrAppend(&text, "## What was found\n\n```\n", ViolationsText(finding.result), "```\n\n");
  absl::StrAppend(&text, "## What is here\n\n");
  absl::StrAppend(
      &text, "- `plan.textproto`: the plan as it was found\n- `minimal.textproto`: the smallest plan that fails in ",
      "the same way\n- `timeline.txt`: what happened when that one ran, with simulated times in seconds\n",
      "- `history.jsonl`: what its clients saw\n- `verdict.json`: verdict, evidence and digest\n");
  return text;
}

absl::Status WriteFile(const fs::path& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  if (!file) return absl::UnavailableError(absl::StrCat(path.string(), ": cannot be written"));
  return absl::OkStatus();
}

absl::Status WriteFiles(const Finding& finding, const fs::path& folder, const std::string& final_path) {
  absl::StatusOr<std::string> record = RecordText(RecordOf(finding));
  if (!record.ok()) return record.status();
  const std::pair<const char*, std::string> files[] = {
      {kPlanFile, plan::PrintPlan(finding.plan)},
      {kMinimalFile, plan::PrintPlan(finding.minimal.plan())},
      {kHistoryFile, finding.result.history_jsonl()},
      {kTimelineFile, finding.result.timeline()},
      {kVerdictFile, *record},
      {kReadmeFile, ReadmeText(finding, final_path)},
  };
  for (const auto& [name, text] : files) {
    if (absl::Status status = WriteFile(folder / name, text); !status.ok()) return status;
  }
  return absl::OkStatus();
}

// The first name that is not taken, and the folder moved there.
absl::StatusOr<std::string> Publish(const Finding& finding, const fs::path& temporary, const fs::path& directory) {
  for (int number = 1; number <= kNumberMax; ++number) {
    const fs::path path = directory / (number == 1 ? NameOf(finding) : absl::StrCat(NameOf(finding), "-", number));
    std::error_code error;
    if (fs::exists(path, error)) continue;
    if (absl::Status status = WriteFiles(finding, temporary, path.string()); !status.ok()) return status;
    fs::rename(temporary, path, error);
    if (!error) return path.string();
    if (!fs::exists(path)) return absl::UnavailableError(absl::StrCat(path.string(), ": ", error.message()));
  }
  return absl::ResourceExhaustedError(absl::StrCat(directory.string(), ": too many findings of one name"));
}

absl::StatusOr<FindingRecord> ReadRecord(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) return absl::NotFoundError(absl::StrCat(path, ": cannot be read"));
  FindingRecord record;
  const auto status = google::protobuf::util::JsonStringToMessage(text.str(), &record);
  if (!status.ok()) {
    std::string reason(status.message());
    for (char& c : reason) c = c == '\n' ? ' ' : c;
    return absl::InvalidArgumentError(absl::StrCat(path, ": ", reason));
  }
  if (record.format_version() != kFormatVersion) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": format_version ", record.format_version(),
                                                   " is not known; this binary reads ", kFormatVersion));
  }
  return record;
}

absl::Status CheckCrashPoint(const CrashPoint& point, const plan::Plan& plan, const std::string& path) {
  if (point.node() < 1 || point.node() > plan.shape().nodes()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": crash_point.node ", point.node(), " of ", plan.shape().nodes(), " nodes"));
  }
  if (point.ordinal() < 1) return absl::InvalidArgumentError(absl::StrCat(path, ": crash_point.ordinal counts from 1"));
  return point.has_then() ? CheckCrashPoint(point.then(), plan, path) : absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> WriteFinding(const Finding& finding, const std::string& directory) {
  std::error_code error;
  fs::create_directories(directory, error);
  if (error) return absl::UnavailableError(absl::StrCat(directory, ": ", error.message()));
  std::string temporary = (fs::path(directory) / ".unfinished-XXXXXX").string();
  if (mkdtemp(temporary.data()) == nullptr) {
    return absl::UnavailableError(absl::StrCat(directory, ": no folder can be made in it"));
  }
  fs::permissions(temporary,
                  fs::perms::owner_all | fs::perms::group_read | fs::perms::group_exec | fs::perms::others_read |
                      fs::perms::others_exec,
                  error);
  absl::StatusOr<std::string> path = Publish(finding, temporary, directory);
  if (!path.ok()) fs::remove_all(temporary, error);
  return path;
}

absl::StatusOr<StoredFinding> ReadFinding(const std::string& folder) {
  StoredFinding finding;
  const std::string record_path = absl::StrCat(folder, "/", kVerdictFile);
  absl::StatusOr<FindingRecord> record = ReadRecord(record_path);
  if (!record.ok()) return record.status();
  finding.record = *std::move(record);
  absl::StatusOr<plan::Plan> plan = plan::LoadPlan(absl::StrCat(folder, "/", kMinimalFile));
  if (!plan.ok()) return plan.status();
  *finding.trial.mutable_plan() = *std::move(plan);
  finding.trial.set_twice(finding.record.twice());
  finding.trial.set_world(finding.record.world());
  finding.trial.set_speed(finding.record.speed());
  if (finding.record.has_crash_point()) {
    const CrashPoint& point = finding.record.crash_point();
    if (absl::Status status = CheckCrashPoint(point, finding.trial.plan(), record_path); !status.ok()) return status;
    *finding.trial.mutable_crash_point() = point;
  }
  return finding;
}

std::string DigestText(uint64_t digest) { return absl::StrFormat("%016x", digest); }

}  // namespace holdfast::run
