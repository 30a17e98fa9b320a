// The program `thespis`.
#include "tools/cli/commands.hpp"

int main(int argc, char** argv) {
  thespis::tools::commands commands;
  commands.up = thespis::tools::run_up;
  return thespis::tools::run_cli(argc, argv, commands);
}
