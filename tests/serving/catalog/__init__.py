"""Tests of finding scenes; every catalogue is made by code."""
