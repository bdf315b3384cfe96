"""Tune a network until its windows agree with its answers for whole scenes."""
