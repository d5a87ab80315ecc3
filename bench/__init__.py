"""The figures that `make bench` prints: the product beside bare servers, in one run on one machine."""
