#include "harness/cli/history_file.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

namespace holdfast::cli {

bool ReadHistoryFile(const std::string& path, std::optional<history::Format> format, history::Imported* imported,
                     std::string* error) {
  const auto close = [](std::FILE* file) {
    if (file != stdin) std::fclose(file);
  };
  const std::unique_ptr<std::FILE, decltype(close)> file(path == "-" ? stdin : std::fopen(path.c_str(), "rb"), close);
  if (file == nullptr) {
    *error = path + ": " + std::strerror(errno);
    return false;
  }
  struct stat status = {};
  const bool sized = fstat(fileno(file.get()), &status) == 0 && S_ISREG(status.st_mode);
  history::TextSource source([&](char* bytes, size_t size) { return std::fread(bytes, 1, size, file.get()); },
                             sized ? static_cast<size_t>(status.st_size) : 0);
  history::ParseError parse_error;
  const bool read = history::Import(&source, format, imported, &parse_error);
  if (std::ferror(file.get()) != 0) {
    *error = path + ": cannot be read";
    return false;
  }
  if (!read) {
    *error = path + ":" + std::to_string(parse_error.line) + ":" + std::to_string(parse_error.column) + ": " +
             parse_error.message;
  }
  return read;
}

}  // namespace holdfast::cli
