#include "expose.hpp"

#include "actors/framework/program.hpp"

int main(int argc, char** argv) {
  auto options = thespis::actors::program_options_of(argc, argv);
  if (!options)
    return thespis::actors::tell(options.error());
  const auto ns = options->ns;
  thespis::actors::controller_program program{std::move(*options)};
  program.add([ns] { return expose::make_expose_controller(ns); });
  return program.run();
}
