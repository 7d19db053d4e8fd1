#include "harness/cli/check_command.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "harness/check/linearizability.h"
#include "harness/cli/exit_code.h"
#include "harness/cli/history_file.h"
#include "harness/cli/stop_signal.h"
#include "harness/history/jsonl.h"

namespace holdfast::cli {
namespace {

using Clock = std::chrono::steady_clock;

struct CheckFlags {
  std::vector<std::string> files;
  std::string model;
  std::string format;
  std::optional<std::string> initial;
  double time_limit_s = 60;
  int64_t memory_limit_mib = 1024;
  unsigned jobs = 0;
  bool json = false;
};

// What became of one file.
struct Judged {
  std::string error;  // bad input
  std::string model;
  size_t operation_count = 0;
  check::LinearizabilityResult result;
  int64_t parse_us = 0;
  int64_t check_us = 0;
};

// Partitions over threads: each takes the next one that nobody has.
check::Executor ParallelExecutor(unsigned jobs) {
  if (jobs <= 1) return nullptr;
  return [jobs](size_t count, const std::function<void(size_t)>& task) {
    std::atomic<size_t> next = 0;
    const auto work = [&] {
      for (size_t i = next++; i < count; i = next++) task(i);
    };
    std::vector<std::thread> threads;
    for (size_t i = 1; i < std::min<size_t>(jobs, count); ++i) threads.emplace_back(work);
    work();
    for (std::thread& thread : threads) thread.join();
  };
}

int64_t MicrosecondsSince(Clock::time_point start) {
  return std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - start).count();
}

// The initial value as the user writes it: nil is none, quotes are dropped.
history::Symbol InitialSymbol(std::string text, history::History* history) {
  if (text == "nil") return history::kAbsent;
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') text = text.substr(1, text.size() - 2);
  return history->symbols.Intern(text);
}

// False if the model does not know an operation of the history.
bool Fits(check::Model model, const history::History& history, std::string* error) {
  for (size_t i = 0; i < history.operations.size(); ++i) {
    if (check::ModelKnows(model, history.operations[i].kind)) continue;
    *error = "model " + std::string(check::ModelName(model)) + " knows no such operation: " + history.Describe(i);
    return false;
  }
  return true;
}

Judged JudgeFile(const std::string& path, const CheckFlags& flags, history::History* history) {
  Judged judged;
  const Clock::time_point start = Clock::now();
  std::optional<history::Format> format;
  if (!flags.format.empty()) {
    format.emplace();
    history::FormatFromName(flags.format, &*format);
  }
  history::Imported imported;
  if (!ReadHistoryFile(path, format, &imported, &judged.error)) return judged;
  judged.parse_us = MicrosecondsSince(start);
  *history = std::move(imported.history);
  judged.operation_count = history->operations.size();
  judged.model = !flags.model.empty() ? flags.model : imported.model;
  check::LinearizabilityOptions options;
  if (judged.operation_count > 0 && !check::ModelFromName(judged.model, &options.model)) {
    judged.error = path + ": the history does not tell its model; name one with --model";
    return judged;
  }
  if (!Fits(options.model, *history, &judged.error)) {
    judged.error = path + ": " + judged.error;
    return judged;
  }
  const std::optional<std::string> initial = flags.initial.has_value() ? flags.initial : imported.initial;
  if (initial.has_value()) {
    options.initial = InitialSymbol(*initial, history);
  } else if (options.model == check::Model::kKvAppend) {
    options.initial = history->symbols.Intern("");
  }
  const Clock::time_point deadline =
      start + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(flags.time_limit_s));
  options.limits.stop = [deadline] { return StopRequested() || Clock::now() > deadline; };
  options.limits.bytes_max = flags.memory_limit_mib * (1 << 20) - history->ByteCount();
  options.executor = ParallelExecutor(flags.jobs == 0 ? std::thread::hardware_concurrency() : flags.jobs);
  const Clock::time_point checking = Clock::now();
  judged.result = check::CheckLinearizability(*history, options);
  judged.check_us = MicrosecondsSince(checking);
  return judged;
}

const char* Word(check::Verdict verdict) {
  switch (verdict) {
    case check::Verdict::kPass:
      return "linearizable";
    case check::Verdict::kFail:
      return "not linearizable";
    case check::Verdict::kVacuous:
      return "vacuous";
    case check::Verdict::kUnknown:
      return "unknown";
  }
  return "";
}

void PrintText(const std::string& path, const Judged& judged, const history::History& history) {
  std::string line = path + ": " + Word(judged.result.verdict);
  if (!judged.result.reason.empty()) line += ": " + judged.result.reason;
  char figures[160];
  std::snprintf(figures, sizeof(figures), " (%zu operations, %s, read in %.1f ms, judged in %.1f ms)", judged.operation_count,
                judged.model.empty() ? "no model" : judged.model.c_str(), static_cast<double>(judged.parse_us) / 1000,
                static_cast<double>(judged.check_us) / 1000);
  std::printf("%s%s\n", line.c_str(), figures);
  if (judged.result.evidence.has_value()) std::printf("%s", judged.result.evidence->Text(history).c_str());
}

void PrintJson(const std::string& path, const Judged& judged, const history::History& history) {
  std::string line = "{\"file\":";
  history::AppendJsonString(&line, path);
  if (!judged.error.empty()) {
    line += ",\"verdict\":\"bad input\",\"error\":";
    history::AppendJsonString(&line, judged.error);
  } else {
    line += ",\"verdict\":\"" + std::string(Word(judged.result.verdict)) + "\",\"model\":";
    history::AppendJsonString(&line, judged.model);
    line += ",\"operations\":" + std::to_string(judged.operation_count) +
            ",\"partitions\":" + std::to_string(judged.result.partition_count) +
            ",\"partitions_unknown\":" + std::to_string(judged.result.unknown_count) +
            ",\"configurations\":" + std::to_string(judged.result.work) +
            ",\"read_us\":" + std::to_string(judged.parse_us) + ",\"judged_us\":" + std::to_string(judged.check_us);
    if (!judged.result.reason.empty()) {
      line += ",\"reason\":";
      history::AppendJsonString(&line, judged.result.reason);
    }
    if (judged.result.evidence.has_value()) line += ",\"evidence\":" + judged.result.evidence->Json(history);
  }
  std::printf("%s}\n", line.c_str());
}

int CheckFiles(const CheckFlags& flags) {
  check::Model model;
  if (!flags.model.empty() && !check::ModelFromName(flags.model, &model)) {
    std::fprintf(stderr, "holdfast: unknown model '%s'; there are:", flags.model.c_str());
    for (int i = 0; i < check::kModelCount; ++i) {
      std::fprintf(stderr, " %s", std::string(check::ModelName(static_cast<check::Model>(i))).c_str());
    }
    std::fprintf(stderr, "\n");
    return kExitBadInput;
  }
  history::Format format;
  if (!flags.format.empty() && !history::FormatFromName(flags.format, &format)) {
    std::fprintf(stderr, "holdfast: unknown format '%s'; there are: jsonl register-edn kv-edn register-log\n",
                 flags.format.c_str());
    return kExitBadInput;
  }
  bool finding = false, bad_input = false, inconclusive = false;
  for (const std::string& path : flags.files) {
    history::History history;
    const Judged judged = JudgeFile(path, flags, &history);
    if (flags.json) {
      PrintJson(path, judged, history);
    } else if (judged.error.empty()) {
      PrintText(path, judged, history);
    }
    std::fflush(stdout);
    if (!judged.error.empty()) {
      std::fprintf(stderr, "holdfast: %s\n", judged.error.c_str());
      bad_input = true;
      continue;
    }
    finding |= judged.result.verdict == check::Verdict::kFail;
    inconclusive |= judged.result.verdict == check::Verdict::kUnknown || judged.result.verdict == check::Verdict::kVacuous;
  }
  // A violation is worth more than a file that could not be read, and that more than one left undecided.
  return finding ? kExitFinding : bad_input ? kExitBadInput : inconclusive ? kExitInconclusive : kExitPass;
}

}  // namespace

void AddCheckCommand(CLI::App& app, int* exit_code) {
  const auto flags = std::make_shared<CheckFlags>();
  CLI::App* check = app.add_subcommand("check", "Judge recorded histories: linearizable, not linearizable or unknown");
  check->add_option("FILE", flags->files, "History files; - is the standard input")->required();
  check->add_option("--model", flags->model,
                    "cas-register, kv-append, kv, counter, snapshot-map (each tablet by itself) or snapshot-table (a "
                    "snapshot is one moment for all tablets); by default what the file tells");
  check->add_option("--initial", flags->initial, "Value of every key or register at the start; nil is none");
  check->add_option("--format", flags->format, "jsonl, register-edn, kv-edn or register-log; recognised by default");
  check->add_option("--time-limit", flags->time_limit_s, "Seconds for each file, then unknown")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  check->add_option("--memory-limit", flags->memory_limit_mib, "MiB for each file, then unknown")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  check->add_option("--jobs", flags->jobs, "Threads that partitions are spread over; 0 is one for each core")
      ->capture_default_str();
  check->add_flag("--json", flags->json, "One JSON object for each file, with the evidence as data");
  check->callback([flags, exit_code] { *exit_code = CheckFiles(*flags); });
}

}  // namespace holdfast::cli
