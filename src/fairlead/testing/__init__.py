"""What tests of users and plugins need: contract suites, fakes, fault points, a virtual clock."""
