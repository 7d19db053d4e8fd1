// Opening history files for the commands that read them: streamed, with errors as `file:line:column: why`.

#ifndef HARNESS_CLI_HISTORY_FILE_H_
#define HARNESS_CLI_HISTORY_FILE_H_

#include <optional>
#include <string>

#include "harness/history/import.h"

namespace holdfast::cli {

// Reads a history; "-" is the standard input. False: *error is one line for the user.
bool ReadHistoryFile(const std::string& path, std::optional<history::Format> format, history::Imported* imported,
                     std::string* error);

}  // namespace holdfast::cli

#endif  // HARNESS_CLI_HISTORY_FILE_H_
