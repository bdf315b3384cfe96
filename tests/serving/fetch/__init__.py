"""Tests of what goes out to other hosts; every host is on the loopback interface."""
