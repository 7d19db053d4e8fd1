// Ctrl-C and SIGTERM ask a command to end in good order; a second one ends it at once.

#ifndef HARNESS_CLI_STOP_SIGNAL_H_
#define HARNESS_CLI_STOP_SIGNAL_H_

namespace holdfast::cli {

// To be called once, before anything is run.
void CatchStopSignals();
// Whether one has come.
bool StopRequested();

}  // namespace holdfast::cli

#endif  // HARNESS_CLI_STOP_SIGNAL_H_
