#include "harness/cli/history_command.h"

#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "harness/cli/exit_code.h"
#include "harness/cli/history_file.h"
#include "harness/history/edn.h"
#include "harness/history/jsonl.h"

namespace holdfast::cli {
namespace {

struct ConvertFlags {
  std::string input;
  std::string output = "-";
  std::string from;
  std::string to = "jsonl";
};

int Convert(const ConvertFlags& flags) {
  std::optional<history::Format> format;
  if (!flags.from.empty()) {
    format.emplace();
    if (!history::FormatFromName(flags.from, &*format)) {
      std::fprintf(stderr, "holdfast: unknown format '%s'; there are: jsonl register-edn kv-edn register-log\n",
                   flags.from.c_str());
      return kExitBadInput;
    }
  }
  history::Imported imported;
  std::string error;
  if (!ReadHistoryFile(flags.input, format, &imported, &error)) {
    std::fprintf(stderr, "holdfast: %s\n", error.c_str());
    return kExitBadInput;
  }
  std::FILE* const file = flags.output == "-" ? stdout : std::fopen(flags.output.c_str(), "wb");
  if (file == nullptr) {
    std::fprintf(stderr, "holdfast: %s: cannot be written\n", flags.output.c_str());
    return kExitBadInput;
  }
  const auto write = [file](std::string_view text) { std::fwrite(text.data(), 1, text.size(), file); };
  if (flags.to == "jsonl") {
    history::WriteJsonl(imported.history, {imported.model, imported.initial}, write);
  } else {
    history::WriteEdn(imported.history, write);
  }
  const bool written = std::fflush(file) == 0 && std::ferror(file) == 0;
  if (file != stdout) std::fclose(file);
  if (!written) std::fprintf(stderr, "holdfast: %s: cannot be written\n", flags.output.c_str());
  return written ? kExitPass : kExitInternalError;
}

}  // namespace

void AddHistoryCommand(CLI::App& app, int* exit_code) {
  const auto flags = std::make_shared<ConvertFlags>();
  CLI::App* history = app.add_subcommand("history", "Recorded histories as files");
  history->require_subcommand(1);
  CLI::App* convert = history->add_subcommand("convert", "Write a history in another form");
  convert->add_option("FILE", flags->input, "History file; - is the standard input")->required();
  convert->add_option("--to", flags->to, "jsonl, or edn as Jepsen writes it")
      ->capture_default_str()
      ->check(CLI::IsMember({"jsonl", "edn"}));
  convert->add_option("--format", flags->from, "Form of FILE: jsonl, register-edn, kv-edn or register-log; recognised by default");
  convert->add_option("--out", flags->output, "File to write; - is the standard output")->capture_default_str();
  convert->callback([flags, exit_code] { *exit_code = Convert(*flags); });
}

}  // namespace holdfast::cli
