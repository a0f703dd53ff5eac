// The tests of JOSE follow; without a file the package does not load.
