// Jepsen's log lines as a history of one register (see import.h).
#ifndef HOLDFAST_HARNESS_HISTORY_JEPSEN_LOG_H_
#define HOLDFAST_HARNESS_HISTORY_JEPSEN_LOG_H_

#include "harness/history/history.h"
#include "harness/history/text_source.h"

namespace holdfast::history {

inline constexpr std::string_view kJepsenLogPrefix = "INFO  jepsen.util - ";

bool ImportJepsenLog(TextSource* source, History* history, ParseError* error);

}  // namespace holdfast::history

#endif  // HOLDFAST_HARNESS_HISTORY_JEPSEN_LOG_H_
