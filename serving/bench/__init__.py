"""Figures of speed, memory and agreement on this machine: what `steppe bench` measures and reports."""
