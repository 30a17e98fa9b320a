// The entry point of every test program.
#define BOOST_TEST_MODULE thespis
#include <boost/test/unit_test.hpp>
