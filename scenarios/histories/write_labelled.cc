// Writes the labelled set as files: `write_labelled DIR` makes DIR/<name>.jsonl and DIR/verdicts.tsv
// (file, format, model, initial, linearizable: one line for each verdict that a file must get).
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "harness/history/jsonl.h"
#include "scenarios/histories/labelled.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: write_labelled DIR\n");
    return 2;
  }
  const std::filesystem::path folder = argv[1];
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  std::ofstream verdicts(folder / "verdicts.tsv");
  for (const holdfast::scenarios::LabelledHistory& labelled : holdfast::scenarios::LabelledSet()) {
    const std::string file = labelled.name + ".jsonl";
    std::ofstream out(folder / file, std::ios::binary);
    holdfast::history::WriteJsonl(holdfast::scenarios::Generate(labelled.options), {"snapshot-map", std::nullopt},
                                  [&out](std::string_view line) { out << line; });
    const auto line = [&](const char* model, bool right) {
      verdicts << file << "\tjsonl\t" << model << "\tnil\t" << (right ? "true" : "false") << "\n";
    };
    line("snapshot-map", labelled.right_by_tablet);
    if (labelled.judged_as_table) line("snapshot-table", labelled.right_as_table);
    if (!out) {
      std::fprintf(stderr, "%s: cannot be written\n", file.c_str());
      return 2;
    }
  }
  return verdicts ? 0 : 2;
}
