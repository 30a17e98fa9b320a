// The program `thespis`.
#include "tools/bench/run_bench.hpp"
#include "tools/cli/commands.hpp"
#include "tools/shell/run_shell.hpp"

#include <malloc.h>

int main(int argc, char** argv) {
  // Objects are made on one thread and freed on another: with an arena a thread, as glibc has it,
  // much of what is freed would stay with the process.
  ::mallopt(M_ARENA_MAX, 2);
  thespis::tools::commands commands;
  commands.up = thespis::tools::run_up;
  commands.shell = thespis::tools::run_shell;
  commands.bench = thespis::tools::run_bench;
  return thespis::tools::run_cli(argc, argv, commands);
}
