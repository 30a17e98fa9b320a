// The program `thespis`.
#include "tools/bench/run_bench.hpp"
#include "tools/cli/commands.hpp"
#include "tools/shell/run_shell.hpp"

int main(int argc, char** argv) {
  thespis::tools::commands commands;
  commands.up = thespis::tools::run_up;
  commands.shell = thespis::tools::run_shell;
  commands.bench = thespis::tools::run_bench;
  return thespis::tools::run_cli(argc, argv, commands);
}
